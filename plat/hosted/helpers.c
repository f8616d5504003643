/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Threads that help with one thing at a time: plat->parallel. They are no CPUs of any machine. */
#include <sched.h>
#include <stdlib.h>
#include "state.h"

#define HELPERS_MAX 15

/* One call of hosted_parallel(). */
struct errand {
	void (*fn)(void *data);
	void *data;
	unsigned int running; /* helpers that are in fn */
	pthread_cond_t ended;
};

struct helper {
	struct hosted_helpers *all;
	pthread_t id;
	struct errand *errand; /* NULL: has none */
	bool begun;
	pthread_cond_t called;
};

struct hosted_helpers {
	pthread_mutex_t lock;
	unsigned int nr,
		max; /* threads there are, and may be: not more than CPUs, with the caller's own */
	bool over;
	cpu_set_t cpus; /* of the process: who calls first may be tied to one */
	struct helper helper[HELPERS_MAX];
};

static void *helper_main(void *arg)
{
	struct helper *h = arg;
	struct hosted_helpers *all = h->all;

	(void)sched_setaffinity(0, sizeof(all->cpus), &all->cpus);
	pthread_mutex_lock(&all->lock);
	for (;;) {
		struct errand *e = h->errand;

		if (!e && all->over)
			break;
		if (!e) {
			pthread_cond_wait(&h->called, &all->lock);
			continue;
		}
		h->begun = true;
		e->running++;
		pthread_mutex_unlock(&all->lock);
		e->fn(e->data);
		pthread_mutex_lock(&all->lock);
		h->errand = NULL;
		h->begun = false;
		if (!--e->running)
			pthread_cond_signal(&e->ended);
	}
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

/* One more thread, if there may be; locked. */
static struct helper *hire(struct hosted_helpers *all)
{
	struct helper *h = &all->helper[all->nr];

	if (all->nr == all->max)
		return NULL;
	*h = (struct helper){.all = all};
	pthread_cond_init(&h->called, NULL);
	if (pthread_create(&h->id, NULL, helper_main, h)) {
		pthread_cond_destroy(&h->called);
		return NULL;
	}
	all->nr++;
	return h;
}

static void call(struct hosted_helpers *all, struct errand *e, unsigned int n)
{
	struct helper *h;

	pthread_mutex_lock(&all->lock);
	for (unsigned int i = 0; n && (i < all->nr || hire(all)); i++) {
		h = &all->helper[i];
		if (h->errand)
			continue;
		h->errand = e;
		pthread_cond_signal(&h->called);
		n--;
	}
	pthread_mutex_unlock(&all->lock);
}

/* Who has not come yet need not come. */
static void wait_for(struct hosted_helpers *all, struct errand *e)
{
	pthread_mutex_lock(&all->lock);
	for (unsigned int i = 0; i < all->nr; i++)
		if (all->helper[i].errand == e && !all->helper[i].begun)
			all->helper[i].errand = NULL;
	while (e->running)
		pthread_cond_wait(&e->ended, &all->lock);
	pthread_mutex_unlock(&all->lock);
}

void hosted_parallel(void *ctx, unsigned int n, void (*fn)(void *data), void *data)
{
	struct hosted *h = ctx;
	struct errand e = {.fn = fn, .data = data};

	pthread_cond_init(&e.ended, NULL);
	call(h->helpers, &e, n);
	fn(data);
	wait_for(h->helpers, &e);
	pthread_cond_destroy(&e.ended);
}

int hosted_helpers_create(struct hosted *h)
{
	struct hosted_helpers *all = calloc(1, sizeof(*all));

	if (!all)
		return -FH_ENOMEM;
	pthread_mutex_init(&all->lock, NULL);
	if (!sched_getaffinity(0, sizeof(all->cpus), &all->cpus))
		all->max = (unsigned int)CPU_COUNT(&all->cpus) - 1;
	if (all->max > HELPERS_MAX)
		all->max = HELPERS_MAX;
	h->helpers = all;
	return 0;
}

void hosted_helpers_destroy(struct hosted *h)
{
	struct hosted_helpers *all = h->helpers;

	pthread_mutex_lock(&all->lock);
	all->over = true;
	for (unsigned int i = 0; i < all->nr; i++)
		pthread_cond_signal(&all->helper[i].called);
	pthread_mutex_unlock(&all->lock);
	for (unsigned int i = 0; i < all->nr; i++) {
		pthread_join(all->helper[i].id, NULL);
		pthread_cond_destroy(&all->helper[i].called);
	}
	pthread_mutex_destroy(&all->lock);
	free(all);
}
