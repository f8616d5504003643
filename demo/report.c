/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a run comes to, in words and tables. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "conduct.h"

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct spread spread_of(uint64_t *v, uint64_t n)
{
	if (!n)
		return (struct spread){0};
	qsort(v, n, sizeof(*v), by_size);
	return (struct spread){n, v[n / 2], v[n * 9 / 10], v[n * 99 / 100], v[n - 1]};
}

static const char *time_text(char *text, size_t size, uint64_t ns)
{
	if (ns < 10000)
		snprintf(text, size, "%.1f us", (double)ns / 1e3);
	else if (ns < 1000000)
		snprintf(text, size, "%.0f us", (double)ns / 1e3);
	else if (ns < 10000000)
		snprintf(text, size, "%.2f ms", (double)ns / 1e6);
	else
		snprintf(text, size, "%.1f ms", (double)ns / 1e6);
	return text;
}

static void print_spread(const char *name, struct spread s)
{
	char a[24], b[24], c[24], d[24];

	if (!s.n)
		return;
	printf("  %-38s %7" PRIu64 " %10s %10s %10s %10s\n", name, s.n,
	       time_text(a, sizeof(a), s.p50), time_text(b, sizeof(b), s.p90),
	       time_text(c, sizeof(c), s.p99), time_text(d, sizeof(d), s.max));
}

enum what { AGE, WAKE_ENCODE, WAKE_COMPOSITE, WAKE_DISPLAY, WRITE, COMPOSE };

static uint64_t figure(const struct seen *s, enum what what)
{
	uint64_t from = what == AGE || what == WRITE ? s->begun_ns
			: what == WAKE_DISPLAY	     ? s->composed_ns
						     : s->signalled_ns;
	uint64_t to = what == AGE	       ? s->shown_ns
		      : what == WAKE_ENCODE    ? s->woken_ns[ENCODE]
		      : what == WAKE_COMPOSITE ? s->woken_ns[COMPOSITE]
		      : what == WAKE_DISPLAY   ? s->woken_ns[DISPLAY]
		      : what == WRITE	       ? s->signalled_ns
					       : s->composed_ns;

	return from && to > from ? to - from : 0;
}

static struct spread spread_frames(const struct board *b, enum what what)
{
	uint64_t *v = calloc(b->want.frames + 1, sizeof(*v)), n = 0;
	struct spread s;

	for (uint64_t i = 1; v && i <= b->want.frames; i++) {
		uint64_t f = figure(&b->frame[i], what);

		if (f)
			v[n++] = f;
	}
	s = spread_of(v, n);
	free(v);
	return s;
}

static struct spread spread_allocs(const struct board *b)
{
	uint64_t *v, n = 0;
	struct spread s;

	v = calloc(2 * (size_t)MAX_ALLOCS, sizeof(*v));
	for (enum stage st = 0; v && st < NR_STAGES; st++)
		for (uint32_t i = 0; i < b->stage[st].nr_alloc_ns; i++)
			v[n++] = b->stage[st].alloc_ns[i];
	s = spread_of(v, n);
	free(v);
	return s;
}

/* Bytes that were written beyond those of the pictures that were made. */
static int64_t copied(const struct account *a)
{
	return (int64_t)(a->written - a->made);
}

static uint64_t buffer_bytes(const struct board *b)
{
	uint64_t size = (uint64_t)b->want.width * b->want.height * 3 / 2;

	return (size + 4095) & ~UINT64_C(4095);
}

/* Frames' worth of them, up. */
static int64_t copies(const struct board *b, const struct account *a)
{
	int64_t size = (int64_t)buffer_bytes(b), c = copied(a);

	return a->killed || !size ? 0 : c >= 0 ? (c + size - 1) / size : -((-c + size - 1) / size);
}

bool outcome_good(const struct outcome *o)
{
	bool good = !*o->trouble && !o->leaked && !o->server_bad && o->b;

	for (enum stage s = 0; good && s < NR_STAGES; s++) {
		const struct account *a = &o->b->stage[s];
		bool meant = o->b->want.kill_at && o->b->want.kill == s;

		good = !a->wrong && !a->failed && !copies(o->b, a) && (meant || !a->killed);
	}
	return good && (o->b->stage[DISPLAY].out || o->b->want.kill_at);
}

/* ---- a run ---- */

static void print_head(const struct run_wanted *w, const struct outcome *o)
{
	const struct wanted *want = &o->b->want;

	printf("freehold demo: %ux%u %s, %u frames a second, %" PRIu64
	       " frames, %u buffers a ring (%s)\n",
	       want->width, want->height,
	       o->b->stage[CAPTURE].fourcc == DEMO_I420 ? "I420" : "NV12", want->rate, want->frames,
	       want->slots,
	       want->slots == 2	  ? "double"
	       : want->slots == 3 ? "triple"
				  : "more");
	printf("  source: %s; encoder: %s\n", o->b->stage[CAPTURE].what,
	       *o->b->stage[ENCODE].what ? o->b->stage[ENCODE].what : "none");
	if (o->b->stage[CAPTURE].nr_buffers)
		printf("  capture: %s; %u buffers, of which consumers have %u at most\n",
		       o->b->stage[CAPTURE].how, o->b->stage[CAPTURE].nr_buffers, want->slots);
	printf("  buffers: heap %s, area of %" PRIu64 " MiB in %s, policy %s", want->heap,
	       o->area_bytes >> 20, w->ram, w->policy);
	if (w->job)
		printf("; tenants have %.0f %% of the area", o->lent * 100);
	if (want->churn)
		printf("; %s has a buffer anew every %u frames",
		       *want->file ? "composite's ring" : "each ring", want->churn);
	if (want->realtime)
		printf("\n  scheduling: %s",
		       o->b->stage[CAPTURE].realtime
			       ? "capture, composite and display before ordinary programs"
			       : "ordinary; this user may have no other");
	printf("\n\n");
}

/* What it missed by being slow, too: it had no more than it would hold, and was not sent the next. */
static uint64_t dropped(const struct board *b, enum stage s)
{
	const struct account *a = &b->stage[s];
	const struct account *from = s == CAPTURE   ? NULL
				     : s == DISPLAY ? &b->stage[COMPOSITE]
						    : &b->stage[CAPTURE];
	bool whole = from && !from->killed && !a->killed && from->out > a->in;

	return a->dropped + (whole ? from->out - a->in : 0);
}

static void print_stage(const struct outcome *o, enum stage s)
{
	const struct board *b = o->b;
	const struct account *a = &b->stage[s];
	double wall = (double)o->wall_ns / 1e9, cpu = (double)(a->user_us + a->system_us) / 1e6;
	char in[24] = "-", out[24] = "-", written[32] = "-", extra[24] = "-";

	if (s != CAPTURE)
		snprintf(in, sizeof(in), "%" PRIu64, a->in);
	if (s != ENCODE || a->out)
		snprintf(out, sizeof(out), "%" PRIu64, a->out);
	if (!a->killed) {
		snprintf(written, sizeof(written), "%.1f MB", (double)a->written / 1e6);
		snprintf(extra, sizeof(extra), "%" PRId64, copies(b, a));
	}
	printf("  %-10s %7s %7s %8" PRIu64 " %6" PRIu64 " %11s %7s %7.2f s %5.1f %%  %s\n",
	       stage_name[s], in, out, dropped(b, s), a->wrong, written, extra, cpu,
	       wall > 0 ? cpu / wall * 100 : 0, a->end);
}

static void print_notes(const struct outcome *o)
{
	const struct board *b = o->b;
	const struct account *e = &b->stage[ENCODE], *d = &b->stage[DISPLAY];
	uint64_t checked = e->checked_bytes + d->checked_bytes, ns = e->checked_ns + d->checked_ns;

	if (e->out && e->encoded)
		printf("  encoded: %" PRIu64 " frames, %.1f MB\n", e->out,
		       (double)e->encoded / 1e6);
	if (ns)
		printf("  checked: every byte of every frame that encode and display had, %.1f GB "
		       "at %.1f GB/s\n",
		       (double)checked / 1e9, (double)checked / (double)ns);
	if (d->repeated)
		printf("  display: %" PRIu64 " tick%s without a new picture\n", d->repeated,
		       d->repeated > 1 ? "s" : "");
	for (enum stage s = 0; s < NR_STAGES; s++) {
		const struct account *a = &b->stage[s];

		if (a->spoilt)
			printf("  %s: %" PRIu64 " frame%s whose maker died before it was whole\n",
			       stage_name[s], a->spoilt, a->spoilt > 1 ? "s" : "");
		if (a->missed)
			printf("  %s: %" PRIu64 " frame%s for which no buffer was free\n",
			       stage_name[s], a->missed, a->missed > 1 ? "s" : "");
		if (copies(b, a))
			printf("  %s: wrote %" PRId64 " bytes %s than its pictures have: it %s\n",
			       stage_name[s], copied(a) > 0 ? copied(a) : -copied(a),
			       copied(a) > 0 ? "more" : "less",
			       copied(a) > 0 ? "COPIES" : "did not write them");
	}
	if (d->back_ns)
		printf("  display: another compositor after %.0f ms\n", (double)d->back_ns / 1e6);
	if (!b->stage[CAPTURE].counted_by_page && b->stage[CAPTURE].ran)
		printf("  written: as declared, this kernel cannot count\n");
}

void report_run(const struct run_wanted *w, const struct outcome *o)
{
	print_head(w, o);
	printf("  %-10s %7s %7s %8s %6s %11s %7s %9s %7s  %s\n", "stage", "in", "out", "dropped",
	       "wrong", "written", "copies", "CPU", "", "ended with");
	for (enum stage s = 0; s < NR_STAGES; s++)
		print_stage(o, s);
	printf("\n  %-38s %7s %10s %10s %10s %10s\n", "", "n", "p50", "p90", "p99", "max");
	print_spread("buffer age: capture to display", spread_frames(o->b, AGE));
	print_spread("capture writes a frame", spread_frames(o->b, WRITE));
	print_spread("capture's fence to composite's fence", spread_frames(o->b, COMPOSE));
	print_spread("fence to wake-up: encode", spread_frames(o->b, WAKE_ENCODE));
	print_spread("fence to wake-up: composite", spread_frames(o->b, WAKE_COMPOSITE));
	print_spread("fence to wake-up: display", spread_frames(o->b, WAKE_DISPLAY));
	print_spread("a buffer is allocated", spread_allocs(o->b));
	printf("\n");
	print_notes(o);
	printf("  left behind: %s\n",
	       o->leaked       ? "BUFFERS (bufinfo is not empty)"
	       : o->server_bad ? "the server ended with an error"
			       : "nothing, no buffer, and the server's books are right");
	if (*o->trouble)
		printf("  %s\n", o->trouble);
	printf("\n");
}

/* ---- policies side by side ---- */

void report_compare(const struct outcome *o, unsigned int n)
{
	char a[24], c[24], d[24], e[24];

	printf("  %-11s %8s %10s %8s %7s %7s %10s %10s %10s %10s\n", "policy", "lent", "buffers",
	       "refused", "shown", "missed", "p50", "p99", "max", "age p99");
	for (unsigned int i = 0; i < n; i++) {
		const struct board *b = o[i].b;
		uint64_t allocs = 0, refused = 0, missed = 0;
		struct spread s;

		if (!b)
			continue;
		s = spread_allocs(b);
		for (enum stage st = 0; st < NR_STAGES; st++) {
			allocs += b->stage[st].allocs;
			refused += b->stage[st].refused;
			missed += b->stage[st].missed;
		}
		printf("  %-11s %6.0f %% %10" PRIu64 " %8" PRIu64 " %7" PRIu64 " %7" PRIu64
		       " %10s %10s %10s %10s\n",
		       o[i].policy, o[i].lent * 100, allocs, refused, b->stage[DISPLAY].out, missed,
		       time_text(a, sizeof(a), s.p50), time_text(c, sizeof(c), s.p99),
		       time_text(d, sizeof(d), s.max),
		       time_text(e, sizeof(e), spread_frames(b, AGE).p99));
	}
	printf("  lent: of the area, to tenants, before the buffers came; p50, p99, max: until a "
	       "buffer is had; missed: frames\n"
	       "  for which there was no buffer, free or at all\n");
}
