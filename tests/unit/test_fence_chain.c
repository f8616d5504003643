/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Chains of <freehold/fence.h>: order, what is found, what is taken out; what is inside fences; one for several. */
#include <string.h>
#include <freehold/fence.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define N 6

static struct testplat tp;
static struct fh_machine *m;
static struct dma_fence *f[N]; /* a reference of each */
static unsigned int calls;

static bool start(void)
{
	m = testplat_start(&tp, 8, 0, CMA_POLICY_GUARANTEED, 1);
	calls = 0;
	for (unsigned int i = 0; m && i < N; i++)
		T_EQ(dma_fence_create(m, "drv", "line", i + 100, 1, &f[i]), 0);
	return m;
}

static void end(void)
{
	for (unsigned int i = 0; i < N; i++)
		dma_fence_put(f[i]);
	testplat_end(&tp, m);
}

static void count(struct dma_fence *at, void *arg)
{
	(void)at;
	(void)arg;
	calls++;
}

/* Points 10, 20, ... of f[0], f[1], ...; the last. */
static struct dma_fence *chain(unsigned int n)
{
	struct dma_fence *c = NULL;

	for (unsigned int i = 0; i < n; i++)
		T_EQ(dma_fence_chain_create(m, c, dma_fence_get(f[i]), 10 * (i + 1), &c), 0);
	return c;
}

static void done_in_order(void)
{
	struct dma_fence *c;
	struct dma_fence_cb cb;

	T_NEED(start());
	c = chain(3);
	T_EQ(c->seqno, 30);
	T_STR(c->ops->get_driver_name(c), "dma_fence_chain");
	T_EQ(dma_fence_add_callback(c, &cb, count, NULL), 0);
	T_EQ(dma_fence_set_error(f[2], -FH_EIO), 0);
	T_EQ(dma_fence_signal(f[2]), 0);
	T_EQ(dma_fence_get_status(c), 0);
	T_EQ(dma_fence_signal(f[0]), 0);
	T_EQ(dma_fence_get_status(c), 0);
	T_EQ(calls, 0);
	T_EQ(dma_fence_signal(f[1]), 0);
	T_EQ(calls, 1);
	T_EQ(dma_fence_get_status(c), -FH_EIO);
	dma_fence_put(c);
	end();
}

static void contexts_of_points(void)
{
	struct dma_fence *a, *b, *c, *d;

	T_NEED(start());
	T_EQ(dma_fence_chain_create(m, NULL, dma_fence_get(f[0]), 10, &a), 0);
	T_EQ(dma_fence_chain_create(m, dma_fence_get(a), dma_fence_get(f[1]), 11, &b), 0);
	T_EQ(b->context, a->context);
	T_OK(dma_fence_is_later(b, a), "of one timeline");
	/* Back in time: another timeline, which stands where the old one stood. */
	T_EQ(dma_fence_chain_create(m, dma_fence_get(b), dma_fence_get(f[2]), 5, &c), 0);
	T_OK(c->context != b->context, "a timeline of its own");
	T_EQ(c->seqno, 11);
	/* A chain may begin with any fence. */
	T_EQ(dma_fence_chain_create(m, dma_fence_get(f[3]), dma_fence_get(f[4]), 1, &d), 0);
	T_EQ(dma_fence_signal(f[4]), 0);
	T_OK(!dma_fence_is_signaled(d), "f[3] goes before");
	T_EQ(dma_fence_signal(f[3]), 0);
	T_OK(dma_fence_is_signaled(d), "both are done");
	dma_fence_put(a);
	dma_fence_put(b);
	dma_fence_put(c);
	dma_fence_put(d);
	end();
}

static void finds(struct dma_fence *c, uint64_t seqno, uint64_t want)
{
	struct dma_fence *at = NULL;

	T_EQ(dma_fence_chain_find_seqno(c, seqno, &at), 0);
	T_EQ(at ? at->seqno : 0, want);
	dma_fence_put(at);
}

static void found_by_seqno(void)
{
	struct dma_fence *c, *at = NULL;

	T_NEED(start());
	c = chain(5);
	finds(c, 50, 50);
	finds(c, 41, 50);
	finds(c, 40, 40);
	finds(c, 10, 10);
	finds(c, 1, 10);
	finds(c, 0, 10);
	T_EQ(dma_fence_chain_find_seqno(c, 51, &at), -FH_EINVAL);
	T_EQ(dma_fence_chain_find_seqno(f[0], 0, &at), -FH_EINVAL);
	T_EQ(dma_fence_chain_find_seqno(NULL, 0, &at), -FH_EINVAL);
	T_EQ(dma_fence_signal(f[0]), 0);
	finds(c, 10, 0);
	finds(c, 11, 20);
	/* Point 40 is done as soon as those before it are: that is what is left to wait for. */
	T_EQ(dma_fence_signal(f[3]), 0);
	finds(c, 40, 30);
	T_EQ(dma_fence_signal(f[1]), 0);
	T_EQ(dma_fence_signal(f[2]), 0);
	finds(c, 40, 0);
	finds(c, 50, 50);
	dma_fence_put(c);
	end();
}

/* Memory that a chain of one fence in flight needs does not grow with its length, whoever looks at it, or nobody. */
static void done_points_go(void)
{
	struct dma_fence *c = NULL, *now = NULL, *last;
	int64_t before, most = 0;

	T_NEED(start());
	before = atomic_load(&tp.live);
	for (unsigned int i = 1; i <= 20000; i++) {
		last = now;
		T_NEED(!dma_fence_create(m, "drv", "line", 1, i, &now));
		T_NEED(!dma_fence_chain_create(m, c, dma_fence_get(now), i, &c));
		if (last) {
			(void)dma_fence_signal(last);
			dma_fence_put(last);
		}
		if (atomic_load(&tp.live) > most)
			most = atomic_load(&tp.live);
	}
	T_OK(most - before < 100000, "of 20,000 points");
	T_OK(!dma_fence_is_signaled(c), "the last is not done");
	T_OK(atomic_load(&tp.live) - before < 2000, "who walks it tidies it all");
	dma_fence_put(now);
	dma_fence_put(c);
	end();
}

#define LONG 1000000

/* The machine's stack has room for none of it. */
static void long_chain(void)
{
	struct dma_fence *c = NULL, *first = NULL, *now;
	struct dma_fence_cb cb;

	T_NEED(start());
	for (unsigned int how = 0; how < 2; how++) {
		for (unsigned int i = 1; i <= LONG; i++) {
			T_NEED(!dma_fence_create(m, "drv", "line", 1, i, &now));
			if (i == 1)
				first = dma_fence_get(now);
			else if (how)
				(void)dma_fence_signal(now);
			T_NEED(!dma_fence_chain_create(m, c, now, i, &c));
		}
		T_EQ(dma_fence_add_callback(c, &cb, count, NULL), 0);
		T_EQ(calls, 0);
		if (how)
			T_EQ(dma_fence_signal(first), 0);
		else
			T_OK(dma_fence_remove_callback(c, &cb), "not called");
		T_EQ(calls, how);
		dma_fence_put(c);
		dma_fence_put(first);
		c = NULL;
	}
	end();
}

static void bad_chains(void)
{
	struct dma_fence *c = NULL;

	T_NEED(start());
	T_EQ(dma_fence_chain_create(m, dma_fence_get(f[0]), NULL, 1, &c), -FH_EINVAL);
	T_EQ(dma_fence_chain_create(NULL, NULL, dma_fence_get(f[0]), 1, &c), -FH_EINVAL);
	T_OK(!c, "none was made");
	end();
}

/* ---- what is inside ---- */

struct seen {
	struct dma_fence *f[16];
	unsigned int n, most;
};

static bool see(struct dma_fence *at, void *arg)
{
	struct seen *s = arg;

	if (s->n < 16)
		s->f[s->n] = at;
	return ++s->n < s->most;
}

/* A chain of f[0] and an array of f[1] and a chain of f[2] and f[3]; behind it f[4]. */
static struct dma_fence *nested(void)
{
	struct dma_fence *part[2] = {dma_fence_get(f[1])}, *a, *c;

	T_EQ(dma_fence_chain_create(m, dma_fence_get(f[2]), dma_fence_get(f[3]), 1, &part[1]), 0);
	T_EQ(dma_fence_array_create(m, part, 2, 500, 1, false, &a), 0);
	T_EQ(dma_fence_chain_create(m, NULL, dma_fence_get(f[0]), 1, &c), 0);
	T_EQ(dma_fence_chain_create(m, c, a, 2, &c), 0);
	T_EQ(dma_fence_chain_create(m, c, dma_fence_get(f[4]), 3, &c), 0);
	return c;
}

static void unwrapped(void)
{
	static const unsigned int order[] = {4, 1, 3, 2, 0};
	struct seen s = {.most = 99};
	struct dma_fence *c;

	T_NEED(start());
	c = nested();
	dma_fence_unwrap_for_each(c, see, &s);
	T_EQ(s.n, 5);
	for (unsigned int i = 0; i < 5; i++)
		T_OK(s.f[i] == f[order[i]], "from the last point to the first");
	T_EQ(dma_fence_signal(f[3]), 0);
	T_EQ(dma_fence_signal(f[4]), 0);
	s = (struct seen){.most = 99};
	dma_fence_unwrap_for_each(c, see, &s);
	T_EQ(s.n, 3);
	s = (struct seen){.most = 2};
	dma_fence_unwrap_for_each(c, see, &s);
	T_EQ(s.n, 2);
	T_EQ(dma_fence_signal(f[0]), 0);
	T_EQ(dma_fence_signal(f[1]), 0);
	T_OK(!dma_fence_is_signaled(c), "f[2] is left");
	T_EQ(dma_fence_signal(f[2]), 0);
	T_OK(dma_fence_is_signaled(c), "nothing is left");
	s = (struct seen){.most = 99};
	dma_fence_unwrap_for_each(c, see, &s);
	T_EQ(s.n, 0);
	dma_fence_put(c);
	dma_fence_unwrap_for_each(f[5], see, &s);
	T_OK(s.n == 1 && s.f[0] == f[5], "itself");
	end();
}

/* ---- one for several ---- */

static void merged(void)
{
	struct dma_fence *in[4], *out = NULL, *young, *c;
	struct seen s = {.most = 99};

	T_NEED(start());
	c = nested();
	T_EQ(dma_fence_create(m, "drv", "line", f[1]->context, 2, &young), 0);
	T_EQ(dma_fence_signal(f[0]), 0);
	in[0] = f[5];
	in[1] = c;
	in[2] = young;
	in[3] = f[5];
	T_EQ(dma_fence_unwrap_merge(m, in, 4, &out), 0);
	T_OK(out->kind, "an array");
	dma_fence_unwrap_for_each(out, see, &s);
	T_EQ(s.n, 5); /* f[2] to f[5], young in place of f[1] */
	for (unsigned int i = 0; i < s.n; i++) {
		T_OK(s.f[i] != f[0] && s.f[i] != f[1] && s.f[i] != c, "left out");
		for (unsigned int k = 0; k < i; k++)
			T_OK(s.f[i] != s.f[k], "none twice");
	}
	dma_fence_put(out);
	in[0] = f[1];
	in[1] = young;
	T_EQ(dma_fence_unwrap_merge(m, in, 2, &out), 0);
	T_OK(out == young, "one is no array");
	dma_fence_put(out);
	dma_fence_put(young);
	dma_fence_put(c);
	end();
}

static void merged_of_nothing(void)
{
	struct dma_fence *in[2] = {f[0], f[1]}, *out = NULL;

	T_NEED(start());
	in[0] = f[0];
	in[1] = f[1];
	T_EQ(dma_fence_signal_at(f[0], 500), 0);
	T_EQ(dma_fence_signal_at(f[1], 400), 0);
	T_EQ(dma_fence_unwrap_merge(m, in, 2, &out), 0);
	T_EQ(dma_fence_get_status(out), 1);
	T_EQ(out->timestamp_ns, 500); /* when the last of them was done */
	dma_fence_put(out);
	T_EQ(dma_fence_unwrap_merge(m, NULL, 0, &out), 0);
	T_EQ(dma_fence_get_status(out), 1);
	dma_fence_put(out);
	end();
}

/* To wait for the first of several is not to wait for each. */
static void any_stays_whole(void)
{
	struct dma_fence *in[2], *a, *out = NULL;

	T_NEED(start());
	in[0] = dma_fence_get(f[0]);
	in[1] = dma_fence_get(f[1]);
	T_EQ(dma_fence_array_create(m, in, 2, 600, 1, true, &a), 0);
	in[0] = a;
	in[1] = f[2];
	T_EQ(dma_fence_unwrap_merge(m, in, 2, &out), 0);
	T_EQ(dma_fence_signal(f[2]), 0);
	T_OK(!dma_fence_is_signaled(out), "neither of the two is done");
	T_EQ(dma_fence_signal(f[1]), 0);
	T_OK(dma_fence_is_signaled(out), "one of them is");
	dma_fence_put(out);
	dma_fence_put(a);
	end();
}

const struct t_case t_cases[] = {
	T(done_in_order),
	T(contexts_of_points),
	T(found_by_seqno),
	T(done_points_go),
	T(long_chain),
	T(bad_chains),
	T(unwrapped),
	T(merged),
	T(merged_of_nothing),
	T(any_stays_whole),
	T_END,
};
