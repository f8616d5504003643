/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Looks now and then whether a held call has a signal to be broken off for: the kernel does not tell. */
#include <errno.h>
#include <limits.h>
#include <time.h>
#include "exec_epoll.h"
#include "exec_join.h"
#include "exec_wait.h"

#define LOOK_MS 10

int64_t exec_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void exec_wait_begin(struct trap *t, struct exec_wait *w, int64_t until,
		     void (*stop)(struct exec_wait *w, int why))
{
	w->x = t->x;
	w->id = t->id;
	w->tid = t->tid;
	w->until = until;
	w->seen_shared = false;
	w->stop = stop;
	w->next = t->x->waits;
	if (t->x->form->later)
		t->x->form->later(t->x, t->id);
	t->x->waits = w;
}

void exec_wait_end(struct exec_wait *w)
{
	struct exec_wait **at = &w->x->waits;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

int exec_waits_timeout(const struct exec *x)
{
	int64_t left = x->waits || x->udmabufs.doubts ? LOOK_MS
		       : x->join.since		      ? EXEC_JOIN_LOOK_MS
		       : x->entries || x->injects     ? EXEC_EPOLL_LOOK_MS
						      : -1;
	int64_t now = exec_now();

	for (const struct exec_wait *w = x->waits; w; w = w->next)
		if (w->until - now < left)
			left = w->until > now ? w->until - now : 0;
	return (int)left;
}

/* A signal of the whole process may be another thread's to take; one that nobody has taken by the next look is this one's. */
static bool signalled(struct exec_wait *w, const struct exec_status *st)
{
	bool shared = st->shared & ~st->blocked, was = w->seen_shared;

	w->seen_shared = shared;
	return (st->pending & ~st->blocked) || (shared && was);
}

void exec_waits_look(struct exec *x)
{
	struct exec_wait *w, *next;
	struct exec_status st;
	int64_t now = exec_now();

	for (w = x->waits; w; w = next) {
		next = w->next;
		if (!trap_valid(&(struct trap){.x = x, .id = w->id}) ||
		    (!x->form->breaks_off && exec_status_of(w->tid, &st)))
			w->stop(w, -ENOENT);
		else if (w->until <= now)
			w->stop(w, -ETIMEDOUT);
		else if (!x->form->breaks_off && signalled(w, &st))
			w->stop(w, -EINTR);
	}
}
