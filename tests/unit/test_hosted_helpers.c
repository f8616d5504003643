/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* plat/hosted/helpers: a call runs its function here, on others if there are any, and ends after all of them. */
#include <pthread.h>
#include <sched.h>
#include <freehold/hosted.h>
#include "t.h"

#define CALLERS 4
#define CALLS	200

static struct hosted *h;
static const struct plat *plat;

/* What a call works on: of no use to anybody once it has returned. */
struct work {
	_Atomic(unsigned int) left, runs, inside;
	bool over;
};

static _Atomic(unsigned int) late, helped;

static void run(void *data)
{
	struct work *w = data;

	atomic_fetch_add(&w->runs, 1);
	atomic_fetch_add(&w->inside, 1);
	for (unsigned int left = atomic_load(&w->left); left;) {
		if (atomic_compare_exchange_weak(&w->left, &left, left - 1))
			sched_yield();
		if (w->over)
			atomic_fetch_add(&late, 1);
	}
	atomic_fetch_sub(&w->inside, 1);
}

static void *caller(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < CALLS; i++) {
		struct work w = {.left = 50};

		plat->parallel(plat->ctx, i % 3, run, &w);
		w.over = true;
		if (w.inside || w.left || !w.runs)
			atomic_fetch_add(&late, 1);
		atomic_fetch_add(&helped, w.runs - 1);
	}
	return NULL;
}

static void all_at_once(void)
{
	struct boot_bank bank = {UINT64_C(1) << 30, FH_PAGE_SIZE};
	struct hosted_opts opts = {.banks = &bank, .nr_banks = 1};
	struct hosted_why why;
	pthread_t id[CALLERS];
	cpu_set_t set;

	T_NEED(!hosted_create(&opts, &h, &why));
	plat = hosted_plat(h);
	for (unsigned int i = 0; i < CALLERS; i++)
		T_NEED(!pthread_create(&id[i], NULL, caller, NULL));
	for (unsigned int i = 0; i < CALLERS; i++)
		T_EQ(pthread_join(id[i], NULL), 0);
	T_EQ(late, 0);
	if (!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) > 1)
		T_OK(helped, "others came, some of the time");
	hosted_destroy(h);
}

const struct t_case t_cases[] = {T(all_at_once), T_END};
