/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A connection, as the two files of the library see it. */
#ifndef FREEHOLD_CLIENT_FHC_IN_H
#define FREEHOLD_CLIENT_FHC_IN_H

#include <freehold/client.h>
#include "proto.h"

/* A request that has no reply yet. */
struct fhc_pending {
	struct fhc_pending *next;
	uint64_t seq, id;
	enum proto_op op;
	fhc_done *done; /* NULL: nobody asks */
	void *arg;
	int keep; /* IMPORT: a descriptor to keep, if it is one; -1: none */
	char heap[FHC_NAME_MAX];
};

/* A descriptor that was kept for a server that comes after this one. */
struct fhc_kept {
	struct fhc_kept *next;
	uint64_t id;	/* as this program knows it */
	uint64_t there; /* as the server does; 0: it does not */
	int fd;
	char heap[FHC_NAME_MAX];
};

struct fhc {
	int fd;	    /* -1: the server is gone */
	char *path; /* NULL: it came connected, and does not come again */
	char name[PROTO_NAME];
	int64_t pid;
	uint64_t seq;
	struct fhc_pending *pending, **pending_end;
	struct fhc_kept *kept;
	bool keep;
	union {
		struct proto_reply reply;
		char bytes[sizeof(struct proto_reply) + PROTO_DATA];
	} in;
};

/* Not connected yet, and with nowhere to go by itself. NULL: no memory. */
struct fhc *fhc_create(int64_t pid, const char *name);
/* A connected socket, or -errno; -EPROTO: what listens there is no freehold. */
int fhc_dial(const char *path);
/* Greets the server at the other end of such a socket; closed when this fails. */
int fhc_join(struct fhc *c, int fd);
/* fhc_import() that tells of which heap, too. */
int fhc_import_of(struct fhc *c, int fd, struct fhc_buffer *buf, char heap[FHC_NAME_MAX]);
/* Shows a server a buffer of one before it. -EINVAL: it cannot be one. */
int fhc_reclaim(struct fhc *c, const char *heap, int fd, struct fhc_buffer *buf);
/* fhc_send() by the protocol's numbers. */
int fhc_post(struct fhc *c, enum proto_op op, const struct fhc_request *r, uint16_t options,
	     fhc_done *done, void *arg);
/* Takes one reply; waits for it, or -EAGAIN. */
int fhc_take(struct fhc *c, bool wait);
/* Connects again if the server was gone, and shows it what was kept. */
int fhc_again(struct fhc *c);
/* Keeps a descriptor of its own of a buffer of that heap. */
void fhc_remember(struct fhc *c, uint64_t id, int fd, const char *heap);
/* Forgets one keeping of a buffer. */
void fhc_forget(struct fhc *c, uint64_t id);

#endif
