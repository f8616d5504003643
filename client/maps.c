/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Maps of buffers, and what is written through them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "fhc_in.h"

/* ---- counting ---- */

static void look(struct fhc *c, struct fhc_area *a)
{
	uint64_t bytes;

	if (!a->watched)
		return;
	/* Something was done to the map behind our back: from here on it is as one that cannot be watched. */
	if (fhc_writes_take(c->writes, a->at, a->size, &bytes))
		a->watched = false;
	a->untold += bytes;
}

struct fhc_wrote fhc_take_wrote(struct fhc *c, uint64_t id, bool declared)
{
	struct fhc_wrote wrote = {.bytes = 0};
	bool whole = false;

	for (struct fhc_area *a = c->areas; a; a = a->next) {
		if (a->id != id || (!c->counting && !a->untold))
			continue;
		look(c, a);
		wrote.bytes += a->untold;
		a->untold = 0;
		if (wrote.how == PROTO_WRITTEN_UNKNOWN)
			wrote.how = PROTO_WRITTEN_PAGES;
		if (!c->counting || !a->may_write || a->watched)
			continue;
		wrote.how = PROTO_WRITTEN_WHOLE;
		/* Once, however many maps of it there are. */
		if (declared && !whole)
			wrote.whole = a->size;
		whole = true;
	}
	return wrote;
}

void fhc_untake_wrote(struct fhc *c, uint64_t id, const struct fhc_wrote *wrote)
{
	struct fhc_area *a = c->areas;

	while (a && a->id != id)
		a = a->next;
	if (a)
		a->untold += wrote->bytes;
}

/*
 * The server learns what there is to say of each map that is due, if only that it is counted. Nothing waits: what cannot be said now goes with what is
 * said next. Should the server turn out to be gone, whoever has asked something is called back, and may end maps: so each time from the first.
 */
static void tell_due(struct fhc *c)
{
	struct fhc_area *a = c->areas;

	while (a) {
		struct fhc_request r = {.id = a->id, .fd = -1, .fd2 = -1};

		if (!a->due) {
			a = a->next;
			continue;
		}
		a->due = false;
		(void)fhc_post(c, PROTO_WRITTEN, &r, PROTO_SILENT, NULL, NULL);
		a = c->areas;
	}
}

static void begin(struct fhc *c, struct fhc_area *a)
{
	a->watched = c->writes && a->may_write && fhc_writes_watch(c->writes, a->at, a->size);
	a->due = true;
}

static void stop(struct fhc *c)
{
	for (struct fhc_area *a = c->areas; a; a = a->next) {
		look(c, a);
		a->watched = false;
		a->due = a->untold;
	}
	fhc_writes_close(c->writes);
	c->writes = NULL;
	c->counting = false;
	tell_due(c);
}

int fhc_count_writes(struct fhc *c, bool on)
{
	int err;

	if (on == c->counting)
		return on && !c->writes ? -EOPNOTSUPP : 0;
	if (!on) {
		stop(c);
		return 0;
	}
	err = c->blind ? -EOPNOTSUPP : fhc_writes_open(&c->writes);
	if (err && err != -EOPNOTSUPP)
		return err;
	c->counting = true;
	for (struct fhc_area *a = c->areas; a; a = a->next)
		begin(c, a);
	tell_due(c);
	return err;
}

/* ---- maps ---- */

int fhc_map(struct fhc *c, const struct fhc_buffer *buf, int prot, void **at)
{
	struct fhc_area *a;
	int err;

	if (prot != PROT_READ && prot != (PROT_READ | PROT_WRITE))
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->at = mmap(NULL, buf->size, prot, MAP_SHARED, buf->fd, 0);
	if (a->at == MAP_FAILED) {
		err = -errno;
		free(a);
		return err;
	}
	a->id = buf->id;
	a->size = buf->size;
	a->may_write = prot & PROT_WRITE;
	a->next = c->areas;
	c->areas = a;
	*at = a->at;
	if (c->counting)
		begin(c, a);
	tell_due(c);
	return 0;
}

static void end_map(struct fhc_area **at)
{
	struct fhc_area *a = *at;

	*at = a->next;
	munmap(a->at, a->size);
	free(a);
}

int fhc_unmap(struct fhc *c, void *at)
{
	struct fhc_request r = {.fd = -1, .fd2 = -1};
	struct fhc_wrote wrote = {.how = PROTO_WRITTEN_PAGES};
	struct fhc_area **p = &c->areas;

	while (*p && (*p)->at != at)
		p = &(*p)->next;
	if (!*p)
		return -EINVAL;
	look(c, *p);
	r.id = (*p)->id;
	r.n = PROTO_WRITTEN_PAGES;
	r.size = wrote.bytes = (*p)->untold;
	end_map(p);
	if (!wrote.bytes)
		return 0;
	/* Last: whoever is called back meanwhile finds the list in order. Without a server, it is for the next one. */
	(void)fhc_post_silent(c, PROTO_WRITTEN, &r);
	fhc_remember_wrote(c, r.id, &wrote);
	return 0;
}

void fhc_end_maps(struct fhc *c)
{
	while (c->areas)
		end_map(&c->areas);
	fhc_writes_close(c->writes);
	c->writes = NULL;
}
