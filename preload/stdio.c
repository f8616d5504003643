/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* fopen() and freopen(), which do not go through open() where we could see it. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "preload.h"

/* -1: the libc shall say what is wrong with it. */
static int flags_of(const char *mode)
{
	int flags;

	switch (*mode) {
	case 'r':
		flags = O_RDONLY;
		break;
	case 'w':
		flags = O_WRONLY | O_CREAT | O_TRUNC;
		break;
	case 'a':
		flags = O_WRONLY | O_CREAT | O_APPEND;
		break;
	default:
		return -1;
	}
	for (mode++; *mode && *mode != ','; mode++) {
		if (*mode == '+')
			flags = (flags & ~O_ACCMODE) | O_RDWR;
		else if (*mode == 'x')
			flags |= O_EXCL;
		else if (*mode == 'e')
			flags |= O_CLOEXEC;
	}
	return flags;
}

WRAPS FILE *fopen(const char *path, const char *mode)
{
	int flags = flags_of(mode);
	long fd;
	FILE *f;

	if (flags < 0 || !open_ours(path, flags, &fd))
		return NEXT(fopen)(path, mode);
	if (returned(fd) < 0)
		return NULL;
	f = NEXT(fdopen)((int)fd, mode);
	if (!f)
		close((int)fd);
	return f;
}

/* The stream keeps its number. */
WRAPS FILE *freopen(const char *path, const char *mode, FILE *f)
{
	int flags = flags_of(mode);
	long fd;

	if (!path || flags < 0 || !open_ours(path, flags, &fd))
		return NEXT(freopen)(path, mode, f);
	if (fd < 0) {
		fclose(f);
		returned(fd);
		return NULL;
	}
	f = NEXT(freopen)("/dev/null", mode, f);
	if (f && dup3((int)fd, fileno(f), flags & O_CLOEXEC) < 0) {
		fclose(f);
		f = NULL;
	}
	close((int)fd);
	return f;
}

SAME(fopen) FILE *fopen64(const char *path, const char *mode);
SAME(freopen) FILE *freopen64(const char *path, const char *mode, FILE *f);
