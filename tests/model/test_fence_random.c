/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Random fences, arrays, chains, merges and reservations beside a model that knows of each only what it is made of: what must be done,
 * who must have been called, exactly once, what a reservation must still show. In the environment: FH_FENCE_SEED=n runs that one
 * alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/resv.h>
#include "buf/resv.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define SEEDS	  400
#define OPS	  400
#define NODES	  800
#define PARTS	  6
#define TIMELINES 7
#define RESVS	  3

static struct testplat tp;
static struct fh_machine *m;
static uint64_t rnd_state, seed;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(rnd_state >> 33) % below;
}

/* A fence that was made. Those it is made of stand before it. */
static struct node {
	enum { LEAF, ALL, ANY, CHAIN } kind;
	struct dma_fence *f; /* NULL: the reference is given back */
	unsigned int part[PARTS], nr;
	bool *big;	 /* parts of what stands for more than PARTS */
	bool done, sure; /* sure: the error is known */
	int error;
	uint64_t context, seqno;
} node[NODES];
static unsigned int nr_nodes;
static uint64_t timeline[TIMELINES], last_seqno[TIMELINES];

/* A callback, on a node. */
static struct call {
	struct dma_fence_cb cb;
	unsigned int node, n;
	bool hangs;
} call[OPS];
static unsigned int nr_calls;

static struct dma_resv resv[RESVS];
/* What was added to it, less what was replaced: node i with usage u. */
static bool added[RESVS][NODES][4];

static void must(bool ok, const char *what)
{
	if (!ok)
		printf("# seed %llu\n", (unsigned long long)seed);
	T_OK(ok, what);
}

static bool is_part(const struct node *n, unsigned int i)
{
	if (n->big)
		return n->big[i];
	for (unsigned int k = 0; k < n->nr; k++)
		if (n->part[k] == i)
			return true;
	return false;
}

/* What is done, and with which error, from what it is made of. */
static void follow(void)
{
	for (unsigned int i = 0; i < nr_nodes; i++) {
		struct node *n = &node[i];
		unsigned int parts = 0, done = 0;

		if (n->done || n->kind == LEAF)
			continue;
		for (unsigned int k = 0; k < i; k++) {
			if (!is_part(n, k))
				continue;
			parts++;
			done += node[k].done;
		}
		n->done = n->kind == ANY ? done > 0 : done == parts;
		for (unsigned int k = 0; k < n->nr && n->done && !n->error; k++) {
			n->error = node[n->part[k]].error;
			n->sure = n->sure && node[n->part[k]].sure;
			if (n->kind == CHAIN)
				break;
		}
	}
}

static struct node *new_node(int kind)
{
	struct node *n = &node[nr_nodes++];

	*n = (struct node){.kind = kind, .sure = kind != ANY};
	return n;
}

static void own(struct node *n, struct dma_fence *f)
{
	n->f = f;
	n->context = f->context;
	n->seqno = f->seqno;
}

/* One whose reference we have; made if there is none. */
static unsigned int some(void)
{
	for (unsigned int tries = 0; nr_nodes && tries < 20; tries++) {
		unsigned int i = nr_nodes - 1 - rnd(nr_nodes < 40 ? nr_nodes : 40);

		if (node[i].f)
			return i;
	}
	struct node *n = new_node(LEAF);
	unsigned int t = rnd(TIMELINES);
	struct dma_fence *f = NULL;

	T_EQ(dma_fence_create(m, "drv", "line", timeline[t], ++last_seqno[t], &f), 0);
	own(n, f);
	return nr_nodes - 1;
}

/* ---- operations ---- */

static void do_leaf(void)
{
	struct node *n = new_node(LEAF);
	unsigned int t = rnd(TIMELINES);
	struct dma_fence *f = NULL;

	T_EQ(dma_fence_create(m, "drv", "line", timeline[t], ++last_seqno[t], &f), 0);
	own(n, f);
}

static void do_array(void)
{
	struct dma_fence *part[PARTS], *f = NULL;
	unsigned int nr = 1 + rnd(PARTS), pick[PARTS];
	bool any = !rnd(3);
	struct node *n;

	for (unsigned int i = 0; i < nr; i++)
		pick[i] = some();
	for (unsigned int i = 0; i < nr; i++)
		part[i] = dma_fence_get(node[pick[i]].f);
	T_EQ(dma_fence_array_create(m, part, nr, dma_fence_context_alloc(m, 1), 1, any, &f), 0);
	n = new_node(any ? ANY : ALL);
	memcpy(n->part, pick, sizeof(pick));
	n->nr = nr;
	own(n, f);
}

static void do_chain(void)
{
	unsigned int at = some(), prev = some();
	bool begin = !rnd(4);
	struct dma_fence *f = NULL;
	struct node *n;

	T_EQ(dma_fence_chain_create(m, begin ? NULL : dma_fence_get(node[prev].f),
				    dma_fence_get(node[at].f), node[prev].seqno + rnd(3), &f),
	     0);
	n = new_node(CHAIN);
	n->part[0] = at;
	n->part[1] = prev;
	n->nr = begin ? 1 : 2;
	own(n, f);
}

static bool none_is_done(struct dma_fence *f, void *arg)
{
	(void)arg;
	must(!dma_fence_is_signaled(f), "shown is not done");
	return true;
}

static void do_merge(void)
{
	unsigned int nr = 1 + rnd(3), pick[3];
	struct dma_fence *part[3], *f = NULL;
	struct node *n;

	for (unsigned int i = 0; i < nr; i++) {
		pick[i] = some();
		part[i] = node[pick[i]].f;
	}
	T_EQ(dma_fence_unwrap_merge(m, part, nr, &f), 0);
	dma_fence_unwrap_for_each(f, none_is_done, NULL);
	for (unsigned int i = 0; i < nr_nodes; i++) {
		if (node[i].f == f) { /* one of them was all that was left */
			dma_fence_put(f);
			return;
		}
	}
	n = new_node(ALL);
	memcpy(n->part, pick, sizeof(pick));
	n->nr = nr;
	n->sure = false;
	own(n, f);
}

/* Those of its timeline before it, too: that is what a timeline is. */
static void signal_leaf(unsigned int i)
{
	int error = rnd(3) ? 0 : -(int)(1 + rnd(100));

	for (unsigned int k = 0; k < i; k++)
		if (node[k].kind == LEAF && node[k].context == node[i].context && !node[k].done)
			signal_leaf(k);
	if (!node[i].f || node[i].kind != LEAF)
		return;
	if (error)
		T_EQ(dma_fence_set_error(node[i].f, error), node[i].done ? -FH_EINVAL : 0);
	T_EQ(dma_fence_signal(node[i].f), node[i].done ? -FH_EINVAL : 0);
	if (!node[i].done)
		node[i].error = error;
	node[i].done = true;
}

static void called(struct dma_fence *f, void *arg)
{
	struct call *c = arg;

	must(f == node[c->node].f, "for what it asked for");
	c->n++;
}

static void do_watch(void)
{
	unsigned int i = some();
	struct call *c = &call[nr_calls++];
	int err;

	*c = (struct call){.node = i};
	err = dma_fence_add_callback(node[i].f, &c->cb, called, c);
	T_EQ(err, node[i].done ? -FH_ENOENT : 0);
	c->hangs = !err;
}

static void do_unwatch(void)
{
	struct call *c = nr_calls ? &call[rnd(nr_calls)] : NULL;

	if (!c || !node[c->node].f)
		return;
	must(dma_fence_remove_callback(node[c->node].f, &c->cb) == (c->hangs && !c->n),
	     "removed if it was not called");
	c->hangs = c->n;
}

static void do_ask(void)
{
	const struct node *n = &node[some()];
	int status = dma_fence_get_status(n->f);

	must(!status == !n->done, "done when what it is made of is");
	if (status && n->sure)
		T_EQ(status, n->error ? n->error : 1);
	T_EQ(dma_fence_wait(n->f, 1), n->done ? 0 : -FH_ETIMEDOUT);
}

static void do_drop(void)
{
	unsigned int i = some();

	/* A leaf that nobody can signal is a machine that stands still; who waits keeps a reference. */
	if (node[i].kind == LEAF && !node[i].done)
		return;
	for (unsigned int k = 0; k < nr_calls; k++)
		if (call[k].node == i && call[k].hangs && !call[k].n)
			return;
	dma_fence_put(node[i].f);
	node[i].f = NULL;
}

/* ---- reservations ---- */

static void do_add(void)
{
	unsigned int r = rnd(RESVS), i = some(), usage = rnd(4);

	T_EQ(dma_resv_lock(&resv[r], NULL), 0);
	T_EQ(dma_resv_reserve_fences(&resv[r], 1 + rnd(3)), 0);
	dma_resv_add_fence(&resv[r], node[i].f, (enum dma_resv_usage)usage);
	dma_resv_unlock(&resv[r]);
	added[r][i][usage] = true;
}

static void do_replace(void)
{
	unsigned int r = rnd(RESVS), i = some(), usage = rnd(4);
	uint64_t context = timeline[rnd(TIMELINES)];
	bool had = false;

	for (unsigned int k = 0; k < nr_nodes; k++)
		for (unsigned int u = 0; u < 4; u++)
			had = had ||
			      (added[r][k][u] && node[k].context == context && !node[k].done);
	if (!had)
		return;
	T_EQ(dma_resv_lock(&resv[r], NULL), 0);
	dma_resv_replace_fences(&resv[r], context, node[i].f, (enum dma_resv_usage)usage);
	dma_resv_unlock(&resv[r]);
	for (unsigned int k = 0; k < nr_nodes; k++)
		if (node[k].context == context)
			memset(added[r][k], 0, sizeof(added[r][k]));
	added[r][i][usage] = true;
}

static void do_copy(void)
{
	unsigned int r = rnd(RESVS), from = rnd(RESVS);

	T_EQ(dma_resv_lock(&resv[r], NULL), 0);
	T_EQ(dma_resv_copy_fences(&resv[r], &resv[from]), 0);
	dma_resv_unlock(&resv[r]);
	memmove(added[r], added[from], sizeof(added[r]));
}

static bool awaited(unsigned int r, unsigned int i, unsigned int usage)
{
	bool is = false;

	for (unsigned int u = 0; u <= usage; u++)
		is = is || added[r][i][u];
	return is && !node[i].done;
}

static void do_singleton(void)
{
	unsigned int r = rnd(RESVS), usage = rnd(4);
	struct dma_fence *f = NULL;
	bool any = false, known = false;
	struct node *n;

	T_EQ(dma_resv_get_singleton(&resv[r], (enum dma_resv_usage)usage, &f), 0);
	for (unsigned int i = 0; i < nr_nodes; i++)
		any = any || awaited(r, i, usage);
	must(any == !!f, "one for all, if there are any");
	for (unsigned int i = 0; i < nr_nodes; i++)
		known = known || (f && node[i].f == f);
	if (known || !f || !f->kind || f->ops->get_driver_name(f)[10] != 'a') {
		dma_fence_put(f); /* only one was left */
		return;
	}
	n = new_node(ALL);
	n->big = calloc(NODES, 1);
	for (unsigned int i = 0; i + 1 < nr_nodes; i++)
		n->big[i] = awaited(r, i, usage);
	n->sure = false;
	own(n, f);
}

/* ---- all of it ---- */

static void check_all(void)
{
	char why[512] = "";
	struct fh_text out = {why, sizeof(why), 0};

	for (unsigned int i = 0; i < nr_calls; i++)
		must(call[i].n == (call[i].hangs && node[call[i].node].done),
		     "called once, when it was done");
	for (unsigned int r = 0; r < RESVS; r++) {
		for (unsigned int usage = 0; usage < 4; usage++) {
			bool any = false;

			for (unsigned int i = 0; i < nr_nodes; i++)
				any = any || awaited(r, i, usage);
			must(dma_resv_test_signaled(&resv[r], (enum dma_resv_usage)usage) == !any,
			     "done when all that were added are");
		}
		must(!resv_check(&resv[r], "r", &out), why);
	}
}

static void step(void)
{
	static void (*const op[])(void) = {
		do_leaf,    do_leaf,  do_array, do_chain,   do_chain, do_merge,
		do_watch,   do_watch, do_ask,	do_ask,	    do_drop,  do_drop,
		do_unwatch, do_add,   do_add,	do_replace, do_copy,  do_singleton,
	};
	unsigned int what = rnd(sizeof(op) / sizeof(op[0]) + 3);

	if (what < sizeof(op) / sizeof(op[0]))
		op[what]();
	else
		signal_leaf(some());
	follow();
	check_all();
}

static void run(void)
{
	int64_t before;

	nr_nodes = nr_calls = 0;
	memset(added, 0, sizeof(added));
	memset(last_seqno, 0, sizeof(last_seqno));
	rnd_state = seed * 7919 + 1;
	before = atomic_load(&tp.live);
	for (unsigned int i = 0; i < TIMELINES; i++)
		timeline[i] = dma_fence_context_alloc(m, 1);
	for (unsigned int r = 0; r < RESVS; r++)
		dma_resv_init(&resv[r], m);
	for (unsigned int i = 0; i < OPS && nr_nodes < NODES - 10; i++)
		step();
	for (unsigned int i = 0; i < nr_nodes; i++)
		if (node[i].kind == LEAF && !node[i].done)
			signal_leaf(i);
	follow();
	check_all();
	for (unsigned int i = 0; i < nr_nodes; i++) {
		must(node[i].done, "all is done in the end");
		dma_fence_put(node[i].f);
		free(node[i].big);
	}
	for (unsigned int r = 0; r < RESVS; r++)
		dma_resv_fini(&resv[r]);
	must(atomic_load(&tp.live) == before, "nothing is left");
}

static void random_fences(void)
{
	const char *only = getenv("FH_FENCE_SEED");
	unsigned int groups = 0;

	m = testplat_start(&tp, 8, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	for (seed = only ? strtoull(only, NULL, 0) : 1; seed <= SEEDS || only; seed++) {
		run();
		for (unsigned int i = 0; i < nr_nodes; i++)
			groups += node[i].kind != LEAF;
		if (only)
			break;
	}
	printf("# %llu seeds, %u groups\n", (unsigned long long)seed - 1, groups);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(random_fences), T_END};
