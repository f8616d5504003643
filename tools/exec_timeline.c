/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* sw_sync: a timeline is a pipe whose other end the supervisor has, to see it closed; its points are fences that it signals. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec_fence.h"

#define MANY 64

struct point {
	struct point *next;
	uint32_t value;
	int signal;
};

struct exec_timeline {
	struct exec_source source;
	struct exec_timeline *next;
	struct exec *x;
	uint64_t number;
	int end;
	uint32_t value;
	struct point *points;
	size_t nr_points, drop_at;
	struct exec_file *file;
};

/* All that are not signalled: with an error, as a timeline that is gone leaves them. */
static void closed(struct exec_source *source, uint32_t events)
{
	struct exec_timeline *line = (struct exec_timeline *)source;
	struct exec_timeline **at = &line->x->timelines;
	struct point *p;

	(void)events;
	while (*at != line)
		at = &(*at)->next;
	*at = line->next;
	while ((p = line->points)) {
		line->points = p->next;
		fhc_signal(p->signal, -ENOENT);
		free(p);
	}
	exec_unwatch(line->x, line->end);
	exec_files_remove(line->x, line->file);
	close(line->end);
	free(line);
}

/* Fences that follow from ours are the server's to signal. By its second answer it has seen what was there before the first
 * question. */
static void settle(struct exec *x)
{
	struct fhc_heap heap;

	for (int i = 0; i < 2 && x->procs.first; i++)
		fhc_heap_nth(x->procs.first->c, 0, &heap);
}

void exec_timelines_look(struct exec *x)
{
	struct exec_timeline *line, *next;
	struct pollfd p = {.events = POLLIN};

	for (line = x->timelines; line; line = next) {
		next = line->next;
		p.fd = line->end;
		if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLHUP))
			continue;
		closed(&line->source, 0);
		settle(x);
	}
}

int64_t exec_timeline_open(struct trap *t, uint64_t flags)
{
	struct exec_timeline *line = calloc(1, sizeof(*line));
	int pair[2];
	int64_t result;

	if (!line || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
		free(line);
		return -ENOMEM;
	}
	line->x = t->x;
	line->end = pair[0];
	line->source.ready = closed;
	line->file = exec_files_add(t->x, pair[1], EXEC_TIMELINE);
	if (!line->file || exec_watch(t->x, pair[0], &line->source)) {
		if (line->file)
			exec_files_remove(t->x, line->file);
		close(pair[0]);
		close(pair[1]);
		free(line);
		return -ENOMEM;
	}
	line->file->timeline = line;
	line->number = ++t->x->nr_timelines;
	line->next = t->x->timelines;
	t->x->timelines = line;
	result = trap_give_result(t, pair[1], (int)(flags & O_CLOEXEC));
	close(pair[1]); /* if it was not given, this is its end */
	return result;
}

/* ---- what a sync file is made of ---- */

struct one_point {
	uint64_t line;
	uint32_t value;
};

struct exec_points {
	size_t n;
	struct one_point at[];
};

static struct exec_points *points_new(size_t n)
{
	return calloc(1, sizeof(struct exec_points) + n * sizeof(struct one_point));
}

/* Where there is no memory it is not known, and merging leaves more points than need be. */
static void remember(struct exec *x, int fence, uint64_t line, uint32_t value)
{
	struct exec_file *file = exec_files_add(x, fence, EXEC_FENCE);

	if (!file || file->points || !(file->points = points_new(1)))
		return;
	file->points->n = 1;
	file->points->at[0] = (struct one_point){line, value};
}

/* NULL: it is reached. */
static const struct point *point_at(const struct exec *x, const struct one_point *at)
{
	for (struct exec_timeline *line = x->timelines; line; line = line->next)
		for (struct point *p = line->number == at->line ? line->points : NULL; p;
		     p = p->next)
			if (p->value == at->value)
				return p;
	return NULL;
}

/* Its fence: the other end of the pipe that signals it. */
static int open_fence(const struct point *p)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->signal);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* Points that nobody waits for any more, neither a program nor the server. */
static void drop_unread(struct exec_timeline *line)
{
	struct point **at = &line->points, *p;
	struct pollfd unread;

	line->nr_points = 0;
	while ((p = *at)) {
		unread = (struct pollfd){.fd = p->signal};
		if (poll(&unread, 1, 0) <= 0 || !(unread.revents & POLLERR)) {
			line->nr_points++;
			at = &p->next;
			continue;
		}
		*at = p->next;
		close(p->signal);
		free(p);
	}
	line->drop_at = 2 * line->nr_points + MANY;
}

/* Into all: one of each timeline, the last. How many took another's place. */
static size_t unite(struct exec *x, struct exec_points *all, const struct exec_points *more)
{
	size_t j, replaced = 0;

	for (size_t i = 0; i < more->n; i++) {
		if (!point_at(x, &more->at[i]))
			continue;
		for (j = 0; j < all->n && all->at[j].line != more->at[i].line; j++)
			;
		if (j == all->n)
			all->at[all->n++] = more->at[i];
		else if (more->at[i].value != all->at[j].value) {
			replaced++;
			if ((int32_t)(more->at[i].value - all->at[j].value) > 0)
				all->at[j] = more->at[i];
		}
	}
	return replaced;
}

static int done_fence(struct exec *x)
{
	int signal;

	if (x->done || fhc_fence(&x->done, &signal))
		return x->done;
	fhc_signal(signal, 0);
	return x->done;
}

/* Merged with one that is done, a fence stays alone, and gets the name. */
static int merge_all(struct exec *x, struct fhc *c, const char *name, const struct exec_points *all,
		     int *fd)
{
	int last = done_fence(x), err = 0, one;

	for (size_t i = 0; i < all->n && !err; i++) {
		one = open_fence(point_at(x, &all->at[i]));
		err = one < 0 ? one : fhc_sync_merge(c, name, last, one, fd);
		close(one);
		if (last != x->done)
			close(last);
		last = *fd;
	}
	return err;
}

static struct exec_file *file_by(struct exec *x, int fd)
{
	struct stat st;

	return fstat(fd, &st) ? NULL : exec_files_find(x, st.st_dev, st.st_ino);
}

int exec_points_merge(struct trap *t, struct exec_proc *proc, const struct exec_ioctl *r,
		      const struct exec_pair *pair, int *fd)
{
	struct exec_file *a = file_by(t->x, pair->one), *b = file_by(t->x, pair->two), *file;
	struct exec_points *all = NULL;
	size_t replaced = 0, first = 0;
	int err;

	if (a && b && a->points && b->points)
		all = points_new(a->points->n + b->points->n);
	if (all) {
		unite(t->x, all, a->points);
		first = all->n;
		replaced = unite(t->x, all, b->points);
	}
	if (!all || !all->n) {
		free(all);
		return fhc_sync_merge(proc->c, r->merge.name, pair->one, pair->two, fd);
	}
	/* Mostly all of both are left, or the second adds nothing. */
	if (replaced)
		err = merge_all(t->x, proc->c, r->merge.name, all, fd);
	else
		err = fhc_sync_merge(proc->c, r->merge.name, pair->one,
				     all->n > first ? pair->two : done_fence(t->x), fd);
	file = err ? NULL : exec_files_add(t->x, *fd, EXEC_FENCE);
	if (file && !file->points)
		file->points = all;
	else
		free(all);
	return err;
}

int64_t exec_timeline_point(struct trap *t, struct exec_timeline *line, struct exec_point *point)
{
	struct exec_fence_out out = {point, sizeof(*point), &point->fence};
	struct point *p = calloc(1, sizeof(*p));
	int fence, err = p ? fhc_fence(&fence, &p->signal) : -ENOMEM;

	if (err) {
		free(p);
		return err;
	}
	if (line->nr_points++ >= line->drop_at)
		drop_unread(line);
	p->value = point->value;
	remember(t->x, fence, line->number, p->value);
	if ((int32_t)(line->value - p->value) >= 0) {
		fhc_signal(p->signal, 0);
		free(p);
	} else {
		p->next = line->points;
		line->points = p;
	}
	return exec_fence_give(t, fence, &out);
}

static void step(struct exec_timeline *line, uint32_t by)
{
	struct point **at = &line->points, *p;

	line->value += by;
	while ((p = *at)) {
		if ((int32_t)(line->value - p->value) < 0) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		fhc_signal(p->signal, 0);
		free(p);
	}
}

/* Values are compared as if they were at most half of all apart: a larger step goes in two. */
int64_t exec_timeline_step(struct exec_timeline *line, uint32_t by)
{
	while (by > INT32_MAX) {
		step(line, INT32_MAX);
		by -= INT32_MAX;
	}
	step(line, by);
	settle(line->x);
	return 0;
}
