/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Areas for gigantic pages: Linux's hugetlb_cma_reserve() on arm64. */
#include "boot/area.h"
#include "boot/like.h"
#include "boot/nodes.h"
#include "boot/place_own.h"
#include "boot/say.h"
#include "base/fmt.h"

#define MIB (UINT64_C(1) << 20)

typedef unsigned long long ull;

struct hugetlb {
	struct boot_config *cfg;
	uint64_t gigantic; /* bytes of the largest page */
	unsigned int huge_order;
	uint64_t wanted, node[BOOT_MAX_NODES];
	bool by_node;
};

/* 1 GiB, or of the larger pages the largest run of huge pages that one entry of the TLB holds: 32 and 32 of them. */
static uint64_t gigantic_bytes(const struct boot_config *cfg)
{
	static const unsigned int shift[] = {[12] = 30, [14] = 30, [16] = 34};

	return UINT64_C(1) << shift[cfg->kernel.page_shift];
}

static unsigned int huge_order(const struct boot_config *cfg)
{
	return cfg->kernel.page_shift - 3;
}

/* What was asked of nodes that there are, in sizes that can be; the rest is said. */
static int check_nodes(struct hugetlb *h, struct boot_why *why)
{
	int err = 0;

	for (unsigned int n = 0; n < BOOT_MAX_NODES && !err; n++) {
		if (!h->node[n])
			continue;
		if (nodes_has(h->cfg, n) && h->node[n] >= h->gigantic) {
			h->by_node = true;
			continue;
		}
		if (!nodes_has(h->cfg, n)) {
			boot_say(h->cfg, "hugetlb_cma: invalid node %u specified\n", n);
			err = boot_go_on(h->cfg, why, FH_EINVAL,
					 "hugetlb_cma=: there is no node %u", n);
		} else {
			boot_say(h->cfg,
				 "hugetlb_cma: cma area of node %u should be at least %llu MiB\n",
				 n, (ull)(h->gigantic / MIB));
			err = boot_go_on(
				h->cfg, why, FH_EINVAL,
				"hugetlb_cma=: node %u: expected at least one page of %llu "
				"MiB",
				n, (ull)(h->gigantic / MIB));
		}
		h->wanted -= h->node[n];
		h->node[n] = 0;
	}
	return err;
}

static int place_one(struct hugetlb *h, struct early *early, unsigned int node, uint64_t size,
		     int *refused, struct boot_why *why)
{
	char name[24], option[40];
	struct area a = {
		.name = name,
		.option = option,
		.size = size,
		.align = h->cfg->like < LIKE_HUGETLB_ALIGN ? 0 : h->gigantic,
		.order_per_bit = h->huge_order,
		.flags = BOOT_REGION_CMDLINE,
		.node = (int)node,
	};
	int err;

	fh_snprintf(name, sizeof(name), "hugetlb%u", node);
	fh_snprintf(option, sizeof(option), "hugetlb_cma= (node %u)", node);
	err = area_declare(h->cfg, early, &a, refused, why);
	if (!err && *refused)
		boot_say(h->cfg, "hugetlb_cma: reservation failed: err %d, node %u\n", *refused,
			 node);
	else if (!err)
		boot_say(h->cfg, "hugetlb_cma: reserved %llu MiB on node %u\n", (ull)(size / MIB),
			 node);
	return err;
}

static uint64_t up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) & ~(unit - 1);
}

static int share_out(struct hugetlb *h, struct early *early, struct boot_why *why)
{
	uint64_t nodes = nodes_count(h->cfg), each = 0, reserved = 0;
	int err = 0, refused;

	if (!h->by_node) {
		each = up((h->wanted + nodes - 1) / nodes, h->gigantic);
		boot_say(h->cfg, "hugetlb_cma: reserve %llu MiB, up to %llu MiB per node\n",
			 (ull)(h->wanted / MIB), (ull)(each / MIB));
	}
	for (unsigned int n = 0; n < BOOT_MAX_NODES && !err; n++) {
		uint64_t left = h->wanted - reserved, size = left < each ? left : each;

		if (h->by_node)
			size = h->node[n];
		if (!nodes_has(h->cfg, n) || !size)
			continue;
		size = up(size, h->gigantic);
		err = place_one(h, early, n, size, &refused, why);
		if (err || refused)
			continue;
		reserved += size;
		if (reserved >= h->wanted)
			break;
	}
	return err;
}

int place_hugetlb(struct boot_config *cfg, struct early *early, const struct boot_cmdline *c,
		  struct boot_why *why)
{
	struct hugetlb h = {
		.cfg = cfg,
		.gigantic = gigantic_bytes(cfg),
		.huge_order = huge_order(cfg),
		.wanted = c->hugetlb,
	};
	int err;

	if (!cfg->kernel.hugetlb || !c->hugetlb)
		return 0;
	for (unsigned int n = 0; n < BOOT_MAX_NODES; n++)
		h.node[n] = c->hugetlb_node[n];
	err = check_nodes(&h, why);
	if (err || !h.wanted)
		return err;
	if (h.wanted >= h.gigantic)
		return share_out(&h, early, why);
	boot_say(cfg, "hugetlb_cma: cma area should be at least %llu MiB\n",
		 (ull)(h.gigantic / MIB));
	return boot_go_on(cfg, why, FH_EINVAL,
			  "hugetlb_cma=: expected at least one page of %llu MiB",
			  (ull)(h.gigantic / MIB));
}
