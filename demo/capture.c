/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The camera: writes each frame once into a buffer of the ring, from a pattern or a decoder. It cannot wait: without a free slot a frame is lost. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "media.h"
#include "ring.h"
#include "take.h"

struct source {
	struct pattern *pattern;
	struct decoder *decoder;
	struct view next; /* of the decoder, that is not written yet */
	bool more;
};

/* What an inset has room in, and its line; the lines of NV12 come in pairs. */
#define MIN_SIDE 64u
#define MAX_SIDE 8192u

static bool size_is_good(const struct wanted *w)
{
	return w->width >= MIN_SIDE && w->width <= MAX_SIDE && w->height >= MIN_SIDE &&
	       w->height <= MAX_SIDE && w->width % 2 == 0 && w->height % 2 == 0;
}

static bool source_open(struct board *b, struct source *s)
{
	struct wanted *w = &b->want;
	struct account *a = &b->stage[CAPTURE];
	const char *why = "no memory";

	snprintf(a->what, sizeof(a->what), "a pattern");
	if (*w->file) {
		const char *slash = strrchr(w->file, '/');

		snprintf(a->what, sizeof(a->what), "%.60s", slash ? slash + 1 : w->file);
		s->decoder = decoder_open(w->file, w->width, w->height, &why);
		s->more = s->decoder && decoder_next(s->decoder, &s->next);
		if (s->decoder && !s->more)
			why = "no picture in it that can be decoded";
		w->width = s->next.width;
		w->height = s->next.height;
		if (s->more && !size_is_good(w)) {
			say_end(a,
				"%s: %ux%u: expected pictures of %ux%u to %ux%u, even: --size "
				"scales",
				a->what, w->width, w->height, MIN_SIDE, MIN_SIDE, MAX_SIDE,
				MAX_SIDE);
			return false;
		}
	} else {
		s->pattern = pattern_create(w->width, w->height);
		s->more = s->pattern;
	}
	if (!s->more)
		say_end(a, "%s: %s", a->what, why);
	return s->more;
}

static void source_close(struct source *s)
{
	pattern_destroy(s->pattern);
	decoder_close(s->decoder);
}

struct dying {
	const struct board *b;
	enum stage stage;
	uint64_t seq;
};

static void half_way(void *arg)
{
	const struct dying *d = arg;

	maybe_die(d->b, d->stage, d->seq);
}

/* The decoder's picture lies in its own memory: this is the camera's one write. */
static void write_decoded(const struct picture *to, const struct view *from, struct dying *d)
{
	for (unsigned int plane = 0; plane < 2; plane++)
		for (uint32_t y = 0; y < to->height >> plane; y++) {
			if (!plane && y == to->height / 2)
				half_way(d);
			memcpy(to->plane[plane] + (size_t)y * to->stride[plane],
			       from->plane[plane] + (size_t)y * from->stride[plane], to->width);
		}
}

static void write_frame(struct ring *r, struct source *s, uint32_t slot, uint64_t seq)
{
	struct seen *seen = &r->b->frame[seq];
	struct dying d = {r->b, CAPTURE, seq};
	struct picture p = ring_picture(r, slot);

	if (s->pattern) {
		pattern_draw(s->pattern, &p, seq, &seen->sums, half_way, &d);
		return;
	}
	seen->sums = source_sums(&s->next);
	write_decoded(&p, &s->next, &d);
}

static void frame(struct ring *r, struct source *s, uint64_t seq)
{
	struct seen *seen = &r->b->frame[seq];
	int signal, slot = ring_next(r);

	seen->begun_ns = now_ns();
	if (slot < 0 || ring_send(r, (uint32_t)slot, seq, seen->begun_ns, &signal) < 0) {
		r->b->stage[CAPTURE].missed++;
		r->b->stage[CAPTURE].dropped++;
	} else {
		write_frame(r, s, (uint32_t)slot, seq);
		seen->signalled_ns = now_ns();
		ring_written(r, (uint32_t)slot, signal);
	}
	if (s->decoder)
		s->more = decoder_next(s->decoder, &s->next);
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000),
			     .tv_nsec = (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* Until those who look on are there. */
static bool wait_for_consumers(struct ring *r)
{
	uint64_t until = now_ns() + UINT64_C(10000000000);

	while (atomic_load(&r->b->greeted) < NR_STAGES - 1) {
		if (now_ns() > until || atomic_load(&r->b->stop))
			return false;
		sleep_until(now_ns() + 5000000);
		(void)fhc_out_dispatch(r->out);
	}
	(void)fhc_out_dispatch(r->out);
	return true;
}

static void film(struct ring *r, struct source *s)
{
	struct account *a = &r->b->stage[CAPTURE];
	const struct wanted *w = &r->b->want;
	uint64_t period = UINT64_C(1000000000) / w->rate, began = now_ns() + period;
	uint64_t seq = 1;

	for (; seq <= w->frames && s->more && !atomic_load(&r->b->stop); seq++) {
		uint64_t due = began + (seq - 1) * period;

		/* A moment that has passed has no picture; a file's pictures wait. */
		if (now_ns() > due + period && s->pattern) {
			a->dropped++;
			continue;
		}
		sleep_until(due);
		frame(r, s, seq);
	}
	say_end(a, "%s", atomic_load(&r->b->stop) ? "stopped" : "all frames made");
}

int capture_main(struct board *b)
{
	struct account *a = &b->stage[CAPTURE];
	struct source s = {.pattern = NULL};
	struct ring r;
	struct fhc *c = connect_server(b, CAPTURE);
	int status = 1;

	if (!c)
		return 1;
	if (!ring_open(&r, b, CAPTURE, c)) {
		if (!source_open(b, &s) || ring_format(&r, b->want.width, b->want.height))
			status = STAGE_CANNOT;
		else if (!wait_for_consumers(&r))
			say_end(a, "the others did not come");
		else {
			film(&r, &s);
			status = 0;
		}
	}
	if (r.out)
		ring_close(&r, true);
	take_written(c, a);
	source_close(&s);
	fhc_close(c);
	return status;
}
