/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes -> operations on a machine and on the model beside it.
 *
 * Two bytes choose the machine (policies, zones, CPUs, banks, ranges), then each operation is a byte and its
 * arguments; bytes that are missing are 0. Any string of bytes is a legal run. Random tests, the
 * fuzzer and the replay of kept inputs share this decoder, so that one corpus serves all of them.
 */
#ifndef FH_TEST_OPS_H
#define FH_TEST_OPS_H

#include <setjmp.h>
#include "model.h"
#include "testplat.h"

enum ops_flags { OPS_QUIET, OPS_VERBOSE };

/* What a run's machine was, and what was seen to happen in it. */
enum ops_kind {
	OPS_THREE_ZONES,
	OPS_TWO_CPUS,
	OPS_NO_CACHES,
	OPS_TWO_BANKS,	/* with a hole between that ends in the middle of blocks */
	OPS_TWO_RANGES, /* area B, its second range below the first */
	OPS_NO_BYTES,	/* no plat.ram */
	OPS_SWAP,	/* more than RAM, or little */
	OPS_LARGE,	/* enough for a block to be reserved for atomic requests */
	OPS_ZONE_MOVABLE,
	OPS_HIGHATOMIC, /* and one was */
	OPS_SERVED,	/* a request in the background got its buffer */
	OPS_CANCELLED,
	OPS_MOVED, /* a buffer, by agreement */
	OPS_DECLINED,
	OPS_NR_KINDS
};
const char *ops_kind_name(enum ops_kind kind);

struct ops_result {
	char wrong[600];			   /* what did not hold; empty: all did */
	unsigned int op;			   /* at which operation */
	unsigned int kinds;			   /* bits 1 << enum ops_kind */
	uint64_t swapped_out, swapped_in, written; /* pages; the last by reclaim, to files */
	unsigned int
		show_from; /* set by the caller: OPS_VERBOSE shows the operations from this one on */
};

/* Runs the bytes on a machine of their own; whether all held. OPS_VERBOSE prints every operation.
 */
bool ops_run(const uint8_t *data, size_t len, enum ops_flags flags, struct ops_result *result);

/* Removes what a failure does not need, for so long; returns the new length. */
size_t ops_minimise(uint8_t *data, size_t len, unsigned int seconds);

/* ---- between the files of ops ---- */

#define OPS_BALLAST   64
#define OPS_IMPORTERS 8
#define OPS_ASYNCS    4

struct ops;

/* A request, and what the model expects of it just before it is made. */
struct ops_request {
	struct model_area *a;
	struct cma_request req;
	pfn_t window;	  /* the lowest; 0: none */
	uint64_t blocked; /* pages of the area that need not move */
	bool kept;	  /* a prepared window is what it gets */
	unsigned int moves;
};

/* Who agreed that a buffer moves; r NULL: free. */
struct ops_importer {
	struct ops *r;
	bool busy; /* declines once */
};

/* One that waits for cma_background(). */
struct ops_async {
	struct ops *r;
	struct cma_async async;
	struct ops_request q;
	uint64_t ticket; /* their order; 0: does not wait */
	bool again;	 /* was asked for a second time */
	bool agree, busy;
};

struct ops {
	struct testplat tp; /* first: plat.ctx */
	struct model md;
	const uint8_t *data;
	size_t len, pos;
	enum ops_flags flags;
	unsigned int show_from;
	unsigned int nr, nr_cpus, nested, kinds, reclaim_writes;
	struct model_run ballast[OPS_BALLAST]; /* of a large machine: taken at birth */
	unsigned int nr_ballast;
	bool all; /* operations that came later take the place of some: the others decode as ever */
	uint64_t failed_before; /* tp.failed when the operation began */
	uint64_t pages_total, pages_outside, pages_low;
	struct tp_space *host[MODEL_SPACES];
	struct ops_importer importer[OPS_IMPORTERS];
	struct ops_async async[OPS_ASYNCS];
	struct ops_async *cancelling;
	uint64_t tickets;   /* given ever */
	unsigned int moves; /* by agreement, ever */
	uint32_t stamp;
	uint64_t written;
	int io_error;		     /* of the next ops->read or ops->write; 0: none */
	bool io_called;		     /* since the operation began */
	bool no_io;		     /* the request may not write back or swap */
	uint64_t swap_errors_before; /* tp.swap_read_errors when the operation began */
	jmp_buf stop;
	char stopped[200];
};

struct ops_entry {
	const char *name;
	void (*run)(struct ops *r);
	unsigned int weight;
};

uint8_t ops_u8(struct ops *r);
unsigned int ops_pick(struct ops *r, unsigned int n); /* 0 .. n-1; n above 0 */
void ops_say(struct ops *r, const char *fmt, ...) FH_PRINTF(2, 3);
bool ops_must(struct ops *r, bool ok, const char *what);
/* A new value for bytes. */
uint32_t ops_stamp(struct ops *r);

/* What the request may have: frames outside areas that are not of ZONE_MOVABLE, those too, or areas too. */
enum ops_memory { OPS_LOW, OPS_OUTSIDE, OPS_ANYWHERE };
/* 0, or -FH_ENOMEM where the model agrees that a page may be refused; else it must not be. */
bool ops_page_result(struct ops *r, int err, enum ops_memory where);
/* -FH_ENOMEM because a failure of the platform was asked for. */
bool ops_injected(const struct ops *r);
void ops_quiesce_all(struct ops *r);
/* An operation that is allowed while ops->write runs. */
void ops_nested(struct ops *r);
void op_cma_alloc(struct ops *r);
void op_punch(struct ops *r);

uint64_t ops_in_units(const struct model_area *a, uint64_t count);
/* Fills in what the model expects of q->req now. */
void ops_expect(struct ops *r, struct ops_request *q);
/* Compares it with what came; *pfn was 1 before. Returns the buffer that is the model's now, if there is one. */
struct model_buffer *ops_compare(struct ops *r, const struct ops_request *q, int err, pfn_t pfn);
/* A buffer's owner agrees that it moves (if `busy`, the second time he is asked), and ends it. */
void ops_agree(struct ops *r, struct model_buffer *b, bool busy);
void ops_disagree(struct ops *r, struct model_buffer *b);
/* A request that waits for ops_background_step(), which is cma_background(); and one that waits no more. */
void ops_ask_later(struct ops *r, struct model_area *a, const struct cma_request *req, bool agree,
		   bool busy);
bool ops_background_step(struct ops *r);
void ops_cancel(struct ops *r, unsigned int nth);
unsigned int ops_nr_async(const struct ops *r);

/* Tables of operations end with a NULL name. What each made is given back by its finish(). */
extern const struct ops_entry ops_frame_entries[], ops_area_entries[], ops_object_entries[];
void ops_frame_finish(struct ops *r);
void ops_area_finish(struct ops *r);
void ops_object_finish(struct ops *r);
void ops_object_check(struct ops *r);
/* Reads all of anonymous memory, in swap or not. */
void ops_object_read_all(struct ops *r);

#endif
