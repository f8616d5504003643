/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The physical map: what it is on a layout worked out by hand, and its promises on random ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "t.h"
#include "boot_show.h"
#include "boot_words.h"
#include "map_check.h"

#define MIB UINT64_C(0x100000)

static struct boot_config cfg;
static struct phys_map map;
static const struct load_tree no_tree;

static void region(const char *name, uint64_t base, uint64_t size, enum boot_region_kind kind,
		   unsigned int flags)
{
	struct boot_region *r = &cfg.region[cfg.nr_regions++];

	*r = (struct boot_region){.base = base, .size = size, .kind = kind, .flags = flags};
	snprintf(r->name, sizeof(r->name), "%s", name);
}

static void bank(uint64_t base, uint64_t size)
{
	cfg.bank[cfg.nr_banks++] = (struct boot_bank){base, size};
}

/* "ram0 DMA 0,1" of a run. */
static const char *text_of(unsigned int i)
{
	static const char *const what[] = {"ram", "hole", "outside"};
	static char text[128];
	const struct phys_run *run = &map.run[i];
	int n;

	if (i >= map.nr_runs)
		return "none";
	n = snprintf(text, sizeof(text), "%s%u %s %llu+%llu", what[run->what], run->bank,
		     boot_zone_name(&cfg, run->zone), (unsigned long long)(run->base / MIB),
		     (unsigned long long)(run->size / MIB));
	for (unsigned int k = 0; k < run->nr_claims; k++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%c%s", k ? ',' : ' ',
			      cfg.region[run->claim[k]].name);
	return text;
}

/* Two banks, a zone's end within the first, regions that overlap, reach into the hole, and lie outside. */
static void by_hand(void)
{
	static const char *const expected[] = {
		"outside0 - 16+16 low", "outside0 - 32+32",	 "ram0 DMA 64+36",
		"ram0 DMA 100+10 a",	"ram0 DMA 110+10 a,b",	 "ram0 DMA 120+8 b",
		"ram0 DMA32 128+12 b",	"ram0 DMA32 140+52",	 "ram0 DMA32 192+8 edge",
		"hole0 - 200+8 edge",	"hole0 - 208+92",	 "ram1 Normal 300+100",
		"outside0 - 400+100",	"outside0 - 500+1 high",
	};

	boot_config_init(&cfg);
	bank(64 * MIB, 136 * MIB);
	bank(300 * MIB, 100 * MIB);
	cfg.dma_limit = 128 * MIB;
	cfg.dma32_limit = 256 * MIB;
	region("a", 100 * MIB, 20 * MIB, BOOT_REGION_RESERVED, 0);
	region("b", 110 * MIB, 30 * MIB, BOOT_REGION_NOMAP, 0);
	region("edge", 192 * MIB, 16 * MIB, BOOT_REGION_RESERVED, 0);
	region("high", 500 * MIB, MIB, BOOT_REGION_RESERVED, 0);
	region("low", 16 * MIB, 16 * MIB, BOOT_REGION_RESERVED, 0);
	T_NEED(phys_map_make(&map, &cfg, &no_tree));
	for (unsigned int i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		T_STR(text_of(i), expected[i]);
	T_EQ(map.nr_runs, sizeof(expected) / sizeof(expected[0]));
	T_STR(map_check(&map) ? map_check(&map) : "", "");
	T_OK(phys_map_overlaps(&map, 0) && phys_map_overlaps(&map, 1), "a and b overlap");
	T_OK(!phys_map_overlaps(&map, 2) && !phys_map_overlaps(&map, 4), "the others do not");
	T_OK(phys_map_in_ram(&map, 0) && !phys_map_in_ram(&map, 2) && !phys_map_in_ram(&map, 3),
	     "what is RAM");
	T_EQ(boot_address_digits(&map), 8);
	phys_map_free(&map);
}

static void nothing(void)
{
	boot_config_init(&cfg);
	T_NEED(phys_map_make(&map, &cfg, &no_tree));
	T_EQ(map.nr_runs, 0);
	T_STR(map_check(&map) ? map_check(&map) : "", "");
	region("alone", 0, MIB, BOOT_REGION_RESERVED, 0);
	T_NEED(phys_map_make(&map, &cfg, &no_tree));
	T_STR(text_of(0), "outside0 - 0+1 alone");
	T_STR(map_check(&map) ? map_check(&map) : "", "");
}

static uint64_t state;

static uint64_t lot(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

/* On a small grid, so that edges meet and banks touch; at times as high as addresses go. */
static void random_config(uint64_t seed)
{
	uint64_t at, unit;

	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	unit = lot(8) ? 0x1000 : UINT64_C(1) << 40;
	at = lot(20);
	boot_config_init(&cfg);
	for (uint64_t n = lot(BOOT_MAX_BANKS + 1); n; n--) {
		uint64_t size = 1 + lot(12);

		bank(at * unit, size * unit);
		at += size + lot(6);
	}
	cfg.dma_limit = lot(at + 4) * unit;
	cfg.dma32_limit = cfg.dma_limit + lot(at + 4) * unit;
	for (uint64_t n = lot(3) ? lot(8) : lot(BOOT_MAX_REGIONS + 1); n; n--)
		region("r", lot(at + 20) * unit, (1 + lot(12)) * unit,
		       (enum boot_region_kind)lot(5), 0);
}

static void random_maps(void)
{
	for (uint64_t seed = 1; seed <= 4000; seed++) {
		const char *broken;
		char why[96];

		random_config(seed);
		T_NEED(phys_map_make(&map, &cfg, &no_tree));
		broken = map_check(&map);
		snprintf(why, sizeof(why), "seed %llu: %s", (unsigned long long)seed,
			 broken ? broken : "");
		if (!T_OK(!broken, why))
			return;
		phys_map_free(&map);
	}
}

static void words(void)
{
	unsigned char order[BOOT_MAX_REGIONS];
	struct phys_user user = {.index = 2, .device = "1000.vpu"};
	char buf[BOOT_USER_TEXT];
	unsigned int at = 0;

	T_STR(boot_user_text(&user, buf), "1000.vpu[2]");
	snprintf(user.name, sizeof(user.name), "ring");
	T_STR(boot_user_text(&user, buf), "1000.vpu[2=ring]");
	user.index = 0;
	user.name[0] = '\0';
	T_STR(boot_user_text(&user, buf), "1000.vpu");
	T_STR(boot_size_text(3 * MIB, buf, sizeof(buf)), "3 MiB");
	T_STR(boot_size_text(0x1800, buf, sizeof(buf)), "6 KiB");
	T_STR(boot_size_text(7, buf, sizeof(buf)), "7 B");
	T_STR(boot_flag_name(BOOT_REGION_CARVEOUT | BOOT_REGION_DYNAMIC, &at), "dynamic");
	T_STR(boot_flag_name(BOOT_REGION_CARVEOUT | BOOT_REGION_DYNAMIC, &at), "carveout");
	T_OK(!boot_flag_name(BOOT_REGION_CARVEOUT | BOOT_REGION_DYNAMIC, &at), "two");
	T_STR(boot_zone_name(&cfg, -1), "-");
	boot_config_init(&cfg);
	region("b", 8, 1, BOOT_REGION_RESERVED, BOOT_REGION_CARVEOUT);
	region("a", 4, 1, BOOT_REGION_NOMAP, BOOT_REGION_MEMRESERVE);
	region("c", 8, 9, BOOT_REGION_CMA, BOOT_REGION_CARVEOUT);
	T_EQ(boot_regions_by_address(&cfg, order), 3);
	T_EQ(order[0] * 100 + order[1] * 10 + order[2], 120);
	T_STR(boot_class_name(boot_class(&cfg.region[0])), "carveout");
	T_STR(boot_class_name(boot_class(&cfg.region[1])), "memreserve");
	T_STR(boot_class_name(boot_class(&cfg.region[2])), "cma");
}

/* ---- boards, with and without memory ---- */

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int fail_at; /* which of the calls to come fails; 0: none */

static bool fails(void)
{
	return fail_at && !--fail_at;
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

/* Every call that wants memory fails in turn: there is no map, no picture, and nothing left behind (ASan). */
static unsigned int failures(const struct load_tree *tree)
{
	struct boot_show show = {.cfg = &cfg, .tree = tree, .map = &map};
	FILE *out = fopen("/dev/null", "w");
	unsigned int n = 0;
	bool ok = !out;

	while (!ok && n < 50) {
		fail_at = (int)++n;
		if (phys_map_make(&map, &cfg, tree)) {
			ok = boot_svg(&show, out);
			phys_map_free(&map);
		}
		ok = ok && fail_at;
		fail_at = 0;
	}
	if (out)
		fclose(out);
	return n - 1;
}

static void boards(void)
{
	static const struct {
		const char *path;
		unsigned int users, failures;
	} board[] = {
		{"boards/rpi4.dts", 3, 2},
		{"boards/zcu102.dts", 8, 3},
		{"boards/imx8mq-evk.dts", 6, 3},
		{"tests/system/phone.dts", 16, 4},
	};

	for (size_t i = 0; i < sizeof(board) / sizeof(board[0]); i++) {
		struct load_tree tree;
		struct load_opts opts = {.dtb = board[i].path, .as_linux = true, .keep = &tree};
		struct boot_why why = {""};

		if (load_boot_config(&opts, &cfg, &why))
			T_SKIP("needs dtc (device-tree-compiler) and to run where boards/ is");
		T_NEED(phys_map_make(&map, &cfg, &tree));
		T_STR(map_check(&map) ? map_check(&map) : "", "");
		T_EQ(map.nr_users, board[i].users);
		phys_map_free(&map);
		T_EQ(failures(&tree), board[i].failures);
		free(tree.blob);
	}
}

const struct t_case t_cases[] = {T(by_hand), T(nothing), T(random_maps),
				 T(words),   T(boards),	 T_END};
