/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers that move by agreement: a stub importer in the place of a DMA-BUF's. */
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define PAGES 8192

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *o;
static pfn_t base;

/* Who has imported a buffer: knows where it is, and whether its device works on it. */
struct importer {
	pfn_t pfn;
	unsigned long count;
	unsigned char byte;
	bool busy;
	unsigned int asked;
};

static bool idle_move(void *priv, pfn_t dst, pfn_t src, unsigned long count)
{
	struct importer *im = priv;

	im->asked++;
	T_EQ(src, im->pfn);
	T_EQ(count, im->count);
	T_EQ(cma_buffer_clear_movable(cma, src), -FH_EBUSY);
	if (im->busy)
		return false;
	memcpy(fh_page_address(m, dst), fh_page_address(m, src), count * FH_PAGE_SIZE);
	im->pfn = dst;
	return true;
}

static const struct cma_buffer_ops ops = {idle_move};

static bool start(enum cma_policy policy)
{
	m = testplat_start(&tp, 32, 16, policy, 1);
	cma = m ? cma_find(m, "area") : NULL;
	base = cma ? fh_phys_to_pfn(cma_get_base(cma)) : 0;
	return cma && T_EQ(fh_object_create(m, PAGES, NULL, NULL, &o), 0);
}

static void end(void)
{
	TP_CHECK(m);
	fh_object_destroy(o);
	for (pfn_t p = base; p < base + cma->count; p++)
		cma_release(cma, p, 1);
	testplat_end(&tp, m);
}

static int64_t ask(unsigned long count, unsigned int flags)
{
	pfn_t pfn;
	int err = cma_alloc(cma, count, 0, flags | CMA_NO_WARN, &pfn);

	return err ? err : (int64_t)(pfn - base);
}

/* A buffer at an offset of the area. */
static struct importer import(uint64_t at, unsigned long count, unsigned char byte)
{
	struct cma_request r = {.count = count, .low = base + at, .high = base + at + count};
	struct importer im = {.count = count, .byte = byte};

	T_EQ(cma_alloc_request(cma, &r, &im.pfn), 0);
	memset(fh_page_address(m, im.pfn), byte, count * FH_PAGE_SIZE);
	return im;
}

static void same_bytes(const struct importer *im)
{
	const unsigned char *p = fh_page_address(m, im->pfn);

	for (uint64_t i = 0; i < im->count * FH_PAGE_SIZE; i++)
		if (p[i] != im->byte) {
			T_OK(false, "a moved buffer keeps its bytes");
			break;
		}
}

static void bad_arguments(void)
{
	struct importer im;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	im = import(512, 600, 1);
	T_EQ(cma_buffer_set_movable(NULL, im.pfn, 600, &ops, &im), -FH_EINVAL);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 600, NULL, &im), -FH_EINVAL);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 0, &ops, &im), -FH_EINVAL);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 601, &ops, &im), -FH_EINVAL);
	T_EQ(cma_buffer_set_movable(cma, im.pfn - 1, 600, &ops, &im), -FH_EINVAL);
	T_EQ(cma_buffer_set_movable(cma, 1, 600, &ops, &im), -FH_EINVAL);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 600, &ops, &im), 0);
	T_EQ(cma_buffer_set_movable(cma, im.pfn + 100, 10, &ops, &im), -FH_EINVAL);
	T_OK(!cma_release(cma, im.pfn, 600), "agreed: not to be released under the mover");
	T_EQ(cma_buffer_clear_movable(cma, im.pfn + 1), -FH_EINVAL);
	T_EQ(cma_buffer_clear_movable(NULL, im.pfn), -FH_EINVAL);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), -FH_EINVAL);
	T_OK(cma_release(cma, im.pfn, 600), "");
	/* A machine that dies with one. */
	im = import(0, 5, 1);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 5, &ops, &im), 0);
	fh_object_destroy(o);
	fh_machine_destroy(m);
	T_EQ(atomic_load(&tp.live), 0);
	testplat_fini(&tp);
}

/*
 * 4096 frames, a buffer in the middle: 3000 fit nowhere until it moves.
 *	...... BBBB ............	1024..2048
 *	NNNNNNNNNNNNNNNNNNN BBBB
 */
static void makes_room(void)
{
	struct importer im;
	uint64_t v, n = 0;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	im = import(1024, 1024, 0x31);
	T_EQ(ask(3000, 0), -FH_ENOMEM);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 1024, &ops, &im), 0);
	/* Tenants are in the way of both. */
	while (n < 3500 && !fh_object_write(o, n, 0, &n, 8))
		n++;
	T_EQ(ask(3000, CMA_NOWAIT), -FH_EAGAIN);
	T_EQ(im.asked, 0);
	T_EQ(ask(3000, 0), 0);
	T_EQ(im.asked, 1);
	T_OK(im.pfn >= base + 3000, "it has made room");
	T_EQ(im.pfn & 255, 0);
	same_bytes(&im);
	TP_CHECK(m);
	for (uint64_t i = 0; i < n; i++)
		if (!T_EQ(fh_object_read(o, i, 0, &v, 8), 0) || !T_EQ(v, i))
			break;
	T_EQ(ask(1000, 0), -FH_ENOMEM);
	T_EQ(cma_buffer_clear_movable(cma, base + 1024), -FH_EINVAL);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	T_OK(cma_release(cma, im.pfn, 1024), "where it is now");
	end();
}

/* Who is busy is asked, and left alone; the next one is asked. */
static void round_the_busy(void)
{
	struct importer a, b;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	a = import(1300, 40, 1);
	b = import(2700, 50, 2);
	a.busy = b.busy = true;
	T_EQ(cma_buffer_set_movable(cma, a.pfn, 40, &ops, &a), 0);
	T_EQ(cma_buffer_set_movable(cma, b.pfn, 50, &ops, &b), 0);
	T_EQ(ask(2600, 0), -FH_ENOMEM);
	T_EQ(a.asked + b.asked, 2);
	T_OK(a.pfn == base + 1300 && b.pfn == base + 2700, "both stay");
	TP_CHECK(m);
	T_EQ(cma->available_count, 4096 - 90);
	b.busy = false;
	T_EQ(ask(2600, 0), 1340);
	T_EQ(a.asked, 2);
	same_bytes(&a);
	same_bytes(&b);
	TP_CHECK(m);
	T_EQ(cma_buffer_clear_movable(cma, a.pfn), 0);
	T_EQ(cma_buffer_clear_movable(cma, b.pfn), 0);
	end();
}

/* The hole takes a part of where the buffer was; the rest is free. */
static void part_of_its_place(void)
{
	struct cma_request r = {.count = 1500, .flags = CMA_NO_WARN};
	struct importer im;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	im = import(1024, 1024, 0x31);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 1024, &ops, &im), 0);
	r.high = base + 1500;
	T_EQ(cma_alloc_request(cma, &r, &pfn), 0);
	T_EQ(pfn, base);
	same_bytes(&im);
	T_EQ(cma->available_count, 4096 - 1500 - 1024);
	TP_CHECK(m);
	/* And one whose lower part is left. */
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	T_OK(cma_release(cma, im.pfn, 1024) && cma_release(cma, base, 1500), "");
	im = import(2048, 1024, 0x32);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 1024, &ops, &im), 0);
	r = (struct cma_request){.count = 1500, .low = base + 2500, .flags = CMA_NO_WARN};
	T_EQ(cma_alloc_request(cma, &r, &pfn), 0);
	T_OK(pfn >= base + 2500, "where it was wished for");
	same_bytes(&im);
	T_EQ(cma->available_count, 4096 - 1500 - 1024);
	TP_CHECK(m);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	end();
}

/* Linux's way: nobody is moved. */
static void not_as_linux(void)
{
	struct importer im;

	T_NEED(start(CMA_POLICY_MOVABLE));
	im = import(2000, 50, 2);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 50, &ops, &im), 0);
	T_EQ(ask(2500, 0), -FH_ENOMEM);
	T_EQ(im.asked, 0);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	end();
}

/* Given up after the buffer has moved: it has, and nothing else. */
static _Atomic(uint32_t) cancel;
static bool move_and_cancel(void *priv, pfn_t dst, pfn_t src, unsigned long count)
{
	atomic_store(&cancel, 1);
	return idle_move(priv, dst, src, count);
}

static void given_up(void)
{
	static const struct cma_buffer_ops cancelling = {move_and_cancel};
	struct cma_request r = {.count = 3000, .flags = CMA_NO_WARN, .cancel = &cancel};
	static pfn_t raw[PAGES];
	uint64_t n = 0, i = 0;
	struct importer im;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_MOVABLE));
	im = import(1024, 1024, 0x31);
	while (!fh_alloc_pages(m, GFP_NOWAIT, 0, &raw[n]))
		n++;
	while (!fh_object_write(o, i, 0, &i, 8))
		i++;
	T_EQ(fh_object_punch(o, 0, i / 2), i / 2); /* room for the other half */
	while (n)
		T_EQ(fh_free_pages(m, raw[--n], 0), 0);
	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), 0);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 1024, &cancelling, &im), 0);
	atomic_store(&cancel, 0);
	T_EQ(cma_alloc_request(cma, &r, &pfn), -FH_ECANCELED);
	T_EQ(im.asked, 1);
	same_bytes(&im);
	T_EQ(cma->available_count, 4096 - 1024);
	TP_CHECK(m);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	end();
}

/* Writes there, and then does not go. */
static bool write_and_stay(void *priv, pfn_t dst, pfn_t src, unsigned long count)
{
	(void)src;
	memset(fh_page_address(m, dst), 0x44, count * FH_PAGE_SIZE);
	((struct importer *)priv)->asked++;
	return false;
}

/* Frames that were ready hold what was copied to them: they are zero no more, not even when the owner stays. */
static void to_ready_frames(void)
{
	static const struct cma_buffer_ops staying = {write_and_stay};
	struct cma_request r = {.count = 2304, .flags = CMA_NO_WARN};
	unsigned int n = 0;
	struct importer im;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	r.low = base + 512;
	T_EQ(cma_set_ready(cma, 512), 0);
	while (n++ < 100 && cma_background(m))
		;
	T_EQ(cma_get_ready(cma), 512);
	im = import(1024, 512, 0x55);
	(void)import(3584, 512, 0x66);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 512, &staying, &im), 0);
	T_EQ(cma_alloc_request(cma, &r, &pfn), -FH_ENOMEM);
	T_EQ(im.asked, 1);
	TP_CHECK(m);
	T_EQ(cma_get_ready(cma), 0);
	for (n = 0; n < 100 && cma_background(m); n++)
		;
	T_EQ(cma_get_ready(cma), 512);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	T_EQ(cma_buffer_set_movable(cma, im.pfn, 512, &ops, &im), 0);
	T_EQ(cma_alloc_request(cma, &r, &pfn), 0);
	T_EQ(im.pfn, base);
	same_bytes(&im);
	TP_CHECK(m);
	T_EQ(cma_buffer_clear_movable(cma, im.pfn), 0);
	T_OK(cma_release(cma, im.pfn, 512), "");
	TP_CHECK(m);
	T_EQ(ask(512, CMA_ZERO), 0);
	im.byte = 0;
	same_bytes(&im);
	end();
}

const struct t_case t_cases[] = {
	T(bad_arguments), T(makes_room), T(round_the_busy),  T(part_of_its_place),
	T(not_as_linux),  T(given_up),	 T(to_ready_frames), T_END};
