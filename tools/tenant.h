/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Anonymous memory of a tenant as its program sees it: an object, mapped at a real address. */
#ifndef FREEHOLD_TOOLS_TENANT_H
#define FREEHOLD_TOOLS_TENANT_H

#include <freehold/object.h>
#include "actor.h"

/* What a page must contain. Each page belongs to one thread (actor_page()). */
#define GENERATION_NONE	   0u  /* empty: zeros */
#define GENERATION_UNKNOWN ~0u /* a store was refused half way */

struct tenant {
	struct actor *a;
	struct fh_object *object;
	struct hosted_space *mirror;
	struct fh_space *space;
	uint32_t *generation; /* a page */
};

/* Of all the actor's pages. */
bool tenant_create(struct tenant *t, struct actor *a, struct why *why);
/* Of so many; 0, or why not (then tenant_destroy() is called all the same). */
int tenant_open(struct tenant *t, struct actor *a, uint64_t nr_pages);
void tenant_destroy(struct tenant *t);

uint64_t tenant_seed(const struct tenant *t, uint64_t page, uint32_t generation);

/*
 * Reads the page and verifies every byte, then writes its next generation: ordinary loads and
 * stores at its address. 0, or why an access was refused (then books are kept and the page can be
 * visited again). Counts allocations, bytes and wrong bytes.
 */
int tenant_visit(struct tenant *t, struct actor_thread *thread, uint64_t page);
/* Visits own pages one after the other until all are filled, memory is full, or it is refused. */
void tenant_fill(struct tenant *t, struct actor_thread *thread);
/* Gives pages [page, page + nr), all of one thread, back to the machine. */
void tenant_punch(struct tenant *t, uint64_t page, uint64_t nr);

#endif
