/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Areas: contiguous memory that devices own and tenants borrow. */
#ifndef FREEHOLD_CMA_H
#define FREEHOLD_CMA_H

#include <stdatomic.h>
#include <freehold/types.h>

#define CMA_MAX_AREAS  62 /* of a machine; Linux: 8 or 20 */
#define CMA_MAX_RANGES 8
#define CMA_MAX_NAME   64

/* NOWAIT: from any context, an interrupt's too: takes only frames that are free at once, sleeps for
 * nothing and waits for no lock. ZERO: the bytes are zero, at no cost where they are ready. */
enum cma_alloc_flags { CMA_NO_WARN = 1, CMA_NOWAIT = 2, CMA_ZERO = 4 };

/* What a buffer must be like. Zero in a field: no such wish. */
struct cma_request {
	unsigned long count;	   /* frames */
	unsigned int align_order;  /* the first frame is a multiple of 2^align_order; at most 20 */
	unsigned int flags;	   /* enum cma_alloc_flags */
	pfn_t low, high;	   /* it lies in [low, high) */
	uint64_t boundary;	   /* it crosses no multiple of so many frames, a power of two */
	uint64_t deadline_ns;	   /* by the platform's clock: then it is not wanted any more */
	_Atomic(uint32_t) *cancel; /* becomes non-zero when it is not wanted any more */
};

/*
 * Takes frames, contiguous, and stores the first in *pfn. Tenants in the way are moved or dropped.
 * Without CMA_ZERO the bytes are undefined. All wishes hold for the whole bitmap units that the buffer takes (see
 * order_per_bit below).
 *
 * Policy `movable`: Linux's way. The lowest free window; a page under writeback is waited for, a
 * pinned one is tried five times and then the next window. The other policies: the window whose
 * tenants cost the least to move; never waits for I/O, for a sleeper or for reclaim that does I/O,
 * and is not refused while a window without another device's buffer exists. A request of less than
 * a block is served from the area's upper end, larger ones from the lower.
 *
 * *pfn is unchanged, tenants that had left stay elsewhere, and all else is as before on
 * -FH_EINVAL: cma NULL, count 0, align_order above 20, an unknown flag, `boundary` no power of two
 * or less than the buffer, low not below high or the two closer than the buffer; -FH_ENOMEM: no
 * free window like that (or nowhere to move the tenants); -FH_EBUSY: windows exist but a page
 * in each would not move: in `movable` only, or if somebody does not keep his part of G1 (DESIGN);
 * -FH_ETIMEDOUT: the deadline is over, which is looked at between batches of 256 pages. One that is
 * over already moves nobody: a window is had if it is free at once; -FH_ECANCELED: likewise;
 * -FH_EAGAIN: CMA_NOWAIT, and no window is free at once: ask again without.
 * The failure record (cma_failures()) has the particulars. May wait as said above.
 */
FH_MUST_CHECK int cma_alloc_request(struct cma *cma, const struct cma_request *req, pfn_t *pfn);

/* cma_alloc_request() with no more wishes than these. (Alignment is counted from the area's base
 * rounded down to it, as Linux: that is, from frame 0.) */
FH_MUST_CHECK int cma_alloc(struct cma *cma, unsigned long count, unsigned int align_order,
			    unsigned int flags, pfn_t *pfn);

/*
 * Keeps so many frames of the area ready: not lent, evacuated and zero, in whole blocks, so that a
 * request, CMA_NOWAIT ones too, has them in no time. The work is done by cma_background(). 0: none.
 * -FH_EINVAL: cma NULL, or more than the area has. cma_get_ready(): how many are now.
 */
FH_MUST_CHECK int cma_set_ready(struct cma *cma, uint64_t pages);
uint64_t cma_get_ready(struct cma *cma);

/* One bounded step of what areas do in advance: at most one block is evacuated or zeroed, or one
 * request served, or 32 pages exchanged. True: call again, there may be more. For a thread of the platform that is a CPU
 * like any other; several may call it. */
bool cma_background(struct fh_machine *m);

/*
 * Exchange: pages of the area that a device would have to copy elsewhere (anonymous, dirty) are moved out ahead of it, by
 * cma_background(), to frames that are free or that hold clean cache, which comes inside instead and can be
 * dropped in no time. Policy `guaranteed` only; in others it does nothing. Off at birth.
 *
 * Only where devices take again and again what they give back, as far as they saved at least what it cost tenants (DESIGN,
 * "Exchange"), no page more than once, not while memory is short, with at most 1 % of one CPU, and a request for the
 * area makes it stop after the run of up to 32 pages it has in hand. -FH_EINVAL: cma NULL.
 */
FH_MUST_CHECK int cma_set_exchange(struct cma *cma, bool on);
bool cma_get_exchange(const struct cma *cma);

/*
 * Makes a window of `count` frames ready before the deadline (0: none): for who will ask for it soon, as
 * a camera that is about to start. It is kept, zero and counted as used, until the next request of that
 * count whose wishes it meets gets it, at once and from any context, or until another cma_prepare(); count 0:
 * until now. Errors as cma_alloc_request(); then nothing is kept. Not for interrupt context.
 */
FH_MUST_CHECK int cma_prepare(struct cma *cma, unsigned long count, uint64_t deadline_ns);

/*
 * A request that is served in the background. The struct is the caller's, who fills in `request` (cancel
 * NULL) and leaves it alone from cma_alloc_async() until `done` is called: once, without locks, by a thread
 * in cma_background() or cma_async_cancel(), with what cma_alloc_request() returned. From then on the struct
 * is his again; done() may queue it once more. Requests of an area begin in the order they were queued, and
 * before the area's other background work; with one thread in cma_background() they end in that order, too.
 * Those that a machine has when it is destroyed are never heard of again.
 */
typedef void cma_done_fn(void *arg, int err, pfn_t pfn);
struct cma_async {
	struct cma_request request;
	/* The area's: */
	cma_done_fn *done;
	void *arg;
	struct cma *cma;
	struct cma_async *next;
	_Atomic(uint32_t) cancelled;
	bool queued;
};
/* -FH_EINVAL: something is NULL, count 0, or request.cancel is set; done() is not called then. Other errors go
 * to done(). Waits for nothing but a lock. */
FH_MUST_CHECK int cma_alloc_async(struct cma *cma, struct cma_async *a, cma_done_fn *done,
				  void *arg);
/* It is not wanted any more; done() has not been called yet. True: it had not begun, and done() was called
 * just now with -FH_ECANCELED. False: it is being served, and done() will soon be called: with
 * -FH_ECANCELED, or with a buffer if there was one already. */
bool cma_async_cancel(struct cma_async *a);

/*
 * Buffers that may be moved. idle_move: if the device does not use the buffer now, copies `count` frames
 * from src to dst, makes everybody who knows src know dst, and returns true: src is no longer the owner's.
 * False: not now, or dst is of no use (its alignment is at least what src had, up to its size and 1 MiB).
 * Called without locks, by whoever asks for memory and would not get it; must not call the area.
 */
struct cma_buffer_ops {
	bool (*idle_move)(void *priv, pfn_t dst, pfn_t src, unsigned long count);
};
/* Agrees to that for a whole buffer of cma_alloc(); ops must outlive the agreement. A request that finds
 * no window may then have one buffer moved (not in policy `movable`, and not with CMA_NOWAIT). While it is
 * agreed, cma_release() refuses the buffer. -FH_EINVAL: not a buffer, or agreed already; -FH_ENOMEM. */
FH_MUST_CHECK int cma_buffer_set_movable(struct cma *cma, pfn_t pfn, unsigned long count,
					 const struct cma_buffer_ops *ops, void *priv);
/* Ends it for the buffer that begins at pfn now. -FH_EBUSY: it is being moved, ask again for where it
 * is then; -FH_EINVAL: none begins there. */
FH_MUST_CHECK int cma_buffer_clear_movable(struct cma *cma, pfn_t pfn);

/* Gives frames back: all of a cma_alloc(), or a part of one in whole bitmap units. False: cma NULL,
 * count 0, not inside one range of the area, or a frame of it is not allocated; then nothing is
 * released. */
bool cma_release(struct cma *cma, pfn_t pfn, unsigned long count);

/*
 * Makes an area of [base, base + size) bytes, which is allocated or reserved memory of this
 * machine's boot_config (a region), before or after birth: it must consist of whole blocks none of
 * which is in use. name is copied (NULL: "cmaN"). order_per_bit: frames a bitmap bit stands for,
 * log2. -FH_EINVAL: size 0, base or size not a multiple of a block or of a bitmap bit, outside RAM,
 * or over another area or frames in use; -FH_ENOSPC: CMA_MAX_AREAS; -FH_ENOMEM; -FH_EEXIST: the
 * name is taken.
 */
FH_MUST_CHECK int cma_init_reserved_mem(struct fh_machine *m, phys_t base, uint64_t size,
					unsigned int order_per_bit, const char *name,
					struct cma **cma);

/* Gives an area that is not in service yet another range of such memory, as
 * cma_declare_contiguous_multi(). A buffer lies within one range; ranges are tried in the order of their
 * adding. -FH_EINVAL as above; -FH_EBUSY: it is in service; -FH_ENOSPC: CMA_MAX_RANGES; -FH_ENOMEM. */
FH_MUST_CHECK int cma_add_reserved_mem(struct cma *cma, phys_t base, uint64_t size);

/* Puts areas that were declared into service: their frames become lendable by policy. Called by
 * fh_machine_create() for those of the boot_config; call it after cma_init_reserved_mem() yourself.
 */
FH_MUST_CHECK int cma_init_reserved_areas(struct fh_machine *m);

/*
 * Changes the policy of the live area. When it returns 0, whoever the new policy would not have let
 * in is out: of `carveout` everybody, of `discard` what cannot be dropped, of `guaranteed` every
 * page that was held, which is waited for. Else all is as before; the tenants that had left already
 * are elsewhere.
 *
 * -FH_EINVAL: no such policy; -FH_EBUSY: a page stayed pinned or under writeback for 200 ms, or a
 * frame is neither a device's nor any object's; -FH_ENOMEM: there is nowhere to move a tenant, or,
 * to `guaranteed`, what cannot be dropped would not fit outside the areas (DESIGN G2). The failure
 * record has the page. Sleeps, yielding; one change at a time, others wait. Devices' buffers stay,
 * and cma_alloc() meanwhile is served by either policy.
 */
FH_MUST_CHECK int cma_set_policy(struct cma *cma, enum cma_policy policy);
enum cma_policy cma_get_policy(const struct cma *cma);

/* How much of the area may be lent, in percent of its blocks, rounded down to a block; 100 at
 * birth. The others, at the lower end, are kept free for devices. Lowered, tenants leave as in
 * cma_set_policy(), with the same errors; -FH_EINVAL: above 100. */
FH_MUST_CHECK int cma_set_share(struct cma *cma, unsigned int percent);
unsigned int cma_get_share(const struct cma *cma);

/*
 * How much of what the area's guarantee costs may be made up by compressing. What cannot be dropped has to
 * fit outside `guaranteed` areas; when it does not, and __GFP_DIRECT_RECLAIM allows it, anonymous pages that
 * were not used lately are compressed in memory, before others are swapped out, and brought back when
 * touched: without I/O, in bounded time. `percent` of the area's frames is what may be saved so (pages that are
 * compressed, less the frames they lie in), of all areas together. 0 at birth: nothing is compressed.
 * Has an effect while the area is in service and its policy is `guaranteed`; lowered, what is compressed stays
 * so until it is touched. -FH_EINVAL: cma NULL, above 100, or not 0 on a platform that has no compress() and
 * decompress(), or a machine without bytes. cma_alloc() neither compresses nor waits for who does.
 *
 * Memory that was given out then depends on what is in it: a program whose pages no longer compress can be
 * refused one of its own with -FH_ENOMEM when it touches it, if there is no swap to take others; it stays compressed.
 */
FH_MUST_CHECK int cma_set_compress(struct cma *cma, unsigned int percent);
unsigned int cma_get_compress(const struct cma *cma);
const char *cma_policy_name(enum cma_policy policy);

struct cma *cma_find(struct fh_machine *m, const char *name);
struct cma *cma_default(struct fh_machine *m); /* of cma= or linux,cma-default; NULL: none */
/* Calls fn for each area in the order of their making; stops at and returns the first non-zero. */
int cma_for_each_area(struct fh_machine *m, int (*fn)(struct cma *cma, void *data), void *data);
const char *cma_get_name(const struct cma *cma);
phys_t cma_get_base(const struct cma *cma);   /* of the first range */
uint64_t cma_get_size(const struct cma *cma); /* bytes, all ranges */

/* What an area has done since birth. Read without a lock: each field is true, not one instant's. */
struct cma_stats {
	uint64_t nr_pages_succeeded, nr_pages_failed, nr_pages_released; /* as sysfs, pages */
	uint64_t nr_allocs, nr_fails;					 /* calls */
	uint64_t pages_migrated, pages_dropped;
	uint64_t used, used_max; /* pages in devices' hands: now, and the most ever */
	uint64_t lent;		 /* pages in tenants' hands now: counted from the maps */
	/* cma_set_exchange(): pages that left the area and that came for them, and how long they were on the move, which
	 * is the most that a tenant's thread can have waited for them. */
	uint64_t exchanged_out, exchanged_in, exchange_ns;
	/* Pages that devices did not have to move because exchange had; the time that cost them less, and the part of
	 * exchange_ns that tenants would have paid all the same. Estimates: pages that left are taken to have stayed
	 * in the area with a half-life of 15 s. */
	uint64_t spared, spared_ns, exchange_back_ns;
};
void cma_get_stats(struct cma *cma, struct cma_stats *stats);

/* Whose a page is. */
enum cma_owner {
	CMA_OWNER_NONE,	  /* there is no page to blame */
	CMA_OWNER_RAW,	  /* taken, and in no object: somebody is about to put it there */
	CMA_OWNER_OBJECT, /* owner_id: fh_object_id() */
	CMA_OWNER_DRIVER, /* fh_page_set_movable() */
};
const char *cma_owner_name(enum cma_owner owner);

#define CMA_MAX_FAILURES 16 /* kept of an area */

/* Why a cma_alloc(), or a cma_set_policy() or cma_set_share() (request.count 0), was refused. */
struct cma_failure {
	int error;		    /* negative; 0: none was refused yet */
	struct cma_request request; /* cancel is NULL */
	struct range window;	    /* the last one tried; empty: no window */
	pfn_t pfn;		    /* the page in the way; 0: none */
	uint64_t time_ns;
	const char *why; /* "pinned", "under writeback", "no window", ... */
	enum cma_owner owner;
	uint64_t owner_id;
	uint32_t pins;	    /* how often it was pinned then */
	const char *pinner; /* one who did, by fh_object_pin_by(); NULL: nobody with a name */
	uint64_t since_ns;  /* when it was first held, or first found in the way; 0: unknown */
};
/* The last failures, newest first, at most n; how many there are. */
unsigned int cma_failures(struct cma *cma, struct cma_failure *out, unsigned int n);
/* The last one. */
void cma_last_failure(struct cma *cma, struct cma_failure *f);

#endif
