/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The pool of compressed pages: sys/kernel/debug/zswap/, as far as there is the like of it; a number a file. */
#include "view/view.h"

bool view_has_zpool(const struct fh_machine *m)
{
	return atomic_load_explicit(&m->zpool.on, memory_order_relaxed);
}

void view_zpool_value(struct view *v)
{
	const struct zpool *zp = &v->m->zpool;
	const _Atomic(uint64_t) *value[] = {
		[VIEW_ZPOOL_SIZE] = &zp->nr_frames,
		[VIEW_ZPOOL_PAGES] = &zp->nr_pages,
		[VIEW_ZPOOL_POOR] = &zp->poor,
		[VIEW_ZPOOL_FAILED] = &zp->failed,
	};
	uint64_t n = atomic_load_explicit(value[v->what], memory_order_relaxed);

	view_add(v, "%llu\n", (ull)(v->what == VIEW_ZPOOL_SIZE ? n << FH_PAGE_SHIFT : n));
}
