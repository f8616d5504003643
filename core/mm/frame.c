/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one writer of a frame's state, and the table of legal moves. */
#include "mm/frame.h"
#include "mm/machine.h"

#define TO(s) (1u << FRAME_##s)

static const uint16_t legal[FRAME_NR_STATES] = {
	[FRAME_RAW] = TO(BATCH) | TO(MOVABLE) | TO(POOL) | TO(RESERVED),
	[FRAME_BATCH] = TO(LRU) | TO(ISOLATED) | TO(HELD),
	[FRAME_LRU] = TO(ISOLATED) | TO(HELD),
	[FRAME_ISOLATED] = TO(LRU) | TO(RAW),
	[FRAME_HELD] = TO(LRU),
	[FRAME_MOVABLE] = TO(ISOLATED_MOVABLE) | TO(RAW),
	[FRAME_ISOLATED_MOVABLE] = TO(MOVABLE) | TO(RAW),
	[FRAME_POOL] = TO(RAW),
	[FRAME_RESERVED] = TO(RAW), /* an area goes into service */
};

void frame_set(struct fh_machine *m, struct fh_frame *f, enum frame_state to)
{
	enum frame_state from = frame_state(f);

	if (!(legal[from] & 1u << to))
		machine_bug(m, "frame of object page %u: illegal move %s -> %s", f->index,
			    frame_state_name(from), frame_state_name(to));
	atomic_store_explicit(&f->state, to, memory_order_release);
}

const char *frame_state_name(enum frame_state state)
{
	static const char *const names[FRAME_NR_STATES] = {
		"raw",	"batch",    "lru", "isolated", "held", "movable", "isolated-movable",
		"pool", "reserved",
	};

	return names[state];
}
