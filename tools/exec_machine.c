/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the heaps come from, and what stands for them in the program. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec_machine.h"

FH_PRINTF(2, 3) static int fail(struct boot_why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -1;
}

int exec_machine_connect(struct exec *x, pid_t pid, const char *name, struct fhc **c)
{
	(void)x;
	return fhc_connect_fd(-1, pid, name, c);
}

/* ---- stand-ins ---- */

static int heap_stand_in(void)
{
	int fd = memfd_create("dma_heap", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0)
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	return fd;
}

/* An empty folder that has no name any more, so that nothing of it stays, however we end. */
static int dir_stand_in(void)
{
	const char *in[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp", "/dev/shm"};
	char path[256];
	int fd = -1;

	for (size_t i = 0; i < sizeof(in) / sizeof(*in) && fd < 0; i++) {
		if (!in[i] || strlen(in[i]) > sizeof(path) - 32)
			continue;
		snprintf(path, sizeof(path), "%s/freehold.XXXXXX", in[i]);
		if (!mkdtemp(path))
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rmdir(path);
	}
	return fd;
}

static int stand_ins(struct exec *x, struct boot_why *why)
{
	struct exec_file *file;
	char path[64];
	struct stat st;
	ssize_t n;

	for (unsigned int i = 0; i < x->nr_heaps; i++) {
		x->heap_fd[i] = heap_stand_in();
		file = x->heap_fd[i] < 0 ? NULL : exec_files_add(x, x->heap_fd[i], EXEC_HEAP);
		if (!file)
			return fail(why, "memfd_create: %s", strerror(errno));
		file->id = i;
		x->memfd_dev = file->dev;
	}
	x->dir_fd = dir_stand_in();
	if (x->dir_fd < 0)
		return fail(why, "no temporary folder can be made: %s", strerror(errno));
	if (!exec_files_add(x, x->dir_fd, EXEC_DIR))
		return fail(why, "out of memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", x->dir_fd);
	n = readlink(path, x->dir_link, sizeof(x->dir_link) - 1);
	x->dir_link[n > 0 ? n : 0] = '\0';
	x->dev = stat("/dev", &st) ? 0 : st.st_dev;
	x->owner = geteuid();
	return 0;
}

int exec_machine_begin(struct exec *x, const struct load_opts *opts, struct boot_why *why)
{
	struct fhc *c;
	int err;

	(void)opts;
	err = exec_machine_connect(x, 0, "freehold exec", &c);
	if (err)
		return fail(why, "%s", strerror(-err));
	while (x->nr_heaps < EXEC_MAX_HEAP && !fhc_heap_nth(c, x->nr_heaps, &x->heap[x->nr_heaps]))
		x->nr_heaps++;
	fhc_close(c);
	return stand_ins(x, why);
}

void exec_machine_end(struct exec *x)
{
	(void)x;
}
