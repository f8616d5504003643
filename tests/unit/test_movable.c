/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/movable: pages of drivers: registration, the move, refusals, and every bad argument. */
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/migrate.h"
#include "t.h"
#include "testplat.h"

struct driver {
	pfn_t pfn;
	bool refuses;
	int error;
	unsigned int isolates, migrates, putbacks;
};

static struct testplat tp;
static struct fh_machine *m;

static bool drv_isolate(void *priv, pfn_t pfn)
{
	struct driver *d = priv;

	T_EQ(pfn, d->pfn);
	d->isolates++;
	/* While it is asked, the registration cannot be taken back. */
	T_EQ(fh_page_clear_movable(m, pfn), -FH_EBUSY);
	return !d->refuses;
}

static int drv_migrate(void *priv, pfn_t dst, pfn_t src)
{
	struct driver *d = priv;

	T_EQ(src, d->pfn);
	d->migrates++;
	if (d->error)
		return d->error;
	memcpy(fh_page_address(m, dst), fh_page_address(m, src), FH_PAGE_SIZE);
	d->pfn = dst;
	return 0;
}

static void drv_putback(void *priv, pfn_t pfn)
{
	struct driver *d = priv;

	T_EQ(pfn, d->pfn);
	d->putbacks++;
}

static const struct movable_operations ops = {drv_isolate, drv_migrate, drv_putback};

static bool start(struct driver *d)
{
	m = testplat_start(&tp, 32, 8, CMA_POLICY_MOVABLE, 1);
	*d = (struct driver){0};
	return m && T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &d->pfn), 0) &&
	       T_EQ(fh_page_set_movable(m, d->pfn, &ops, d), 0);
}

static void end(struct driver *d)
{
	T_EQ(fh_page_clear_movable(m, d->pfn), 0);
	T_EQ(fh_free_pages(m, d->pfn, 0), 0);
	testplat_end(&tp, m);
}

static void bad_arguments(void)
{
	struct fh_object *o;
	struct driver d;
	pfn_t pfn;

	T_NEED(start(&d));
	T_EQ(fh_page_set_movable(NULL, d.pfn, &ops, &d), -FH_EINVAL);
	T_EQ(fh_page_set_movable(m, d.pfn, NULL, &d), -FH_EINVAL);
	T_EQ(fh_page_set_movable(m, d.pfn, &ops, &d), -FH_EINVAL); /* already */
	T_EQ(fh_page_set_movable(m, m->base_pfn - 1, &ops, &d), -FH_EINVAL);
	T_EQ(fh_page_set_movable(m, UINT64_MAX, &ops, &d), -FH_EINVAL);
	T_EQ(fh_page_set_movable(m, m->base_pfn + 4000, &ops, &d), -FH_EINVAL); /* free */
	T_EQ(fh_page_clear_movable(NULL, d.pfn), -FH_EINVAL);
	T_EQ(fh_page_clear_movable(m, UINT64_MAX), -FH_EINVAL);
	T_EQ(fh_page_clear_movable(m, m->base_pfn + 4000), -FH_EINVAL);
	T_EQ(fh_object_create(m, 1, NULL, NULL, &o), 0);
	T_EQ(fh_object_write(o, 0, 0, "x", 1), 0);
	T_EQ(fh_object_where(o, 0, &pfn), 0);
	T_EQ(fh_page_set_movable(m, pfn, &ops, &d), -FH_EINVAL);
	T_EQ(fh_page_clear_movable(m, pfn), -FH_EINVAL);
	T_EQ(fh_free_pages(m, d.pfn, 0), -FH_EINVAL); /* registered */
	TP_CHECK(m);
	fh_object_destroy(o);
	end(&d);
}

static void no_memory_to_register(void)
{
	struct driver d;
	pfn_t pfn;

	T_NEED(start(&d));
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &pfn), 0);
	atomic_store(&tp.fail_nth, 1);
	T_EQ(fh_page_set_movable(m, pfn, &ops, &d), -FH_ENOMEM);
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	end(&d);
}

static void moves(void)
{
	struct driver d;
	pfn_t old;

	T_NEED(start(&d));
	old = d.pfn;
	strcpy(fh_page_address(m, old), "driver");
	T_EQ(migrate_movable(m, old), 0);
	T_OK(d.pfn != old, "elsewhere");
	T_STR(fh_page_address(m, d.pfn), "driver");
	T_EQ(frame_state(machine_frame(m, old)), FRAME_RAW);
	T_EQ(d.isolates, 1);
	T_EQ(d.migrates, 1);
	T_EQ(d.putbacks, 0);
	T_EQ(migrate_movable(m, old), -FH_EAGAIN); /* no longer such a page */
	T_EQ(fh_free_pages(m, old, 0), 0);
	TP_CHECK(m);
	end(&d);
}

static void refuses_and_fails(void)
{
	struct driver d;

	T_NEED(start(&d));
	d.refuses = true;
	T_EQ(migrate_movable(m, d.pfn), -FH_EAGAIN);
	T_EQ(d.putbacks, 0); /* nothing was isolated */
	d.refuses = false;
	d.error = -FH_EBUSY;
	T_EQ(migrate_movable(m, d.pfn), -FH_EAGAIN);
	T_EQ(d.isolates, 2);
	T_EQ(d.migrates, 1);
	T_EQ(d.putbacks, 1);
	T_EQ(frame_state(machine_frame(m, d.pfn)), FRAME_MOVABLE);
	TP_CHECK(m);
	end(&d);
}

/* A driver that does not let go keeps a `movable` area busy, and the record says so. */
static void in_the_way(void)
{
	struct cma_failure f;
	struct driver d = {0};
	struct cma *cma;
	pfn_t buffer;

	m = testplat_start(&tp, 16, 12, CMA_POLICY_MOVABLE, 1);
	T_NEED(m);
	cma = cma_find(m, "area");
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &d.pfn), 0);
	T_OK(fh_pfn_to_phys(d.pfn).v >= cma_get_base(cma).v,
	     "most is free in the area: placed there");
	T_EQ(fh_page_set_movable(m, d.pfn, &ops, &d), 0);
	d.refuses = true;
	T_EQ(cma_alloc(cma, 3072, 0, CMA_NO_WARN, &buffer), -FH_EBUSY);
	cma_last_failure(cma, &f);
	T_EQ(f.pfn, d.pfn);
	T_STR(f.why, "its driver does not let go");
	d.refuses = false;
	T_EQ(cma_alloc(cma, 3072, 0, 0, &buffer), 0);
	T_OK(fh_pfn_to_phys(d.pfn).v < cma_get_base(cma).v, "moved out");
	TP_CHECK(m);
	T_OK(cma_release(cma, buffer, 3072), "");
	end(&d);
}

/* Its driver would let go, but there is nowhere to go: that is another error than -FH_EBUSY. */
static void nowhere_to_go(void)
{
	static pfn_t taken[4096];
	struct cma_failure f;
	struct driver d = {0};
	struct cma *cma;
	uint64_t n = 0;
	pfn_t buffer;

	m = testplat_start(&tp, 16, 12, CMA_POLICY_MOVABLE, 1);
	T_NEED(m);
	cma = cma_find(m, "area");
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &d.pfn), 0);
	T_EQ(fh_page_set_movable(m, d.pfn, &ops, &d), 0);
	/* To the last frame, whatever the watermarks say. */
	while (n < 4096 && !fh_alloc_pages(m, GFP_KERNEL | GFP_EVACUATE, 0, &taken[n]))
		n++;
	T_EQ(cma_alloc(cma, 3072, 0, CMA_NO_WARN, &buffer), -FH_ENOMEM);
	cma_last_failure(cma, &f);
	T_STR(f.why, "no frame to move it to");
	TP_CHECK(m);
	while (n--)
		T_EQ(fh_free_pages(m, taken[n], 0), 0);
	T_EQ(cma_alloc(cma, 3072, 0, 0, &buffer), 0);
	T_OK(cma_release(cma, buffer, 3072), "");
	end(&d);
}

const struct t_case t_cases[] = {
	T(bad_arguments), T(no_memory_to_register), T(moves), T(refuses_and_fails),
	T(in_the_way),	  T(nowhere_to_go),	    T_END};
