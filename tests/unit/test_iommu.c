/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/iommu.h> and the DMA API behind it: what a device reaches before and after a flush, scatter lists, faults, want of addresses
 * and of frames, what fh_check() finds, and a model of all mappings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "dma/iommu.h"
#include "dma/iommu_domain.h"
#include "t.h"
#include "testplat.h"

#define PAGE FH_PAGE_SIZE
#define MIB  (UINT64_C(1) << 20)
#define GIB  (UINT64_C(1) << 30)
#define RW   (IOMMU_READ | IOMMU_WRITE)
#define ALL  UINT64_MAX
#define RAM  TP_BASE

static struct testplat tp;
static struct fh_machine *m;
static struct iommu_domain *d;
static struct device dev;
static uint64_t now_ns;

static uint64_t stopped_clock(void *ctx)
{
	(void)ctx;
	return now_ns;
}

static bool start_with(const struct iommu_options *o)
{
	testplat_init(&tp);
	testplat_cpu(0);
	tp.plat.clock_ns = stopped_clock;
	now_ns = 1000000000;
	m = testplat_machine(&tp, 64, 0, CMA_POLICY_GUARANTEED, 2);
	if (!m || !T_EQ(iommu_domain_create(m, o, &d), 0))
		return false;
	dev = (struct device){.machine = m, .name = "camera", .iommu = d};
	return true;
}

static bool start(bool strict)
{
	const struct iommu_options o = {.strict = strict};

	return start_with(&o);
}

static void stop(void)
{
	TP_CHECK(m);
	iommu_domain_destroy(d);
	testplat_end(&tp, m);
}

static struct iommu_stats stats(void)
{
	struct iommu_stats s;

	iommu_stats(d, &s);
	return s;
}

/* Where an access ends up; 0: it faults. */
static uint64_t reach(uint64_t bus, bool write)
{
	phys_t phys;
	uint64_t run;

	return iommu_translate(&dev, (dma_t){bus}, 1, write, &phys, &run) ? 0 : phys.v;
}

static uint64_t map(uint64_t phys, uint64_t size)
{
	dma_t handle = {0};

	return iommu_dma_map(&dev, (phys_t){phys}, size, ALL, RW, &handle) ? 0 : handle.v;
}

static bool unmap(uint64_t handle, uint64_t size)
{
	return iommu_dma_unmap(&dev, (dma_t){handle}, size);
}

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

	T_NEED(start(true));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T_EQ(iommu_domain_create(m, &bad[i], &none), -FH_EINVAL);
	T_EQ(iommu_domain_create(NULL, &bad[0], &none), -FH_EINVAL);
	T_EQ(iommu_domain_create(m, NULL, &none), -FH_EINVAL);
	T_EQ(iommu_domain_create(m, &(struct iommu_options){0}, NULL), -FH_EINVAL);
	T_OK(!none, "nothing made");
	iommu_domain_destroy(NULL);
	stop();
}

static void without_bytes(void)
{
	testplat_init(&tp);
	tp.no_ram = true;
	m = testplat_machine(&tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	T_EQ(iommu_domain_create(m, &(struct iommu_options){0}, &d), -FH_EINVAL);
	testplat_end(&tp, m);
}

/* Every allocation of a birth fails once; a machine ends with its domains. */
static void birth(void)
{
	struct iommu_domain *more[3];
	unsigned int nth = 1;

	T_NEED(start(true));
	for (;; nth++) {
		atomic_store(&tp.fail_nth, nth);
		if (!iommu_domain_create(m, &(struct iommu_options){0}, &more[0]))
			break;
		T_OK(!atomic_load(&tp.fail_nth), "an error is a failure");
	}
	T_EQ(nth, 5); /* domain, slots, IOTLB, CPUs' caches */
	atomic_store(&tp.fail_nth, 0);
	for (unsigned int i = 1; i < 3; i++)
		T_EQ(iommu_domain_create(m, &(struct iommu_options){0}, &more[i]), 0);
	T_EQ(more[2]->number, 3);
	iommu_domain_destroy(more[1]);
	TP_CHECK(m);
	T_EQ(iommu_domain_create(m, &(struct iommu_options){0}, &more[1]), 0);
	T_EQ(more[1]->number, 4);
	fh_machine_destroy(m);
	T_EQ(atomic_load(&tp.live), 0);
	testplat_fini(&tp);
}

static void by_hand(void)
{
	phys_t phys;

	T_NEED(start(true));
	T_EQ(iommu_map(d, (dma_t){PAGE}, (phys_t){RAM}, 2 * PAGE, RW), 0);
	T_EQ(iommu_map(d, (dma_t){2 * PAGE}, (phys_t){RAM}, 2 * PAGE, RW), -FH_EEXIST);
	T_EQ(iommu_map(d, (dma_t){PAGE + 1}, (phys_t){RAM}, PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){8 * PAGE}, (phys_t){RAM + 1}, PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){8 * PAGE}, (phys_t){RAM}, PAGE - 1, RW), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){8 * PAGE}, (phys_t){RAM}, 0, RW), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){8 * PAGE}, (phys_t){RAM}, PAGE, 0), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){8 * PAGE}, (phys_t){RAM}, PAGE, RW | 8), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){8 * PAGE}, (phys_t){PAGE}, PAGE, RW), -FH_EINVAL); /* not RAM */
	T_EQ(iommu_map(d, (dma_t){8 * PAGE}, (phys_t){PAGE}, PAGE, RW | IOMMU_MMIO), 0);
	T_EQ(iommu_map(d, (dma_t){IOMMU_END - PAGE}, (phys_t){RAM}, 2 * PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){IOMMU_END}, (phys_t){RAM}, PAGE, RW), -FH_EINVAL);
	T_EQ(iommu_map(d, (dma_t){IOMMU_END - PAGE}, (phys_t){RAM}, PAGE, RW), 0);
	T_EQ(iommu_map(NULL, (dma_t){PAGE}, (phys_t){RAM}, PAGE, RW), -FH_EINVAL);
	T_OK(iommu_iova_to_phys(d, (dma_t){2 * PAGE + 5}, &phys) && phys.v == RAM + PAGE + 5,
	     "there");
	T_OK(!iommu_iova_to_phys(d, (dma_t){3 * PAGE}, &phys), "nothing");
	T_OK(!iommu_iova_to_phys(d, (dma_t){IOMMU_END + PAGE}, &phys), "no alias");
	T_EQ(reach(PAGE + 9, true), RAM + 9);
	T_EQ(reach(IOMMU_END + PAGE + 9, true), 0);
	T_EQ(iommu_unmap(d, (dma_t){PAGE}, PAGE), PAGE);
	T_EQ(reach(PAGE + 9, true), 0); /* flushed */
	T_EQ(iommu_unmap(d, (dma_t){PAGE}, PAGE), 0);
	T_EQ(iommu_unmap(d, (dma_t){2 * PAGE}, 9 * PAGE), PAGE);
	T_EQ(iommu_unmap(d, (dma_t){2 * PAGE + 1}, PAGE), 0);
	T_EQ(stats().mapped, 2 * PAGE);
	stop();
}

/* What iommu_map() was given is not handed out, and what is handed out it does not get. */
static void by_hand_and_by_dma(void)
{
	const struct iommu_options o = {.aperture_start = PAGE, .aperture_end = 64 * PAGE - 1};
	uint64_t a, n = 0;

	T_NEED(start_with(&o));
	T_EQ(iommu_map(d, (dma_t){32 * PAGE}, (phys_t){RAM}, 64 * PAGE, RW), 0);
	a = map(RAM + 5, 1);
	T_EQ(a, 31 * PAGE + 5);
	T_EQ(iommu_map(d, (dma_t){31 * PAGE}, (phys_t){RAM}, PAGE, RW), -FH_EEXIST);
	T_EQ(iommu_map(d, (dma_t){30 * PAGE}, (phys_t){RAM}, PAGE, RW), 0); /* cached, no more */
	T_OK(unmap(a, 1), "gone");
	T_OK(!unmap(30 * PAGE, PAGE), "not of the DMA API");
	TP_CHECK(m);
	T_EQ(iommu_map(d, (dma_t){31 * PAGE}, (phys_t){RAM}, PAGE, RW), 0); /* flushed for it */
	T_EQ(iommu_unmap(d, (dma_t){PAGE}, IOMMU_END - PAGE), 0);
	T_EQ(iommu_unmap(d, (dma_t){30 * PAGE}, 64 * PAGE), 64 * PAGE);
	while (map(RAM, PAGE))
		n++;
	T_EQ(n, 29);
	stop();
}

/* The same page, offset and all; large entries; the mask; and what is refused. */
static void mappings(void)
{
	dma_t handle = {77};
	uint64_t a, run;
	phys_t phys;

	T_NEED(start(false));
	a = map(RAM + 100, 5000);
	T_EQ(a % PAGE, 100);
	T_EQ(reach(a, true), RAM + 100);
	T_EQ(reach(a + 4999, false), RAM + 5099);
	T_EQ(iommu_translate(&dev, (dma_t){a}, 5000, false, &phys, &run), 0);
	T_EQ(run, PAGE - 100);
	T_EQ(iommu_translate(&dev, (dma_t){a}, 7, false, &phys, &run), 0);
	T_EQ(run, 7);
	T_EQ(iommu_translate(&dev, (dma_t){a}, 0, false, &phys, &run), -FH_EINVAL);
	T_EQ(stats().mapped, 2 * PAGE);
	T_OK(!unmap(a, PAGE - 100), "half of it");
	T_OK(!unmap(a + PAGE, PAGE), "the other half");
	T_OK(!unmap(a, 0) && !unmap(a, UINT64_MAX) && !unmap(UINT64_MAX, PAGE), "nonsense");
	T_OK(unmap(a, 5000), "all");
	T_OK(!unmap(a, 5000), "once");
	a = map(RAM + 4 * MIB, 4 * MIB);
	T_EQ(iommu_translate(&dev, (dma_t){a + 5}, MIB * 8, false, &phys, &run), 0);
	T_EQ(run, 2 * MIB - 5);
	T_OK(unmap(a, 4 * MIB), "large");
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, PAGE, 16 * MIB - 1, RW, &handle), 0);
	T_EQ(handle.v, 16 * MIB - PAGE);
	T_OK(unmap(handle.v, PAGE), "below the mask");
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, 16 * MIB, 16 * MIB - 1, RW, &handle), -FH_ENOMEM);
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, PAGE, 4094, RW, &handle), -FH_ENOMEM);
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, 0, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, UINT64_MAX, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM - 1}, PAGE, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, 65 * MIB, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&dev, (phys_t){5}, PAGE, ALL, RW | IOMMU_MMIO, &handle), 0);
	T_EQ(reach(handle.v, true), 5);
	T_OK(unmap(handle.v, PAGE), "a register");
	T_EQ(stats().mapped, 0);
	stop();
}

/* ---- flushes ---- */

/* A device that goes on after unmap: it reads what is there by now, until the flush; then it is stopped. */
static void stale_until_flushed(void)
{
	uint64_t a, to;
	char *byte;
	pfn_t pfn;

	T_NEED(start(false));
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	byte = fh_page_address(m, pfn);
	*byte = 'x';
	a = map(pfn * PAGE, PAGE);
	T_EQ(reach(a, false), pfn * PAGE);
	T_OK(unmap(a, PAGE), "unmapped");
	T_EQ(fh_free_pages(m, pfn, 0), 0);
	*byte = 'y'; /* somebody else's */
	to = reach(a, false);
	T_EQ(to, pfn * PAGE);
	T_EQ(*(char *)fh_page_address(m, to / PAGE), 'y');
	T_EQ(stats().iotlb_stale, 1);
	T_EQ(stats().deferred, 1);
	now_ns += IOMMU_DUE_NS - 1;
	T_EQ(reach(a, true), pfn * PAGE);
	T_EQ(stats().iotlb_stale, 2);
	now_ns++;
	T_EQ(reach(a, true), 0);
	T_EQ(stats().iotlb_stale, 2);
	T_EQ(stats().deferred, 0);
	T_EQ(stats().flushes, 1);
	stop();
}

static void flushed_when_full(void)
{
	uint64_t a = 0, first = 0;

	T_NEED(start(false));
	for (unsigned int i = 0; i < IOMMU_QUEUE; i++) {
		a = map(RAM, PAGE);
		T_NEED(a && a != first); /* no address comes back before the flush */
		if (!i)
			first = a;
		if (i < 2)
			T_EQ(reach(a, false), RAM);
		T_NEED(unmap(a, PAGE));
	}
	T_EQ(stats().deferred, IOMMU_QUEUE);
	T_EQ(reach(first, false), RAM);
	TP_CHECK(m);
	a = map(RAM, PAGE);
	T_OK(unmap(a, PAGE), "one more");
	T_EQ(stats().deferred, 0); /* flushed with the rest */
	T_EQ(stats().flushes, 1);
	T_EQ(reach(first, false), 0);
	stop();
}

static void strict_flushes(void)
{
	uint64_t a, b;

	T_NEED(start(true));
	b = map(RAM + 2 * MIB, 2 * MIB);
	T_EQ(reach(b + 5 * PAGE, true), RAM + 2 * MIB + 5 * PAGE);
	for (unsigned int i = 0; i < 5; i++) {
		a = map(RAM, PAGE);
		T_EQ(reach(a, false), RAM);
		T_OK(unmap(a, PAGE), "unmapped");
		T_EQ(reach(a, false), 0);
	}
	T_EQ(stats().iotlb_hits, 0);
	T_EQ(reach(b + 6 * PAGE, true), RAM + 2 * MIB + 6 * PAGE); /* others stay cached */
	T_EQ(stats().iotlb_hits, 1);
	T_EQ(stats().flushes, 5);
	T_EQ(iommu_unmap(d, (dma_t){b + 7 * PAGE}, PAGE), PAGE); /* splits it */
	T_EQ(reach(b + 7 * PAGE, true), 0);
	T_EQ(reach(b + 8 * PAGE, true), RAM + 2 * MIB + 8 * PAGE);
	T_EQ(stats().iotlb_stale, 0);
	stop();
}

/* Bounded: what is pushed out is walked for again, and a stale one that was pushed out faults. */
static void small_iotlb(void)
{
	const struct iommu_options o = {.iotlb_entries = 4};
	uint64_t a = 0, misses;

	T_NEED(start_with(&o));
	a = map(RAM, 8 * PAGE);
	for (unsigned int i = 0; i < 5; i++)
		T_EQ(reach(a + i * PAGE, false), RAM + i * PAGE);
	T_EQ(stats().iotlb_misses, 5);
	T_EQ(reach(a + 4 * PAGE, false), RAM + 4 * PAGE);
	T_EQ(stats().iotlb_hits, 1);
	misses = stats().iotlb_misses;
	T_EQ(reach(a, false), RAM);
	T_EQ(stats().iotlb_misses, misses + 1);
	T_OK(unmap(a, 8 * PAGE), "unmapped");
	T_EQ(reach(a, false), RAM);
	T_EQ(reach(a + PAGE, false), 0);
	stop();
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

	T_NEED(start(true));
	handled = 0;
	iommu_set_fault_handler(d, on_fault, &one);
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, PAGE, ALL, IOMMU_READ, &ro), 0);
	T_EQ(iommu_dma_map(&dev, (phys_t){RAM}, PAGE, ALL, IOMMU_WRITE, &wo), 0);
	T_EQ(reach(ro.v, false), RAM);
	T_EQ(reach(ro.v, true), 0);
	T_STR(last.why, "read only");
	T_EQ(reach(wo.v, true), RAM);
	T_EQ(reach(wo.v, false), 0);
	T_STR(last.why, "write only");
	T_EQ(reach(0x1234, true), 0);
	T_STR(last.why, "not mapped");
	T_STR(last.device, "camera");
	T_EQ(handled, 3);
	T_EQ(iommu_faults(d, f, 20), 3);
	T_EQ(f[0].iova.v, 0x1234);
	T_OK(f[0].write && !f[1].write && f[2].write, "newest first");
	T_EQ(f[0].time_ns, now_ns);
	iommu_set_fault_handler(d, NULL, NULL);
	for (unsigned int i = 0; i < 20; i++)
		T_EQ(reach((100 + i) * PAGE, false), 0);
	T_EQ(handled, 3);
	T_EQ(iommu_faults(d, f, 20), 23);
	T_EQ(f[0].iova.v, 119 * PAGE);
	T_EQ(f[15].iova.v, 104 * PAGE);
	T_EQ(stats().faults, 23);
	T_EQ(fh_view_read(m, "dmesg", text, sizeof(text), &len), 0);
	T_OK(strstr(text,
		    "iommu 0: Unhandled context fault: fsr=0x402, iova=0x00001234, fsynr=0x10, "
		    "cb=0 (camera: write, not mapped)"),
	     "said");
	for (const char *p = text; (p = strstr(p, "context fault")); p++)
		n++;
	T_EQ(n, IOMMU_BURST); /* and no more within 5 s */
	now_ns += IOMMU_BURST_NS;
	T_EQ(reach(5, false), 0);
	T_EQ(fh_view_read(m, "dmesg", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "iommu_fault: 13 callbacks suppressed"), "how many were not said");
	T_EQ(fh_view_read(m, "sys/kernel/debug/iommu/faults", text, sizeof(text), &len), 0);
	T_OK(strstr(text, "why\n0 6.000000 camera 0x00000005 read: not mapped\n"), text);
	T_EQ(fh_view_read(m, "sys/kernel/debug/iommu/domains", text, sizeof(text), &len), 0);
	T_OK(strstr(text, " faults\n     0           8192       4            2            0 "),
	     text);
	stop();
}

/* ---- scatter lists ---- */

static struct scatterlist list[6];

static void entry(unsigned int i, uint64_t phys, uint64_t length)
{
	list[i] = (struct scatterlist){.phys = {RAM + phys}, .length = length};
}

/* Every byte of every entry is where the device finds it, in the order of the list. */
static void list_is_mapped(unsigned int nents, unsigned int segments)
{
	unsigned int s = 0;
	uint64_t at = 0;

	for (unsigned int i = 0; i < nents; i++) {
		for (uint64_t k = 0; k < list[i].length; k++) {
			if (at == list[s].dma_length) {
				s++;
				at = 0;
			}
			if (s >= segments ||
			    reach(list[s].dma_address.v + at, true) != list[i].phys.v + k) {
				T_EQ(reach(list[s].dma_address.v + at, true), list[i].phys.v + k);
				return;
			}
			at++;
		}
	}
	T_EQ(s + 1, segments);
	T_EQ(at, list[s].dma_length);
	for (unsigned int i = segments; i < nents; i++)
		T_EQ(list[i].dma_length, 0);
}

static void joined(void)
{
	T_NEED(start(false));
	entry(0, 10 * PAGE + 100, PAGE - 100); /* up to a page's end */
	entry(1, 3 * PAGE, 2 * PAGE);	       /* whole */
	entry(2, 40 * PAGE, 300); /* from a page's beginning: joined; the next is not */
	entry(3, 20 * PAGE, PAGE);
	entry(4, 30 * PAGE + 8, 9);
	T_EQ(iommu_dma_map_sg(&dev, list, 5, RW), 3);
	T_EQ(list[0].dma_length, PAGE - 100 + 2 * PAGE + 300);
	T_EQ(list[0].dma_address.v % PAGE, 100);
	T_EQ(list[1].dma_length, PAGE);
	T_EQ(list[2].dma_length, 9);
	list_is_mapped(5, 3);
	T_EQ(stats().mapped, 6 * PAGE);
	TP_CHECK(m);
	iommu_dma_unmap_sg(&dev, list, 5);
	T_EQ(stats().mapped, 0);
	T_EQ(stats().deferred, 1);
	iommu_dma_unmap_sg(&dev, list, 5); /* nothing happens */
	T_EQ(stats().unmaps, 1);
	stop();
}

static void segment_limits(void)
{
	T_NEED(start(true));
	dev.max_segment_size = 3 * PAGE;
	for (unsigned int i = 0; i < 5; i++)
		entry(i, (2 * i + 1) * PAGE, PAGE);
	T_EQ(iommu_dma_map_sg(&dev, list, 5, RW), 2);
	T_EQ(list[0].dma_length, 3 * PAGE);
	list_is_mapped(5, 2);
	iommu_dma_unmap_sg(&dev, list, 5);
	dev.max_segment_size = 0;
	dev.segment_boundary_mask = 4 * PAGE - 1;
	for (unsigned int i = 0; i < 5; i++) /* 3, a hole, 3 and 1, 1 and 3 */
		entry(i, 4 * i * PAGE, (i == 2 || i == 3 ? 1 : 3) * PAGE);
	T_EQ(iommu_dma_map_sg(&dev, list, 5, RW), 3);
	for (unsigned int i = 0; i < 3; i++)
		T_EQ(list[i].dma_address.v / (4 * PAGE),
		     (list[i].dma_address.v + list[i].dma_length - 1) / (4 * PAGE));
	T_EQ(list[0].dma_length, 3 * PAGE);
	T_EQ(list[1].dma_length, 4 * PAGE);
	T_EQ(list[2].dma_length, 4 * PAGE);
	list_is_mapped(5, 3);
	TP_CHECK(m);
	iommu_dma_unmap_sg(&dev, list, 5);
	T_EQ(stats().mapped, 0);
	/* A segment that ends on the boundary is not continued across it. */
	for (unsigned int i = 0; i < 6; i++)
		entry(i, 2 * i * PAGE, PAGE);
	T_EQ(iommu_dma_map_sg(&dev, list, 6, RW), 2);
	T_EQ(list[0].dma_length, 4 * PAGE);
	list_is_mapped(6, 2);
	iommu_dma_unmap_sg(&dev, list, 6);
	iova_drain(&d->iova);
	T_EQ(d->iova.tree.nr, 0);
	stop();
}

static void bad_lists(void)
{
	T_NEED(start(true));
	entry(0, 0, PAGE);
	entry(1, PAGE, 0);
	entry(2, 64 * MIB - PAGE, 2 * PAGE);
	T_EQ(iommu_dma_map_sg(&dev, list, 0, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&dev, list, 2, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&dev, &list[2], 1, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&dev, NULL, 1, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&dev, list, 1, 0), -FH_EINVAL);
	dev.segment_boundary_mask = 3 * PAGE;
	T_EQ(iommu_dma_map_sg(&dev, list, 1, RW), -FH_EINVAL);
	dev.segment_boundary_mask = 0;
	dev.dma_mask = 100;
	T_EQ(iommu_dma_map_sg(&dev, list, 1, RW), -FH_ENOMEM);
	dev.dma_mask = 0;
	dev.bus_dma_limit = MIB - 1;
	T_EQ(iommu_dma_map_sg(&dev, list, 1, RW), 1);
	T_EQ(list[0].dma_address.v, MIB - PAGE);
	iommu_dma_unmap_sg(&dev, list, 1);
	iommu_dma_unmap_sg(&dev, list, 0);
	stop();
}

static void runs(void)
{
	const uint64_t at = RAM / PAGE;
	const struct range r[3] = {{at + 7, at + 9}, {at + 512, at + 1024}, {at, at + 1}};
	const struct range empty = {at, at}, beyond = {at, at + 64 * 256 + 1};
	dma_t handle;

	T_NEED(start(true));
	T_EQ(iommu_dma_map_runs(&dev, r, 3, ALL, RW, &handle), 0);
	T_EQ(reach(handle.v + PAGE, true), RAM + 8 * PAGE);
	T_EQ(reach(handle.v + 2 * PAGE, true), RAM + 512 * PAGE);
	T_EQ(reach(handle.v + 514 * PAGE, true), RAM);
	T_EQ(reach(handle.v + 515 * PAGE, true), 0);
	TP_CHECK(m);
	T_OK(!unmap(handle.v, 2 * PAGE), "one run of it");
	T_OK(unmap(handle.v, 515 * PAGE), "all");
	T_EQ(iommu_dma_map_runs(&dev, &empty, 1, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map_runs(&dev, &beyond, 1, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map_runs(&dev, r, 0, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map_runs(&dev, r, 3, 514 * PAGE - 1, RW, &handle), -FH_ENOMEM);
	T_EQ(stats().mapped, 0);
	stop();
}

/* ---- want ---- */

/* Addresses that wait for a flush, or that another CPU caches, are had before anybody is refused. */
static void no_addresses(void)
{
	const struct iommu_options o = {.aperture_start = GIB,
					.aperture_end = GIB + 128 * PAGE - 1};
	static uint64_t a[200];
	unsigned int n = 0;

	T_NEED(start_with(&o));
	testplat_cpu(1);
	T_OK(unmap(map(RAM, PAGE), PAGE), "CPU 1 caches 31, and one waits");
	testplat_cpu(0);
	while ((a[n] = map(RAM + n * PAGE, PAGE)))
		n++;
	T_EQ(n, 128);
	T_EQ(stats().mapped, 128 * PAGE);
	T_OK(unmap(a[5], PAGE), "one");
	a[5] = map(RAM + 5 * PAGE, PAGE);
	T_OK(a[5], "again");
	T_EQ(map(RAM, 2 * PAGE), 0);
	entry(0, 0, PAGE);
	T_EQ(iommu_dma_map_sg(&dev, list, 1, RW), -FH_ENOMEM);
	TP_CHECK(m);
	while (n--)
		T_OK(unmap(a[n], PAGE), "given back");
	T_OK(map(RAM, 128 * PAGE), "all in one piece");
	stop();
}

/* No frame for a table: nothing is mapped, the address is free again. */
static void no_frames(void)
{
	static pfn_t pfn[64 * 256];
	unsigned int n = 0;
	uint64_t a;

	T_NEED(start(true));
	while (n < 64 * 256 && !fh_alloc_pages(m, GFP_ATOMIC | __GFP_NOWARN, 0, &pfn[n]))
		n++;
	T_EQ(map(RAM, PAGE), 0);
	T_EQ(map(RAM + PAGE, 8 * PAGE), 0);
	entry(0, 0, PAGE);
	entry(1, 5 * PAGE, PAGE);
	T_EQ(iommu_dma_map_sg(&dev, list, 2, RW), -FH_ENOMEM);
	TP_CHECK(m);
	iova_drain(&d->iova);
	T_EQ(d->iova.tree.nr, 0);
	T_EQ(stats().maps, 0);
	while (!(a = map(RAM, PAGE))) { /* one frame more each time: each table is missing once */
		T_EQ(fh_free_pages(m, pfn[--n], 0), 0);
		T_NEED(n);
	}
	do {
		T_EQ(stats().mapped, PAGE);
		T_EQ(fh_free_pages(m, pfn[--n], 0), 0);
		T_NEED(n);
		list[0] = (struct scatterlist){.phys = {RAM}, .length = 600 * PAGE};
		entry(1, PAGE, 600 * PAGE);
	} while (iommu_dma_map_sg(&dev, list, 2, RW) == -FH_ENOMEM);
	TP_CHECK(m);
	T_EQ(stats().mapped, 1201 * PAGE);
	T_OK(unmap(a, PAGE), "unmapped");
	iommu_dma_unmap_sg(&dev, list, 2);
	while (n)
		T_EQ(fh_free_pages(m, pfn[--n], 0), 0);
	stop();
}

/* ---- fh_check() ---- */

static void finds(const char *what)
{
	char why[2048];

	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, what), what);
}

static _Atomic(uint64_t) *entry_of(uint64_t iova)
{
	struct iopt_hint hint = {0};

	T_EQ(iopt_map_page(&d->pt, &hint, iova & ~(PAGE - 1), RAM, IOPT_READ), -FH_EEXIST);
	return &hint.table[((iova >> 21) + 1) % IOPT_HINTS][iova >> 12 & 511];
}

static void check_finds(void)
{
	_Atomic(uint64_t) *e;
	uint64_t a, b, was;

	T_NEED(start(false));
	a = map(RAM, PAGE);
	b = map(RAM + PAGE, PAGE);
	T_EQ(reach(b, true), RAM + PAGE);
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
	TP_CHECK(m);
	atomic_store(entry_of(b), was);
	finds("IOTLB has");
	iommu_flush(d);
	TP_CHECK(m);
	iova_free(&d->iova, &(struct range){a / PAGE, a / PAGE + 1}, 1);
	finds("not handed out");
	iova_free(&d->iova, &(struct range){a / PAGE, a / PAGE + 1}, 1);
	finds("cached twice");
	d->iova.cpu[0].loaded[0]->nr -= 2;
	TP_CHECK(m);
	T_OK(unmap(a, PAGE), "queued");
	atomic_store(e, was);
	finds("not handed out");
	atomic_store(e, 0);
	TP_CHECK(m);
	iova_free(&d->iova, &(struct range){a / PAGE, a / PAGE + 1}, 1);
	finds("D6");
	d->iova.cpu[0].loaded[0]->nr--;
	atomic_fetch_add(&d->pt.nr_tables, 1);
	finds("tables");
	atomic_fetch_sub(&d->pt.nr_tables, 1);
	d->iova.tree.root->gap++;
	finds("D5: the tree");
	d->iova.tree.root->gap--;
	stop();
}

/* ---- the model: every page of a small aperture, and what may wait for a flush ---- */

#define APERTURE 512
#define LIVE	 64

struct live {
	uint64_t handle, phys, size;
	unsigned int prot;
	struct scatterlist sg[6];
	unsigned int nents;
};

static struct live live[LIVE];
static uint64_t model[APERTURE];       /* what each page leads to */
static unsigned char queued[APERTURE]; /* unmapped; perhaps not flushed */

static uint32_t rnd(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static void note(uint64_t bus, uint64_t phys, bool there)
{
	uint64_t i = (bus - GIB) / PAGE;

	if (i >= APERTURE || (there && model[i])) {
		T_OK(false, "an address outside, or taken");
		return;
	}
	model[i] = there ? phys & ~(PAGE - 1) : 0;
	queued[i] = !there;
}

static void note_all(const struct live *l, bool there)
{
	unsigned int s = 0;
	uint64_t at = 0;

	for (uint64_t k = 0; !l->nents && k < l->size; k += PAGE - (l->phys + k) % PAGE)
		note(l->handle + k, l->phys + k, there);
	for (unsigned int i = 0; i < l->nents; i++) {
		for (uint64_t k = 0; k < l->sg[i].length;) {
			uint64_t step = PAGE - (l->sg[i].phys.v + k) % PAGE;

			if (at >= l->sg[s].dma_length) {
				s++;
				at = 0;
			}
			note(l->sg[s].dma_address.v + at, l->sg[i].phys.v + k, there);
			step = step < l->sg[i].length - k ? step : l->sg[i].length - k;
			k += step;
			at += step;
		}
	}
}

static void model_map(struct live *l, uint32_t *x)
{
	dma_t handle;
	int err;

	l->nents = rnd(x) % 3 ? 0 : 1 + rnd(x) % 6;
	l->prot = 1 + rnd(x) % 3;
	if (l->nents) {
		for (unsigned int i = 0; i < l->nents; i++)
			l->sg[i] = (struct scatterlist){
				.phys = {RAM + rnd(x) % 4096 * PAGE +
					 (rnd(x) % 2 ? rnd(x) % PAGE : 0)},
				.length = rnd(x) % 2 ? PAGE : 1 + rnd(x) % (3 * PAGE),
			};
		err = iommu_dma_map_sg(&dev, l->sg, l->nents, l->prot);
		l->size = err > 0;
	} else {
		l->phys = RAM + rnd(x) % (16 * MIB);
		l->size = 1 + rnd(x) % (rnd(x) % 4 ? PAGE : 24 * PAGE);
		err = iommu_dma_map(&dev, (phys_t){l->phys}, l->size, ALL, l->prot, &handle);
		l->handle = handle.v;
		if (err)
			l->size = 0;
	}
	if (err < 0)
		T_EQ(err, -FH_ENOMEM);
	else
		note_all(l, true);
}

static void model_unmap(struct live *l)
{
	note_all(l, false);
	if (l->nents)
		iommu_dma_unmap_sg(&dev, l->sg, l->nents);
	else
		T_OK(unmap(l->handle, l->size), "unmapped");
	l->size = 0;
}

/* A page that is mapped leads where the model says; one that is not faults, or is stale if it was unmapped. */
static void model_probe(uint32_t *x)
{
	uint64_t i = rnd(x) % APERTURE, stale = stats().iotlb_stale, run;
	phys_t phys = {0};
	int err = iommu_translate(&dev, (dma_t){GIB + i * PAGE + 9}, 1, true, &phys, &run);

	if (stats().iotlb_stale != stale)
		T_OK(queued[i], "stale, and never unmapped");
	else if (!err)
		T_EQ(phys.v, model[i] + 9);
	else if (model[i])
		T_EQ(iopt_walk(&d->pt, GIB + i * PAGE, &(unsigned int){0}) & IOPT_WRITE, 0);
}

static void against_model(bool strict, uint64_t boundary, uint64_t fail_every)
{
	const struct iommu_options o = {.aperture_start = GIB,
					.aperture_end = GIB + APERTURE * PAGE - 1,
					.strict = strict,
					.iotlb_entries = 64};
	uint32_t x = 11;

	T_NEED(start_with(&o));
	memset(live, 0, sizeof(live));
	memset(model, 0, sizeof(model));
	memset(queued, 0, sizeof(queued));
	dev.segment_boundary_mask = boundary;
	dev.max_segment_size = (unsigned int)(3 * PAGE);
	for (unsigned int i = 0; i < 20000; i++) {
		struct live *l = &live[rnd(&x) % LIVE];

		testplat_cpu(rnd(&x) % 3);
		if (fail_every && i % fail_every == 0)
			atomic_store(&tp.fail_nth, 1 + rnd(&x) % 3);
		if (l->size)
			model_unmap(l);
		else
			model_map(l, &x);
		now_ns += rnd(&x) % 100000;
		model_probe(&x);
		model_probe(&x);
		if (i % 1000 == 0)
			TP_CHECK(m);
	}
	atomic_store(&tp.fail_nth, 0);
	for (unsigned int i = 0; i < LIVE; i++)
		if (live[i].size)
			model_unmap(&live[i]);
	T_EQ(stats().mapped, 0);
	iommu_flush(d);
	iova_drain(&d->iova);
	T_EQ(d->iova.tree.nr, 0);
	if (strict)
		T_EQ(stats().iotlb_stale, 0);
	else
		T_OK(stats().iotlb_stale > 0, "some were seen");
	stop();
}

static void model_strict(void)
{
	against_model(true, 0, 0);
}

static void model_deferred(void)
{
	against_model(false, 0, 0);
}

static void model_with_boundary(void)
{
	against_model(false, 4 * PAGE - 1, 0);
}

static void model_without_memory(void)
{
	against_model(true, 0, 3);
	against_model(false, 4 * PAGE - 1, 7);
}

const struct t_case t_cases[] = {T(bad_options),
				 T(without_bytes),
				 T(birth),
				 T(by_hand),
				 T(by_hand_and_by_dma),
				 T(mappings),
				 T(stale_until_flushed),
				 T(flushed_when_full),
				 T(strict_flushes),
				 T(small_iotlb),
				 T(faults),
				 T(joined),
				 T(segment_limits),
				 T(bad_lists),
				 T(runs),
				 T(no_addresses),
				 T(no_frames),
				 T(check_finds),
				 T(model_strict),
				 T(model_deferred),
				 T(model_with_boundary),
				 T(model_without_memory),
				 T_END};
