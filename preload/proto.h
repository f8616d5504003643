/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the preloaded library and the supervisor of `freehold exec --preload` say to each other. A connection (SOCK_SEQPACKET) is
 * one call: the library says which, the supervisor asks for what it needs of the caller, and answers.
 *
 *	library       CALL, HELLO (which wants the shared page) ......... REPLY to each of:
 *	supervisor    READ, WRITE + DATA, GETFD, LINK, GIVE + DATA, MAP + DATA, UNMAP ... LATER (no reply), and at last ANSWER or MINE
 */
#ifndef PRELOAD_PROTO_H
#define PRELOAD_PROTO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PL_ENV	 "FREEHOLD_PRELOAD" /* NAME:SECRET, of the socket, in the abstract namespace */
#define PL_NAME	 32
#define PL_PIECE 32768 /* bytes of memory in one message */
#define PL_TEXT	 1024  /* of a link */

enum pl_what {
	PL_HELLO,
	PL_CALL,  /* nr n, arg */
	PL_REPLY, /* n: 0 or a number, or a negative errno; with data or a descriptor */
	PL_READ,  /* len bytes at `at` */
	PL_WRITE, /* the same; they are the next message */
	PL_GETFD, /* descriptor n, AT_FDCWD: the current folder */
	PL_LINK,  /* where that is, as text */
	PL_GIVE, /* a descriptor, with the next message, to be opened with flags n; its number is the reply */
	PL_DATA, /* what comes with GIVE, and the descriptor for MAP */
	PL_MAP, /* mmap(at, len, arg[2], arg[3], the descriptor of the next message, arg[5]); value: what it returns */
	PL_UNMAP,  /* munmap(at, len) */
	PL_LATER,  /* the answer takes time: a signal may break the call off */
	PL_ANSWER, /* value: as a system call's */
	PL_MINE,   /* none of our business: do it yourself */
};

struct pl_message {
	uint32_t what;
	int32_t n;
	uint64_t at, len;
	int64_t value;
	uint64_t arg[6];
	char secret[PL_NAME];
};

/* What the library may know without asking: written by the supervisor before a file is given. Marks are never taken back. */
#define PL_MARKS (1U << 20)
struct pl_shared {
	_Atomic uint32_t given; /* the program has files of ours */
	uint32_t joined;	/* or of strangers': any memfd may be a buffer */
	uint64_t memfd_dev;
	_Atomic uint64_t marks[PL_MARKS / 64];
};

static inline uint32_t pl_mark_of(uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ (dev << 40)) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 40) % PL_MARKS;
}

static inline void pl_mark(struct pl_shared *s, uint64_t dev, uint64_t ino)
{
	uint32_t mark = pl_mark_of(dev, ino);

	atomic_fetch_or(&s->marks[mark / 64], UINT64_C(1) << mark % 64);
}

/* false: that file is not ours. */
static inline bool pl_marked(const struct pl_shared *s, uint64_t dev, uint64_t ino)
{
	uint32_t mark = pl_mark_of(dev, ino);

	return atomic_load(&s->marks[mark / 64]) >> mark % 64 & 1;
}

#endif
