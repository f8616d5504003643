/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold boot`: lay memory out as Linux would, show the boot log and the layout. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "args.h"
#include "boot_devices.h"
#include "boot_explain.h"
#include "load.h"

int cmd_boot(int argc, char **argv);

#define BAD_INPUT 2
#define SLOT	  UINT64_C(2048) /* bytes of bounce buffers */

static const char *const zone_name[MAX_NR_ZONES] = {"DMA", "DMA32", "Normal"};
static const char *const kind_name[] = {
	[BOOT_REGION_RESERVED] = "reserved",
	[BOOT_REGION_NOMAP] = "nomap",
	[BOOT_REGION_CMA] = "cma",
	[BOOT_REGION_DMA_POOL] = "dma-pool",
	[BOOT_REGION_RESTRICTED_POOL] = "restricted-dma-pool",
};

static const struct {
	unsigned int flag;
	const char *name;
} flag_name[] = {
	{BOOT_REGION_DYNAMIC, "dynamic"},
	{BOOT_REGION_REUSABLE, "reusable"},
	{BOOT_REGION_NO_MAP, "no-map"},
	{BOOT_REGION_CMA_DEFAULT, "cma-default"},
	{BOOT_REGION_DMA_DEFAULT, "dma-default"},
	{BOOT_REGION_CMDLINE, "cmdline"},
	{BOOT_REGION_MORE, "more"},
	{BOOT_REGION_MEMRESERVE, "memreserve"},
};
#define NR_FLAGS (sizeof(flag_name) / sizeof(flag_name[0]))

struct opts {
	struct load_opts load;
	bool json, explain;
};

static const struct argp_option options[] = {
	{"explain", 'e', NULL, 0, "Say of each region why it lies where it does", 0},
	{0},
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->load;
		state->child_inputs[1] = &o->json;
		break;
	case 'e':
		o->explain = true;
		break;
	case ARGP_KEY_ARG:
		argp_failure(state, BAD_INPUT, 0, "unexpected argument `%s'", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {
	{&args_machine, 0, NULL, 0}, {&args_format, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.children = children,
	.doc = "Lays memory out as Linux 6.12 does on arm64, from a device tree and a command "
	       "line, and "
	       "prints the boot log and the layout.",
};

static uint64_t ram_bytes(const struct boot_config *cfg)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		total += cfg->bank[i].size;
	return total;
}

/* ---- text ---- */

static void size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned int u = 0;

	while (u < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, size, "%" PRIu64 " %s", bytes, unit[u]);
}

static void print_row(const char *what, const char *name, uint64_t base, uint64_t size)
{
	char text[32];

	size_text(size, text, sizeof(text));
	printf("%-19s  0x%012" PRIx64 "  0x%012" PRIx64 "  %10s  %s", what, base, base + size - 1,
	       text, name);
}

static void print_flags(unsigned int flags)
{
	const char *sep = "  ";

	for (size_t i = 0; i < NR_FLAGS; i++) {
		if (!(flags & flag_name[i].flag))
			continue;
		printf("%s%s", sep, flag_name[i].name);
		sep = ",";
	}
}

/* What is placed only when the machine is born has no address yet. */
static void print_unplaced(const char *what, const char *name, uint64_t size)
{
	char text[32];

	size_text(size, text, sizeof(text));
	printf("%-19s  %-14s  %-14s  %10s  %s", what, "-", "-", text, name);
}

static void print_dma(const struct boot_config *cfg)
{
	struct boot_dma_plan plan;

	boot_config_dma(cfg, &plan);
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		if (!plan.atomic_pool[z])
			continue;
		print_unplaced("atomic-pool", zone_name[z], plan.atomic_pool[z]);
		putchar('\n');
	}
	if (plan.swiotlb_slabs) {
		print_unplaced("bounce-buffers", "swiotlb", plan.swiotlb_slabs * SLOT);
		printf("  %u area%s%s\n", plan.swiotlb_areas, plan.swiotlb_areas == 1 ? "" : "s",
		       cfg->dma.swiotlb_force ? ",force" : "");
	}
}

/* What Linux lets pass, and no machine of ours would. */
static void print_notes(const struct boot_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_notes && i < BOOT_MAX_NOTES; i++)
		printf("%snote: %s\n", i ? "" : "\n", cfg->note[i].text);
	if (cfg->nr_notes > BOOT_MAX_NOTES)
		printf("note: and %u more\n", cfg->nr_notes - BOOT_MAX_NOTES);
	if (cfg->nr_notes)
		printf("Linux goes on where these are; `freehold run' does not\n");
}

static void print_text(const struct boot_config *cfg, const struct load_tree *tree)
{
	struct boot_bank span;

	fputs(cfg->dmesg, stdout);
	printf("\n%-19s  %-14s  %-14s  %10s  %s\n", "kind", "start", "end", "size", "name  flags");
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		print_row("bank", "RAM", cfg->bank[i].base, cfg->bank[i].size);
		putchar('\n');
	}
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		if (!boot_config_zone(cfg, (enum zone_type)z, &span))
			continue;
		print_row("zone", zone_name[z], span.base, span.size);
		putchar('\n');
	}
	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];

		print_row(kind_name[r->kind], r->name, r->base, r->size);
		print_flags(r->flags);
		if (r->kind == BOOT_REGION_CMA)
			printf("  policy %s", load_policy_name(cfg->policy));
		putchar('\n');
	}
	print_dma(cfg);
	boot_devices_text(cfg, tree);
	print_notes(cfg);
}

/* ---- JSON ---- */

static json_t *integer(uint64_t v)
{
	return json_integer((json_int_t)v); /* addresses have 48 bits */
}

/* Command lines are bytes, JSON is UTF-8: what is not ASCII becomes `?' when it does not fit. */
static json_t *string(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j)
		return j;
	copy = strdup(s);
	for (char *c = copy; copy && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	j = copy ? json_string(copy) : NULL;
	free(copy);
	return j;
}

static json_t *json_banks(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		json_array_append_new(list, json_pack("{so so}", "base", integer(cfg->bank[i].base),
						      "size", integer(cfg->bank[i].size)));
	return list;
}

static json_t *json_zones(const struct boot_config *cfg)
{
	json_t *list = json_array();
	struct boot_bank span;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span))
			json_array_append_new(list, json_pack("{ss so so}", "name", zone_name[z],
							      "base", integer(span.base), "size",
							      integer(span.size)));
	return list;
}

static json_t *json_regions(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];
		json_t *flags = json_array();
		json_t *region = json_pack("{so so so ss so}", "name", string(r->name), "base",
					   integer(r->base), "size", integer(r->size), "kind",
					   kind_name[r->kind], "flags", flags);

		for (size_t f = 0; f < NR_FLAGS; f++)
			if (r->flags & flag_name[f].flag)
				json_array_append_new(flags, json_string(flag_name[f].name));
		if (r->kind == BOOT_REGION_CMA)
			json_object_set_new(region, "policy",
					    json_string(load_policy_name(cfg->policy)));
		json_object_set_new(region, "because", boot_explain_json(cfg, i));
		if (r->phandle)
			json_object_set_new(region, "phandle", integer(r->phandle));
		json_array_append_new(list, region);
	}
	return list;
}

static json_t *json_dma(const struct boot_config *cfg)
{
	const struct boot_dma *dma = &cfg->dma;
	json_t *pools = json_array(), *bounce = json_null();
	struct boot_dma_plan plan;

	boot_config_dma(cfg, &plan);
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (plan.atomic_pool[z])
			json_array_append_new(pools,
					      json_pack("{ss so}", "zone", zone_name[z], "size",
							integer(plan.atomic_pool[z])));
	if (plan.swiotlb_slabs)
		bounce = json_pack("{so so si sb}", "slots", integer(plan.swiotlb_slabs), "size",
				   integer(plan.swiotlb_slabs * SLOT), "areas",
				   (int)plan.swiotlb_areas, "force", dma->swiotlb_force);
	return json_pack("{so so sb ss sb sb}", "atomic_pools", pools, "bounce_buffers", bounce,
			 "coherent_only", dma->coherent_only, "order",
			 dma->legacy_order ? "legacy" : "linux", "iommu_strict", dma->iommu_strict,
			 "debug", dma->debug);
}

static json_t *json_dmesg(const struct boot_config *cfg)
{
	json_t *list = json_array();
	char line[BOOT_ARGS_MAX + 128];

	for (const char *s = cfg->dmesg; *s;) {
		size_t n = strcspn(s, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, s);
		json_array_append_new(list, string(line));
		s += n + (s[n] == '\n');
	}
	return list;
}

static json_t *json_notes(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_notes && i < BOOT_MAX_NOTES; i++)
		json_array_append_new(list, string(cfg->note[i].text));
	return list;
}

static int print_json(const struct boot_config *cfg, const struct load_tree *tree)
{
	json_t *all = json_pack("{so so so so so so so so so so}", "model", string(cfg->model),
				"bootargs", string(cfg->bootargs), "ram_bytes",
				integer(ram_bytes(cfg)), "banks", json_banks(cfg), "zones",
				json_zones(cfg), "regions", json_regions(cfg), "dma", json_dma(cfg),
				"devices", boot_devices_json(cfg, tree), "notes", json_notes(cfg),
				"dmesg", json_dmesg(cfg));
	int err;

	if (!all) {
		fprintf(stderr, "freehold boot: out of memory\n");
		return 1;
	}
	json_object_set_new(all, "taken", boot_explain_taken(cfg));
	err = json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
	return err ? 1 : 0;
}

int cmd_boot(int argc, char **argv)
{
	static struct boot_config cfg; /* too large for a stack */
	struct load_tree tree = {NULL, 0};
	struct opts o = {.load = {.keep = &tree, .as_linux = true}};
	struct boot_why why = {""};
	int status = 0;

	if (!args_parse(&argp, "freehold boot", argc, argv, 0, &o))
		return BAD_INPUT;
	if (load_boot_config(&o.load, &cfg, &why)) {
		fprintf(stderr, "freehold boot: %s\n", why.text);
		return BAD_INPUT;
	}
	if (o.json)
		status = print_json(&cfg, &tree);
	else
		print_text(&cfg, &tree);
	if (o.explain && !o.json)
		boot_explain_text(&cfg);
	free(tree.blob);
	if (fflush(stdout) || ferror(stdout)) {
		perror("freehold boot: standard output");
		return 1;
	}
	return status;
}
