/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pages of drivers that can be moved: registration, and the move itself. */
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/owner.h"
#include "mm/pages.h"
#include "mm/policy.h"

/* What a frame's owner points to while it is MOVABLE. */
struct movable_page {
	const struct movable_operations *ops;
	void *priv;
};

int fh_page_set_movable(struct fh_machine *m, pfn_t pfn, const struct movable_operations *ops,
			void *priv)
{
	struct movable_page *page;
	struct fh_frame *f;
	int err = 0;

	if (!m || !ops || !machine_has(m, pfn))
		return -FH_EINVAL;
	page = machine_alloc(m, sizeof(*page));
	if (!page)
		return -FH_ENOMEM;
	*page = (struct movable_page){ops, priv};
	if (m->owners)
		owner_split(m, pfn, 0);
	f = machine_frame(m, pfn);
	fh_lock(&m->lru.lock);
	if (frame_state(f) == FRAME_RAW && !block_is_free(m, pfn)) {
		f->owner = page;
		frame_set(m, f, FRAME_MOVABLE);
	} else {
		err = -FH_EINVAL;
	}
	fh_unlock(&m->lru.lock);
	if (err)
		machine_free(m, page, sizeof(*page));
	return err;
}

int fh_page_clear_movable(struct fh_machine *m, pfn_t pfn)
{
	struct movable_page *page = NULL;
	struct fh_frame *f;
	int err = 0;

	if (!m || !machine_has(m, pfn))
		return -FH_EINVAL;
	f = machine_frame(m, pfn);
	fh_lock(&m->lru.lock);
	if (frame_state(f) == FRAME_MOVABLE) {
		page = f->owner;
		f->owner = NULL;
		frame_set(m, f, FRAME_RAW);
	} else {
		err = frame_state(f) == FRAME_ISOLATED_MOVABLE ? -FH_EBUSY : -FH_EINVAL;
	}
	fh_unlock(&m->lru.lock);
	machine_free(m, page, sizeof(*page));
	return err;
}

/* Ends a move under the lists' lock, which serialises every change of a MOVABLE frame. */
static void settle(struct fh_machine *m, pfn_t src, pfn_t dst, bool moved)
{
	struct fh_frame *from = machine_frame(m, src), *to = machine_frame(m, dst);

	fh_lock(&m->lru.lock);
	if (moved) {
		to->owner = from->owner;
		frame_set(m, to, FRAME_MOVABLE);
		from->owner = NULL;
		frame_set(m, from, FRAME_RAW);
	} else {
		frame_set(m, from, FRAME_MOVABLE);
	}
	fh_unlock(&m->lru.lock);
}

int migrate_movable(struct fh_machine *m, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(m, pfn);
	struct movable_page *page = NULL;
	pfn_t dst = 0;
	int err;

	fh_lock(&m->lru.lock);
	if (frame_state(f) == FRAME_MOVABLE) {
		page = f->owner;
		frame_set(m, f, FRAME_ISOLATED_MOVABLE);
	}
	fh_unlock(&m->lru.lock);
	if (!page)
		return -FH_EAGAIN;
	if (!page->ops->isolate(page->priv, pfn)) {
		settle(m, pfn, pfn, false);
		return -FH_EAGAIN;
	}
	err = fh_alloc_pages(m, __GFP_MOVABLE | GFP_EVACUATE | __GFP_DIRECT_RECLAIM, 0, &dst);
	if (!err) {
		if (m->owners)
			owner_copy(m, dst, pfn, OWNER_FOR_RANGE);
		err = page->ops->migrate(page->priv, dst, pfn) ? -FH_EAGAIN : 0;
		if (err)
			page_free(m, dst, 0);
	}
	if (err)
		page->ops->putback(page->priv, pfn);
	settle(m, pfn, err ? pfn : dst, !err);
	vm_count(m, err ? VM_pgmigrate_fail : VM_pgmigrate_success, 1);
	return err;
}

void movable_forget_all(struct fh_machine *m)
{
	for (uint64_t i = 0; i < m->nr_frame_blocks * FH_BLOCK_PAGES; i++)
		if (frame_state(&m->frame_mem[i]) == FRAME_MOVABLE)
			machine_free(m, m->frame_mem[i].owner, sizeof(struct movable_page));
}
