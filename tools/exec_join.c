/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Joining the server that comes after another. Until there is one, calls that need it are held, as a kernel's would be that
 * is short of something; then they are done again from the beginning: nothing of them had been done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec_info.h"
#include "exec_join.h"
#include "exec_wait.h"

struct exec_again {
	struct exec_wait wait;
	struct exec_again *next;
	struct trap t;
	int64_t failed;
};

void exec_join_lost(struct exec *x)
{
	if (x->joined && !x->join.since)
		x->join.since = exec_now();
}

static bool all_joined(const struct exec *x)
{
	const struct exec_proc *p = x->procs.first;

	while (p && fhc_fd(p->c) >= 0)
		p = p->next;
	return !p;
}

void exec_join_check(struct exec *x)
{
	if (x->joined && !x->join.since && !all_joined(x))
		exec_join_lost(x);
}

bool exec_join_away(int err)
{
	return err == -ECONNREFUSED || err == -ENOENT || err == -ECONNRESET || err == -EACCES;
}

bool exec_join_misses(const struct exec *x, int err)
{
	return x->joined && (err == -ECONNRESET || err == -ESHUTDOWN);
}

/* ---- calls that wait ---- */

static void stop(struct exec_wait *wait, int why)
{
	struct exec_again *a = (struct exec_again *)wait, **at = &wait->x->join.again;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	exec_wait_end(wait);
	if (why == -ETIMEDOUT)
		exec_answer(wait->x, wait->id, a->failed);
	else if (why == -EINTR)
		exec_answer(wait->x, wait->id, -EXEC_RESTARTSYS);
	free(a);
}

int64_t exec_join_wait(struct trap *t, int64_t failed)
{
	struct exec *x = t->x;
	struct exec_again *a;

	if (!x->joined)
		return failed;
	exec_join_lost(x);
	if (!t->until)
		t->until = x->join.since + x->join.patience;
	a = exec_now() < t->until ? calloc(1, sizeof(*a)) : NULL;
	if (!a)
		return failed;
	a->t = *t;
	a->failed = failed;
	a->next = x->join.again;
	x->join.again = a;
	exec_wait_begin(t, &a->wait, t->until, stop);
	return TRAP_ANSWERED;
}

/* Who still misses the server, or finds it draining, waits on. */
static void do_again(struct exec *x)
{
	struct exec_again *a, *all = x->join.again;

	x->join.again = NULL;
	while ((a = all)) {
		struct trap t = a->t;

		all = a->next;
		exec_wait_end(&a->wait);
		free(a);
		if (trap_valid(&t))
			exec_take(&t);
	}
}

/* ---- what the program has ---- */

/* `which` is a folder of /proc/PID: fd; or map_files, of which who has CAP_CHECKPOINT_RESTORE can open what is nowhere else. */
static void show_folder(struct exec *x, pid_t pid, const char *which, bool mapped)
{
	struct exec_proc *proc;
	struct exec_file *file;
	struct dirent *d;
	struct stat st;
	char path[64];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		if (fstatat(dirfd(dir), d->d_name, &st, 0))
			continue;
		file = exec_files_find(x, st.st_dev, st.st_ino);
		proc = file && file->kind == EXEC_BUFFER ? exec_proc_at(x, pid) : NULL;
		if (!proc)
			continue;
		if (exec_proc_holds(proc, file))
			continue;
		fd = mapped ? openat(dirfd(dir), d->d_name, O_RDWR | O_CLOEXEC)
			    : exec_proc_take(proc, (int)strtol(d->d_name, NULL, 10));
		if (fd < 0)
			continue;
		(void)exec_proc_show(proc, file, fd);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

/* Also of processes that have inherited or been sent a buffer and never said a word about it. */
static void show_all(struct exec *x)
{
	struct dirent *d;
	DIR *dir = opendir("/proc");
	pid_t pid;

	while (dir && (d = readdir(dir))) {
		pid = (pid_t)strtol(d->d_name, NULL, 10);
		if (pid <= 1 || !exec_is_ours(pid))
			continue;
		show_folder(x, pid, "fd", false);
		show_folder(x, pid, "map_files", true);
	}
	if (dir)
		closedir(dir);
}

bool exec_join_now(struct exec *x)
{
	for (struct exec_proc *p = x->procs.first; p; p = p->next)
		if (exec_join_away(exec_proc_join(p)))
			return false;
	if (x->join.found)
		show_all(x);
	/* It may be gone again. */
	if (all_joined(x) && (x->join.found || !x->procs.first))
		x->join.since = 0;
	x->join.found = false;
	return true;
}

void exec_join_look(struct exec *x)
{
	int64_t now = exec_now();

	if (now < x->join.next)
		return;
	x->join.next = now + EXEC_JOIN_LOOK_MS;
	if (exec_join_now(x))
		do_again(x);
}
