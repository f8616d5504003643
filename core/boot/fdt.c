/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A flattened tree into a boot_config: is it whole, whose is it, where is RAM, what are the
 * bootargs. */
#include "boot/arm.h"
#include "boot/say.h"
#include "boot/tree.h"
#include "base/string.h"
#include <libfdt.h>

#define NO_NODE UINT32_MAX

static uint32_t be32_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * Every property ends inside the structure block. libfdt 1.6.1's own check adds lengths in 32 bits, and a
 * length near 2^32 leads it back to where it was, for ever.
 */
static bool lengths_are_sane(const void *dtb)
{
	const unsigned char *p = (const unsigned char *)dtb + fdt_off_dt_struct(dtb);
	uint64_t total = fdt_totalsize(dtb), off = fdt_off_dt_struct(dtb), end, at = 0;

	if (fdt_version(dtb) >= 17 && total < FDT_V17_SIZE)
		return false;
	end = fdt_version(dtb) >= 17 ? fdt_size_dt_struct(dtb) : total - off;
	if (off > total || end > total - off)
		return false;
	while (end - at >= 4) {
		uint32_t token = be32_at(p + at);

		at += 4;
		if (token == FDT_END)
			return true;
		if (token == FDT_BEGIN_NODE) {
			while (at < end && p[at])
				at++;
			at++;
		} else if (token == FDT_PROP) {
			if (end - at < 8 || be32_at(p + at) > end - at - 8)
				return false;
			at += 8 + be32_at(p + at);
		}
		at = (at + 3) & ~UINT64_C(3);
		if (at > end)
			return false;
	}
	return false;
}

static int check_tree(const void *dtb, size_t size, struct boot_why *why)
{
	int err;

	if (!dtb || (uintptr_t)dtb & 7)
		return boot_fail(why, FH_EINVAL, "device tree: expected at a multiple of 8 bytes");
	if (size < FDT_V1_SIZE)
		return boot_fail(why, FH_EINVAL, "device tree: %zu bytes, expected a header", size);
	if (fdt_magic(dtb) != FDT_MAGIC)
		return boot_fail(why, FH_EINVAL,
				 "device tree: begins with 0x%08x, expected 0x%08x (a .dtb file)",
				 fdt_magic(dtb), FDT_MAGIC);
	if (fdt_totalsize(dtb) > size)
		return boot_fail(why, FH_EINVAL, "device tree: cut off, %zu of %u bytes", size,
				 fdt_totalsize(dtb));
	/* libfdt 1.6.1's check follows a null name in trees of before 2005. */
	if (fdt_version(dtb) < 16)
		return boot_fail(why, FH_EINVAL, "device tree: version %u, expected 16 or later",
				 fdt_version(dtb));
	err = lengths_are_sane(dtb) ? fdt_check_full(dtb, size) : -FDT_ERR_BADSTRUCTURE;
	if (!err)
		err = fdt_path_offset(dtb, "/");
	if (err < 0)
		return boot_fail(why, FH_EINVAL, "device tree: damaged: %s", fdt_strerror(err));
	return 0;
}

static int root_cells(struct tree *t, const char *name, size_t *cells)
{
	struct tree_prop p = tree_prop(t, 0, name);
	uint64_t n;

	*cells = 1;
	if (!p.at)
		return 0;
	n = p.len == 4 ? tree_number(p.at, 1) : 0;
	if (n != 1 && n != 2)
		return boot_fail(t->why, FH_EINVAL, "device tree: /: %s: expected <1> or <2>",
				 name);
	*cells = (size_t)n;
	return 0;
}

static void read_model(struct tree *t)
{
	const char *model = tree_string(t, 0, "model");

	if (!model)
		model = tree_string(t, 0, "compatible");
	if (!model)
		return;
	boot_copy_name(t->cfg->model, sizeof(t->cfg->model), model, BOOT_MODEL_MAX);
	boot_say(t->cfg, "%sMachine model: %s\n", boot_is_arm(t->cfg) ? "OF: fdt: " : "",
		 t->cfg->model);
}

/* Linux takes all but the last byte of what has no end. */
static int cut_bootargs(struct tree *t, struct tree_prop p)
{
	size_t n = p.len < BOOT_ARGS_MAX ? p.len - 1 : BOOT_ARGS_MAX - 1;

	memcpy(t->cfg->bootargs, p.at, n);
	t->cfg->bootargs[n] = '\0';
	return boot_go_on(t->cfg, t->why, FH_EINVAL,
			  "device tree: /chosen: bootargs: expected a string");
}

static int read_bootargs(struct tree *t)
{
	int node = tree_chosen(t);
	struct tree_prop p;
	const char *args;

	if (node < 0)
		return 0;
	p = tree_prop(t, node, "bootargs");
	if (!p.at || !p.len)
		return 0;
	args = tree_string(t, node, "bootargs");
	if (!args)
		return cut_bootargs(t, p);
	if (!fh_strcopy(t->cfg->bootargs, args, sizeof(t->cfg->bootargs)))
		return boot_go_on(t->cfg, t->why, FH_EINVAL,
				  "device tree: /chosen: bootargs: %zu characters, at most %d",
				  fh_strlen(args), BOOT_ARGS_MAX - 1);
	return 0;
}

/* Whole pages only; less than one is left out, as Linux does. */
static int add_bank(struct tree *t, const char *name, uint64_t base, uint64_t size,
		    unsigned int node)
{
	struct boot_config *cfg = t->cfg;
	uint64_t start, end = base + size, asked = end, page = boot_page_bytes(cfg);

	if (end < base || end > UINT64_C(1) << BOOT_PHYS_BITS) {
		int err = boot_go_on(t->cfg, t->why, FH_EINVAL,
				     "device tree: /%s: reg: 0x%llx bytes at 0x%llx pass bit %d",
				     name, (unsigned long long)size, (unsigned long long)base,
				     BOOT_PHYS_BITS);

		if (err || base >> BOOT_PHYS_BITS)
			return err;
		end = UINT64_C(1) << BOOT_PHYS_BITS;
	}
	start = (base + page - 1) & ~(page - 1);
	end &= ~(page - 1);
	if (start >= end) {
		boot_say(cfg, "OF: fdt: Ignoring memory block 0x%llx - 0x%llx\n",
			 (unsigned long long)base, (unsigned long long)asked);
		return 0;
	}
	if (!arm_cut_bank(cfg, &start, &end))
		return 0;
	if (cfg->nr_banks == BOOT_MAX_BANKS)
		return boot_go_on(cfg, t->why, FH_ENOSPC,
				  "device tree: /%s: more than %d ranges of memory", name,
				  BOOT_MAX_BANKS);
	cfg->bank[cfg->nr_banks++] = (struct boot_bank){start, end - start};
	if (node != NO_NODE)
		cfg->node_range[cfg->nr_node_ranges++] =
			(struct boot_node_range){start, end - start, node};
	return 0;
}

/* Whose RAM the memory is. Linux gives up on all nodes where one has a number that cannot be. */
static unsigned int read_node_id(struct tree *t, int node, bool *bad)
{
	struct tree_prop p = tree_prop(t, node, "numa-node-id");
	uint64_t id = p.len == 4 ? tree_number(p.at, 1) : 0;

	if (!p.at || !t->cfg->kernel.numa)
		return NO_NODE;
	if (p.len == 4 && id < BOOT_MAX_NODES)
		return (unsigned int)id;
	if (p.len == 4)
		boot_say(t->cfg, "NUMA: Node id %u exceeds maximum value\n", (unsigned int)id);
	boot_say(t->cfg, "NUMA: bad property in memory node\n");
	*bad = true;
	return NO_NODE;
}

static int read_memory_node(struct tree *t, int node, bool *bad)
{
	size_t pair = (t->addr_cells + t->size_cells) * 4;
	const char *prop = "linux,usable-memory";
	struct tree_prop p = tree_prop(t, node, prop);
	unsigned int numa = read_node_id(t, node, bad);
	char name[BOOT_NAME_MAX];
	int err = 0;

	if (!p.at) {
		prop = "reg";
		p = tree_prop(t, node, prop);
	}
	tree_name(t, node, name);
	if (p.len % pair) /* Linux reads what is whole */
		err = boot_go_on(t->cfg, t->why, FH_EINVAL,
				 "device tree: /%s: %s: %zu bytes, expected a multiple of %zu",
				 name, prop, p.len, pair);
	for (size_t at = 0; at + pair <= p.len && !err; at += pair) {
		uint64_t base = tree_number(p.at + at, t->addr_cells);
		uint64_t size = tree_number(p.at + at + t->addr_cells * 4, t->size_cells);

		if (size)
			err = add_bank(t, name, base, size, numa);
		else if (!(base & (boot_page_bytes(t->cfg) - 1)))
			t->cfg->ram_base = base; /* for the firmware, or ram_bytes, to fill in */
	}
	return err;
}

static int read_memory(struct tree *t)
{
	int node, err = 0;
	bool bad = false;

	fdt_for_each_subnode(node, t->blob, 0)
	{
		const char *type = tree_string(t, node, "device_type");

		if (type && fh_streq(type, "memory") && tree_available(t, node))
			err = read_memory_node(t, node, &bad);
		if (err)
			return err;
	}
	if (bad)
		t->cfg->nr_node_ranges = 0;
	return 0;
}

/* Of any status: all that Linux may start later has its part of the bounce buffers. It starts others than the first by a method. */
static void count_cpus(struct tree *t)
{
	int cpus = fdt_path_offset(t->blob, "/cpus"), node;
	unsigned int n = 0;

	if (cpus < 0)
		return;
	fdt_for_each_subnode(node, t->blob, cpus)
	{
		const char *type = tree_string(t, node, "device_type");

		n += type && fh_streq(type, "cpu") && (!n || tree_has(t, node, "enable-method"));
	}
	t->cfg->tree_cpus = n < BOOT_MAX_CPUS ? n : BOOT_MAX_CPUS;
}

int tree_open(struct tree *t, const void *dtb, size_t size, struct boot_config *cfg,
	      struct boot_why *why)
{
	int err = check_tree(dtb, size, why);

	*t = (struct tree){.blob = dtb, .cfg = cfg, .why = why};
	if (!err)
		err = root_cells(t, "#address-cells", &t->addr_cells);
	return err ? err : root_cells(t, "#size-cells", &t->size_cells);
}

int boot_config_fdt(struct boot_config *cfg, const void *dtb, size_t size, struct boot_why *why)
{
	struct tree t;
	int err = tree_open(&t, dtb, size, cfg, why);

	if (err)
		return err;
	arm_detect(&t);
	read_model(&t);
	count_cpus(&t);
	err = read_bootargs(&t);
	if (!err)
		err = read_memory(&t);
	if (err)
		return err;
	tree_read_chosen(&t);
	err = tree_read_reserved(&t);
	if (!err)
		err = tree_read_dma_limit(&t);
	if (!err)
		err = arm_read_tree(&t);
	return err;
}
