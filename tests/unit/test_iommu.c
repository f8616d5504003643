/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A domain of <freehold/iommu.h>: how it is made, what is mapped by hand, faults, and what fh_check() finds. */
#include <string.h>
#include <freehold/page.h>
#include "iobench.h"
#include "t.h"

#define PAGE FH_PAGE_SIZE
#define MIB  (UINT64_C(1) << 20)
#define RW   (IOMMU_READ | IOMMU_WRITE)
#define ALL  UINT64_MAX
#define RAM  TP_BASE

static struct iobench io;

static void bad_options(void)
{
	static const struct iommu_options bad[] = {
		{.aperture_start = 1, .aperture_end = MIB - 1},
		{.aperture_end = MIB},
		{.aperture_start = MIB, .aperture_end = MIB - 1},
		{.aperture_start = MIB, .aperture_end = PAGE - 1},
		{.aperture_end = (UINT64_C(1) << 48) + PAGE - 1},
		{.aperture_end = UINT64_MAX},
		{.iotlb_entries = 3},
		{.iotlb_entries = 2},
		{.iotlb_entries = 131072},
	};
	struct iommu_domain *none = NULL;

	T_NEED(io_start(&io, true));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T_EQ(iommu_domain_create(io.m, &bad[i], &none), -FH_EINVAL);
	T_EQ(iommu_domain_create(NULL, &bad[0], &none), -FH_EINVAL);
	T_EQ(iommu_domain_create(io.m, NULL, &none), -FH_EINVAL);
	T_EQ(iommu_domain_create(io.m, &(struct iommu_options){0}, NULL), -FH_EINVAL);
	T_OK(!none, "nothing made");
	iommu_domain_destroy(NULL);
	io_stop(&io);
}

static void without_bytes(void)
{
	testplat_init(&io.tp);
	io.tp.no_ram = true;
	io.m = testplat_machine(&io.tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(io.m);
	T_EQ(iommu_domain_create(io.m, &(struct iommu_options){0}, &io.d), -FH_EINVAL);
	testplat_end(&io.tp, io.m);
}

/* Every allocation of a birth fails once; a machine ends with its domains. */
static void birth(void)
{
	struct iommu_domain *more[3];
	unsigned int nth = 1;

	T_NEED(io_start(&io, true));
	for (;; nth++) {
		atomic_store(&io.tp.fail_nth, nth);
		if (!iommu_domain_create(io.m, &(struct iommu_options){0}, &more[0]))
			break;
		T_OK(!atomic_load(&io.tp.fail_nth), "an error is a failure");
	}
	T_EQ(nth, 5); /* domain, slots, IOTLB, CPUs' caches */
	atomic_store(&io.tp.fail_nth, 0);
	for (unsigned int i = 1; i < 3; i++)
		T_EQ(iommu_domain_create(io.m, &(struct iommu_options){0}, &more[i]), 0);
	T_EQ(more[2]->number, 3);
	iommu_domain_destroy(more[1]);
	TP_CHECK(io.m);
	T_EQ(iommu_domain_create(io.m, &(struct iommu_options){0}, &more[1]), 0);
	T_EQ(more[1]->number, 4);
	fh_machine_destroy(io.m);
	T_EQ(atomic_load(&io.tp.live), 0);
	testplat_fini(&io.tp);
}

static void by_hand(void)
{
	phys_t phys;

	T_NEED(io_start(&io, true));
	T_EQ(iommu_map(io.d, (dma_t){PAGE}, (phys_t){RAM}, 2 * PAGE, RW), 0);
	T_EQ(iommu_map(io.d, (dma_t){2 * PAGE}, (phys_t){RAM}, 2 * PAGE, RW), -FH_EEXIST);
	T_EQ(iommu_map(io.d, (dma_t){PAGE + 1}, (phys_t){RAM}, PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){8 * PAGE}, (phys_t){RAM + 1}, PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){8 * PAGE}, (phys_t){RAM}, PAGE - 1, RW), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){8 * PAGE}, (phys_t){RAM}, 0, RW), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){8 * PAGE}, (phys_t){RAM}, PAGE, 0), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){8 * PAGE}, (phys_t){RAM}, PAGE, RW | 8), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){8 * PAGE}, (phys_t){PAGE}, PAGE, RW),
	     -FH_EINVAL); /* not RAM */
	T_EQ(iommu_map(io.d, (dma_t){8 * PAGE}, (phys_t){PAGE}, PAGE, RW | IOMMU_MMIO), 0);
	T_EQ(iommu_map(io.d, (dma_t){IOMMU_END - PAGE}, (phys_t){RAM}, 2 * PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){IOMMU_END}, (phys_t){RAM}, PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(io.d, (dma_t){IOMMU_END - PAGE}, (phys_t){RAM}, PAGE, RW), 0);
	T_EQ(iommu_map(NULL, (dma_t){PAGE}, (phys_t){RAM}, PAGE, RW), -FH_EINVAL);
	T_OK(iommu_iova_to_phys(io.d, (dma_t){2 * PAGE + 5}, &phys) && phys.v == RAM + PAGE + 5,
	     "there");
	T_OK(!iommu_iova_to_phys(io.d, (dma_t){3 * PAGE}, &phys), "nothing");
	T_OK(!iommu_iova_to_phys(io.d, (dma_t){IOMMU_END + PAGE}, &phys), "no alias");
	T_EQ(io_reach(&io, PAGE + 9, true), RAM + 9);
	T_EQ(io_reach(&io, IOMMU_END + PAGE + 9, true), 0);
	T_EQ(iommu_unmap(io.d, (dma_t){PAGE}, PAGE), PAGE);
	T_EQ(io_reach(&io, PAGE + 9, true), 0); /* flushed */
	T_EQ(iommu_unmap(io.d, (dma_t){PAGE}, PAGE), 0);
	T_EQ(iommu_unmap(io.d, (dma_t){2 * PAGE}, 9 * PAGE), PAGE);
	T_EQ(iommu_unmap(io.d, (dma_t){2 * PAGE + 1}, PAGE), 0);
	T_EQ(io_stats(&io).mapped, 2 * PAGE);
	io_stop(&io);
}

/* What iommu_map() was given is not handed out, and what is handed out it does not get. */
static void by_hand_and_by_dma(void)
{
	const struct iommu_options o = {.aperture_start = PAGE, .aperture_end = 64 * PAGE - 1};
	uint64_t a, n = 0;

	T_NEED(io_start_with(&io, &o));
	T_EQ(iommu_map(io.d, (dma_t){32 * PAGE}, (phys_t){RAM}, 64 * PAGE, RW), 0);
	a = io_map(&io, RAM + 5, 1);
	T_EQ(a, 31 * PAGE + 5);
	T_EQ(iommu_map(io.d, (dma_t){31 * PAGE}, (phys_t){RAM}, PAGE, RW), -FH_EEXIST);
	T_EQ(iommu_map(io.d, (dma_t){30 * PAGE}, (phys_t){RAM}, PAGE, RW), 0); /* cached, no more */
	T_OK(io_unmap(&io, a, 1), "gone");
	T_OK(!io_unmap(&io, 30 * PAGE, PAGE), "not of the DMA API");
	TP_CHECK(io.m);
	T_EQ(iommu_map(io.d, (dma_t){31 * PAGE}, (phys_t){RAM}, PAGE, RW), 0); /* flushed for it */
	T_EQ(iommu_unmap(io.d, (dma_t){PAGE}, IOMMU_END - PAGE), 0);
	T_EQ(iommu_unmap(io.d, (dma_t){30 * PAGE}, 64 * PAGE), 64 * PAGE);
	while (io_map(&io, RAM, PAGE))
		n++;
	T_EQ(n, 29);
	io_stop(&io);
}

/* ---- faults ---- */

static unsigned int handled;
static struct iommu_fault last;

static void on_fault(void *arg, const struct iommu_fault *f)
{
	handled += *(const unsigned int *)arg;
	last = *f;
}

static void faults(void)
{
	struct iommu_fault f[20];
	static char text[40000];
	unsigned int one = 1;
	dma_t ro, wo;
	size_t len;
	uint64_t n = 0;

	T_NEED(io_start(&io, true));
	handled = 0;
	iommu_set_fault_handler(io.d, on_fault, &one);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, PAGE, ALL, IOMMU_READ, &ro), 0);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, PAGE, ALL, IOMMU_WRITE, &wo), 0);
	T_EQ(io_reach(&io, ro.v, false), RAM);
	T_EQ(io_reach(&io, ro.v, true), 0);
	T_STR(last.why, "read only");
	T_EQ(io_reach(&io, wo.v, true), RAM);
	T_EQ(io_reach(&io, wo.v, false), 0);
	T_STR(last.why, "write only");
	T_EQ(io_reach(&io, 0x1234, true), 0);
	T_STR(last.why, "not mapped");
	T_STR(last.device, "camera");
	T_EQ(handled, 3);
	T_EQ(iommu_faults(io.d, f, 20), 3);
	T_EQ(f[0].iova.v, 0x1234);
	T_OK(f[0].write && !f[1].write && f[2].write, "newest first");
	T_EQ(f[0].time_ns, io.now_ns);
	iommu_set_fault_handler(io.d, NULL, NULL);
	for (unsigned int i = 0; i < 20; i++)
		T_EQ(io_reach(&io, (100 + i) * PAGE, false), 0);
	T_EQ(handled, 3);
	T_EQ(iommu_faults(io.d, f, 20), 23);
	T_EQ(f[0].iova.v, 119 * PAGE);
	T_EQ(f[15].iova.v, 104 * PAGE);
	T_EQ(io_stats(&io).faults, 23);
	T_EQ(fh_view_read(io.m, "dmesg", text, sizeof(text), &len), 0);
	T_OK(strstr(text,
		    "iommu 0: Unhandled context fault: fsr=0x402, iova=0x00001234, fsynr=0x10, "
		    "cb=0 (camera: write, not mapped)"),
	     "said");
	for (const char *p = text; (p = strstr(p, "context fault")); p++)
		n++;
	T_EQ(n, IOMMU_BURST); /* and no more within 5 s */
	io.now_ns += IOMMU_BURST_NS;
	T_EQ(io_reach(&io, 5, false), 0);
	T_EQ(fh_view_read(io.m, "dmesg", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "iommu_fault: 13 callbacks suppressed"), "how many were not said");
	T_EQ(fh_view_read(io.m, "sys/kernel/debug/iommu/faults", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "why\n0 6.000000 camera 0x00000005 read: not mapped\n"), text);
	T_EQ(fh_view_read(io.m, "sys/kernel/debug/iommu/domains", text, sizeof(text), &len), 0);
	T_OK(strstr(text, " faults\n     0           8192       4            2            0 "),
	     text);
	io_stop(&io);
}

/* ---- fh_check() ---- */

static void finds(const char *what)
{
	char why[2048];

	T_OK(fh_check(io.m, why, sizeof(why)) > 0 && strstr(why, what), what);
}

static _Atomic(uint64_t) *entry_of(uint64_t iova)
{
	struct iopt_hint hint = {0};

	T_EQ(iopt_map_page(&io.d->pt, &hint, iova & ~(PAGE - 1), RAM, IOPT_READ), -FH_EEXIST);
	return &hint.table[((iova >> 21) + 1) % IOPT_HINTS][iova >> 12 & 511];
}

static void check_finds(void)
{
	_Atomic(uint64_t) *e;
	uint64_t a, b, was;

	T_NEED(io_start(&io, false));
	a = io_map(&io, RAM, PAGE);
	b = io_map(&io, RAM + PAGE, PAGE);
	T_EQ(io_reach(&io, b, true), RAM + PAGE);
	e = entry_of(a);
	was = atomic_load(e);
	atomic_store(e, was & 0xfff);
	finds("not RAM");
	atomic_store(e, was & ~(uint64_t)IOPT_DMA);
	finds("not handed out");
	atomic_store(e, was & ~(uint64_t)IOPT_TAIL);
	finds("without a last entry");
	atomic_store(e, 0);
	finds("bytes are mapped");
	atomic_store(e, was);
	TP_CHECK(io.m);
	atomic_store(entry_of(b), was);
	finds("IOTLB has");
	iommu_flush(io.d);
	TP_CHECK(io.m);
	iova_free(&io.d->iova, &(struct range){a / PAGE, a / PAGE + 1}, 1);
	finds("not handed out");
	iova_free(&io.d->iova, &(struct range){a / PAGE, a / PAGE + 1}, 1);
	finds("cached twice");
	io.d->iova.cpu[0].loaded[0]->nr -= 2;
	TP_CHECK(io.m);
	T_OK(io_unmap(&io, a, PAGE), "queued");
	atomic_store(e, was);
	finds("not handed out");
	atomic_store(e, 0);
	TP_CHECK(io.m);
	iova_free(&io.d->iova, &(struct range){a / PAGE, a / PAGE + 1}, 1);
	finds("D6");
	io.d->iova.cpu[0].loaded[0]->nr--;
	atomic_fetch_add(&io.d->pt.nr_tables, 1);
	finds("tables");
	atomic_fetch_sub(&io.d->pt.nr_tables, 1);
	io.d->iova.tree.root->gap++;
	finds("D5: the tree");
	io.d->iova.tree.root->gap--;
	io_stop(&io);
}

const struct t_case t_cases[] = {
	T(bad_options),	       T(without_bytes), T(birth),	 T(by_hand),
	T(by_hand_and_by_dma), T(faults),	 T(check_finds), T_END};
