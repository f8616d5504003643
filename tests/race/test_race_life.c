/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Races of objects and mappings that come and go with who moves, drops and uses their pages. */
#include <stdlib.h>
#include <string.h>
#include "crew.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "t.h"

/* ---- birth and death of objects while their pages are on the move ---- */

static int zero_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 0, FH_PAGE_SIZE);
	return 0;
}

static const struct fh_object_ops zero_ops = {zero_read, NULL};

/* Clean pages: dropped by others at the very moment they are given up. */
static void short_lived_cache(struct thread *t)
{
	struct fh_object *o;
	uint32_t v;
	int err = fh_object_create(m, 64, &zero_ops, NULL, &o);

	(void)t;
	fair(err);
	if (err)
		return;
	for (uint32_t i = 0; i < 64 && !err; i++)
		err = fh_object_read(o, i, 0, &v, 4);
	fair(err);
	fh_object_destroy(o);
}

static void objects_come_and_go(void)
{
	if (!crew_start(16, 8, CMA_POLICY_GUARANTEED))
		return;
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i % 3 == 0 ? short_lives : i % 3 == 1 ? short_lived_cache : device;
	crew_race();
	pcp_drain_all(m);
	crew_end();
}

/* ---- a mapping goes while another of the same space is used ---- */

static void remap(struct thread *t)
{
	uint64_t va = 64 + t->cpu * 64;
	uint32_t v = rnd(t), w = 0;
	int err = fh_space_map(thread[0].space, va, thread[0].o, t->cpu * 32, 32);

	fair(err);
	if (err)
		return;
	err = fh_space_store(thread[0].space, va + v % 32, 0, &v, 4);
	if (!err)
		err = fh_space_load(thread[0].space, va + v % 32, 0, &w, 4);
	fair(err);
	must(err || v == w, "a tenant finds what it wrote");
	must(!fh_space_unmap(thread[0].space, va), "a mapping can be removed");
}

static void mappings_come_and_go(void)
{
	if (!crew_start(16, 8, CMA_POLICY_GUARANTEED))
		return;
	thread[0].host = testplat_space(&tp);
	T_EQ(fh_object_create(m, OBJECT_PAGES, NULL, NULL, &thread[0].o), 0);
	T_EQ(fh_space_create(m, thread[0].host, &thread[0].space), 0);
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i % 3 == 2 ? device : remap;
	crew_race();
	tenant_fini(&thread[0]);
	pcp_drain_all(m);
	crew_end();
}

/* ---- the very mapping that is used goes ---- */

static void touch_or_unmap(struct thread *t)
{
	uint32_t v = 0;
	int err;

	if (t->cpu) {
		err = fh_space_load(thread[0].space, 64 + rnd(t) % 32, 0, &v, 4);
		must(!err || err == -FH_EFAULT || err == -FH_ENOMEM, "an error of the contract");
		return;
	}
	must(!fh_space_unmap(t->space, 64), "a mapping can be removed");
	fair(fh_space_map(t->space, 64, t->o, 0, 32));
}

/* In a child: what is used after it was freed may end the process. */
static void unmap_used(void *arg)
{
	(void)arg;
	crew_race();
	if (atomic_load(&wrong))
		abort();
}

static void unmapped_while_used(void)
{
	if (!crew_start(16, 8, CMA_POLICY_GUARANTEED))
		return;
	thread[0].host = testplat_space(&tp);
	T_EQ(fh_object_create(m, OBJECT_PAGES, NULL, NULL, &thread[0].o), 0);
	T_EQ(fh_space_create(m, thread[0].host, &thread[0].space), 0);
	T_EQ(fh_space_map(thread[0].space, 64, thread[0].o, 0, 32), 0);
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = touch_or_unmap;
	T_OK(!testplat_dies(unmap_used, NULL), "munmap() beside a fault is legal");
	tenant_fini(&thread[0]);
	crew_end();
}

const struct t_case t_cases[] = {T(objects_come_and_go), T(mappings_come_and_go),
				 T(unmapped_while_used), T_END};
