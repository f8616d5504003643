/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/bus.h>: where a device's address leads. The IOMMU and the debugging hook are stood in for (-Wl,--wrap, see the Makefile). */
#include <string.h>
#include <freehold/bus.h>
#include "dma/debug.h"
#include "dma/dma.h"
#include "dma/iommu.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)
#define LOW UINT64_C(0x40000000)
#define TOP UINT64_C(0x100000000)

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;
static phys_t phys;
static uint64_t run;

static struct {
	uint64_t dma, size, phys, run;
	bool write;
	int error;
	unsigned int calls;
} iommu, debug;

int __wrap_iommu_translate(const struct device *d, dma_t bus, uint64_t size, bool write,
			   phys_t *where, uint64_t *how_long);
int __wrap_iommu_translate(const struct device *d, dma_t bus, uint64_t size, bool write,
			   phys_t *where, uint64_t *how_long)
{
	T_OK(d == &dev, "the device");
	iommu.dma = bus.v;
	iommu.size = size;
	iommu.write = write;
	iommu.calls++;
	*where = (phys_t){iommu.phys};
	*how_long = iommu.run;
	return iommu.error;
}

void __wrap_debug_dma_device_access(const struct device *d, dma_t handle, uint64_t size,
				    bool write);
void __wrap_debug_dma_device_access(const struct device *d, dma_t handle, uint64_t size, bool write)
{
	T_OK(d == &dev, "the device");
	debug.dma = handle.v;
	debug.size = size;
	debug.write = write;
	debug.calls++;
}

/* Two banks: 64 MiB at 1 GiB, 64 MiB at 4 GiB. */
static bool start(void)
{
	static const struct boot_bank bank[] = {{LOW, 64 * MIB}, {TOP, 64 * MIB}};

	testplat_init(&tp);
	testplat_cpu(0);
	m = testplat_machine_of(&tp, testplat_banks(bank, 2, 1));
	memset(&iommu, 0, sizeof(iommu));
	memset(&debug, 0, sizeof(debug));
	dev = (struct device){.machine = m, .name = "camera"};
	return m;
}

static int go(uint64_t dma, uint64_t size)
{
	return dma_bus_translate(&dev, (dma_t){dma}, size, false, &phys, &run);
}

/* The last line of the log. */
static bool logged(const char *line)
{
	const char *end = m->dmesg.buf + m->dmesg.len; /* little was said yet: it has not wrapped */
	size_t n = strlen(line);

	return m->dmesg.len > n && end[-1] == '\n' && !memcmp(end - 1 - n, line, n);
}

static void without_windows(void)
{
	T_NEED(start());
	T_EQ(go(LOW + 0x1234, 100), 0);
	T_EQ(phys.v, LOW + 0x1234);
	T_EQ(run, 100);
	T_EQ(go(TOP, 64 * MIB), 0);
	T_EQ(run, 64 * MIB);
	T_EQ(go(LOW + 64 * MIB - 10, 100), 0); /* up to the end of RAM */
	T_EQ(run, 10);
	T_EQ(go(LOW + 64 * MIB, 1), -FH_EFAULT);
	T_OK(logged("camera: read of 1 bytes at 0x44000000: not RAM"), m->dmesg.buf);
	T_EQ(go(LOW - 1, 8), -FH_EFAULT);
	T_EQ(go(0, 1), -FH_EFAULT);
	T_EQ(go(UINT64_MAX, 1), -FH_EFAULT);
	T_EQ(go(UINT64_MAX, 2), -FH_EFAULT);
	T_OK(logged("camera: read of 2 bytes at 0xffffffffffffffff: above what it can drive"),
	     "around the end");
	testplat_end(&tp, m);
}

static void above_the_mask(void)
{
	T_NEED(start());
	dev.dma_mask = DMA_BIT_MASK(32);
	T_EQ(go(TOP, 1), -FH_EFAULT);
	T_OK(logged("camera: read of 1 bytes at 0x100000000: above what it can drive"), "said");
	dev.dma_mask = TOP + 99;
	T_EQ(go(TOP, 100), 0);
	T_EQ(go(TOP, 101), -FH_EFAULT); /* the last byte */
	dev.bus_dma_limit = LOW + 9;
	T_EQ(go(LOW, 10), 0);
	T_EQ(dma_bus_translate(&dev, (dma_t){LOW}, 11, true, &phys, &run), -FH_EFAULT);
	T_OK(logged("camera: write of 11 bytes at 0x40000000: above what it can drive"), "said");
	testplat_end(&tp, m);
}

static void by_windows(void)
{
	T_NEED(start());
	dev.range[0] = (struct bus_dma_region){.cpu = {TOP}, .dma = {0}, .size = MIB};
	dev.range[1] = (struct bus_dma_region){.cpu = {LOW}, .dma = {MIB}, .size = MIB};
	dev.range[2] = (struct bus_dma_region){
		.cpu = {LOW + 63 * MIB}, .dma = {16 * MIB}, .size = 2 * MIB};
	dev.nr_ranges = 3;
	T_EQ(go(16, 100), 0);
	T_EQ(phys.v, TOP + 16);
	T_EQ(go(MIB - 4, 100), 0); /* to the window's end, then the other */
	T_EQ(phys.v, TOP + MIB - 4);
	T_EQ(run, 4);
	T_EQ(go(MIB, 96), 0);
	T_EQ(phys.v, LOW);
	T_EQ(run, 96);
	T_EQ(go(2 * MIB, 1), -FH_EFAULT);
	T_OK(logged("camera: read of 1 bytes at 0x200000: in no window of its bus"), "said");
	T_EQ(go(LOW, 1), -FH_EFAULT);
	T_EQ(go(16 * MIB, 2 * MIB), 0); /* the window is longer than RAM */
	T_EQ(run, MIB);
	T_EQ(go(17 * MIB, 1), -FH_EFAULT);
	testplat_end(&tp, m);
}

static void by_iommu(void)
{
	T_NEED(start());
	dev.iommu = (struct iommu_domain *)&iommu;
	dev.dma_mask = DMA_BIT_MASK(32);
	iommu.phys = TOP + 5;
	iommu.run = 7;
	T_EQ(dma_bus_translate(&dev, (dma_t){0x1005}, 20, true, &phys, &run), 0);
	T_EQ(phys.v, TOP + 5);
	T_EQ(run, 7);
	T_OK(iommu.dma == 0x1005 && iommu.size == 20 && iommu.write, "asked for what it was");
	iommu.phys = LOW + 64 * MIB - 2;
	T_EQ(go(0x1005, 20), 0);
	T_EQ(run, 2);
	iommu.phys = 0x1000; /* a register that was mapped */
	T_EQ(go(0x1005, 20), 0);
	T_EQ(phys.v, 0x1000);
	T_EQ(run, 7);
	iommu.error = -FH_EFAULT;
	T_EQ(go(0x1005, 20), -FH_EFAULT);
	T_OK(logged("camera: read of 20 bytes at 0x1005: stopped by its IOMMU"), "said");
	T_EQ(iommu.calls, 4);
	T_EQ(go(TOP, 1), -FH_EFAULT);
	T_EQ(iommu.calls, 4); /* the address never left the device */
	testplat_end(&tp, m);
}

static void told_to_debugging(void)
{
	struct dma_debug *keep;

	T_NEED(start());
	keep = m->dma->debug;
	m->dma->debug = NULL;
	T_EQ(go(LOW, 10), 0);
	T_EQ(debug.calls, 0);
	m->dma->debug = (struct dma_debug *)&debug;
	T_EQ(dma_bus_translate(&dev, (dma_t){LOW + 64 * MIB}, 10, true, &phys, &run), -FH_EFAULT);
	T_EQ(debug.calls, 1); /* before anything else */
	T_OK(debug.dma == LOW + 64 * MIB && debug.size == 10 && debug.write, "the whole access");
	m->dma->debug = keep;
	testplat_end(&tp, m);
}

static void bad_arguments(void)
{
	struct device nowhere = {.name = "none"};
	dma_t dma = {LOW};

	T_NEED(start());
	T_EQ(dma_bus_translate(NULL, dma, 1, false, &phys, &run), -FH_EINVAL);
	T_EQ(dma_bus_translate(&nowhere, dma, 1, false, &phys, &run), -FH_EINVAL);
	T_EQ(dma_bus_translate(&dev, dma, 0, false, &phys, &run), -FH_EINVAL);
	T_EQ(dma_bus_translate(&dev, dma, 1, false, NULL, &run), -FH_EINVAL);
	T_EQ(dma_bus_translate(&dev, dma, 1, false, &phys, NULL), -FH_EINVAL);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {
	T(without_windows),   T(above_the_mask), T(by_windows), T(by_iommu),
	T(told_to_debugging), T(bad_arguments),	 T_END};
