/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every short sequence of operations, each on a machine of its own: five blocks and an area of one,
 * two CPUs, an anonymous object and a file of a page each. After each operation whoever has a frame
 * finds his bytes in it, nobody else has it, and the counters agree; in the end all is free and
 * fh_check() finds nothing. FH_SEQUENCE=theme:letters runs that one, FH_SEQUENCE_LENGTH=n is how much
 * longer than usual (0) they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB	(UINT64_C(1) << 20)
#define RAM_MIB 12
#define LONGEST 12

enum what { ALLOC, FREE, WRITE, READ, PIN, UNPIN, WRITEBACK, PUNCH, TAKE, GIVE, QUIESCE };
enum { ANON, CACHE, NR_OBJECTS };
enum { HERE = -1 }; /* on whichever CPU the last operation was */

/* `arg`: an order, which object, a count, or of a list the oldest (0) or the newest (1). */
static const struct op {
	char letter;
	enum what what;
	unsigned int arg;
	int cpu;
} ops[] = {
	{'a', ALLOC, 0, 0},
	{'A', ALLOC, 0, 1},
	{'b', ALLOC, 3, 0},
	{'B', ALLOC, 3, 1},
	{'c', ALLOC, 9, 0},
	{'C', ALLOC, 9, 1},
	{'f', FREE, 0, 0},
	{'F', FREE, 0, 1},
	{'g', FREE, 1, 0},
	{'G', FREE, 1, 1},
	{'w', WRITE, ANON, HERE},
	{'W', WRITE, CACHE, HERE},
	{'r', READ, ANON, HERE},
	{'R', READ, CACHE, HERE},
	{'p', PIN, ANON, HERE},
	{'P', PIN, CACHE, HERE},
	{'u', UNPIN, ANON, HERE},
	{'U', UNPIN, CACHE, HERE},
	{'S', WRITEBACK, CACHE, HERE},
	{'x', PUNCH, ANON, HERE},
	{'X', PUNCH, CACHE, HERE},
	{'t', TAKE, 512, 0},
	{'s', TAKE, 16, 1},
	{'v', GIVE, 0, 0},
	{'V', GIVE, 1, 1},
	{'q', QUIESCE, 0, 0},
	{'Q', QUIESCE, 0, 1},
};

/* What takes part together, and in sequences of which length. */
static const struct theme {
	const char *name, *letters;
	unsigned int length;
	enum cma_policy policy;
	bool caches;
} themes[] = {
	{"frames", "aAbBcCfFgGqQ", 5, CMA_POLICY_GUARANTEED, true},
	{"frames-uncached", "abcfg", 6, CMA_POLICY_GUARANTEED, false},
	{"tenants", "wWRpPuUSxXtv", 4, CMA_POLICY_GUARANTEED, true},
	{"tenants-pins", "WPUStv", 6, CMA_POLICY_GUARANTEED, true},
	{"tenants-movable", "WPUSXtv", 5, CMA_POLICY_MOVABLE, true},
	{"tenants-carveout", "wWPUStsv", 4, CMA_POLICY_CARVEOUT, true},
	{"devices", "tsvVWRaFq", 5, CMA_POLICY_GUARANTEED, true},
	{"all", "aABbcCfFwWrRpPuUSxXtsvVqQ", 3, CMA_POLICY_GUARANTEED, true},
};

/* ---- what the generator knows: enough to leave out what cannot be done ---- */

struct plan {
	char letter[LONGEST + 1];
	unsigned int n, runs, nines, buffers, pins[NR_OBJECTS];
};

static bool can(const struct plan *p, const struct op *op)
{
	switch (op->what) {
	case ALLOC: /* one run of a block always has a place, two may have none */
		return op->arg < 9 || !p->nines;
	case FREE: /* of one run the oldest is the newest */
		return p->runs > op->arg;
	case UNPIN:
		return p->pins[op->arg];
	case PUNCH:
		return !p->pins[op->arg];
	case GIVE:
		return p->buffers > op->arg;
	case TAKE:
		return p->buffers < 2;
	case QUIESCE: /* there is something to give back */
		return p->n && p->letter[p->n - 1] != op->letter;
	default:
		return true;
	}
}

/* ---- a sequence at work ---- */

struct held {
	pfn_t pfn;
	uint64_t nr;
	unsigned int order;
	uint32_t stamp;
};

struct list {
	struct held at[LONGEST];
	unsigned int n;
};

struct page {
	struct fh_object *o;
	uint32_t word, disk;
	unsigned int pins;
	pfn_t pinned_at;
	bool dirty;
};

static struct testplat tp;
static struct fh_machine *m;
static struct cma *area;
static struct list runs, buffers;
static struct page page[NR_OBJECTS];
static uint32_t stamp;
static enum cma_policy policy;
static const char *wrong;
static const char *running, *theme_name; /* what is at work, for who must stop */

static bool must(bool ok, const char *what)
{
	if (!ok && !wrong)
		wrong = what;
	return ok;
}

static int file_read(void *priv, uint64_t index, void *to)
{
	struct page *p = priv;

	(void)index;
	memset(to, 0, FH_PAGE_SIZE);
	memcpy((char *)to + 4092, &p->disk, 4);
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *from)
{
	struct page *p = priv;

	(void)index;
	memcpy(&p->disk, (const char *)from + 4092, 4);
	return 0;
}

static const struct fh_object_ops file_ops = {file_read, file_write};

/* The first and the last frame of what is held carry its stamp. */
static void put(struct list *l, pfn_t pfn, uint64_t nr, unsigned int order)
{
	struct held *h = &l->at[l->n++];

	*h = (struct held){pfn, nr, order, ++stamp};
	memcpy(fh_page_address(m, pfn), &h->stamp, 4);
	memcpy(fh_page_address(m, pfn + nr - 1), &h->stamp, 4);
}

static struct held take_out(struct list *l, unsigned int newest)
{
	unsigned int i = newest ? l->n - 1 : 0;
	struct held h = l->at[i];

	l->n--;
	memmove(&l->at[i], &l->at[i + 1], (l->n - i) * sizeof(h));
	return h;
}

/* Whether a page that cannot be moved lies in the area. */
static bool stuck(void)
{
	pfn_t pfn;

	for (unsigned int i = 0; i < NR_OBJECTS; i++)
		if (page[i].pins && !fh_object_where(page[i].o, 0, &pfn) &&
		    machine_area(m, machine_block(m, pfn)))
			return true;
	return false;
}

static void take(unsigned long count)
{
	int want = 0, err;
	uint64_t used = 0;
	pfn_t pfn = 0;

	for (unsigned int i = 0; i < buffers.n; i++)
		used += buffers.at[i].nr;
	if (used + count > 512)
		want = -FH_ENOMEM; /* two small ones fit wherever they lie */
	else if (count == 512 && stuck())
		want = -FH_EBUSY;
	must(want != -FH_EBUSY || policy == CMA_POLICY_MOVABLE,
	     "nothing is stuck in a guaranteed area");
	err = cma_alloc(area, count, 0, CMA_NO_WARN, &pfn);
	if (must(err == want, "an area is refused exactly when it must be") && !err)
		put(&buffers, pfn, count, 0);
}

static void alloc(unsigned int order)
{
	pfn_t pfn;

	if (must(!fh_alloc_pages(m, GFP_KERNEL, order, &pfn), "a run can be had"))
		put(&runs, pfn, UINT64_C(1) << order, order);
}

static void write_page(struct page *p)
{
	uint32_t v = ++stamp;

	must(!fh_object_write(p->o, 0, 4092, &v, 4), "a page can be written");
	p->word = v;
	p->dirty = p == &page[CACHE];
}

static void read_page(struct page *p)
{
	uint32_t v = ~p->word;

	must(!fh_object_read(p->o, 0, 4092, &v, 4) && v == p->word,
	     "a read sees what was written last");
}

static void pin(struct page *p)
{
	pfn_t pfn;

	if (!must(!fh_object_pin(p->o, 0, &pfn), "a page can be pinned"))
		return;
	must(!p->pins || pfn == p->pinned_at, "pins nest");
	p->pinned_at = pfn;
	p->pins++;
}

static void punch(struct page *p)
{
	pfn_t pfn;
	bool there = !fh_object_where(p->o, 0, &pfn);

	must(fh_object_punch(p->o, 0, 1) == there, "punch frees what is there");
	p->word = p->disk;
	p->dirty = false;
}

static void perform(const struct op *op)
{
	struct held h;

	if (op->cpu != HERE)
		testplat_cpu((unsigned int)op->cpu);
	switch (op->what) {
	case ALLOC:
		alloc(op->arg);
		break;
	case FREE:
		h = take_out(&runs, op->arg);
		must(!fh_free_pages(m, h.pfn, h.order), "a run can be given back");
		break;
	case WRITE:
		write_page(&page[op->arg]);
		break;
	case READ:
		read_page(&page[op->arg]);
		break;
	case PIN:
		pin(&page[op->arg]);
		break;
	case UNPIN:
		must(!fh_object_unpin(page[op->arg].o, 0), "the pinned can be unpinned");
		page[op->arg].pins--;
		break;
	case WRITEBACK:
		must(!fh_object_writeback(page[op->arg].o, 0), "a page can be written back");
		must(page[op->arg].disk == page[op->arg].word, "what was dirty is on disk");
		page[op->arg].dirty = false;
		break;
	case PUNCH:
		punch(&page[op->arg]);
		break;
	case TAKE:
		take(op->arg);
		break;
	case GIVE:
		if (buffers.n > op->arg) { /* one may have been refused */
			h = take_out(&buffers, op->arg);
			must(cma_release(area, h.pfn, (unsigned long)h.nr),
			     "a buffer can be given back");
		}
		break;
	case QUIESCE:
		fh_cpu_quiesce(m);
		break;
	}
}

/* ---- what must hold after each ---- */

static bool intact(const struct held *h)
{
	return !memcmp(fh_page_address(m, h->pfn), &h->stamp, 4) &&
	       !memcmp(fh_page_address(m, h->pfn + h->nr - 1), &h->stamp, 4);
}

static void check(void)
{
	struct fh_mem_info info;
	struct list all = runs;
	uint64_t device = 0, there[NR_OBJECTS], held = 0, used = 0;

	for (unsigned int i = 0; i < buffers.n; i++) {
		device += buffers.at[i].nr;
		all.at[all.n++] = buffers.at[i];
	}
	for (unsigned int i = 0; i < all.n; i++) {
		must(intact(&all.at[i]), "bytes of whoever owns a frame stay");
		used += all.at[i].nr;
	}
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		struct held h = {.nr = 1};
		uint32_t v;

		there[i] = !fh_object_where(page[i].o, 0, &h.pfn);
		must(there[i] || (!page[i].pins && !page[i].dirty), "a page that is used is there");
		must(!page[i].pins || h.pfn == page[i].pinned_at,
		     "a pinned page stays where it is");
		held += !!page[i].pins;
		used += there[i];
		if (!there[i])
			continue;
		memcpy(&v, (char *)fh_page_address(m, h.pfn) + 4092, 4);
		must(v == page[i].word, "a page's frame has its bytes");
		all.at[all.n++] = h;
	}
	for (unsigned int i = 0; i < all.n; i++)
		for (unsigned int k = 0; k < i; k++)
			must(all.at[i].pfn >= all.at[k].pfn + all.at[k].nr ||
				     all.at[k].pfn >= all.at[i].pfn + all.at[i].nr,
			     "a frame has one owner");
	fh_mem_info(m, &info);
	must(info.cma_device == device, "cma_device");
	must(info.anon == there[ANON] && info.file == there[CACHE], "anon and file pages");
	must(info.held == held, "held pages");
	must(info.droppable == (there[CACHE] && !page[CACHE].dirty && !page[CACHE].pins),
	     "droppable pages");
	must(info.free + used <= info.total, "no frame is both free and somebody's");
}

__attribute__((noreturn)) static void on_stop(void *ctx, const char *why)
{
	(void)ctx;
	printf("# stopped: %s; FH_SEQUENCE=%s:%s shows it again\n", why, theme_name, running);
	fflush(stdout);
	abort();
}

static void birth(const struct theme *t)
{
	static unsigned char ram[RAM_MIB * MIB] __attribute__((aligned(4096)));

	testplat_init(&tp);
	tp.ram[tp.nr_ram++] = (struct tp_ram){ram, TP_BASE, sizeof(ram)};
	tp.no_cpu_caches = !t->caches;
	tp.plat.stop = on_stop;
	testplat_cpu(0);
	m = testplat_machine(&tp, RAM_MIB, 2, t->policy, 2);
	area = cma_find(m, "area");
	runs.n = buffers.n = 0;
	memset(page, 0, sizeof(page));
	page[CACHE].disk = page[CACHE].word = 7;
	stamp = 1000;
	policy = t->policy;
	wrong = NULL;
	must(!fh_object_create(m, 1, NULL, NULL, &page[ANON].o) &&
		     !fh_object_create(m, 1, &file_ops, &page[CACHE], &page[CACHE].o),
	     "objects can be made");
}

static void end(void)
{
	static char why[200];
	struct fh_mem_info info;

	if (must(!fh_check(m, why, sizeof(why)), why)) {
		while (runs.n) {
			struct held h = take_out(&runs, 0);

			must(!fh_free_pages(m, h.pfn, h.order), "a run can be given back");
		}
		while (buffers.n) {
			struct held h = take_out(&buffers, 0);

			must(cma_release(area, h.pfn, (unsigned long)h.nr),
			     "a buffer can be given back");
		}
		for (unsigned int i = 0; i < NR_OBJECTS; i++) {
			for (; page[i].pins; page[i].pins--)
				must(!fh_object_unpin(page[i].o, 0), "the pinned can be unpinned");
			read_page(&page[i]);
			fh_object_destroy(page[i].o);
		}
		testplat_quiesce(m);
		fh_mem_info(m, &info);
		must(info.free == info.total && info.cma_free == info.cma_total,
		     "all is free in the end");
		must(!fh_check(m, why, sizeof(why)), why);
	}
	fh_machine_destroy(m);
	must(!atomic_load(&tp.live), "a machine gives all its memory back");
	tp.nr_ram = 0;
}

static const struct op *op_of(char letter)
{
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].letter == letter)
			return &ops[i];
	return NULL;
}

static bool run(const struct theme *t, const char *letters)
{
	const char *at = letters;

	running = letters;
	theme_name = t->name;
	birth(t);
	for (; *at && !wrong && op_of(*at); at++) {
		perform(op_of(*at));
		if (!wrong)
			check();
	}
	if (!wrong)
		end();
	if (!wrong)
		return true;
	printf("# %s, at operation %d; FH_SEQUENCE=%s:%s shows it again\n", wrong,
	       (int)(at - letters), t->name, letters);
	return false;
}

/* ---- all of them ---- */

static uint64_t nr_run;

static bool all(const struct theme *t, const struct plan *p, unsigned int length)
{
	if (p->n == length) {
		nr_run++;
		return run(t, p->letter);
	}
	for (const char *c = t->letters; *c; c++) {
		const struct op *op = op_of(*c);
		struct plan q = *p;

		/* Which CPU is which makes no difference: the first is CPU 0. */
		if (!can(p, op) || (!p->n && op->cpu == 1))
			continue;
		q.letter[q.n++] = *c;
		q.runs += op->what == ALLOC;
		q.runs -= op->what == FREE;
		/* Which order is given back is not followed: one such run a sequence. */
		q.nines += op->what == ALLOC && op->arg == 9;
		q.buffers += op->what == TAKE;
		q.buffers -= op->what == GIVE;
		if (op->what == PIN)
			q.pins[op->arg]++;
		if (op->what == UNPIN)
			q.pins[op->arg]--;
		if (!all(t, &q, length))
			return false;
	}
	return true;
}

static void sequences(void)
{
	const char *one = getenv("FH_SEQUENCE"), *longer = getenv("FH_SEQUENCE_LENGTH");
	unsigned int more = longer ? (unsigned int)strtoul(longer, NULL, 10) : 0;

	for (unsigned int i = 0; i < sizeof(themes) / sizeof(themes[0]); i++) {
		const struct theme *t = &themes[i];
		size_t len = strlen(t->name);
		unsigned int length = t->length + more < LONGEST ? t->length + more : LONGEST;
		struct plan p = {.n = 0};

		if (one) {
			if (!strncmp(one, t->name, len) && one[len] == ':')
				T_OK(run(t, one + len + 1), t->name);
			continue;
		}
		nr_run = 0;
		T_OK(all(t, &p, length), t->name);
		T_OK(nr_run > 0, "there are sequences");
		printf("# %s: %llu sequences of %u operations\n", t->name,
		       (unsigned long long)nr_run, length);
	}
}

const struct t_case t_cases[] = {T(sequences), T_END};
