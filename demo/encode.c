/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The encoder: reads each frame where it lies, checks it against the source, and encodes it where there is an encoder. */
#include <errno.h>
#include <string.h>
#include "media.h"
#include "take.h"

/* Frames that it holds: who is slow is not to hold the display's. */
#define DEPTH(slots) ((slots) / 2)

struct encoding {
	struct taker t;
	struct encoder *e;
	bool opened;
};

static void take_back(struct encoding *x)
{
	int slot;

	while (x->e && (slot = encoder_done(x->e)) >= 0)
		(void)fhc_in_release(x->t.in, (uint32_t)slot);
}

static void check(struct board *b, const struct view *v, uint64_t seq)
{
	struct account *a = &b->stage[ENCODE];
	const struct sums *want = &b->frame[seq].sums;
	uint64_t began = now_ns();
	struct sums s = source_sums(v);
	uint32_t number;
	bool good = !memcmp(&s, want, sizeof(s));

	a->checked_ns += now_ns() - began;
	a->checked_bytes += (uint64_t)v->width * v->height * 3 / 2;
	if (!*b->want.file)
		good = good && pattern_read(v, true, &number) && number == (uint32_t)seq;
	a->wrong += !good;
}

static void open_encoder(struct encoding *x, const struct fhc_format *f)
{
	struct board *b = x->t.b;
	const char *name = "no encoder: encode only reads and checksums";

	if (!b->want.no_encoder)
		x->e = encoder_open(f, b->want.rate, b->want.out, &name);
	snprintf(b->stage[ENCODE].what, sizeof(b->stage[ENCODE].what), "%s", name);
	x->opened = true;
}

static void frame(struct encoding *x, struct fhc_frame *f)
{
	struct board *b = x->t.b;
	struct account *a = &b->stage[ENCODE];
	struct fhc_format format;
	struct fhc_buffer buf;
	struct view v;

	if (fhc_in_promise(x->t.in, f->slot, -1) || take_fence(&x->t, f) ||
	    take_view(&x->t, f->slot, &v, &format) ||
	    fhc_in_buffer(x->t.in, f->slot, &buf, &format)) {
		a->spoilt++;
		(void)fhc_in_release(x->t.in, f->slot);
		return;
	}
	check(b, &v, f->seq);
	maybe_die(b, ENCODE, f->seq); /* it has looked, and not encoded */
	if (!x->opened)
		open_encoder(x, &format);
	if (x->e)
		a->out += encoder_push(x->e, v.plane[0] - format.offset[0], buf.size, &format,
				       f->slot, f->seq);
	else
		(void)fhc_in_release(x->t.in, f->slot);
}

int encode_main(struct board *b)
{
	struct account *a = &b->stage[ENCODE];
	struct encoding x = {.t = {.b = b, .stage = ENCODE, .c = connect_server(b, ENCODE)}};
	bool good;
	int err = 0;

	if (!x.t.c)
		return 1;
	x.t.in = connect_producer(b, CAPTURE, ENCODE, DEPTH(b->want.slots), UINT64_C(10000000000));
	while (x.t.in && !err && !atomic_load(&b->stop)) {
		struct fhc_frame f;

		take_back(&x);
		err = take_next(&x.t, &f);
		if (!err)
			frame(&x, &f);
		else if (err == -EAGAIN)
			err = take_wait(&x.t, x.e ? encoder_fd(x.e) : -1);
	}
	if (x.t.in)
		say_end(a, "capture: %s", err ? end_words(err) : "stopped");
	if (x.e) {
		a->encoded = encoder_close(x.e, &good);
		a->failed = !good;
		if (!good)
			say_end(a, "%s failed", a->what);
	}
	fhc_in_close(x.t.in);
	take_written(x.t.c, a);
	fhc_close(x.t.c);
	return err && err != -ENODATA;
}
