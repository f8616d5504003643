/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A board read once: nodes of reserved memory, devices and words; and how rules look at a tree and a layout. */
#include <ctype.h>
#include <stdarg.h>
#include "lint_in.h"
#include "lint_board.h"

/* ---- the tree ---- */

const uint8_t *lint_prop(const struct lint *l, int node, const char *name, size_t *len)
{
	int n = 0;
	const uint8_t *p = fdt_getprop(l->tree, node, name, &n);

	*len = p && n > 0 ? (size_t)n : 0;
	return p;
}

bool lint_has(const struct lint *l, int node, const char *name)
{
	size_t len;

	return lint_prop(l, node, name, &len);
}

const char *lint_string(const struct lint *l, int node, const char *name)
{
	size_t len;
	const char *s = (const char *)lint_prop(l, node, name, &len);

	return s && len && !s[len - 1] ? s : NULL;
}

bool lint_compatible(const struct lint *l, int node, const char *id)
{
	return !fdt_node_check_compatible(l->tree, node, id);
}

bool lint_available(const struct lint *l, int node)
{
	const char *s;

	if (!lint_has(l, node, "status"))
		return true;
	s = lint_string(l, node, "status");
	return s && (!strcmp(s, "okay") || !strcmp(s, "ok"));
}

uint64_t lint_number(const uint8_t *at, size_t cells)
{
	uint64_t v = 0;

	for (size_t i = 0; i < cells * 4; i++)
		v = v << 8 | at[i];
	return v;
}

void lint_path(const struct lint *l, int node, char path[BOOT_PATH_MAX])
{
	if (fdt_get_path(l->tree, node, path, BOOT_PATH_MAX))
		snprintf(path, BOOT_PATH_MAX, ".../%.200s", fdt_get_name(l->tree, node, NULL));
	for (char *c = path; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

bool lint_memory(const struct lint *l, size_t i, struct boot_bank *b, int *node)
{
	size_t pair = (l->addr_cells + l->size_cells) * 4, len;

	if (!l->tree)
		return false;
	fdt_for_each_subnode(*node, l->tree, 0)
	{
		const char *type = lint_string(l, *node, "device_type");
		const uint8_t *p;

		if (!type || strcmp(type, "memory") != 0 || !lint_available(l, *node))
			continue;
		p = lint_prop(l, *node, "linux,usable-memory", &len);
		if (!p)
			p = lint_prop(l, *node, "reg", &len);
		for (; p && len >= pair; len -= pair, p += pair) {
			if (i--)
				continue;
			b->base = lint_number(p, l->addr_cells);
			b->size = lint_number(p + l->addr_cells * 4, l->size_cells);
			return true;
		}
	}
	return false;
}

static const struct boot_region *placed(const struct lint *l, const struct lint_node *n)
{
	for (unsigned int i = 0; l->laid_out && i < l->cfg->nr_regions; i++) {
		const struct boot_region *r = &l->cfg->region[i];

		if (r->flags & (BOOT_REGION_MORE | BOOT_REGION_MEMRESERVE | BOOT_REGION_CMDLINE))
			continue;
		if (n->phandle ? r->phandle == n->phandle : !strcmp(r->name, n->name))
			return r;
	}
	return NULL;
}

static void read_place(const struct lint *l, struct lint_node *n)
{
	size_t pair = (l->addr_cells + l->size_cells) * 4, len;
	const uint8_t *p = lint_prop(l, n->at, "reg", &len);

	n->has_reg = p;
	n->has_size = lint_has(l, n->at, "size");
	if (p && len >= pair) {
		n->nr_regs = (unsigned int)(len / pair);
		n->base = lint_number(p, l->addr_cells);
		n->size = lint_number(p + l->addr_cells * 4, l->size_cells);
	}
	if (p)
		return;
	p = lint_prop(l, n->at, "size", &len);
	if (p && len == l->size_cells * 4)
		n->size = lint_number(p, l->size_cells);
}

static void read_node(struct lint *l, struct lint_node *n, int at)
{
	const char *name = fdt_get_name(l->tree, at, NULL);
	size_t i;

	memset(n, 0, sizeof(*n));
	n->at = at;
	for (i = 0; name && name[i] && i + 1 < sizeof(n->name); i++)
		n->name[i] = name[i] >= 0x20 && name[i] < 0x7f ? name[i] : '?';
	lint_path(l, at, n->path);
	n->shared = lint_compatible(l, at, "shared-dma-pool");
	n->restricted = lint_compatible(l, at, "restricted-dma-pool");
	n->reusable = lint_has(l, at, "reusable");
	n->no_map = lint_has(l, at, "no-map");
	n->cma_default = lint_has(l, at, "linux,cma-default");
	n->dma_default = lint_has(l, at, "linux,dma-default");
	n->phandle = fdt_get_phandle(l->tree, at);
	read_place(l, n);
	n->placed = placed(l, n);
}

static bool cells_are(const struct lint *l, const char *name, size_t want)
{
	size_t len;
	const uint8_t *p = lint_prop(l, l->reserved, name, &len);

	return p && len == 4 && lint_number(p, 1) == want;
}

static size_t root_cells(const struct lint *l, const char *name)
{
	size_t len;
	const uint8_t *p = lint_prop(l, 0, name, &len);

	return p && len == 4 && lint_number(p, 1) == 2 ? 2 : 1;
}

static void read_tree(struct lint *l)
{
	int node;
	size_t n = 0;

	l->addr_cells = root_cells(l, "#address-cells");
	l->size_cells = root_cells(l, "#size-cells");
	l->reserved = fdt_path_offset(l->tree, "/reserved-memory");
	if (l->reserved < 0)
		return;
	l->reserved_ignored = !cells_are(l, "#address-cells", l->addr_cells) ||
			      !cells_are(l, "#size-cells", l->size_cells) ||
			      !lint_has(l, l->reserved, "ranges");
	fdt_for_each_subnode(node, l->tree, l->reserved) n++;
	l->node = calloc(n + 1, sizeof(*l->node));
	l->no_memory |= !l->node;
	if (!l->node)
		return;
	fdt_for_each_subnode(node, l->tree, l->reserved) if (lint_available(l, node))
		read_node(l, &l->node[l->nr_nodes++], node);
}

static bool arm32(const char *id)
{
	static const char *const exact[] = {"arm,cortex-a5",  "arm,cortex-a7",	"arm,cortex-a8",
					    "arm,cortex-a9",  "arm,cortex-a12", "arm,cortex-a15",
					    "arm,cortex-a17", "brcm,brahma-b15"};
	static const char *const starts[] = {"arm,arm9",      "arm,arm1",      "arm,cortex-m",
					     "qcom,krait",    "qcom,scorpion", "marvell,pj4",
					     "marvell,sheeva"};

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (!strcmp(id, exact[i]))
			return true;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strncmp(id, starts[i], strlen(starts[i])))
			return true;
	return false;
}

bool lint_is_arm32(const struct lint *l)
{
	int cpus = l->tree ? fdt_path_offset(l->tree, "/cpus") : -1, cpu;

	if (cpus < 0)
		return false;
	fdt_for_each_subnode(cpu, l->tree, cpus)
	{
		const char *id = lint_string(l, cpu, "compatible");

		if (id && arm32(id))
			return true;
	}
	return false;
}

bool lint_keeps_addresses(const struct lint *l, const struct lint_node *n)
{
	return !n->has_reg && !n->has_size && lint_has(l, n->at, "iommu-addresses");
}

/* ---- devices ---- */

static bool add_device(void *arg, const struct boot_device *dev, int err,
		       const struct boot_why *why)
{
	struct lint *l = arg;
	struct boot_device **list = err ? &l->device_lost : &l->device, *more;
	size_t *n = err ? &l->nr_lost : &l->nr_devices;

	more = realloc(*list, (*n + 1) * sizeof(**list));
	if (more)
		*list = more;
	if (more && err) {
		struct boot_why *whys = realloc(l->device_why, (*n + 1) * sizeof(*whys));

		if (whys) {
			l->device_why = whys;
			whys[*n] = *why;
		}
		more = whys ? more : NULL;
	}
	l->no_memory |= !more;
	if (more)
		more[(*n)++] = *dev;
	return !more;
}

const struct boot_device *lint_user(const struct lint *l, const struct lint_node *n, size_t *from)
{
	for (; n->placed && *from < l->nr_devices; (*from)++) {
		const struct boot_device *dev = &l->device[*from];

		for (unsigned int i = 0; i < dev->nr_regions; i++)
			if (dev->region[i].link == BOOT_LINK_REGION &&
			    &l->cfg->region[dev->region[i].region] == n->placed)
				return &l->device[(*from)++];
	}
	return NULL;
}

bool lint_reaches(const struct boot_device *dev, uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];

		if (base >= r->cpu.v && base - r->cpu.v < r->size &&
		    size <= r->size - (base - r->cpu.v))
			return true;
	}
	return !dev->nr_ranges;
}

/* ---- the command line ---- */

/* Reads the word at `s`, which is not blank, as Linux does: quotes may be around it or its value. */
static const char *read_word(const char *s, struct lint_word *w)
{
	bool quoted = *s == '"', inside = quoted;
	size_t n = 0, v = 0;

	memset(w, 0, sizeof(*w));
	for (s += quoted; *s && (inside || !isspace((unsigned char)*s)); s++) {
		if (*s == '"') {
			inside = !inside;
			continue;
		}
		if (*s == '=' && !w->has_value && n) {
			w->has_value = true;
		} else if (w->has_value) {
			if (v + 1 < sizeof(w->value))
				w->value[v++] = *s;
		} else if (n + 1 < sizeof(w->name)) {
			w->name[n++] = *s == '-' ? '_' : *s;
		}
	}
	return s;
}

static void read_words(struct lint *l)
{
	const char *s = l->cfg->bootargs;

	l->word = calloc(strlen(s) / 2 + 1, sizeof(*l->word));
	l->no_memory |= !l->word;
	while (l->word) {
		struct lint_word *w = &l->word[l->nr_words];

		while (isspace((unsigned char)*s))
			s++;
		if (!*s)
			break;
		s = read_word(s, w);
		if (!strcmp(w->name, "__") && !w->has_value)
			break; /* what follows is for init */
		l->nr_words++;
	}
}

const struct lint_word *lint_option(const struct lint *l, const char *name)
{
	for (size_t i = l->nr_words; i--;)
		if (!strcmp(l->word[i].name, name))
			return &l->word[i];
	return NULL;
}

uint64_t lint_memparse(const char *s, const char **rest)
{
	uint64_t v = 0;
	int err = boot_memparse(s, rest, &v);

	return err ? err == -FH_ERANGE ? UINT64_MAX : 0 : v;
}

/* ---- the layout ---- */

bool lint_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b ? b - a < a_size : a - b < b_size;
}

uint64_t lint_ram_in(const struct lint *l, uint64_t start, uint64_t size)
{
	uint64_t sum = 0, end = start + size < start ? UINT64_MAX : start + size;

	for (unsigned int i = 0; i < l->cfg->nr_banks; i++) {
		const struct boot_bank *b = &l->cfg->bank[i];
		uint64_t from = b->base > start ? b->base : start;
		uint64_t to = b->base + b->size < end ? b->base + b->size : end;

		if (from < to)
			sum += to - from;
	}
	return sum;
}

uint64_t lint_ram(const struct lint *l)
{
	return lint_ram_in(l, 0, UINT64_MAX);
}

bool lint_area_kind(enum boot_region_kind k)
{
	return k == BOOT_REGION_CMA || k == BOOT_REGION_DMA_POOL ||
	       k == BOOT_REGION_RESTRICTED_POOL;
}

bool lint_said(const struct lint *l, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return strstr(l->cfg->dmesg, text);
}

struct lint_size lint_size(uint64_t bytes)
{
	static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	struct lint_size t;
	unsigned int u = 0;
	uint64_t v = bytes;

	while (u < 4 && v && v % 1024 == 0) {
		v /= 1024;
		u++;
	}
	if (v < 100000)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " %s", v, unit[u]);
	else
		snprintf(t.s, sizeof(t.s), "0x%" PRIx64 " bytes", bytes);
	return t;
}

struct lint_size lint_span(uint64_t base, uint64_t size)
{
	struct lint_size t;

	snprintf(t.s, sizeof(t.s), "0x%" PRIx64 "-0x%" PRIx64, base, size ? base + size - 1 : base);
	return t;
}

void lint_board_read(struct lint *l)
{
	struct boot_why why = {""};
	int err;

	l->reserved = -1;
	l->laid_out = !l->board.why;
	/* Only a tree that could be walked is one that libfdt can be let at. */
	err = l->board.tree ? boot_devices_for_each(l->board.tree, l->board.tree_size, l->cfg,
						    add_device, l, &why)
			    : -FH_ENOENT;
	if (!err) {
		l->tree = l->board.tree;
		read_tree(l);
	}
	read_words(l);
}
