/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A device of a tree behind a domain: what iommu-addresses keep for it, what is mapped before it is used, and what fails. */
#include <stdio.h>
#include <string.h>
#include <freehold/boot.h>
#include "iobench.h"
#include "t.h"

#define PAGE FH_PAGE_SIZE
#define MIB  (UINT64_C(1) << 20)
#define RAM  TP_BASE

static struct iobench io;
static struct boot_device node;
static struct boot_why why;

static bool start(uint64_t aperture_end)
{
	const struct iommu_options o = {.aperture_start = 0, .aperture_end = aperture_end};

	node = (struct boot_device){.name = "fb", .iommu = true};
	return io_start_with(&io, &o) && device_init_of(&io.dev, io.m, &node, &why) == 0;
}

static void keep(uint64_t base, uint64_t size, bool direct)
{
	node.iova[node.nr_iovas++] =
		(struct boot_iova){.base = base, .size = size, .direct = direct};
}

static int attach(void)
{
	return device_attach_iommu(&io.dev, &node, io.d, &why);
}

static uint64_t leads_to(uint64_t iova)
{
	phys_t phys;

	return iommu_iova_to_phys(io.d, (dma_t){iova}, &phys) ? phys.v : 0;
}

/* All pages of the aperture are taken, one by one: which were not to be had? */
static void is_never_handed_out(void)
{
	bool got[64] = {false};
	unsigned int n = 0;
	uint64_t at;

	T_NEED(start(64 * PAGE - 1));
	keep(8 * PAGE + 5, 2 * PAGE, false); /* touches 3 pages */
	keep(9 * PAGE, 4 * PAGE, false);
	keep(60 * PAGE, 100 * PAGE, false); /* past the aperture, too */
	T_EQ(attach(), 0);
	T_OK(io.dev.iommu == io.d, "the device is behind it");
	T_EQ(io_stats(&io).mapped, 0);
	while ((at = io_map(&io, RAM, PAGE))) {
		got[at / PAGE] = true;
		n++;
	}
	T_EQ(n, 63 - 5 - 4); /* page 0 never */
	for (unsigned int i = 1; i < 64; i++)
		T_EQ(got[i], !(i >= 8 && i <= 12) && i < 60);
	for (unsigned int i = 1; i < 64; i++)
		if (got[i])
			io_unmap(&io, i * PAGE, PAGE);
	io_stop(&io);
}

static void is_mapped_one_to_one(void)
{
	struct device other;

	T_NEED(start(0));
	keep(RAM + MIB, 3 * PAGE, true);
	keep(16 * PAGE, 4 * PAGE, true); /* outside RAM */
	keep(32 * PAGE + 1, 2 * PAGE, true);
	keep(64 * PAGE + 1, PAGE - 1, true); /* no page of it begins in it */
	T_EQ(attach(), 0);
	T_EQ(io_reach(&io, RAM + MIB + 7, true), RAM + MIB + 7);
	T_EQ(leads_to(RAM + MIB + 3 * PAGE - 1), RAM + MIB + 3 * PAGE - 1);
	T_EQ(leads_to(RAM + MIB + 3 * PAGE), 0);
	T_EQ(leads_to(RAM + MIB - 1), 0);
	T_EQ(leads_to(17 * PAGE), 17 * PAGE);
	T_EQ(leads_to(32 * PAGE), 0);
	T_EQ(leads_to(33 * PAGE), 33 * PAGE);
	T_EQ(leads_to(34 * PAGE), 34 * PAGE);
	T_EQ(leads_to(64 * PAGE), 0);
	T_EQ(io_stats(&io).mapped, 9 * PAGE);
	T_EQ(device_init_of(&other, io.m, &node, &why), 0);
	T_EQ(device_attach_iommu(&other, &node, io.d, NULL), 0);
	T_OK(other.iommu == io.d, "a second device with the same regions");
	T_EQ(io_stats(&io).mapped, 9 * PAGE);
	io_stop(&io);
}

static void fails(int err, const char *text)
{
	T_EQ(attach(), err);
	T_STR(why.text, text);
	T_OK(!io.dev.iommu, "the device stays as it was");
}

/* The first range is mapped, the second cannot be: the first goes again. */
static void leaves_nothing_mapped(void)
{
	T_NEED(start(0));
	keep(RAM, 2 * PAGE, true);
	keep(RAM + 4 * PAGE, 2 * PAGE, true);
	T_EQ(iommu_map(io.d, (dma_t){RAM + 5 * PAGE}, (phys_t){RAM}, PAGE, IOMMU_READ), 0);
	fails(-FH_EEXIST, "fb: iommu-addresses: 0x40004000 to 0x40005fff cannot be mapped: error "
			  "-17");
	T_EQ(leads_to(RAM), 0);
	T_EQ(leads_to(RAM + 5 * PAGE), RAM);
	T_EQ(io_stats(&io).mapped, PAGE);
	T_EQ(iommu_unmap(io.d, (dma_t){RAM + 5 * PAGE}, PAGE), PAGE);
	T_EQ(attach(), 0);
	T_EQ(io_stats(&io).mapped, 4 * PAGE);
	io_stop(&io);
}

static void says_what_is_in_the_way(void)
{
	uint64_t at;

	T_NEED(start(16 * PAGE - 1));
	io.dev.iommu = io.d;
	at = io_map(&io, RAM, PAGE);
	io.dev.iommu = NULL;
	T_EQ(at, 15 * PAGE);
	keep(8 * PAGE, 8 * PAGE, false);
	fails(-FH_EEXIST, "fb: iommu-addresses: 0x8000 to 0xffff cannot be kept: some of it is "
			  "handed out");
	io.dev.iommu = io.d;
	T_OK(io_unmap(&io, at, PAGE), "it goes back, perhaps after a flush");
	io.dev.iommu = NULL;
	T_EQ(attach(), 0);
	io.dev.iommu = NULL;
	node.nr_iovas = 0;
	keep(IOMMU_END - PAGE, 2 * PAGE, true);
	fails(-FH_EINVAL, "fb: iommu-addresses: 0xfffffffff000 to 0x1000000000fff cannot be "
			  "mapped: error -22");
	node.nr_iovas = BOOT_DEVICE_IOVAS + 1;
	fails(-FH_EINVAL, "device: iommu-addresses: expected a device, its node, and a domain of "
			  "its machine");
	node.nr_iovas = 0;
	T_EQ(device_attach_iommu(NULL, &node, io.d, &why), -FH_EINVAL);
	T_EQ(device_attach_iommu(&io.dev, NULL, io.d, &why), -FH_EINVAL);
	T_EQ(device_attach_iommu(&io.dev, &node, NULL, NULL), -FH_EINVAL);
	io.dev.machine = NULL;
	T_EQ(attach(), -FH_EINVAL);
	io.dev.machine = io.m;
	io_stop(&io);
}

/* Every allocation fails once: nothing is left mapped, and the next try goes. */
static void without_memory(void)
{
	unsigned int nth = 1;

	T_NEED(start(0));
	for (unsigned int i = 0; i < 4; i++)
		keep(RAM + i * MIB, PAGE, true);
	for (;; nth++) {
		atomic_store(&io.tp.fail_nth, nth);
		if (!attach())
			break;
		T_OK(!atomic_load(&io.tp.fail_nth) && !io.dev.iommu, "an error is a failure");
		T_EQ(io_stats(&io).mapped, 0);
	}
	atomic_store(&io.tp.fail_nth, 0);
	T_OK(nth > 1, "something could fail");
	T_EQ(io_stats(&io).mapped, 4 * PAGE);
	io_stop(&io);
}

const struct t_case t_cases[] = {
	T(is_never_handed_out),	    T(is_mapped_one_to_one), T(leaves_nothing_mapped),
	T(says_what_is_in_the_way), T(without_memory),	     T_END,
};
