/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sync files of the program, and sw_sync timelines, whose fences are the supervisor's to signal. */
#ifndef TOOLS_EXEC_FENCE_H
#define TOOLS_EXEC_FENCE_H

#include "exec.h"
#include "exec_ioctl.h"

/* open() of sw_sync. */
int64_t exec_timeline_open(struct trap *t, uint64_t flags);
/* What was closed, signals its fences now: nobody else may see that later than the one who closed it. */
void exec_timelines_look(struct exec *x);
/* The ioctls of a timeline, once read. */
int64_t exec_timeline_point(struct trap *t, struct exec_timeline *line, struct exec_point *point);
int64_t exec_timeline_step(struct exec_timeline *line, uint32_t by);

/* Merges two sync files, by descriptors of ours, into *fd: of points of one timeline the last alone is left, as in Linux. */
struct exec_pair {
	int one, two;
};
int exec_points_merge(struct trap *t, struct exec_proc *proc, const struct exec_ioctl *r,
		      const struct exec_pair *pair, int *fd);

/* A descriptor that is a fence, put into the program as a sync_file, its number written to `at` in `size` bytes of `arg`, where
 * `fd_at` is the field: what EXPORT, MERGE and a timeline's point have in common. fd is closed. */
struct exec_fence_out {
	void *arg;
	size_t size;
	int32_t *fd_at;
};
int64_t exec_fence_give(struct trap *t, int fd, const struct exec_fence_out *out);

int64_t exec_fence_export(struct trap *t, struct exec_file *file, struct exec_ioctl *r);
int64_t exec_fence_import(struct trap *t, struct exec_file *file, struct exec_ioctl *r);
int64_t exec_fence_merge(struct trap *t, struct exec_ioctl *r);
int64_t exec_fence_info(struct trap *t, struct exec_ioctl *r);
/* Fences of a buffer that are pending are told to a server that does not know them. */
void exec_fences_again(struct exec_proc *proc, const struct exec_file *file);

#endif
