/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Random agreements of an area's buffers beside a plain array that says of each frame whose it is: what is agreed, what is refused, who is
 * moved for whom, and that nobody is asked in vain. Sizes are small and the area full of them, so that holes lie everywhere. In the
 * environment: FH_AGREED_SEED=n runs that one alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define SEEDS	32
#define OPS	400
#define FRAMES	2048
#define BUFFERS FRAMES
#define MOST	24 /* frames of most buffers */

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static pfn_t base;
static uint64_t rnd_state, seed;
static unsigned int nr_moved, nr_declined, nr_refused;

static struct buffer {
	unsigned int at, count; /* frames; count 0: there is none */
	bool agreed, busy;
	unsigned int asked; /* for the present request */
} buffer[BUFFERS];
static unsigned int owner[FRAMES]; /* its buffer's number + 1; 0: nobody */
static struct buffer *moved;	   /* for the present request */
static unsigned int moved_from, last_count;

static unsigned int rnd(unsigned int below)
{
	rnd_state = rnd_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)((rnd_state >> 33) % below);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("# FH_AGREED_SEED=%llu: %s\n", (unsigned long long)seed, what);
	T_OK(false, what);
	exit(1);
}

static void own(unsigned int at, unsigned int count, unsigned int who)
{
	for (unsigned int i = at; i < at + count; i++)
		owner[i] = who;
}

/* ---- the oracle ---- */

/* Whether nobody but `but` has any of [at, at + count). */
static bool is_clear(unsigned int at, unsigned int count, unsigned int but)
{
	if (at + count > FRAMES)
		return false;
	for (unsigned int i = at; i < at + count; i++)
		if (owner[i] && owner[i] != but)
			return false;
	return true;
}

/* The lowest (from below) or highest place for `count` aligned frames, without any buffer; FRAMES: none. */
static unsigned int place(unsigned int count, unsigned int align, bool highest)
{
	unsigned int best = FRAMES;

	for (unsigned int at = 0; at + count <= FRAMES; at++) {
		if ((base + at) & ((1u << align) - 1) || !is_clear(at, count, 0))
			continue;
		best = at;
		if (!highest)
			break;
	}
	return best;
}

static unsigned int alignment(const struct buffer *b)
{
	unsigned int order = 0;

	while (order < FH_CMA_ALIGNMENT && 1u << order < b->count && !((base + b->at) >> order & 1))
		order++;
	return order;
}

/* With b away there are windows, and whichever of them is taken there is a place for b. */
static bool surely_helps(const struct buffer *b, unsigned int count, unsigned int align)
{
	unsigned int who = (unsigned int)(b - buffer) + 1;
	unsigned int low = place(b->count, alignment(b), false);
	unsigned int high = place(b->count, alignment(b), true);
	unsigned int at = b->at >= count ? b->at - count + 1 : 0;
	bool any = false;

	for (; at < b->at + b->count && low < FRAMES; at++) {
		if ((base + at) & ((1u << align) - 1) || !is_clear(at, count, who))
			continue;
		if (low + b->count > at && high < at + count)
			return false;
		any = true;
	}
	return any;
}

/* Of those who agree and do not decline the least count that surely helps; UINT32_MAX: none. */
static unsigned int least_help(unsigned int count, unsigned int align)
{
	unsigned int least = UINT32_MAX;

	for (unsigned int i = 0; i < BUFFERS; i++) {
		const struct buffer *b = &buffer[i];

		if (b->count && b->agreed && !b->busy && b->count < least &&
		    surely_helps(b, count, align))
			least = b->count;
	}
	return least;
}

/* ---- the owners ---- */

static bool idle_move(void *priv, pfn_t dst, pfn_t src, unsigned long count)
{
	struct buffer *b = priv;
	unsigned int to = (unsigned int)(dst - base);

	must(b->count == count && b->agreed && src == base + b->at,
	     "who agreed is asked, about his own");
	must(!b->asked++, "and once");
	must(b->count >= last_count, "the smallest first");
	last_count = b->count;
	must(is_clear(to, b->count, 0), "to where nobody is");
	must(!((base + to) & ((UINT64_C(1) << alignment(b)) - 1)), "as aligned as before");
	nr_declined += b->busy;
	if (b->busy)
		return false;
	moved = b;
	moved_from = b->at;
	own(b->at, b->count, 0);
	b->at = to;
	own(b->at, b->count, (unsigned int)(b - buffer) + 1);
	nr_moved++;
	return true;
}

static const struct cma_buffer_ops ops = {idle_move};

/* ---- operations ---- */

static struct buffer *some(bool used)
{
	unsigned int at = rnd(BUFFERS);

	for (unsigned int i = 0; i < BUFFERS; i++, at = (at + 1) % BUFFERS)
		if (!buffer[at].count == !used)
			return &buffer[at];
	return NULL;
}

static void agree(struct buffer *b)
{
	int err = cma_buffer_set_movable(cma, base + b->at, b->count, &ops, b);

	must(err == (b->agreed ? -FH_EINVAL : 0), "who has not agreed can");
	b->agreed = true;
	b->busy = !rnd(3);
}

/* Any window of the area: agreed only if all of it is somebody's, and none of it agreed. */
static void agree_anywhere(void)
{
	unsigned int at = rnd(FRAMES), count = 1 + rnd(2 * MOST);
	bool ok = at + count <= FRAMES;

	for (unsigned int i = at; i < at + count && ok; i++)
		ok = owner[i] && !buffer[owner[i] - 1].agreed;
	if (ok) {
		must(!cma_buffer_set_movable(cma, base + at, count, &ops, NULL), "taken frames");
		must(!cma_buffer_clear_movable(cma, base + at), "it is there");
		return;
	}
	must(cma_buffer_set_movable(cma, base + at, count, &ops, NULL) == -FH_EINVAL,
	     "not free frames, nor another's");
}

/* The end of an agreement is found by where it begins, and by nothing else. */
static void disagree_anywhere(void)
{
	unsigned int at = rnd(FRAMES);
	struct buffer *b = owner[at] ? &buffer[owner[at] - 1] : NULL;
	bool is = b && b->agreed && b->at == at;

	must(cma_buffer_clear_movable(cma, base + at) == (is ? 0 : -FH_EINVAL), "its first frame");
	if (is)
		b->agreed = false;
}

/* Whatever window: given back only if all of it is somebody's and no agreement reaches into it. */
static void release(struct buffer *b)
{
	bool ok = cma_release(cma, base + b->at, b->count);

	must(ok == !b->agreed, "what is agreed stays");
	if (!ok)
		return;
	own(b->at, b->count, 0);
	b->count = 0;
}

static void check_request(unsigned int count, unsigned int align, unsigned int at, int err,
			  unsigned int window, unsigned int least)
{
	if (window < FRAMES) {
		must(!err && !moved && !last_count,
		     "who has a window gets one, and nobody is asked");
	} else if (err) {
		must(err == -FH_ENOMEM && !moved, "no window, nobody moved");
		must(least == UINT32_MAX, "somebody would have helped");
		nr_refused++;
	} else {
		must(moved, "a window came to be");
		must(moved->count <= least, "by the smallest that helps");
		must(at < moved_from + moved->count && moved_from < at + count,
		     "where the buffer had been");
	}
	must(err || !((base + at) & ((1u << align) - 1)), "aligned");
}

static void request(unsigned int count, unsigned int align)
{
	unsigned int window = place(count, align, false), least = least_help(count, align), at;
	struct buffer *b = some(false);
	pfn_t pfn = base;
	int err;

	for (unsigned int i = 0; i < BUFFERS; i++)
		buffer[i].asked = 0;
	moved = NULL;
	last_count = 0;
	err = cma_alloc(cma, count, align, CMA_NO_WARN, &pfn);
	at = (unsigned int)(pfn - base);
	check_request(count, align, at, err, window, least);
	if (err)
		return;
	must(b && is_clear(at, count, 0), "nobody's frames");
	*b = (struct buffer){.at = at, .count = count};
	own(at, count, (unsigned int)(b - buffer) + 1);
	if (rnd(8))
		agree(b);
}

static void step(void)
{
	struct buffer *b = some(true);

	switch (b ? rnd(16) : 0) {
	case 1:
		agree(b);
		break;
	case 2:
		agree_anywhere();
		break;
	case 3:
		disagree_anywhere();
		break;
	case 4:
		b->busy = !b->busy;
		break;
	case 5:
	case 6:
	case 7:
		if (b->agreed && rnd(4)) {
			must(!cma_buffer_clear_movable(cma, base + b->at), "an agreement ends");
			b->agreed = false;
		}
		release(b);
		break;
	default:
		request(1 + (rnd(5) ? rnd(MOST) : rnd(4 * MOST)), rnd(4));
	}
}

static void put(unsigned int at, unsigned int count)
{
	struct cma_request r = {.count = count, .low = base + at, .high = base + at + count};
	struct buffer *b = some(false);
	pfn_t pfn;

	must(!cma_alloc_request(cma, &r, &pfn) && pfn == base + at, "an empty area");
	*b = (struct buffer){.at = at, .count = count};
	own(at, count, (unsigned int)(b - buffer) + 1);
	agree(b);
	b->busy = rnd(16);
}

/* Holes of one size everywhere, between buffers of another: what would make a walk visit them all. First comes a request for as much as one
 * of them and the holes on both its sides. */
static void comb(void)
{
	unsigned int size = 1 + (unsigned int)seed / 2 % 4, gap = (unsigned int)seed / 8 % 4,
		     at = 0;

	for (; at + size <= FRAMES; at += size + gap)
		put(at, size);
	if (at < FRAMES)
		put(at, FRAMES - at);
	request(size + 2 * gap, 0);
}

static void clear(void)
{
	for (unsigned int i = 0; i < BUFFERS; i++) {
		struct buffer *b = &buffer[i];

		if (b->count && b->agreed)
			must(!cma_buffer_clear_movable(cma, base + b->at), "all end");
		b->agreed = false;
		if (b->count)
			release(b);
	}
	must(cma->available_count == FRAMES && !cma->agreed.nr, "nothing is left");
}

static void run(void)
{
	rnd_state = seed * 7919 + 1;
	if (seed % 2)
		comb();
	for (unsigned int i = 0; i < OPS; i++) {
		step();
		if (i % 100 == 0 && !TP_CHECK(m))
			must(false, "fh_check");
	}
	TP_CHECK(m);
	clear();
}

static void random_agreements(void)
{
	const char *only = getenv("FH_AGREED_SEED");

	m = testplat_start(&tp, 32, FRAMES / 256, CMA_POLICY_GUARANTEED, 1);
	cma = m ? cma_find(m, "area") : NULL;
	T_NEED(cma && cma->count == FRAMES);
	base = fh_phys_to_pfn(cma_get_base(cma));
	for (seed = only ? strtoull(only, NULL, 0) : 1; seed <= SEEDS || only; seed++) {
		run();
		if (only)
			break;
	}
	printf("# %llu seeds: %u moved, %u declined, %u refused\n", (unsigned long long)seed - 1,
	       nr_moved, nr_declined, nr_refused);
	T_OK(only || (nr_moved > 100 && nr_declined > 100 && nr_refused > 100),
	     "all of it happened");
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(random_agreements), T_END};
