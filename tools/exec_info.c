/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An entry of fdinfo is written into a file of its own when it is opened, from what the kernel says of the memfd and what the
 * server says of the buffer. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "exec.h"
#include "exec_fence.h"
#include "exec_info.h"

/* What the kernel adds to every open() of a 64-bit program, and no DMA-BUF has. */
#ifdef __aarch64__
#define LARGEFILE 0400000
#else
#define LARGEFILE 0100000
#endif

static FILE *open_info(pid_t pid, int64_t fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, (int)fd);
	return fopen(path, "re");
}

int64_t exec_info_flags(pid_t pid, int64_t fd)
{
	unsigned int flags = 0;
	char line[128];
	FILE *f = open_info(pid, fd);

	if (!f)
		return -EBADF;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "flags:", 6))
			flags = (unsigned int)strtoul(line + 6, NULL, 8);
	fclose(f);
	return flags;
}

/* ---- how often a buffer is open or mapped, in all processes of the program ---- */

static unsigned int open_in(pid_t pid, const struct exec_file *file)
{
	char path[64], entry[320];
	struct dirent *d;
	struct stat st;
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		snprintf(entry, sizeof(entry), "%s/%s", path, d->d_name);
		n += !stat(entry, &st) && st.st_ino == file->ino && st.st_dev == file->dev;
	}
	if (dir)
		closedir(dir);
	return n;
}

static unsigned int mapped_in(pid_t pid, const struct exec_file *file)
{
	char path[64], line[512];
	unsigned int n = 0, major, minor;
	unsigned long start, ino;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		n += sscanf(line, "%lx%*s %*s %*s %x:%x %lu", &start, &major, &minor, &ino) == 4 &&
		     ((ino == file->ino && makedev(major, minor) == file->dev) ||
		      (file->pages &&
		       exec_udmabuf_shows(file->pages, start, makedev(major, minor), ino)));
	if (f)
		fclose(f);
	return n;
}

bool exec_is_ours(pid_t pid)
{
	char path[64], text[512];
	pid_t self = getpid(), parent = pid;
	const char *at;
	ssize_t n;
	int fd;

	for (int depth = 0; depth < 64 && parent > 1; depth++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)parent);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			return false;
		text[n] = '\0';
		at = strrchr(text, ')');
		if (!at || sscanf(at + 1, " %*c %d", &parent) != 1)
			return false;
		if (parent == self)
			return true;
	}
	return false;
}

static unsigned int count(const struct exec *x, const struct exec_file *file)
{
	struct dirent *d;
	unsigned int n = 0;
	DIR *dir = opendir("/proc");
	pid_t pid;

	while (dir && (d = readdir(dir))) {
		pid = (pid_t)strtol(d->d_name, NULL, 10);
		if (pid <= 1 || pid == (pid_t)x->machine_pid || !exec_is_ours(pid))
			continue;
		n += open_in(pid, file) + mapped_in(pid, file);
	}
	if (dir)
		closedir(dir);
	return n;
}

/* ---- the text ---- */

static void write_buffer(struct trap *t, FILE *to, struct exec_file *file, pid_t pid, int64_t fd)
{
	struct exec_proc *proc = exec_proc_of(t);
	struct fhc_info info;

	if (proc && pid == t->tid)
		exec_proc_use(proc, file, (int)fd);
	exec_procs_info(t->x, file, &info);
	fprintf(to, "size:\t%" PRIu64 "\ncount:\t%u\nexp_name:\t%s\n", file->size,
		count(t->x, file), info.exp_name);
	if (file->named || info.name[0])
		fprintf(to, "name:\t%s\n", info.name);
}

static void write_info(struct trap *t, FILE *from, FILE *to, struct exec_file *file,
		       const struct exec_place *p)
{
	unsigned int flags;
	char line[128];

	while (fgets(line, sizeof(line), from)) {
		if (!strncmp(line, "pos:", 4) && file->kind != EXEC_DIR) {
			fputs("pos:\t0\n", to);
		} else if (!strncmp(line, "flags:", 6) && file->kind != EXEC_HEAP) {
			flags = (unsigned int)strtoul(line + 6, NULL, 8) & ~(unsigned int)LARGEFILE;
			if (file->kind == EXEC_FENCE)
				flags &= ~(unsigned int)O_NONBLOCK;
			if (file->neither)
				flags |= O_ACCMODE;
			fprintf(to, "flags:\t0%o\n", flags);
		} else if (!strncmp(line, "ino:", 4) && file->kind == EXEC_BUFFER) {
			fprintf(to, "ino:\t%" PRIu64 "\n", file->id);
		} else {
			fputs(line, to);
		}
	}
	if (file->kind == EXEC_BUFFER)
		write_buffer(t, to, file, p->pid, p->n);
}

int64_t exec_info_open(struct trap *t, const struct exec_place *p, uint64_t flags)
{
	struct exec_file *file = exec_file_in(t, p->pid, p->n);
	FILE *from, *to;
	char path[64];
	int64_t result;
	int fd, own;

	if (!file || (flags & (O_ACCMODE | O_PATH | O_DIRECTORY)))
		return TRAP_CONTINUE;
	from = open_info(p->pid, p->n);
	fd = memfd_create("fdinfo", MFD_CLOEXEC);
	to = fd < 0 ? NULL : fdopen(fd, "w");
	if (from && to)
		write_info(t, from, to, file, p);
	if (from)
		fclose(from);
	if (!to || fflush(to)) {
		if (to)
			fclose(to);
		return -ENOMEM;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	result = own < 0 ? -errno : trap_give_result(t, own, (int)(flags & O_CLOEXEC));
	if (own >= 0)
		close(own);
	fclose(to);
	return result;
}
