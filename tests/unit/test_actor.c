/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an actor keeps of a refusal: the area's record, and the tenant that it names. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include "t.h"
#include "run_state.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *o;
static struct job_actor spec[3];
static struct run run;
static struct run_result result;

static bool start(void)
{
	static const char *const names[] = {"camera", "direct io", "direct_io2"};

	m = testplat_start(&tp, 16, 8, CMA_POLICY_MOVABLE, 1);
	if (!m)
		return false;
	cma = cma_find(m, "area");
	memset(&run, 0, sizeof(run));
	memset(&result, 0, sizeof(result));
	run.result = &result;
	run.nr_actors = 3;
	pthread_mutex_init(&run.lock, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		strcpy(spec[i].name, names[i]);
		spec[i].kind = i ? ACTOR_PIN : ACTOR_DEVICE;
		run.actor[i] = (struct actor){.spec = &spec[i], .run = &run, .m = m};
	}
	return T_EQ(fh_object_create(m, 4096, NULL, NULL, &o), 0);
}

static void end(void)
{
	pthread_mutex_destroy(&run.lock);
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

static uint64_t page_inside(void)
{
	uint64_t i = 0, v = 1;
	pfn_t pfn = 0;

	while (i < 4096 && fh_pfn_to_phys(pfn).v < cma_get_base(cma).v &&
	       !fh_object_write(o, i, 0, &v, 8))
		T_EQ(fh_object_where(o, i++, &pfn), 0);
	return i - 1;
}

static void a_pin(void)
{
	const struct refusal *r = result.refusal;
	pfn_t pfn, buffer;
	uint64_t i;
	int err;

	T_NEED(start());
	for (unsigned int k = 1; k < 3; k++)
		run.actor[k].pinner = actor_pinner(m, run.actor[k].spec);
	T_NEED(run.actor[1].pinner && run.actor[2].pinner);
	i = page_inside();
	T_EQ(fh_object_pin_by(o, i, run.actor[1].pinner, &pfn), 0);
	T_EQ(fh_object_pin_by(o, i, run.actor[2].pinner, &pfn), 0);
	err = cma_alloc(cma, 2048, 0, CMA_NO_WARN, &buffer);
	T_EQ(err, -FH_EBUSY);
	actor_refused(&run.actor[0], cma, err);
	actor_refused(&run.actor[0], cma, err);
	T_EQ(result.nr_refusals, 1);
	T_EQ(r->n, 2);
	T_EQ(r->pfn, pfn);
	T_EQ(r->pins, 2);
	T_STR(r->why, "pinned");
	T_STR(r->actor, "camera");
	T_STR(r->holder ? r->holder : "-", "direct io"); /* the first, by its name in the job */
	T_STR(r->holder_kind ? r->holder_kind : "-", "pin");
	T_EQ(fh_object_unpin_by(o, i, run.actor[1].pinner), 0);
	T_EQ(fh_object_unpin_by(o, i, run.actor[2].pinner), 0);
	end();
}

/* Nobody is accused who is not named. */
static void no_name(void)
{
	const struct refusal *r = result.refusal;
	pfn_t pfn, buffer;
	uint64_t i;

	T_NEED(start());
	i = page_inside();
	T_EQ(fh_object_pin(o, i, &pfn), 0);
	T_EQ(cma_alloc(cma, 2048, 0, CMA_NO_WARN, &buffer), -FH_EBUSY);
	actor_refused(&run.actor[0], cma, -FH_EBUSY);
	T_EQ(r->pins, 1);
	T_OK(!r->holder, "no name");
	actor_refused(&run.actor[0], cma, -FH_ENOMEM);
	T_EQ(result.nr_refusals, 2);
	T_STR(r[1].why, "not said"); /* the record is of another refusal */
	T_EQ(fh_object_unpin(o, i), 0);
	end();
}

const struct t_case t_cases[] = {T(a_pin), T(no_name), T_END};
