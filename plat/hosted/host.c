/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The life of struct hosted: puts the platform contract together from its parts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "state.h"

static void host_log(void *ctx, int level, const char *line)
{
	struct hosted *h = ctx;

	if (h->log)
		h->log(h->log_arg, level, line);
}

void hosted_stop(void *ctx, const char *why)
{
	(void)ctx;
	fprintf(stderr, "freehold: stopped: %s\n", why);
	fflush(NULL);
	abort();
}

static uint64_t host_clock_ns(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int hosted_create(const struct hosted_opts *opts, struct hosted **out, struct hosted_why *why)
{
	struct hosted *h = calloc(1, sizeof(*h));
	int err;

	if (!h) {
		snprintf(why->text, sizeof(why->text), "out of memory");
		return -FH_ENOMEM;
	}
	h->swap_fd = -1;
	err = hosted_helpers_create(h);
	if (err) {
		snprintf(why->text, sizeof(why->text), "out of memory");
		free(h);
		return err;
	}
	err = hosted_ram_create(h, opts, why);
	if (err) {
		hosted_helpers_destroy(h);
		free(h);
		return err;
	}
	err = hosted_cache_create(h, opts, why);
	if (!err && !hosted_shares_create(h)) {
		snprintf(why->text, sizeof(why->text), "no address space for buffers");
		hosted_shares_destroy(h);
		hosted_cache_destroy(h);
		err = -FH_ENOMEM;
	}
	if (err) {
		hosted_ram_destroy(h);
		hosted_helpers_destroy(h);
		free(h);
		return err;
	}
	hosted_cpu_look();
	h->backing = opts->backing;
	pthread_mutex_init(&h->spaces_lock, NULL);
	pthread_mutex_init(&h->vmaps_lock, NULL);
	pthread_mutex_init(&h->symbol_lock, NULL);
	h->map_limit = opts->max_mappings ? opts->max_mappings : hosted_map_limit();
	h->log = opts->log;
	h->log_arg = opts->log_arg;
	h->plat = (struct plat){
		.ctx = h,
		.alloc = hosted_alloc,
		.free = hosted_free,
		.ram = hosted_ram,
		.log = host_log,
		.stop = hosted_stop,
		.clock_ns = host_clock_ns,
		.sync_cpus = hosted_sync_register() ? hosted_sync_cpus : NULL,
		.wait = hosted_wait,
		.wake = hosted_wake,
		.parallel = hosted_parallel,
		.map = hosted_map,
		.protect = hosted_protect,
		.unmap = hosted_unmap,
		.swap_write = hosted_swap_write,
		.swap_read = hosted_swap_read,
		.compress = hosted_compress,
		.decompress = hosted_decompress,
		.vmap = hosted_vmap,
		.vunmap = hosted_vunmap,
		.share = hosted_share,
		.share_show = hosted_share_show,
		.share_move = hosted_share_move,
		.unshare = hosted_unshare,
		.symbol = hosted_symbol,
	};
	if (h->cache) {
		h->plat.cache_clean = hosted_cache_clean;
		h->plat.cache_inval = hosted_cache_inval;
		h->plat.cache_line = opts->cache_line;
	}
	*out = h;
	return 0;
}

void hosted_destroy(struct hosted *h)
{
	if (!h)
		return;
	hosted_helpers_destroy(h);
	hosted_swap_close(h);
	hosted_vmaps_end(h);
	hosted_shares_destroy(h);
	hosted_symbol_end(h);
	hosted_cache_destroy(h);
	hosted_ram_destroy(h);
	pthread_mutex_destroy(&h->symbol_lock);
	pthread_mutex_destroy(&h->vmaps_lock);
	pthread_mutex_destroy(&h->spaces_lock);
	free(h);
}

const struct plat *hosted_plat(const struct hosted *h)
{
	return &h->plat;
}

void hosted_stats(const struct hosted *h, struct hosted_stats *stats)
{
	*stats = (struct hosted_stats){
		.mappings = atomic_load_explicit(&h->mappings, memory_order_relaxed),
		.mappings_max = atomic_load_explicit(&h->mappings_max, memory_order_relaxed),
		.limit = h->map_limit,
		.limit_hits = atomic_load_explicit(&h->limit_hits, memory_order_relaxed),
		.pages_dropped = atomic_load_explicit(&h->pages_dropped, memory_order_relaxed),
		.faults = atomic_load_explicit(&h->faults, memory_order_relaxed),
	};
}
