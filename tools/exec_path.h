/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which of our files a path of the program leads to, if any. */
#ifndef TOOLS_EXEC_PATH_H
#define TOOLS_EXEC_PATH_H

#include "exec.h"

enum exec_place_kind {
	EXEC_ELSEWHERE,
	EXEC_AT_DIR,	 /* /dev/dma_heap */
	EXEC_AT_HEAP,	 /* a heap in it: number n; or /dev/udmabuf: EXEC_UDMABUF_ID */
	EXEC_BELOW_HEAP, /* as if a heap were a folder */
	EXEC_TOO_LONG,	 /* a name in it that no file system takes */
	EXEC_AT_SW_SYNC,
	EXEC_AT_LINK, /* /proc/PID/fd/N: descriptor n of process pid */
	EXEC_AT_INFO, /* /proc/PID/fdinfo/N */
	EXEC_AT_FD,   /* the empty path: descriptor n */
	EXEC_AT_DEV,  /* /dev, by way of /dev/dma_heap/.. */
};

struct exec_place {
	enum exec_place_kind kind;
	int64_t n;
	pid_t pid;
	bool slash; /* it ends in one: a folder is meant */
};

/* Of a clean absolute path (no ., .., //); self: who asks. Pure but for the heaps' names in x. */
struct exec_place exec_place_of(const struct exec *x, const char *path, pid_t self);
/* Takes ., .. and // out, and links to roots in /proc; false: longer than size. slash: whether it ended in one. */
bool exec_path_clean(const char *path, char *clean, size_t size, bool *slash);

#define EXEC_NOFOLLOW 1 /* the last part, if it is a link, is meant itself */
#define EXEC_EMPTY    2 /* the empty path means dirfd */
#define EXEC_IN_ROOT  4 /* dirfd is the root */
/* The path at address `at`, from dirfd, as the program means it. */
struct exec_place exec_path_find(struct trap *t, int64_t dirfd, uint64_t at, unsigned int how);
/* Whether the path stays below where it begins (RESOLVE_BENEATH). */
bool exec_path_beneath(struct trap *t, uint64_t at);

#endif
