/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Devices of a tree: what their buses let them reach, whose memory they have, and how they are found. */
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"

static struct boot_config cfg;
static struct boot_device dev;
static struct boot_why why;
static _Alignas(8) char blob[32768];
static size_t blob_size;

#define NEEDS_DTC "needs dtc (device-tree-compiler) and to run where boards/ is"

/* Compiles a source; false: there is no dtc, or no such file from here. */
static bool compile(const char *file)
{
	char command[200];
	FILE *dtc;

	snprintf(command, sizeof(command), "dtc -q -I dts -O dtb -o - %s 2>/dev/null", file);
	dtc = popen(command, "r");
	if (!dtc)
		return false;
	blob_size = fread(blob, 1, sizeof(blob), dtc);
	return !pclose(dtc) && blob_size && blob_size < sizeof(blob);
}

static bool boot(const char *args)
{
	const char *broken;
	int err;

	boot_config_init(&cfg);
	err = boot_config_fdt(&cfg, blob, blob_size, &why);
	if (!err)
		err = boot_config_finish(&cfg, args, 0, &why);
	if (!T_EQ(err, 0)) {
		T_STR(why.text, "");
		return false;
	}
	broken = boot_check(&cfg);
	if (!broken)
		broken = boot_devices_check(blob, blob_size, &cfg);
	return T_OK(!broken, broken ? broken : "");
}

/* The text is what stands in the root, besides memory: 2 GiB at 1 GiB; 2 cells each. */
static bool boot_text(const char *text)
{
	FILE *out = tmpfile();
	char file[32];
	bool ok;

	if (!out)
		return false;
	fprintf(out,
		"/dts-v1/;\n/ {\n#address-cells = <2>; #size-cells = <2>;\n"
		"memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x80000000>; "
		"};\n"
		"%s\n};\n",
		text);
	rewind(out);
	snprintf(file, sizeof(file), "/dev/fd/%d", fileno(out));
	ok = compile(file);
	fclose(out);
	return ok;
}

static bool board(const char *name)
{
	char file[80];

	snprintf(file, sizeof(file), "boards/%s.dts", name);
	return compile(file);
}

static bool find(const char *which)
{
	if (T_EQ(boot_device_fdt(blob, blob_size, &cfg, which, &dev, &why), 0))
		return true;
	T_STR(why.text, which);
	return false;
}

static void fails(const char *which, int err, const char *text)
{
	T_EQ(boot_device_fdt(blob, blob_size, &cfg, which, &dev, &why), err);
	T_STR(why.text, text);
}

static void window(unsigned int i, uint64_t cpu, uint64_t bus, uint64_t size)
{
	T_OK(i < dev.nr_ranges, "there is such a window");
	T_EQ(dev.range[i].cpu.v, cpu);
	T_EQ(dev.range[i].dma.v, bus);
	T_EQ(dev.range[i].size, size);
}

static const char *region(unsigned int i)
{
	const struct boot_device_region *r = &dev.region[i];

	if (i >= dev.nr_regions)
		return "(no entry)";
	if (r->link == BOOT_LINK_REGION)
		T_STR(cfg.region[r->region].name, r->node);
	return r->link == BOOT_LINK_REGION ? r->node
	       : r->link == BOOT_LINK_OFF  ? "(off)"
	       : r->link == BOOT_LINK_NONE ? "(none)"
					   : "(dropped)";
}

/* ---- the boards ---- */

static void imx8mq(void)
{
	if (!board("imx8mq-evk"))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("/soc@0/csi@30a90000"));
	T_STR(dev.name, "30a90000.csi");
	T_STR(dev.path, "/soc@0/csi@30a90000");
	T_EQ(dev.nr_ranges, 1);
	window(0, 0x40000000, 0x40000000, 0xc0000000);
	T_EQ(dev.bus_dma_limit, 0xffffffff);
	T_EQ(dev.nr_regions, 1);
	T_STR(region(0), "linux,cma");
	T_OK(dev.available && !dev.dma_coherent && !dev.iommu, "as arm64 has it");
	T_NEED(find("rpmsg"));
	T_STR(dev.name, "rpmsg");
	T_EQ(dev.nr_ranges, 0);
	T_EQ(dev.bus_dma_limit, 0);
	T_STR(region(0), "rpmsg_dma@b8400000");
	fails("csi", -FH_EEXIST,
	      "device csi: 2 nodes have that name, as /soc@0/csi@30a70000 and /soc@0/csi@30a90000; "
	      "expected a path");
	T_NEED(boot("cma=64M")); /* the tree's area gives way: it is a region still, of nobody */
	T_NEED(find("30a90000.csi"));
	T_STR(region(0), "(dropped)");
}

/* The old bus sees memory at 3 GiB, and 1 GiB of it. */
static void rpi4(void)
{
	if (!board("rpi4"))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("csi"));
	T_STR(dev.name, "fe801000.csi");
	T_EQ(dev.nr_ranges, 1);
	window(0, 0, 0xc0000000, 0x40000000);
	T_EQ(dev.bus_dma_limit, 0xffffffff);
	T_NEED(find("/scb/pcie")); /* its own dma-ranges are those of the cards behind it */
	T_EQ(dev.nr_ranges, 0);
}

static void zcu102(void)
{
	if (!board("zcu102"))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("/remoteproc@ffe00000/r5f@0"));
	T_STR(dev.name, "ffe00000.r5f");
	T_EQ(dev.nr_regions, 4);
	T_STR(region(0), "memory@3ed00000");
	T_STR(region(1), "vdev0buffer@3ed48000");
	T_STR(region(3), "vdev0vring1@3ed44000");
	T_EQ(cfg.region[dev.region[1].region].kind, BOOT_REGION_DMA_POOL);
}

/* ---- windows ---- */

static const char *const buses =
	/* Two buses, one behind the other, each with an offset; cells differ. */
	"outer@0 { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>;"
	" ranges = <0 0 0x10000000 0x10000000>; dma-ranges = <0x80000000 0 0x40000000 0x40000000>;"
	" inner@1000 { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>;"
	"  ranges = <0 0x1000 0x1000>; dma-ranges = <0 0x80000000 0x20000000>;"
	"  cam@10 { compatible = \"x\"; reg = <0x10 4>; port { end { }; }; }; };"
	" empty { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>; ranges; "
	"dma-ranges;"
	"  cam@20 { compatible = \"x\"; reg = <0x20 4>; }; };"
	" plain { #address-cells = <1>; #size-cells = <1>;"
	"  cam@30 { compatible = \"x\"; reg = <0x30 4>;"
	"   deep { cam@40 { compatible = \"x\"; }; }; }; };"
	"};"
	/* Windows that go on, one that does not, one of no size, one that the bus above does not have. */
	"many@0 { #address-cells = <1>; #size-cells = <1>; dma-ranges = <0 0 0x40000000 "
	"0x80000000>;"
	" some { #address-cells = <1>; #size-cells = <1>;"
	"  dma-ranges = <0x1000 0x1000 0x1000>, <0x2000 0x2000 0x1000>, <0x9000 0x3000 0x1000>,"
	"   <0x100 0x100 0>, <0x5000 0x90000000 0x1000>;"
	"  dev { compatible = \"x\"; }; };"
	" lost { #address-cells = <1>; #size-cells = <1>; dma-ranges = <0 0xf0000000 0x1000>;"
	"  dev { compatible = \"x\"; }; }; };"
	/* A bus without windows below the root's: addresses are the same above. */
	"bare { #address-cells = <1>; #size-cells = <1>;"
	" win@7 { #address-cells = <1>; #size-cells = <1>; dma-ranges = <0x100000 0x40000000 "
	"0x200000>;"
	"  dev@8 { compatible = \"x\"; reg = <8 4>; }; }; };";

static void composes_windows(void)
{
	if (!boot_text(buses))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("cam@10"));
	T_STR(dev.name, "10001010.cam");
	T_EQ(dev.nr_ranges, 1);
	window(0, 0x40000000, 0, 0x20000000);
	T_EQ(dev.bus_dma_limit, 0x1fffffff);
	T_NEED(find("cam@20")); /* empty: as on the bus above */
	window(0, 0x40000000, 0x80000000, 0x40000000);
	T_EQ(dev.bus_dma_limit, 0xbfffffff);
	T_NEED(find("cam@30")); /* of the first bus it may be missing */
	window(0, 0x40000000, 0x80000000, 0x40000000);
	T_NEED(find("dev@8"));
	T_STR(dev.name, "bare:win@7:dev@8"); /* without ranges the CPU does not see it */
	window(0, 0x40000000, 0x100000, 0x200000);
	T_NEED(find("cam@40")); /* of two, one behind the other, not */
	T_EQ(dev.nr_ranges, 0);
	T_STR(dev.path, "/outer@0/plain/cam@30/deep/cam@40");
}

static void joins_and_loses_windows(void)
{
	if (!boot_text(buses))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("/many@0/some/dev"));
	T_STR(dev.name, "many@0:some:dev");
	T_EQ(dev.nr_ranges, 2);
	window(0, 0x40001000, 0x1000, 0x2000);
	window(1, 0x40003000, 0x9000, 0x1000);
	T_EQ(dev.bus_dma_limit, 0x9fff);
	T_EQ(dev.lost_ranges, 2);
	T_NEED(find("/many@0/lost/dev"));
	T_EQ(dev.nr_ranges, 0);
	T_EQ(dev.bus_dma_limit, 0);
	T_EQ(dev.lost_ranges, 1);
}

static void counts_windows(void)
{
	if (!boot_text("b { #address-cells = <1>; #size-cells = <1>;"
		       " dma-ranges = <0 0 1 1>, <2 0 1 1>, <4 0 1 1>, <6 0 1 1>, <8 0 1 1>,"
		       " <10 0 1 1>, <12 0 1 1>, <14 0 1 1>, <16 0 1 1>; dev { compatible = \"x\"; "
		       "}; };"))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	fails("dev", -FH_ENOSPC, "device tree: b:dev: more than 8 windows in dma-ranges above it");
}

/* ---- caches, IOMMU, regions ---- */

static const char *const owners =
	"reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;"
	" area: area { compatible = \"shared-dma-pool\"; reusable; size = <0 0x400000>; };"
	" pool: pool@50000000 { compatible = \"shared-dma-pool\"; reg = <0 0x50000000 0 0x10000>; "
	"};"
	" off: off@51000000 { status = \"disabled\"; reg = <0 0x51000000 0 0x10000>; };"
	" huge: huge { size = <0x10 0>; }; };"
	"smmu: iommu { #iommu-cells = <0>; };"
	"aliases { camera0 = \"/bus/a\"; loop = \"loop\"; nowhere = \"/nowhere\"; };"
	"bus { dma-coherent; e { memory-region = [01 02 03]; };"
	" a { compatible = \"x\"; memory-region = <&area &pool &off &huge &smmu 0x999 0>;"
	"  memory-region-names = \"frames\", \"tables\"; iommus = <&smmu>; };"
	" b { compatible = \"x\"; dma-noncoherent; c { memory-region = <&pool>; }; };"
	" d { compatible = \"x\"; status = \"disabled\"; memory-region = <&pool>; };"
	" };";

static void resolves_regions(void)
{
	if (!boot_text(owners))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("camera0"));
	T_STR(dev.path, "/bus/a");
	T_STR(dev.name, "bus:a");
	T_OK(dev.dma_coherent && dev.iommu && dev.available, "of the node and those above");
	T_EQ(dev.nr_regions, 7);
	T_STR(region(0), "area");
	T_STR(region(1), "pool@50000000");
	T_STR(region(2), "(off)");
	T_STR(region(3), "(dropped)");
	T_STR(region(4), "(dropped)");
	T_STR(region(5), "(none)");
	T_STR(region(6), "(none)");
	T_STR(dev.region[0].name, "frames");
	T_STR(dev.region[1].name, "tables");
	T_STR(dev.region[2].name, "");
	T_STR(dev.region[3].node, "huge");
	T_STR(dev.region[5].node, "");
	T_NEED(find("/bus/b"));
	T_OK(!dev.dma_coherent && !dev.iommu, "the nearest word counts");
	T_NEED(find("/bus/b/c"));
	T_OK(!dev.dma_coherent, "the nearest word counts");
	T_NEED(find("/bus/d"));
	T_OK(!dev.available && dev.dma_coherent, "disabled, but there");
	fails("/bus/e", -FH_EINVAL,
	      "device tree: bus:e: memory-region: 3 bytes, expected phandles of 4");
}

static const char *const kept =
	"reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;"
	" fb: fb@50000000 { reg = <0 0x50000000 0 0x10000>; iommu-addresses = <&gpu 0x50000000 "
	"0x10000>, <&dc 0 0x50000000 0 0x10000>,"
	"  <&dc 0 0x60000000 0 0x10000>, <&dc 0 0x70000000 0 0>; };"
	" iova: iova { iommu-addresses = <&dc 0 0x10000000 0 0x1000>; };"
	" byte: byte@51000000 { reg = <0 0x51000000 0 1>; iommu-addresses = <&dc 0 0x51000000 0 "
	"1>; };"
	" short: short { iommu-addresses = <&cut 0 0x10000000 0>; };"
	" end: end { iommu-addresses = <&past 0xffffffff 0xfffff000 0 0x2000>; };"
	" far: far { iommu-addresses = <&lost 0 0x1000>; };"
	" many: many { iommu-addresses = <&full 0 0 0 1>, <&full 0 1 0 1>; }; };"
	"smmu: iommu { #iommu-cells = <0>; };"
	"dc: dc { compatible = \"x\"; iommus = <&smmu>; memory-region = <&iova &fb &byte>; };"
	"none { compatible = \"x\"; iommus = <&smmu>; memory-region = <&iova>; };"
	"cut: cut { memory-region = <&short>; };"
	"past: past { memory-region = <&end>; };"
	"full: full { memory-region = <&many &many &many &many &many &many &many &many>; };"
	"bus { #address-cells = <1>; #size-cells = <1>; dma-ranges = <0x40000000 0 0x50000000 "
	"0x20000000>;"
	" lost: lost { memory-region = <&far>; }; };"
	"other { #address-cells = <1>; #size-cells = <1>; gpu: gpu { memory-region = <&fb>; }; };";

static void iova(unsigned int i, unsigned int entry, uint64_t base, uint64_t size, bool direct)
{
	T_OK(i < dev.nr_iovas, "there is such a range");
	T_EQ(dev.iova[i].entry, entry);
	T_EQ(dev.iova[i].base, base);
	T_EQ(dev.iova[i].size, size);
	T_EQ(dev.iova[i].direct, direct);
}

static void keeps_addresses(void)
{
	if (!boot_text(kept))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("/dc"));
	T_EQ(dev.nr_iovas, 4);
	iova(0, 0, 0x10000000, 0x1000, false);
	iova(1, 1, 0x50000000, 0x10000, true);
	iova(2, 1, 0x60000000, 0x10000, false);
	iova(3, 2, 0x51000000, 1, false); /* of one byte Linux maps nothing */
	T_NEED(find("/other/gpu"));
	T_EQ(dev.nr_iovas, 1);
	iova(0, 0, 0x50000000, 0x10000, true); /* in the cells of its own bus */
	T_NEED(find("/none"));
	T_EQ(dev.nr_iovas, 0);
	T_NEED(find("/full"));
	T_EQ(dev.nr_iovas, BOOT_DEVICE_IOVAS);
	fails("/cut", -FH_EINVAL,
	      "device tree: short: iommu-addresses for cut: cut off, expected an address and a "
	      "size in the cells of its bus");
	fails("/past", -FH_EINVAL,
	      "device tree: end: iommu-addresses for past: it passes the end of all addresses");
	fails("/bus/lost", -FH_EINVAL,
	      "device tree: far: iommu-addresses for bus:lost: dma-ranges above it have no such "
	      "address");
}

/* Addresses of the device's bus are moved up, as Linux does; one range too many is an error. */
static void moves_and_counts_addresses(void)
{
	if (!boot_text(
		    "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;"
		    " fb: fb@50000000 { reg = <0 0x50000000 0 0x10000>;"
		    "  iommu-addresses = <&cam 0x40000000 0x10000>; };"
		    " many: many { iommu-addresses = <&full 0 0 0 1>; }; };"
		    "full: full { memory-region = <&many &many &many &many &many &many &many &many"
		    " &many &many &many &many &many &many &many &many>; };"
		    "bus { #address-cells = <1>; #size-cells = <1>;"
		    " dma-ranges = <0x40000000 0 0x50000000 0x20000000>;"
		    " cam: cam { memory-region = <&fb>; }; };"))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_NEED(find("/bus/cam"));
	iova(0, 0, 0x50000000, 0x10000, true);
	T_NEED(find("/full"));
	T_EQ(dev.nr_iovas, 16);
	T_NEED(boot_text("reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;"
			 " many: many { iommu-addresses = <&full 0 0 0 1 &full 0 2 0 1>; }; };"
			 "full: full { memory-region = <&many &many &many &many &many &many &many "
			 "&many &many>; };"));
	T_NEED(boot(NULL));
	fails("/full", -FH_ENOSPC,
	      "device tree: full: iommu-addresses keep more than 16 ranges for it");
}

static void says_who_is_not_found(void)
{
	if (!boot_text(owners))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	fails("/bus/z", -FH_ENOENT, "device /bus/z: no such node in the tree");
	fails("z", -FH_ENOENT, "device z: no node, alias or device of that name in the tree");
	fails("loop", -FH_ENOENT, "device loop: no node, alias or device of that name in the tree");
	fails("nowhere", -FH_ENOENT,
	      "device nowhere: no node, alias or device of that name in the tree");
	fails("", -FH_ENOENT, "device `': expected a node below the root");
	fails("/", -FH_ENOENT, "device `/': expected a node below the root");
	T_EQ(boot_device_fdt(blob, 20, &cfg, "a", &dev, &why), -FH_EINVAL);
}

struct list {
	char text[400];
	unsigned int stop_after;
};

static bool add(void *arg, const struct boot_device *d, int err, const struct boot_why *reason)
{
	struct list *l = arg;
	size_t at = strlen(l->text);

	snprintf(l->text + at, sizeof(l->text) - at, "%s%s ", d->path, err ? "!" : "");
	T_OK(!err == !reason->text[0], "a reason when it fails");
	return l->stop_after && !--l->stop_after;
}

static void lists_devices(void)
{
	struct list l = {.stop_after = 0};

	if (!boot_text(owners))
		T_SKIP(NEEDS_DTC);
	T_NEED(boot(NULL));
	T_EQ(boot_devices_for_each(blob, blob_size, &cfg, add, &l, &why), 0);
	T_STR(l.text, "/bus/e! /bus/a /bus/b/c ");
	l = (struct list){.stop_after = 2};
	T_EQ(boot_devices_for_each(blob, blob_size, &cfg, add, &l, &why), 0);
	T_STR(l.text, "/bus/e! /bus/a ");
	T_NEED(boot_text(buses) && boot(NULL));
	l = (struct list){.stop_after = 0};
	T_EQ(boot_devices_for_each(blob, blob_size, &cfg, add, &l, &why), 0);
	T_STR(l.text, "/outer@0/inner@1000/cam@10 /outer@0/empty/cam@20 /outer@0/plain/cam@30 "
		      "/many@0/some/dev /many@0/lost/dev /bare/win@7/dev@8 ");
}

const struct t_case t_cases[] = {
	T(imx8mq),
	T(rpi4),
	T(zcu102),
	T(composes_windows),
	T(joins_and_loses_windows),
	T(counts_windows),
	T(resolves_regions),
	T(keeps_addresses),
	T(moves_and_counts_addresses),
	T(says_who_is_not_found),
	T(lists_devices),
	T_END,
};
