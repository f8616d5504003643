/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One run of the demo: a server of its own, four processes, and what is left when they are gone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conduct.h"

#define READY_MS 120000 /* tenants fill the memory first */

struct running {
	const struct run_wanted *w;
	struct outcome *o;
	int board_fd, server_out;
	pid_t server, stage[NR_STAGES];
	unsigned int nr;
	bool restarted, cannot;
};

static volatile sig_atomic_t caught;

static void catch (int sig)
{
	caught = sig;
}

void conduct_catch_signals(void)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = catch};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		(void)sigaction(all[i], &act, NULL);
}

static bool trouble(struct outcome *o, const char *what, const char *why)
{
	snprintf(o->trouble, sizeof(o->trouble), "%.50s: %.200s", what, why);
	return false;
}

/* ---- the server ---- */

static void exec_server(const struct running *r, int out)
{
	const struct run_wanted *w = r->w;
	char socket[192], log[192], area[64];
	const char *argv[20] = {w->freehold, "serve",	"--ram",    w->ram, "--bootargs", area,
				"--policy",  w->policy, "--socket", socket, "--drain",	  "3s"};
	int fd, n = 12;

	snprintf(socket, sizeof(socket), "%s/server", w->want.dir);
	snprintf(log, sizeof(log), "%s/server.log", w->want.dir);
	snprintf(area, sizeof(area), "cma=%s", w->area);
	if (w->job) {
		argv[n++] = "--job";
		argv[n++] = w->job;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	execv(w->freehold, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void last_line_of_log(const struct running *r, char *line, size_t size)
{
	char path[192], text[4096], *nl;
	off_t end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/server.log", r->w->want.dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	end = fd >= 0 ? lseek(fd, 0, SEEK_END) - (off_t)sizeof(text) + 1 : 0;
	n = fd >= 0 ? pread(fd, text, sizeof(text) - 1, end > 0 ? end : 0) : 0;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	while ((nl = strrchr(text, '\n')) && !nl[1])
		*nl = '\0';
	snprintf(line, size, "%.*s", (int)size - 1, nl ? nl + 1 : text);
}

static bool start_server(struct running *r)
{
	struct pollfd p = {.events = POLLIN};
	char line[256] = "", why[TEXT_MAX];
	int out[2];
	ssize_t n;

	if (pipe2(out, O_CLOEXEC))
		return trouble(r->o, "pipe", strerror(errno));
	r->server = fork();
	if (!r->server)
		exec_server(r, out[1]);
	close(out[1]);
	r->server_out = p.fd = out[0];
	if (r->server < 0)
		return trouble(r->o, "fork", strerror(errno));
	n = poll(&p, 1, READY_MS) > 0 ? read(out[0], line, sizeof(line) - 1) : 0;
	if (n > 0 && !strncmp(line, "ready: ", 7))
		return true;
	last_line_of_log(r, why, sizeof(why));
	if (!*why)
		return trouble(r->o, r->w->freehold, "it said nothing");
	snprintf(r->o->trouble, sizeof(r->o->trouble), "%s", why); /* it names itself */
	return false;
}

static uint64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static struct fhc *look(const struct running *r)
{
	struct fhc *c;
	char path[160];

	snprintf(path, sizeof(path), "%s/server", r->w->want.dir);
	return fhc_connect(path, "demo", &c) ? NULL : c;
}

/* Before anybody asks for buffers of a heap that there is not. */
static bool has_heap(struct running *r)
{
	const char *want = r->w->want.heap;
	struct fhc *c = look(r);
	char why[TEXT_MAX] = "expected one of";
	struct fhc_heap h;
	bool has = !c;

	for (unsigned int n = 0; !has && !fhc_heap_nth(c, n, &h); n++) {
		size_t len = strlen(why);

		has = !strcmp(h.name, want);
		snprintf(why + len, sizeof(why) - len, " %s", h.name);
	}
	fhc_close(c);
	if (!has)
		snprintf(r->o->trouble, sizeof(r->o->trouble), "--heap %.40s: %.110s", want, why);
	return has;
}

/* How much of the area tenants have, while no buffer is in it. */
static void look_before(struct running *r)
{
	struct fhc *c = look(r);
	char text[8192];
	uint64_t total, left;
	size_t len;

	if (c && !fhc_read(c, "proc/meminfo", text, sizeof(text) - 1, &len)) {
		text[len < sizeof(text) - 1 ? len : sizeof(text) - 1] = '\0';
		total = number_after(text, "CmaTotal:");
		left = number_after(text, "CmaFree:");
		r->o->area_bytes = total << 10;
		r->o->lent = total ? 1 - (double)left / (double)total : 0;
	}
	fhc_close(c);
}

/* Nothing of the stages is to be left. */
static void look_after(struct running *r)
{
	struct fhc *c = look(r);
	char text[8192] = "";
	size_t len;

	r->o->leaked = true;
	for (unsigned int i = 0; c && r->o->leaked && i < 200; i++) {
		if (fhc_read(c, "sys/kernel/debug/dma_buf/bufinfo", text, sizeof(text) - 1, &len))
			break;
		text[len < sizeof(text) - 1 ? len : sizeof(text) - 1] = '\0';
		r->o->leaked = !strstr(text, "Total 0 objects");
		if (r->o->leaked)
			(void)poll(NULL, 0, 10);
	}
	fhc_close(c);
}

static void end_server(struct running *r)
{
	int status = -1;

	if (r->server <= 0)
		return;
	(void)kill(r->server, SIGTERM);
	while (waitpid(r->server, &status, 0) < 0 && errno == EINTR)
		;
	close(r->server_out);
	r->o->server_bad = status != 0;
	if (status && !*r->o->trouble)
		last_line_of_log(r, r->o->trouble, sizeof(r->o->trouble));
}

/* ---- the stages ---- */

static bool start_stage(struct running *r, enum stage s)
{
	char fd[16], title[16];

	snprintf(fd, sizeof(fd), "%d", r->board_fd);
	snprintf(title, sizeof(title), "--stage=%d", (int)s);
	r->stage[s] = fork();
	if (!r->stage[s]) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)fcntl(r->board_fd, F_SETFD, 0);
		execl("/proc/self/exe", "freehold-demo", title, "--board", fd, (char *)NULL);
		_exit(127);
	}
	if (r->stage[s] < 0)
		return trouble(r->o, "fork", strerror(errno));
	r->o->b->stage[s].ran = true;
	r->nr++;
	return true;
}

static void stage_ended(struct running *r, enum stage s, int status, const struct rusage *u)
{
	struct account *a = &r->o->b->stage[s];

	r->stage[s] = 0;
	r->nr--;
	a->user_us += (uint64_t)u->ru_utime.tv_sec * 1000000 + (uint64_t)u->ru_utime.tv_usec;
	a->system_us += (uint64_t)u->ru_stime.tv_sec * 1000000 + (uint64_t)u->ru_stime.tv_usec;
	a->switches += (uint64_t)u->ru_nvcsw + (uint64_t)u->ru_nivcsw;
	if (WIFSIGNALED(status)) {
		a->killed = true;
		say_end(a, "killed by signal %d", WTERMSIG(status));
		if (r->w->want.restart && !r->restarted && s != CAPTURE) {
			r->restarted = true;
			(void)start_stage(r, s);
		}
	} else if (!*a->end) {
		say_end(a, "exit status %d", WEXITSTATUS(status));
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == STAGE_CANNOT) {
		r->cannot = true;
		(void)trouble(r->o, stage_name[s], a->end);
	}
}

static void wait_for_stages(struct running *r)
{
	const struct wanted *w = &r->w->want;
	uint64_t until = now_ns() + (w->frames * 3 / w->rate + 60) * UINT64_C(1000000000);
	bool told = false;

	while (r->nr) {
		struct rusage u;
		int status;
		bool any = false;

		for (enum stage s = 0; s < NR_STAGES; s++)
			if (r->stage[s] > 0 && wait4(r->stage[s], &status, WNOHANG, &u) > 0) {
				stage_ended(r, s, status, &u);
				any = true;
			}
		/* Whom a dead or refused one leaves waiting for a beginning. */
		if (any && atomic_load(&r->o->b->greeted) < NR_STAGES - 1 && !r->restarted)
			atomic_store(&r->o->b->stop, 1);
		if (caught)
			atomic_store(&r->o->b->stop, 1);
		if (now_ns() > until) {
			for (enum stage s = 0; told && s < NR_STAGES; s++)
				if (r->stage[s] > 0)
					(void)kill(r->stage[s], SIGKILL);
			told = true;
			atomic_store(&r->o->b->stop, 1);
			(void)trouble(r->o, "the stages", "they took too long and were stopped");
			until = now_ns() + UINT64_C(5000000000);
		}
		(void)poll(NULL, 0, 5);
	}
}

/* ---- a run ---- */

static bool make_board(struct running *r)
{
	size_t size = board_size(r->w->want.frames);

	r->board_fd = memfd_create("demo-board", MFD_CLOEXEC);
	if (r->board_fd < 0 || ftruncate(r->board_fd, (off_t)size))
		return trouble(r->o, "the board", strerror(errno));
	r->o->b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->board_fd, 0);
	if (r->o->b == MAP_FAILED) {
		r->o->b = NULL;
		return trouble(r->o, "the board", strerror(errno));
	}
	r->o->b->want = r->w->want;
	return true;
}

bool conduct(const struct run_wanted *w, struct outcome *o)
{
	struct running r = {.w = w, .o = o, .board_fd = -1};
	uint64_t began;
	bool ok;

	*o = (struct outcome){.b = NULL};
	snprintf(o->policy, sizeof(o->policy), "%s", w->policy);
	ok = make_board(&r) && start_server(&r) && has_heap(&r);
	if (ok) {
		look_before(&r);
		began = now_ns();
		for (enum stage s = 0; ok && s < NR_STAGES; s++)
			ok = start_stage(&r, s);
		if (!ok)
			atomic_store(&o->b->stop, 1);
		wait_for_stages(&r);
		o->wall_ns = now_ns() - began;
		look_after(&r);
		ok = ok && !r.cannot;
	}
	end_server(&r);
	o->interrupted = caught;
	if (caught)
		ok = trouble(o, "stopped", strsignal(caught));
	if (r.board_fd >= 0)
		close(r.board_fd);
	return ok;
}

void outcome_free(struct outcome *o)
{
	if (o->b)
		munmap(o->b, board_size(o->b->want.frames));
	o->b = NULL;
}
