/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold bench`: options, the list of measures, progress. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "args.h"
#include "bench.h"
#include "value.h"

int cmd_bench(int argc, char **argv);

#define EXIT_BENCH 1 /* a measure could not be taken */
#define EXIT_INPUT 2
#define MAX_GROUPS 6
#define MIN_RAM	   (UINT64_C(64) << 20)
#define MAX_RAM	   (UINT64_C(1) << 40)

struct bench_opts {
	char *group[MAX_GROUPS + 1];
	unsigned int nr_groups;
	const char *glob;
	bool json, list;
	struct bench *b;
};

static const struct argp_option options[] = {
	{"filter", 'F', "GLOB", 0, "Only measures of that name, as 'frames.*.order0.*'", 0},
	{"runs", 'n', "N", 0, "Take each measure N times (default 7)", 0},
	{"threads", 't', "N", 0, "Measure with 1 thread and with N (default 2)", 0},
	{"ram", 'r', "SIZE", 0, "RAM of machines with bytes (default 1G)", 0},
	{"list", 'l', NULL, 0, "Name the measures and their units, measure nothing", 0},
	{0},
};

static unsigned int number(const char *option, const char *arg, uint64_t max,
			   struct argp_state *state)
{
	uint64_t v;

	if (!value_number(arg, &v) || !v || v > max)
		argp_failure(state, EXIT_INPUT, 0, "--%s %s: expected a number from 1 to %u",
			     option, arg, (unsigned int)max);
	return (unsigned int)v;
}

static uint64_t ram_size(const char *arg, struct argp_state *state)
{
	uint64_t v;

	if (!value_size(arg, &v) || v < MIN_RAM || v > MAX_RAM || v & (v - 1))
		argp_failure(state, EXIT_INPUT, 0,
			     "--ram %s: expected a power of two from 64M to 1T", arg);
	return v;
}

static void add_group(struct bench_opts *o, char *arg, struct argp_state *state)
{
	static const char *const names[MAX_GROUPS] = {"frames",	 "cma", "contig",
						      "migrate", "dma", "buf"};

	for (unsigned int i = 0; i < MAX_GROUPS; i++) {
		if (strcmp(names[i], arg))
			continue;
		for (unsigned int j = 0; j < o->nr_groups; j++)
			if (!strcmp(o->group[j], arg))
				argp_failure(state, EXIT_INPUT, 0, "%s: given twice", arg);
		o->group[o->nr_groups++] = arg;
		return;
	}
	argp_failure(state, EXIT_INPUT, 0, "%s: expected frames, cma, contig, migrate, dma or buf",
		     arg);
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct bench_opts *o = state->input;

	switch (key) {
	case 'F':
		o->glob = arg;
		break;
	case 'n':
		o->b->runs = number("runs", arg, BENCH_MAX_RUNS, state);
		break;
	case 't':
		o->b->threads = number("threads", arg, BENCH_THREADS, state);
		break;
	case 'r':
		o->b->ram = ram_size(arg, state);
		break;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->json;
		break;
	case 'l':
		o->list = true;
		break;
	case ARGP_KEY_ARG:
		add_group(o, arg, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {{&args_format, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.children = children,
	.args_doc = "[frames] [cma] [contig] [migrate] [dma] [buf]",
	.doc = "Measures the parts: page frames, contiguous allocations, whole areas, moved pages, "
	       "the DMA API.",
};

static void show_progress(unsigned int done, unsigned int of)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%u of %u", done, of);
}

static int list(const struct bench *b)
{
	for (unsigned int i = 0; i < b->nr_cases; i++)
		for (unsigned int j = 0; j < b->cases[i].nr_measures; j++)
			if (b->cases[i].measure[j].wanted)
				printf("%s %s\n", b->cases[i].measure[j].name,
				       b->cases[i].measure[j].unit);
	return 0;
}

static int run(const struct bench_opts *o)
{
	bool ok = bench_all(o->b, show_progress);

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	if (!ok) {
		fprintf(stderr, "freehold bench: %s\n", o->b->why);
		return EXIT_BENCH;
	}
	if (o->json && !bench_json(o->b, stdout)) {
		fprintf(stderr, "freehold bench: the report cannot be written\n");
		return EXIT_BENCH;
	}
	if (!o->json)
		bench_text(o->b, stdout);
	return 0;
}

int cmd_bench(int argc, char **argv)
{
	static char name[] = "freehold bench";
	static struct bench b = {.runs = 7, .threads = 2, .ram = UINT64_C(1) << 30};
	struct bench_opts o = {.b = &b};
	int status;

	argp_err_exit_status = EXIT_INPUT;
	if (argc)
		argv[0] = name; /* what argp's messages begin with */
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return EXIT_INPUT;
	bench_add_frames(&b);
	bench_add_scale(&b);
	bench_add_cma(&b);
	bench_add_contig(&b);
	bench_add_dma(&b);
	bench_add_buf(&b);
	if (!bench_select(&b, o.group, o.glob)) {
		fprintf(stderr,
			"freehold bench: --filter %s: no measure has such a name; --list names "
			"them\n",
			o.glob ? o.glob : "");
		return EXIT_INPUT;
	}
	status = o.list ? list(&b) : run(&o);
	bench_free(&b);
	if (fflush(stdout) || ferror(stdout)) {
		perror("freehold bench: standard output");
		return EXIT_BENCH;
	}
	return status;
}
