/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `freehold exec`: runs an unmodified program that finds /dev/dma_heap. Two processes beside the program's own: this one, which
 * waits for the program, passes signals on and ends as it did; and its child, the supervisor, which is the program's parent and
 * lives as long as any process of the program.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "args.h"
#include "exec_launch.h"
#include "exec_machine.h"
#include "exec_preload.h"
#include "value.h"

int cmd_exec(int argc, char **argv);

#define BAD_INPUT 2
#define REJOIN_S  15
#define LINGER_MS 200 /* for the supervisor to end, if it does */

struct opts {
	struct load_opts load;
	const char *socket;
	bool rejoin_given;
	uint64_t rejoin_ns;
	bool preload;
	char **argv;
};

enum { OPT_REJOIN = 256 };

static const struct argp_option options[] = {
	{"socket", 's', "PATH", 0, "Join the server there, instead of a machine of its own", 0},
	{"rejoin", OPT_REJOIN, "TIME", 0,
	 "How long calls wait for a server that is away (default 15s)", 0},
	{"preload", 'P', NULL, 0,
	 "Where system calls cannot be held: put a library in front of the program (not: static "
	 "ones, Go, setuid)",
	 0},
	{0},
};

static void rejoin(struct opts *o, const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "0") && !value_time(arg, &o->rejoin_ns))
		argp_failure(state, BAD_INPUT, 0, "--rejoin %s: expected a time, as 15s or 0", arg);
	if (!strcmp(arg, "0"))
		o->rejoin_ns = 0;
	o->rejoin_given = true;
}

static void take_program(struct opts *o, struct argp_state *state)
{
	o->argv = state->argv + state->next - 1;
	state->next = state->argc;
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
	case OPT_REJOIN:
		rejoin(o, arg, state);
		break;
	case 'P':
		o->preload = true;
		break;
	case ARGP_KEY_ARG:
		take_program(o, state);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_failure(state, BAD_INPUT, 0, "expected a program to run");
		break;
	case ARGP_KEY_END:
		if (o->socket && args_machine_given(&o->load))
			argp_failure(state, BAD_INPUT, 0,
				     "--socket: the server's machine is as it is; without it, "
				     "--dtb, --ram, --bootargs, --policy and --like make one");
		if (o->rejoin_given && !o->socket)
			argp_failure(state, BAD_INPUT, 0,
				     "--rejoin: expected --socket with it: a machine of the "
				     "program's own ends with it");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {
	{&args_machine, 0,
	 "A machine of its own (without --ram and --dtb: of 512M, with cma=64M):", 1},
	{0}};
static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.children = children,
	.args_doc = "PROG [ARGUMENT...]",
	.doc = "Runs a program, which finds the heaps of a machine in /dev/dma_heap and gets "
	       "DMA-BUFs "
	       "from them, as from a kernel.",
};

/* ---- the supervisor ---- */

static void say_refused(int err)
{
	if (err == -EBUSY) {
		fprintf(stderr,
			"freehold exec: another supervisor holds system calls of this process "
			"already (seccomp: %s); --preload does without\n",
			strerror(-err));
		return;
	}
	fprintf(stderr,
		"freehold exec: system calls cannot be held here (seccomp with a supervisor, Linux "
		"5.9 or later: %s); --preload does without, but not for static and setuid "
		"programs, and those that make system calls themselves, as Go's do; programs that "
		"use <freehold/client.h> reach `freehold serve' without either\n",
		strerror(-err));
}

/* Where there is no library, or a program that takes none. */
static bool preload_fails(const struct opts *o)
{
	const char *library = exec_preload_library();
	char why[512] = "";

	if (!library)
		snprintf(why, sizeof(why),
			 "--preload: libfreehold-preload.so is neither beside this command nor in "
			 "../lib/freehold from there");
	else if (strpbrk(library, " :"))
		snprintf(why, sizeof(why),
			 "--preload: %s: LD_PRELOAD takes no paths with spaces or colons", library);
	else
		exec_preload_refuses(o->argv[0], why, sizeof(why));
	if (why[0])
		fprintf(stderr, "freehold exec: %s\n", why);
	return why[0];
}

/* What the program has open is the program's; a reader of its output sees its end when the program ends. */
static void let_go_of_streams(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i <= STDERR_FILENO; i++)
		dup2(fd, i);
	close(fd);
}

/* A fence that is pending takes two descriptors here; the program's own limit is as it was. */
static void more_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int supervise(const struct opts *o, const sigset_t *mask, int tell)
{
	static struct exec x;
	struct boot_why why = {""};
	int err;

	x.form = o->preload ? &exec_by_preload : &exec_by_seccomp;
	x.socket = o->socket;
	x.joined = o->socket;
	x.join.patience = (int64_t)(o->rejoin_ns / 1000000);
	x.tell = tell;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	x.epoll = epoll_create1(EPOLL_CLOEXEC);
	err = x.form->begin(&x);
	if (err) {
		fprintf(stderr, "freehold exec: %s\n", strerror(-err));
		return EXEC_FAILED;
	}
	if (x.epoll < 0 || exec_machine_begin(&x, &o->load, &why)) {
		fprintf(stderr, "freehold exec: %s\n", why.text[0] ? why.text : strerror(errno));
		return why.text[0] ? BAD_INPUT : EXEC_FAILED;
	}
	err = exec_launch(&x, o->argv, mask);
	if (err) {
		say_refused(err);
		return EXEC_FAILED;
	}
	exec_launch_go(&x);
	more_files();
	let_go_of_streams();
	err = exec_loop(&x);
	exec_machine_end(&x);
	return err ? EXEC_FAILED : 0;
}

/* ---- the command ---- */

/* What the terminal sends, goes to all of us; what is meant for the program alone came by kill(). */
static void pass_on(int signals, pid_t to)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == sizeof(info) && info.ssi_code <= 0 &&
	    info.ssi_signo != SIGCHLD)
		kill(to, (int)info.ssi_signo);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Until the program has ended; then the supervisor has a moment to end, too. */
static int wait_for(pid_t supervisor, int told, int signals)
{
	struct pollfd p[2] = {{.fd = told, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	bool ended = false;
	int status = 0, result = 0;

	for (;;) {
		if (poll(p, 2, ended ? LINGER_MS : -1) == 0)
			return result;
		if (p[1].revents)
			pass_on(signals, supervisor);
		if (!p[0].revents)
			continue;
		if (read(told, &status, sizeof(status)) != sizeof(status))
			break;
		ended = true;
		result = status_of(status);
	}
	waitpid(supervisor, &status, 0);
	return ended ? result : WIFSIGNALED(status) ? EXEC_FAILED : WEXITSTATUS(status);
}

static int start(const struct opts *o)
{
	sigset_t all, mask;
	int tell[2], signals;
	pid_t pid;

	sigfillset(&all);
	sigdelset(&all, SIGTSTP);
	sigdelset(&all, SIGTTIN);
	sigdelset(&all, SIGTTOU);
	sigprocmask(SIG_SETMASK, &all, &mask);
	signals = signalfd(-1, &all, SFD_CLOEXEC);
	pid = signals < 0 || pipe2(tell, O_CLOEXEC) ? -1 : fork();
	if (pid < 0) {
		perror("freehold exec");
		return EXEC_FAILED;
	}
	if (!pid) {
		close(tell[0]);
		close(signals);
		_exit(supervise(o, &mask, tell[1]));
	}
	close(tell[1]);
	return wait_for(pid, tell[0], signals);
}

int cmd_exec(int argc, char **argv)
{
	struct opts o = {.rejoin_ns = REJOIN_S * UINT64_C(1000000000)};

	if (!args_parse(&argp, "freehold exec", argc, argv, ARGP_IN_ORDER, &o))
		return BAD_INPUT;
	if (!o.socket && !o.load.ram && !o.load.dtb) {
		o.load.ram = "512M";
		if (!o.load.bootargs)
			o.load.bootargs = "cma=64M";
	}
	if (o.preload && preload_fails(&o))
		return EXEC_FAILED;
	return start(&o);
}
