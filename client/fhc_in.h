/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A connection, as the two files of the library see it. */
#ifndef FREEHOLD_CLIENT_FHC_IN_H
#define FREEHOLD_CLIENT_FHC_IN_H

#include <freehold/client.h>
#include "proto.h"

struct fhc_writes;

/* What was written: bytes, and how they are known. */
struct fhc_wrote {
	uint64_t bytes, whole; /* known by page; declared */
	enum proto_written how;
};

/* A map. */
struct fhc_area {
	struct fhc_area *next;
	uint64_t id;
	char *at;
	size_t size;
	bool may_write;
	bool watched;	 /* written pages are known */
	bool due;	 /* the server is to be told that it is counted */
	uint64_t untold; /* bytes */
};

/* A request that has no reply yet. */
struct fhc_pending {
	struct fhc_pending *next;
	uint64_t seq, id;
	enum proto_op op;
	fhc_done *done; /* NULL: nobody asks */
	void *arg;
	char heap[FHC_NAME_MAX];
};

/* A descriptor that was kept for a server that comes after this one. */
struct fhc_kept {
	struct fhc_kept *next;
	uint64_t id;	/* as this program knows it */
	uint64_t there; /* as the server does; 0: it does not */
	int fd;
	char heap[FHC_NAME_MAX];
	struct fhc_wrote wrote; /* what the server was told */
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
	struct fhc_area *areas;
	bool counting;
	bool blind;		   /* for tests: as on a kernel that cannot tell */
	struct fhc_writes *writes; /* NULL: not counting, or the kernel cannot tell */
	union {
		struct proto_reply reply;
		char bytes[sizeof(struct proto_reply) + PROTO_DATA];
	} in;
};

/* A connected socket, or -errno; -EPROTO: what listens there is no freehold. */
int fhc_dial(const char *path);
/* fhc_send() by the protocol's numbers. */
int fhc_post(struct fhc *c, enum proto_op op, const struct fhc_request *r, uint16_t options,
	     fhc_done *done, void *arg);
/* Takes one reply; waits for it, or -EAGAIN. */
int fhc_take(struct fhc *c, bool wait);
/* A buffer whose bytes this program keeps, under an exporter's name: the server has its number, name, fences and account. fd: a memfd of its size,
 * sealed against growing and shrinking, that nobody else has open yet; it is gone when nobody has opened it anew any more. */
int fhc_offer(struct fhc *c, const char *exp_name, int fd, struct fhc_buffer *buf);
/* Connects again if the server was gone, and shows it what was kept. */
int fhc_again(struct fhc *c);
/* Keeps a descriptor of its own of a buffer of that heap. */
void fhc_remember(struct fhc *c, uint64_t id, int fd, const char *heap);
/* Forgets one keeping of a buffer. */
void fhc_forget(struct fhc *c, uint64_t id);
/* Of a buffer that is kept, the server has been told of these writes. */
void fhc_remember_wrote(struct fhc *c, uint64_t id, const struct fhc_wrote *wrote);
/* fhc_post(), waiting for room in the socket. */
int fhc_post_silent(struct fhc *c, enum proto_op op, const struct fhc_request *r);

/* ---- maps (maps.c) ---- */

/* What was written into the maps of a buffer since the last time; `declared`: the caller says that it was. */
struct fhc_wrote fhc_take_wrote(struct fhc *c, uint64_t id, bool declared);
/* It could not be told: it is taken the next time. */
void fhc_untake_wrote(struct fhc *c, uint64_t id, const struct fhc_wrote *wrote);
/* All maps, and the watching. */
void fhc_end_maps(struct fhc *c);

/* ---- which pages are written (writes.c) ---- */

/* -EOPNOTSUPP; -ENOMEM, -EMFILE, -ENFILE. */
int fhc_writes_open(struct fhc_writes **w);
/* And all watching with it. */
void fhc_writes_close(struct fhc_writes *w);
/* A map's pages are watched from now on, until it is unmapped. False: they cannot be. */
bool fhc_writes_watch(struct fhc_writes *w, void *at, size_t size);
/* Bytes of pages written since the last time. A negative error: they are not watched any more. */
int fhc_writes_take(struct fhc_writes *w, void *at, size_t size, uint64_t *bytes);

#endif
