/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over the command line: what Linux makes of an option's text, and what it makes of the tree's by that. */
#include <ctype.h>
#include "lint_in.h"

#define MAX_NODES 64

/* Options that begin with a size. */
static const char *const sizes[] = {"cma", "mem", "coherent_pool", "cma_pernuma"};
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void option_name(const struct lint_word *w, char out[72])
{
	snprintf(out, 72, "%s=", w->name);
}

static bool is_size_option(const struct lint_word *w)
{
	for (size_t i = 0; i < NR_SIZES; i++)
		if (!strcmp(w->name, sizes[i]))
			return true;
	return false;
}

/* Where Linux stops to read the value of such an option. */
static const char *end_of_value(const struct lint_word *w)
{
	const char *rest;

	(void)lint_memparse(w->value, &rest);
	if (strcmp(w->name, "cma") != 0 || *rest != '@')
		return rest;
	(void)lint_memparse(rest + 1, &rest);
	if (*rest == '-')
		(void)lint_memparse(rest + 1, &rest);
	return rest;
}

static void over_default(struct lint *l)
{
	const struct lint_word *w = lint_option(l, "cma");
	const char *rest;
	uint64_t size;

	if (!w || !w->has_value)
		return;
	size = lint_memparse(w->value, &rest);
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		char text[96];

		if (!n->cma_default || !lint_wants_area(n))
			continue;
		snprintf(text, sizeof(text), size ? "%s, wherever there is room" : "none at all",
			 lint_size(size).s);
		lint_find(l, n->path, "linux,cma-default",
			  "cma=%s takes the place of this area (%s): the default area is %s, and "
			  "memory-region to this node fails",
			  w->value, lint_size(n->size).s, text);
		lint_cure(l, "remove cma= from the command line, or change size here");
	}
}

static void behind_number(struct lint *l)
{
	for (size_t i = 0; i < l->nr_words; i++) {
		const struct lint_word *w = &l->word[i];
		char option[72];
		const char *rest;

		if (!is_size_option(w) || !w->has_value)
			continue;
		option_name(w, option);
		rest = end_of_value(w);
		if (rest == w->value)
			lint_find(l, NULL, option, "\"%.60s\" is no number: Linux takes it for 0",
				  w->value);
		else if (*rest)
			lint_find(l, NULL, option, "Linux reads \"%.*s\" and stops at \"%.40s\"",
				  (int)(rest - w->value < 60 ? rest - w->value : 60), w->value,
				  rest);
		else
			continue;
		lint_cure(l, "sizes are digits and one of K, M, G, T, P, E, as %s64M", option);
	}
}

static void no_suffix(struct lint *l)
{
	for (size_t i = 0; i < l->nr_words; i++) {
		const struct lint_word *w = &l->word[i];
		char option[72];
		const char *rest;
		uint64_t v;

		if (!is_size_option(w) || !w->has_value)
			continue;
		v = lint_memparse(w->value, &rest);
		if (!v || v >= boot_page_bytes(l->cfg))
			continue;
		option_name(w, option);
		lint_find(l, NULL, option, "%" PRIu64 " bytes, less than a page", v);
		lint_cure(l, "is it %s%" PRIu64 "M?", option, v);
	}
}

static void swiotlb_size(struct lint *l)
{
	const struct lint_word *w = lint_option(l, "swiotlb");
	const char *s = w ? w->value : "";
	char *end;
	uint64_t n;

	if (!isdigit((unsigned char)*s))
		return;
	n = strtoull(s, &end, 0);
	if (!*end || *end == ',')
		return;
	lint_find(l, NULL, "swiotlb=",
		  "a number of slots of 2 KiB is expected: Linux reads %" PRIu64
		  " slots, %s, and nothing behind \"%c\"",
		  n, lint_size((n < UINT64_MAX / 4096 ? (n + 127) / 128 * 128 : 0) * 2 * KIB).s,
		  isprint((unsigned char)*end) ? *end : '?');
	n = lint_memparse(s, (const char **)&end);
	lint_cure(l, "for %s write swiotlb=%" PRIu64, lint_size(n).s, n / (2 * KIB));
}

static void memmap(struct lint *l)
{
	const struct lint_word *w = lint_option(l, "memmap");

	if (!w || !w->has_value)
		return;
	lint_find(l, NULL, "memmap=", "arm64 has no such option: nothing is reserved by it");
	lint_cure(l, "reserve memory by a child of /reserved-memory");
}

/* What dma_atomic_pool_init() asks for at birth. */
static uint64_t pool_bytes(uint64_t asked, uint64_t most)
{
	uint64_t v = 1;

	while (v < asked && v < most)
		v *= 2;
	return v;
}

static void large_pool(struct lint *l)
{
	const struct lint_word *w = lint_option(l, "coherent_pool");
	uint64_t most = boot_page_bytes(l->cfg) << l->cfg->kernel.max_order, asked, got;
	const char *rest;

	if (!w || !w->has_value)
		return;
	asked = lint_memparse(w->value, &rest);
	got = pool_bytes(asked, most);
	if (asked > most) {
		lint_find(l, NULL, "coherent_pool=",
			  "%s are asked for, and a pool is one run of pages, of %s at most: that "
			  "is what there is at birth",
			  lint_size(asked).s, lint_size(most).s);
		lint_cure(l, "give devices that need more a region of their own (shared-dma-pool "
			     "by memory-region)");
	}
	for (unsigned int i = 0; l->laid_out && i < l->cfg->nr_regions; i++) {
		const struct boot_region *r = &l->cfg->region[i];

		if (r->kind != BOOT_REGION_CMA || !(r->flags & BOOT_REGION_CMA_DEFAULT) ||
		    r->size >= 3 * got)
			continue;
		lint_find(l, NULL, "coherent_pool=",
			  "three pools of %s come out of the default area, which has %s",
			  lint_size(got).s, lint_size(r->size).s);
		lint_cure(l, "make the area larger by %s, or the pools smaller",
			  lint_size(3 * got).s);
	}
}

/* The smallest page that hugetlb_cma= is for: PUD_SIZE, or CONT_PMD_SIZE where PUDs map nothing. */
static uint64_t gigantic(const struct lint *l)
{
	return UINT64_C(1) << (l->cfg->kernel.page_shift == 16 ? 34 : 30);
}

static void hugetlb(struct lint *l)
{
	const struct lint_word *w = lint_option(l, "hugetlb_cma");
	uint64_t page = gigantic(l), v;
	const char *s = w ? w->value : "", *rest;

	while (*s) {
		const char *colon = s + strspn(s, "0123456789");

		if (*colon == ':' && colon > s)
			s = colon + 1;
		v = lint_memparse(s, &rest);
		if (v && v <= UINT64_C(1) << BOOT_PHYS_BITS && v % page && *rest != '%') {
			uint64_t up = v + page - v % page;

			lint_find(l, NULL, "hugetlb_cma=",
				  v < page ? "%s, less than one page of %s: Linux reserves nothing"
				  : l->cfg->like < 7000
					  ? "%s is no multiple of %s: Linux reserves more"
					  : "%s is no multiple of %s: Linux reserves nothing",
				  lint_size(v).s, lint_size(page).s);
			lint_cure(l, "whole pages: %s", lint_size(up).s);
		}
		rest += *rest == '%';
		if (*rest != ',')
			break;
		s = rest + 1;
	}
}

/* NUMA nodes that RAM of the tree is on: 0 where none says. */
static void nodes_of(const struct lint *l, bool there[MAX_NODES])
{
	struct boot_bank b;
	bool any = false;
	int node;

	for (size_t i = 0; lint_memory(l, i, &b, &node); i++) {
		size_t len;
		const uint8_t *p = lint_prop(l, node, "numa-node-id", &len);
		uint64_t id = p && len == 4 ? lint_number(p, 1) : 0;

		if (id < MAX_NODES)
			there[id] = any = true;
	}
	there[0] |= !any;
}

static void absent_node(struct lint *l)
{
	static const char *const options[] = {"numa_cma", "hugetlb_cma"};
	bool there[MAX_NODES] = {false};

	nodes_of(l, there);
	for (size_t o = 0; o < 2; o++) {
		const struct lint_word *w = lint_option(l, options[o]);
		const char *s = w ? w->value : "";

		while (isdigit((unsigned char)*s)) {
			char *colon;
			const char *rest;
			unsigned long id = strtoul(s, &colon, 10);

			if (*colon != ':')
				break;
			(void)lint_memparse(colon + 1, &rest);
			if (id >= MAX_NODES || !there[id]) {
				lint_find(l, NULL, o ? "hugetlb_cma=" : "numa_cma=",
					  "no RAM is on node %lu: Linux reserves nothing for it "
					  "(\"invalid node\")",
					  id);
				lint_cure(l, "name nodes that memory nodes have as numa-node-id");
			}
			if (*rest != ',')
				break;
			s = rest + 1;
		}
	}
}

static void twice(struct lint *l)
{
	for (size_t i = 0; i < l->nr_words; i++) {
		const struct lint_word *last = lint_option(l, l->word[i].name);
		char option[72];

		if (!is_size_option(last) || last == &l->word[i])
			continue;
		option_name(last, option);
		lint_find(l, NULL, option, "given more than once: the last, %s%.60s, counts%s",
			  option, last->value,
			  !strcmp(last->name, "cma") && strchr(l->word[i].value, '@') &&
					  !strchr(last->value, '@')
				  ? "; but the address of the one before stays in force"
				  : "");
		lint_cure(l, "leave one; boot loaders often add their own to the tree's");
	}
}

static void rounded(struct lint *l)
{
	const struct lint_word *w = lint_option(l, "cma");
	uint64_t block = boot_block_bytes(l->cfg), v;
	const char *rest;

	if (!w || !w->has_value)
		return;
	v = lint_memparse(w->value, &rest);
	if (!v || v % block == 0 || v > UINT64_C(1) << BOOT_PHYS_BITS)
		return;
	lint_find(l, NULL, "cma=", "%s becomes %s: an area is whole blocks of %s with this kernel",
		  lint_size(v).s, lint_size(v + block - v % block).s, lint_size(block).s);
	lint_cure(l, "ask for a multiple of %s", lint_size(block).s);
}

const struct lint_rule lint_rules_cmdline[] = {
	{207, "cma= is rounded up",
	 "Linux rounds the size up to whole pageblocks: 2 MiB with pages of 4 KiB, 32 MiB with 16 "
	 "KiB, 512 MiB with 64 KiB, and says only what it has reserved. Cure: a multiple.",
	 rounded},
	{226, "cma= takes the place of the tree's default area",
	 "With cma= on the command line Linux passes a linux,cma-default node by, with one line in "
	 "the log: size, place and alloc-ranges of the node are void, and devices that name it in "
	 "memory-region get -EINVAL. Cure: one of the two.",
	 over_default},
	{227, "text behind a number",
	 "Linux reads digits and one letter, and ignores what follows: cma=64MB is 64M, cma=0.5G "
	 "is 0 bytes, which turns CMA off. Cure: digits and K, M, G, T, P or E.",
	 behind_number},
	{228, "a size without its letter",
	 "Less than a page: cma=64 is one block, mem=512 leaves no RAM. Cure: the letter.",
	 no_suffix},
	{229, "swiotlb= with a size",
	 "swiotlb= counts slots of 2 KiB; a letter behind the number ends the reading, so "
	 "swiotlb=64M is 64 slots, which become 128. Cure: the number of slots.",
	 swiotlb_size},
	{230, "memmap= on arm64",
	 "memmap= is an option of x86 and a few others; arm64 ignores it, and what it was to "
	 "reserve is used. Cure: /reserved-memory.",
	 memmap},
	{231, "coherent_pool= larger than what it comes from",
	 "An atomic pool is one run of the buddy allocator or of the default area for each zone: "
	 "never larger than the largest run (4 MiB with pages of 4 KiB), and "
	 "three of them lie in the default area where it is within reach. Cure: less, or a region "
	 "for the device.",
	 large_pool},
	{232, "hugetlb_cma= that is no multiple of a gigantic page",
	 "Areas of hugetlb_cma= are whole gigantic pages (1 GiB; 16 GiB with pages of 64 KiB): "
	 "less than one is dropped, the rest rounded up (from 7 on: dropped). Cure: a multiple.",
	 hugetlb},
	{233, "an area for a NUMA node that is not there",
	 "numa_cma= and hugetlb_cma= by node reserve nothing for nodes without RAM. Cure: a node's "
	 "number that a memory node has.",
	 absent_node},
	{234, "an option given twice",
	 "Of cma=, mem= and the like the last counts; of cma= the parts are kept apart, so that an "
	 "address of an earlier one stays. Cure: one.",
	 twice},
	{0},
};
