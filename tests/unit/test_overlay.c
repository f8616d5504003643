/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* boot_overlay(): what an overlay changes, why one is refused, and any byte of overlay or tree cut off or damaged. */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"
#include "guard.h"
#include "treemake.h"

#define ROOM 8192

static struct boot_config cfg;
static struct boot_why why;
static _Alignas(8) char base[ROOM], over[2048], tree[ROOM], used[2048];

/* 1 GiB at 1 GiB, 64 MiB for CMA, and a camera. */
static void make_base(bool symbols)
{
	tm_create(base, sizeof(base));
	TM_CELLS("#address-cells", 1);
	TM_CELLS("#size-cells", 1);
	tm_begin("memory@40000000");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0x40000000, 0x40000000);
	tm_end();
	tm_begin("reserved-memory");
	TM_CELLS("#address-cells", 1);
	TM_CELLS("#size-cells", 1);
	tm_flag("ranges");
	tm_begin("linux,cma");
	tm_text("compatible", "shared-dma-pool");
	tm_flag("reusable");
	TM_CELLS("size", 0x4000000);
	TM_CELLS("phandle", 5);
	tm_end();
	tm_end();
	tm_begin("camera");
	tm_text("compatible", "a,camera");
	tm_end();
	if (symbols) {
		tm_begin("__symbols__");
		tm_text("cma", "/reserved-memory/linux,cma");
		tm_text("cam", "/camera"); /* has no phandle */
		tm_text("gone", "/gone");
		tm_end();
	}
	tm_done();
}

static void begin_fragment(const char *name, const char *path)
{
	tm_begin(name);
	if (path)
		tm_text("target-path", path);
	else
		TM_CELLS("target", 0xffffffff);
	tm_begin("__overlay__");
}

static void end_fragment(void)
{
	tm_end();
	tm_end();
}

/* As Raspberry Pi's cma overlay: another size for the area of that label. */
static void make_cma(const char *label)
{
	tm_create(over, sizeof(over));
	begin_fragment("fragment@0", NULL);
	TM_CELLS("size", 0x10000000);
	end_fragment();
	tm_begin("__fixups__");
	tm_text(label, "/fragment@0:target:0");
	tm_end();
	tm_done();
}

/* A pool of a phandle of the overlay's own, and a device that refers to it. */
static void make_pool(void)
{
	tm_create(over, sizeof(over));
	begin_fragment("fragment@0", "/reserved-memory");
	tm_begin("pool@50000000");
	tm_text("compatible", "shared-dma-pool");
	TM_CELLS("reg", 0x50000000, 0x100000);
	TM_CELLS("phandle", 1);
	tm_end();
	end_fragment();
	begin_fragment("fragment@1", "/camera");
	TM_CELLS("memory-region", 1);
	end_fragment();
	tm_begin("__symbols__");
	tm_text("pool", "/fragment@0/__overlay__/pool@50000000");
	tm_end();
	tm_begin("__local_fixups__");
	tm_begin("fragment@1");
	tm_begin("__overlay__");
	TM_CELLS("memory-region", 0);
	tm_end();
	tm_end();
	tm_end();
	tm_done();
}

static int merge(size_t room)
{
	memset(tree, 0, sizeof(tree));
	memcpy(tree, base, fdt_totalsize(base));
	memcpy(used, over, fdt_totalsize(over));
	return boot_overlay(tree, room, used, sizeof(used), &why);
}

static bool boots(void)
{
	int err = merge(sizeof(tree));

	boot_config_init(&cfg);
	if (!err)
		err = boot_config_fdt(&cfg, tree, sizeof(tree), &why);
	if (!err)
		err = boot_config_finish(&cfg, NULL, 0, &why);
	if (!T_EQ(err, 0)) {
		T_STR(why.text, "");
		return false;
	}
	return T_OK(!boot_check(&cfg), "the promises hold");
}

static void refuses(const char *reason)
{
	T_EQ(merge(sizeof(tree)), -FH_EINVAL);
	T_STR(why.text, reason);
}

/* ---- what it does ---- */

static void changes_the_area_of_a_label(void)
{
	make_base(true);
	make_cma("cma");
	T_NEED(boots());
	T_EQ(cfg.nr_regions, 1);
	T_EQ(cfg.region[0].size, 0x10000000);
	T_EQ(cfg.region[0].kind, BOOT_REGION_CMA);
	T_EQ(cfg.region[0].phandle, 5);
}

static void adds_a_pool_and_its_user(void)
{
	struct boot_device dev;

	make_base(false);
	make_pool();
	T_NEED(boots());
	T_EQ(cfg.nr_regions, 2);
	T_STR(cfg.region[1].name, "pool@50000000");
	T_EQ(cfg.region[1].phandle, 6); /* behind those of the tree */
	T_EQ(boot_device_fdt(tree, sizeof(tree), &cfg, "camera", &dev, &why), 0);
	T_EQ(dev.region[0].region, 1);
}

static void several_go_in_order(void)
{
	make_base(true);
	make_cma("cma");
	T_EQ(merge(sizeof(tree)), 0);
	memcpy(base, tree, sizeof(base));
	make_pool();
	T_NEED(boots());
	T_EQ(cfg.nr_regions, 2);
	T_EQ(cfg.region[0].size, 0x10000000);
}

static void asks_for_more_room(void)
{
	make_base(true);
	make_pool();
	T_EQ(merge(fdt_totalsize(base)), -FH_ENOSPC);
	T_STR(strncmp(why.text, "overlay: no room in ", 20) ? why.text : "", "");
}

/* ---- what is refused ---- */

static void names_what_is_missing(void)
{
	make_base(false);
	make_cma("cma");
	refuses("overlay: fragment@0: cma: the tree has no __symbols__ to find it by: compile it "
		"with `dtc -@'");
	make_base(true);
	make_cma("isp");
	refuses("overlay: fragment@0: isp: the tree has no such symbol");
	make_cma("cam");
	refuses("overlay: fragment@0: cam: the tree's symbol leads to no node with a phandle");
	make_cma("gone");
	refuses("overlay: fragment@0: gone: the tree's symbol leads to no node with a phandle");
	tm_create(over, sizeof(over));
	begin_fragment("fragment@3", "/soc/isp");
	end_fragment();
	tm_done();
	refuses("overlay: fragment@3: /soc/isp: the tree has no such node");
	tm_create(over, sizeof(over));
	begin_fragment("fragment@3", "camera");
	end_fragment();
	tm_done();
	refuses("overlay: fragment@3: target-path: expected a path");
	tm_create(over, sizeof(over));
	tm_begin("fragment@0");
	tm_begin("__overlay__");
	end_fragment();
	tm_done();
	refuses("overlay: fragment@0: __overlay__: expected target or target-path");
	tm_create(over, sizeof(over));
	begin_fragment("fragment@0", NULL);
	end_fragment();
	tm_done();
	refuses("overlay: fragment@0: target: the tree has no node of that phandle");
	tm_create(over, sizeof(over));
	tm_done();
	refuses("overlay: /: expected a fragment with __overlay__");
}

/* Places that libfdt would write to without a look. */
static void place(const char *fixup)
{
	tm_create(over, sizeof(over));
	begin_fragment("fragment@0", NULL);
	end_fragment();
	tm_begin("__fixups__");
	tm_text("cma", fixup);
	tm_end();
	tm_done();
}

static void looks_at_every_place(void)
{
	make_base(true);
	place("/fragment@0:target:4294967292");
	refuses("overlay: fragment@0: /fragment@0:target:4294967292: __fixups__: no such cell in "
		"the "
		"overlay");
	place("/fragment@0:target:1");
	refuses("overlay: fragment@0: /fragment@0:target:1: __fixups__: no such cell in the "
		"overlay");
	place("/fragment@0:size:0");
	refuses("overlay: fragment@0: /fragment@0:size:0: __fixups__: no such cell in the overlay");
	place("/fragment@0");
	refuses("overlay: /fragment@0: __fixups__: expected PATH:PROPERTY:OFFSET");
	place("fragment@0:target:0");
	refuses("overlay: fragment@0:target:0: __fixups__: expected PATH:PROPERTY:OFFSET");
	tm_create(over, sizeof(over));
	begin_fragment("fragment@0", "/camera");
	TM_CELLS("memory-region", 1);
	end_fragment();
	tm_begin("__local_fixups__");
	tm_begin("fragment@0");
	tm_begin("__overlay__");
	TM_CELLS("memory-region", 0xfffffffc);
	tm_end();
	tm_end();
	tm_end();
	tm_done();
	refuses("overlay: fragment@0: memory-region: __local_fixups__: no such cell in the "
		"overlay");
}

static void refuses_deep_nodes(void)
{
	make_base(true);
	tm_create(over, sizeof(over));
	begin_fragment("fragment@0", "/camera");
	for (int i = 0; i < 70; i++)
		tm_begin("n");
	for (int i = 0; i < 70; i++)
		tm_end();
	end_fragment();
	tm_done();
	refuses("overlay: nodes nested deeper than 64");
}

/* ---- any byte ---- */

/* An error with a reason, or a tree that boots or says why not. */
static bool survives(const void *overlay, size_t size)
{
	int err;

	why.text[0] = '\0';
	err = boot_overlay(tree, sizeof(tree), (void *)(uintptr_t)overlay, size, &why);
	if (err)
		return why.text[0];
	boot_config_init(&cfg);
	err = boot_config_fdt(&cfg, tree, sizeof(tree), &why);
	if (!err)
		err = boot_config_finish(&cfg, NULL, 0, &why);
	return err ? why.text[0]
		   : !boot_check(&cfg) && !boot_devices_check(tree, sizeof(tree), &cfg);
}

static bool survives_cuts(void)
{
	size_t size = fdt_totalsize(over);
	bool ok = true;

	for (size_t n = 0; n < size && ok; n++) {
		void *cut = guard_copy(over, n);
		fdt32_t total = cpu_to_fdt32((uint32_t)n);

		memcpy(tree, base, sizeof(tree));
		ok = cut && survives(cut, n);
		if (!ok || n < 8)
			continue;
		memcpy(tree, base, sizeof(tree));
		memcpy((char *)cut + 4, &total, 4); /* as if it were meant to be that short */
		ok = survives(cut, n);
	}
	return T_OK(ok, why.text);
}

/* in_tree: a byte of the tree, else of the overlay. */
static bool survives_flips(bool in_tree)
{
	static const unsigned char mask[] = {0x01, 0x80, 0xff, 0x10};
	size_t size = fdt_totalsize(over), n = in_tree ? fdt_totalsize(base) : size;
	char *copy = guard_copy(over, size);
	bool ok = copy;

	for (size_t i = 0; i < n && ok; i++) {
		for (size_t m = 0; m < sizeof(mask) && ok; m++) {
			memcpy(copy, over, size);
			memcpy(tree, base, sizeof(tree));
			(in_tree ? tree : copy)[i] ^= (char)mask[m];
			ok = survives(copy, size);
		}
	}
	return T_OK(ok, why.text);
}

static void survives_any_byte(void)
{
	make_base(true);
	make_cma("cma");
	survives_cuts();
	survives_flips(false);
	survives_flips(true);
	make_pool();
	survives_cuts();
	survives_flips(false);
	survives_flips(true);
}

const struct t_case t_cases[] = {
	T(changes_the_area_of_a_label), T(adds_a_pool_and_its_user), T(several_go_in_order),
	T(asks_for_more_room),		T(names_what_is_missing),    T(looks_at_every_place),
	T(refuses_deep_nodes),		T(survives_any_byte),	     T_END,
};
