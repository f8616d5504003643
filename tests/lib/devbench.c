/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A hosted machine with caches, and buffers in it for simulated devices. */
#include "../t.h"
#include "devbench.h"
#include <freehold/page.h>

static struct boot_config cfg;

/* With nothing left in the CPU's cache. */
static uint64_t nr_free(struct fh_machine *m)
{
	struct fh_mem_info info;

	fh_cpu_quiesce(m);
	fh_mem_info(m, &info);
	return info.free;
}

bool devbench_start(struct devbench *b, unsigned int cache_line, uint64_t cache_size,
		    uint64_t cache_seed)
{
	struct hosted_opts opts = {
		.cache_line = cache_line, .cache_size = cache_size, .cache_seed = cache_seed};
	struct hosted_why why = {""};
	struct boot_why boot_why = {""};

	boot_config_init(&cfg);
	if (!T_OK(!boot_config_finish(&cfg, b->bootargs ? b->bootargs : "cma=0", UINT64_C(16) << 20,
				      &boot_why),
		  boot_why.text))
		return false;
	opts.banks = cfg.bank;
	opts.nr_banks = cfg.nr_banks;
	if (!T_OK(!hosted_create(&opts, &b->h, &why), why.text))
		return false;
	hosted_cpu_set(0);
	if (T_OK(!fh_machine_create(hosted_plat(b->h), &cfg, &b->m), "a machine")) {
		b->free = nr_free(b->m);
		return true;
	}
	hosted_destroy(b->h);
	return false;
}

void devbench_end(struct devbench *b)
{
	char why[1024];

	T_EQ(nr_free(b->m), b->free);
	T_OK(!fh_check(b->m, why, sizeof(why)), why);
	fh_machine_destroy(b->m);
	hosted_destroy(b->h);
}

unsigned char *devbench_buffer(struct devbench *b, unsigned int order, phys_t *phys)
{
	pfn_t pfn;

	if (!T_OK(!fh_alloc_pages(b->m, GFP_KERNEL, order, &pfn), "frames"))
		return NULL;
	*phys = fh_pfn_to_phys(pfn);
	return fh_page_address(b->m, pfn);
}

void devbench_free(struct devbench *b, unsigned int order, phys_t phys)
{
	T_EQ(fh_free_pages(b->m, fh_phys_to_pfn(phys), order), 0);
}
