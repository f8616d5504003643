/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices see of RAM on the hosted platform, and on the test platform: against a model that keeps three arrays and looks at every
 * byte; and by hand, what each missing sync does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/hosted.h>
#include "t.h"
#include "testplat.h"

#define KIB  UINT64_C(1024)
#define BASE UINT64_C(0x40000000)
#define SIZE (256 * KIB)

static struct hosted *h;
static const struct plat *p;
static unsigned char *cpu; /* the linear map */
static const struct boot_bank bank = {.base = BASE, .size = SIZE};

static bool start(unsigned int line, uint64_t size, uint64_t seed)
{
	struct hosted_opts opts = {.banks = &bank,
				   .nr_banks = 1,
				   .cache_line = line,
				   .cache_size = size,
				   .cache_seed = seed};
	struct hosted_why why = {""};

	if (!T_OK(!hosted_create(&opts, &h, &why), why.text))
		return false;
	p = hosted_plat(h);
	cpu = p->ram(p->ctx, (phys_t){BASE}, SIZE);
	return cpu;
}

static void clean(uint64_t at, uint64_t n)
{
	p->cache_clean(p->ctx, (phys_t){BASE + at}, n);
}

static uint64_t inval(uint64_t at, uint64_t n)
{
	return p->cache_inval(p->ctx, (phys_t){BASE + at}, n);
}

static void dev_write(uint64_t at, const void *buf, uint64_t n)
{
	T_EQ(hosted_bus_write(h, (phys_t){BASE + at}, buf, n), 0);
}

static void dev_read(uint64_t at, void *buf, uint64_t n)
{
	T_EQ(hosted_bus_read(h, (phys_t){BASE + at}, buf, n), 0);
}

static void dev_fill(uint64_t at, unsigned char byte, uint64_t n)
{
	unsigned char buf[4 * FH_PAGE_SIZE];

	memset(buf, byte, n);
	dev_write(at, buf, n);
}

/* Whether a device sees n bytes of this value. */
static bool dev_sees(uint64_t at, unsigned char byte, uint64_t n)
{
	unsigned char buf[4 * FH_PAGE_SIZE];

	dev_read(at, buf, n);
	return buf[0] == byte && !memcmp(buf, buf + 1, n - 1);
}

static bool cpu_sees(uint64_t at, unsigned char byte, uint64_t n)
{
	return cpu[at] == byte && !memcmp(cpu + at, cpu + at + 1, n - 1);
}

/* ---- the model ---- */

static struct {
	unsigned char cpu[SIZE], ram[SIZE], fill[SIZE];
	uint64_t filled[SIZE / 16]; /* when a line was; 0: it is absent */
	unsigned int mapped[SIZE / FH_PAGE_SIZE];
	uint64_t line, room, parts, now;
} model;

static bool m_dirty(uint64_t l)
{
	for (uint64_t i = l * model.line; i < (l + 1) * model.line; i++)
		if (model.cpu[i] != model.fill[i])
			return true;
	return false;
}

static void m_leave(uint64_t l)
{
	bool back = m_dirty(l);

	for (uint64_t i = l * model.line; i < (l + 1) * model.line; i++) {
		if (back)
			model.ram[i] = model.cpu[i];
		model.cpu[i] = model.fill[i] = model.ram[i];
	}
	model.filled[l] = 0;
}

static uint64_t m_part(uint64_t l)
{
	return l * model.line / FH_PAGE_SIZE % model.parts;
}

static void m_enter(uint64_t l)
{
	uint64_t n = 0, oldest = l;

	if (!model.room || model.filled[l])
		return;
	model.filled[l] = ++model.now;
	for (uint64_t i = 0; i < SIZE / model.line; i++) {
		if (!model.filled[i] || m_part(i) != m_part(l))
			continue;
		n++;
		if (model.filled[i] < model.filled[oldest])
			oldest = i;
	}
	if (n > model.room)
		m_leave(oldest);
}

static bool m_mapped(uint64_t l)
{
	return model.mapped[l * model.line / FH_PAGE_SIZE];
}

static void m_clean(uint64_t at, uint64_t n)
{
	for (uint64_t l = at / model.line; l * model.line < at + n; l++) {
		if (m_mapped(l) || !m_dirty(l))
			continue;
		m_enter(l);
		memcpy(model.ram + l * model.line, model.cpu + l * model.line, model.line);
		memcpy(model.fill + l * model.line, model.cpu + l * model.line, model.line);
	}
}

static uint64_t m_inval(uint64_t at, uint64_t n)
{
	uint64_t lost = 0;

	for (uint64_t l = at / model.line; l * model.line < at + n; l++) {
		if (m_mapped(l))
			continue;
		if ((l * model.line < at || (l + 1) * model.line > at + n) && m_dirty(l)) {
			memcpy(model.ram + l * model.line, model.cpu + l * model.line, model.line);
			memcpy(model.fill + l * model.line, model.cpu + l * model.line, model.line);
		}
		for (uint64_t i = l * model.line; i < (l + 1) * model.line; i++) {
			lost += model.cpu[i] != model.fill[i];
			model.cpu[i] = model.fill[i] = model.ram[i];
		}
		model.filled[l] = 0;
		m_enter(l);
	}
	return lost;
}

static void m_dev_write(uint64_t at, const unsigned char *buf, uint64_t n)
{
	for (uint64_t i = at; i < at + n; i++) {
		if (m_mapped(i / model.line)) {
			model.cpu[i] = buf[i - at];
			continue;
		}
		m_enter(i / model.line);
		model.ram[i] = buf[i - at];
	}
}

static void m_read_page(uint64_t at, unsigned char *buf, uint64_t n)
{
	for (uint64_t i = at; i < at + n; i++)
		if (!m_mapped(i / model.line) && m_dirty(i / model.line))
			m_enter(i / model.line);
	for (uint64_t i = at; i < at + n; i++)
		buf[i - at] = (m_mapped(i / model.line) ? model.cpu : model.ram)[i];
}

static void m_dev_read(uint64_t at, unsigned char *buf, uint64_t n)
{
	for (uint64_t part; n; at += part, buf += part, n -= part) {
		part = FH_PAGE_SIZE - at % FH_PAGE_SIZE;
		part = part < n ? part : n;
		m_read_page(at, buf, part);
	}
}

static void m_map(uint64_t page, bool on)
{
	if (on && !model.mapped[page]++)
		for (uint64_t i = 0; i < FH_PAGE_SIZE / model.line; i++)
			m_leave(page * FH_PAGE_SIZE / model.line + i);
	if (!on && !--model.mapped[page])
		for (uint64_t i = page * FH_PAGE_SIZE; i < (page + 1) * FH_PAGE_SIZE; i++)
			model.ram[i] = model.fill[i] = model.cpu[i];
}

/* ---- the real one, or the test platform's, behind the same calls ---- */

static struct testplat tp;
static bool on_testplat;

static void bus(uint64_t at, unsigned char *buf, uint64_t n, bool write, bool snoop)
{
	phys_t phys = {BASE + at};

	if (on_testplat && write)
		testplat_bus_write(&tp, phys, buf, n, snoop);
	else if (on_testplat)
		testplat_bus_read(&tp, phys, buf, n, snoop);
	else if (write)
		T_EQ((snoop ? hosted_bus_write_snoop : hosted_bus_write)(h, phys, buf, n), 0);
	else
		T_EQ((snoop ? hosted_bus_read_snoop : hosted_bus_read)(h, phys, buf, n), 0);
}

static unsigned int seed;

static uint64_t lot(uint64_t n)
{
	return (uint64_t)rand_r(&seed) % n;
}

/* Two runs of pages at an address of their own, or no longer. */
static void some_vmap(void **kept, struct range *runs)
{
	pfn_t first = BASE >> FH_PAGE_SHIFT;

	if (*kept) {
		p->vunmap(p->ctx, *kept, 3);
		*kept = NULL;
	} else {
		runs[0].start = first + lot(60);
		runs[0].end = runs[0].start + 2;
		runs[1].start = first + lot(60);
		runs[1].end = runs[1].start + 1;
		*kept = p->vmap(p->ctx, runs, 2, PLAT_VMAP_UNCACHED);
		T_OK(*kept, "there is room");
	}
	for (unsigned int i = 0; i < 2; i++)
		for (pfn_t pfn = runs[i].start; pfn < runs[i].end; pfn++)
			m_map(pfn - first, *kept);
}

static void step(void)
{
	unsigned char got[700], want[700];
	/* Few pages are hot, so that things meet. */
	uint64_t n = 1 + lot(lot(4) ? 40 : 600), at = lot(3) ? lot(3 * KIB) : lot(SIZE - 700);

	for (uint64_t i = 0; i < n; i++)
		got[i] = want[i] = (unsigned char)rand_r(&seed);
	switch (lot(8)) {
	case 0:
		clean(at, n);
		m_clean(at, n);
		break;
	case 1:
		T_EQ(inval(at, n), m_inval(at, n));
		break;
	case 2:
		bus(at, got, n, true, false);
		m_dev_write(at, want, n);
		break;
	case 3:
		bus(at, got, n, false, false);
		m_dev_read(at, want, n);
		T_OK(!memcmp(got, want, n), "a device reads");
		break;
	case 4:
		bus(at, got, n, true, true);
		for (uint64_t i = 0; i < n; i++)
			model.cpu[at + i] = model.ram[at + i] = model.fill[at + i] = want[i];
		break;
	case 5:
		bus(at, got, n, false, true);
		T_OK(!memcmp(got, model.cpu + at, n), "a snooping device reads");
		break;
	default:
		memcpy(cpu + at, want, n);
		memcpy(model.cpu + at, want, n);
	}
}

static void by_model(unsigned int line, uint64_t size, int rounds)
{
	struct range runs[2][2];
	void *kept[2] = {NULL, NULL};
	static unsigned char all[SIZE], want[SIZE];

	memset(&model, 0, sizeof(model));
	model.line = line;
	model.parts = size && size < 64 * KIB ? 1 : 64;
	model.room = size / line / model.parts;
	for (int i = 0; i < rounds; i++) {
		step();
		if (lot(50) == 0) {
			unsigned int k = (unsigned int)lot(2);

			some_vmap(&kept[k], runs[k]);
		}
		if (i % 64 == 0 && !T_OK(!memcmp(cpu, model.cpu, SIZE), "what CPUs see"))
			break;
	}
	for (unsigned int k = 0; k < 2; k++)
		if (kept[k])
			some_vmap(&kept[k], runs[k]);
	T_OK(!memcmp(cpu, model.cpu, SIZE), "what CPUs see");
	bus(0, all, SIZE, false, false);
	m_dev_read(0, want, SIZE);
	T_OK(!memcmp(all, want, SIZE), "what devices see");
}

static void model_without_limit(void)
{
	static const unsigned int lines[] = {16, 32, 64, 128, 256};

	on_testplat = false;
	for (unsigned int i = 0; i < 5; i++) {
		T_NEED(start(lines[i], 0, 0));
		seed = i + 1;
		by_model(lines[i], 0, 20000);
		hosted_destroy(h);
	}
}

static void model_with_room(void)
{
	static const struct {
		unsigned int line;
		uint64_t size;
	} c[] = {{64, 64}, {64, 2 * KIB}, {32, KIB}, {256, 16 * KIB}, {64, 64 * KIB}};

	on_testplat = false;
	for (unsigned int i = 0; i < 5; i++) {
		T_NEED(start(c[i].line, c[i].size, 0));
		seed = i + 10;
		by_model(c[i].line, c[i].size, 4000);
		hosted_destroy(h);
	}
}

static void model_of_the_test_platform(void)
{
	on_testplat = true;
	testplat_init(&tp);
	testplat_caches(&tp, 64);
	p = &tp.plat;
	cpu = p->ram(p->ctx, (phys_t){BASE}, SIZE);
	T_NEED(cpu);
	seed = 99;
	by_model(64, 0, 20000);
	testplat_fini(&tp);
}

/* ---- who keeps the rules ---- */

/* Runs of whole lines; each is the CPU's, or a device's until it is synced back. One array is what all of them must see. */
#define RUNS 256

static void hand_over(unsigned int i, bool *devices, uint64_t size)
{
	if (*devices)
		T_EQ(inval(i * size, size), 0);
	else
		clean(i * size, size);
	*devices = !*devices;
}

static bool rules_are_enough(unsigned int line, uint64_t cache, uint64_t cache_seed)
{
	static unsigned char oracle[SIZE];
	bool devices[RUNS] = {false}, same = true;
	uint64_t size = 3 * (uint64_t)line, n;
	unsigned char buf[3 * 256];

	if (!start(line, cache, cache_seed))
		return false;
	memset(oracle, 0, SIZE);
	seed = line;
	for (unsigned int k = 0; k < 20000 && same; k++) {
		unsigned int i = (unsigned int)lot(RUNS);
		uint64_t at = i * size + lot(size);

		n = 1 + lot((i + 1) * size - at);
		if (lot(4) == 0) {
			hand_over(i, &devices[i], size);
			continue;
		}
		for (uint64_t j = 0; j < n; j++)
			buf[j] = (unsigned char)rand_r(&seed);
		if (lot(2)) {
			memcpy(oracle + at, buf, n);
			if (devices[i])
				dev_write(at, buf, n);
			else
				memcpy(cpu + at, buf, n);
		} else if (devices[i]) {
			dev_read(at, buf, n);
			same = !memcmp(oracle + at, buf, n);
		} else {
			same = !memcmp(oracle + at, cpu + at, n);
		}
	}
	hosted_destroy(h);
	return same;
}

static void rules_kept(void)
{
	static const unsigned int lines[] = {16, 64, 256};

	for (unsigned int i = 0; i < 3; i++) {
		T_OK(rules_are_enough(lines[i], 0, 0), "nothing leaves");
		T_OK(rules_are_enough(lines[i], lines[i], 0), "one line fits");
		T_OK(rules_are_enough(lines[i], 4096, 1), "little fits, and by lot");
		T_OK(rules_are_enough(lines[i], 65536, 2), "in parts, and by lot");
	}
}

/* ---- by hand ---- */

static void what_was_never_cleaned(void)
{
	T_NEED(start(64, 0, 0));
	memset(cpu, 7, 4096); /* before anybody cleaned: RAM is as it was born */
	T_OK(dev_sees(0, 0, 4096), "stale");
	clean(0, 4096);
	T_OK(dev_sees(0, 7, 4096), "synced");
	memset(cpu, 8, 4096); /* the page's next owner */
	T_OK(dev_sees(0, 7, 4096), "the last owner's bytes");
	clean(100, 1);
	T_OK(dev_sees(64, 8, 64) && dev_sees(0, 7, 64) && dev_sees(128, 7, 64), "one line of it");
	hosted_destroy(h);
}

static void what_a_device_wrote(void)
{
	T_NEED(start(64, 0, 0));
	memset(cpu, 1, 4096);
	clean(0, 4096);
	dev_fill(0, 2, 4096);
	T_OK(cpu_sees(0, 1, 4096), "unseen");
	T_EQ(inval(0, 4096), 0);
	T_OK(cpu_sees(0, 2, 4096), "synced");
	dev_fill(0, 3, 4096);
	T_OK(cpu_sees(0, 2, 4096), "unseen again: lines were refilled at once");
	memset(cpu + 64, 9, 10); /* while the device owned it */
	T_EQ(inval(0, 4096), 10);
	T_OK(cpu_sees(0, 3, 4096), "and lost");
	hosted_destroy(h);
}

static void a_line_that_is_shared(void)
{
	struct hosted_cache_stats stats;

	T_NEED(start(64, 0, 0));
	memset(cpu, 1, 256);
	clean(0, 256);
	dev_fill(100, 2,
		 100); /* the buffer is [100, 200): lines 1 and 3 are its neighbours', too */
	cpu[70] = 5;   /* the neighbour's */
	T_EQ(inval(100, 100), 0);
	T_OK(cpu[70] == 5 && cpu_sees(71, 1, 57), "the neighbour's store stays");
	T_OK(cpu[100] == 1 && cpu_sees(128, 2, 72),
	     "in the line that they share the device's bytes are gone, elsewhere they came");
	T_OK(cpu_sees(200, 1, 56), "the line behind has not been stored to");
	hosted_cache_stats(h, &stats);
	T_EQ(stats.overwritten, 28);
	hosted_destroy(h);
}

static void a_dirty_line_leaves(void)
{
	struct hosted_cache_stats stats;

	T_NEED(start(64, 128, 0)); /* two lines */
	memset(cpu, 1, 64);
	clean(0, 64);
	memset(cpu, 2, 64);	/* dirty, and the device's now */
	dev_fill(0, 3, 64);	/* the cache does not know */
	dev_fill(4096, 0, 128); /* two others are filled: the first leaves */
	T_OK(dev_sees(0, 2, 64), "over what the device wrote");
	hosted_cache_stats(h, &stats);
	T_EQ(stats.overwritten, 64);
	T_OK(stats.evicted > 0, "not asked for");
	hosted_destroy(h);
}

static void a_clean_line_leaves(void)
{
	T_NEED(start(64, 128, 0));
	memset(cpu, 1, 64);
	clean(0, 64);
	dev_fill(0, 3, 64);
	T_OK(cpu_sees(0, 1, 64), "unseen while it is there");
	dev_fill(4096, 0, 128);
	T_OK(cpu_sees(0, 3, 64), "RAM's when it has left");
	hosted_destroy(h);
}

static void lines_leave_by_lot(void)
{
	struct hosted_cache_stats stats;
	uint64_t seen = 0;

	T_NEED(start(64, 0, 5));
	for (unsigned int i = 0; i < 64; i++)
		dev_fill(i * FH_PAGE_SIZE, 4, FH_PAGE_SIZE);
	for (uint64_t i = 0; i < SIZE; i += 64)
		seen += cpu[i] == 4;
	hosted_cache_stats(h, &stats);
	T_EQ(seen, stats.evicted);
	/* 4096 lines, one in 64. */
	T_OK(seen > 16 && seen < 256, "now and then");
	hosted_destroy(h);
}

static void past_the_caches(void)
{
	struct range run = {BASE >> FH_PAGE_SHIFT, (BASE >> FH_PAGE_SHIFT) + 1};
	unsigned char *a, *b;

	T_NEED(start(64, 0, 0));
	memset(cpu, 1, 8192);
	clean(0, 64);
	dev_fill(0, 2, 64); /* unseen: line 0 is clean; the others are dirty */
	a = p->vmap(p->ctx, &run, 1, PLAT_VMAP_UNCACHED);
	b = p->vmap(p->ctx, &run, 1, PLAT_VMAP_UNCACHED);
	T_NEED(a && b && a != b);
	T_OK(a[0] == 2 && a[64] == 1 && cpu_sees(0, 2, 64), "lines have left");
	T_OK(dev_sees(64, 1, 4096 - 64), "dirty ones to RAM");
	T_OK(dev_sees(4096, 0, 4096), "only these pages");
	for (unsigned int round = 0; round < 2; round++) {
		a[5] = (unsigned char)(10 + round);
		T_OK(dev_sees(5, (unsigned char)(10 + round), 1), "one view");
		dev_fill(6, (unsigned char)(20 + round), 1);
		T_OK(a[6] == 20 + round && b[6] == a[6], "of the same bytes");
		if (!round)
			p->vunmap(p->ctx, b, 1);
		b = a;
	}
	p->vunmap(p->ctx, a, 1);
	cpu[5] = 99;
	T_OK(dev_sees(5, 11, 1) && dev_sees(6, 21, 1), "cached again");
	hosted_destroy(h);
}

static void without_caches(void)
{
	unsigned char byte = 3;

	T_NEED(start(0, 0, 0));
	T_OK(!p->cache_clean && !p->cache_inval && !p->cache_line, "no hooks");
	cpu[9] = 4;
	T_OK(dev_sees(9, 4, 1), "coherent");
	dev_fill(9, 5, 1);
	T_EQ(cpu[9], 5);
	T_EQ(hosted_bus_write_snoop(h, (phys_t){BASE + SIZE}, &byte, 1), -FH_EFAULT);
	hosted_destroy(h);
}

static void not_ram(void)
{
	unsigned char buf[16] = {0};

	T_NEED(start(64, 0, 0));
	T_EQ(hosted_bus_read(h, (phys_t){BASE - 1}, buf, 2), -FH_EFAULT);
	T_EQ(hosted_bus_read(h, (phys_t){BASE + SIZE - 8}, buf, 9), -FH_EFAULT);
	T_EQ(hosted_bus_write(h, (phys_t){BASE + SIZE - 8}, "123456789", 9), -FH_EFAULT);
	T_OK(dev_sees(SIZE - 8, 0, 8), "nothing of it was written");
	T_EQ(hosted_bus_read(h, (phys_t){BASE}, buf, UINT64_MAX), -FH_EFAULT);
	T_EQ(hosted_bus_read(h, (phys_t){UINT64_MAX}, buf, 1), -FH_EFAULT);
	T_EQ(hosted_bus_read(h, (phys_t){0}, buf, 0), 0);
	hosted_destroy(h);
}

static void bad_options(void)
{
	static const struct {
		unsigned int line;
		uint64_t size;
		const char *why;
	} bad[] = {
		{8, 0, "cache lines of 8 bytes, expected a power of two from 16 to 256"},
		{48, 0, "cache lines of 48 bytes, expected a power of two from 16 to 256"},
		{512, 0, "cache lines of 512 bytes, expected a power of two from 16 to 256"},
		{64, 63, "a cache of 63 bytes, expected a multiple of its line, 64"},
		{64, 100, "a cache of 100 bytes, expected a multiple of its line, 64"},
	};

	for (unsigned int i = 0; i < 5; i++) {
		struct hosted_opts opts = {.banks = &bank,
					   .nr_banks = 1,
					   .cache_line = bad[i].line,
					   .cache_size = bad[i].size};
		struct hosted_why why = {""};

		T_EQ(hosted_create(&opts, &h, &why), -FH_EINVAL);
		T_STR(why.text, bad[i].why);
	}
}

const struct t_case t_cases[] = {T(model_without_limit),
				 T(model_with_room),
				 T(model_of_the_test_platform),
				 T(rules_kept),
				 T(what_was_never_cleaned),
				 T(what_a_device_wrote),
				 T(a_line_that_is_shared),
				 T(a_dirty_line_leaves),
				 T(a_clean_line_leaves),
				 T(lines_leave_by_lot),
				 T(past_the_caches),
				 T(without_caches),
				 T(not_ram),
				 T(bad_options),
				 T_END};
