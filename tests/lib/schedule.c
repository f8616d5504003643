/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A deterministic scheduler of fibers, and the search through schedules. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "arch.h"
#include "schedule.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#define STACK	       (256u << 10)
#define MAX_POINTS     20000
#define MAX_DEPARTURES 16
#define NO_END	       200000 /* switches after which a run is taken to go on for ever */

extern __thread uint32_t hosted_held_ranks;

struct departure {
	unsigned int point, thread;
};

struct schedule {
	unsigned int n;
	struct departure d[MAX_DEPARTURES];
};

struct fiber {
	ucontext_t ctx;
	void *stack;
	void (*run)(void);
	const _Atomic(uint32_t) *waits; /* NULL: it can run */
	bool ended;
	uint32_t held_ranks;
};

/* The run at hand. One at a time in a process. */
static struct {
	struct fiber fiber[SCHED_THREADS];
	unsigned int nr, current;
	bool inside; /* a fiber runs */
	ucontext_t home;
	jmp_buf out; /* of setup() or check() */
	const struct sched_scenario *scenario;
	const struct schedule *schedule;
	unsigned int next; /* departure */
	unsigned int points, switches;
	/* At each point: who could have run instead, a bit each. */
	uint8_t choice[MAX_POINTS];
	uint64_t clock;
	char why[300];
} now;

static void go(unsigned int to)
{
	unsigned int from = now.current;

	if (++now.switches > NO_END)
		sched_fail("the run does not end");
	if (to == from)
		return;
	now.fiber[from].held_ranks = hosted_held_ranks;
	now.current = to;
	hosted_cpu_id = to;
	hosted_held_ranks = now.fiber[to].held_ranks;
	swapcontext(&now.fiber[from].ctx, &now.fiber[to].ctx);
}

static unsigned int others(void)
{
	unsigned int mask = 0;

	for (unsigned int i = 0; i < now.nr; i++)
		if (i != now.current && !now.fiber[i].ended && !now.fiber[i].waits)
			mask |= 1u << i;
	return mask;
}

/* The next in turn of `mask`, which is not empty. */
static unsigned int in_turn(unsigned int mask)
{
	unsigned int i = now.current;

	do
		i = (i + 1) % now.nr;
	while (!(mask >> i & 1));
	return i;
}

/* A place in the run where one of `mask` may run instead of `ordinary`. */
static unsigned int choose(unsigned int mask, unsigned int ordinary)
{
	const struct schedule *s = now.schedule;
	unsigned int point = now.points;

	mask &= ~(1u << ordinary);
	if (!mask)
		return ordinary;
	if (point < MAX_POINTS)
		now.choice[point] = (uint8_t)mask;
	now.points++;
	if (now.next < s->n && s->d[now.next].point == point && mask >> s->d[now.next].thread & 1)
		return s->d[now.next++].thread;
	return ordinary;
}

void sched_point(void)
{
	if (now.inside)
		go(choose(others(), now.current));
}

void sched_give_way(void)
{
	unsigned int mask = others();

	if (!now.inside)
		return;
	now.clock += 1000000;
	go(mask ? in_turn(mask) : now.current);
}

/* The current fiber cannot go on: somebody else must. */
static void leave(void)
{
	unsigned int mask = others();

	if (!mask) {
		bool all = true;

		for (unsigned int i = 0; i < now.nr; i++)
			all &= now.fiber[i].ended;
		if (!all)
			sched_fail("deadlock: all threads wait");
		now.inside = false;
		setcontext(&now.home);
	}
	go(choose(mask, in_turn(mask)));
}

void sched_wait(const _Atomic(uint32_t) *word, uint32_t value)
{
	if (!now.inside)
		return;
	sched_point();
	if (atomic_load(word) != value)
		return;
	now.fiber[now.current].waits = word;
	leave();
}

void sched_wake(const _Atomic(uint32_t) *word)
{
	if (!now.inside)
		return;
	for (unsigned int i = 0; i < now.nr; i++)
		if (now.fiber[i].waits == word)
			now.fiber[i].waits = NULL;
	sched_point();
}

uint64_t sched_clock(void)
{
	return now.clock += 1000;
}

void sched_fail(const char *why)
{
	if (!now.why[0])
		snprintf(now.why, sizeof(now.why), "%s", why);
	if (!now.inside)
		return;
	now.inside = false;
	setcontext(&now.home);
}

void sched_stop(const char *why)
{
	sched_fail(why);
	longjmp(now.out, 1);
}

bool sched_must(bool ok, const char *what)
{
	if (!ok)
		sched_fail(what);
	return ok;
}

static void fiber_main(void)
{
	now.fiber[now.current].run();
	now.fiber[now.current].ended = true;
	leave();
}

/* Runs all fibers to their ends, or to the first failure. */
static void run_fibers(void)
{
	volatile bool back = false;

	getcontext(&now.home);
	if (back)
		return;
	back = true;
	now.inside = true;
	now.current = 0;
	hosted_cpu_id = 0;
	hosted_held_ranks = 0;
	setcontext(&now.fiber[0].ctx);
}

/* Why, and how to see it again. In one write: a signal may have come at any place. */
static void show(void)
{
	const struct schedule *s = now.schedule;
	char text[700];
	int n = snprintf(text, sizeof(text), "# %s: %s\n# FH_SCHEDULE=\"%s:", now.scenario->name,
			 now.why, now.scenario->name);

	for (unsigned int i = 0; i < s->n; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%u>%u", i ? "," : "",
			      s->d[i].point, s->d[i].thread);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\" shows it again\n");
	fflush(stdout);
	if (write(1, text, (size_t)n) < 0)
		_exit(2);
}

static void on_crash(int sig)
{
	snprintf(now.why, sizeof(now.why), "signal %d", sig);
	show();
	_exit(1);
}

static void alone(void (*fn)(void))
{
	hosted_cpu_id = 0;
	hosted_held_ranks = 0;
	if (!setjmp(now.out))
		fn();
}

static bool run(const struct sched_scenario *sc, const struct schedule *s)
{
	now.scenario = sc;
	now.schedule = s;
	now.next = now.points = now.switches = now.nr = 0;
	now.clock = 0;
	now.why[0] = 0;
	alone(sc->setup);
	while (now.nr < SCHED_THREADS && sc->thread[now.nr]) {
		struct fiber *f = &now.fiber[now.nr++];

		if (!f->stack)
			f->stack = malloc(STACK);
		if (!f->stack || getcontext(&f->ctx))
			abort();
		/* A thread never returns from its last functions: what they marked is left over. */
		ASAN_UNPOISON_MEMORY_REGION(f->stack, STACK);
		f->ctx.uc_stack.ss_sp = f->stack;
		f->ctx.uc_stack.ss_size = STACK;
		f->ctx.uc_link = NULL;
		f->run = sc->thread[now.nr - 1];
		f->waits = NULL;
		f->ended = false;
		f->held_ranks = 0;
		makecontext(&f->ctx, fiber_main, 0);
	}
	if (!now.why[0])
		run_fibers();
	if (!now.why[0])
		alone(sc->check);
	if (now.points > MAX_POINTS)
		sched_fail("more points than the scheduler can count");
	if (!now.why[0])
		return true;
	show();
	return false;
}

/* ---- the search ---- */

struct search {
	const struct sched_scenario *sc;
	double until;
	uint64_t runs;
	bool late;
};

static double seconds_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Of the CPU, so that how deep the search goes does not hang on who else is busy; to a degree. */
static double seconds(void)
{
	static double begin;
	double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID), wall = seconds_of(CLOCK_MONOTONIC);

	begin = begin > 0 ? begin : wall;
	return cpu > (wall - begin) / 4 ? cpu : (wall - begin) / 4;
}

/* s, then all that depart from it once more after its last departure, `more` deep. */
static bool explore(struct search *f, struct schedule *s, unsigned int more)
{
	unsigned int points, from = s->n ? s->d[s->n - 1].point + 1 : 0;
	uint8_t *choice;
	bool ok = true;

	if (seconds() > f->until) {
		f->late = true;
		return true;
	}
	f->runs++;
	if (!run(f->sc, s))
		return false;
	if (!more)
		return true;
	points = now.points;
	choice = malloc(points + 1);
	memcpy(choice, now.choice, points);
	s->n++;
	for (unsigned int p = from; p < points && ok && !f->late; p++)
		for (unsigned int t = 0; t < SCHED_THREADS && ok; t++)
			if (choice[p] >> t & 1) {
				s->d[s->n - 1] = (struct departure){p, t};
				ok = explore(f, s, more - 1);
			}
	s->n--;
	free(choice);
	return ok;
}

static uint32_t next(uint32_t *rnd)
{
	*rnd = *rnd * 1664525 + 1013904223;
	return *rnd >> 8;
}

/* Schedules by lot: up to n departures anywhere in a run of so many points. */
static bool draw(struct search *f, const struct sched_limits *l, unsigned int points)
{
	uint32_t rnd = 1;

	for (uint64_t k = 0; k < l->drawn && seconds() < f->until; k++) {
		struct schedule s = {.n = 0};
		unsigned int p = 0, n = 3 + next(&rnd) % (l->departures - 2);

		while (s.n < n) {
			p += 1 + next(&rnd) % (2 * points / n + 1);
			s.d[s.n++] = (struct departure){p, next(&rnd) % SCHED_THREADS};
		}
		f->runs++;
		if (!run(f->sc, &s))
			return false;
	}
	return true;
}

static bool replay(const struct sched_scenario *sc, const char *text)
{
	struct schedule s = {.n = 0};
	char *end;

	while (*text && s.n < MAX_DEPARTURES) {
		s.d[s.n].point = (unsigned int)strtoul(text, &end, 10);
		s.d[s.n++].thread = (unsigned int)strtoul(end + (*end == '>'), &end, 10);
		text = end + (*end == ',');
	}
	return run(sc, &s);
}

bool sched_explore(const struct sched_scenario *sc, const struct sched_limits *l)
{
	struct search f = {.sc = sc, .until = seconds() + l->seconds};
	const char *one = getenv("FH_SCHEDULE");
	size_t len = strlen(sc->name);
	struct schedule s = {.n = 0};
	unsigned int points, depth;
	uint64_t all, by_lot;
	double begin = seconds();

	if (one && !strncmp(one, sc->name, len) && one[len] == ':')
		return replay(sc, one + len + 1);
	if (one)
		return true;
	signal(SIGSEGV, on_crash);
	signal(SIGBUS, on_crash);
	signal(SIGABRT, on_crash);
	signal(SIGTRAP, on_crash);
	signal(SIGILL, on_crash); /* a lock out of order */
	if (!run(sc, &s))
		return false;
	points = now.points;
	/* As deep as two thirds of the time will last: the next depth is some `points` times as long. */
	for (depth = 1; depth < l->departures; depth++) {
		double start = seconds();

		if (!explore(&f, &s, depth))
			return false;
		if (f.late ||
		    seconds() - begin + (seconds() - start) * points / depth > l->seconds * 2 / 3)
			break;
	}
	all = f.runs;
	if (!draw(&f, l, points))
		return false;
	by_lot = f.runs - all;
	printf("# %s: %u points, %llu schedules: all with up to %u departures, %llu drawn\n",
	       sc->name, points, (unsigned long long)f.runs, f.late ? depth - 1 : depth,
	       (unsigned long long)by_lot);
	return true;
}
