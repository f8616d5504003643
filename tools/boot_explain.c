/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Why regions lie where they do: the core has the facts, here are the words. */
#include <inttypes.h>
#include <stdio.h>
#include "boot_explain.h"

static const char *const found_name[] = {
	[BOOT_FOUND_FIXED] = "fixed",
	[BOOT_FOUND_TOP_DOWN] = "top-down",
	[BOOT_FOUND_BOTTOM_UP] = "bottom-up",
};

static const char *const against_name[] = {
	[BOOT_AGAINST_NOTHING] = "nothing", [BOOT_AGAINST_BANK] = "bank",
	[BOOT_AGAINST_REGION] = "region",   [BOOT_AGAINST_TAKEN] = "taken",
	[BOOT_AGAINST_LIMIT] = "limit",
};

static const char *const align_name[] = {
	[BOOT_ALIGN_LINE] = "cache-line",
	[BOOT_ALIGN_ASKED] = "asked",
	[BOOT_ALIGN_BLOCK] = "block",
};

/* ---- text ---- */

static const char *size_text(uint64_t bytes, char buf[32])
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned int u = 0;

	while (u < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, 32, "%" PRIu64 " %s", bytes, unit[u]);
	return buf;
}

static const char *who_fixed(const struct boot_region *r)
{
	if (r->flags & BOOT_REGION_MEMRESERVE)
		return "the tree's reserve map puts it there";
	if (r->flags & BOOT_REGION_CMDLINE)
		return "the command line puts it there";
	if (r->flags & BOOT_REGION_MORE)
		return "a later pair of `reg' puts it there";
	return "`reg' puts it there";
}

static void print_where(const struct boot_because *b)
{
	const char *from = b->found == BOOT_FOUND_TOP_DOWN ? "highest" : "lowest";

	printf("the %s free run ", from);
	if (b->window >= 0)
		printf("within alloc-ranges[%d] ", b->window);
	if (b->end != UINT64_MAX)
		printf("within 0x%" PRIx64 "-0x%" PRIx64, b->start, b->end - 1);
	else if (b->window >= 0)
		printf("from 0x%" PRIx64 " up", b->start);
	else
		printf("of RAM");
}

static void print_against(const struct boot_config *cfg, const struct boot_because *b)
{
	bool down = b->found == BOOT_FOUND_TOP_DOWN;
	const char *side = down ? "below" : "above";

	switch (b->against) {
	case BOOT_AGAINST_BANK:
		printf(", %s", down ? "at the end of RAM" : "at the start of RAM");
		break;
	case BOOT_AGAINST_REGION:
		printf(", %s %s", side, cfg->region[b->index].name);
		break;
	case BOOT_AGAINST_TAKEN:
		printf(", %s %s (0x%" PRIx64 "-0x%" PRIx64 ")", side,
		       cfg->taken[b->index].name[0] ? cfg->taken[b->index].name
						    : "what the kernel itself has",
		       cfg->taken[b->index].base,
		       cfg->taken[b->index].base + cfg->taken[b->index].size - 1);
		break;
	case BOOT_AGAINST_LIMIT:
		printf(", at the %s of that", down ? "end" : "start");
		break;
	case BOOT_AGAINST_NOTHING:
		break;
	}
}

static void print_align(const struct boot_because *b)
{
	char size[32];

	printf("; a multiple of %s, ", size_text(b->align, size));
	if (b->align_of == BOOT_ALIGN_ASKED)
		printf("as `alignment' asks");
	else if (b->align_of == BOOT_ALIGN_BLOCK)
		printf("as areas are whole blocks");
	else
		printf("for nobody asked for more");
	if (b->gap && b->gap < b->align)
		printf(", which leaves %s between the two", size_text(b->gap, size));
}

void boot_explain_text(const struct boot_config *cfg)
{
	char size[32];

	if (cfg->nr_regions || boot_is_arm(cfg))
		putchar('\n');
	if (cfg->arm.core[0])
		printf("The kernel is one for 32-bit ARM: every CPU of the tree is of a kind "
		       "without a 64-bit mode, the first %s.\n",
		       cfg->arm.core);
	if (boot_is_arm(cfg))
		printf("Its linear map has room for RAM below 0x%" PRIx64 ", and ends at 0x%" PRIx64
		       "; what lies above is high memory, where areas of the kernel's own go "
		       "first.\n",
		       cfg->arm.map_end, cfg->arm.lowmem_end);
	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];

		printf("%s: %s at 0x%" PRIx64 ": ", r->name, size_text(r->size, size), r->base);
		if (r->because.found == BOOT_FOUND_FIXED) {
			printf("%s.\n", who_fixed(r));
			continue;
		}
		print_where(&r->because);
		print_against(cfg, &r->because);
		print_align(&r->because);
		printf(".\n");
	}
}

/* ---- JSON ---- */

static json_t *integer(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *boot_explain_json(const struct boot_config *cfg, unsigned int region)
{
	const struct boot_because *b = &cfg->region[region].because;
	json_t *j = json_pack("{ss}", "found", found_name[b->found]);

	if (b->found == BOOT_FOUND_FIXED)
		return j;
	json_object_set_new(j, "start", integer(b->start));
	json_object_set_new(j, "end", b->end == UINT64_MAX ? json_null() : integer(b->end));
	json_object_set_new(j, "window", b->window < 0 ? json_null() : json_integer(b->window));
	json_object_set_new(j, "align", integer(b->align));
	json_object_set_new(j, "align_of", json_string(align_name[b->align_of]));
	json_object_set_new(j, "against", json_string(against_name[b->against]));
	if (b->against == BOOT_AGAINST_REGION)
		json_object_set_new(j, "beside", json_string(cfg->region[b->index].name));
	json_object_set_new(j, "gap", integer(b->gap));
	return j;
}

json_t *boot_explain_taken(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_taken; i++) {
		const struct boot_taken *t = &cfg->taken[i];

		json_array_append_new(list, json_pack("{so so sb ss}", "base", integer(t->base),
						      "size", integer(t->size), "late", t->late,
						      "name", t->name));
	}
	return list;
}
