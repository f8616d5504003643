/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fences: "this work is done", once and for good. Who uses a buffer leaves a fence in its reservation (freehold/resv.h), and
 * who wants it next waits for it, or asks to be called. Linux's names and rules (dma-fence.h, dma-fence-array.h,
 * dma-fence-chain.h, sync_file.h).
 *
 * Any thread may call any of these. Callbacks run without locks, in the thread that signals; they must not sleep and may call
 * anything here that does not. Every fence given out is a reference of the receiver's, ended by dma_fence_put().
 */
#ifndef FREEHOLD_FENCE_H
#define FREEHOLD_FENCE_H

#include <stdatomic.h>
#include <freehold/types.h>

struct dma_fence;

/* All but the names may be NULL. */
struct dma_fence_ops {
	/* Both stay as long as the fence. */
	const char *(*get_driver_name)(struct dma_fence *f);
	const char *(*get_timeline_name)(struct dma_fence *f);
	/* Called at most once, when the first asks to be told: the owner sees to it that it will signal. False: it has been done already,
	 * and the fence is signaled with that. NULL: it signals by itself. */
	bool (*enable_signaling)(struct dma_fence *f);
	/* Looks whether it is done, without waiting. NULL: it is done when it was signaled. */
	bool (*signaled)(struct dma_fence *f);
	/* Somebody needs it by then, on the platform's clock. A hint. */
	void (*set_deadline)(struct dma_fence *f, uint64_t deadline_ns);
	/* The last reference is gone; the memory is the owner's again. NULL: the owner knows otherwise when. */
	void (*release)(struct dma_fence *f);
};

/* The memory is the owner's; the fields are dma_fence_init()'s. */
struct dma_fence_cb;
struct fence_group_kind;
struct dma_fence {
	struct fh_machine *machine;
	const struct dma_fence_ops *ops;
	uint64_t context; /* of one timeline all the same; the later one has the higher seqno */
	uint64_t seqno;
	_Atomic(uint32_t) refs;
	_Atomic(uint32_t) state;	     /* signaled, enabled, waiters; waited for */
	_Atomic(int32_t) error;		     /* 0, or negative */
	uint64_t timestamp_ns;		     /* when it was signaled */
	const struct fence_group_kind *kind; /* of arrays and chains; NULL: it stands for itself */
	struct dma_fence_cb *callbacks;	     /* a ring, the first one's place; NULL: none */
	struct dma_fence_cb *running;	     /* whose func runs now */
	struct fh_lock lock;		     /* of the two before, and of being signaled */
};

typedef void dma_fence_func(struct dma_fence *f, void *arg);
/* The memory is the caller's, until func was called or the callback was removed. */
struct dma_fence_cb {
	struct dma_fence_cb *next, *prev; /* NULL: on no list */
	dma_fence_func *func;
	void *arg;
};

/* New numbers for n timelines of the machine, one after the other; never 0. */
uint64_t dma_fence_context_alloc(struct fh_machine *m, unsigned int n);
/* One reference, the caller's. -FH_EINVAL: NULL, or ops without names. */
FH_MUST_CHECK int dma_fence_init(struct dma_fence *f, struct fh_machine *m,
				 const struct dma_fence_ops *ops, uint64_t context, uint64_t seqno);
/* NULL in, NULL out. */
struct dma_fence *dma_fence_get(struct dma_fence *f);
void dma_fence_put(struct dma_fence *f);

/* It is done: wakes all and calls all. -FH_EINVAL: it was already. */
int dma_fence_signal(struct dma_fence *f);
int dma_fence_signal_at(struct dma_fence *f, uint64_t timestamp_ns);
/* Before it is signaled: the work failed. error is negative. -FH_EINVAL: it is signaled, or no error. */
int dma_fence_set_error(struct dma_fence *f, int error);
/* Asks the owner (ops->signaled). An array or a chain asks its fences; it is told of their signals from now on. */
bool dma_fence_is_signaled(struct dma_fence *f);
/* 0: not yet; 1: done; negative: its error. */
int dma_fence_get_status(struct dma_fence *f);
/* a is of the same timeline as b and later. */
bool dma_fence_is_later(const struct dma_fence *a, const struct dma_fence *b);
void dma_fence_set_deadline(struct dma_fence *f, uint64_t deadline_ns);

/* func(f, arg) once, when it is signaled; keep a reference until then: a fence that ends without is signaled with -FH_EDEADLK. -FH_ENOENT: it
 * is signaled already, func is not called. */
FH_MUST_CHECK int dma_fence_add_callback(struct dma_fence *f, struct dma_fence_cb *cb,
					 dma_fence_func *func, void *arg);
/* True: it will not be called. False: it was, or is being called, just now; then it has returned when this does (so not from
 * func itself). */
bool dma_fence_remove_callback(struct dma_fence *f, struct dma_fence_cb *cb);
/* Sleeps until it is done. until_ns: on the platform's clock; 0: no limit. -FH_ETIMEDOUT; -FH_EINVAL: the platform cannot wait and it is
 * not done. Its error is no error of the wait. */
FH_MUST_CHECK int dma_fence_wait(struct dma_fence *f, uint64_t until_ns);

/* A fence that is done. -FH_ENOMEM. */
FH_MUST_CHECK int dma_fence_stub(struct fh_machine *m, struct dma_fence **f);
/* A fence that its owner signals by hand, named as given (copied, cut at 31 bytes). */
FH_MUST_CHECK int dma_fence_create(struct fh_machine *m, const char *driver, const char *timeline,
				   uint64_t context, uint64_t seqno, struct dma_fence **f);

/* ---- many as one ---- */

/* Done when all are, or with any: when the first is. Takes over the references in fence[nr] (copied), also when it fails. Its error is
 * the first that one of them has. -FH_ENOMEM; -FH_EINVAL: none, or one is NULL. */
FH_MUST_CHECK int dma_fence_array_create(struct fh_machine *m, struct dma_fence *const *fence,
					 unsigned int nr, uint64_t context, uint64_t seqno,
					 bool any, struct dma_fence **array);
/* A point of a timeline: done when `fence` is and all points before it are. prev: the point before, or NULL. Takes over both references,
 * also when it fails. Its error is that of `fence`. However long a chain is, it is ended and walked without recursion, and
 * whoever walks it takes out the points whose fence is done. A seqno not above prev's begins another timeline. */
FH_MUST_CHECK int dma_fence_chain_create(struct fh_machine *m, struct dma_fence *prev,
					 struct dma_fence *fence, uint64_t seqno,
					 struct dma_fence **chain);
/* The first point of a chain whose seqno is at least that, or of those before it the last that is not done if it is out of the chain already: what is
 * left to wait for, a new reference; *f NULL: that is done. -FH_EINVAL: no chain, or no such point yet. */
FH_MUST_CHECK int dma_fence_chain_find_seqno(struct dma_fence *chain, uint64_t seqno,
					     struct dma_fence **f);
/* Every fence inside f, of arrays and chains and what is in them, that is not done; f itself if it is neither. Deeper than
 * 16 in one another they are shown as they are. fn returns false to stop. */
void dma_fence_unwrap_for_each(struct dma_fence *f, bool (*fn)(struct dma_fence *f, void *arg),
			       void *arg);
/* One fence for all of them: no fence twice, of one timeline only the latest, none that is done; a stub when nothing is left, of the time when the last of
 * them was done. Arrays with `any` stay whole. The references stay the caller's. */
FH_MUST_CHECK int dma_fence_unwrap_merge(struct fh_machine *m, struct dma_fence *const *fence,
					 unsigned int nr, struct dma_fence **merged);

/* ---- what programs hold ---- */

#define SYNC_FILE_NAME_MAX 32

/* A fence in a file's clothes: what a descriptor of a sync_file stands for. Counted. */
struct sync_file;
/* Takes a reference of the fence of its own. */
FH_MUST_CHECK int sync_file_create(struct dma_fence *f, struct sync_file **s);
struct sync_file *sync_file_get(struct sync_file *s);
void sync_file_put(struct sync_file *s);
/* A new reference of the fence inside. */
struct dma_fence *sync_file_get_fence(struct sync_file *s);
/* SYNC_IOC_MERGE: both in one, of that name (cut at 31 bytes). */
FH_MUST_CHECK int sync_file_merge(const char *name, struct sync_file *a, struct sync_file *b,
				  struct sync_file **merged);

/* SYNC_IOC_FILE_INFO. */
struct sync_fence_info {
	char obj_name[SYNC_FILE_NAME_MAX]; /* the timeline's */
	char driver_name[SYNC_FILE_NAME_MAX];
	int32_t status; /* as dma_fence_get_status() */
	uint64_t timestamp_ns;
};
/* The name ("driver-timeline12-345" if none was given), the status, and up to n of its fences. Returns how many there are. */
unsigned int sync_file_info(struct sync_file *s, char name[SYNC_FILE_NAME_MAX], int32_t *status,
			    struct sync_fence_info *info, unsigned int n);

#endif
