/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Areas for gigantic pages: Linux's hugetlb_cma_reserve() on arm64. */
#include "boot/area.h"
#include "boot/like.h"
#include "boot/nodes.h"
#include "boot/place.h"
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
	uint64_t percent,
		percent_of
			[BOOT_MAX_NODES]; /* what they are shares of all, and of a node; 0: none */
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

/* A size that Linux drops: it has said so. */
static int drop_node(struct hugetlb *h, unsigned int n, const char *reason, struct boot_why *why)
{
	h->wanted -= h->node[n];
	h->node[n] = 0;
	return boot_go_on(h->cfg, why, FH_EINVAL, "hugetlb_cma=: node %u: %s of %llu MiB", n,
			  reason, (ull)(h->gigantic / MIB));
}

static const char *at_least(const struct hugetlb *h)
{
	return h->cfg->like < LIKE_7 ? "expected at least one page" : "expected whole pages";
}

/* Before 7 the rest is rounded up. */
static bool enough(const struct hugetlb *h, uint64_t size)
{
	return h->cfg->like < LIKE_7 ? size >= h->gigantic : !(size & (h->gigantic - 1));
}

/* "cma area of node 1 should be at least 1024 MiB" */
static void say_not_enough(const struct hugetlb *h, const char *of)
{
	boot_say(h->cfg, "hugetlb_cma: cma area%s %s %llu MiB\n", of,
		 h->cfg->like < LIKE_7 ? "should be at least" : "must be a multiple of",
		 (ull)(h->gigantic / MIB));
}

/* What was asked of nodes that there are, in sizes that can be; the rest is said. */
static int check_nodes(struct hugetlb *h, struct boot_why *why)
{
	char of[24];
	int err = 0;

	for (unsigned int n = 0; n < BOOT_MAX_NODES && !err; n++) {
		if (!h->node[n])
			continue;
		if (nodes_has(h->cfg, n) && enough(h, h->node[n])) {
			h->by_node = true;
			continue;
		}
		if (!nodes_has(h->cfg, n)) {
			boot_say(h->cfg, "hugetlb_cma: invalid node %u specified\n", n);
			h->wanted -= h->node[n];
			h->node[n] = 0;
			err = boot_go_on(h->cfg, why, FH_EINVAL,
					 "hugetlb_cma=: there is no node %u", n);
			continue;
		}
		fh_snprintf(of, sizeof(of), " of node %u", n);
		say_not_enough(h, of);
		err = drop_node(h, n, at_least(h), why);
	}
	return err;
}

/* ---- shares of memory, from 7 on ---- */

static uint64_t ram_of_node(const struct boot_config *cfg, unsigned int node)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++)
		if (cfg->node_range[i].node == node)
			bytes += cfg->node_range[i].size;
	return bytes;
}

/* of: " on node 1". */
static uint64_t share(const struct hugetlb *h, const struct core_size *part, uint64_t ram,
		      const char *of)
{
	uint64_t whole = ram / 100 * part->percent + ram % 100 * part->percent / 100;
	uint64_t down = whole & ~(h->gigantic - 1);

	if (!part->percent)
		return part->bytes;
	if (whole && !down)
		boot_say(h->cfg,
			 "hugetlb_cma: reservation size rounded down to 0 from %llu MiB "
			 "(%llu%%)%s\n",
			 (ull)(whole / MIB), (ull)part->percent, of);
	return down;
}

static void ask_in_7(struct hugetlb *h, const struct early *early, const struct boot_cmdline *c)
{
	char of[24];

	h->wanted = share(h, &c->hugetlb_7, early_total(&early->available), "");
	for (unsigned int n = 0; n < BOOT_MAX_NODES; n++) {
		fh_snprintf(of, sizeof(of), " on node %u", n);
		h->node[n] = share(h, &c->hugetlb_7_node[n], ram_of_node(h->cfg, n), of);
		h->wanted += h->node[n];
		h->percent_of[n] = c->hugetlb_7_node[n].percent;
	}
	h->percent = c->hugetlb_7.percent;
}

static void ask(struct hugetlb *h, const struct boot_cmdline *c)
{
	h->wanted = c->hugetlb;
	for (unsigned int n = 0; n < BOOT_MAX_NODES; n++)
		h->node[n] = c->hugetlb_node[n];
}

/* " (50%)", of a share. */
static const char *of_percent(uint64_t percent, char text[16])
{
	text[0] = '\0';
	if (percent)
		fh_snprintf(text, 16, " (%llu%%)", (ull)percent);
	return text;
}

/* ---- areas ---- */

/* Linux finds it out before it is used, and the area stays one until then. */
static bool spans_zones(const struct boot_config *cfg)
{
	return !place_in_one_zone(cfg, &cfg->region[cfg->nr_regions - 1]);
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
		.ranges = h->cfg->like >= LIKE_7,
		.node = (int)node,
	};
	char part[16];
	int err;

	fh_snprintf(name, sizeof(name), "hugetlb%u", node);
	fh_snprintf(option, sizeof(option), "hugetlb_cma= (node %u)", node);
	err = area_declare(h->cfg, early, &a, refused, why);
	if (!err && *refused)
		boot_say(h->cfg, "hugetlb_cma: reservation failed: err %d, node %u\n", *refused,
			 node);
	if (err || *refused)
		return err;
	if (a.ranges && spans_zones(h->cfg)) {
		boot_say(h->cfg, "hugetlb_cma: reserved area spans zones: err 0, node %u\n", node);
		*refused = -FH_EINVAL;
		return boot_go_on(h->cfg, why, FH_EINVAL, "%s: it lies across two zones", option);
	}
	boot_say(h->cfg, "hugetlb_cma: reserved %llu MiB%s on node %u\n", (ull)(size / MIB),
		 of_percent(h->percent_of[node], part), node);
	return 0;
}

static uint64_t up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) & ~(unit - 1);
}

static int share_out(struct hugetlb *h, struct early *early, struct boot_why *why)
{
	uint64_t nodes = nodes_count(h->cfg), each = 0, reserved = 0;
	int err = 0, refused;
	char part[16];

	if (!h->by_node) {
		each = up((h->wanted + nodes - 1) / nodes, h->gigantic);
		boot_say(h->cfg, "hugetlb_cma: reserve %llu MiB%s, up to %llu MiB per node\n",
			 (ull)(h->wanted / MIB), of_percent(h->percent, part), (ull)(each / MIB));
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
		.cfg = cfg, .gigantic = gigantic_bytes(cfg), .huge_order = huge_order(cfg)};
	int err;

	if (!cfg->kernel.hugetlb)
		return 0;
	if (cfg->like < LIKE_7)
		ask(&h, c);
	else
		ask_in_7(&h, early, c);
	if (!h.wanted)
		return 0;
	err = check_nodes(&h, why);
	if (err || !h.wanted)
		return err;
	if (enough(&h, h.wanted))
		return share_out(&h, early, why);
	say_not_enough(&h, "");
	return boot_go_on(cfg, why, FH_EINVAL, "hugetlb_cma=: %s of %llu MiB", at_least(&h),
			  (ull)(h.gigantic / MIB));
}
