/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold run JOB`: options over the job file, the policies one after another, the report. */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "args.h"
#include "expect.h"
#include "load.h"
#include "report.h"
#include "table.h"
#include "value.h"

int cmd_run(int argc, char **argv);

#define EXIT_CHECK 1 /* a check did not hold */
#define EXIT_INPUT 2 /* nothing was run */
#define EXIT_GOAL  3 /* all checks hold, a goal was not met */
#define EXIT_BREAK 130

struct run_opts {
	const char *job, *dtb, *kconfig, *ram, *bootargs;
	enum job_engine engine;
	bool has_engine, has_seed, has_duration, has_check, has_faults, json, verbose, histogram;
	enum cma_policy policy[JOB_MAX_POLICIES];
	unsigned int nr_policies, repeat;
	const char *overlay[LOAD_MAX_OVERLAYS];
	unsigned int nr_overlays;
	uint64_t seed, duration_ns, check_ns, faults;
};

/* What a signal handler can reach. */
static _Atomic(bool) interrupt;

static void on_interrupt(int sig)
{
	(void)sig;
	atomic_store(&interrupt, true); /* the handler is gone now: the next one ends the process */
}

/* ---- options ---- */

enum { OPT_FAULTS = 256, OPT_CHECK, OPT_KCONFIG, OPT_OVERLAY };

static const struct argp_option options[] = {
	{"dtb", 'd', "FILE", 0, "The device tree (.dtb or .dts), in place of the job's", 0},
	{"overlay", OPT_OVERLAY, "FILE", 0,
	 "An overlay for it (.dtbo, .dts or .dtso); several in order", 0},
	{"ram", 'r', "SIZE", 0, "This much RAM, in place of the job's", 0},
	{"bootargs", 'b', "STR", 0, "The kernel command line, in place of the job's", 0},
	{"kconfig", OPT_KCONFIG, "FILE", 0, "How the kernel was built: a Linux .config or fragment",
	 0},
	{"policy", 'p', "NAME[,NAME]", 0, "Only these policies: carveout, movable and others; none",
	 0},
	{"duration", 't', "TIME", 0, "Of each policy: seconds, or 500ms and the like", 0},
	{"repeat", 'n', "N", 0, "Run all policies so many times, in turn", 0},
	{"seed", 's', "N", 0, "Of the actors' random choices", 0},
	{"faults", OPT_FAULTS, "1/N", 0, "Make one call of the platform in N fail; 0: none", 0},
	{"check", OPT_CHECK, "TIME", 0, "Check the machine so often while it works; 0: at the end",
	 0},
	{"engine", 'e', "NAME", 0, "host (the only one in this build), sim or kernel", 0},
	{"histogram", 'H', NULL, 0, "Text: how the latencies of each actor are spread", 0},
	{"verbose", 'v', NULL, 0, "Every actor, and the machine's own files", 0},
	{0},
};

static void add_policies(struct run_opts *o, const char *arg, struct argp_state *state)
{
	char text[128], list[96], *save = NULL;

	snprintf(text, sizeof(text), "%s", arg);
	job_policy_list(list, sizeof(list));
	for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
		enum cma_policy policy;

		if (!job_policy(t, &policy))
			argp_failure(state, EXIT_INPUT, 0, "--policy %s: expected %s", t, list);
		for (unsigned int i = 0; i < o->nr_policies; i++)
			if (o->policy[i] == policy)
				argp_failure(state, EXIT_INPUT, 0, "--policy %s: given twice", t);
		o->policy[o->nr_policies++] = policy;
	}
	if (!o->nr_policies)
		argp_failure(state, EXIT_INPUT, 0, "--policy '': expected %s", list);
}

#define DAY_NS UINT64_C(86400000000000)

/* A bare number counts seconds. */
static bool read_time(const char *arg, uint64_t *ns)
{
	char text[64];

	snprintf(text, sizeof(text), "%ss", arg);
	return strlen(arg) < sizeof(text) - 2 && (value_time(arg, ns) || value_time(text, ns)) &&
	       *ns <= DAY_NS;
}

static void set_check(struct run_opts *o, const char *arg, struct argp_state *state)
{
	o->has_check = read_time(arg, &o->check_ns);
	if (!o->has_check)
		argp_failure(state, EXIT_INPUT, 0, "--check %s: expected a time up to 86400 s",
			     arg);
}

static void set_faults(struct run_opts *o, const char *arg, struct argp_state *state)
{
	o->has_faults = value_one_in(arg, &o->faults);
	if (!o->has_faults)
		argp_failure(state, EXIT_INPUT, 0,
			     "--faults %s: expected one in so many, from 1/2 to 1/4294967295, or 0",
			     arg);
}

static void set_duration(struct run_opts *o, const char *arg, struct argp_state *state)
{
	o->has_duration = read_time(arg, &o->duration_ns) && o->duration_ns;
	if (!o->has_duration)
		argp_failure(state, EXIT_INPUT, 0,
			     "--duration %s: expected a time above 0 and up to 86400 s", arg);
}

static void set_repeat(struct run_opts *o, const char *arg, struct argp_state *state)
{
	uint64_t n;

	if (!value_number(arg, &n) || !n || n > JOB_MAX_REPEAT)
		argp_failure(state, EXIT_INPUT, 0, "--repeat %s: expected a number from 1 to %d",
			     arg, JOB_MAX_REPEAT);
	o->repeat = (unsigned int)n;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct run_opts *o = state->input;

	switch (key) {
	case 'd':
		o->dtb = arg;
		break;
	case OPT_KCONFIG:
		o->kconfig = arg;
		break;
	case OPT_OVERLAY:
		if (o->nr_overlays == LOAD_MAX_OVERLAYS)
			argp_failure(state, EXIT_INPUT, 0, "--overlay: more than %d",
				     LOAD_MAX_OVERLAYS);
		o->overlay[o->nr_overlays++] = arg;
		break;
	case 'r':
		o->ram = arg;
		break;
	case 'b':
		o->bootargs = arg;
		break;
	case 'p':
		add_policies(o, arg, state);
		break;
	case 't':
		set_duration(o, arg, state);
		break;
	case 'n':
		set_repeat(o, arg, state);
		break;
	case 's':
		o->has_seed = value_number(arg, &o->seed);
		if (!o->has_seed || o->seed > INT64_MAX)
			argp_failure(state, EXIT_INPUT, 0,
				     "--seed %s: expected a number below 2^63", arg);
		break;
	case 'e':
		o->has_engine = job_engine(arg, &o->engine);
		if (!o->has_engine)
			argp_failure(state, EXIT_INPUT, 0,
				     "--engine %s: expected host, sim or kernel", arg);
		break;
	case OPT_FAULTS:
		set_faults(o, arg, state);
		break;
	case OPT_CHECK:
		set_check(o, arg, state);
		break;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->json;
		break;
	case 'H':
		o->histogram = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case ARGP_KEY_ARG:
		if (o->job)
			argp_failure(state, EXIT_INPUT, 0, "%s: expected one job", arg);
		o->job = arg;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, EXIT_INPUT, 0, "expected a job file");
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
	.args_doc = "JOB",
	.doc = "Runs a job's devices and tenants on one machine under each policy in turn, "
	       "verifies every "
	       "byte, and compares the policies.",
};

/* ---- progress, on standard error ---- */

static bool is_tty(void)
{
	return isatty(STDERR_FILENO);
}

/* A terminal gets a line that changes ten times a second, anything else one line a policy. */
static bool due(void)
{
	static uint64_t last;
	uint64_t now = run_now();

	if (!is_tty() || now - last < 100000000)
		return false;
	last = now;
	return true;
}

/* Where there is no terminal, a line a check: who looks at a log of hours wants to see that it goes on. */
static void show_check(const struct run_progress *p)
{
	static uint64_t last;

	if (is_tty() || !p->checks || p->checks == last)
		return;
	last = p->checks;
	fprintf(stderr,
		"%s: %.0f of %.0f s, %" PRIu64 " allocations, %" PRIu64
		" refused, %.0f %% of the idle area lent, %" PRIu64 " calls made to fail\n",
		job_policy_name(p->policy), (double)p->at_ns / 1e9, (double)p->of_ns / 1e9,
		p->allocs, p->refused, p->lent * 100, p->faults);
}

static void show_progress(const struct run_progress *p)
{
	const char *policy = job_policy_name(p->policy);

	show_check(p);
	if (!due())
		return;
	if (p->actor)
		fprintf(stderr, "\r\033[K%s: `%s` fills its memory", policy, p->actor);
	else if (p->of_ns)
		fprintf(stderr,
			"\r\033[K%s: %.0f of %.0f s, %" PRIu64 " allocations, %" PRIu64
			" refused, %.0f %% of the idle area lent",
			policy, (double)p->at_ns / 1e9, (double)p->of_ns / 1e9, p->allocs,
			p->refused, p->lent * 100);
	else
		fprintf(stderr, "\r\033[K%s: checking", policy);
}

static bool prefault_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	if (due())
		fprintf(stderr, "\r\033[Ktaking RAM from the host: %" PRIu64 " of %" PRIu64 " MiB",
			done >> 20, total >> 20);
	return !atomic_load(&interrupt);
}

static void policy_done(const struct run_result *r)
{
	struct tally *sum = calloc(1, sizeof(*sum));

	if (!sum)
		return;
	run_devices(r, sum);
	fprintf(stderr, "%s%s: %.1f s, %" PRIu64 " allocations, %" PRIu64 " refused, %s\n",
		is_tty() ? "\r\033[K" : "", job_policy_name(r->policy),
		(double)r->duration_ns / 1e9, sum->allocs, tally_failures(sum),
		run_passed(r) ? "all bytes right" : "a check FAILED");
	free(sum);
}

/* ---- one job ---- */

static int fail(const char *what)
{
	fprintf(stderr, "%sfreehold run: %s\n", is_tty() ? "\r\033[K" : "", what);
	return EXIT_INPUT;
}

static bool apply(const struct run_opts *o, struct job *job, struct why *why)
{
	if (o->nr_policies) {
		memcpy(job->policy, o->policy, sizeof(job->policy));
		job->nr_policies = o->nr_policies;
	}
	if (o->repeat)
		job->repeat = o->repeat;
	if (o->has_seed)
		job->seed = o->seed;
	if (o->has_duration)
		job->duration_ns = o->duration_ns;
	if (o->has_engine)
		job->engine = o->engine;
	if (o->dtb)
		snprintf(job->dtb, sizeof(job->dtb), "%s", o->dtb);
	if (o->has_faults)
		job->faults = o->faults;
	if (o->has_check)
		job->check_ns = o->check_ns;
	job_set_clock(job);
	if (job->engine != ENGINE_HOST)
		why_set(why, "engine %s is not in this build, expected host",
			job_engine_name(job->engine));
	return !why->text[0];
}

/* Which key of the job a refusal to make the machine is about, if none of the options is. */
static void load_failed(const struct run_opts *o, const struct job *job, const char *text,
			struct why *why)
{
	const char *key = NULL;
	unsigned int line = 0;

	if (job->dtb_line && !o->dtb && !strncmp(text, job->dtb, strlen(job->dtb))) {
		key = "dtb";
		line = job->dtb_line;
	} else if (job->bootargs_line && !o->bootargs && strncmp(text, "--", 2) &&
		   (strstr(text, "cma=") || strstr(text, "mem="))) {
		key = "bootargs";
		line = job->bootargs_line;
	} else if (job->ram_line && !o->ram && !strncmp(text, "--ram", 5)) {
		key = "ram";
		line = job->ram_line;
	}
	if (key)
		why_set(why, "%s:%u: [global] %s: %s", job->path, line, key, text);
	else
		why_set(why, "%s: [global]: %s", job->path, text);
}

static bool load_machine(const struct run_opts *o, const struct job *job, struct boot_config *cfg,
			 struct why *why)
{
	struct load_area areas[JOB_MAX_AREAS];
	struct boot_why boot_why = {""};
	char ram[32];
	struct load_opts load = {
		.dtb = job->dtb[0] ? job->dtb : NULL,
		.ram = o->ram,
		.bootargs = o->bootargs		? o->bootargs
			    : job->has_bootargs ? job->bootargs
						: NULL,
		.kconfig = o->kconfig,
		.areas = areas,
		.nr_areas = job->nr_areas,
		.nr_overlays = o->nr_overlays,
	};

	memcpy(load.overlay, o->overlay, sizeof(load.overlay));
	for (unsigned int i = 0; i < job->nr_areas; i++)
		areas[i] = (struct load_area){job->area[i].name, job->area[i].bytes};
	snprintf(ram, sizeof(ram), "%" PRIu64, job->ram);
	if (!load.ram && job->ram)
		load.ram = ram;
	if (!load.dtb && !load.ram) {
		why_set(why, "%s: [global]: neither ram nor dtb, expected one of them", job->path);
		return false;
	}
	if (load_boot_config(&load, cfg, &boot_why)) {
		load_failed(o, job, boot_why.text, why);
		return false;
	}
	return job_check(job, cfg, why);
}

/* Each cached file is an open one. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void catch_interrupts(void)
{
	struct sigaction sa = {.sa_handler = on_interrupt,
			       .sa_flags = (int)SA_RESETHAND | SA_RESTART};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* One round of one policy; the rounds of a policy add up. False with *why. */
static bool run_one(const struct run_setup *setup, enum cma_policy policy, struct run_result *sum,
		    struct why *why)
{
	struct run_result *r = setup->round ? calloc(1, sizeof(*r)) : sum;
	bool ok;

	if (!r) {
		why_set(why, "out of memory");
		return false;
	}
	ok = run_policy(setup, policy, r, why);
	if (ok)
		policy_done(r);
	if (ok && r != sum)
		run_merge(sum, r);
	if (r != sum)
		free(r);
	return ok;
}

static bool run_policies(const struct run_opts *o, const struct job *job,
			 const struct boot_config *cfg, struct hosted *h, struct run_result *result,
			 unsigned int *nr, struct why *why)
{
	struct run_setup setup = {
		.job = job,
		.cfg = cfg,
		.hosted = h,
		.readouts = o->verbose,
		.interrupt = &interrupt,
		.progress = show_progress,
	};

	for (; setup.round < job->repeat; setup.round++)
		for (unsigned int i = 0; i < job->nr_policies && !atomic_load(&interrupt); i++) {
			if (!run_one(&setup, job->policy[i], &result[i], why))
				return false;
			*nr = i + 1 > *nr ? i + 1 : *nr;
		}
	return true;
}

static int verdict(const struct report *r)
{
	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (!run_passed(&r->run[i]))
			return EXIT_CHECK;
	if (atomic_load(&interrupt))
		return EXIT_BREAK;
	return expect_met(r) ? 0 : EXIT_GOAL;
}

static int run_job(const struct run_opts *o, const struct job *job, const struct boot_config *cfg)
{
	struct hosted_opts opts = {.banks = cfg->bank, .nr_banks = cfg->nr_banks};
	struct run_result *result = calloc(job->nr_policies, sizeof(*result));
	struct report report = {.job = job,
				.cfg = cfg,
				.run = result,
				.verbose = o->verbose,
				.histogram = o->histogram};
	struct hosted_why host_why = {""};
	struct why why = {""};
	struct hosted *h = NULL;
	int status = EXIT_INPUT;

	if (!result || hosted_create(&opts, &h, &host_why)) {
		free(result);
		return fail(result ? host_why.text : "out of memory");
	}
	hosted_swap_delay(h, job->swap_delay_ns);
	if (job->swap && hosted_swap_open(h, NULL, job->swap, &host_why))
		status = fail(host_why.text);
	else if (hosted_prefault(h, prefault_progress, NULL))
		status = fail("the host ran out of memory while RAM was taken from it");
	else if (!run_policies(o, job, cfg, h, result, &report.nr_runs, &why))
		status = fail(why.text);
	else if (o->json && !report_json(&report, stdout))
		status = fail("the report cannot be written");
	else
		status = verdict(&report);
	if (!o->json && !why.text[0] && !host_why.text[0])
		report_text(&report, stdout);
	for (unsigned int i = 0; i < job->nr_policies; i++)
		run_result_free(&result[i]);
	free(result);
	hosted_destroy(h);
	return status;
}

int cmd_run(int argc, char **argv)
{
	static char name[] = "freehold run";
	/* Too large for a stack. */
	static struct boot_config cfg;
	static struct job job;
	struct run_opts o = {0};
	struct why why = {""};
	int status;

	argp_err_exit_status = EXIT_INPUT;
	if (argc)
		argv[0] = name; /* what argp's messages begin with */
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return EXIT_INPUT;
	if (!job_load(o.job, &job, &why) || !apply(&o, &job, &why) ||
	    !load_machine(&o, &job, &cfg, &why))
		return fail(why.text);
	allow_many_files();
	catch_interrupts();
	status = run_job(&o, &job, &cfg);
	if (fflush(stdout) || ferror(stdout)) {
		perror("freehold run: standard output");
		return EXIT_CHECK;
	}
	return status;
}
