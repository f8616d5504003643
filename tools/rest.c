/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Quiet moments of a run: no thread is inside the machine. */
#include "rest.h"
#include <time.h>
#include "run_state.h"

void rest_begin(struct run *run)
{
	run->resting++;
	if (atomic_load(&run->rest))
		pthread_cond_broadcast(&run->changed);
}

void rest_end(struct run *run)
{
	while (atomic_load(&run->rest) && !atomic_load(&run->stop))
		pthread_cond_wait(&run->changed, &run->lock);
	run->resting--;
}

bool rest_all(struct run *run, uint64_t limit_ns)
{
	uint64_t until = run_now() + limit_ns;
	struct timespec at = {.tv_sec = (time_t)(until / 1000000000),
			      .tv_nsec = (long)(until % 1000000000)};
	bool all;

	pthread_mutex_lock(&run->lock);
	atomic_store(&run->rest, true);
	pthread_cond_broadcast(&run->changed);
	while (run->resting < run->nr_threads && run_now() < until)
		pthread_cond_timedwait(&run->changed, &run->lock, &at);
	all = run->resting == run->nr_threads;
	pthread_mutex_unlock(&run->lock);
	return all;
}

void rest_over(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	atomic_store(&run->rest, false);
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}
