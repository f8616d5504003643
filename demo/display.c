/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The display: at each tick shows the newest picture that is ready, and has it until the next one. It looks at every byte of what it shows, and keeps a few
 * small for the contact sheet.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "take.h"

#define MAX_QUEUE FHC_SLOTS

struct display {
	struct taker t;
	struct fhc_frame queue[MAX_QUEUE]; /* the oldest first; a fence of -1: ready */
	unsigned int nr;
	bool shows;
	uint32_t shown_slot;
	uint64_t ticks;
	int timer, end;
};

static void check(struct display *d, const struct view *v, uint64_t seq)
{
	struct board *b = d->t.b;
	struct account *a = &b->stage[DISPLAY];
	const struct sums *want = &b->frame[seq].sums;
	uint64_t began = now_ns();
	struct sums s;
	uint32_t number;
	bool good = composed_sums(v, &s) && s.around == want->around && s.inset == want->inset;

	a->checked_ns += now_ns() - began;
	a->checked_bytes += (uint64_t)v->width * v->height * 3 / 2;
	if (!*b->want.file)
		good = good && pattern_read(v, false, &number) && number == (uint32_t)seq;
	a->wrong += !good;
}

/* Pictures of the whole run, evenly. */
static void keep_small(struct board *b, const struct view *v, uint64_t seq)
{
	uint32_t n = b->nr_sheet;

	if (n == SHEET_NR || seq < 1 + n * b->want.frames / SHEET_NR)
		return;
	b->sheet_seq[n] = (uint32_t)seq;
	(void)picture_small(v, SHEET_WIDTH, b->sheet[n]);
	b->nr_sheet++;
}

static void drop_first(struct display *d)
{
	d->nr--;
	memmove(d->queue, d->queue + 1, d->nr * sizeof(d->queue[0]));
}

static void show(struct display *d, const struct fhc_frame *f)
{
	struct board *b = d->t.b;
	struct fhc_format format;
	struct view v;

	if (d->shows)
		(void)fhc_in_release(d->t.in, d->shown_slot);
	d->shows = true;
	d->shown_slot = f->slot;
	b->frame[f->seq].shown_ns = now_ns();
	b->stage[DISPLAY].out++;
	maybe_die(b, DISPLAY, f->seq);
	if (take_view(&d->t, f->slot, &v, &format)) {
		b->stage[DISPLAY].wrong++;
		return;
	}
	check(d, &v, f->seq);
	keep_small(b, &v, f->seq);
}

static void tick(struct display *d)
{
	struct account *a = &d->t.b->stage[DISPLAY];
	unsigned int newest = d->nr;

	for (unsigned int i = 0; i < d->nr; i++)
		if (d->queue[i].fence < 0)
			newest = i;
	if (newest == d->nr) {
		a->repeated += d->shows && !d->end;
		return;
	}
	/* Older ones come too late. */
	for (; newest; newest--) {
		if (d->queue[0].fence >= 0)
			close(d->queue[0].fence);
		(void)fhc_in_release(d->t.in, d->queue[0].slot);
		a->dropped++;
		drop_first(d);
	}
	show(d, &d->queue[0]);
	drop_first(d);
}

static void fence_ended(struct display *d, unsigned int i, bool waited)
{
	struct fhc_frame *f = &d->queue[i];
	int state = fhc_fence_state(f->fence);

	if (!state)
		return;
	if (waited)
		d->t.b->frame[f->seq].woken_ns[DISPLAY] = now_ns();
	close(f->fence);
	f->fence = -1;
	if (state == 1)
		return;
	d->t.b->stage[DISPLAY].spoilt++;
	(void)fhc_in_release(d->t.in, f->slot);
	d->nr--;
	memmove(f, f + 1, (d->nr - i) * sizeof(*f));
}

static void take_all(struct display *d)
{
	while (!d->end && d->nr < MAX_QUEUE) {
		struct fhc_frame *f = &d->queue[d->nr];
		int err = take_next(&d->t, f);

		if (err) {
			d->end = err == -EAGAIN ? 0 : err;
			return;
		}
		(void)fhc_in_promise(d->t.in, f->slot, -1);
		d->nr++;
		if (f->fence >= 0)
			fence_ended(d, d->nr - 1, false);
	}
}

static void wait(struct display *d)
{
	struct pollfd p[2 + MAX_QUEUE] = {
		{.fd = d->timer, .events = POLLIN},
		{.fd = d->end ? -1 : fhc_in_fd(d->t.in), .events = POLLIN}};
	unsigned int nr = d->nr;
	uint64_t n;

	for (unsigned int i = 0; i < nr; i++)
		p[2 + i] = (struct pollfd){.fd = d->queue[i].fence, .events = POLLIN};
	if (poll(p, 2 + nr, 1000) <= 0)
		return;
	for (unsigned int i = nr; i-- > 0;)
		if (p[2 + i].revents)
			fence_ended(d, i, true);
	take_all(d);
	if (p[0].revents && read(d->timer, &n, sizeof(n)) == (ssize_t)sizeof(n)) {
		d->ticks += n;
		tick(d);
	}
}

static void let_go(struct display *d)
{
	for (unsigned int i = 0; i < d->nr; i++)
		if (d->queue[i].fence >= 0)
			close(d->queue[i].fence);
	d->nr = 0;
	d->shows = false;
	fhc_in_close(d->t.in);
	d->t.in = NULL;
	memset(d->t.held, 0, sizeof(d->t.held));
}

/* Another compositor may come in its place. */
static bool again(struct display *d)
{
	struct account *a = &d->t.b->stage[DISPLAY];
	uint64_t began = now_ns();

	if (d->end != -ECONNRESET || !d->t.b->want.restart)
		return false;
	let_go(d);
	d->t.in = connect_producer(d->t.b, COMPOSITE, DISPLAY, 0, UINT64_C(3000000000));
	a->back_ns = now_ns() - began;
	d->end = 0;
	return d->t.in;
}

static void run(struct display *d)
{
	do {
		while ((!d->end || d->nr) && !atomic_load(&d->t.b->stop))
			wait(d);
	} while (!atomic_load(&d->t.b->stop) && again(d));
}

int display_main(struct board *b)
{
	struct account *a = &b->stage[DISPLAY];
	struct display d = {.t = {.b = b, .stage = DISPLAY}};
	long ns = 1000000000 / (long)b->want.rate;
	struct timespec period = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	struct itimerspec t = {.it_interval = period, .it_value = period};

	d.t.c = connect_server(b, DISPLAY);
	if (!d.t.c)
		return 1;
	snprintf(a->what, sizeof(a->what), "%u ticks a second", b->want.rate);
	d.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	d.t.in = connect_producer(b, COMPOSITE, DISPLAY, 0, UINT64_C(10000000000));
	if (d.t.in && d.timer >= 0 && !timerfd_settime(d.timer, 0, &t, NULL)) {
		run(&d);
		if (d.t.in)
			say_end(a, "composite: %s", d.end ? end_words(d.end) : "stopped");
	} else if (d.t.in) {
		say_end(a, "no clock: %s", strerror(errno));
		d.end = -EIO;
	}
	if (d.t.in)
		let_go(&d);
	take_written(d.t.c, a);
	fhc_close(d.t.c);
	if (d.timer >= 0)
		close(d.timer);
	return d.end && d.end != -ENODATA;
}
