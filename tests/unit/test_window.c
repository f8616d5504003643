/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/window and cma_alloc_request(): which window, under which wishes; and giving up. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "t.h"
#include "testplat.h"

#define MIB   (UINT64_C(1) << 20)
#define PAGES 8192

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *o;
static pfn_t base;

static int ops_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 0, FH_PAGE_SIZE);
	return 0;
}

static const struct fh_object_ops clean = {ops_read, NULL};

/* 32 MiB from frame 0x40000; the area is its upper 16 MiB, from 0x41000, eight blocks. */
static bool start(enum cma_policy policy, const struct fh_object_ops *ops)
{
	m = testplat_start(&tp, 32, 16, policy, 1);
	cma = m ? cma_find(m, "area") : NULL;
	base = cma ? fh_phys_to_pfn(cma_get_base(cma)) : 0;
	return cma && T_EQ(fh_object_create(m, PAGES, ops, NULL, &o), 0);
}

static void end(void)
{
	TP_CHECK(m);
	fh_object_destroy(o);
	for (pfn_t p = base; p < base + cma->count; p++)
		cma_release(cma, p, 1);
	testplat_end(&tp, m);
}

/* Offset in the area, or the error. */
static int64_t ask(struct cma_request req)
{
	pfn_t pfn = 77;
	int err;

	req.flags |= CMA_NO_WARN;
	err = cma_alloc_request(cma, &req, &pfn);
	if (err)
		T_EQ(pfn, 77);
	return err ? err : (int64_t)(pfn - base);
}

#define ASK(...) ask((struct cma_request){__VA_ARGS__})

/* Pages of `o` come to lie in frames [lo, hi) of the area, and nowhere else in it: all else is taken
 * meanwhile, as Linux would let it be. */
static void tenants(uint64_t lo, uint64_t hi)
{
	enum cma_policy policy = cma_get_policy(cma);
	static pfn_t raw[PAGES];
	uint64_t v = 1, n = 0;
	pfn_t pfn;

	T_EQ(cma_set_policy(cma, CMA_POLICY_MOVABLE), 0);
	while (!fh_alloc_pages(m, GFP_NOWAIT, 0, &raw[n]))
		n++;
	for (uint64_t i = 0; i < PAGES; i++)
		if (o->ops ? fh_object_read(o, i, 0, &v, 8) : fh_object_write(o, i, 0, &v, 8))
			break;
	for (uint64_t i = 0; i < PAGES; i++)
		if (!fh_object_where(o, i, &pfn) && pfn >= base &&
		    (pfn < base + lo || pfn >= base + hi))
			fh_object_punch(o, i, 1);
	while (n)
		T_EQ(fh_free_pages(m, raw[--n], 0), 0);
	fh_cpu_quiesce(m);
	T_EQ(cma_set_policy(cma, policy), 0);
}

static void bad_requests(void)
{
	struct cma_request r = {.count = 1};
	pfn_t pfn = 3;

	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	T_EQ(cma_alloc_request(NULL, &r, &pfn), -FH_EINVAL);
	T_EQ(cma_alloc_request(cma, NULL, &pfn), -FH_EINVAL);
	T_EQ(cma_alloc_request(cma, &r, NULL), -FH_EINVAL);
	T_EQ(ASK(.count = 0), -FH_EINVAL);
	T_EQ(ASK(.count = 1, .align_order = 21), -FH_EINVAL);
	T_EQ(ASK(.count = 1, .flags = 0x100), -FH_EINVAL);
	T_EQ(ASK(.count = 1, .boundary = 3), -FH_EINVAL);
	T_EQ(ASK(.count = 5, .boundary = 4), -FH_EINVAL);
	T_EQ(ASK(.count = 1, .low = 9, .high = 9), -FH_EINVAL);
	T_EQ(ASK(.count = 1, .low = 10, .high = 9), -FH_EINVAL);
	T_EQ(ASK(.count = 8, .low = base, .high = base + 7), -FH_EINVAL);
	T_EQ(ASK(.count = 8, .high = base), -FH_ENOMEM);
	T_EQ(ASK(.count = 8, .low = base + 4096 - 7), -FH_ENOMEM);
	T_EQ(ASK(.count = UINT64_MAX, .boundary = 4), -FH_ENOMEM);
	T_EQ(pfn, 3);
	end();
}

/*
 * By hand; the base is frame 0x41000. Each row: count, align, low, high (offsets; 0: none), boundary,
 * and where: the same in every policy, because one position is left.
 */
static void wishes(enum cma_policy policy)
{
	static const struct {
		unsigned long count;
		unsigned int align;
		uint64_t low, high, boundary;
		int64_t at;
	} rows[] = {
		{8, 0, 100, 108, 0, 100},	       /* exactly */
		{8, 0, 201, 216, 8, 208},	       /* 201..208 crosses 208 */
		{8, 3, 301, 319, 0, 304},	       /* 312 does not fit */
		{600, 0, 900, 1600, 1024, -FH_ENOMEM}, /* up to 1024: 124; up to 1600: 576 */
		{600, 0, 900, 1624, 1024, 1024},
		{600, 0, 1000, 1700, 1024, -FH_ENOMEM}, /* 1024 is taken by the last one */
		{512, 9, 3000, 4000, 0, 3072},
		{64, 0, 2047, 2111, 128, -FH_ENOMEM}, /* 2047..2110 crosses 2048 */
		{64, 0, 2047, 2112, 128, 2048},
	};

	T_NEED(start(policy, NULL));
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		T_EQ(ASK(.count = rows[i].count, .align_order = rows[i].align,
			 .low = rows[i].low ? base + rows[i].low : 0,
			 .high = rows[i].high ? base + rows[i].high : 0,
			 .boundary = rows[i].boundary),
		     rows[i].at);
	end();
}

static void wishes_as_linux(void)
{
	wishes(CMA_POLICY_MOVABLE);
}

static void wishes_ours(void)
{
	wishes(CMA_POLICY_GUARANTEED);
}

/* A request of several blocks goes where the fewest tenants are: 1000 in blocks 0 and 1. */
static void large_where_it_is_cheap(void)
{
	struct cma_stats st;

	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	tenants(0, 1024);
	T_EQ(ASK(.count = 1024, .align_order = 9), 1024);
	T_EQ(ASK(.count = 2048, .align_order = 9), 2048);
	cma_get_stats(cma, &st);
	T_EQ(st.pages_migrated, 0);
	T_EQ(ASK(.count = 1024), 0);
	cma_get_stats(cma, &st);
	T_OK(st.pages_migrated > 0, "no other window was left");
	end();
}

/* Every window costs something: the one with the fewest tenants, neither the first nor the last. */
static void the_least_of_all(void)
{
	struct cma_stats st, after;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	tenants(0, 2048);
	T_EQ(ASK(.count = 2048, .low = base + 2048), 2048);
	for (uint64_t i = 0; i < PAGES; i++)
		if (!fh_object_where(o, i, &pfn) && pfn >= base + 600 && pfn < base + 1000)
			fh_object_punch(o, i, 1);
	fh_cpu_quiesce(m);
	cma_get_stats(cma, &st);
	T_EQ(ASK(.count = 512, .align_order = 9), 512);
	cma_get_stats(cma, &after);
	T_EQ(after.pages_migrated - st.pages_migrated, 112);
	end();
}

/* Dropping is cheaper than moving: clean cache in the lower blocks, anonymous pages above. */
static void drop_rather_than_move(void)
{
	struct fh_object *anon;
	uint64_t v = 1, n = 0;
	struct cma_stats st;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED, &clean));
	T_EQ(fh_object_create(m, PAGES, NULL, NULL, &anon), 0);
	for (uint64_t i = 0; i < 4096; i++)
		T_EQ(fh_object_read(o, i, 0, &v, 8), 0);
	/* Anonymous pages take the place of cache in the lower half. */
	for (uint64_t i = 0; i < 4096; i++)
		if (!fh_object_where(o, i, &pfn) && pfn >= base && pfn < base + 2048)
			fh_object_punch(o, i, 1);
	while (n < 3900 && !fh_object_write(anon, n, 0, &v, 8))
		n++;
	fh_cpu_quiesce(m);
	T_EQ(cma_alloc(cma, 1024, 9, 0, &pfn), 0);
	cma_get_stats(cma, &st);
	T_EQ(st.pages_migrated, 0);
	fh_object_destroy(anon);
	end();
}

/* Small from above, large from below, small ones together. */
static void small_apart_from_large(void)
{
	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	T_EQ(ASK(.count = 16), 3584);
	T_EQ(ASK(.count = 512), 0);
	T_EQ(ASK(.count = 16), 3600);
	T_EQ(ASK(.count = 700), 512);
	T_EQ(ASK(.count = 100, .align_order = 7), 3584 + 128);
	T_EQ(ASK(.count = 400), 3072); /* not in what is left of the last block */
	T_EQ(ASK(.count = 90), 3616);
	/* The last block is whole again: it counts no longer as broken, the other one does. */
	T_OK(cma_release(cma, base + 3584, 32) && cma_release(cma, base + 3712, 100) &&
		     cma_release(cma, base + 3616, 90),
	     "");
	T_EQ(ASK(.count = 50), 3472);
	TP_CHECK(m);
	/* With no block left for it a small one goes where there is room. */
	T_EQ(ASK(.count = 1024, .low = base + 1536), 1536);
	T_EQ(ASK(.count = 512, .low = base + 2560), 2560);
	T_EQ(ASK(.count = 512, .low = base + 3584), 3584);
	T_EQ(ASK(.count = 200), 1212);
	end();
}

/* Small buffers come and go for long; in the end a large one still fits. */
static void does_not_fragment(void)
{
	pfn_t held[64] = {0};
	uint64_t seed = 5;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int k;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		k = seed >> 40 & 63;
		if (held[k]) {
			T_OK(cma_release(cma, held[k], 1 + k / 4), "");
			held[k] = 0;
		} else if (!T_EQ(cma_alloc(cma, 1 + k / 4, 0, 0, &held[k]), 0)) {
			break;
		}
		if (i % 500 == 0) {
			if (!T_EQ(cma_alloc(cma, 7 * 512, 0, 0, &pfn), 0))
				break;
			T_OK(cma_release(cma, pfn, 7 * 512), "");
		}
	}
	end();
}

/* What cannot move is gone round, in every policy but Linux's at a window's step. */
static void round_what_is_stuck(void)
{
	struct cma_failure f[20];
	pfn_t raw;

	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	/* A frame that never gets into an object breaks the rules; nobody else suffers. */
	raw = base + 100;
	{
		struct block_state s = block_lock(m, machine_block(m, raw)), n = s;

		block_claim(m, machine_block(m, raw), &n, 100, 101);
		block_unlock(m, machine_block(m, raw), s, n);
	}
	T_EQ(ASK(.count = 1024, .high = base + 1125), 101);
	T_EQ(cma_failures(cma, f, 20), 0);
	T_EQ(ASK(.count = 101, .high = base + 101), -FH_EBUSY);
	T_EQ(cma_failures(cma, f, 20), 1);
	T_EQ(f[0].error, -FH_EBUSY);
	T_EQ(f[0].pfn, raw);
	T_EQ(f[0].owner, CMA_OWNER_RAW);
	T_OK(f[0].since_ns && f[0].since_ns < f[0].time_ns, "since when");
	T_EQ(fh_free_pages(m, raw, 0), 0);
	end();
}

static uint64_t slow_clock_at;
static uint64_t slow_clock(void *ctx)
{
	(void)ctx;
	return slow_clock_at++;
}

static _Atomic(uint32_t) cancel;
static uint64_t cancel_clock(void *ctx)
{
	(void)ctx;
	if (++slow_clock_at == 3)
		atomic_store(&cancel, 1);
	return slow_clock_at;
}

/* Given up in the middle: told apart, and everything is as before. */
static void deadline_and_cancel(void)
{
	struct cma_stats before, after;
	struct cma_failure f;
	uint64_t v;

	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	tenants(0, 2048);
	m->plat.clock_ns = slow_clock;
	slow_clock_at = 1000;
	cma_get_stats(cma, &before);
	/* Over before it begins: what is not free at once is left alone. */
	T_EQ(ASK(.count = 512, .high = base + 512, .deadline_ns = 500), -FH_ETIMEDOUT);
	cma_get_stats(cma, &after);
	T_EQ(after.pages_migrated, before.pages_migrated);
	T_EQ(ASK(.count = 512, .deadline_ns = 500), 2048);
	/* Over after two batches of 256. */
	T_EQ(ASK(.count = 2048, .high = base + 2048, .deadline_ns = slow_clock_at + 3),
	     -FH_ETIMEDOUT);
	cma_get_stats(cma, &after);
	T_OK(after.pages_migrated > before.pages_migrated &&
		     after.pages_migrated < before.pages_migrated + 1200,
	     "in the middle");
	cma_last_failure(cma, &f);
	T_EQ(f.error, -FH_ETIMEDOUT);
	T_EQ(f.request.count, 2048);
	TP_CHECK(m);
	/* In time. */
	T_EQ(ASK(.count = 16, .deadline_ns = slow_clock_at + 100), 3584);

	atomic_store(&cancel, 1);
	T_EQ(ASK(.count = 16, .cancel = &cancel), -FH_ECANCELED);
	atomic_store(&cancel, 0);
	tenants(0, 2048);
	m->plat.clock_ns = cancel_clock;
	slow_clock_at = 0;
	T_EQ(ASK(.count = 2048, .high = base + 2048, .cancel = &cancel, .deadline_ns = 1u << 30),
	     -FH_ECANCELED);
	cma_last_failure(cma, &f);
	T_EQ(f.error, -FH_ECANCELED);
	T_OK(!f.request.cancel, "nothing of the caller's is kept");
	atomic_store(&cancel, 0);
	T_EQ(ASK(.count = 2048, .high = base + 2048, .cancel = &cancel), 0);
	T_EQ(fh_object_read(o, 0, 0, &v, 8), 0);
	T_EQ(v, 1);
	end();
}

/* As an interrupt's handler that has stopped whoever holds locks on this CPU: its own ranks are none. */
static int64_t ask_from_interrupt(struct cma_request req)
{
	uint32_t *held = arch_held_ranks(), was = held ? *held : 0;
	int64_t r;

	if (held)
		*held = 0;
	req.flags |= CMA_NOWAIT;
	r = ask(req);
	if (held)
		*held = was;
	return r;
}

/* CMA_NOWAIT: what is free at once, and nothing else. */
static void nowait(void)
{
	struct cma_failure f;
	struct cma_stats st, after;

	for (enum cma_policy p = 0; p < CMA_NR_POLICIES; p++) {
		T_NEED(start(p, NULL));
		T_EQ(cma_set_share(cma, 50), 0);
		tenants(2048, 4096);
		cma_get_stats(cma, &st);
		T_OK(p == CMA_POLICY_CARVEOUT || p == CMA_POLICY_DISCARD || st.lent > 1900,
		     "the upper half is lent");
		T_EQ(ASK(.count = 1500, .flags = CMA_NOWAIT), 0);
		if (st.lent)
			T_EQ(ASK(.count = 1000, .flags = CMA_NOWAIT), -FH_EAGAIN);
		T_EQ(ASK(.count = 4, .flags = CMA_NOWAIT, .high = base + 2048), 1536);
		cma_get_stats(cma, &after);
		T_EQ(after.pages_migrated + after.pages_dropped,
		     st.pages_migrated + st.pages_dropped);
		T_EQ(cma_failures(cma, &f, 1), 0);
		/* Who holds a lock is not waited for. */
		fh_lock(&cma->lock);
		T_EQ(ask_from_interrupt((struct cma_request){.count = 4, .high = base + 2048}),
		     -FH_EAGAIN);
		fh_unlock(&cma->lock);
		{
			uint64_t b = machine_block(m, base + 1536);
			struct block_state s = block_lock(m, b);

			T_EQ(ask_from_interrupt((struct cma_request){
				     .count = 4, .low = base + 1536, .high = base + 2048}),
			     -FH_EAGAIN);
			block_unlock(m, b, s, s);
		}
		end();
	}
}

/* The ring: the last 16, newest first. */
static void records(void)
{
	struct cma_failure f[20];

	T_NEED(start(CMA_POLICY_GUARANTEED, NULL));
	T_EQ(cma_failures(cma, f, 20), 0);
	for (unsigned long i = 1; i <= 20; i++) {
		T_EQ(ASK(.count = 5000 + i), -FH_ENOMEM);
		T_EQ(cma_failures(cma, f, 20), i < 16 ? i : 16);
		T_EQ(f[0].request.count, 5000 + i);
	}
	T_EQ(f[15].request.count, 5005);
	T_EQ(cma_failures(cma, f, 3), 3);
	T_EQ(f[2].request.count, 5018);
	T_STR(cma_owner_name(CMA_OWNER_OBJECT), "object");
	T_STR(cma_owner_name((enum cma_owner)9), "?");
	end();
}

/* A pinned page in Linux's way: who, how often, since when. */
static void who_pins(void)
{
	struct cma_failure f;
	uint64_t i = 0, v = 1, before;
	pfn_t pfn = 0;

	T_NEED(start(CMA_POLICY_MOVABLE, NULL));
	while (i < PAGES && pfn < base && !fh_object_write(o, i, 0, &v, 8))
		T_EQ(fh_object_where(o, i++, &pfn), 0);
	before = machine_clock(m);
	T_EQ(fh_object_pin(o, i - 1, &pfn), 0);
	T_EQ(fh_object_pin(o, i - 1, &pfn), 0);
	T_OK(pfn >= base, "in the area");
	T_EQ(ASK(.count = 512, .low = pfn & ~511ul, .high = (pfn & ~511ul) + 512), -FH_EBUSY);
	cma_last_failure(cma, &f);
	T_EQ(f.pfn, pfn);
	T_STR(f.why, "pinned");
	T_EQ(f.owner, CMA_OWNER_OBJECT);
	T_EQ(f.owner_id, fh_object_id(o));
	T_EQ(f.pins, 2);
	T_OK(f.since_ns >= before && f.since_ns <= f.time_ns, "since when");
	T_EQ(fh_object_unpin(o, i - 1), 0);
	T_EQ(fh_object_unpin(o, i - 1), 0);
	end();
}

const struct t_case t_cases[] = {
	T(bad_requests),
	T(wishes_as_linux),
	T(wishes_ours),
	T(large_where_it_is_cheap),
	T(the_least_of_all),
	T(drop_rather_than_move),
	T(small_apart_from_large),
	T(does_not_fragment),
	T(round_what_is_stuck),
	T(deadline_and_cancel),
	T(nowait),
	T(records),
	T(who_pins),
	T_END,
};
