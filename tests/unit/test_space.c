/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/object.h>: spaces: mapping, faulting, the mirror, and every bad argument. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/objects.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *o, *file;
static struct fh_space *s;
static struct tp_space *host;
static unsigned int writes;

static int ops_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 'a' + (int)(index % 26), FH_PAGE_SIZE);
	return 0;
}

static int ops_write(void *priv, uint64_t index, const void *page)
{
	(void)priv, (void)index, (void)page;
	writes++;
	return 0;
}

static const struct fh_object_ops ops = {ops_read, ops_write};

static bool start(void)
{
	writes = 0;
	m = testplat_start(&tp, 32, 8, CMA_POLICY_GUARANTEED, 1);
	host = testplat_space(&tp);
	return m && T_EQ(fh_object_create(m, 256, NULL, NULL, &o), 0) &&
	       T_EQ(fh_object_create(m, 256, &ops, NULL, &file), 0) &&
	       T_EQ(fh_space_create(m, host, &s), 0);
}

static void end(void)
{
	TP_SPACE_CHECK(s, host);
	fh_space_destroy(s);
	for (uint64_t va = 0; va < TP_SPACE_PAGES; va++)
		if (!T_OK(!testplat_see(host, va), "all is unmapped"))
			break;
	fh_object_destroy(o);
	fh_object_destroy(file);
	testplat_end(&tp, m);
	free(host);
}

static void bad_arguments(void)
{
	struct fh_space *none = NULL;
	char b[1];

	T_NEED(start());
	T_EQ(fh_space_create(NULL, NULL, &none), -FH_EINVAL);
	T_EQ(fh_space_create(m, NULL, NULL), -FH_EINVAL);
	T_EQ(fh_space_map(NULL, 0, o, 0, 1), -FH_EINVAL);
	T_EQ(fh_space_map(s, 0, NULL, 0, 1), -FH_EINVAL);
	T_EQ(fh_space_map(s, 0, o, 0, 0), -FH_EINVAL);
	T_EQ(fh_space_map(s, 0, o, 256, 1), -FH_EINVAL);
	T_EQ(fh_space_map(s, 0, o, 1, 256), -FH_EINVAL);
	T_EQ(fh_space_map(s, 0, o, 1, UINT64_MAX), -FH_EINVAL);
	T_EQ(fh_space_map(s, UINT64_MAX, o, 0, 2), -FH_EINVAL);
	T_EQ(fh_space_unmap(s, 0), -FH_EINVAL);
	T_EQ(fh_space_unmap(NULL, 0), -FH_EINVAL);
	T_EQ(fh_space_fault(NULL, 0, 0), -FH_EFAULT);
	T_EQ(fh_space_fault(s, 0, 0), -FH_EFAULT);
	T_EQ(fh_space_load(s, 0, 0, b, 1), -FH_EFAULT);
	T_EQ(fh_space_map(s, 8, o, 0, 8), 0);
	T_EQ(fh_space_load(s, 8, FH_PAGE_SIZE, b, 1), -FH_EINVAL);
	T_EQ(fh_space_store(s, 8, 1, b, SIZE_MAX), -FH_EINVAL);
	T_EQ(fh_space_load(s, 7, 0, b, 1), -FH_EFAULT);
	T_EQ(fh_space_load(s, 16, 0, b, 1), -FH_EFAULT);
	T_EQ(fh_space_unmap(s, 9), -FH_EINVAL);
	T_EQ(fh_space_unmap(s, 8), 0);
	T_EQ(fh_space_unmap(s, 8), -FH_EINVAL);
	fh_space_destroy(NULL);
	end();
}

/*
 *	va	0123456789abcdef
 *		....AAAA..BB....
 */
static void overlaps(void)
{
	T_NEED(start());
	T_EQ(fh_space_map(s, 4, o, 0, 4), 0);
	T_EQ(fh_space_map(s, 10, o, 0, 2), 0);
	for (uint64_t va = 0; va < 16; va++) {
		for (uint64_t nr = 1; va + nr <= 16; nr++) {
			bool over = (va < 8 && va + nr > 4) || (va < 12 && va + nr > 10);
			int err = fh_space_map(s, va, o, 0, nr);

			T_EQ(err, over ? -FH_EINVAL : 0);
			if (!err)
				T_EQ(fh_space_unmap(s, va), 0);
		}
	}
	end();
}

/* The same pages at two places and in two spaces: one's store is the other's load. */
static void shared(void)
{
	struct fh_space *t;
	char b[4];

	T_NEED(start());
	T_EQ(fh_space_create(m, NULL, &t), 0);
	T_EQ(fh_space_map(s, 0, o, 0, 64), 0);
	T_EQ(fh_space_map(s, 100, o, 32, 64), 0);
	T_EQ(fh_space_map(t, 1000000, o, 0, 256), 0);
	T_EQ(fh_space_store(s, 40, 5, "abc", 4), 0);
	T_EQ(fh_space_load(s, 108, 5, b, 4), 0);
	T_STR(b, "abc");
	T_EQ(fh_space_load(t, 1000040, 5, b, 4), 0);
	T_STR(b, "abc");
	T_EQ(fh_object_read(o, 40, 5, b, 4), 0);
	T_STR(b, "abc");
	T_STR((char *)testplat_see(host, 40) + 5, "abc");
	TP_CHECK(m);
	TP_SPACE_CHECK(s, host);
	T_EQ(fh_space_unmap(s, 0), 0);
	T_OK(!testplat_see(host, 40), "gone");
	T_EQ(fh_space_load(s, 108, 5, b, 4), 0);
	fh_space_destroy(t);
	end();
}

/* A file's clean page cannot be written without a fault, which makes it dirty. */
static void a_file_gets_dirty(void)
{
	char b;

	T_NEED(start());
	T_EQ(fh_space_map(s, 0, file, 0, 16), 0);
	T_EQ(fh_space_load(s, 3, 0, &b, 1), 0);
	T_EQ(b, 'd');
	T_EQ(atomic_load(&host->pte[3]) & 3, 1); /* present, not writable */
	T_EQ(fh_object_writeback(file, 3), 0);
	T_EQ(writes, 0);
	T_EQ(fh_space_store(s, 3, 0, "X", 1), 0);
	T_EQ(atomic_load(&host->pte[3]) & 3, 3);
	TP_CHECK(m);
	T_EQ(fh_object_writeback(file, 3), 0);
	T_EQ(writes, 1);
	T_EQ(atomic_load(&host->pte[3]) & 3, 1);
	TP_CHECK(m);
	T_EQ(fh_space_store(s, 3, 0, "Y", 1), 0);
	T_EQ(fh_object_writeback(file, 3), 0);
	T_EQ(writes, 2);
	end();
}

/* Neighbours that come as one run cost one mapping of the platform. */
static void faults_bring_runs(void)
{
	uint64_t present = 0;

	T_NEED(start());
	T_EQ(fh_space_map(s, 0, o, 0, 256), 0);
	T_EQ(fh_space_fault(s, 70, FH_FAULT_WRITE), 0);
	for (uint64_t va = 0; va < 256; va++)
		present += testplat_see(host, va) != NULL;
	T_OK(present > 1 && present <= 64, "a run around");
	T_EQ(atomic_load(&host->maps), 1);
	T_OK(testplat_see(host, 70), "and the page itself");
	T_EQ(fh_space_fault(s, 70, FH_FAULT_WRITE), 0);
	TP_CHECK(m);
	end();
}

static void emptied(void *data, pfn_t pfn)
{
	(void)data;
	T_EQ(fh_free_pages(m, pfn, 0), 0);
}

/* All pages move: the mirror shows the same bytes elsewhere. */
static void moves_with_the_pages(void)
{
	struct migrate_result r = {0};
	enum frame_state state;
	pfn_t pfn[64], now;

	T_NEED(start());
	T_EQ(fh_space_map(s, 0, o, 0, 64), 0);
	for (uint64_t i = 0; i < 64; i++)
		T_EQ(fh_space_store(s, i, 0, &i, 8), 0);
	for (uint64_t i = 0; i < 64; i++) {
		T_EQ(fh_object_where(o, i, &pfn[i]), 0);
		T_OK(lru_isolate(m, pfn[i], &state), "");
	}
	now = pfn[5];
	migrate_pages(m, pfn, 64, MIGRATE_OUT, emptied, NULL, &r);
	T_EQ(r.moved, 64);
	T_EQ(fh_object_where(o, 5, &pfn[5]), 0);
	T_OK(pfn[5] != now, "elsewhere");
	TP_SPACE_CHECK(s, host);
	for (uint64_t i = 0; i < 64; i++) {
		uint64_t *seen = testplat_see(host, i);

		T_OK(seen && *seen == i, "its bytes");
	}
	end();
}

static void punch_unmaps(void)
{
	char b = 1;

	T_NEED(start());
	T_EQ(fh_space_map(s, 0, o, 0, 8), 0);
	T_EQ(fh_space_store(s, 2, 0, "x", 1), 0);
	T_OK(fh_object_punch(o, 0, 8) > 0, "");
	T_OK(!testplat_see(host, 2), "gone");
	T_EQ(fh_space_load(s, 2, 0, &b, 1), 0);
	T_EQ(b, 0);
	TP_CHECK(m);
	end();
}

/* The platform has no room for another mapping: an error, and next time it works. */
static void platform_refuses(void)
{
	char b;

	T_NEED(start());
	T_EQ(fh_space_map(s, 0, o, 0, 8), 0);
	T_EQ(fh_object_write(o, 1, 0, "y", 1), 0);
	atomic_store(&tp.fail_nth, 1);
	T_EQ(fh_space_load(s, 1, 0, &b, 1), -FH_ENOMEM);
	TP_SPACE_CHECK(s, host);
	TP_CHECK(m);
	T_EQ(fh_space_load(s, 1, 0, &b, 1), 0);
	T_EQ(b, 'y');
	end();
}

const struct t_case t_cases[] = {
	T(bad_arguments),     T(overlaps),	    T(shared),
	T(a_file_gets_dirty), T(faults_bring_runs), T(moves_with_the_pages),
	T(punch_unmaps),      T(platform_refuses),  T_END};
