/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command line: numbers as memparse(), words as Linux divides them, and every option of ours. */
#include <string.h>
#include "t.h"
#include "boot/cmdline.h"

static struct boot_cmdline c;
static struct boot_why why;

#define SWIOTLB                                                                                    \
	"swiotlb=[SLOTS][,AREAS][,force|noforce], as swiotlb=32768 (64 MiB) or swiotlb=force"

static void number(const char *s, uint64_t want, size_t used)
{
	const char *end = NULL;
	uint64_t v = 1;

	T_EQ(boot_memparse(s, &end, &v), 0);
	T_EQ(v, want);
	T_EQ(end - s, used);
}

static void reads_numbers(void)
{
	number("64M", UINT64_C(64) << 20, 3);
	number("64m,", UINT64_C(64) << 20, 3);
	number("1k", 1024, 2);
	number("2G", UINT64_C(2) << 30, 2);
	number("3T", UINT64_C(3) << 40, 2);
	number("1P", UINT64_C(1) << 50, 2);
	number("15E", UINT64_C(15) << 60, 3);
	number("0x1E", 30, 4); /* a digit, not exa */
	number("0x10M", UINT64_C(16) << 20, 5);
	number("0XfF", 255, 4);
	number("010", 8, 3);
	number("08", 0, 1); /* octal: 8 is no digit */
	number("0x", 0, 1); /* as Linux: the number is 0 */
	number("0xg", 0, 1);
	number("12MB", UINT64_C(12) << 20, 3);
	number("18446744073709551615", UINT64_MAX, 20);
	number("0x3ffffffffffK", UINT64_C(0x3ffffffffff) << 10, 14);
}

static void finds_overflow(void)
{
	static const char *const over[] = {
		"18446744073709551616", "0x10000000000000000",	   "16E",
		"17179869184G",		"02000000000000000000000", "99999999999999999999999999K",
	};
	const char *end;
	uint64_t v = 7;

	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		T_EQ(boot_memparse(over[i], &end, &v), -FH_ERANGE);
		T_STR(end, "");
	}
	T_EQ(v, 7);
}

static void wants_digits(void)
{
	static const char *const none[] = {"", "M", "-1", " 1", "x10", "+1", "G4"};
	const char *end;
	uint64_t v = 7;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		T_EQ(boot_memparse(none[i], &end, &v), -FH_EINVAL);
		T_OK(end == none[i], "nothing was read");
	}
}

static void cma(const char *args, uint64_t size, uint64_t base, uint64_t limit)
{
	if (!T_EQ(boot_cmdline_parse(args, &c, &why), 0))
		T_STR(why.text, args);
	T_OK(c.has_cma, args);
	T_EQ(c.cma_size, size);
	T_EQ(c.cma_base, base);
	T_EQ(c.cma_limit, limit);
}

static void reads_cma(void)
{
	cma("cma=64M", 64 << 20, 0, 0);
	cma("cma=64M@1G", 64 << 20, 1 << 30, (1 << 30) + (64 << 20));
	cma("cma=64M@1G-0x80000000", 64 << 20, 1 << 30, UINT64_C(2) << 30);
	cma("cma=0", 0, 0, 0);
	cma("quiet cma=1M root=/dev/sda cma=2M", 2 << 20, 0, 0);
	cma("cma=1M@1G cma=2M@2G", 2 << 20, UINT64_C(2) << 30,
	    (UINT64_C(2) << 30) + (2 << 20)); /* the last counts */
}

static void divides_words_as_linux(void)
{
	cma("\t cma=8M\n", 8 << 20, 0, 0);
	cma("cma=8M a=\"x cma=1M y\" \"b cma=1M\"", 8 << 20, 0, 0);
	cma("cma=\"8M\"", 8 << 20, 0, 0);
	cma("\"cma=8M\"", 8 << 20, 0, 0);
	cma("xcma=1M cmax=1M cma.x=1M cma=8M", 8 << 20, 0, 0);
	cma("cma=8M -- cma=1M mem=oops", 8 << 20, 0, 0);
	cma("--x cma=8M", 8 << 20, 0, 0);
	T_EQ(boot_cmdline_parse("dyndbg=\"cma=1M\" =5 = \"\" \" cma", &c, &why), 0);
	T_OK(!c.has_cma && !c.has_mem, "none is ours");
	T_EQ(boot_cmdline_parse("", &c, &why), 0);
}

static void reads_mem(void)
{
	T_EQ(boot_cmdline_parse("mem=512M", &c, &why), 0);
	T_OK(c.has_mem && !c.has_cma, "only mem=");
	T_EQ(c.mem, 512 << 20);
	T_EQ(boot_cmdline_parse("mem=5000", &c, &why), 0);
	T_EQ(c.mem, 4096);
}

static const struct boot_dma *dma(const char *args)
{
	c.dma = (struct boot_dma){.iommu_strict = true};
	if (!T_EQ(boot_cmdline_parse(args, &c, &why), 0))
		T_STR(why.text, args);
	return &c.dma;
}

static void swiotlb(const char *args, uint64_t slabs, unsigned int areas, const char *how)
{
	const struct boot_dma *d = dma(args);

	T_EQ(d->swiotlb_slabs, slabs);
	T_EQ(d->swiotlb_areas, areas);
	T_STR(d->swiotlb_force ? "force" : d->swiotlb_noforce ? "noforce" : "", how);
	T_OK(!d->swiotlb_force || !d->swiotlb_noforce, args);
}

/* Every form that Linux's setup_io_tlb_npages() takes, with its roundings. */
static void reads_swiotlb(void)
{
	swiotlb("", 0, 0, "");
	swiotlb("swiotlb=65536", 65536, 0, "");
	swiotlb("swiotlb=1", 128, 0, "");
	swiotlb("swiotlb=129", 256, 0, "");
	swiotlb("swiotlb=0x8000,4", 32768, 4, "");
	swiotlb("swiotlb=1024,3,force", 1024, 4, "force");
	swiotlb("swiotlb=1024,0", 1024, 1, "");
	swiotlb("swiotlb=1024,noforce", 1024, 0, "noforce");
	swiotlb("swiotlb=1024,,force", 1024, 0, "force");
	swiotlb("swiotlb=,2", 0, 2, "");
	swiotlb("swiotlb=,2,force", 0, 2, "force");
	swiotlb("swiotlb=force", 0, 0, "force");
	swiotlb("swiotlb=,,noforce", 0, 0, "noforce");
	swiotlb("swiotlb=4096,8,force swiotlb=noforce", 0, 0, "noforce"); /* the last, wholly */
}

static void reads_options_of_buffers(void)
{
	c = (struct boot_cmdline){.like = 6012};
	T_EQ(boot_cmdline_parse("", &c, &why), 0);
	T_EQ(c.like, 6012);
	T_EQ(c.heaps_linux_only, 0);
	T_EQ(boot_cmdline_parse("like=6.18 heaps=linux", &c, &why), 0);
	T_EQ(c.like, 6018);
	T_EQ(c.heaps_linux_only, 1);
	T_EQ(boot_cmdline_parse("like=5.6 heaps=all", &c, &why), 0);
	T_EQ(c.like, 5006);
	T_EQ(c.heaps_linux_only, 0);
}

static void reads_options_of_dma(void)
{
	T_EQ(dma("coherent_pool=2M")->coherent_pool, 2 << 20);
	T_EQ(dma("coherent-pool=2M")->coherent_pool, 2 << 20); /* to Linux the same name */
	T_EQ(dma("coherent_pool=2M")->coherent_only, 0);
	T_EQ(dma("coherent_only")->coherent_only, 1);
	T_EQ(dma("coherent_only")->coherent_only_pool, 0);
	T_EQ(dma("a=b coherent_only=64M")->coherent_only, 1);
	T_EQ(dma("coherent_only=64M")->coherent_only_pool, 64 << 20);
	T_EQ(dma("coherent_only=64M coherent_only")->coherent_only_pool, 0);
	T_EQ(dma("dma_order=legacy")->legacy_order, 1);
	T_EQ(dma("dma_order=legacy dma_order=linux")->legacy_order, 0);
	T_EQ(dma("")->iommu_strict, 1);
	T_EQ(dma("iommu.strict=0")->iommu_strict, 0);
	T_EQ(dma("iommu.strict=n")->iommu_strict, 0);
	T_EQ(dma("iommu.strict=0 iommu.strict=on")->iommu_strict, 1);
	T_EQ(dma("")->debug, 0);
	T_EQ(dma("dma_debug")->debug, 1);
	T_EQ(dma("dma_debug=on")->debug, 1);
	T_EQ(dma("dma_debug dma_debug=off")->debug, 0);
	T_EQ(dma("dma_debug_entries=1000")->debug_entries, 1000);
	T_EQ(dma("dma_debug_entries=1000")->debug, 0);
	T_STR(dma("dma_debug_driver=csi")->debug_driver, "csi");
	T_STR(dma("dma_debug_driver=\"my csi\" quiet")->debug_driver, "my csi");
}

/* What a program asked for stays, where the line says nothing of it. */
static void keeps_what_was_asked_before(void)
{
	c.dma = (struct boot_dma){.coherent_pool = 4096, .legacy_order = true, .debug = true};
	T_EQ(boot_cmdline_parse("dma_debug=off", &c, &why), 0);
	T_EQ(c.dma.coherent_pool, 4096);
	T_OK(c.dma.legacy_order && !c.dma.debug, "one of three was changed");
}

static void says_what_is_wrong(void)
{
	static const struct {
		const char *args;
		int err;
		const char *why;
	} bad[] = {
		{"cma=64MB", -FH_EINVAL,
		 "cma=64MB: unexpected `B'; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"a cma=", -FH_EINVAL,
		 "cma=: no number for the size; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma", -FH_EINVAL, "cma: no value; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=1M@", -FH_EINVAL,
		 "cma=1M@: no number for the start; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=1M@1G-x", -FH_EINVAL,
		 "cma=1M@1G-x: no number for the end; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=1M@1G-1G", -FH_EINVAL,
		 "cma=1M@1G-1G: the end lies below start plus size; expected "
		 "cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=99999999999E x", -FH_ERANGE,
		 "cma=99999999999E: the size does not fit 64 bits"},
		{"cma=1M@1G cma=2M", -FH_EINVAL,
		 "cma=2M: Linux keeps the start and the end that a cma= before has; expected "
		 "cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=18446744073709551615", -FH_ERANGE,
		 "cma=18446744073709551615: 2^64-1 means to Linux that none was given"},
		{"cma=8E@15E", -FH_ERANGE, "cma=8E@15E: start plus size do not fit 64 bits"},
		{"mem=1G@2G", -FH_EINVAL,
		 "mem=1G@2G: unexpected `@'; expected mem=SIZE, as mem=512M"},
		{"mem=0", -FH_EINVAL, "mem=0: expected at least one page (4K)"},
		{"mem", -FH_EINVAL, "mem: no value; expected mem=SIZE, as mem=512M"},
		{"coherent_pool=64MB", -FH_EINVAL,
		 "coherent_pool=64MB: unexpected `B'; expected coherent_pool=SIZE, as "
		 "coherent_pool=2M"},
		{"coherent_pool=0", -FH_EINVAL,
		 "coherent_pool=0: expected whole pages (4K), at least one"},
		{"coherent_pool=5000", -FH_EINVAL,
		 "coherent_pool=5000: expected whole pages (4K), at least one"},
		{"coherent_pool", -FH_EINVAL,
		 "coherent_pool: no value; expected coherent_pool=SIZE, as coherent_pool=2M"},
		{"coherent_only=", -FH_EINVAL,
		 "coherent_only=: no number for the size; expected coherent_only or "
		 "coherent_only=SIZE, as coherent_only=64M"},
		{"coherent_only=1", -FH_EINVAL,
		 "coherent_only=1: expected whole pages (4K), at least one"},
		{"coherent_only=99999999999E", -FH_ERANGE,
		 "coherent_only=99999999999E: the size does not fit 64 bits"},
		{"swiotlb=64M", -FH_EINVAL,
		 "swiotlb=64M: slots of 2 KiB are counted, without a suffix; expected " SWIOTLB},
		{"swiotlb=", -FH_EINVAL, "swiotlb=: expected " SWIOTLB},
		{"swiotlb", -FH_EINVAL, "swiotlb: no value; expected " SWIOTLB},
		{"swiotlb=forced", -FH_EINVAL, "swiotlb=forced: expected " SWIOTLB},
		{"swiotlb=1024,", -FH_EINVAL, "swiotlb=1024,: expected " SWIOTLB},
		{"swiotlb=1024,2,", -FH_EINVAL, "swiotlb=1024,2,: expected " SWIOTLB},
		{"swiotlb=1024,2k", -FH_EINVAL,
		 "swiotlb=1024,2k: unexpected `k'; expected " SWIOTLB},
		{"swiotlb=force,1024", -FH_EINVAL, "swiotlb=force,1024: expected " SWIOTLB},
		{"swiotlb=0", -FH_EINVAL,
		 "swiotlb=0: the number of slots (2 KiB each) is 0; expected 1 to 137438953472"},
		{"swiotlb=1024,5000", -FH_EINVAL,
		 "swiotlb=1024,5000: the number of areas is 5000; expected 0 to 4096"},
		{"swiotlb=18446744073709551616", -FH_ERANGE,
		 "swiotlb=18446744073709551616: the number of slots (2 KiB each) does not fit 64 "
		 "bits"},
		{"dma_order=old", -FH_EINVAL,
		 "dma_order=old: expected dma_order=linux or dma_order=legacy"},
		{"dma_order", -FH_EINVAL,
		 "dma_order: no value; expected dma_order=linux or dma_order=legacy"},
		{"like=6-1", -FH_EINVAL,
		 "like=6-1: not a kernel's version; expected like=MAJOR[.MINOR], as like=6.12"},
		{"like=v6.12", -FH_EINVAL,
		 "like=v6.12: no number for the version; expected like=MAJOR[.MINOR], as "
		 "like=6.12"},
		{"like=6.12.1", -FH_EINVAL,
		 "like=6.12.1: unexpected `.'; expected like=MAJOR[.MINOR], as like=6.12"},
		{"like=6.1000", -FH_EINVAL,
		 "like=6.1000: the minor version is 1000; expected 0 to 999"},
		{"like=4.19", -FH_EINVAL, "like=4.19: the version is 4; expected 5 to 99"},
		{"like=5.5", -FH_ERANGE,
		 "like=5.5: kernels before 5.6 have no heaps; expected like=MAJOR[.MINOR], as "
		 "like=6.12"},
		{"heaps=ours", -FH_EINVAL, "heaps=ours: expected heaps=all or heaps=linux"},
		{"iommu.strict=2", -FH_EINVAL,
		 "iommu.strict=2: expected iommu.strict=0 or iommu.strict=1"},
		{"dma_debug=1", -FH_EINVAL,
		 "dma_debug=1: expected dma_debug, dma_debug=on or dma_debug=off"},
		{"dma_debug_entries=0", -FH_EINVAL,
		 "dma_debug_entries=0: the number of entries is 0; expected 1 to 16777216"},
		{"dma_debug_entries=many", -FH_EINVAL,
		 "dma_debug_entries=many: no number for the number of entries; expected "
		 "dma_debug_entries=N, as dma_debug_entries=65536"},
		{"dma_debug_entries=4k", -FH_EINVAL,
		 "dma_debug_entries=4k: unexpected `k'; expected dma_debug_entries=N, as "
		 "dma_debug_entries=65536"},
		{"dma_debug_driver=", -FH_EINVAL,
		 "dma_debug_driver=: not a name of 1 to 63 characters; expected "
		 "dma_debug_driver=NAME"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		T_EQ(boot_cmdline_parse(bad[i].args, &c, &why), bad[i].err);
		T_STR(why.text, bad[i].why);
	}
	T_EQ(boot_cmdline_parse("cma=oops", &c, NULL), -FH_EINVAL);
}

static void sets_the_version(void)
{
	static struct boot_config cfg;

	boot_config_init(&cfg);
	T_EQ(boot_config_like(&cfg, "6.1", &why), 0);
	T_EQ(cfg.like, 6001);
	T_OK(cfg.heaps_linux_only, "its heaps");
	T_EQ(boot_config_like(&cfg, "5.5", &why), -FH_ERANGE);
	T_EQ(boot_config_like(&cfg, "6.12 heaps=all", &why), -FH_EINVAL);
	T_STR(why.text, "like=6.12 heaps=all: not a kernel's version");
	T_EQ(boot_config_like(&cfg, "6.00000000000000000000000000001", &why), -FH_EINVAL);
	T_EQ(cfg.like, 6001);
}

const struct t_case t_cases[] = {
	T(reads_numbers),
	T(finds_overflow),
	T(wants_digits),
	T(reads_cma),
	T(reads_mem),
	T(divides_words_as_linux),
	T(reads_swiotlb),
	T(reads_options_of_buffers),
	T(reads_options_of_dma),
	T(keeps_what_was_asked_before),
	T(says_what_is_wrong),
	T(sets_the_version),
	T_END,
};
