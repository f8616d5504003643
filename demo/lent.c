/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A ring whose buffers are a decoder's: what it has made is sent as it lies, and given back to it when nobody reads it any more. */
#include <errno.h>
#include <string.h>
#include "lent.h"

void lent_dispatch(struct lent *l)
{
	(void)fhc_out_dispatch(l->r->out);
	for (uint32_t i = 0; i < FHC_SLOTS; i++) {
		struct lent_slot *s = &l->slot[i];

		if (!s->held || !fhc_out_is_free(l->r->out, i))
			continue;
		decoder_give_back(l->d, s->held);
		s->held = NULL;
	}
}

/* Where this buffer is shown already, else a slot that nobody has, one without a buffer first. */
static int find(const struct lent *l, uint64_t id)
{
	int empty = -1, unused = -1;

	for (int i = 0; i < FHC_SLOTS; i++) {
		const struct lent_slot *s = &l->slot[i];

		if (s->id == id)
			return s->held ? -EAGAIN : i;
		if (!s->id && empty < 0)
			empty = i;
		if (!s->held && unused < 0)
			unused = i;
	}
	return empty >= 0 ? empty : unused >= 0 ? unused : -EAGAIN;
}

int lent_slot(struct lent *l, const struct decoded *p)
{
	uint32_t nr_sent = 0;
	int fd, err, n = find(l, p->buf.id);
	struct lent_slot *s;

	for (uint32_t i = 0; i < FHC_SLOTS; i++)
		nr_sent += l->slot[i].held != NULL;
	if (n < 0 || nr_sent >= l->r->b->want.slots)
		return -EAGAIN;
	s = &l->slot[n];
	if (s->id != p->buf.id || memcmp(&s->format, &p->format, sizeof(s->format))) {
		err = decoder_export(l->d, p->held, &fd);
		if (!err)
			err = fhc_out_show(l->r->out, (uint32_t)n, &p->format, &p->buf, fd);
		if (err)
			return err;
		s->id = p->buf.id;
		s->format = p->format;
	}
	s->held = p->held;
	return n;
}

void lent_close(struct lent *l)
{
	for (uint32_t i = 0; i < FHC_SLOTS; i++) {
		if (l->slot[i].held)
			decoder_give_back(l->d, l->slot[i].held);
		l->slot[i] = (struct lent_slot){0};
	}
}

uint64_t lent_pages(const struct decoded *p)
{
	uint64_t sum = 0, end = 0;

	for (unsigned int i = 0; i < p->v.planes; i++) {
		uint64_t from = p->format.offset[i] & ~UINT64_C(4095);
		uint64_t to = p->format.offset[i] +
			      (uint64_t)p->format.stride[i] * (plane_lines(p->v.height, i) - 1) +
			      plane_bytes(p->v.width, p->v.planes, i);

		from = from > end ? from : end;
		end = (to + 4095) & ~UINT64_C(4095);
		sum += end - from;
	}
	return sum;
}
