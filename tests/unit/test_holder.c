/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who holds buffers and who is charged: by hand, and at random against a model. */
#include <stdlib.h>
#include <string.h>
#include <freehold/heap.h>
#include "buf/dmabuf.h"
#include "t.h"
#include "testplat.h"

#define P FH_PAGE_SIZE

static struct testplat tp;
static struct fh_machine *m;
static struct dma_heap *sys;

static bool start(void)
{
	m = testplat_start(&tp, 32, 8, CMA_POLICY_GUARANTEED, 1);
	sys = dma_heap_find(m, "system");
	return sys;
}

static struct dma_holder *holder(const char *name)
{
	struct dma_holder *h = NULL;

	T_EQ(dma_holder_create(m, name, 1, &h), 0);
	return h;
}

/* By name; zeros: there is none. */
static struct dma_holder_info info(const char *name)
{
	struct dma_holder_info i;

	for (unsigned int n = 0; dma_holder_nth(m, n, &i); n++)
		if (!strcmp(i.name, name))
			return i;
	return (struct dma_holder_info){0};
}

static void counted(void)
{
	struct dma_holder *a, *b;
	struct dma_buf *buf;

	T_NEED(start());
	a = holder("a");
	b = holder("b");
	T_EQ(dma_heap_alloc(sys, 3 * P, a, &buf), 0);
	T_OK(dma_holder_has(a, buf) && !dma_holder_has(b, buf), "a's alone");
	T_EQ(info("a").charged, 3 * P);
	dma_buf_put(buf); /* the hold is a reference */
	T_EQ(dma_holder_add(a, buf), 0);
	T_EQ(dma_holder_drop(a, buf), 0);
	T_OK(dma_holder_has(a, buf), "held twice, dropped once");
	T_EQ(info("a").rss, 3 * P);
	T_EQ(dma_holder_drop(b, buf), -FH_ENOENT);
	TP_CHECK(m);
	T_EQ(dma_holder_drop(a, buf), 0);
	T_EQ(info("a").charged, 0);
	T_EQ(info("a").charged_peak, 3 * P);
	T_EQ(info("a").buffers, 0);
	T_OK(!m->buf->buffers, "and with it the buffer");
	dma_holder_destroy(a);
	dma_holder_destroy(b);
	testplat_end(&tp, m);
}

static void limits(void)
{
	struct dma_buf *x = NULL, *y = NULL;
	struct dma_holder *a;

	T_NEED(start());
	a = holder("a");
	dma_holder_set_limit(a, 4 * P);
	T_EQ(dma_heap_alloc(sys, 3 * P, a, &x), 0);
	T_EQ(dma_heap_alloc(sys, 2 * P, a, &y), -FH_EDQUOT);
	T_OK(!y, "nothing");
	T_EQ(info("a").charged, 3 * P);
	T_EQ(dma_heap_alloc(sys, P, a, &y), 0);
	dma_holder_set_limit(a, P); /* what is more already, stays */
	TP_CHECK(m);
	dma_buf_put(x);
	dma_buf_put(y);
	T_EQ(dma_heap_alloc(sys, P, a, &x), -FH_EDQUOT);
	T_EQ(dma_heap_alloc(sys, 5 * P, NULL, &x), 0);
	T_EQ(dma_holder_add(a, x), 0);	/* given, not charged, while another is... */
	T_EQ(info("a").charged, 9 * P); /* ...and here nobody was: limit or not */
	dma_buf_put(x);
	dma_holder_destroy(a);
	testplat_end(&tp, m);
}

static void recharged(void)
{
	struct dma_holder *a, *b, *c;
	struct dma_buf *buf;

	T_NEED(start());
	a = holder("a");
	b = holder("b");
	c = holder("c");
	dma_holder_set_limit(c, 1);
	T_EQ(dma_heap_alloc(sys, 6 * P, a, &buf), 0);
	T_EQ(dma_holder_add(c, buf), 0);
	T_EQ(dma_holder_add(b, buf), 0);
	T_EQ(info("b").charged + info("c").charged, 0);
	T_EQ(info("b").pss, 2 * P);
	T_EQ(info("b").rss, 6 * P);
	dma_holder_destroy(a);
	T_EQ(info("c").charged, 6 * P); /* it has held it longest */
	T_EQ(info("b").pss, 3 * P);
	TP_CHECK(m);
	T_EQ(dma_holder_add(b, buf), 0);
	T_EQ(dma_holder_drop(c, buf), 0);
	T_EQ(info("b").charged, 6 * P);
	T_EQ(info("c").charged, 0);
	dma_buf_put(buf);
	T_OK(m->buf->buffers, "b has it");
	dma_holder_destroy(b);
	T_OK(!m->buf->buffers, "nobody has it");
	dma_holder_destroy(c);
	testplat_end(&tp, m);
}

static void written(void)
{
	struct dma_holder *a, *b;
	struct dma_buf *x, *y;
	uint64_t sum = 1;

	T_NEED(start());
	a = holder("a");
	b = holder("b");
	T_EQ(dma_heap_alloc(sys, 3 * P, a, &x), 0);
	T_EQ(dma_heap_alloc(sys, P, a, &y), 0);
	T_EQ(info("a").how, DMA_WRITTEN_UNKNOWN);
	T_EQ(dma_holder_wrote(b, x, P, DMA_WRITTEN_PAGES, &sum), -FH_ENOENT);
	T_EQ(sum, 1); /* untouched */
	T_EQ(dma_holder_add(b, x), 0);
	T_EQ(dma_holder_wrote(a, x, 3 * P, DMA_WRITTEN_PAGES, &sum), 0);
	T_EQ(dma_holder_wrote(a, x, 2 * P, DMA_WRITTEN_PAGES, &sum), 0);
	T_EQ(sum, 5 * P);
	T_EQ(dma_holder_wrote(a, y, P, DMA_WRITTEN_PAGES, &sum), 0);
	T_EQ(sum, P);
	T_EQ(dma_holder_wrote(b, x, P, DMA_WRITTEN_WHOLE, &sum), 0);
	T_EQ(dma_holder_wrote(b, x, 0, DMA_WRITTEN_PAGES, &sum), 0);
	T_EQ(sum, P);
	T_EQ(info("a").written, 6 * P);
	T_EQ(info("a").how, DMA_WRITTEN_PAGES);
	T_EQ(info("b").how, DMA_WRITTEN_WHOLE); /* once is for good */
	TP_CHECK(m);
	T_EQ(dma_holder_drop(a, x), 0);
	T_EQ(info("a").written, 6 * P);	    /* the holder's sum outlives the hold, */
	T_EQ(buffer_of(x)->written, 6 * P); /* the buffer's the holder */
	T_EQ(dma_holder_add(a, x), 0);
	T_EQ(dma_holder_wrote(a, x, 0, DMA_WRITTEN_UNKNOWN, &sum), 0);
	T_EQ(sum, 0); /* a new hold begins at 0 */
	T_EQ(dma_holder_wrote(a, x, UINT64_MAX, DMA_WRITTEN_PAGES, &sum), 0);
	T_EQ(dma_holder_wrote(a, x, UINT64_MAX, DMA_WRITTEN_PAGES, &sum), 0);
	T_EQ(sum, UINT64_MAX);
	T_EQ(info("a").written, UINT64_MAX);
	TP_CHECK(m);
	dma_buf_put(x);
	dma_buf_put(y);
	dma_holder_destroy(a);
	dma_holder_destroy(b);
	testplat_end(&tp, m);
}

static void arguments(void)
{
	struct dma_holder *a = NULL;
	struct dma_holder_info i;
	struct dma_buf *buf;

	T_NEED(start());
	T_EQ(dma_holder_create(NULL, "a", 1, &a), -FH_EINVAL);
	T_EQ(dma_holder_create(m, NULL, 1, &a), -FH_EINVAL);
	T_EQ(dma_holder_create(m, "a", 1, NULL), -FH_EINVAL);
	T_EQ(dma_holder_add(NULL, NULL), -FH_EINVAL);
	T_EQ(dma_holder_drop(NULL, NULL), -FH_EINVAL);
	T_OK(!dma_holder_has(NULL, NULL), "no");
	T_OK(!dma_holder_nth(m, 0, &i), "none");
	T_OK(!dma_holder_get_info(NULL, &i), "of none");
	T_EQ(dma_holder_wrote(NULL, NULL, 0, DMA_WRITTEN_PAGES, NULL), -FH_EINVAL);
	dma_holder_destroy(NULL);
	a = holder("a name of more than thirty-one characters");
	T_OK(dma_holder_nth(m, 0, &i), "one");
	T_STR(i.name, "a name of more than thirty-one ");
	T_EQ(dma_heap_alloc(sys, P, a, &buf), 0);
	T_EQ(dma_holder_wrote(a, buf, 1, DMA_WRITTEN_UNKNOWN, NULL), -FH_EINVAL);
	T_EQ(dma_holder_wrote(a, buf, 1, (enum dma_written)3, NULL), -FH_EINVAL);
	/* The machine takes all with it: no complaint of a leak from testplat. */
	dma_buf_put(buf);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* ---- at random ---- */

#define HOLDERS 6
#define BUFFERS 24

/* What should be. */
static struct {
	struct dma_holder *h[HOLDERS];
	uint64_t limit[HOLDERS], peak[HOLDERS];
	struct dma_buf *buf[BUFFERS];
	uint64_t size[BUFFERS];
	unsigned int refs[BUFFERS]; /* the test's own */
	unsigned int count[BUFFERS][HOLDERS];
	uint64_t written[BUFFERS][HOLDERS], of_holder[HOLDERS];
	uint64_t since[BUFFERS][HOLDERS]; /* when that holder's hold began */
	int charged[BUFFERS];		  /* -1: nobody */
	uint64_t now;
} w;

static uint64_t charged(unsigned int h)
{
	uint64_t sum = 0;

	for (unsigned int b = 0; b < BUFFERS; b++)
		sum += w.buf[b] && w.charged[b] == (int)h ? w.size[b] : 0;
	return sum;
}

static void note_peak(int h)
{
	if (h >= 0 && charged((unsigned int)h) > w.peak[h])
		w.peak[h] = charged((unsigned int)h);
}

static unsigned int holders_of(unsigned int b)
{
	unsigned int n = 0;

	for (unsigned int h = 0; h < HOLDERS; h++)
		n += w.count[b][h] > 0;
	return n;
}

/* A hold has ended. */
static void settle(unsigned int b, unsigned int h)
{
	w.count[b][h] = 0;
	w.written[b][h] = 0;
	if (w.charged[b] == (int)h) {
		w.charged[b] = -1;
		for (unsigned int o = 0; o < HOLDERS; o++)
			if (w.count[b][o] &&
			    (w.charged[b] < 0 || w.since[b][o] < w.since[b][w.charged[b]]))
				w.charged[b] = (int)o;
		note_peak(w.charged[b]);
	}
	if (!w.refs[b] && !holders_of(b))
		w.buf[b] = NULL;
}

static void allocate(unsigned int b, unsigned int h)
{
	uint64_t size = (uint64_t)(1 + rand() % 40) * P;
	bool none = rand() % 4 == 0;
	bool fits = none || !w.limit[h] || charged(h) + size <= w.limit[h];
	struct dma_buf *buf;
	int err = dma_heap_alloc(sys, size, none ? NULL : w.h[h], &buf);

	T_EQ(err, fits ? 0 : -FH_EDQUOT);
	if (err)
		return;
	w.buf[b] = buf;
	w.size[b] = size;
	w.refs[b] = 1;
	w.charged[b] = none ? -1 : (int)h;
	if (none)
		return;
	w.count[b][h] = 1;
	w.since[b][h] = ++w.now;
	note_peak((int)h);
}

static void act(void)
{
	unsigned int b = (unsigned int)rand() % BUFFERS, h = (unsigned int)rand() % HOLDERS;

	if (!w.h[h]) {
		w.h[h] = holder((char[]){(char)('a' + h), '\0'});
		w.limit[h] = rand() % 2 ? (uint64_t)(rand() % 100) * P : 0;
		w.peak[h] = 0;
		w.of_holder[h] = 0;
		dma_holder_set_limit(w.h[h], w.limit[h]);
	} else if (!w.buf[b]) {
		allocate(b, h);
	} else if (rand() % 60 == 0) {
		dma_holder_destroy(w.h[h]);
		w.h[h] = NULL;
		for (b = 0; b < BUFFERS; b++)
			if (w.buf[b] && w.count[b][h])
				settle(b, h);
	} else if (rand() % 5 == 0 && w.refs[b]) {
		dma_buf_put(w.buf[b]);
		if (!--w.refs[b] && !holders_of(b))
			w.buf[b] = NULL;
	} else if (rand() % 4 == 0) {
		uint64_t bytes = (uint64_t)rand(), sum = 0;

		T_EQ(dma_holder_wrote(w.h[h], w.buf[b], bytes, DMA_WRITTEN_PAGES, &sum),
		     w.count[b][h] ? 0 : -FH_ENOENT);
		if (!w.count[b][h])
			return;
		T_EQ(sum, w.written[b][h] += bytes);
		w.of_holder[h] += bytes;
	} else if (rand() % 2) {
		T_EQ(dma_holder_add(w.h[h], w.buf[b]), 0);
		if (!w.count[b][h]++)
			w.since[b][h] = ++w.now;
		if (w.charged[b] < 0) {
			w.charged[b] = (int)h;
			note_peak((int)h);
		}
	} else {
		T_EQ(dma_holder_drop(w.h[h], w.buf[b]), w.count[b][h] ? 0 : -FH_ENOENT);
		if (w.count[b][h] && !--w.count[b][h])
			settle(b, h);
	}
}

static void compare(void)
{
	for (unsigned int h = 0; h < HOLDERS; h++) {
		struct dma_holder_info i;
		uint64_t rss = 0, pss = 0, nr = 0;

		if (!w.h[h])
			continue;
		i = info((char[]){(char)('a' + h), '\0'});
		for (unsigned int b = 0; b < BUFFERS; b++) {
			bool has = w.buf[b] && w.count[b][h];

			if (w.buf[b])
				T_EQ(dma_holder_has(w.h[h], w.buf[b]), has);
			rss += has ? w.size[b] : 0;
			pss += has ? w.size[b] / holders_of(b) : 0;
			nr += has;
		}
		T_EQ(i.charged, charged(h));
		T_EQ(i.charged_peak, w.peak[h]);
		T_EQ(i.rss, rss);
		T_EQ(i.pss, pss);
		T_EQ(i.buffers, nr);
		T_EQ(i.written, w.of_holder[h]);
	}
}

static void at_random(void)
{
	srand(4711);
	memset(&w, 0, sizeof(w));
	T_NEED(start());
	for (unsigned int i = 0; i < 20000; i++) {
		act();
		if (i % 50 == 0) {
			compare();
			TP_CHECK(m);
		}
	}
	for (unsigned int h = 0; h < HOLDERS; h++)
		dma_holder_destroy(w.h[h]);
	for (unsigned int b = 0; b < BUFFERS; b++)
		for (; w.buf[b] && w.refs[b]; w.refs[b]--)
			dma_buf_put(w.buf[b]);
	T_OK(!m->buf->buffers && !m->buf->holders.nr, "nothing is left");
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(counted),   T(limits),    T(recharged), T(written),
				 T(arguments), T(at_random), T_END};
