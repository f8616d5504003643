/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/owner: who allocated a frame is known until it is free, and goes along with a page that moves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/dma.h>
#include <freehold/dmabuf.h>
#include <freehold/heap.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/owner.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static char text[4 << 20];

static bool start(void)
{
	struct boot_config *cfg = testplat_config(32, 8, CMA_POLICY_MOVABLE, 2, TP_ONE_ZONE);

	testplat_init(&tp);
	testplat_cpu(0);
	cfg->page_owner = true;
	m = testplat_machine_of(&tp, cfg);
	return m;
}

static const char *shown(void)
{
	size_t len = 0;

	text[0] = '\0';
	T_EQ(fh_view_read(m, "sys/kernel/debug/page_owner", text, sizeof(text), &len), 0);
	return text;
}

/* The line about a frame, or "". */
static const char *line_of(pfn_t pfn)
{
	static char line[256];
	char what[32], *at;
	size_t n;

	snprintf(what, sizeof(what), "\nPFN 0x%llx ", (unsigned long long)pfn);
	at = strstr(shown(), what);
	if (!at)
		return "";
	*at = '\0';
	at = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	n = strlen(at) < sizeof(line) ? strlen(at) : sizeof(line) - 1;
	memcpy(line, at, n);
	line[n] = '\0';
	return line;
}

static bool begins(pfn_t pfn, const char *with)
{
	const char *line = line_of(pfn);

	return T_OK(!strncmp(line, with, strlen(with)), line);
}

static void allocated(void)
{
	pfn_t a, b;

	if (!T_OK(start(), "made"))
		return;
	testplat_cpu(1);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 2, &a), 0);
	T_EQ(fh_alloc_pages(m, GFP_ATOMIC | __GFP_ZERO, 0, &b), 0);
	begins(a, "Page allocated via order 2, mask 0xcc0(GFP_KERNEL), pid 0, tgid 0 (cpu1), ts ");
	begins(b, "Page allocated via order 0, mask 0x920(GFP_ATOMIC|__GFP_ZERO), pid 0, tgid 0 "
		  "(cpu1)");
	T_OK(!*line_of(a + 1), "the first stands for all");
	TP_CHECK(m);
	/* Freed in part: what is left are frames of their own. */
	T_EQ(fh_free_pages(m, a, 0), 0);
	T_OK(!*line_of(a), "free");
	begins(a + 1, "Page allocated via order 0, mask 0xcc0(GFP_KERNEL)");
	T_EQ(fh_free_pages(m, a, 0), -FH_EINVAL);
	T_EQ(fh_free_pages(m, a + 1, 0), 0);
	T_EQ(fh_free_pages(m, a + 2, 1), 0);
	T_EQ(fh_free_pages(m, b, 0), 0);
	T_OK(!*line_of(a + 2) && !*line_of(b), "free");
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, FH_MAX_ORDER, &a), 0);
	begins(a, "Page allocated via order 10");
	T_EQ(fh_free_pages(m, a, 9), 0);
	begins(a + 512, "Page allocated via order 9"); /* its half on its own */
	T_EQ(fh_free_pages(m, a + 512, 9), 0);
	testplat_end(&tp, m);
}

static void contiguous(void)
{
	struct cma *cma;
	pfn_t pfn;

	if (!T_OK(start(), "made"))
		return;
	cma = cma_default(m);
	T_EQ(cma_alloc(cma, 20, 0, CMA_NO_WARN, &pfn), 0);
	begins(pfn, "Page allocated via order 0, mask 0x2cc0(GFP_KERNEL|__GFP_NOWARN)");
	begins(pfn + 19, "Page allocated via order 0");
	T_OK(!*line_of(pfn + 20), "not in the buffer");
	T_OK(cma_release(cma, pfn, 20), "given back");
	T_OK(!*line_of(pfn) && !*line_of(pfn + 19), "free");
	testplat_end(&tp, m);
}

/* A page in the area that a device wants: its record goes along, and says why. */
static void moved(void)
{
	struct fh_object *o = NULL;
	struct owner before = {0}, after = {0};
	struct cma *cma;
	pfn_t pfn, was = 0, is = 0;
	uint64_t word = 7, nr = 7000;
	char who[32];

	if (!T_OK(start(), "made"))
		return;
	cma = cma_default(m);
	T_EQ(fh_object_create(m, nr, NULL, NULL, &o), 0);
	for (uint64_t i = 0; o && i < nr; i++) {
		if (!T_EQ(fh_object_write(o, i, 0, &word, 8), 0))
			break;
		if (object_slot(o, i, &was) && machine_area(m, machine_block(m, was))) {
			word = i;
			break;
		}
	}
	T_OK(machine_area(m, machine_block(m, was)), "a page is in the area");
	T_OK(owner_get(m, was, &before), "known");
	snprintf(who, sizeof(who), "(object %llu)", (unsigned long long)o->id);
	T_OK(strstr(line_of(was), who), line_of(was));
	fh_object_punch(o, 0, 64); /* somewhere to go */
	T_EQ(cma_alloc(cma, cma->count, 0, 0, &pfn), 0);
	T_OK(object_slot(o, word, &is) && is != was, "moved");
	T_OK(owner_get(m, is, &after), "known");
	T_EQ(after.ns, before.ns);
	T_EQ(after.moved, OWNER_FOR_RANGE);
	T_OK(strstr(shown(), "Page has been migrated, last migrate reason: contig_range\n\n"),
	     "says so");
	TP_CHECK(m);
	T_OK(cma_release(cma, pfn, cma->count), "given back");
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

/* Who freed a frame last is told to who frees it again. */
static void freed_twice(void)
{
	size_t len;
	pfn_t pfn;

	if (!T_OK(start(), "made"))
		return;
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 1, &pfn), 0);
	testplat_cpu(1);
	T_EQ(fh_free_pages(m, pfn, 1), 0);
	T_EQ(fh_free_pages(m, pfn, 0), -FH_EINVAL);
	T_EQ(fh_view_read(m, "dmesg", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "is free already: freed by CPU 1, ts ") &&
		     strstr(text, "; was allocated by CPU 0 (), ts "),
	     text);
	T_OK(strstr(text, " bytes of page_ext\n"), "and how much memory records take");
	testplat_cpu(0);
	testplat_end(&tp, m);
}

/* A driver's page that came as part of a run is on its own. */
static void drivers_page(void)
{
	static const struct movable_operations ops = {.isolate = NULL};
	pfn_t run;

	if (!T_OK(start(), "made"))
		return;
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 2, &run), 0);
	begins(run, "Page allocated via order 2, mask 0x100cca(GFP_HIGHUSER_MOVABLE)");
	T_EQ(fh_page_set_movable(m, run + 1, &ops, NULL), 0);
	begins(run, "Page allocated via order 0");
	begins(run + 1, "Page allocated via order 0");
	TP_CHECK(m);
	T_EQ(fh_page_clear_movable(m, run + 1), 0);
	T_EQ(fh_free_pages(m, run, 2), 0);
	testplat_end(&tp, m);
}

/* A device's frames, wherever they are of, and a heap's. */
static void named(void)
{
	struct device dev = {.name = "30a90000.camera-of-the-front"};
	struct dma_buf *buf = NULL;
	uint64_t bytes[] = {4096, 65536}; /* the buddy's, and the area's */
	dma_t handle[2];
	void *cpu[2];

	if (!T_OK(start(), "made"))
		return;
	dev.machine = m;
	for (unsigned int i = 0; i < 2; i++) {
		T_EQ(dma_alloc_coherent(&dev, bytes[i], GFP_KERNEL, &handle[i], &cpu[i]), 0);
		begins(handle[i].v >> FH_PAGE_SHIFT, "Page allocated via order 0, mask 0x");
		T_OK(strstr(line_of(handle[i].v >> FH_PAGE_SHIFT), "(30a90000.camera), ts "),
		     "cut at 15 characters");
	}
	T_EQ(dma_heap_alloc(dma_heap_find(m, "system"), 8192, NULL, &buf), 0);
	T_OK(strstr(shown(), "tgid 0 (system), ts "), "the heap's");
	TP_CHECK(m);
	dma_buf_put(buf);
	for (unsigned int i = 0; i < 2; i++)
		T_EQ(dma_free_coherent(&dev, bytes[i], cpu[i], handle[i]), 0);
	T_OK(!strstr(shown(), "camera") && !strstr(shown(), "(system)"), "free");
	testplat_end(&tp, m);
}

/* Blocks with a page of another kind than theirs; and what kernels before 6.7 say. */
static void mixed_and_older(void)
{
	struct cma *cma;
	pfn_t pfn, of;
	size_t len;

	if (!T_OK(start(), "made"))
		return;
	cma = cma_default(m);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	T_EQ(cma_alloc(cma, 1, 0, 0, &of), 0);
	T_EQ(fh_view_read(m, "proc/pagetypeinfo", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "\nNumber of mixed blocks    Unmovable      Movable  Reclaimable   "
			  "HighAtomic          CMA      Isolate \n"
			  "Node 0, zone      DMA            0            1            0            "
			  "0            0            0 \n"),
	     text);
	m->cfg.like = 6001;
	T_OK(strstr(line_of(pfn), " ns, free_ts 0 ns"), line_of(pfn));
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	T_OK(cma_release(cma, of, 1), "given back");
	testplat_end(&tp, m);
}

static void off(void)
{
	size_t len;

	m = testplat_start(&tp, 32, 8, CMA_POLICY_MOVABLE, 2);
	T_EQ(fh_view_read(m, "sys/kernel/debug/page_owner", NULL, 0, &len), -FH_ENOENT);
	T_OK(m->nr_caches == 2 && !m->owners, "costs nothing");
	testplat_end(&tp, m);
}

/* Memory for the records is what birth may not get. */
static void refused(void)
{
	for (int64_t nth = 1; nth < 64; nth++) {
		struct boot_config *cfg =
			testplat_config(32, 8, CMA_POLICY_MOVABLE, 2, TP_ONE_ZONE);
		int err;

		testplat_init(&tp);
		cfg->page_owner = true;
		atomic_store(&tp.fail_nth, nth);
		m = NULL;
		err = fh_machine_create(&tp.plat, cfg, &m);
		free(cfg);
		if (!err) {
			fh_machine_destroy(m);
			nth = 64;
		} else {
			T_EQ(err, -FH_ENOMEM);
			T_OK(!m, "nothing is made");
		}
		testplat_fini(&tp);
	}
}

const struct t_case t_cases[] = {T(allocated),	  T(contiguous), T(moved),	     T(freed_twice),
				 T(drivers_page), T(named),	 T(mixed_and_older), T(off),
				 T(refused),	  T_END};
