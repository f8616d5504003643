/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who has which of a machine's buffers: processes, heaps, and what nobody known has. */
#ifndef FREEHOLD_TOOLS_READOUT_USERS_H
#define FREEHOLD_TOOLS_READOUT_USERS_H

#include <stdio.h>
#include "tree.h"

#define USERS_NAME 64

/* Bytes. A process with two connections is there twice. */
struct user {
	int64_t pid;
	uint64_t buffers;
	uint64_t held; /* each in full */
	uint64_t pss;  /* each divided by how many hold it */
	uint64_t charged, peak;
	uint64_t limit;	  /* 0: none */
	uint64_t written; /* by it, ever */
	char counted
		[8]; /* how that is known: pages, whole (buffers, at each end of access), - (not at all) */
	char name[USERS_NAME];
};

struct users_heap {
	char name[USERS_NAME], kind[USERS_NAME], area[USERS_NAME]; /* area "-": none */
	uint64_t total, used, peak, limit; /* bytes; total 0: what there is; limit 0: none */
	uint64_t buffers, allocated, refused;
};

/* A buffer that no process has that is known: one that took it and never said so, or a leak. */
struct stray {
	uint64_t ino, size, age_ms, written;
	unsigned long references;
	char heap[USERS_NAME], name[USERS_NAME]; /* name "-": none */
};

struct users {
	struct user *user; /* who is charged most first */
	struct users_heap *heap;
	struct stray *stray; /* the oldest first */
	size_t nr_users, nr_heaps, nr_strays;
	uint64_t nr_buffers, bytes; /* of all */
	uint64_t stray_bytes;
};

/* pid: of the reader, who is left out if he has nothing; 0: nobody. False: one line in why[size]. */
bool users_read(const struct tree *t, int64_t pid, struct users *u, char *why, size_t size);
void users_free(struct users *u);
void users_text(const struct users *u, FILE *out);
/* False: out of memory, or `out` cannot be written. */
bool users_json(const struct users *u, FILE *out);

#endif
