/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Instructions of a machine with many shared buffers: what one costs more when there are a hundred thousand. `scripts/instr -b buffers` runs this under
 * callgrind and makes the table. Memory has no bytes: what is counted is the core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>
#include <freehold/cma.h>
#include <freehold/heap.h>
#include <freehold/hosted.h>
#include <freehold/mem.h>

#define BASE	UINT64_C(0x100000000) /* one zone: Normal */
#define GIB	(UINT64_C(1) << 30)
#define FEW	2500
#define MANY	20000
#define LOTS	100000
#define REPEAT	500
#define HOLDERS 200
#define SHARERS 1000 /* of one buffer */

static struct hosted *hosted;
static struct fh_machine *m;
static struct dma_heap *heap;
static struct dma_buf *buf[LOTS];
static struct dma_holder *holder[SHARERS];
static unsigned int nr;
static uint64_t seed;
static char text[16 << 20];

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "buffers: %s\n", what);
	exit(1);
}

static uint64_t any(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

/* ---- counting ---- */

#define COUNTED(operation)                                                                         \
	do {                                                                                       \
		CALLGRIND_TOGGLE_COLLECT;                                                          \
		operation;                                                                         \
		CALLGRIND_TOGGLE_COLLECT;                                                          \
	} while (0)

static void begin(void)
{
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_ZERO_STATS;
}

static void end(const char *kind, unsigned int of, const char *what, uint64_t times)
{
	char line[128];

	snprintf(line, sizeof(line), "buf.%s.%u.%s %llu", kind, of, what,
		 (unsigned long long)times);
	CALLGRIND_DUMP_STATS_AT(line);
	CALLGRIND_STOP_INSTRUMENTATION;
}

/* ---- machines ---- */

/* An area of `frames`, rounded up to what an area must be. */
static void start(uint64_t frames)
{
	struct boot_config *cfg = calloc(1, sizeof(*cfg));
	struct plat plat = *hosted_plat(hosted);
	uint64_t size = (frames * FH_PAGE_SIZE + (4 << 20) - 1) & ~(uint64_t)((4 << 20) - 1);

	need(cfg, "no memory");
	boot_config_init(cfg);
	cfg->bank[0] = (struct boot_bank){BASE, GIB};
	cfg->nr_banks = 1;
	cfg->nr_cpus = 2;
	cfg->region[0] = (struct boot_region){.name = "area",
					      .base = BASE + GIB - size,
					      .size = size,
					      .kind = BOOT_REGION_CMA,
					      .flags = BOOT_REGION_CMA_DEFAULT};
	cfg->nr_regions = 1;
	plat.ram = NULL;
	plat.share = NULL;
	need(!fh_machine_create(&plat, cfg, &m), "a machine");
	free(cfg);
	hosted_cpu_set(0);
	nr = 0;
	seed = 42;
}

static void stop(void)
{
	fh_cpu_quiesce(m);
	hosted_cpu_set(~0u);
	fh_machine_destroy(m);
}

static void make_holders(unsigned int n)
{
	char name[16];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "client-%u", i);
		need(!dma_holder_create(m, name, i, &holder[i]), "a holder");
	}
}

/* The holder's hold is its only reference. */
static void make(unsigned int i)
{
	need(!dma_heap_alloc(heap, FH_PAGE_SIZE, holder[i % HOLDERS], &buf[i]), "a buffer");
}

static void drop(unsigned int i)
{
	need(!dma_holder_drop(holder[i % HOLDERS], buf[i]), "its holder");
}

static void make_many(unsigned int upto)
{
	for (; nr < upto; nr++) {
		make(nr);
		dma_buf_put(buf[nr]);
	}
}

/* ---- what is measured ---- */

static void find(uint64_t ino)
{
	struct dma_buf *b = NULL;
	int err;

	COUNTED(err = dma_buf_find(m, ino, &b));
	need(!err, "a buffer's number");
	dma_buf_put(b);
}

static void finds(const char *kind)
{
	unsigned int n = nr;

	begin();
	for (unsigned int i = 0; i < REPEAT; i++)
		find(buf[any(n)]->ino);
	end(kind, n, "find", REPEAT);
}

static void check(const char *kind, unsigned int n)
{
	unsigned int broken;

	begin();
	COUNTED(broken = fh_check(m, text, sizeof(text)));
	end(kind, n, "fh_check", 1);
	need(!broken, text);
}

static void read_out(const char *kind, const char *path, const char *what)
{
	size_t len;
	int err;

	begin();
	COUNTED(err = fh_view_read(m, path, text, sizeof(text), &len));
	need(!err && len < sizeof(text), path);
	end(kind, nr, what, 1);
}

static void read_outs(const char *kind)
{
	read_out(kind, "sys/kernel/debug/dma_buf/bufinfo", "bufinfo");
	read_out(kind, "sys/kernel/debug/freehold/buffers", "buffers");
	read_out(kind, "sys/kernel/debug/freehold/holders", "holders");
}

/* The last of n, and then of n random ones. */
static void life(const char *kind, unsigned int n)
{
	unsigned int all = n;

	make_many(n - REPEAT);
	begin();
	for (; nr < all; nr++) {
		COUNTED(make(nr));
		dma_buf_put(buf[nr]);
	}
	end(kind, n, "alloc", REPEAT);
	finds(kind);
	check(kind, n);
	read_outs(kind);
	begin();
	for (unsigned int i = 0; i < REPEAT; i++) {
		unsigned int at = (unsigned int)any(nr / HOLDERS) * HOLDERS + (nr - 1) % HOLDERS;

		at = at < nr ? at
			     : nr - 1; /* of the same holder as the last: its place is taken by that one */
		COUNTED(drop(at));
		buf[at] = buf[--nr];
	}
	end(kind, n, "free", REPEAT);
}

static void of_heap(const char *name, const char *kind, unsigned int n)
{
	start(kind[0] == 'a' ? 2 * (uint64_t)n : 4096);
	heap = dma_heap_find(m, name);
	make_holders(HOLDERS);
	life(kind, n);
	stop();
}

/* An area full of buffers, but for single frames here and there: nobody can have two together unless one is moved, and nobody 16. */
static void full(unsigned int n)
{
	struct cma *cma;
	pfn_t pfn;
	int err;

	start(n);
	cma = cma_default(m);
	heap = dma_heap_find(m, cma_get_name(cma));
	make_holders(HOLDERS);
	make_many(n);
	while (!cma_alloc(cma, 1, 0, CMA_NO_WARN, &pfn))
		;
	for (unsigned int i = 0; i < n; i += 100)
		drop(i);
	begin();
	COUNTED(err = cma_alloc(cma, 16, 4, CMA_NO_WARN, &pfn));
	end("full", n, "refused.16", 1);
	need(err, "no room");
	begin();
	COUNTED(err = cma_alloc(cma, 2, 0, CMA_NO_WARN, &pfn));
	end("full", n, "moved.2", 1);
	need(!err, "one moves");
	begin();
	for (unsigned int i = 1; i < 1 + 100 * 100; i += 100)
		if (i < n)
			COUNTED(drop(i));
	end("full", n, "free", n / 100 < 100 ? n / 100 : 100);
	stop();
}

static void shared(unsigned int n)
{
	struct dma_buf *b;

	start(4096);
	make_holders(n);
	need(!dma_heap_alloc(dma_heap_find(m, "system"), FH_PAGE_SIZE, NULL, &b), "a buffer");
	begin();
	for (unsigned int i = 0; i < n; i++)
		COUNTED(need(!dma_holder_add(holder[i], b), "a hold"));
	end("shared", n, "add", n);
	for (unsigned int i = n; i > 1; i--) {
		unsigned int at = (unsigned int)any(i);
		struct dma_holder *h = holder[at];

		holder[at] = holder[i - 1];
		holder[i - 1] = h;
	}
	begin();
	for (unsigned int i = 0; i < n; i++)
		COUNTED(need(!dma_holder_drop(holder[i], b), "a hold"));
	end("shared", n, "drop", n);
	read_out("holders", "sys/kernel/debug/freehold/holders", "read");
	begin();
	for (unsigned int i = 0; i < n; i++)
		COUNTED(dma_holder_destroy(holder[i]));
	end("shared", n, "destroy", n);
	dma_buf_put(b);
	stop();
}

/* One buffer that so many timelines use. */
static void fences(unsigned int n)
{
	struct dma_buf *b;

	start(4096);
	need(!dma_heap_alloc(dma_heap_find(m, "system"), FH_PAGE_SIZE, NULL, &b), "a buffer");
	need(!dma_resv_lock(b->resv, NULL) && !dma_resv_reserve_fences(b->resv, n), "room");
	for (unsigned int i = 0; i < n; i++) {
		struct dma_fence *f;

		need(!dma_fence_create(m, "bench", "users", dma_fence_context_alloc(m, 1), 1, &f),
		     "a fence");
		dma_resv_add_fence(b->resv, f, DMA_RESV_USAGE_READ);
		dma_fence_put(f);
	}
	dma_resv_unlock(b->resv);
	check("fences", n);
	dma_buf_put(b);
	stop();
}

static void nothing(void)
{
	start(4096);
	check("none", 0);
	stop();
}

int main(void)
{
	static const struct boot_bank banks[] = {{BASE, GIB}};
	struct hosted_opts opts = {.banks = banks, .nr_banks = 1};
	struct hosted_why why;

	if (!RUNNING_ON_VALGRIND) {
		puts("buffers: counts only under callgrind: run scripts/instr -b buffers");
		return 0;
	}
	need(!hosted_create(&opts, &hosted, &why), why.text);
	nothing();
	of_heap("system", "system", FEW);
	of_heap("system", "system", MANY);
	of_heap("system", "system", LOTS);
	of_heap("area", "area", FEW);
	of_heap("area", "area", MANY);
	of_heap("area", "area", LOTS);
	full(FEW);
	full(MANY);
	full(LOTS);
	shared(SHARERS / 10);
	shared(SHARERS);
	fences(100);
	fences(2000);
	hosted_destroy(hosted);
	return 0;
}
