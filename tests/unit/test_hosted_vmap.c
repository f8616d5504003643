/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Addresses for runs of frames on the hosted platform, what the host refuses, and names of code addresses. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <freehold/hosted.h>
#include "state.h"
#include "t.h"
#include "testplat.h"

#define MIB UINT64_C(0x100000)

static const struct boot_bank banks[] = {{.base = 0x40000000, .size = MIB},
					 {.base = 0x80000000, .size = MIB}};
static struct hosted *h;
static const struct plat *p;

static bool start(unsigned int line)
{
	struct hosted_opts opts = {.banks = banks, .nr_banks = 2, .cache_line = line};
	struct hosted_why why = {""};

	if (!T_OK(!hosted_create(&opts, &h, &why), why.text))
		return false;
	p = hosted_plat(h);
	return true;
}

static unsigned char *ram(pfn_t pfn)
{
	return p->ram(p->ctx, fh_pfn_to_phys(pfn), FH_PAGE_SIZE);
}

/* How many mappings of RAM the process has; *empty: and of three pages that nothing can access, as are reserved here. */
static unsigned int mappings(unsigned int *empty)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	unsigned long from, to;
	char line[512];

	*empty = 0;
	while (f && fgets(line, sizeof(line), f)) {
		n += strstr(line, "freehold-ram") != NULL;
		if (sscanf(line, "%lx-%lx ---p", &from, &to) == 2 &&
		    to - from == 3 * FH_PAGE_SIZE && strstr(line, "---p"))
			++*empty;
	}
	if (f)
		fclose(f);
	return n;
}

static void runs_in_one_piece(void)
{
	const struct range run[] = {{0x80003, 0x80005}, {0x40010, 0x40011}, {0x80000, 0x80003}};
	static const pfn_t order[] = {0x80003, 0x80004, 0x40010, 0x80000, 0x80001, 0x80002};
	unsigned int before, after, all;
	unsigned char *v;

	T_NEED(start(0));
	before = mappings(&all);
	v = p->vmap(p->ctx, run, 3, 0);
	T_NEED(v);
	for (unsigned int i = 0; i < 6; i++) {
		v[i * FH_PAGE_SIZE] = (unsigned char)(i + 1);
		ram(order[i])[FH_PAGE_SIZE - 1] = (unsigned char)(i + 11);
	}
	for (unsigned int i = 0; i < 6; i++) {
		T_EQ(ram(order[i])[0], i + 1);
		T_EQ(v[i * FH_PAGE_SIZE + FH_PAGE_SIZE - 1], i + 11);
	}
	p->vunmap(p->ctx, v, 6);
	after = mappings(&all);
	T_EQ(after, before);
	hosted_destroy(h);
}

static void what_is_no_ram(void)
{
	const struct range run[][2] = {
		{{0x40000, 0x40001}, {0x3ffff, 0x40001}},
		{{0x40000, 0x40001}, {0x400ff, 0x40101}},
		{{0x40000, 0x40000}, {0x40001, 0x40002}},
		{{0x40001, 0x40000}, {0x40001, 0x40002}},
		{{0x40000, 0x40001}, {0x90000, 0x90000 + 1}},
	};
	unsigned int all, before, now_all, now;

	T_NEED(start(64));
	before = mappings(&all);
	for (unsigned int i = 0; i < 5; i++)
		T_OK(!p->vmap(p->ctx, run[i], 2, PLAT_VMAP_UNCACHED), "refused");
	T_OK(!p->vmap(p->ctx, run[0], 0, 0), "no runs");
	now = mappings(&now_all);
	T_EQ(now, before);
	T_EQ(now_all, all);
	hosted_destroy(h);
}

/* Whether a device still sees what is in RAM, not what the CPU has in its cache: nothing counts these pages as mapped. */
static void still_cached(pfn_t pfn)
{
	unsigned char byte = 1;

	*ram(pfn) = 77;
	T_EQ(hosted_bus_read(h, fh_pfn_to_phys(pfn), &byte, 1), 0);
	T_EQ(byte, 0);
}

static void the_host_refuses(void)
{
	const struct range run[] = {{0x40000, 0x40002}, {0x80000, 0x80001}};
	struct rlimit old, none = {0, 0};
	unsigned int all, before, now_all, now;
	uint64_t file_page;
	void *v;
	int fd;

	T_NEED(start(64));
	fd = h->ram_fd;
	file_page = h->bank[1].file_page;
	before = mappings(&all);
	/* No addresses at all. */
	T_NEED(!getrlimit(RLIMIT_AS, &old));
	none.rlim_max = old.rlim_max;
	T_NEED(!setrlimit(RLIMIT_AS, &none));
	v = p->vmap(p->ctx, run, 2, PLAT_VMAP_UNCACHED);
	T_NEED(!setrlimit(RLIMIT_AS, &old));
	T_OK(!v, "no addresses");
	/* The first run. */
	h->ram_fd = -1;
	T_OK(!p->vmap(p->ctx, run, 2, PLAT_VMAP_UNCACHED), "the first run is refused");
	h->ram_fd = fd;
	/* The second, when the first is there already: an offset that no file has. */
	h->bank[1].file_page = UINT64_C(1) << 51;
	T_OK(!p->vmap(p->ctx, run, 2, PLAT_VMAP_UNCACHED), "the second run is refused");
	h->bank[1].file_page = file_page;
	now = mappings(&now_all);
	T_EQ(now, before);
	T_EQ(now_all, all);
	T_OK(!h->vmaps, "nothing is kept of them");
	still_cached(0x40000);
	still_cached(0x80000);
	v = p->vmap(p->ctx, run, 2, PLAT_VMAP_UNCACHED);
	T_NEED(v);
	p->vunmap(p->ctx, v, 3);
	hosted_destroy(h);
}

static void wrong_size(void *arg)
{
	p->vunmap(p->ctx, arg, 2);
}

static void twice(void *arg)
{
	p->vunmap(p->ctx, arg, 1);
	p->vunmap(p->ctx, arg, 1);
}

static void broken_contract(void)
{
	const struct range run = {0x40000, 0x40001};
	void *v;

	T_NEED(start(0));
	v = p->vmap(p->ctx, &run, 1, 0);
	T_NEED(v);
	T_OK(testplat_dies(wrong_size, v), "another number of pages");
	T_OK(testplat_dies(twice, v), "twice");
	hosted_destroy(h); /* what is left goes with it */
}

__attribute__((noinline)) static const void *here(void)
{
	return __builtin_return_address(0);
}

static void symbols(void)
{
	char name[128] = "", want[128], tiny[5] = "";
	const void *site;
	int line;

	T_NEED(start(0));
	line = __LINE__ + 1;
	site = here();
	T_OK(p->symbol(p->ctx, site, name, sizeof(name)), "known");
#ifdef FH_HAVE_LIBDW
	snprintf(want, sizeof(want), "symbols test_hosted_vmap.c:%d", line);
	T_STR(name, want);
	T_OK(p->symbol(p->ctx, (const void *)(uintptr_t)here, name, sizeof(name)), "known");
	T_OK(!strncmp(name, "here test_hosted_vmap.c:", 24), name);
#else
	snprintf(want, sizeof(want), "test_hosted_vmap+0x");
	(void)line;
	T_OK(!strncmp(name, want, strlen(want)), name);
#endif
	T_OK(p->symbol(p->ctx, site, tiny, sizeof(tiny)) && strlen(tiny) == 4, "cut, and ended");
	T_OK(!p->symbol(p->ctx, (const void *)16, name, sizeof(name)), "nobody's");
	hosted_destroy(h);
}

/* The test platform's, each call of it failing once. */
static void of_the_test_platform(void)
{
	const struct range run[] = {{0x40003, 0x40005}, {0x40001, 0x40002}};
	static struct testplat tp;
	unsigned char *cpu, *v;

	testplat_init(&tp);
	testplat_caches(&tp, 64);
	cpu = tp.plat.ram(&tp, (phys_t){0x40000000}, MIB);
	T_NEED(cpu);
	for (unsigned int i = 0; i < 3; i++) {
		unsigned char byte = 1;

		atomic_store(&tp.fail_nth, 1);
		T_OK(!tp.plat.vmap(&tp, run, 2, PLAT_VMAP_UNCACHED), "refused");
		v = tp.plat.vmap(&tp, run, 2, PLAT_VMAP_UNCACHED);
		T_NEED(v);
		v[0] = 5;
		v[2 * FH_PAGE_SIZE] = 6;
		T_OK(cpu[3 * FH_PAGE_SIZE] == 5 && cpu[FH_PAGE_SIZE] == 6, "one behind the other");
		testplat_bus_read(&tp, (phys_t){0x40001000}, &byte, 1, false);
		T_EQ(byte, 6);
		tp.plat.vunmap(&tp, v, 3);
	}
	testplat_fini(&tp);
}

const struct t_case t_cases[] = {T(runs_in_one_piece),
				 T(what_is_no_ram),
				 T(the_host_refuses),
				 T(broken_contract),
				 T(symbols),
				 T(of_the_test_platform),
				 T_END};
