/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What goes over the socket of `freehold serve`: one message a packet of SOCK_SEQPACKET, descriptors beside it by SCM_RIGHTS. Both ends
 * are on one machine: the host's byte order. The server says nothing but replies; they may come in another order than the requests, `seq` tells.
 */
#ifndef FREEHOLD_CLIENT_PROTO_H
#define FREEHOLD_CLIENT_PROTO_H

#include <stdint.h>

#define PROTO_MAGIC   UINT32_C(0x64686672) /* "rfhd" */
#define PROTO_VERSION 2
#define PROTO_NAME    64 /* bytes of a name, with the end; the rest zero */
#define PROTO_DATA                                                                                 \
	49152 /* at most so many bytes of text behind a reply; more comes in a descriptor (PROTO_IN_FD) */
#define PROTO_FDS 2 /* at most, with a request */

enum proto_op {
	PROTO_HELLO, /* the first: id: pid, name: of the program, n: PROTO_VERSION */
	PROTO_HEAP,  /* and all that follow as enum fhc_op of <freehold/client.h>, in its order */
	PROTO_ALLOC,
	PROTO_IMPORT,
	PROTO_FREE,
	PROTO_INFO,
	PROTO_SET_NAME,
	PROTO_SYNC,
	PROTO_EXPORT_SYNC,
	PROTO_IMPORT_SYNC,
	PROTO_MERGE,
	PROTO_SYNC_INFO,
	PROTO_READ,
	PROTO_EXPORT,
	PROTO_WRITTEN, /* size, n: as below; the reply's size: the sum of this hold */
	PROTO_USAGE,
	PROTO_RECLAIM, /* after a restart: the descriptor of a buffer, name: of its heap */
	PROTO_OFFER, /* a buffer whose bytes are the client's: a memfd that stands for it, name: of the exporter */
	PROTO_NR_OPS,
};

/* A request that wants no reply (FREE and WRITTEN only). */
#define PROTO_SILENT 1

/* What the program has written since it last said so comes with WRITTEN, FREE, and SYNC: size bytes, and how they are known in n. */
enum proto_written {
	PROTO_WRITTEN_UNKNOWN, /* size is 0 */
	PROTO_WRITTEN_PAGES,
	PROTO_WRITTEN_WHOLE,
	PROTO_NR_WRITTEN,
};

struct proto_request {
	uint32_t magic;
	uint16_t op, options;
	uint64_t seq;
	uint64_t id, size, flags;
	uint32_t n, nr_fds; /* descriptors beside it */
	char name[PROTO_NAME];
};

#define PROTO_IN_FD 1 /* the text is in the descriptor, a sealed memfd */

struct proto_reply {
	uint32_t magic;
	int32_t err; /* 0 or a negative errno */
	uint64_t seq;
	uint64_t id, size;
	uint64_t used, limit;  /* HEAP */
	uint32_t kind, traits; /* HEAP; INFO: kind holds the number of holders */
	uint32_t options, nr_fds;
	uint64_t len; /* of the text behind it, or in the descriptor */
	char name[PROTO_NAME], exp_name[PROTO_NAME];
};

/* The text of USAGE. */
struct proto_usage {
	uint64_t buffers, held, charged, charged_peak, limit, written;
};

/* The text of SYNC_INFO: Linux's struct sync_file_info (linux/sync_file.h; its pointer 0), and behind it num_fences of its struct
 * sync_fence_info. */
struct proto_sync_info {
	char name[32];
	int32_t status;
	uint32_t flags, num_fences, pad;
	uint64_t sync_fence_info;
};
struct proto_fence_info {
	char obj_name[32], driver_name[32];
	int32_t status;
	uint32_t flags;
	uint64_t timestamp_ns;
};

#endif
