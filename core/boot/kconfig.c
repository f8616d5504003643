/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How the kernel was built: the text of a .config or a fragment, into boot_kernel. */
#include "boot/kconfig.h"
#include "boot/like.h"
#include "boot/say.h"
#include "base/fmt.h"
#include "base/string.h"

#define MAX_MBYTES (UINT64_C(1) << (BOOT_PHYS_BITS - 20))
#define MIB	   (UINT64_C(1) << 20)
#define MAX_ORDERS 32 /* more than any page size can have */
#define MAX_AREAS  65535

enum type { BOOL, NUMBER, STRING };

enum symbol {
	VMSPLIT_3G, /* in the order of page_offsets[] */
	VMSPLIT_3G_OPT,
	VMSPLIT_2G,
	VMSPLIT_1G,
	ARM,
	ARM64,
	ARM_LPAE,
	HIGHMEM,
	ARM64_4K_PAGES, /* the first six: pairs of two names of one size */
	PAGE_SIZE_4KB,
	ARM64_16K_PAGES,
	PAGE_SIZE_16KB,
	ARM64_64K_PAGES,
	PAGE_SIZE_64KB,
	CMA_SIZE_SEL_MBYTES, /* in the order of enum boot_cma_sel */
	CMA_SIZE_SEL_PERCENTAGE,
	CMA_SIZE_SEL_MIN,
	CMA_SIZE_SEL_MAX,
	CMDLINE_FROM_BOOTLOADER, /* in the order of enum boot_cmdline_how */
	CMDLINE_EXTEND,
	CMDLINE_FORCE,
	CMA,
	DMA_CMA,
	NUMA,
	DMA_NUMA_CMA,
	DMA_PERNUMA_CMA,
	CMA_SIZE_PERNUMA,
	HUGETLBFS,
	HUGETLB_PAGE,
	TRANSPARENT_HUGEPAGE,
	KZONE_DMA,
	KZONE_DMA32,
	SWIOTLB_DYNAMIC,
	DMA_RESTRICTED_POOL,
	DMA_BOUNCE_UNALIGNED_KMALLOC,
	CMA_SIZE_MBYTES,
	CMA_SIZE_PERCENTAGE,
	CMA_ALIGNMENT,
	CMA_AREAS,
	ARCH_FORCE_MAX_ORDER,
	PAGE_BLOCK_ORDER,
	PAGE_BLOCK_MAX_ORDER,
	CMDLINE,
	NR_SYMBOLS,
};

static const struct {
	const char *name;
	enum type type;
	uint64_t min, max; /* of a number */
} symbols[NR_SYMBOLS] = {
	[VMSPLIT_3G] = {"VMSPLIT_3G", BOOL, 0, 0},
	[VMSPLIT_3G_OPT] = {"VMSPLIT_3G_OPT", BOOL, 0, 0},
	[VMSPLIT_2G] = {"VMSPLIT_2G", BOOL, 0, 0},
	[VMSPLIT_1G] = {"VMSPLIT_1G", BOOL, 0, 0},
	[ARM] = {"ARM", BOOL, 0, 0},
	[ARM64] = {"ARM64", BOOL, 0, 0},
	[ARM_LPAE] = {"ARM_LPAE", BOOL, 0, 0},
	[HIGHMEM] = {"HIGHMEM", BOOL, 0, 0},
	[ARM64_4K_PAGES] = {"ARM64_4K_PAGES", BOOL, 0, 0},
	[PAGE_SIZE_4KB] = {"PAGE_SIZE_4KB", BOOL, 0, 0},
	[ARM64_16K_PAGES] = {"ARM64_16K_PAGES", BOOL, 0, 0},
	[PAGE_SIZE_16KB] = {"PAGE_SIZE_16KB", BOOL, 0, 0},
	[ARM64_64K_PAGES] = {"ARM64_64K_PAGES", BOOL, 0, 0},
	[PAGE_SIZE_64KB] = {"PAGE_SIZE_64KB", BOOL, 0, 0},
	[CMA_SIZE_SEL_MBYTES] = {"CMA_SIZE_SEL_MBYTES", BOOL, 0, 0},
	[CMA_SIZE_SEL_PERCENTAGE] = {"CMA_SIZE_SEL_PERCENTAGE", BOOL, 0, 0},
	[CMA_SIZE_SEL_MIN] = {"CMA_SIZE_SEL_MIN", BOOL, 0, 0},
	[CMA_SIZE_SEL_MAX] = {"CMA_SIZE_SEL_MAX", BOOL, 0, 0},
	[CMDLINE_FROM_BOOTLOADER] = {"CMDLINE_FROM_BOOTLOADER", BOOL, 0, 0},
	[CMDLINE_EXTEND] = {"CMDLINE_EXTEND", BOOL, 0, 0},
	[CMDLINE_FORCE] = {"CMDLINE_FORCE", BOOL, 0, 0},
	[CMA] = {"CMA", BOOL, 0, 0},
	[DMA_CMA] = {"DMA_CMA", BOOL, 0, 0},
	[NUMA] = {"NUMA", BOOL, 0, 0},
	[DMA_NUMA_CMA] = {"DMA_NUMA_CMA", BOOL, 0, 0},
	[DMA_PERNUMA_CMA] = {"DMA_PERNUMA_CMA", BOOL, 0, 0},
	[CMA_SIZE_PERNUMA] = {"CMA_SIZE_PERNUMA", BOOL, 0, 0},
	[HUGETLBFS] = {"HUGETLBFS", BOOL, 0, 0},
	[HUGETLB_PAGE] = {"HUGETLB_PAGE", BOOL, 0, 0},
	[TRANSPARENT_HUGEPAGE] = {"TRANSPARENT_HUGEPAGE", BOOL, 0, 0},
	[KZONE_DMA] = {"ZONE_DMA", BOOL, 0, 0},
	[KZONE_DMA32] = {"ZONE_DMA32", BOOL, 0, 0},
	[SWIOTLB_DYNAMIC] = {"SWIOTLB_DYNAMIC", BOOL, 0, 0},
	[DMA_RESTRICTED_POOL] = {"DMA_RESTRICTED_POOL", BOOL, 0, 0},
	[DMA_BOUNCE_UNALIGNED_KMALLOC] = {"DMA_BOUNCE_UNALIGNED_KMALLOC", BOOL, 0, 0},
	[CMA_SIZE_MBYTES] = {"CMA_SIZE_MBYTES", NUMBER, 0, MAX_MBYTES},
	[CMA_SIZE_PERCENTAGE] = {"CMA_SIZE_PERCENTAGE", NUMBER, 0, 100},
	[CMA_ALIGNMENT] = {"CMA_ALIGNMENT", NUMBER, 2, 12},
	[CMA_AREAS] = {"CMA_AREAS", NUMBER, 0, MAX_AREAS},
	[ARCH_FORCE_MAX_ORDER] = {"ARCH_FORCE_MAX_ORDER", NUMBER, 1, MAX_ORDERS},
	[PAGE_BLOCK_ORDER] = {"PAGE_BLOCK_ORDER", NUMBER, 1, MAX_ORDERS},
	[PAGE_BLOCK_MAX_ORDER] = {"PAGE_BLOCK_MAX_ORDER", NUMBER, 1, MAX_ORDERS},
	[CMDLINE] = {"CMDLINE", STRING, 0, 0},
};

/* A page size of arm64, and what its Kconfig and its page tables make of it. */
static const struct page_size {
	unsigned int shift, huge_order, max_order, section_bits;
} page_sizes[] = {
	{12, 9, 10, 27},
	{14, 11, 11, 27},
	{16, 13, 13, 29},
};

struct config {
	struct boot_config *cfg;
	struct boot_why *why;
	unsigned int line;		  /* of the text, from 1 */
	unsigned int said_in[NR_SYMBOLS]; /* line; 0: nowhere */
	uint64_t value[NR_SYMBOLS];
};

struct word {
	const char *at;
	size_t len;
};

/* How much of a word a message shows. */
static int shown(struct word w)
{
	return w.len < 60 ? (int)w.len : 60;
}

static bool starts(struct word w, const char *with)
{
	size_t n = fh_strlen(with);

	return w.len >= n && !memcmp(w.at, with, n);
}

static bool is(struct word w, const char *text)
{
	return w.len == fh_strlen(text) && starts(w, text);
}

static struct word skip(struct word w, size_t n)
{
	return (struct word){w.at + n, w.len - n};
}

static bool printable(struct word w)
{
	for (size_t i = 0; i < w.len; i++)
		if ((unsigned char)w.at[i] < 0x20 && w.at[i] != '\t')
			return false;
	return true;
}

static enum symbol find_symbol(struct word name)
{
	unsigned int s = 0;

	while (s < NR_SYMBOLS && !is(name, symbols[s].name))
		s++;
	return (enum symbol)s;
}

static int refuse(const struct config *c, enum symbol s, struct word value, const char *expected)
{
	return boot_fail(c->why, FH_EINVAL, "line %u: CONFIG_%s=%.*s: expected %s", c->line,
			 symbols[s].name, shown(value), value.at, expected);
}

static int read_bool(struct config *c, enum symbol s, struct word value)
{
	if (!is(value, "y") && !is(value, "n"))
		return refuse(c, s, value, "y or n");
	c->value[s] = is(value, "y");
	return 0;
}

static int read_number(struct config *c, enum symbol s, struct word value)
{
	char range[64];
	uint64_t v = 0;
	size_t i;

	/* Ten digits hold all that any of them may be. */
	for (i = 0; i < value.len && i < 10 && value.at[i] >= '0' && value.at[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(value.at[i] - '0');
	if (i && i == value.len && v >= symbols[s].min && v <= symbols[s].max) {
		c->value[s] = v;
		return 0;
	}
	fh_snprintf(range, sizeof(range), "a number from %llu to %llu",
		    (unsigned long long)symbols[s].min, (unsigned long long)symbols[s].max);
	return refuse(c, s, value, range);
}

/* "text", with \" and \\ for what would end it. */
static int read_string(struct config *c, enum symbol s, struct word value)
{
	char *to = c->cfg->kernel.cmdline;
	size_t n = 0, i;

	if (value.len < 2 || value.at[0] != '"')
		return refuse(c, s, value, "\"text\"");
	for (i = 1; i < value.len && value.at[i] != '"'; i++) {
		if (value.at[i] == '\\' && i + 1 < value.len)
			i++;
		if (n + 1 == BOOT_ARGS_MAX)
			return boot_fail(c->why, FH_EINVAL,
					 "line %u: CONFIG_%s: expected at most %d characters",
					 c->line, symbols[s].name, BOOT_ARGS_MAX - 1);
		to[n++] = value.at[i];
	}
	if (i + 1 != value.len)
		return refuse(c, s, value, "\"text\"");
	to[n] = '\0';
	return 0;
}

static int set(struct config *c, struct word name, struct word value)
{
	enum symbol s = find_symbol(name);
	int err;

	if (s == NR_SYMBOLS)
		return 0;
	if (symbols[s].type == BOOL)
		err = read_bool(c, s, value);
	else if (symbols[s].type == NUMBER)
		err = read_number(c, s, value);
	else
		err = read_string(c, s, value);
	c->said_in[s] = c->line;
	return err;
}

/* As if nobody had said it, but for a switch, which is off. */
static void unset(struct config *c, struct word name)
{
	enum symbol s = find_symbol(name);

	if (s == NR_SYMBOLS)
		return;
	c->value[s] = 0;
	c->said_in[s] = symbols[s].type == BOOL ? c->line : 0;
	if (s == CMDLINE)
		c->cfg->kernel.cmdline[0] = '\0';
}

static bool name_char(char ch)
{
	return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
	       ch == '_';
}

/* What follows CONFIG_ and its name; the name into *name. */
static struct word split(struct word line, struct word *name)
{
	size_t n = fh_strlen("CONFIG_");

	*name = skip(line, n);
	for (name->len = 0; n + name->len < line.len && name_char(name->at[name->len]);)
		name->len++;
	return skip(line, n + name->len);
}

static int read_line(struct config *c, struct word line)
{
	struct word name, rest;

	if (!printable(line))
		return boot_fail(c->why, FH_EINVAL, "line %u: not text; expected a .config",
				 c->line);
	while (line.len && (line.at[line.len - 1] == ' ' || line.at[line.len - 1] == '\t'))
		line.len--;
	if (!line.len)
		return 0;
	if (starts(line, "# CONFIG_")) {
		rest = split(skip(line, 2), &name);
		if (is(rest, " is not set"))
			unset(c, name);
		return 0;
	}
	if (line.at[0] == '#')
		return 0;
	if (starts(line, "CONFIG_")) {
		rest = split(line, &name);
		if (name.len && rest.len && rest.at[0] == '=')
			return set(c, name, skip(rest, 1));
	}
	return boot_fail(
		c->why, FH_EINVAL,
		"line %u: `%.*s': expected CONFIG_NAME=value, # CONFIG_NAME is not set, or "
		"a comment",
		c->line, shown(line), line.at);
}

static bool yes(const struct config *c, enum symbol s)
{
	return c->said_in[s] && c->value[s];
}

static bool no(const struct config *c, enum symbol s)
{
	return c->said_in[s] && !c->value[s];
}

/* The one of `n` from `first` on that is set, each under `names` names: 0, 1...; n: none. */
static int choice(const struct config *c, enum symbol first, unsigned int n, unsigned int names,
		  unsigned int *which)
{
	enum symbol before = NR_SYMBOLS;

	*which = n;
	for (unsigned int i = 0; i < n * names; i++) {
		enum symbol s = (enum symbol)(first + i);

		if (!yes(c, s))
			continue;
		if (*which != n && *which != i / names) {
			bool later = c->said_in[s] > c->said_in[before];
			enum symbol last = later ? s : before, other = later ? before : s;

			return boot_fail(
				c->why, FH_EINVAL,
				"line %u: CONFIG_%s=y: expected one of them, and line %u has "
				"CONFIG_%s=y",
				c->said_in[last], symbols[last].name, c->said_in[other],
				symbols[other].name);
		}
		*which = i / names;
		before = s;
	}
	return 0;
}

/* The architecture, of the text or of who said it before; where the kernel's addresses begin. */
static int choose_arch(const struct config *c)
{
	static const uint32_t page_offsets[] = {0xc0000000, 0xb0000000, 0x80000000, 0x40000000};
	struct boot_kernel *k = &c->cfg->kernel;
	enum boot_arch arch = yes(c, ARM_LPAE) ? BOOT_ARCH_ARM_LPAE
			      : yes(c, ARM)    ? BOOT_ARCH_ARM
			      : yes(c, ARM64)  ? BOOT_ARCH_ARM64
					       : k->arch;
	unsigned int which;
	int err = choice(c, ARM, 2, 1, &which);

	if (err)
		return err;
	if (k->arch == BOOT_ARCH_ARM_LPAE && arch == BOOT_ARCH_ARM && !no(c, ARM_LPAE))
		arch = k->arch;
	if (k->arch_said && arch != k->arch) {
		bool off = k->arch == BOOT_ARCH_ARM_LPAE && arch == BOOT_ARCH_ARM;
		enum symbol s = off || arch == BOOT_ARCH_ARM_LPAE ? ARM_LPAE
				: arch == BOOT_ARCH_ARM		  ? ARM
								  : ARM64;

		return boot_fail(c->why, FH_EINVAL,
				 "line %u: CONFIG_%s=%c: another architecture than was asked for",
				 c->said_in[s], symbols[s].name, off ? 'n' : 'y');
	}
	err = boot_config_arch(c->cfg, arch, c->why);
	if (!err)
		err = choice(c, VMSPLIT_3G, 4, 1, &which);
	if (!err && arch != BOOT_ARCH_ARM64)
		k->page_offset = page_offsets[which < 4 ? which : 0];
	return err;
}

static int choose(const struct config *c)
{
	struct boot_kernel *k = &c->cfg->kernel;
	unsigned int which;
	int err = choose_arch(c);

	if (!err)
		err = choice(c, ARM64_4K_PAGES, 3, 2, &which);
	if (err)
		return err;
	if (!boot_is_arm(c->cfg))
		k->page_shift = page_sizes[which < 3 ? which : 0].shift;
	err = choice(c, CMA_SIZE_SEL_MBYTES, 4, 1, &which);
	if (err)
		return err;
	k->cma_sel = which < 4 ? (enum boot_cma_sel)which : BOOT_CMA_SEL_MBYTES;
	err = choice(c, CMDLINE_FROM_BOOTLOADER, 3, 1, &which);
	k->cmdline_how = which < 3 ? (enum boot_cmdline_how)which : BOOT_CMDLINE_FALLBACK;
	return err;
}

static uint64_t number(const struct config *c, enum symbol s, uint64_t otherwise)
{
	return c->said_in[s] ? c->value[s] : otherwise;
}

static void apply(const struct config *c)
{
	struct boot_kernel *k = &c->cfg->kernel;
	enum symbol block =
		c->said_in[PAGE_BLOCK_MAX_ORDER] ? PAGE_BLOCK_MAX_ORDER : PAGE_BLOCK_ORDER;

	bool arm = boot_is_arm(c->cfg);

	k->dma_cma = !no(c, CMA) && !no(c, DMA_CMA);
	k->numa = !arm && !no(c, NUMA);
	k->numa_cma = k->numa && k->dma_cma && !no(c, DMA_NUMA_CMA) && !no(c, DMA_PERNUMA_CMA);
	k->numa_cma_pernuma = k->numa_cma && yes(c, CMA_SIZE_PERNUMA);
	k->said.hugetlb = k->arch != BOOT_ARCH_ARM && !no(c, HUGETLB_PAGE) && !no(c, HUGETLBFS);
	/* 32-bit ARM has no place for hugetlb_cma=. Its ZONE_DMA is nobody's to choose: boards ask for it, and a .config
	 * without has none. */
	k->hugetlb = !arm && k->said.hugetlb;
	k->zone_dma = arm ? yes(c, KZONE_DMA) : !no(c, KZONE_DMA);
	k->zone_dma32 = arm || !no(c, KZONE_DMA32);
	k->highmem = arm && !no(c, HIGHMEM);
	k->restricted_pool = !no(c, DMA_RESTRICTED_POOL);
	k->bounce_kmalloc = !arm && !no(c, DMA_BOUNCE_UNALIGNED_KMALLOC);
	c->cfg->dma.swiotlb_dynamic = yes(c, SWIOTLB_DYNAMIC);
	k->cma_bytes = number(c, CMA_SIZE_MBYTES, 16) * MIB;
	k->cma_percentage = (unsigned int)number(c, CMA_SIZE_PERCENTAGE, 10);
	k->cma_alignment = (unsigned int)number(c, CMA_ALIGNMENT, 8);
	k->said.given = true;
	k->said.transparent_hugepage = k->arch != BOOT_ARCH_ARM && yes(c, TRANSPARENT_HUGEPAGE);
	k->said.max_order = (unsigned int)c->value[ARCH_FORCE_MAX_ORDER];
	k->said.max_order_line = c->said_in[ARCH_FORCE_MAX_ORDER];
	k->said.block_order = (unsigned int)c->value[block];
	k->said.block_order_line = c->said_in[block];
	k->said.areas = c->said_in[CMA_AREAS] ? (unsigned int)c->value[CMA_AREAS] + 1 : 0;
}

int boot_config_kconfig(struct boot_config *cfg, const char *text, size_t len, struct boot_why *why)
{
	struct config c = {.cfg = cfg, .why = why};
	size_t at = 0, end;
	int err = 0;

	while (at < len && !err) {
		c.line++;
		for (end = at; end < len && text[end] != '\n';)
			end++;
		/* An editor of another system may end lines with two characters. */
		err = read_line(&c, (struct word){text + at,
						  end - at - (end > at && text[end - 1] == '\r')});
		at = end + 1;
	}
	if (!err)
		err = choose(&c);
	if (!err)
		apply(&c);
	return err;
}

/* ---- what it comes to in one version ---- */

static const struct page_size *size_of_pages(const struct boot_config *cfg)
{
	const struct page_size *p = page_sizes;

	while (p->shift != cfg->kernel.page_shift)
		p++;
	return p;
}

static int settle_max_order(struct boot_config *cfg, const struct page_size *p,
			    struct boot_why *why)
{
	struct boot_kernel *k = &cfg->kernel;
	unsigned int more = cfg->like < LIKE_MAX_ORDER_INCLUSIVE ? 1 : 0;
	unsigned int most = p->section_bits - p->shift;

	k->max_order = p->max_order;
	if (!k->said.max_order)
		return 0;
	if (k->said.max_order <= more || k->said.max_order - more > most)
		return boot_fail(
			why, FH_EINVAL,
			"line %u: CONFIG_ARCH_FORCE_MAX_ORDER=%u: expected a number from %u "
			"to %u with pages of %u KiB in Linux %u.%u",
			k->said.max_order_line, k->said.max_order, 1 + more, most + more,
			1u << (p->shift - 10), cfg->like / 1000, cfg->like % 1000);
	k->max_order = k->said.max_order - more;
	return 0;
}

/* As large as a huge page where there are such, but never above the largest order. */
static int settle_block_order(struct boot_config *cfg, const struct page_size *p,
			      struct boot_why *why)
{
	struct boot_kernel *k = &cfg->kernel;
	unsigned int most = k->max_order;
	bool huge = k->said.hugetlb ||
		    (k->said.transparent_hugepage && cfg->like >= LIKE_BLOCK_OF_TRANSPARENT);

	if (k->said.block_order && cfg->like >= LIKE_PAGE_BLOCK_ORDER) {
		if (k->said.block_order > most)
			return boot_fail(
				why, FH_EINVAL,
				"line %u: CONFIG_PAGE_BLOCK_MAX_ORDER=%u: expected a number "
				"from 1 to %u, the largest order",
				k->said.block_order_line, k->said.block_order, most);
		most = k->said.block_order;
	}
	k->block_order = huge && p->huge_order < most ? p->huge_order : most;
	return 0;
}

int kconfig_settle(struct boot_config *cfg, struct boot_why *why)
{
	struct boot_kernel *k = &cfg->kernel;
	const struct page_size *p;
	unsigned int more = cfg->like < LIKE_AREAS_EXACT ? 1 : 0;
	int err;

	if (!k->said.given)
		return 0;
	p = size_of_pages(cfg);
	err = settle_max_order(cfg, p, why);
	if (!err)
		err = settle_block_order(cfg, p, why);
	k->cma_areas = k->said.areas ? k->said.areas - 1 + more : k->numa ? 20 : 8;
	if (cfg->like < LIKE_BOUNCE_KMALLOC)
		k->bounce_kmalloc = false;
	return err;
}
