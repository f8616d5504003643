/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The camera: a pattern that is written once into a buffer of the ring, or a decoder whose pictures are the ring's buffers. It cannot wait: without a free slot a
 * frame is lost.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lent.h"
#include "take.h"

struct source {
	struct pattern *pattern;
	struct decoder *decoder;
	struct lent lent;
	struct decoded next; /* of the decoder, that is not sent yet */
	bool more;
	uint64_t made; /* bytes of the decoder's pictures */
};

/* What an inset has room in, and its line; lines of colour come in pairs. */
#define MIN_SIDE 64u
#define MAX_SIDE 8192u

static bool size_is_good(const struct wanted *w)
{
	return w->width >= MIN_SIDE && w->width <= MAX_SIDE && w->height >= MIN_SIDE &&
	       w->height <= MAX_SIDE && w->width % 2 == 0 && w->height % 2 == 0;
}

/*
 * The next of the decoder's pictures, which are each to be written once: all pages that it lies in, and what the decoder likes of the rest of its buffer (room
 * around the picture). What is written beyond that is seen in the end.
 */
static bool next_decoded(struct source *s, struct ring *r)
{
	uint64_t least;
	int err;

	while ((err = decoder_next(s->decoder, &s->next)) == -EAGAIN && !atomic_load(&r->b->stop))
		if (s->lent.r)
			lent_dispatch(&s->lent);
	s->more = !err;
	if (err)
		return false;
	least = lent_pages(&s->next);
	s->made += s->next.written >= least && s->next.written <= s->next.buf.size ? s->next.written
										   : least;
	return true;
}

static bool open_file(struct ring *r, struct source *s)
{
	struct wanted *w = &r->b->want;
	struct account *a = &r->b->stage[CAPTURE];
	const char *slash = strrchr(w->file, '/');
	char why[TEXT_MAX] = "no memory", path[160];

	snprintf(a->what, sizeof(a->what), "%.60s", slash ? slash + 1 : w->file);
	snprintf(path, sizeof(path), "%s/server", w->dir);
	s->decoder = decoder_open(w->file, path, w->heap, w->width, w->height, why);
	if (s->decoder && !next_decoded(s, r))
		decoder_why(s->decoder, why);
	if (!s->more) {
		say_end(a, "%.40s: %s", a->what, why);
		return false;
	}
	s->lent = (struct lent){.r = r, .d = s->decoder};
	w->width = s->next.v.width;
	w->height = s->next.v.height;
	r->format = s->next.format;
	if (!size_is_good(w))
		say_end(a, "%.60s: %ux%u: expected pictures of %ux%u to %ux%u, even: --size scales",
			a->what, w->width, w->height, MIN_SIDE, MIN_SIDE, MAX_SIDE, MAX_SIDE);
	return size_is_good(w);
}

static bool source_open(struct ring *r, struct source *s)
{
	struct wanted *w = &r->b->want;
	struct account *a = &r->b->stage[CAPTURE];
	bool good;

	if (*w->file) {
		good = open_file(r, s);
	} else {
		snprintf(a->what, sizeof(a->what), "a pattern");
		s->pattern = pattern_create(w->width, w->height);
		good = s->more = s->pattern && !ring_format(r, FHC_NV12, w->width, w->height);
		if (!good)
			say_end(a, "%ux%u: no memory, or no size of a picture", w->width,
				w->height);
	}
	a->fourcc = r->format.fourcc;
	return good;
}

/* What the decoder has read is decoded to its end, so that what it wrote can be compared with the pictures that came of it. */
static void drain(struct ring *r, struct source *s)
{
	uint64_t until = now_ns() + UINT64_C(10000000000);

	fhc_out_end(r->out);
	decoder_end(s->decoder);
	while (s->more && now_ns() < until) {
		decoder_give_back(s->decoder, s->next.held);
		lent_dispatch(&s->lent);
		(void)next_decoded(s, r);
	}
	if (s->more)
		decoder_give_back(s->decoder, s->next.held);
	s->more = false;
}

static void source_close(struct source *s, struct account *a)
{
	struct decoder_counts counts;
	bool failed;

	pattern_destroy(s->pattern);
	if (!s->decoder)
		return;
	snprintf(a->how, sizeof(a->how), "%s", decoder_how(s->decoder));
	decoder_stop(s->decoder); /* consumers may still read what it gets back */
	if (s->lent.r)
		lent_close(&s->lent);
	failed = decoder_failed(s->decoder);
	decoder_close(s->decoder, &counts);
	if (failed) /* what it had begun became no picture */
		s->made = counts.written;
	a->nr_buffers = (uint32_t)counts.allocs;
	a->allocs += counts.allocs;
	a->counted_by_page = counts.by_page;
	/* As declared at each access, which says nothing of what was written. */
	a->written += counts.by_page ? counts.written : s->made;
	a->made += s->made;
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

static void draw(struct ring *r, struct source *s, uint64_t seq)
{
	struct seen *seen = &r->b->frame[seq];
	struct dying d = {r->b, CAPTURE, seq};
	int signal, slot = ring_next(r);
	struct picture p;

	seen->begun_ns = now_ns();
	if (slot < 0 || ring_send(r, (uint32_t)slot, seq, seen->begun_ns, &signal) < 0) {
		r->b->stage[CAPTURE].missed++;
		r->b->stage[CAPTURE].dropped++;
		return;
	}
	p = ring_picture(r, (uint32_t)slot);
	pattern_draw(s->pattern, &p, seq, &seen->sums, half_way, &d);
	seen->signalled_ns = now_ns();
	ring_written(r, (uint32_t)slot, signal);
}

/* The picture is there; its fence ends when it has been summed up for those who check. */
static void send_decoded(struct ring *r, struct source *s, uint64_t seq)
{
	struct seen *seen = &r->b->frame[seq];
	struct account *a = &r->b->stage[CAPTURE];
	int signal, slot;

	lent_dispatch(&s->lent);
	slot = lent_slot(&s->lent, &s->next);
	seen->begun_ns = now_ns();
	if (slot < 0) {
		decoder_give_back(s->decoder, s->next.held);
		a->missed++;
		a->dropped++;
	} else if (ring_send(r, (uint32_t)slot, seq, seen->begun_ns, &signal) < 0) {
		a->dropped++; /* the slot has it, and gives it back */
	} else {
		seen->sums = source_sums(&s->next.v);
		maybe_die(r->b, CAPTURE, seq);
		seen->signalled_ns = now_ns();
		fhc_signal(signal, 0);
		a->out++;
	}
	(void)next_decoded(s, r);
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
	char why[TEXT_MAX];

	for (; seq <= w->frames && s->more && !atomic_load(&r->b->stop); seq++) {
		uint64_t due = began + (seq - 1) * period;

		/* A moment that has passed has no picture; a file's pictures wait. */
		if (now_ns() > due + period && s->pattern) {
			a->dropped++;
			continue;
		}
		sleep_until(due);
		if (s->pattern)
			draw(r, s, seq);
		else
			send_decoded(r, s, seq);
	}
	say_end(a, "%s", atomic_load(&r->b->stop) ? "stopped" : "all frames made");
	if (s->decoder && decoder_failed(s->decoder)) {
		decoder_why(s->decoder, why);
		say_end(a, "%s", why);
	}
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
		if (!source_open(&r, &s)) {
			status = STAGE_CANNOT;
		} else if (!wait_for_consumers(&r)) {
			say_end(a, "the others did not come");
		} else {
			film(&r, &s);
			status = 0;
		}
	}
	if (s.decoder)
		drain(&r, &s);
	if (r.out)
		ring_close(&r, true);
	take_written(c, a);
	source_close(&s, a);
	fhc_close(c);
	return status;
}
