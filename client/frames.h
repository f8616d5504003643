/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What goes between the two ends of <freehold/frames.h>: one record a packet of SOCK_SEQPACKET, at most one descriptor beside it. Both are on one
 * machine: the host's byte order. Fields that an operation does not name are zero.
 */
#ifndef FREEHOLD_CLIENT_FRAMES_H
#define FREEHOLD_CLIENT_FRAMES_H

#include <freehold/frames.h>

#define FRAMES_MAGIC   UINT32_C(0x66686672) /* "rfhf" */
#define FRAMES_VERSION 1
#define FRAMES_NAME    32 /* bytes of a name, with the end; the rest zero */

enum frames_op {
	/* of a consumer */
	FRAMES_HELLO,	/* the first: n: FRAMES_VERSION, slot: depth, name */
	FRAMES_RELEASE, /* slot, seq; with a descriptor: when this fence is done, else now */
	/* of a producer */
	FRAMES_SHOW,  /* slot, id, size, format; the descriptor of a buffer, for reading */
	FRAMES_HIDE,  /* slot */
	FRAMES_FRAME, /* slot, seq, time_ns, user; perhaps a descriptor: the acquire fence */
	FRAMES_END,   /* n: 0, or the errno that the connection ends with */
	FRAMES_NR_OPS,
};

struct frames_msg {
	uint32_t magic;
	uint16_t op, nr_fds;
	uint32_t slot, n;
	uint64_t seq, id, size, time_ns;
	uint64_t user[8];
	struct fhc_format format;
	char name[FRAMES_NAME];
};

/* Begins a message. */
struct frames_msg frames_msg(enum frames_op op);
/* fd -1: none. 0; -EAGAIN: the other end does not read; else it is gone. */
int frames_send(int fd, const struct frames_msg *m, int with);
/* One message and its descriptor or -1. 0; -EAGAIN; -ECONNRESET: the other end is gone; -EPROTO: it is no message; -EMFILE: this process could not have
 * the descriptor. */
int frames_receive(int fd, struct frames_msg *m, int *with);
/* A descriptor that becomes ready and cannot hold up who looks at it: a pipe's read end, a sync_file, an eventfd. */
bool frames_is_fence(int fd);
/* It is for reading, has so many bytes and keeps them, whoever else has it. */
bool frames_is_buffer(int fd, uint64_t size);
/* A connected or listening socket at path; -errno. */
int frames_dial(const char *path);
int frames_bind(const char *path);

#endif
