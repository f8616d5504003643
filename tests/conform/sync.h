/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Timelines of the kernel's sw_sync driver, which has no header for programs, and the fences on them. */
#ifndef FH_TESTS_CONFORM_SYNC_H
#define FH_TESTS_CONFORM_SYNC_H

#include <linux/sync_file.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct new_fence {
	uint32_t value;
	char name[32];
	int32_t fence;
};

struct fence_deadline {
	uint64_t deadline_ns;
	uint32_t pad;
	int32_t fence;
};

#define TIMELINE_FENCE	  _IOWR('W', 0, struct new_fence)
#define TIMELINE_STEP	  _IOW('W', 1, uint32_t)
#define TIMELINE_DEADLINE _IOWR('W', 2, struct fence_deadline)

/* Newer than some of the headers that this is built with. */
struct deadline {
	uint64_t deadline_ns;
	uint64_t pad;
};
#define SET_DEADLINE _IOW('>', 5, struct deadline)

/* -1, and `absent` is set, where there are none. */
int new_timeline(void);
/* A fence that the timeline signals when it reaches VALUE; -1 if that fails. */
int new_fence(int timeline, unsigned int value);
long step(int timeline, unsigned int by);
/* A process of its own that makes one step after MS milliseconds; reap() waits for it. */
int step_later(int timeline, int ms);
void reap(int pid);
/* detail() of what FILE_INFO says of FD, of each of its fences too; FILE_INFO's result. */
long detail_info(int fd);
/* Of POLLIN, 0 when nothing is signalled: a negative errno, or the events. */
long events_of(int fd, short events, int ms);
long merge(int a, int b, const char *name);

#endif
