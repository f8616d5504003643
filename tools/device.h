/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A device's buffers: how they are asked for, used, verified, given back, and booked. */
#ifndef FREEHOLD_TOOLS_DEVICE_H
#define FREEHOLD_TOOLS_DEVICE_H

#include "actor.h"

struct buffer {
	dma_t handle;
	void *cpu;
	struct cma *area;
};

/* One call for a buffer. */
struct request {
	unsigned int buffer; /* of the set: decides the area */
	uint64_t set;	     /* of the run: decides the size, and the pattern */
	bool held;	     /* a tenant held a page when it began */
	uint64_t ns;
	int err;
	struct buffer got;
};

struct device_books;

/* In a->state; false with *why. */
bool device_open(struct actor *a, struct why *why);
void device_close(struct actor *a);
/* Hands the device's own results over. */
void device_collect(struct actor *a, struct run_actor_result *r);
struct run_device_result *device_result(const struct actor *a);

/* Bytes of each buffer of the set. */
uint64_t device_size(const struct actor *a, uint64_t set);
/* Asks; only this is timed. Any thread of the device. */
void device_ask(struct actor *a, struct request *r);
/* Books the call; true: it was not refused. One thread of the device at a time. */
bool device_book(struct actor_thread *t, const struct request *r);
/* What is zeroed must be zero; then the buffer is filled: to the last byte, or its first and last page. */
void device_use(struct actor_thread *t, const struct request *r);
/* Verifies what was filled, and gives the buffer back. */
void device_give(struct actor_thread *t, const struct request *r);
/* Tenants' pages moved and dropped in the device's areas so far. */
void device_evicted(const struct actor *a, uint64_t *moved, uint64_t *dropped);

#endif
