/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold serve`: options, the machine, signals. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <freehold/heap.h>
#include <freehold/mem.h>
#include "args.h"
#include "beside.h"
#include "books.h"
#include "serve.h"
#include "serve_listen.h"
#include "value.h"

int cmd_serve(int argc, char **argv);

#define EXIT_BROKEN 1 /* something is wrong inside, or the host refused */
#define BAD_INPUT   2
#define EXIT_LEFT   3 /* buffers were left that somebody has */

#define MAX_HEAP_LIMITS 32
#define MAX_LISTED	20
#define DRAIN_S		10

struct heap_limit {
	char name[DMA_HEAP_NAME_MAX];
	uint64_t bytes;
};

struct opts {
	struct load_opts load;
	struct serve_opts serve;
	const char *socket;
	mode_t mode;
	bool mode_given;
	uint64_t drain_ns;
	struct heap_limit limit[MAX_HEAP_LIMITS];
	unsigned int nr_limits;
	const char *backing_name;
	enum hosted_backing backing;
	const char *job_path; /* NULL: no tenants */
	struct job *job;
	const struct boot_config *cfg;
};

enum {
	OPT_MODE = 256,
	OPT_GROUP,
	OPT_BACKING,
	OPT_CLIENT,
	OPT_HEAP,
	OPT_MAX,
	OPT_BUFFERS,
	OPT_DRAIN,
	OPT_JOB
};

static const struct argp_option options[] = {
	{"socket", 's', "PATH", 0,
	 "Where clients come (default $FREEHOLD_SOCKET, freehold.sock in $XDG_RUNTIME_DIR, "
	 "/run/freehold.sock)",
	 0},
	{"mode", OPT_MODE, "MODE", 0, "Of the socket, octal (default 0600, with --group 0660)", 0},
	{"group", OPT_GROUP, "NAME", 0, "Its members may connect, too", 0},
	{"backing", OPT_BACKING, "memfd|hugetlb|udmabuf", 0,
	 "What buffers are made of (default memfd)", 0},
	{"job", OPT_JOB, "FILE", 0, "The tenants of this job use the machine's memory meanwhile",
	 1},
	{"limit-client", OPT_CLIENT, "SIZE", 0, "What one client may have (default: no limit)", 2},
	{"limit-heap", OPT_HEAP, "NAME=SIZE", 0, "What may be had of one heap, by all", 2},
	{"max-clients", OPT_MAX, "N", 0, "At the same time (default 1024)", 2},
	{"max-buffers", OPT_BUFFERS, "N", 0, "Of one client (default 65536)", 2},
	{"state", 't', "FILE", 0, "Note what lives there, and take over what a server before noted",
	 3},
	{"drain", OPT_DRAIN, "TIME", 0,
	 "How long to wait for buffers to come back at SIGTERM (default 10s)", 3},
	{0},
};

static unsigned int number(const char *option, const char *arg, uint64_t max,
			   struct argp_state *state)
{
	uint64_t v;

	if (!value_number(arg, &v) || !v || v > max)
		argp_failure(state, BAD_INPUT, 0, "--%s %s: expected a number from 1 to %" PRIu64,
			     option, arg, max);
	return (unsigned int)v;
}

static void heap_limit(struct opts *o, const char *arg, struct argp_state *state)
{
	const char *eq = strrchr(arg, '=');
	struct heap_limit *l = &o->limit[o->nr_limits];

	if (o->nr_limits == MAX_HEAP_LIMITS)
		argp_failure(state, BAD_INPUT, 0, "--limit-heap %s: expected at most %d of them",
			     arg, MAX_HEAP_LIMITS);
	if (!eq || eq == arg || (size_t)(eq - arg) >= sizeof(l->name) ||
	    !value_size(eq + 1, &l->bytes) || !l->bytes)
		argp_failure(state, BAD_INPUT, 0,
			     "--limit-heap %s: expected NAME=SIZE, as system=64M", arg);
	snprintf(l->name, sizeof(l->name), "%.*s", (int)(eq - arg), arg);
	o->nr_limits++;
}

static void group(struct opts *o, const char *arg, struct argp_state *state)
{
	struct group *g = getgrnam(arg);
	uint64_t gid;

	if (g)
		o->serve.group = g->gr_gid;
	else if (value_number(arg, &gid) && gid < UINT32_MAX)
		o->serve.group = (int64_t)gid;
	else
		argp_failure(state, BAD_INPUT, 0, "--group %s: no such group", arg);
}

static void mode(struct opts *o, const char *arg, struct argp_state *state)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 8);

	if (!*arg || *end || v > 0777)
		argp_failure(state, BAD_INPUT, 0, "--mode %s: expected octal, as 0660", arg);
	o->mode = (mode_t)v;
	o->mode_given = true;
}

static void backing(struct opts *o, const char *arg, struct argp_state *state)
{
	static const char *const name[] = {"memfd", "hugetlb", "udmabuf"};
	static const enum hosted_backing is[] = {HOSTED_MEMFD, HOSTED_HUGETLB, HOSTED_UDMABUF};

	for (unsigned int i = 0; i < 3; i++)
		if (!strcmp(arg, name[i])) {
			o->backing_name = arg;
			o->backing = is[i];
			return;
		}
	argp_failure(state, BAD_INPUT, 0, "--backing %s: expected memfd, hugetlb or udmabuf", arg);
}

/* Who asks for DMA-BUFs has a driver to give them to: memfds would not do. */
static int check_backing(const struct opts *o)
{
	if (o->backing != HOSTED_UDMABUF)
		return 0;
	if (o->serve.state) {
		fprintf(stderr,
			"freehold serve: --state: expected none with --backing udmabuf: a DMA-BUF "
			"cannot be taken over\n");
		return BAD_INPUT;
	}
	if (access("/dev/udmabuf", R_OK | W_OK)) {
		fprintf(stderr, "freehold serve: --backing udmabuf: /dev/udmabuf: %s\n",
			strerror(errno));
		return BAD_INPUT;
	}
	return 0;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->load;
		break;
	case 's':
		o->socket = arg;
		break;
	case OPT_MODE:
		mode(o, arg, state);
		break;
	case OPT_GROUP:
		group(o, arg, state);
		break;
	case OPT_BACKING:
		backing(o, arg, state);
		break;
	case OPT_JOB:
		o->job_path = arg;
		break;
	case OPT_CLIENT:
		if (!value_size(arg, &o->serve.max_bytes) || !o->serve.max_bytes)
			argp_failure(state, BAD_INPUT, 0,
				     "--limit-client %s: expected a size, as 64M", arg);
		break;
	case OPT_HEAP:
		heap_limit(o, arg, state);
		break;
	case OPT_MAX:
		o->serve.max_clients = number("max-clients", arg, 100000, state);
		break;
	case OPT_BUFFERS:
		o->serve.max_buffers = number("max-buffers", arg, 10000000, state);
		break;
	case 't':
		o->serve.state = arg;
		break;
	case OPT_DRAIN:
		if (!strcmp(arg, "0"))
			o->drain_ns = 0;
		else if (!value_time(arg, &o->drain_ns))
			argp_failure(state, BAD_INPUT, 0,
				     "--drain %s: expected a time, as 10s or 0", arg);
		break;
	case ARGP_KEY_ARG:
		args_unexpected(state, arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {{&args_machine, 0, "The machine:", 1}, {0}};
static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.children = children,
	.doc = "Gives buffers of a machine's heaps to other programs, as file descriptors over a "
	       "Unix "
	       "socket, until SIGTERM.",
};

/* ---- signals ---- */

static volatile sig_atomic_t stops;

static void on_stop(int sig)
{
	(void)sig;
	stops++;
}

static void catch_stops(sigset_t *waiting)
{
	struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};
	sigset_t block;

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	/* They come only while the loop waits. */
	sigprocmask(SIG_BLOCK, &block, waiting);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGINT);
}

/* ---- serving ---- */

static int fail(int status, const char *text)
{
	fprintf(stderr, "freehold serve: %s\n", text);
	return status;
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "freehold serve: %s\n", line);
}

static void log_machine(void *arg, int level, const char *line)
{
	(void)arg;
	if (level <= PLAT_LOG_WARN)
		fprintf(stderr, "freehold serve: machine: %s\n", line);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void raise_nofile(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static bool set_heap_limits(const struct opts *o, struct fh_machine *m)
{
	for (unsigned int i = 0; i < o->nr_limits; i++) {
		struct dma_heap *heap = dma_heap_find(m, o->limit[i].name);

		if (!heap) {
			fprintf(stderr, "freehold serve: --limit-heap %s: no such heap, expected",
				o->limit[i].name);
			for (unsigned int n = 0; (heap = dma_heap_nth(m, n)); n++) {
				struct dma_heap_info info;

				dma_heap_get_info(heap, &info);
				fprintf(stderr, "%s %s", n ? "," : "", info.name);
			}
			fprintf(stderr, "\n");
			return false;
		}
		dma_heap_set_limit(heap, o->limit[i].bytes);
	}
	return true;
}

static void say_ready(const char *where, const char *backing, struct fh_machine *m)
{
	struct dma_heap_info info;
	struct dma_heap *heap;

	printf("ready: %s, %s, heaps", where, backing);
	for (unsigned int n = 0; (heap = dma_heap_nth(m, n)); n++) {
		dma_heap_get_info(heap, &info);
		printf(" %s", info.name);
	}
	printf("\n");
	fflush(stdout);
	listen_notify("READY=1");
}

/* Until nothing is left, the time is over, or somebody is impatient. */
static void drain(struct server *s, uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	server_drain(s);
	listen_notify("STOPPING=1");
	if (server_buffers(s))
		fprintf(stderr, "freehold serve: %" PRIu64 " buffers to come back\n",
			server_buffers(s));
	while (server_buffers(s) && stops < 2) {
		uint64_t now = now_ns();

		if (now >= end)
			break;
		(void)server_step(s, (int)((end - now) / 1000000 % 1000000) + 1);
	}
}

static int end_tenants(struct beside *b)
{
	uint64_t wrong = b ? beside_end(b) : 0;

	if (!wrong)
		return 0;
	fprintf(stderr, "freehold serve: tenants found %" PRIu64 " wrong bytes\n", wrong);
	return EXIT_BROKEN;
}

static int serve(const struct opts *o, struct server *s, struct beside *b)
{
	char why[512] = "";
	int status = 0, wrong;

	while (!stops) {
		int err = server_step(s, -1);

		if (err && err != -EINTR) {
			(void)end_tenants(b);
			return fail(EXIT_BROKEN, strerror(-err));
		}
	}
	drain(s, o->drain_ns);
	if (server_buffers(s)) {
		server_list(s, MAX_LISTED);
		status = EXIT_LEFT;
	}
	wrong = end_tenants(b);
	status = wrong ? wrong : status;
	if (server_check(s, why, sizeof(why)))
		status = fail(EXIT_BROKEN, why);
	return status;
}

/* Sockets that somebody opened for this process: listening ones, and ones that a client is at the other end of. */
static int take_inherited(struct server *s, int nr)
{
	for (int fd = 3; fd < 3 + nr; fd++) {
		int type = 0, listens = 0, err;
		socklen_t len = sizeof(int);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET ||
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len)) {
			fprintf(stderr,
				"freehold serve: descriptor %d that was handed over: expected "
				"a socket of type SOCK_SEQPACKET\n",
				fd);
			return BAD_INPUT;
		}
		err = listens ? server_listen(s, fd) : server_adopt(s, fd);
		if (err)
			return fail(EXIT_BROKEN, strerror(-err));
	}
	return 0;
}

static int open_sockets(const struct opts *o, struct server *s, struct listening *l)
{
	struct boot_why why = {""};
	int nr = listen_inherited(&why), err;
	char path[4096];

	if (nr < 0)
		return fail(BAD_INPUT, why.text);
	if (nr && !o->socket)
		return take_inherited(s, nr);
	if (nr)
		return fail(BAD_INPUT, "--socket: expected none, sockets were handed over");
	if (listen_open(l, o->socket ? o->socket : listen_default_path(path, sizeof(path)), o->mode,
			o->serve.group, &why))
		return fail(BAD_INPUT, why.text);
	err = server_listen(s, l->fd);
	return err ? fail(EXIT_BROKEN, strerror(-err)) : 0;
}

/* False: said. */
static bool start_tenants(const struct opts *o, const struct books *b, struct beside **tenants)
{
	struct why why = {""};

	*tenants = NULL;
	if (!o->job)
		return true;
	*tenants = beside_start(o->job, o->cfg, b->host, b->m, &why);
	if (!*tenants)
		(void)fail(BAD_INPUT, why.text);
	return *tenants;
}

static int with_machine(struct opts *o, struct books *b)
{
	struct beside *tenants;
	struct listening l = {.fd = -1, .lock = -1};
	struct boot_why why = {""};
	struct server *s;
	sigset_t waiting;
	int status;

	if (!set_heap_limits(o, b->m))
		return BAD_INPUT;
	raise_nofile();
	if (!start_tenants(o, b, &tenants))
		return BAD_INPUT;
	catch_stops(&waiting);
	o->serve.m = b->m;
	o->serve.host = b->host;
	o->serve.dmabufs = o->backing == HOSTED_UDMABUF;
	o->serve.log = log_line;
	o->serve.sigmask = &waiting;
	if (server_create(&o->serve, &s, &why)) {
		(void)end_tenants(tenants);
		return fail(BAD_INPUT, why.text);
	}
	status = open_sockets(o, s, &l);
	if (!status) {
		say_ready(*l.path ? l.path : "inherited sockets", o->backing_name, b->m);
		status = serve(o, s, tenants);
	} else {
		(void)end_tenants(tenants);
	}
	listen_close(&l);
	server_destroy(s);
	return status;
}

/* The machine is the options'; of the job's that is taken which they do not say. */
static bool load_job(struct opts *o, struct boot_config *cfg)
{
	static struct job job; /* too large for a stack */
	struct boot_why boot_why = {""};
	struct why why = {""};
	static char ram[32];

	if (o->job_path && !beside_load(o->job_path, &job, &why))
		return !fail(BAD_INPUT, why.text);
	if (o->job_path && !o->load.dtb && *job.dtb)
		o->load.dtb = job.dtb;
	if (o->job_path && !o->load.ram && job.ram) {
		snprintf(ram, sizeof(ram), "%" PRIu64, job.ram);
		o->load.ram = ram;
	}
	if (o->job_path && !o->load.bootargs && job.has_bootargs)
		o->load.bootargs = job.bootargs;
	if (load_boot_config(&o->load, cfg, &boot_why))
		return !fail(BAD_INPUT, boot_why.text);
	if (!o->job_path)
		return true;
	if (!job_check(&job, cfg, &why))
		return !fail(BAD_INPUT, why.text);
	o->job = &job;
	o->cfg = cfg;
	cfg->nr_cpus = beside_cpus(&job);
	return true;
}

int cmd_serve(int argc, char **argv)
{
	static struct boot_config cfg; /* too large for a stack */
	struct opts o = {.serve = serve_defaults(),
			 .drain_ns = DRAIN_S * UINT64_C(1000000000),
			 .backing_name = "memfd"};
	struct books books = {.bytes = true, .log = log_machine};
	const char *broken;
	int status;

	if (!args_parse(&argp, "freehold serve", argc, argv, 0, &o))
		return BAD_INPUT;
	if (!o.mode_given)
		o.mode = o.serve.group >= 0 ? 0660 : 0600;
	if (!load_job(&o, &cfg))
		return BAD_INPUT;
	status = check_backing(&o);
	if (status)
		return status;
	books.backing = o.backing;
	broken = books_open(&books, &cfg);
	if (broken)
		return fail(BAD_INPUT, broken);
	status = with_machine(&o, &books);
	books_close(&books);
	return status;
}
