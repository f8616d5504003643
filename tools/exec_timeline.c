/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* sw_sync: a timeline is a pipe whose other end the supervisor has, to see it closed; its points are fences that it signals. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "exec_fence.h"

struct point {
	struct point *next;
	uint32_t value;
	int signal;
};

struct exec_timeline {
	struct exec_source source;
	struct exec *x;
	int end;
	uint32_t value;
	struct point *points;
	struct exec_file *file;
};

/* All that are not signalled: with an error, as a timeline that is gone leaves them. */
static void closed(struct exec_source *source, uint32_t events)
{
	struct exec_timeline *line = (struct exec_timeline *)source;
	struct point *p;

	(void)events;
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
	result = trap_give_result(t, pair[1], (int)(flags & O_CLOEXEC));
	close(pair[1]); /* if it was not given, this is its end */
	return result;
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
	p->value = point->value;
	if ((int32_t)(line->value - p->value) >= 0) {
		fhc_signal(p->signal, 0);
		free(p);
	} else {
		p->next = line->points;
		line->points = p;
	}
	return exec_fence_give(t, fence, &out);
}

int64_t exec_timeline_step(struct exec_timeline *line, uint32_t by)
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
	return 0;
}
