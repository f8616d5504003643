/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/frame: exactly the legal moves are made, every other one stops the machine. */
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;

struct move {
	enum frame_state from, to;
};

static void make_move(void *arg)
{
	struct move *move = arg;
	struct fh_frame *f = machine_frame(m, m->base_pfn);

	atomic_store(&f->state, move->from);
	frame_set(m, f, move->to);
}

/* The drawing in frame.h, arrow by arrow. */
static bool in_the_drawing(enum frame_state from, enum frame_state to)
{
	static const struct move arrows[] = {
		{FRAME_RAW, FRAME_BATCH},
		{FRAME_BATCH, FRAME_LRU},
		{FRAME_BATCH, FRAME_HELD},
		{FRAME_LRU, FRAME_HELD},
		{FRAME_HELD, FRAME_LRU},
		{FRAME_BATCH, FRAME_ISOLATED},
		{FRAME_LRU, FRAME_ISOLATED},
		{FRAME_ISOLATED, FRAME_LRU},
		{FRAME_ISOLATED, FRAME_RAW},
		{FRAME_RAW, FRAME_MOVABLE},
		{FRAME_MOVABLE, FRAME_RAW},
		{FRAME_MOVABLE, FRAME_ISOLATED_MOVABLE},
		{FRAME_ISOLATED_MOVABLE, FRAME_MOVABLE},
		{FRAME_ISOLATED_MOVABLE, FRAME_RAW},
		{FRAME_RAW, FRAME_POOL},
		{FRAME_POOL, FRAME_RAW},
		{FRAME_RAW, FRAME_RESERVED}, /* at birth */
		{FRAME_RESERVED, FRAME_RAW}, /* an area goes into service */
	};

	for (unsigned int i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++)
		if (arrows[i].from == from && arrows[i].to == to)
			return true;
	return false;
}

static void moves(void)
{
	testplat_init(&tp);
	m = testplat_machine(&tp, 16, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	for (enum frame_state from = FRAME_RAW; from < FRAME_NR_STATES; from++) {
		for (enum frame_state to = FRAME_RAW; to < FRAME_NR_STATES; to++) {
			struct move move = {from, to};

			/* ISOLATED by the caller -> HELD is lru_hold()'s right: either answer. */
			if (from == FRAME_ISOLATED && to == FRAME_HELD)
				continue;
			if (!T_EQ(testplat_dies(make_move, &move), !in_the_drawing(from, to)))
				T_STR(frame_state_name(from), frame_state_name(to));
		}
	}
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void names(void)
{
	for (enum frame_state s = FRAME_RAW; s < FRAME_NR_STATES; s++)
		T_OK(frame_state_name(s) && frame_state_name(s)[0], "every state has a name");
}

static void flags(void)
{
	struct fh_frame f = {0};

	frame_flag_set(&f, FRAME_FILE | FRAME_DIRTY);
	frame_flag_clear(&f, FRAME_FILE);
	T_EQ(frame_flags(&f), FRAME_DIRTY);
}

const struct t_case t_cases[] = {T(moves), T(names), T(flags), T_END};
