/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Decodes sys/kernel/debug/freehold/{holders,heaps,buffers}, and shows them to people. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "readout.h"
#include "readout_users.h"
#include "table.h"

#define FOLDER	       "sys/kernel/debug/freehold/"
#define UNKNOWN_HOLDER " nobody known"

/* ---- reading ---- */

struct reading {
	struct users *u;
	int64_t pid;
	char *why;
	size_t size;
};

/* Room for one more in an array that doubles. */
static void *grown(void *array, size_t nr, size_t each)
{
	return nr & (nr - 1) ? array : realloc(array, (nr ? 2 * nr : 1) * each);
}

/* What a line is; 0: memory; -1: not what it should be. */
typedef int line_reader(struct reading *r, const char *line);

static int read_user(struct reading *r, const char *line)
{
	struct users *u = r->u;
	struct user v, *all;
	int at = 0;

	if (sscanf(line,
		   "%" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %7s%n",
		   &v.pid, &v.charged, &v.peak, &v.limit, &v.held, &v.pss, &v.buffers, &v.written,
		   v.counted, &at) != 9 ||
	    strncmp(line + at, "  ", 2))
		return -1;
	readout_printable(v.name, sizeof(v.name), line + at + 2, line + strlen(line));
	if (v.pid == r->pid && !v.buffers && !v.peak)
		return 1;
	all = grown(u->user, u->nr_users, sizeof(*all));
	if (!all)
		return 0;
	u->user = all;
	all[u->nr_users++] = v;
	return 1;
}

static int read_heap(struct reading *r, const char *line)
{
	struct users *u = r->u;
	struct users_heap v, *all;

	if (sscanf(line,
		   "%63s %63s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %63s",
		   v.name, v.kind, &v.total, &v.used, &v.peak, &v.limit, &v.buffers, &v.allocated,
		   &v.refused, v.area) != 10)
		return -1;
	all = grown(u->heap, u->nr_heaps, sizeof(*all));
	if (!all)
		return 0;
	u->heap = all;
	all[u->nr_heaps++] = v;
	return 1;
}

/* A name may have spaces in it; who holds it is behind, each with his number in brackets. */
static int read_buffer(struct reading *r, const char *line)
{
	const char *end = line + strlen(line);
	size_t len = strlen(UNKNOWN_HOLDER);
	struct users *u = r->u;
	struct stray v, *all;
	int at = 0;

	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %lu %" SCNu64 " %63s %n", &v.ino,
		   &v.size, &v.age_ms, &v.references, &v.written, v.heap, &at) != 6 ||
	    !at)
		return -1;
	u->nr_buffers++;
	u->bytes += v.size;
	if ((size_t)(end - line) < (size_t)at + len || strcmp(end - len, UNKNOWN_HOLDER))
		return 1;
	for (end -= len; end > line + at && end[-1] == ' '; end--)
		;
	readout_printable(v.name, sizeof(v.name), line + at, end);
	all = grown(u->stray, u->nr_strays, sizeof(*all));
	if (!all)
		return 0;
	u->stray = all;
	all[u->nr_strays++] = v;
	u->stray_bytes += v.size;
	return 1;
}

static bool wrong(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return false;
}

static bool read_file(const struct tree *t, struct reading *r, const char *path, line_reader *take)
{
	const char *dir = t->dir ? t->dir : "", *slash = t->dir ? "/" : "";
	unsigned int nr = 1;
	char *text, *line, *end;
	size_t len;
	int err = tree_read(t, path, &text, &len), ok = 1;

	if (err)
		return wrong(r, "%s%s%s: %s", dir, slash, path, tree_error(err));
	/* The first line is the heading. */
	for (line = strchr(text, '\n'); line && line[1] && ok > 0; line = end) {
		end = strchr(++line, '\n');
		if (end)
			*end = '\0';
		nr++;
		ok = take(r, line);
		if (!end)
			break;
	}
	free(text);
	if (ok < 0)
		return wrong(r, "%s%s%s:%u: expected a line as freehold has it there", dir, slash,
			     path, nr);
	return ok || wrong(r, "out of memory");
}

static int by_charge(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	if (x->charged != y->charged)
		return x->charged < y->charged ? 1 : -1;
	if (x->held != y->held)
		return x->held < y->held ? 1 : -1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static int by_age(const void *a, const void *b)
{
	const struct stray *x = a, *y = b;

	return x->age_ms > y->age_ms ? -1 : x->age_ms < y->age_ms;
}

bool users_read(const struct tree *t, int64_t pid, struct users *u, char *why, size_t size)
{
	struct reading r = {u, pid, why, size};

	*u = (struct users){.user = NULL};
	if (!read_file(t, &r, FOLDER "holders", read_user) ||
	    !read_file(t, &r, FOLDER "heaps", read_heap) ||
	    !read_file(t, &r, FOLDER "buffers", read_buffer)) {
		users_free(u);
		return false;
	}
	if (u->nr_users)
		qsort(u->user, u->nr_users, sizeof(*u->user), by_charge);
	if (u->nr_strays)
		qsort(u->stray, u->nr_strays, sizeof(*u->stray), by_age);
	return true;
}

void users_free(struct users *u)
{
	free(u->user);
	free(u->heap);
	free(u->stray);
}

/* ---- for people ---- */

static void put_bytes(FILE *out, int width, uint64_t bytes, bool none)
{
	char buf[TABLE_CELL];

	fprintf(out, " %*s", width, none ? "-" : figure_bytes(buf, bytes));
}

static void total(const struct users *u, FILE *out)
{
	char all[TABLE_CELL], lost[TABLE_CELL];

	fprintf(out, "%" PRIu64 " buffer%s, %s; of nobody known: %zu, %s\n", u->nr_buffers,
		u->nr_buffers == 1 ? "" : "s", figure_bytes(all, u->bytes), u->nr_strays,
		figure_bytes(lost, u->stray_bytes));
}

static void user(const struct user *v, FILE *out)
{
	fprintf(out, "%8" PRId64 " %8" PRIu64, v->pid, v->buffers);
	put_bytes(out, 10, v->held, false);
	put_bytes(out, 10, v->charged, false);
	put_bytes(out, 10, v->pss, false);
	put_bytes(out, 10, v->peak, false);
	put_bytes(out, 10, v->limit, !v->limit);
	put_bytes(out, 10, v->written, !strcmp(v->counted, "-"));
	fprintf(out, "  %s\n", v->name);
}

static void heap(const struct users_heap *v, FILE *out)
{
	fprintf(out, "%-24s %-8s %8" PRIu64, v->name, v->kind, v->buffers);
	put_bytes(out, 10, v->used, false);
	put_bytes(out, 10, v->peak, false);
	put_bytes(out, 10, v->limit, !v->limit);
	put_bytes(out, 10, v->total, !v->total);
	fprintf(out, " %8" PRIu64 "\n", v->refused);
}

static void stray(const struct stray *v, FILE *out)
{
	char age[TABLE_CELL];

	fprintf(out, "%8" PRIu64, v->ino);
	put_bytes(out, 10, v->size, false);
	fprintf(out, " %10s  %-24s %s\n", figure_time(age, v->age_ms * 1000000), v->heap, v->name);
}

void users_text(const struct users *u, FILE *out)
{
	total(u, out);
	fprintf(out, "\n%8s %8s %10s %10s %10s %10s %10s %10s  %s\n", "pid", "buffers", "held",
		"charged", "pss", "peak", "limit", "written", "name");
	for (size_t i = 0; i < u->nr_users; i++)
		user(&u->user[i], out);
	fprintf(out, "\n%-24s %-8s %8s %10s %10s %10s %10s %8s\n", "heap", "kind", "buffers",
		"used", "peak", "limit", "total", "refused");
	for (size_t i = 0; i < u->nr_heaps; i++)
		heap(&u->heap[i], out);
	if (!u->nr_strays)
		return;
	fprintf(out, "\nof nobody known\n%8s %10s %10s  %-24s %s\n", "ino", "size", "age", "heap",
		"name");
	for (size_t i = 0; i < u->nr_strays; i++)
		stray(&u->stray[i], out);
}
