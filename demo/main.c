/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold-demo`: options; the conductor, or one of the four stages that it starts. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conduct.h"

#define EXIT_WRONG 1
#define BAD_INPUT  2

#define MAX_POLICIES 4

struct opts {
	struct run_wanted run;
	const char *policy[MAX_POLICIES];
	unsigned int nr_policies;
	const char *sheet;
	uint64_t seconds;
	bool pressure;
	int stage, board;
	char freehold[512], job[512];
};

enum {
	OPT_KILL = 256,
	OPT_RESTART,
	OPT_COPY,
	OPT_NO_ENCODER,
	OPT_STAGE,
	OPT_BOARD,
	OPT_AREA,
	OPT_SHEET,
	OPT_OUT,
	OPT_HEAP,
	OPT_JOB,
	OPT_REALTIME,
};

static const struct argp_option options[] = {
	{"size", 's', "WxH", 0, "Of a picture (1920x1080; with --file: as the file's)", 0},
	{"rate", 'r', "N", 0, "Frames, and ticks of the display, a second (60)", 0},
	{"frames", 'n', "N", 0, "How many (300)", 0},
	{"seconds", 't', "N", 0, "How long, in place of how many", 0},
	{"buffers", 'b', "N", 0, "Of each ring: 2 double, 3 triple buffering (3), to 8", 0},
	{"file", 'f', "VIDEO", 0, "What the camera sees, in place of a pattern (needs GStreamer)",
	 0},
	{"out", OPT_OUT, "FILE", 0, "Keep what is encoded (Matroska)", 0},
	{"no-encoder", OPT_NO_ENCODER, NULL, 0, "encode only reads and checksums", 0},
	{"sheet", OPT_SHEET, "FILE", 0, "A PNG of what the display saw", 0},
	{"realtime", OPT_REALTIME, NULL, 0,
	 "capture, composite and display go before other programs (SCHED_RR), if this user may", 0},
	{"policy", 'p', "NAME[,NAME]", 0,
	 "Of the area: carveout, movable, discard, guaranteed (default); several: one after the "
	 "other, compared",
	 1},
	{"pressure", 'm', NULL, 0, "Tenants fill the machine's memory, the idle area too", 1},
	{"job", OPT_JOB, "FILE", 0, "The tenants (jobs/demo.job)", 1},
	{"churn", 'c', "N", 0, "Each ring gives a buffer back and has another every N frames", 1},
	{"ram", 'R', "SIZE", 0, "Of the machine (512M)", 1},
	{"area", OPT_AREA, "SIZE", 0, "Of it (128M)", 1},
	{"heap", OPT_HEAP, "NAME", 0, "Where buffers come from (reserved: the area)", 1},
	{"kill", OPT_KILL, "STAGE@FRAME", 0,
	 "kill -9 of one of the processes, in the middle of that frame", 2},
	{"restart", OPT_RESTART, NULL, 0, "It is started again (not capture)", 2},
	{"copy", OPT_COPY, NULL, OPTION_HIDDEN, "composite copies, and is found out", 0},
	{"stage", OPT_STAGE, "N", OPTION_HIDDEN, "", 0},
	{"board", OPT_BOARD, "FD", OPTION_HIDDEN, "", 0},
	{0},
};

static uint64_t number(const char *name, const char *arg, uint64_t min, uint64_t max,
		       struct argp_state *state)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (errno || !*arg || *end || *arg == '-' || v < min || v > max)
		argp_failure(state, BAD_INPUT, 0, "--%s %s: expected a number from %llu to %llu",
			     name, arg, (unsigned long long)min, (unsigned long long)max);
	return v;
}

static void set_size(struct wanted *w, const char *arg, struct argp_state *state)
{
	unsigned int x, y;
	char rest;

	if (sscanf(arg, "%ux%u%c", &x, &y, &rest) != 2 || x < 128 || y < 64 || x > 8192 ||
	    y > 8192 || x % 64 || y % 4)
		argp_failure(state, BAD_INPUT, 0,
			     "--size %s: expected WIDTHxHEIGHT, 128x64 to 8192x8192, the width a "
			     "multiple of "
			     "64, the height of 4",
			     arg);
	w->width = x;
	w->height = y;
}

static void set_kill(struct wanted *w, const char *arg, struct argp_state *state)
{
	const char *at = strchr(arg, '@');

	for (enum stage s = 0; at && s < NR_STAGES; s++)
		if (strlen(stage_name[s]) == (size_t)(at - arg) &&
		    !strncmp(arg, stage_name[s], (size_t)(at - arg))) {
			char *end;
			unsigned long n = strtoul(at + 1, &end, 10);

			if (at[1] < '0' || at[1] > '9' || *end || !n || n > MAX_FRAMES)
				break;
			w->kill = s;
			w->kill_at = n;
			return;
		}
	argp_failure(state, BAD_INPUT, 0,
		     "--kill %s: expected capture, encode, composite or display, @ and a frame, "
		     "as composite@100",
		     arg);
}

static void set_policies(struct opts *o, const char *arg, struct argp_state *state)
{
	static const char *const known[] = {"carveout", "movable", "discard", "guaranteed"};
	char *copy = strdup(arg), *save = NULL;

	o->nr_policies = 0;
	for (char *t = copy ? strtok_r(copy, ",", &save) : NULL; t;
	     t = strtok_r(NULL, ",", &save)) {
		const char *is = NULL;

		for (unsigned int i = 0; i < 4; i++)
			if (!strcmp(t, known[i]))
				is = known[i];
		if (!is)
			argp_failure(
				state, BAD_INPUT, 0,
				"--policy %s: expected carveout, movable, discard or guaranteed",
				t);
		if (o->nr_policies == MAX_POLICIES)
			argp_failure(state, BAD_INPUT, 0, "--policy %s: expected at most %d", arg,
				     MAX_POLICIES);
		o->policy[o->nr_policies++] = is;
	}
	free(copy);
	if (!o->nr_policies)
		argp_failure(state, BAD_INPUT, 0,
			     "--policy '': expected carveout, movable, discard or guaranteed");
}

static void set_text(char *to, size_t size, const char *name, const char *arg,
		     struct argp_state *state)
{
	if (!*arg || strlen(arg) >= size)
		argp_failure(state, BAD_INPUT, 0, "--%s: expected 1 to %zu bytes", name, size - 1);
	snprintf(to, size, "%s", arg);
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	struct wanted *w = &o->run.want;

	switch (key) {
	case OPT_KILL:
		set_kill(w, arg, state);
		break;
	case OPT_RESTART:
		w->restart = true;
		break;
	case OPT_COPY:
		w->copy = true;
		break;
	case OPT_STAGE:
		o->stage = (int)number("stage", arg, 0, NR_STAGES - 1, state);
		break;
	case OPT_BOARD:
		o->board = (int)number("board", arg, 0, 1 << 20, state);
		break;
	case OPT_SHEET:
		o->sheet = arg;
		break;
	case OPT_JOB:
		set_text(o->job, sizeof(o->job), "job", arg, state);
		o->pressure = true;
		break;
	case OPT_AREA:
		o->run.area = arg;
		break;
	case 'R':
		o->run.ram = arg;
		break;
	case 'm':
		o->pressure = true;
		break;
	case 'p':
		set_policies(o, arg, state);
		break;
	case ARGP_KEY_ARG:
		argp_failure(state, BAD_INPUT, 0, "unexpected argument `%s'", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	struct wanted *w = &o->run.want;

	switch (key) {
	case 's':
		set_size(w, arg, state);
		break;
	case 'r':
		w->rate = (uint32_t)number("rate", arg, 1, 240, state);
		break;
	case 'n':
		w->frames = number("frames", arg, 1, MAX_FRAMES, state);
		break;
	case 't':
		o->seconds = number("seconds", arg, 1, 3600, state);
		break;
	case 'b':
		w->slots = (uint32_t)number("buffers", arg, 2, 8, state);
		break;
	case 'c':
		w->churn = (uint32_t)number("churn", arg, 0, MAX_FRAMES, state);
		break;
	case 'f':
		set_text(w->file, sizeof(w->file), "file", arg, state);
		break;
	case OPT_OUT:
		set_text(w->out, sizeof(w->out), "out", arg, state);
		break;
	case OPT_HEAP:
		set_text(w->heap, sizeof(w->heap), "heap", arg, state);
		break;
	case OPT_REALTIME:
		w->realtime = true;
		break;
	case OPT_NO_ENCODER:
		w->no_encoder = true;
		break;
	default:
		return parse_run(key, arg, state);
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.doc = "A camera, an encoder, a compositor and a display: four processes that pass frames "
	       "on in buffers of "
	       "`freehold serve`, with fences and without copies. Every byte of every frame is "
	       "checked.",
};

/* ---- a stage ---- */

static int stage(const struct opts *o)
{
	static int (*const mains[NR_STAGES])(struct board *) = {capture_main, encode_main,
								composite_main, display_main};
	char name[16];
	struct stat st;
	struct board *b;

	if (o->board < 0 || fstat(o->board, &st) || (size_t)st.st_size < sizeof(*b)) {
		fprintf(stderr, "freehold-demo: --stage is for its own use\n");
		return BAD_INPUT;
	}
	b = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, o->board, 0);
	close(o->board);
	if (b == MAP_FAILED)
		return EXIT_WRONG;
	snprintf(name, sizeof(name), "fh-%s", stage_name[o->stage]);
	(void)prctl(PR_SET_NAME, name);
	/* As drivers' threads; what an encoder or decoder starts is ordinary again. */
	if (b->want.realtime && o->stage != ENCODE)
		b->stage[o->stage].realtime =
			!sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK,
					    &(struct sched_param){.sched_priority = 1});
	return mains[o->stage](b);
}

/* ---- the conductor ---- */

static void find_freehold(struct opts *o)
{
	const char *given = getenv("FREEHOLD");
	ssize_t n;
	char *slash;

	if (given && *given) {
		snprintf(o->freehold, sizeof(o->freehold), "%s", given);
	} else {
		n = readlink("/proc/self/exe", o->freehold, sizeof(o->freehold) - 16);
		o->freehold[n > 0 ? n : 0] = '\0';
		slash = strrchr(o->freehold, '/');
		if (slash)
			snprintf(slash, 16, "/freehold");
	}
	o->run.freehold = o->freehold;
}

static void clean_up(const char *dir)
{
	static const char *const names[] = {"server", "server.lock", "server.log", "capture",
					    "composite"};
	char path[160];

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

/* Where sockets are, whose paths have to be short. */
static bool make_dir(struct wanted *w)
{
	const char *tmp = getenv("TMPDIR");

	tmp = tmp && *tmp ? tmp : "/tmp";
	if (strlen(tmp) > 70) {
		fprintf(stderr, "freehold-demo: TMPDIR=%s: expected at most 70 bytes\n", tmp);
		return false;
	}
	snprintf(w->dir, sizeof(w->dir), "%.70s/freehold-demo-XXXXXX", tmp);
	if (mkdtemp(w->dir))
		return true;
	fprintf(stderr, "freehold-demo: %s: %s\n", w->dir, strerror(errno));
	return false;
}

/* An exit status. */
static int run_one(struct opts *o, unsigned int i, struct outcome *out)
{
	int err;
	bool ok;

	if (!make_dir(&o->run.want))
		return BAD_INPUT;
	o->run.policy = o->policy[i];
	o->run.job = o->pressure ? o->job : NULL;
	ok = conduct(&o->run, out);
	clean_up(o->run.want.dir);
	if (!ok) {
		fprintf(stderr, "freehold-demo: %s\n", out->trouble);
		return out->interrupted ? EXIT_WRONG : BAD_INPUT;
	}
	report_run(&o->run, out);
	fflush(stdout);
	err = o->sheet && i + 1 == o->nr_policies ? sheet_write(out->b, o->sheet) : 0;
	if (err)
		fprintf(stderr, "freehold-demo: %s: %s\n", o->sheet, strerror(-err));
	return outcome_good(out) && !err ? 0 : EXIT_WRONG;
}

/* Before anything runs: what cannot be read or written. */
static bool files_are_good(const struct opts *o)
{
	const char *const name[] = {o->run.want.file, o->run.want.out, o->sheet ? o->sheet : ""};

	for (unsigned int i = 0; i < 3; i++) {
		int fd = !*name[i] ? -1
			 : i	   ? open(name[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0666)
				   : open(name[i], O_RDONLY | O_CLOEXEC);

		if (*name[i] && fd < 0) {
			fprintf(stderr, "freehold-demo: %s: %s\n", name[i], strerror(errno));
			return false;
		}
		if (fd >= 0)
			close(fd);
	}
	return true;
}

static int run_all(struct opts *o)
{
	struct outcome out[MAX_POLICIES] = {{.b = NULL}};
	int status = 0, worst = 0;
	bool interrupted = false;

	for (unsigned int i = 0; i < o->nr_policies && status != BAD_INPUT && !interrupted; i++) {
		status = run_one(o, i, &out[i]);
		worst = status > worst ? status : worst;
		interrupted = out[i].interrupted;
	}
	if (o->nr_policies > 1 && worst != BAD_INPUT)
		report_compare(out, o->nr_policies);
	for (unsigned int i = 0; i < o->nr_policies; i++)
		outcome_free(&out[i]);
	if (worst == EXIT_WRONG && !interrupted)
		fprintf(stderr, "freehold-demo: something above is not as it should be\n");
	return worst;
}

int main(int argc, char **argv)
{
	struct opts o = {
		.run = {.want = {.rate = 60, .slots = 3}, .ram = "512M", .area = "128M"},
		.policy = {"guaranteed"},
		.nr_policies = 1,
		.stage = -1,
		.board = -1,
		.job = "jobs/demo.job",
	};
	struct wanted *w = &o.run.want;

	argp_err_exit_status = BAD_INPUT;
	snprintf(w->heap, sizeof(w->heap), "reserved");
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return BAD_INPUT;
	(void)signal(SIGPIPE, SIG_IGN);
	if (o.stage >= 0)
		return stage(&o);
	if (!w->width && !*w->file) {
		w->width = 1920;
		w->height = 1080;
	}
	if (o.seconds)
		w->frames = o.seconds * w->rate;
	if (!w->frames)
		w->frames = 300;
	if (w->frames > MAX_FRAMES || (w->restart && (!w->kill_at || w->kill == CAPTURE))) {
		fprintf(stderr, "freehold-demo: %s\n",
			w->frames > MAX_FRAMES
				? "--seconds: expected an hour at 60 a second at most"
				: "--restart: expected --kill of encode, composite or display");
		return BAD_INPUT;
	}
	if (!files_are_good(&o))
		return BAD_INPUT;
	find_freehold(&o);
	conduct_catch_signals();
	return run_all(&o);
}
