/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The reservation of a buffer: the fences of those who use it, and the lock under which they change. Linux's dma_resv
 * (dma-resv.h): shared and exclusive use are usages READ and WRITE.
 */
#ifndef FREEHOLD_RESV_H
#define FREEHOLD_RESV_H

#include <freehold/fence.h>

/* Whoever asks for one usage is shown it and those before it: a reader waits for KERNEL and WRITE, a writer for READ too. */
enum dma_resv_usage {
	DMA_RESV_USAGE_KERNEL,	 /* moves and clears: everybody waits */
	DMA_RESV_USAGE_WRITE,	 /* exclusive */
	DMA_RESV_USAGE_READ,	 /* shared */
	DMA_RESV_USAGE_BOOKKEEP, /* nobody waits but who moves the memory */
};

/* What a new reader, or a new writer, has to wait for. */
static inline enum dma_resv_usage dma_resv_usage_rw(bool write)
{
	return write ? DMA_RESV_USAGE_READ : DMA_RESV_USAGE_WRITE;
}

/*
 * Locks of several buffers at once, in any order, without deadlock (ww_mutex, wait-die): who began later and meets a lock of somebody
 * who began earlier gets -FH_EDEADLK, gives all back, waits with dma_resv_lock_slow() for the one he met, and
 * begins again with the same context. A context belongs to one thread.
 */
struct dma_resv_ctx {
	struct fh_machine *machine;
	uint64_t stamp; /* the lower began earlier */
	unsigned int held;
};
/* It begins now. */
void dma_resv_ctx_init(struct dma_resv_ctx *ctx, struct fh_machine *m);

struct dma_resv_slot;
struct dma_resv {
	struct fh_machine *machine;
	_Atomic(uint32_t) word;	    /* taken, waited for; how often it was taken */
	struct dma_resv_ctx *owner; /* who has it, if in a context */
	struct dma_resv_slot *slot; /* in the order of their coming */
	unsigned int nr, room;
	unsigned int reserved; /* how many there may be before the next unlock */
	uint64_t last;	       /* number of the youngest */
	struct fh_lock lock;   /* of all these, for moments: readers need only this one */
};

void dma_resv_init(struct dma_resv *r, struct fh_machine *m);
/* Nobody has it locked; its fences' references end. */
void dma_resv_fini(struct dma_resv *r);

/* May sleep. ctx may be NULL. -FH_EDEADLK: as above; -FH_EALREADY: this context has it. */
FH_MUST_CHECK int dma_resv_lock(struct dma_resv *r, struct dma_resv_ctx *ctx);
void dma_resv_lock_slow(struct dma_resv *r, struct dma_resv_ctx *ctx); /* holds no other of ctx */
bool dma_resv_trylock(struct dma_resv *r);
void dma_resv_unlock(struct dma_resv *r);
bool dma_resv_is_locked(const struct dma_resv *r);

/* Locked: room for n more fences, so that adding cannot fail. Lost by dma_resv_unlock(), as in Linux. -FH_ENOMEM. */
FH_MUST_CHECK int dma_resv_reserve_fences(struct dma_resv *r, unsigned int n);
/* Locked: takes a reference of its own. Those that are done make room for it, and those of its timeline that are not later, where
 * whoever waits for them waits for it, too; the other way round it is not kept. Without room, made so or reserved, the
 * platform's stop() is called. */
void dma_resv_add_fence(struct dma_resv *r, struct dma_fence *f, enum dma_resv_usage usage);
/* Locked: every fence of that context becomes this one. */
void dma_resv_replace_fences(struct dma_resv *r, uint64_t context, struct dma_fence *f,
			     enum dma_resv_usage usage);

/* The following need no lock. */

/* All of `usage` and those before it are done. */
bool dma_resv_test_signaled(struct dma_resv *r, enum dma_resv_usage usage);
/* Waits for them; as dma_fence_wait(). */
FH_MUST_CHECK int dma_resv_wait(struct dma_resv *r, enum dma_resv_usage usage, uint64_t until_ns);
/* One fence for them, a new reference; *f NULL: there are none. -FH_ENOMEM. */
FH_MUST_CHECK int dma_resv_get_singleton(struct dma_resv *r, enum dma_resv_usage usage,
					 struct dma_fence **f);
/* Each fence that is not done, until fn says false. The list may change meanwhile, also by fn: none is shown twice, and what takes the place of
 * another is shown. No lock is held while fn runs. */
void dma_resv_for_each_fence(struct dma_resv *r, enum dma_resv_usage usage,
			     bool (*fn)(struct dma_fence *f, enum dma_resv_usage usage, void *arg),
			     void *arg);
/* `dst`'s fences become those of src, all. Locked: dst. -FH_ENOMEM. */
FH_MUST_CHECK int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src);

#endif
