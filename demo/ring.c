/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The buffers that a stage writes its frames into, and their coming and going. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ring.h"

#define SYNC_WRITE 2 /* DMA_BUF_SYNC_WRITE and _END of linux/dma-buf.h */
#define SYNC_END   4

int ring_open(struct ring *r, struct board *b, enum stage stage, struct fhc *c)
{
	char path[160];
	int err;

	*r = (struct ring){.b = b, .stage = stage, .c = c};
	err = fhc_out_create(&r->out);
	snprintf(path, sizeof(path), "%s/%s", b->want.dir, stage_name[stage]);
	if (!err)
		err = fhc_out_listen(r->out, path);
	if (err)
		say_end(&b->stage[stage], "%s: %s", path, strerror(-err));
	return err;
}

int ring_format(struct ring *r, uint32_t fourcc, uint32_t width, uint32_t height)
{
	return fhc_format_fill(&r->format, fourcc, width, height, &r->size);
}

static void drop_slot(struct ring *r, uint32_t n)
{
	struct ring_slot *s = &r->slot[n];

	(void)fhc_out_hide(r->out, n);
	(void)fhc_unmap(r->c, s->at);
	(void)fhc_release(r->c, &s->buf);
	s->at = NULL;
}

static int ask(struct ring *r, struct fhc_buffer *buf)
{
	struct account *a = &r->b->stage[r->stage];
	uint64_t began = now_ns(), took;
	int err = fhc_alloc(r->c, r->b->want.heap, r->size, O_RDWR | O_CLOEXEC, buf);

	took = now_ns() - began;
	a->allocs++;
	if (a->nr_alloc_ns < MAX_ALLOCS)
		a->alloc_ns[a->nr_alloc_ns++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	if (err) {
		a->refused++;
		a->refused_err = (uint32_t)-err;
	}
	return err;
}

static int fill_slot(struct ring *r, uint32_t n)
{
	struct ring_slot *s = &r->slot[n];
	int fd, err = ask(r, &s->buf);

	if (err)
		return err;
	err = fhc_map(r->c, &s->buf, PROT_READ | PROT_WRITE, &s->at);
	if (!err)
		err = fhc_export(r->c, s->buf.id, O_RDONLY | O_CLOEXEC, &fd);
	if (!err)
		err = fhc_out_show(r->out, n, &r->format, &s->buf, fd);
	if (!err) {
		s->format = r->format;
		return 0;
	}
	if (s->at)
		(void)fhc_unmap(r->c, s->at);
	s->at = NULL;
	(void)fhc_release(r->c, &s->buf);
	return err;
}

/* One of the ring's goes, and its place stays empty for half the time, so that others can have the memory. */
static bool is_due(struct ring *r)
{
	uint32_t churn = r->b->want.churn;

	if (!churn || !r->nr_frames || r->nr_frames < r->churned + churn)
		return false;
	r->churned = r->nr_frames;
	return true;
}

int ring_next(struct ring *r)
{
	bool due, old, empty;

	(void)fhc_out_dispatch(r->out);
	due = is_due(r);
	empty = r->nr_frames && r->nr_frames < r->churned + (r->b->want.churn + 1) / 2;
	for (uint32_t i = 0; i < r->b->want.slots; i++) {
		struct ring_slot *s = &r->slot[i];

		old = s->at && memcmp(&s->format, &r->format, sizeof(s->format));
		if (s->at && (old || due) && fhc_out_is_free(r->out, i)) {
			drop_slot(r, i);
			due = due && old;
		}
		if (!s->at && (old || !empty || !r->churned))
			(void)fill_slot(r, i);
	}
	return fhc_out_next(r->out);
}

int ring_send(struct ring *r, uint32_t slot, uint64_t seq, uint64_t begun_ns, int *signal)
{
	struct fhc_frame f = {.slot = slot, .seq = seq, .time_ns = begun_ns};
	int err = fhc_fence(&f.fence, signal);

	if (err)
		return err;
	err = fhc_out_send(r->out, &f);
	close(f.fence);
	r->nr_frames++;
	if (err < 0)
		close(*signal);
	return err;
}

struct picture ring_picture(const struct ring *r, uint32_t slot)
{
	const struct ring_slot *s = &r->slot[slot];
	struct picture p = {.width = s->format.width,
			    .height = s->format.height,
			    .planes = s->format.nr_planes};

	for (unsigned int i = 0; i < p.planes; i++) {
		p.plane[i] = (uint8_t *)s->at + s->format.offset[i];
		p.stride[i] = s->format.stride[i];
	}
	return p;
}

/* Consumers first: what was written is counted while they read. */
void ring_written(struct ring *r, uint32_t slot, int signal)
{
	struct account *a = &r->b->stage[r->stage];

	fhc_signal(signal, 0);
	(void)fhc_sync(r->c, r->slot[slot].buf.id, SYNC_END | SYNC_WRITE);
	a->out++;
	a->made += r->slot[slot].buf.size;
}

void ring_close(struct ring *r, bool well)
{
	if (well)
		fhc_out_end(r->out);
	fhc_out_close(r->out);
	for (uint32_t i = 0; i < FHC_SLOTS; i++) {
		if (!r->slot[i].at)
			continue;
		(void)fhc_unmap(r->c, r->slot[i].at);
		(void)fhc_release(r->c, &r->slot[i].buf);
	}
}
