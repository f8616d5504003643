/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/terms, mm/lend, mm/evict: who may be in a `discard` area, and what leaves when terms change. */
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define PAGES 8192

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *anon, *file;
static pfn_t base;
static uint64_t disk[PAGES];

static int ops_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &disk[index], 8);
	return 0;
}

static int ops_write(void *priv, uint64_t index, const void *page)
{
	(void)priv;
	memcpy(&disk[index], page, 8);
	return 0;
}

static const struct fh_object_ops ops = {ops_read, ops_write};

/* 32 MiB, the upper 16 of them the area. */
static bool start(enum cma_policy policy)
{
	m = testplat_start(&tp, 32, 16, policy, 2);
	cma = m ? cma_find(m, "area") : NULL;
	if (!cma)
		return false;
	base = fh_phys_to_pfn(cma_get_base(cma));
	for (uint64_t i = 0; i < PAGES; i++)
		disk[i] = i + 7;
	return T_EQ(fh_object_create(m, PAGES, NULL, NULL, &anon), 0) &&
	       T_EQ(fh_object_create(m, PAGES, &ops, NULL, &file), 0);
}

static void end(void)
{
	TP_CHECK(m);
	fh_object_destroy(anon);
	fh_object_destroy(file);
	testplat_end(&tp, m);
}

/* Pages of the object in blocks [lo, hi) of the area. */
static uint64_t inside(struct fh_object *o, uint64_t lo, uint64_t hi)
{
	uint64_t n = 0;
	pfn_t pfn;

	for (uint64_t i = 0; i < PAGES; i++)
		n += !fh_object_where(o, i, &pfn) && pfn >= base + lo * 512 &&
		     pfn < base + hi * 512;
	return n;
}

/* Pages of the object, as many as come, from `first` on. */
static uint64_t fill(struct fh_object *o, uint64_t first, uint64_t max)
{
	uint64_t n = 0, v;

	for (; n < max; n++) {
		v = first + n + 1;
		if (o == anon ? fh_object_write(o, first + n, 0, &v, 8)
			      : fh_object_read(o, first + n, 0, &v, 8))
			break;
	}
	return n;
}

static void same_bytes(uint64_t nr_anon)
{
	uint64_t v;

	for (uint64_t i = 0; i < nr_anon; i++)
		if (!T_EQ(fh_object_read(anon, i, 0, &v, 8), 0) || !T_EQ(v, i + 1))
			break;
	for (uint64_t i = 0; i < PAGES; i += 64)
		if (!T_EQ(fh_object_read(file, i, 0, &v, 8), 0) || !T_EQ(v, disk[i]))
			break;
}

static void discard_takes_clean_cache_only(void)
{
	uint64_t n;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_DISCARD));
	n = fill(anon, 0, PAGES);
	T_OK(n > 3000 && n < 4096, "anonymous memory fits outside and no further");
	T_EQ(inside(anon, 0, 8), 0);
	T_EQ(fh_object_punch(anon, 200, PAGES), n - 200);
	T_EQ(fill(file, 0, 4096), 4096);
	T_EQ(inside(file, 0, 8), 4096);
	T_EQ(cma_alloc(cma, 4096, 0, 0, &pfn), 0);
	T_EQ(inside(file, 0, 8), 0);
	T_OK(cma_release(cma, pfn, 4096), "");
	T_EQ(cma->pages_dropped, 4096);
	same_bytes(200);
	end();
}

/* Full to the last frame, and beyond: old cache makes room for new, inside as well. */
static void discard_when_all_is_full(void)
{
	T_NEED(start(CMA_POLICY_DISCARD));
	T_OK(fill(anon, 0, 3500) == 3500, "");
	T_EQ(fill(file, 0, PAGES), PAGES);
	T_OK(inside(file, 0, 8) > 3900, "the area is in use");
	same_bytes(3500);
	end();
}

/* Dirtied by a call or through a mapping, pinned: it is outside by then. */
static void discard_lets_go_first(void)
{
	struct fh_space *s;
	uint64_t v = 99;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_DISCARD));
	T_EQ(fill(file, 0, 100), 100);
	T_EQ(inside(file, 0, 8), 100);
	T_EQ(fh_object_write(file, 3, 0, &v, 8), 0);
	T_OK(!fh_object_where(file, 3, &pfn) && pfn < base, "written: outside");
	T_EQ(fh_object_pin(file, 4, &pfn), 0);
	T_OK(pfn < base, "pinned: outside");
	T_EQ(fh_object_unpin(file, 4), 0);
	T_EQ(fh_space_create(m, NULL, &s), 0);
	T_EQ(fh_space_map(s, 0, file, 0, 100), 0);
	T_EQ(fh_space_load(s, 5, 0, &v, 8), 0);
	T_EQ(v, 5 + 7);
	T_OK(!fh_object_where(file, 5, &pfn) && pfn >= base, "read: still inside");
	T_EQ(fh_space_store(s, 5, 0, &v, 8), 0);
	T_OK(!fh_object_where(file, 5, &pfn) && pfn < base, "stored to: outside");
	TP_CHECK(m);
	T_EQ(fh_object_writeback(file, 5), 0);
	T_EQ(inside(file, 0, 8), 97);
	fh_space_destroy(s);
	end();
}

/* Written where nothing outside is free or can be dropped: refused, and nothing has changed. */
static void discard_without_room_outside(void)
{
	uint64_t v = 5;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_DISCARD));
	T_EQ(fill(anon, 0, 3000), 3000);
	T_EQ(fill(file, 0, 2000), 2000);
	T_EQ(inside(file, 0, 8), 2000);
	while (!fh_alloc_pages(m, GFP_ATOMIC, 0, &pfn))
		;
	for (uint64_t i = 0; i < 2000 && v == 5; i++)
		if (fh_object_write(file, i, 0, &v, 8))
			v = 10000 + i;
	T_OK(v >= 10000, "sooner or later there is no room");
	T_EQ(fh_object_read(file, v - 10000, 0, &v, 8), 0);
	TP_CHECK(m);
	fh_object_destroy(anon);
	fh_object_destroy(file);
	fh_machine_destroy(m); /* the raw frames go with it */
	testplat_fini(&tp);
}

static void from_each_to_each(void)
{
	for (unsigned int from = 0; from < CMA_NR_POLICIES; from++)
		for (unsigned int to = 0; to < CMA_NR_POLICIES; to++) {
			uint64_t v = 1;

			T_NEED(start((enum cma_policy)from));
			T_EQ(fill(anon, 0, 2000), 2000);
			T_EQ(fill(file, 0, 3500), 3500);
			for (uint64_t i = 1; i < 500; i += 64) /* not what same_bytes() looks at */
				T_EQ(fh_object_write(file, i, 0, &v, 8), 0);
			TP_CHECK(m);
			T_EQ(cma_set_policy(cma, (enum cma_policy)to), 0);
			T_EQ(cma_get_policy(cma), to);
			TP_CHECK(m);
			if (to == CMA_POLICY_CARVEOUT)
				T_EQ(inside(file, 0, 8) + inside(anon, 0, 8), 0);
			if (to == CMA_POLICY_DISCARD)
				T_EQ(inside(anon, 0, 8), 0);
			same_bytes(2000);
			end();
		}
}

/* To `guaranteed`: what cannot be dropped must fit outside (G2). */
static void capacity(void)
{
	struct cma_failure f;
	uint64_t n;

	T_NEED(start(CMA_POLICY_MOVABLE));
	n = fill(anon, 0, PAGES);
	T_OK(n > 7000, "both halves are full");
	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), -FH_ENOMEM);
	T_EQ(cma_get_policy(cma), CMA_POLICY_MOVABLE);
	T_EQ(m->capacity, 0);
	cma_last_failure(cma, &f);
	T_EQ(f.error, -FH_ENOMEM);
	T_OK(strstr(f.why, "does not fit"), f.why);
	TP_CHECK(m);
	T_EQ(fh_object_punch(anon, 3000, PAGES), n - 3000);
	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), 0);
	same_bytes(3000);
	end();
}

static bool stubborn_isolate(void *priv, pfn_t pfn)
{
	(void)pfn;
	return *(bool *)priv;
}

static int stubborn_migrate(void *priv, pfn_t dst, pfn_t src)
{
	(void)priv, (void)dst, (void)src;
	return -FH_EAGAIN;
}

static void stubborn_putback(void *priv, pfn_t pfn)
{
	(void)priv, (void)pfn;
}

/* Who does not leave: a driver's page, a frame of nobody's; each is named. */
static void who_stays(void)
{
	static const struct movable_operations stubborn = {stubborn_isolate, stubborn_migrate,
							   stubborn_putback};
	struct cma_failure f;
	bool lets = false;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(fill(anon, 0, 100), 100); /* more than half of what is free is in the area: as Linux */
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &pfn), 0);
	T_NEED(pfn >= base);
	T_EQ(cma_set_policy(cma, CMA_POLICY_CARVEOUT), -FH_EBUSY);
	cma_last_failure(cma, &f);
	T_EQ(f.pfn, pfn);
	T_STR(f.why, "taken, and in no object");
	T_EQ(fh_page_set_movable(m, pfn, &stubborn, &lets), 0);
	T_EQ(cma_set_policy(cma, CMA_POLICY_DISCARD), -FH_EBUSY);
	lets = true;
	T_EQ(cma_set_policy(cma, CMA_POLICY_DISCARD), -FH_EBUSY);
	cma_last_failure(cma, &f);
	T_EQ(f.pfn, pfn);
	T_STR(f.why, "its driver does not let go");
	T_EQ(cma_get_policy(cma), CMA_POLICY_MOVABLE);
	T_EQ(fh_page_clear_movable(m, pfn), 0);
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	end();
}

/* Buffers stay through every change of terms. */
static void devices_stay(void)
{
	pfn_t a, b;

	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(cma_alloc(cma, 700, 0, 0, &a), 0);
	T_EQ(fill(anon, 0, 5000), 5000);
	T_EQ(fh_object_punch(anon, 0, 3000), 3000);
	T_EQ(cma_alloc(cma, 10, 0, 0, &b), 0);
	memset(fh_page_address(m, a), 0x5a, 700 * FH_PAGE_SIZE);
	for (unsigned int to = CMA_NR_POLICIES; to-- > 0;) {
		T_EQ(cma_set_policy(cma, (enum cma_policy)to), 0);
		T_EQ(cma_set_share(cma, to * 25), 0);
		TP_CHECK(m);
	}
	for (uint64_t i = 0; i < 700; i++)
		if (!T_EQ(*(unsigned char *)fh_page_address(m, a + i), 0x5a))
			break;
	T_OK(cma_release(cma, a, 700) && cma_release(cma, b, 10), "");
	end();
}

/* Eight blocks: 60 percent are four, the upper ones. */
static void share(void)
{
	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(cma_get_share(cma), 100);
	T_EQ(cma_set_share(cma, 101), -FH_EINVAL);
	T_EQ(cma_set_share(NULL, 10), -FH_EINVAL);
	T_EQ(fill(file, 0, 4096), 4096);
	T_OK(inside(file, 0, 4) > 1900, "lent");
	T_EQ(cma_set_share(cma, 60), 0);
	TP_CHECK(m);
	T_EQ(inside(file, 0, 4), 0);
	T_OK(inside(file, 4, 8) > 1900, "the others stay");
	T_OK(fill(file, 0, PAGES) == PAGES, "");
	T_EQ(inside(file, 0, 4), 0);
	T_EQ(cma_set_share(cma, 100), 0);
	T_OK(fill(file, 0, PAGES) == PAGES, "");
	T_OK(inside(file, 0, 4) > 0, "lent again");
	T_EQ(cma_set_share(cma, 0), 0);
	T_EQ(inside(file, 0, 8), 0);
	T_EQ(cma_set_policy(cma, CMA_POLICY_DISCARD), 0);
	T_OK(fill(file, 0, PAGES) == PAGES, "");
	T_EQ(inside(file, 0, 8), 0);
	T_EQ(cma_set_share(cma, 12), 0); /* less than a block */
	T_EQ(cma_set_share(cma, 13), 0);
	T_OK(fill(file, 0, PAGES) == PAGES, "");
	T_EQ(inside(file, 0, 7), 0);
	T_EQ(inside(file, 7, 8), 512);
	end();
}

/* What this CPU cached of a block that is no longer lent is not handed out again. */
static void cached_words_come_back(void)
{
	uint64_t n;

	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(fill(anon, 0, 6000), 6000);
	n = inside(anon, 0, 8);
	T_OK(n > 1500, "lent");
	T_EQ(fh_object_punch(anon, 0, 6000), 6000);
	T_EQ(cma_set_policy(cma, CMA_POLICY_CARVEOUT), 0);
	T_OK(fill(anon, 0, 3000) == 3000, "");
	T_EQ(inside(anon, 0, 8), 0);
	end();
}

const struct t_case t_cases[] = {
	T(discard_takes_clean_cache_only),
	T(discard_when_all_is_full),
	T(discard_lets_go_first),
	T(discard_without_room_outside),
	T(from_each_to_each),
	T(capacity),
	T(who_stays),
	T(devices_stay),
	T(share),
	T(cached_words_come_back),
	T_END,
};
