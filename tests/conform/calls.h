/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How a case is named, run and printed; the buffers and files that all groups of cases use. */
#ifndef FH_TESTS_CONFORM_CALLS_H
#define FH_TESTS_CONFORM_CALLS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE	4096UL
#define MIB	(1UL << 20)
#define HEAPS	"/dev/dma_heap"
#define SW_SYNC "/sys/kernel/debug/sync/sw_sync"

/* Run in a process of its own: what it leaves open or crashes harms no other group. */
struct group {
	const char *name;
	void (*run)(void);
	/* About a buffer, whoever made it: once for each maker. Or not good for the machine. */
	enum { ALWAYS, PER_SOURCE, WHEN_NAMED } when;
};

extern const struct group heap_groups[], alloc_groups[], wide_groups[], file_groups[],
	poll_groups[], map_groups[], ioctl_groups[], share_groups[], sync_groups[], fence_groups[],
	udmabuf_groups[];

/* Who makes the buffers of a group. */
enum source { FROM_SYSTEM, FROM_CMA, FROM_UDMABUF, N_SOURCES };
extern enum source source;
extern const char *const source_name[N_SOURCES];

/* What the group is about is not here: all its cases say so from now on. */
extern bool absent;

/* Goes before the name of each case. */
extern const char *group_name;

#define PRINTF(a, b) __attribute__((format(printf, a, b)))

/* A call's result, or its errno below zero. */
static inline long sys(long result)
{
	return result == -1 ? -(long)errno : result;
}

/* Adds to what the next report prints behind the result. Keeps errno. */
void detail(const char *fmt, ...) PRINTF(1, 2);

/* Each prints one line, `group.name: result errno [details]`. RESULT is as sys() gives it. */
void report(long result, const char *name, ...) PRINTF(2, 3);
/* As report(), for a new descriptor: `fd` when it is LOWEST, which was the lowest free one, and takes
 * place for its number. */
void report_fd(int lowest, long result, const char *name, ...) PRINTF(3, 4);
/* As report(), for a mapping: its address is not printed. */
void report_map(long result, const char *name, ...) PRINTF(2, 3);
/* `group.name: details` alone. */
void report_text(const char *name, ...) PRINTF(1, 2);

/* The lowest free descriptor, -1 if there is none. */
int lowest_fd(void);

/* Runs FN(ARG) in a child and reports `exit N` or `signal SIGX`. */
void report_child(int (*fn)(void *arg), void *arg, const char *name, ...) PRINTF(3, 4);

/* The path of the system heap, of the default CMA heap under any of its names; NULL if there is none. */
const char *system_heap(void);
const char *cma_heap(void);

/* A buffer of LEN bytes from `source`, FLAGS as of open(). -1 and `absent` if there is none to be had. */
int new_buffer(size_t len);
int new_buffer_flags(size_t len, unsigned int flags);
/* The same from the heap at PATH (which may be NULL). */
int heap_buffer(const char *path, size_t len, unsigned int flags);
/* A memfd of LEN bytes with SEALS. */
int new_memfd(size_t len, unsigned int seals);
int udmabuf_of(int memfd, size_t offset, size_t len, unsigned int flags);

/* Addresses that a call cannot read at all, and that it can read but not write (a page, a copy of FROM). */
void *bad_pointer(void);
void *read_only(const void *from, size_t len);

/* Sleeps that long. */
void pause_ms(int ms);
/* Reports the lines of /proc/self/fdinfo/FD, but for the numbers that differ between runs. */
void report_fdinfo(int fd, const char *name);
/* detail() of what /proc/self/fd/FD leads to. */
void detail_link(int fd);

/* In a re-executed program: what `exec` asked for, as its exit status. */
int exec_child(const char *fd);

#endif
