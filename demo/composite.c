/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The compositor: makes a picture of its own of each of capture's, with the whole once more, smaller, in a corner. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include "ring.h"
#include "take.h"

struct compositor {
	struct taker t;
	struct ring r;
	struct fhc_buffer scratch; /* of --copy */
	void *at;
};

struct dying {
	const struct board *b;
	uint64_t seq;
};

static void half_way(void *arg)
{
	const struct dying *d = arg;

	maybe_die(d->b, COMPOSITE, d->seq);
}

/* What no stage is to do, to see that it is found out: the picture goes by way of another buffer. */
static void copy(struct compositor *x, struct view *v)
{
	if (!x->at && (fhc_alloc(x->t.c, "system", x->r.size, O_RDWR | O_CLOEXEC, &x->scratch) ||
		       fhc_map(x->t.c, &x->scratch, PROT_READ | PROT_WRITE, &x->at)))
		return;
	for (unsigned int plane = 0; plane < v->planes; plane++) {
		uint8_t *to = (uint8_t *)x->at + x->r.format.offset[plane];
		uint32_t bytes = plane_bytes(v->width, v->planes, plane);

		for (uint32_t y = 0; y < plane_lines(v->height, plane); y++)
			memcpy(to + (size_t)y * bytes,
			       v->plane[plane] + (size_t)y * v->stride[plane], bytes);
		v->plane[plane] = to;
		v->stride[plane] = bytes;
	}
	(void)fhc_sync(x->t.c, x->scratch.id, 6 /* END, WRITE */);
}

/* False: no slot was free, or no memory was to be had, or what came is spoilt. */
static bool make(struct compositor *x, struct fhc_frame *f)
{
	struct board *b = x->t.b;
	struct account *a = &b->stage[COMPOSITE];
	struct dying d = {b, f->seq};
	struct fhc_format format;
	struct picture p;
	struct view v;
	int slot, signal;

	if (take_view(&x->t, f->slot, &v, &format) ||
	    ring_format(&x->r, format.fourcc, v.width, v.height)) {
		a->spoilt++;
		return false;
	}
	slot = ring_next(&x->r);
	if (slot < 0 || ring_send(&x->r, (uint32_t)slot, f->seq, f->time_ns, &signal) < 0) {
		a->missed++;
		return false;
	}
	/* Whoever shows it waits for this fence, which waits for capture's. */
	if (take_fence(&x->t, f)) {
		a->spoilt++;
		fhc_signal(signal, -EIO);
		return false;
	}
	if (b->want.copy)
		copy(x, &v);
	p = ring_picture(&x->r, (uint32_t)slot);
	compose(&p, &v, half_way, &d);
	b->frame[f->seq].composed_ns = now_ns();
	ring_written(&x->r, (uint32_t)slot, signal);
	return true;
}

static int run(struct compositor *x)
{
	struct board *b = x->t.b;
	int err = 0;

	while (!err && !atomic_load(&b->stop)) {
		struct fhc_frame f;

		(void)fhc_out_dispatch(x->r.out);
		err = take_next(&x->t, &f);
		if (!err) {
			(void)fhc_in_promise(x->t.in, f.slot, -1);
			b->stage[COMPOSITE].dropped += !make(x, &f);
			if (f.fence >= 0)
				(void)take_fence(&x->t, &f);
			(void)fhc_in_release(x->t.in, f.slot);
		} else if (err == -EAGAIN) {
			err = take_wait(&x->t, fhc_out_fd(x->r.out));
		}
	}
	return err;
}

int composite_main(struct board *b)
{
	struct account *a = &b->stage[COMPOSITE];
	struct compositor x = {.t = {.b = b, .stage = COMPOSITE}};
	int err = -ECONNRESET;

	x.t.c = connect_server(b, COMPOSITE);
	if (!x.t.c)
		return 1;
	snprintf(a->what, sizeof(a->what), "the picture, and itself in a corner");
	if (!ring_open(&x.r, b, COMPOSITE, x.t.c))
		x.t.in = connect_producer(b, CAPTURE, COMPOSITE, 2, UINT64_C(10000000000));
	if (x.t.in) {
		err = run(&x);
		say_end(a, "capture: %s", err ? end_words(err) : "stopped");
	}
	fhc_in_close(x.t.in);
	if (x.r.out)
		ring_close(&x.r, true);
	if (x.at) {
		(void)fhc_unmap(x.t.c, x.at);
		(void)fhc_release(x.t.c, &x.scratch);
	}
	take_written(x.t.c, a);
	fhc_close(x.t.c);
	return err && err != -ENODATA;
}
