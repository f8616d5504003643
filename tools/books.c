/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Machines without bytes. */
#include <freehold/mem.h>
#include <stdio.h>
#include "books.h"

#define CACHE_LINE 64

static void clean(void *ctx, phys_t phys, uint64_t size)
{
	(void)ctx, (void)phys, (void)size;
}

static uint64_t inval(void *ctx, phys_t phys, uint64_t size)
{
	(void)ctx, (void)phys, (void)size;
	return 0;
}

/* A platform without ram() has frames without bytes; the smallest bank there is serves to make the platform. */
const char *books_open(struct books *b, const struct boot_config *cfg)
{
	static struct hosted_why why;
	const struct boot_bank none = {0, FH_PAGE_SIZE};
	struct hosted_opts opts = {
		.banks = b->bytes ? cfg->bank : &none,
		.nr_banks = b->bytes ? cfg->nr_banks : 1,
		.backing = b->backing,
		.log = b->log,
		.log_arg = b->log_arg,
	};

	if (hosted_create(&opts, &b->host, &why))
		return why.text;
	b->plat = *hosted_plat(b->host);
	if (!b->bytes)
		b->plat.ram = NULL;
	if (b->caches) {
		b->plat.cache_clean = clean;
		b->plat.cache_inval = inval;
		b->plat.cache_line = CACHE_LINE;
	}
	hosted_cpu_set(0);
	if (!fh_machine_create(&b->plat, cfg, &b->m))
		return NULL;
	hosted_destroy(b->host);
	return "the host has not enough memory for the machine's books";
}

void books_close(struct books *b)
{
	fh_machine_destroy(b->m);
	hosted_destroy(b->host);
}
