/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of DMA debugging: which of many mappings is meant, which of them overlap, when it is full; and random use against the oracle. */
#include <stdio.h>
#include <string.h>
#include <freehold/dma_debug.h>
#include "dma/debug.h"
#include "dma_hooks.h"
#include "dma_oracle.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define KIB UINT64_C(1024)

/* ---- look-ups ---- */

/* Entries of a list, one behind the other for the device: it may go on from one to the next. */
static void neighbours(void)
{
	T_NEED(hooks_start());
	for (unsigned int i = 0; i < 8; i++)
		debug_dma_map(&hooks.cam, DMA_DEBUG_SG, PHYS(i * 8192), 4096, DMA_TO_DEVICE, 0,
			      BUS(i * 4096), SITE_MAP);
	debug_dma_device_access(&hooks.cam, BUS(0), 8 * 4096, false);
	debug_dma_device_access(&hooks.cam, BUS(100), 7 * 4096, false);
	hooks_only(NONE, 0);
	debug_dma_device_access(&hooks.cam, BUS(100), 8 * 4096, false);
	T_EQ(hooks_last()->handle.v, hooks.base + 8 * 4096);
	T_EQ(hooks_last()->size, 100);
	hooks_only(DMA_REPORT_DEVICE_UNMAPPED, 1);
	dma_debug_device_gone(&hooks.cam);
	hooks_end();
}

/* Of what is mapped twice in one place, the one that fits is unmapped. */
static void best_fit(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 4096, DMA_TO_DEVICE);
	hooks_map(&hooks.cam, 0, 64 * KIB, DMA_TO_DEVICE);
	hooks_map(&hooks.cam, 0, 8192, DMA_TO_DEVICE);
	debug_dma_map(&hooks.cam, DMA_DEBUG_SG, PHYS(0), 8192, DMA_TO_DEVICE, 0, BUS(0),
		      SITE_OTHER);
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_TO_DEVICE), "");
	T_OK(hooks_unmap(&hooks.cam, 0, 64 * KIB, DMA_TO_DEVICE), "");
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_SG, BUS(0), 8192, DMA_TO_DEVICE, NULL), "");
	T_OK(hooks_unmap(&hooks.cam, 0, 4096, DMA_TO_DEVICE), "");
	hooks_only(NONE, 0);
	hooks_end();
}

/* ---- overlaps ---- */

static void overlaps(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 256 * KIB, DMA_TO_DEVICE);
	hooks_map(&hooks.lcd, 128 * KIB, 512, DMA_FROM_DEVICE);
	hooks_only(DMA_REPORT_OVERLAP, 1);
	T_STR(hooks_last()->device, "lcd");
	T_STR(hooks_last()->mapping.device, "lcd");
	T_STR(hooks_last()->other.device, "camera");
	T_OK(hooks_says("DMA-API: lcd: cacheline tracking EEXIST, overlapping mappings aren't "
			"supported\n"),
	     "as Linux says it");
	T_OK(hooks_says("mapped for lcd as single DMA_FROM_DEVICE") &&
		     hooks_says("mapped for camera as single DMA_TO_DEVICE"),
	     "both histories");
	hooks_map(&hooks.lcd, 256 * KIB, 512, DMA_FROM_DEVICE); /* beside it */
	hooks_only(DMA_REPORT_OVERLAP, 1);
	hooks_map(&hooks.cam, 256 * KIB + 511, 2, DMA_TO_DEVICE);
	hooks_only(DMA_REPORT_OVERLAP, 2);
	dma_debug_device_gone(&hooks.cam);
	dma_debug_device_gone(&hooks.lcd);
	hooks_end();

	/* One cache line, two mappings: wrong where caches are not snooped. */
	for (int snoops = 0; snoops < 2; snoops++) {
		T_NEED(hooks_start_with(256, true));
		hooks.cam.dma_coherent = hooks.lcd.dma_coherent = snoops;
		hooks_map(&hooks.cam, 0, 100, DMA_FROM_DEVICE);
		hooks_map(&hooks.lcd, 100, 100, DMA_TO_DEVICE);
		hooks_only(DMA_REPORT_OVERLAP, !snoops);
		hooks_map(&hooks.lcd, 256, 100, DMA_TO_DEVICE);
		hooks_only(DMA_REPORT_OVERLAP, !snoops);
		dma_debug_device_gone(&hooks.cam);
		dma_debug_device_gone(&hooks.lcd);
		hooks_end();
	}
}

/* A large mapping over very many small ones, and the other way round. */
static void overlaps_large(unsigned int entries)
{
	T_NEED(hooks_start_with(entries, false));
	for (uint64_t i = 0; i < 1000; i += 2)
		hooks_map(&hooks.cam, i * 4096, 4096, DMA_TO_DEVICE);
	hooks_map(&hooks.lcd, 0, 4096 * KIB, DMA_TO_DEVICE);
	hooks_only(NONE, 0);
	T_OK(hooks_unmap(&hooks.lcd, 0, 4096 * KIB, DMA_TO_DEVICE), "");
	hooks_map(&hooks.lcd, 1003 * 4096, 16 * KIB, DMA_FROM_DEVICE);
	hooks_only(NONE, 0);
	hooks_map(&hooks.lcd, 700 * 4096, 1024 * KIB, DMA_FROM_DEVICE);
	hooks_only(DMA_REPORT_OVERLAP, 1);
	dma_debug_device_gone(&hooks.lcd);
	T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS), 2);
	hooks_map(&hooks.lcd, 0, 4096 * KIB, DMA_FROM_DEVICE);
	T_EQ(dma_debug_count(hooks.m, DMA_REPORT_OVERLAP), 2);
	dma_debug_device_gone(&hooks.cam);
	dma_debug_device_gone(&hooks.lcd);
	hooks_end();
}

/* It touches fewer cells than there are chains, and more. */
static void overlaps_of_many(void)
{
	overlaps_large(2000);
	overlaps_large(510);
}

/* ---- limits ---- */

static void runs_out(void)
{
	char text[64];
	size_t len;

	T_NEED(hooks_start_with(8, false));
	for (unsigned int i = 0; i < 8; i++)
		hooks_map(&hooks.cam, i * 4096, 4096, DMA_TO_DEVICE);
	T_OK(!hooks_says("out of memory"), "not yet");
	T_EQ(fh_view_read(hooks.m, "sys/kernel/debug/dma-api/disabled", text, sizeof(text), &len),
	     0);
	T_STR(text, "N\n");
	hooks_map(&hooks.cam, 8 * 4096, 4096, DMA_TO_DEVICE);
	T_OK(hooks_says("DMA-API: debugging out of memory - disabling\n"), "as Linux says it");
	T_OK(hooks_unmap(&hooks.cam, 64 * KIB, 4096, DMA_TO_DEVICE),
	     "whatever it is: nobody knows any more");
	debug_dma_device_access(&hooks.lcd, BUS(0), 8, true);
	hooks_for_cpu(&hooks.cam, 64 * KIB, 4096, DMA_TO_DEVICE);
	hooks_cpu_touches(0, 8, true);
	debug_dma_refused(&hooks.cam, NULL, (phys_t){0}, 8, "not RAM", NULL);
	debug_dma_lost(&hooks.cam, BUS(0), 8, NULL);
	dma_debug_device_gone(&hooks.cam);
	hooks_map(&hooks.cam, 0, 8, DMA_FROM_DEVICE);
	hooks_only(NONE, 0);
	T_EQ(fh_view_read(hooks.m, "sys/kernel/debug/dma-api/disabled", text, sizeof(text), &len),
	     0);
	T_STR(text, "Y\n");
	hooks_end();
}

static void no_memory(void)
{
	struct dma_debug *d = NULL;
	int nth = 0, err;

	hooks.m = testplat_start(&hooks.tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(hooks.m);
	do {
		atomic_store(&hooks.tp.fail_nth, ++nth);
		err = dma_debug_create(hooks.m, 100, &d);
		atomic_store(&hooks.tp.fail_nth, 0);
		T_OK(!err || (err == -FH_ENOMEM && !d), "made, or not");
	} while (err && nth < 20);
	T_EQ(nth, 8); /* the state, two tables, entries, parts, reports, the past: none failed */
	dma_debug_destroy(hooks.m, d);
	dma_debug_destroy(hooks.m, NULL);
	testplat_end(&hooks.tp, hooks.m);
}

/* ---- random use, right and wrong, against the oracle ---- */

#define DEVICES 3

static struct device dev[DEVICES];
static struct oracle oracle;
static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static uint64_t shift_of(const struct device *d)
{
	return (uint64_t)(d - dev) << 40; /* of its bus */
}

/* Mostly small, in a small place, so that they meet. */
static void any_range(uint64_t *at, uint64_t *size)
{
	uint64_t max = rnd(8) ? 32 : ORACLE_GRANULES;

	*size = (1 + rnd((uint32_t)max)) * ORACLE_GRANULE;
	*at = hooks.base + rnd(rnd(4) ? 256 : 32768) * ORACLE_GRANULE;
}

static struct oracle_mapping *some_mapping(void)
{
	for (int i = 0; i < 8; i++) {
		struct oracle_mapping *o = &oracle.map[rnd(ORACLE_MAX)];

		if (o->used)
			return o;
	}
	return NULL;
}

static void do_map(bool wrong)
{
	static const enum dma_debug_type type[] = {DMA_DEBUG_SINGLE,   DMA_DEBUG_SINGLE,
						   DMA_DEBUG_SG,       DMA_DEBUG_PAGES,
						   DMA_DEBUG_COHERENT, DMA_DEBUG_RESOURCE};
	struct oracle_mapping *o = oracle_new(&oracle);
	struct oracle before = {.count = {0}};
	uint64_t at, size;

	if (!o)
		return;
	any_range(&at, &size);
	*o = (struct oracle_mapping){.dev = &dev[rnd(DEVICES)],
				     .type = type[rnd(6)],
				     .dir = (enum dma_data_direction)rnd(3),
				     .attrs = rnd(8) ? 0 : DMA_ATTR_SKIP_CPU_SYNC,
				     .phys = at,
				     .size = size};
	if (o->type == DMA_DEBUG_COHERENT)
		o->dir = DMA_BIDIRECTIONAL;
	o->handle = at + shift_of(o->dev);
	for (uint64_t k = 0; k < size; k += ORACLE_GRANULE)
		if (oracle_at(&oracle, o->dev, o->handle + k))
			return; /* the oracle's devices have nothing twice */
	memcpy(before.count, oracle.count, sizeof(before.count));
	o->used = true;
	oracle_map(&oracle, o);
	if (!wrong && memcmp(before.count, oracle.count, sizeof(before.count))) {
		memcpy(oracle.count, before.count, sizeof(before.count));
		o->used = false;
		return;
	}
	debug_dma_map(o->dev, o->type, (phys_t){o->phys}, o->size, o->dir, o->attrs,
		      (dma_t){o->handle}, SITE_MAP);
}

static void do_unmap(bool wrong)
{
	const struct oracle_mapping *some = some_mapping();
	struct oracle_mapping o;

	if (!some)
		return;
	o = *some;
	if (wrong) {
		switch (rnd(5)) {
		case 0:
			o.size += ORACLE_GRANULE;
			break;
		case 1:
			o.type = (enum dma_debug_type)rnd(5);
			break;
		case 2:
			o.dir = (enum dma_data_direction)rnd(3);
			break;
		case 3:
			o.handle += ORACLE_GRANULE * rnd(64);
			break;
		default:
			o.dev = &dev[rnd(DEVICES)];
			break;
		}
	}
	T_EQ(debug_dma_unmap(o.dev, o.type, (dma_t){o.handle}, o.size, o.dir, SITE_UNMAP),
	     oracle_unmap(&oracle, o.dev, o.type, o.handle, o.size, o.dir));
}

static void do_sync(bool wrong)
{
	const struct oracle_mapping *o = some_mapping();
	bool to_cpu = rnd(2), whole = rnd(3) == 0;
	uint64_t first, n, nr;

	if (!o)
		return;
	nr = o->size / ORACLE_GRANULE;
	first = whole ? 0 : rnd((uint32_t)nr);
	n = whole ? nr : 1 + rnd((uint32_t)(nr - first));
	if (wrong && rnd(2))
		n += nr;
	first = o->handle + first * ORACLE_GRANULE;
	if (wrong && !rnd(4))
		any_range(&first, &n), n /= ORACLE_GRANULE;
	n *= ORACLE_GRANULE;
	if (wrong && rnd(2)) {
		enum dma_data_direction dir = (enum dma_data_direction)rnd(3);

		debug_dma_sync(o->dev, (dma_t){first}, n, dir, to_cpu, SITE_SYNC);
		oracle_sync(&oracle, o->dev, first, n, dir, to_cpu);
		return;
	}
	debug_dma_sync(o->dev, (dma_t){first}, n, o->dir, to_cpu, SITE_SYNC);
	oracle_sync(&oracle, o->dev, first, n, o->dir, to_cpu);
}

/* Right by asking the oracle first. */
static void do_access(bool wrong, bool by_cpu)
{
	const struct device *d = &dev[rnd(DEVICES)];
	uint64_t before[DMA_NR_REPORTS], at, size;
	bool write = rnd(2);

	any_range(&at, &size);
	memcpy(before, oracle.count, sizeof(before));
	if (by_cpu)
		oracle_cpu(&oracle, at, size, write);
	else
		oracle_device(&oracle, d, at + shift_of(d), size, write);
	if (!wrong && memcmp(before, oracle.count, sizeof(before))) {
		memcpy(oracle.count, before, sizeof(before));
		return;
	}
	if (by_cpu)
		hooks_cpu_touches(at - hooks.base, size, write);
	else
		debug_dma_device_access(d, (dma_t){at + shift_of(d)}, size, write);
}

static bool as_the_oracle_says(void)
{
	bool same = true;

	for (unsigned int k = 0; k < DMA_NR_REPORTS && same; k++)
		same = T_EQ(dma_debug_count(hooks.m, (enum dma_report_kind)k), oracle.count[k]);
	return same;
}

static void random_use(bool wrong)
{
	for (seed = 1; seed < 6; seed++) {
		uint32_t first = seed;

		T_NEED(hooks_start_with(ORACLE_MAX * 8, false));
		memset(&oracle, 0, sizeof(oracle));
		for (unsigned int i = 0; i < DEVICES; i++)
			dev[i] = (struct device){.machine = hooks.m, .name = "random"};
		for (int i = 0; i < 6000; i++) {
			unsigned int op = rnd(10);

			if (op < 3)
				do_map(wrong);
			else if (op < 5)
				do_unmap(wrong && !rnd(3));
			else if (op < 8)
				do_sync(wrong && !rnd(3));
			else
				do_access(wrong, op == 8);
			if (!as_the_oracle_says()) {
				printf("# seed %u, step %d, op %u\n", first, i, op);
				return;
			}
			if (i % 500 == 0)
				TP_CHECK(hooks.m);
		}
		T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS) > 0, wrong);
		for (unsigned int i = 0; i < DEVICES; i++)
			dma_debug_device_gone(&dev[i]);
		hooks_end();
		seed = first;
	}
}

static void random_right(void)
{
	random_use(false);
}

static void random_wrong(void)
{
	random_use(true);
}

const struct t_case t_cases[] = {T(neighbours),	      T(best_fit),     T(overlaps),
				 T(overlaps_of_many), T(runs_out),     T(no_memory),
				 T(random_right),     T(random_wrong), T_END};
