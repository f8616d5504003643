/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a tree says of 32-bit ARM: whether its CPUs have 32 bits, and which board's code the kernel would run. */
#include "boot/arm.h"
#include "boot/say.h"
#include "base/fmt.h"
#include <libfdt.h>

/* Cores without a 64-bit mode; one with `*` behind is the beginning of a name. */
static const char *const cores[] = {
	"arm,cortex-a5",     "arm,cortex-a7",  "arm,cortex-a8", "arm,cortex-a9", "arm,cortex-a12",
	"arm,cortex-a15",    "arm,cortex-a17", "arm,arm7*",	"arm,arm9*",	 "arm,arm10*",
	"arm,arm11*",	     "qcom,krait",     "qcom,scorpion", "marvell,pj4*",	 "marvell,sheeva-*",
	"marvell,feroceon*", "marvell,mohawk", "marvell,88fr*", "faraday,fa526", "brcm,brahma-b15",
};

/* Boards whose code in the kernel ends ZONE_DMA below all RAM; lpae: only where it was built with that. */
static const struct {
	const char *compatible;
	uint64_t bytes;
	bool lpae;
} boards[] = {
	{"brcm,bcm2711", UINT64_C(1) << 30, false},
	{"arm,realview-eb", UINT64_C(1) << 28, false},
	{"arm,realview-pb1176", UINT64_C(1) << 28, false},
	{"arm,realview-pba8", UINT64_C(1) << 28, false},
	{"arm,realview-pbx", UINT64_C(1) << 28, false},
	{"ti,keystone", UINT64_C(2) << 30, true},
	{"ti,k2hk", UINT64_C(2) << 30, true},
	{"ti,k2e", UINT64_C(2) << 30, true},
	{"ti,k2l", UINT64_C(2) << 30, true},
	{"ti,k2g", UINT64_C(2) << 30, true},
	{"ti,omap5", UINT64_C(2) << 30, true},
	{"ti,dra7", UINT64_C(2) << 30, true},
	{"ti,dra722", UINT64_C(2) << 30, true},
	{"calxeda,highbank", UINT64_C(4) << 30, true},
	{"calxeda,ecx-2000", UINT64_C(4) << 30, true},
};

static bool matches(const char *name, const char *core)
{
	while (*core && *core != '*' && *name == *core) {
		name++;
		core++;
	}
	return *core == '*' || (!*core && !*name);
}

static bool known_core(const char *name)
{
	for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++)
		if (matches(name, cores[i]))
			return true;
	return false;
}

/* The compatible of the first CPU if all are cores of the table; NULL: one is not, or there are none. */
static const char *core_of(struct tree *t)
{
	int parent = fdt_path_offset(t->blob, "/cpus"), node;
	const char *core = NULL;

	if (parent < 0)
		return NULL;
	fdt_for_each_subnode(node, t->blob, parent)
	{
		const char *type = tree_string(t, node, "device_type");
		const char *name = tree_string(t, node, "compatible");

		if (!type || !fh_streq(type, "cpu"))
			continue;
		if (!name || !known_core(name))
			return NULL;
		core = core ? core : name;
	}
	return core;
}

void arm_detect(struct tree *t)
{
	const char *core = t->cfg->kernel.arch_said ? NULL : core_of(t);

	if (!core || boot_config_arch(t->cfg, BOOT_ARCH_ARM, t->why))
		return;
	boot_copy_name(t->cfg->arm.core, sizeof(t->cfg->arm.core), core, BOOT_NAME_MAX);
}

/* ---- numbers of 32 bits ---- */

static void cut(uint64_t *v, bool *lost)
{
	*lost = *lost || *v > UINT32_MAX;
	*v &= UINT32_MAX;
}

static int cut_region(struct tree *t, struct boot_region *r)
{
	struct boot_config *cfg = t->cfg;
	bool lost = false;

	cut(&r->base, &lost);
	cut(&r->size, &lost);
	cut(&r->align, &lost);
	for (unsigned int i = 0; i < r->nr_windows; i++) {
		cut(&cfg->window[r->first_window + i].base, &lost);
		cut(&cfg->window[r->first_window + i].size, &lost);
	}
	if (r->base + r->size > ARM_ADDRESSES)
		r->size = ARM_ADDRESSES - r->base;
	if (!lost)
		return 0;
	r->fault &= ~(unsigned int)BOOT_FAULT_HIGH;
	if (!r->size)
		r->fault |= BOOT_FAULT_PAIR;
	return boot_go_on(cfg, t->why, FH_ERANGE,
			  "device tree: %s: a number passes 32 bits, and an arm kernel without "
			  "LPAE cuts it off",
			  r->name);
}

int arm_read_tree(struct tree *t)
{
	struct boot_config *cfg = t->cfg;
	bool lpae = cfg->kernel.arch == BOOT_ARCH_ARM_LPAE;
	int err = 0;

	if (!boot_is_arm(cfg))
		return 0;
	for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++)
		if ((lpae || !boards[i].lpae) && tree_compatible(t, 0, boards[i].compatible))
			cfg->arm.dma_zone = boards[i].bytes;
	for (unsigned int i = 0; i < cfg->nr_regions && !lpae && !err; i++)
		err = cut_region(t, &cfg->region[i]);
	return err;
}
