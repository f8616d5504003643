/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What all stages do alike: connecting, ending, taking a frame. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "take.h"

const char *const stage_name[NR_STAGES] = {"capture", "encode", "composite", "display"};

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void maybe_die(const struct board *b, enum stage stage, uint64_t seq)
{
	if (b->want.kill_at && b->want.kill == stage && seq >= b->want.kill_at &&
	    !b->stage[stage].killed)
		(void)kill(getpid(), SIGKILL);
}

void say_end(struct account *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->end, sizeof(a->end), fmt, ap);
	va_end(ap);
}

const char *end_words(int err)
{
	return err == -ENODATA	    ? "end of the stream"
	       : err == -ECONNRESET ? "gone without a word"
				    : strerror(-err);
}

struct fhc *connect_server(struct board *b, enum stage stage)
{
	struct account *a = &b->stage[stage];
	char path[160], name[32];
	struct fhc *c;
	int err;

	snprintf(path, sizeof(path), "%s/server", b->want.dir);
	snprintf(name, sizeof(name), "%s", stage_name[stage]);
	err = fhc_connect(path, name, &c);
	if (err) {
		say_end(a, "the server: %s", strerror(-err));
		return NULL;
	}
	err = fhc_count_writes(c, true);
	a->counted_by_page = !err;
	a->made = 0; /* of who came before, if this one comes again */
	if (err && err != -EOPNOTSUPP) {
		say_end(a, "what is written cannot be counted: %s", strerror(-err));
		fhc_close(c);
		return NULL;
	}
	return c;
}

struct fhc_in *connect_producer(struct board *b, enum stage from, enum stage to, uint32_t depth,
				uint64_t patience_ns)
{
	uint64_t until = now_ns() + patience_ns;
	struct fhc_in *in;
	char path[160];
	int err;

	snprintf(path, sizeof(path), "%s/%s", b->want.dir, stage_name[from]);
	while ((err = fhc_in_connect(path, stage_name[to], depth, &in))) {
		if (now_ns() > until || atomic_load(&b->stop)) {
			say_end(&b->stage[to], "%s cannot be reached: %s", stage_name[from],
				strerror(-err));
			return NULL;
		}
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	atomic_fetch_add(&b->greeted, 1);
	return in;
}

/* ---- frames ---- */

#define PATIENCE_MS 10000 /* with a fence: nobody takes so long who is not dead */

int take_fence(struct taker *t, struct fhc_frame *f)
{
	struct seen *s = &t->b->frame[f->seq];
	int state, err = 0;

	if (f->fence < 0)
		return 0;
	state = fhc_fence_state(f->fence);
	if (!state) {
		err = fhc_fence_wait(f->fence, PATIENCE_MS);
		s->woken_ns[t->stage] = now_ns();
	}
	close(f->fence);
	f->fence = -1;
	return state < 0 ? state : err;
}

/* A buffer that is new here: the server is told that this program has it. */
static void hold(struct taker *t, const struct fhc_frame *f)
{
	struct fhc_format format;
	struct fhc_buffer buf, known;

	if (!f->fresh || fhc_in_buffer(t->in, f->slot, &buf, &format))
		return;
	if (t->held[f->slot])
		(void)fhc_free(t->c, t->held[f->slot]);
	t->held[f->slot] = fhc_import(t->c, buf.fd, &known) ? 0 : known.id;
}

int take_next(struct taker *t, struct fhc_frame *f)
{
	int err = fhc_in_next(t->in, f);

	if (err)
		return err;
	if (f->seq > t->b->want.frames) { /* its number is an index here */
		(void)fhc_in_release(t->in, f->slot);
		if (f->fence >= 0)
			close(f->fence);
		return -EPROTO;
	}
	hold(t, f);
	t->b->stage[t->stage].in++;
	return 0;
}

int take_wait(struct taker *t, int other_fd)
{
	struct pollfd p[2] = {{.fd = fhc_in_fd(t->in), .events = POLLIN},
			      {.fd = other_fd, .events = POLLIN}};

	if (poll(p, 2, 200) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

int take_view(struct taker *t, uint32_t slot, struct view *v, struct fhc_format *format)
{
	struct fhc_buffer buf;
	const void *at;
	int err = fhc_in_buffer(t->in, slot, &buf, format);

	if (!err)
		err = fhc_in_map(t->in, slot, &at);
	if (!err && format->nr_planes != (format->fourcc == FHC_NV12	? 2
					  : format->fourcc == DEMO_I420 ? 3
									: PLANES + 1))
		err = -EPROTO;
	if (err)
		return err;
	*v = (struct view){
		.width = format->width, .height = format->height, .planes = format->nr_planes};
	for (unsigned int i = 0; i < v->planes; i++) {
		v->plane[i] = (const uint8_t *)at + format->offset[i];
		v->stride[i] = format->stride[i];
	}
	return 0;
}

void take_written(struct fhc *c, struct account *a)
{
	struct fhc_usage usage;

	if (!fhc_get_usage(c, &usage))
		a->written = usage.written;
}
