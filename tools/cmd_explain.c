/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold explain`: which memory a device gets on a machine, who was asked for it, and why it is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "args.h"
#include "explain.h"

int cmd_explain(int argc, char **argv);

#define REFUSED	  1
#define BAD_INPUT 2
#define MAX_COUNT 1000000

enum { KEY_REGION = 256, KEY_AREA, KEY_OFFSET, KEY_IOMMU, KEY_PHYS };

struct opts {
	struct explain_ask ask;
	struct load_tree tree;
	bool json;
};

static const struct argp_option options[] = {
	{"device", 'D', "NODE", 0,
	 "The device: a node's path, alias or name (without: one that "
	 "drives 32 bits and has nothing)",
	 2},
	{"region", KEY_REGION, "N|NAME", 0, "This entry of its memory-region, not the first", 2},
	{"mask", 'm', "BITS", 0, "How many address bits it drives, 1 to 64", 2},
	{"coherent", 'c', NULL, 0, "It snoops the CPU's caches", 2},
	{"bus-offset", KEY_OFFSET, "N", 0, "Its bus addresses are the CPU's plus N (or minus: -N)",
	 2},
	{"area", KEY_AREA, "NAME", 0, "It has this area", 2},
	{"iommu", KEY_IOMMU, NULL, 0, "It is behind an IOMMU", 2},
	{"size", 's', "SIZE", 0, "How much it wants", 3},
	{"count", 'n', "N", 0, "So many of them; the first that is refused is explained", 3},
	{"gfp", 'g', "FLAGS", 0,
	 "kernel (default), noio, atomic or nowait; and dma, dma32: as kernel,dma32", 3},
	{"attrs", 'a', "NAMES", 0,
	 "no-kernel-mapping, force-contiguous, single-pages: as DMA_ATTR_", 3},
	{"stream", 'S', NULL, 0, "Map memory that is there, in place of allocating some", 3},
	{"phys", KEY_PHYS, "ADDR", 0, "--stream: memory at this address (without: in each zone)",
	 3},
	{0},
};

/* ---- values ---- */

static uint64_t size_of(struct argp_state *state, const char *option, const char *arg)
{
	const char *end;
	uint64_t bytes = 0;

	if (boot_memparse(arg, &end, &bytes) || *end)
		argp_failure(state, BAD_INPUT, 0, "%s %.80s: expected a size, as 64K or 0x10000",
			     option, arg);
	return bytes;
}

static unsigned long number_of(struct argp_state *state, const char *option, const char *arg,
			       unsigned long most)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || n < 1 || n > most)
		argp_failure(state, BAD_INPUT, 0, "%s %.80s: expected 1 to %lu", option, arg, most);
	return n;
}

static void read_offset(struct argp_state *state, struct explain_ask *ask, const char *arg)
{
	uint64_t n = size_of(state, "--bus-offset", arg + (*arg == '-'));

	if (n >= UINT64_C(1) << BOOT_PHYS_BITS || n & (FH_PAGE_SIZE - 1))
		argp_failure(state, BAD_INPUT, 0,
			     "--bus-offset %.80s: expected whole pages (4K), below 2^%d", arg,
			     BOOT_PHYS_BITS);
	ask->has_offset = true;
	ask->offset = *arg == '-' ? -(int64_t)n : (int64_t)n;
}

struct word {
	const char *name;
	unsigned int set, clear;
};

static const struct word gfp_words[] = {
	{"kernel", GFP_KERNEL, __GFP_HIGH},
	{"noio", GFP_NOIO, __GFP_IO | __GFP_HIGH},
	{"atomic", GFP_ATOMIC, GFP_KERNEL},
	{"nowait", GFP_NOWAIT, GFP_KERNEL | __GFP_HIGH},
	{"dma", __GFP_DMA, 0},
	{"dma32", __GFP_DMA32, 0},
	{0},
};

static const struct word attr_words[] = {
	{"no-kernel-mapping", DMA_ATTR_NO_KERNEL_MAPPING, 0},
	{"force-contiguous", DMA_ATTR_FORCE_CONTIGUOUS, 0},
	{"single-pages", DMA_ATTR_ALLOC_SINGLE_PAGES, 0},
	{0},
};

/* Words with commas between them. */
static unsigned int read_words(struct argp_state *state, const char *option, const char *arg,
			       const struct word *words, unsigned int value)
{
	for (const char *s = arg; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
		size_t n = strcspn(s, ",");
		const struct word *w = words;

		while (w->name && (strlen(w->name) != n || strncmp(w->name, s, n) != 0))
			w++;
		if (!w->name)
			argp_failure(state, BAD_INPUT, 0,
				     words == gfp_words ? "%s %.80s: expected kernel, noio, atomic "
							  "or nowait, and dma or "
							  "dma32, with commas"
							: "%s %.80s: expected no-kernel-mapping, "
							  "force-contiguous or "
							  "single-pages, with commas",
				     option, arg);
		value = (value & ~w->clear) | w->set;
	}
	return value;
}

static void check(const struct explain_ask *ask, struct argp_state *state)
{
	const char *text = NULL;

	if (!ask->size)
		text = "--size: expected how much the device wants, as --size 8M";
	else if (ask->device && !ask->load.dtb)
		text = "--device: expected --dtb FILE with it, the tree that has the node";
	else if (ask->region && !ask->device)
		text = "--region: expected --device NODE with it";
	else if (ask->has_phys && !ask->stream)
		text = "--phys: expected --stream with it";
	else if (ask->stream && ask->count > 1)
		text = "--count: expected no --stream with it";
	if (text)
		argp_failure(state, BAD_INPUT, 0, "%s", text);
}

static error_t parse_machine(int key, char *arg, struct opts *o, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->ask.load;
		state->child_inputs[1] = &o->json;
		break;
	case ARGP_KEY_ARG:
		args_unexpected(state, arg);
		break;
	case ARGP_KEY_END:
		check(&o->ask, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_device(int key, char *arg, struct opts *o, struct argp_state *state)
{
	switch (key) {
	case 'D':
		o->ask.device = arg;
		break;
	case KEY_REGION:
		o->ask.region = arg;
		break;
	case 'm':
		o->ask.mask_bits = (unsigned int)number_of(state, "--mask", arg, 64);
		break;
	case 'c':
		o->ask.coherent = true;
		break;
	case KEY_OFFSET:
		read_offset(state, &o->ask, arg);
		break;
	case KEY_AREA:
		o->ask.area = arg;
		break;
	case KEY_IOMMU:
		o->ask.iommu = true;
		break;
	default:
		return parse_machine(key, arg, o, state);
	}
	return 0;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	struct explain_ask *ask = &o->ask;

	switch (key) {
	case 's':
		ask->size = size_of(state, "--size", arg);
		if (!ask->size || ask->size > UINT64_C(1) << BOOT_PHYS_BITS)
			argp_failure(state, BAD_INPUT, 0, "--size %.80s: expected 1 to 2^%d bytes",
				     arg, BOOT_PHYS_BITS);
		break;
	case 'n':
		ask->count = number_of(state, "--count", arg, MAX_COUNT);
		break;
	case 'g':
		ask->gfp = read_words(state, "--gfp", arg, gfp_words, GFP_KERNEL);
		snprintf(ask->gfp_text, sizeof(ask->gfp_text), "%s", arg);
		break;
	case 'a':
		ask->attrs = read_words(state, "--attrs", arg, attr_words, 0);
		break;
	case 'S':
		ask->stream = true;
		break;
	case KEY_PHYS:
		ask->phys = size_of(state, "--phys", arg);
		ask->has_phys = true;
		break;
	default:
		return parse_device(key, arg, o, state);
	}
	return 0;
}

static const struct argp_child children[] = {
	{&args_machine, 0, NULL, 1}, {&args_format, 0, NULL, 4}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.children = children,
	.doc = "Makes a machine and a device, asks for coherent memory or maps some, and tells who "
	       "was asked, what each said, and where the buffer lies.",
};

static int show(const struct opts *o, const struct explain *e)
{
	int err = e->err;

	if (!o->json) {
		explain_text(e, stdout);
	} else if (!explain_json(e, stdout)) {
		fprintf(stderr, "freehold explain: out of memory\n");
		return REFUSED;
	}
	for (unsigned int i = 0; i < e->nr_maps && !err; i++)
		err = e->map[i].err;
	return err ? REFUSED : 0;
}

static int explain(struct opts *o)
{
	static struct boot_config cfg; /* too large for a stack */
	static struct explain e;
	struct boot_why why = {""};
	const char *broken;
	int status;

	if (load_boot_config(&o->ask.load, &cfg, &why)) {
		fprintf(stderr, "freehold explain: %s\n", why.text);
		return BAD_INPUT;
	}
	broken = explain_find(&e, &o->ask, &cfg, &o->tree);
	if (broken)
		fprintf(stderr, "freehold explain: %s\n", broken);
	status = broken ? BAD_INPUT : show(o, &e);
	free(o->tree.blob);
	return status;
}

int cmd_explain(int argc, char **argv)
{
	static char name[] = "freehold explain";
	struct opts o = {.ask = {.count = 1, .gfp = GFP_KERNEL, .gfp_text = "kernel"}};
	int status;

	o.ask.load.keep = &o.tree;
	argp_err_exit_status = BAD_INPUT;
	if (argc)
		argv[0] = name; /* what argp's messages begin with */
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return BAD_INPUT;
	status = explain(&o);
	if (fflush(stdout) || ferror(stdout)) {
		perror("freehold explain: standard output");
		return REFUSED;
	}
	return status;
}
