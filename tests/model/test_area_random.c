/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where the kernel's own areas lie, in random machines: banks, reserved memory, nodes and three page sizes, against a model that
 * tries every block in turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"

#define M(n)   ((uint64_t)(n) << 20)
#define G(n)   ((uint64_t)(n) << 30)
#define ROUNDS 3000

static struct boot_config cfg, before;
static struct boot_why why;
static uint64_t state;

/* 0 to n - 1; xorshift of 64 bits */
static uint64_t rnd(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % n;
}

static const char *const kconfig[] = {"", "CONFIG_ARM64_16K_PAGES=y\n",
				      "CONFIG_ARM64_64K_PAGES=y\n"};

/* Up to three banks with holes between them, of two nodes, and up to six reserved ranges. */
static void make(unsigned int pages)
{
	uint64_t at = M(64) * rnd(64);
	unsigned int banks = 1 + (unsigned int)rnd(3);

	boot_config_init(&cfg);
	cfg.as_linux = true;
	T_EQ(boot_config_kconfig(&cfg, kconfig[pages], strlen(kconfig[pages]), &why), 0);
	for (unsigned int i = 0; i < banks; i++) {
		uint64_t size = M(16) * (1 + rnd(160)) + 65536 * rnd(3);

		cfg.bank[cfg.nr_banks++] = (struct boot_bank){at, size};
		cfg.node_range[cfg.nr_node_ranges++] =
			(struct boot_node_range){at, size, (unsigned int)rnd(2)};
		at += size + (rnd(2) ? M(16) * rnd(64) : 0);
	}
	for (unsigned int i = 0; i < rnd(7); i++) {
		struct boot_region *r = &cfg.region[cfg.nr_regions++];

		snprintf(r->name, sizeof(r->name), "r%u", i);
		r->base = 65536 * rnd(at / 65536);
		r->size = 65536 * (1 + rnd(rnd(2) ? 16 : 4096));
		/* The first only: Linux leaves memory alone that is to be unmapped and was reserved before. */
		r->flags = i || rnd(3) ? 0 : BOOT_REGION_NO_MAP;
	}
}

/* Whether every byte is RAM, of that node (-1: of any), and nobody's. */
static bool is_free(uint64_t base, uint64_t size, int node)
{
	bool ram = false;

	for (unsigned int i = 0; i < cfg.nr_banks; i++)
		ram |= base >= cfg.bank[i].base &&
		       base + size <= cfg.bank[i].base + cfg.bank[i].size;
	for (unsigned int i = 0; i < cfg.nr_node_ranges && node >= 0; i++) {
		const struct boot_node_range *r = &cfg.node_range[i];

		if (base < r->base + r->size && base + size > r->base &&
		    r->node != (unsigned int)node)
			ram = false;
	}
	for (unsigned int i = 0; i < before.nr_regions; i++)
		if (base < before.region[i].base + before.region[i].size &&
		    base + size > before.region[i].base)
			ram = false;
	return ram;
}

/* Above 4 GiB the lowest, else the highest; 0: nowhere. */
static uint64_t model(uint64_t size, uint64_t limit, int node)
{
	const struct boot_bank *top = &cfg.bank[cfg.nr_banks - 1];
	uint64_t block = boot_block_bytes(&cfg), end = top->base + top->size;

	size = (size + block - 1) / block * block;
	limit = limit / block * block;
	if (limit && limit < end)
		end = limit;
	for (uint64_t at = G(4); top->base + top->size >= G(4) + size && at + size <= end;
	     at += block)
		if (is_free(at, size, node))
			return at;
	for (uint64_t at = end / block * block; at >= size && at - size >= block; at -= block)
		if (is_free(at - size, size, node))
			return at - size;
	return 0;
}

static const struct boot_region *named(const char *name)
{
	for (unsigned int i = 0; i < cfg.nr_regions; i++)
		if (!strcmp(cfg.region[i].name, name) && cfg.region[i].kind == BOOT_REGION_CMA)
			return &cfg.region[i];
	return NULL;
}

/* Where it lies is where the model would have it; then nobody else may lie there. */
static bool agrees(const char *name, uint64_t size, uint64_t limit, int node)
{
	const struct boot_region *r = named(name);
	uint64_t want = model(size, limit, node);

	if (want)
		before.region[before.nr_regions++] =
			(struct boot_region){.base = want,
					     .size = (size + boot_block_bytes(&cfg) - 1) &
						     ~(boot_block_bytes(&cfg) - 1)};
	/* What lies across two zones is dropped later. */
	if (want && !r && strstr(cfg.dmesg, "could not be activated"))
		return true;
	return (r ? r->base : 0) == want;
}

static bool one_round(unsigned int round)
{
	uint64_t size = M(1) * (1 + rnd(rnd(3) ? 64 : 1500)), node1 = M(1) * (1 + rnd(256));
	char args[80];
	bool ok;

	make(round % 3);
	before = cfg;
	snprintf(args, sizeof(args), "numa_cma=1:%lluM cma=%lluM",
		 (unsigned long long)(node1 >> 20), (unsigned long long)(size >> 20));
	if (boot_config_finish(&cfg, args, 0, &why))
		return T_OK(false, why.text);
	if (boot_check(&cfg))
		return T_OK(false, boot_check(&cfg));
	ok = true;
	for (unsigned int i = 0; i < cfg.nr_node_ranges && ok; i++) {
		if (cfg.node_range[i].node != 1)
			continue;
		ok = agrees("numa1", node1, 0, 1);
		break;
	}
	ok = ok && agrees("reserved", size, cfg.dma_limit, -1);
	return ok || T_OK(false, cfg.dmesg);
}

static void lies_where_each_block_was_tried(void)
{
	const char *seed = getenv("FH_SEED");

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t s = seed ? strtoull(seed, NULL, 0) : i + 1;

		state = s * UINT64_C(0x9e3779b97f4a7c15);
		if (!one_round((unsigned int)s)) {
			printf("# FH_SEED=%llu\n", (unsigned long long)s);
			return;
		}
	}
}

const struct t_case t_cases[] = {
	T(lies_where_each_block_was_tried),
	T_END,
};
