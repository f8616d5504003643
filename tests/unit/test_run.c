/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Runs of small jobs: clean ones pass, and one byte that somebody changes fails them. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/hosted.h>
#include "t.h"
#include "report.h"
#include "actor.h"
#include "expect.h"
#include "run.h"

#define BASE UINT64_C(0x40000000)
#define RAM  (UINT64_C(64) << 20)

#define GLOBAL "[global]\nram = 64M\nbootargs = cma=16M\nduration = 400ms\n"
#define CAMERA "[camera]\nkind = device\nbuffers = 2\nsize = 1M 300K\nrate = 20\nlifetime = 80ms\n"
#define APP    "[app]\nkind = anon\nsize = 40%\nthreads = 2\npunch = 1%\n"

struct world {
	struct job job;
	struct boot_config cfg;
	struct hosted *h;
	struct run_setup setup;
	struct run_result result;
	struct why why;
};

static struct world w;
static _Atomic(bool) stop;

static bool make(const char *text)
{
	struct hosted_why host_why = {""};
	struct boot_why boot_why = {""};

	memset(&w, 0, sizeof(w));
	atomic_store(&stop, false);
	if (!T_OK(job_parse("test.job", text, strlen(text), &w.job, &w.why), w.why.text))
		return false;
	boot_config_init(&w.cfg);
	if (!T_OK(!boot_config_finish(&w.cfg, w.job.bootargs, w.job.ram, &boot_why), boot_why.text))
		return false;
	struct hosted_opts opts = {.banks = w.cfg.bank, .nr_banks = w.cfg.nr_banks};

	w.setup = (struct run_setup){.job = &w.job, .cfg = &w.cfg, .interrupt = &stop};
	if (!T_OK(job_check(&w.job, &w.cfg, &w.why), w.why.text) ||
	    !T_OK(!hosted_create(&opts, &w.h, &host_why), host_why.text))
		return false;
	w.setup.hosted = w.h;
	return true;
}

static bool run(enum cma_policy policy)
{
	return T_OK(run_policy(&w.setup, policy, &w.result, &w.why), w.why.text);
}

static void end(void)
{
	run_result_free(&w.result);
	hosted_destroy(w.h);
}

static const struct tally *tally(const char *name)
{
	for (unsigned int i = 0; i < w.result.nr_actors; i++)
		if (!strcmp(w.result.actor[i].spec->name, name))
			return &w.result.actor[i].tally;
	return NULL;
}

static void clean(void)
{
	static const char text[] = GLOBAL CAMERA APP
		"[io]\nkind = pin\nsize = 1M\npages = 4\nhold = 1ms\nrate = 100\npunch = 50%\n"
		"[server]\nkind = writeback\nsize = 1M\nrate = 200\ndelay = 1ms\n"
		"[cache]\nkind = files\npaths = /usr/lib:/usr/share\nsize = 50%\n";

	for (unsigned int p = 0; p < CMA_NR_POLICIES; p++) {
		T_NEED(make(text));
		T_NEED(run((enum cma_policy)p));
		T_OK(run_passed(&w.result), w.result.invariants_why);
		T_EQ(w.result.corrupt_bytes, 0);
		T_EQ(w.result.leaked_pages, 0);
		T_EQ(w.result.nr_actors, 5);
		for (unsigned int i = 0; i < w.result.nr_actors; i++)
			T_OK(w.result.actor[i].tally.ops && w.result.actor[i].tally.bytes,
			     w.result.actor[i].spec->name);
		T_OK((w.result.lent > 0) == (p != CMA_POLICY_CARVEOUT),
		     "only a carveout lends nothing");
		T_OK(w.result.duration_ns >= 400000000, "as long as was asked for");
		end();
	}
}

/* Flips one bit in every page of [from, to), while they are in use. */
static uint64_t spoil_from, spoil_to;

__attribute__((no_sanitize("thread"))) static void spoil(const struct run_progress *p)
{
	const struct plat *plat = hosted_plat(w.h);
	static bool done;

	if (strcmp(p->phase, "run") || p->at_ns < 200000000) {
		done = false;
		return;
	}
	if (done)
		return;
	done = true;
	for (uint64_t at = spoil_from; at < spoil_to; at += FH_PAGE_SIZE) {
		unsigned char *byte = plat->ram(plat->ctx, (phys_t){at + 1234}, 1);

		*byte ^= 4;
	}
}

static void spoilt(const char *text, uint64_t from, uint64_t to, const char *victim)
{
	T_NEED(make(text));
	w.setup.progress = spoil;
	spoil_from = from;
	spoil_to = to;
	T_NEED(run(CMA_POLICY_CARVEOUT));
	T_OK(!run_passed(&w.result), "wrong bytes pass");
	T_OK(tally(victim) && tally(victim)->corrupt_bytes, victim);
	T_EQ(w.result.corrupt_bytes, tally(victim)->corrupt_bytes);
	T_EQ(w.result.leaked_pages, 0);
	end();
}

static void spoilt_buffer(void)
{
	/* A set a second that lives for the run: taken once, spoilt, and seen when it is given
	 * back. */
	static const char text[] =
		GLOBAL "[camera]\nkind = device\nbuffers = 3\nsize = 5M\nlifetime = 10s\n";
	const struct boot_region *area;

	T_NEED(make(text));
	area = job_area(&w.job.actor[0], 0, &w.cfg);
	T_NEED(area);
	spoil_from = area->base;
	spoil_to = area->base + area->size;
	end();
	spoilt(text, spoil_from, spoil_to, "camera");
}

static void spoilt_memory(void)
{
	/* Tenants only: all frames that are in use are theirs. */
	spoilt(GLOBAL APP, BASE, BASE + RAM, "app");
}

static void spoilt_pins(void)
{
	spoilt(GLOBAL "[io]\nkind = pin\nsize = 30M\npages = 8\nrate = 1000\nhold = 0ms\n", BASE,
	       BASE + RAM, "io");
}

static void spoilt_cache(void)
{
	spoilt(GLOBAL "[cache]\nkind = files\npaths = /usr/lib\nsize = 40%\n", BASE, BASE + RAM,
	       "cache");
}

static void spoilt_writeback(void)
{
	spoilt(GLOBAL "[server]\nkind = writeback\nsize = 20M\nrate = 100000\n", BASE, BASE + RAM,
	       "server");
}

static void refused_devices(void)
{
	static const char text[] =
		GLOBAL "[hog]\nkind = device\nbuffers = 3\nsize = 6M\nlifetime = 1s\nrate = 10\n";

	T_NEED(make(text));
	/* Long enough for three buffers of 6 MiB to be filled and read under a sanitizer. */
	w.job.duration_ns = UINT64_C(2500000000);
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_OK(run_passed(&w.result), "being refused is no failure");
	T_OK(tally("hog")->allocs >= 2 && tally_failures(tally("hog")) >= 1, "two fit, not three");
	T_EQ(tally("hog")->failure[0].err, FH_ENOMEM);
	T_EQ(w.result.nr_refusals, 1);
	T_EQ(w.result.refusal[0].n, tally_failures(tally("hog")));
	T_STR(w.result.refusal[0].actor, "hog");
	T_OK(strlen(w.result.refusal[0].why) > 0, "and why");
	end();
}

static void stop_when_refused(const struct run_progress *p)
{
	if (p->refused)
		atomic_store(&stop, true);
}

/* In Linux's way a pin refuses a device, and the area's record has the tenant's name. */
static void refused_by_a_pin(void)
{
	static const char text[] = GLOBAL
		"[camera]\nkind = device\nbuffers = 1\nsize = 15M\nlifetime = 0ms\nrate = 50\n"
		"[direct io]\nkind = pin\nsize = 75%\npages = 64\nhold = 30ms\nrate = 3000\n"
		"threads = 2\npunch = 100%\n";
	const struct refusal *r = w.result.refusal;

	T_NEED(make(text));
	w.job.duration_ns = UINT64_C(10000000000);
	w.setup.progress = stop_when_refused;
	T_NEED(run(CMA_POLICY_MOVABLE));
	if (!w.result.nr_refusals || strcmp(r->why, "pinned")) {
		end();
		T_SKIP("on a busy host no pin was in the way (test_actor has one)");
	}
	T_OK(r->pins >= 1 && r->pfn, "how often, and where");
	T_STR(r->holder ? r->holder : "-", "direct io");
	T_STR(r->holder_kind ? r->holder_kind : "-", "pin");
	T_OK(r->held_ns < w.result.duration_ns, "since when");
	end();
}

/* Work that ends by itself, each device counting what only devices have. */
static void counted(void)
{
	static const char text[] =
		GLOBAL "[loop]\nkind = device\nbuffers = 2\nsize = 4K 64K\nrate = max\n"
		       "lifetime = 0ms\ncount = 7\ncall = cma_alloc\n"
		       "[build]\nkind = anon\nsize = 4M\nthreads = 2\nchurn = yes\ncount = 501\n";
	const struct run_device_result *d;
	struct run_result more;

	T_NEED(make(text));
	w.job.duration_ns = UINT64_C(60000000000);
	T_NEED(run(CMA_POLICY_GUARANTEED));
	d = w.result.actor[0].device;
	T_NEED(d);
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_OK(w.result.duration_ns < UINT64_C(30000000000), "over when the counts are");
	T_EQ(d->loops, 7);
	T_EQ(tally("loop")->allocs, 14);
	T_EQ(d->size[0].calls, 8);
	T_EQ(d->size[1].calls, 6);
	T_EQ(d->size[1].latency.count, 6);
	T_EQ(d->held.count + d->unheld.count, 14);
	T_EQ(tally("build")->ops, 501);
	T_EQ(w.result.actor[1].counted, 501);
	T_EQ(w.result.nr_rounds, 1);
	T_OK(w.result.round_ns[0] >= w.result.duration_ns, "filling is in it");

	/* A second round of it, merged. */
	w.setup.round = 1;
	T_NEED(run_policy(&w.setup, CMA_POLICY_GUARANTEED, &more, &w.why));
	run_merge(&w.result, &more);
	T_EQ(w.result.nr_rounds, 2);
	T_EQ(tally("build")->ops, 1002);
	T_EQ(w.result.actor[0].device->size[0].latency.count, 16);
	T_EQ(w.result.actor[0].device->loops, 14);
	T_OK(!more.actor[0].device, "emptied");
	end();
}

/* The machine without areas: tenants have all of it, devices are not there. */
static void no_areas(void)
{
	T_NEED(make(GLOBAL CAMERA "[app]\nkind = anon\nsize = 80%\ncount = 1000\n"));
	T_NEED(run(JOB_POLICY_NONE));
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_EQ(w.result.nr_areas, 0);
	T_EQ(tally("camera")->ops, 0);
	T_OK(!w.result.actor[0].device, "no device");
	T_EQ(tally("app")->ops, 1000);
	T_OK(w.result.actor[1].filled_bytes > RAM / 10 * 7, "memory of the area too");
	end();
}

/* `guaranteed` under another name, and its thread. */
static void with_exchange(void)
{
	T_NEED(make(GLOBAL CAMERA APP "[cache]\nkind = files\npaths = /usr/lib\nsize = 50%\n"));
	T_NEED(run(JOB_POLICY_EXCHANGE));
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_OK(w.result.lent > 0, "lent");
	T_OK(tally("camera")->allocs > 0, "a device");
	T_OK(w.result.area[0].stats.spared <= w.result.area[0].stats.exchanged_out, "");
	end();
	T_NEED(make(GLOBAL CAMERA APP));
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_EQ(w.result.area[0].stats.exchanged_out, 0);
	end();
}

/* More than fits outside: refused by the guarantee, and had with compression, which counts what it did. */
static void compressed(void)
{
	static const char text[] =
		GLOBAL "policies = guaranteed, compressed\n"
		       "[app]\nkind = anon\nsize = 85%\ncount = 1000\nrandom = 30%\n";

	T_NEED(make(text));
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_OK(tally_failures(tally("app")) > 0, "refused");
	T_EQ(w.result.compressed, 0);
	T_NEED(run(JOB_POLICY_COMPRESSED));
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_EQ(tally_failures(tally("app")), 0);
	T_OK(w.result.compressed > 2000 && w.result.reclaimed >= w.result.compressed, "counted");
	T_OK(w.result.pool_pages > 2000 && w.result.pool_frames < w.result.pool_pages / 2,
	     "in less than half of the frames");
	T_EQ(w.result.swapped, 0);
	T_STR(job_policy_name(w.result.policy), "compressed");
	end();
}

/* A tenant that would have all of the area finds what the job leaves of it. */
static double lent_with(const char *global)
{
	char text[300];
	double lent;

	snprintf(text, sizeof(text), GLOBAL "%s[app]\nkind = anon\nsize = 95%%\n", global);
	if (!make(text) || !run(CMA_POLICY_MOVABLE))
		return -1;
	T_OK(run_passed(&w.result), w.result.invariants_why);
	lent = w.result.lent;
	end();
	return lent;
}

static void share_and_ready(void)
{
	double half;

	T_OK(lent_with("") > 0.7, "nearly all of it");
	half = lent_with("share = 50%\n");
	T_OK(half > 0.35 && half <= 0.5, "half of it");
	T_EQ((int64_t)lent_with("share = 0%\n"), 0);
	T_OK(lent_with("ready = 12M\n") < 0.6, "what is kept ready leaves tenants a quarter");
}

static void in_parallel(void)
{
	static const char text[] = GLOBAL
		"[group]\nkind = device\nbuffers = 3\nsize = 2M\nparallel = yes\nrate = 100\n"
		"lifetime = 0ms\ncount = 6\n" APP;
	const struct run_device_result *d;

	T_NEED(make(text));
	w.job.duration_ns = UINT64_C(60000000000);
	T_NEED(run(CMA_POLICY_GUARANTEED));
	d = w.result.actor[0].device;
	T_NEED(d);
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_EQ(d->loops, 6);
	T_EQ(d->loops_failed, 0);
	T_EQ(d->in_turn.count, 3);
	T_EQ(d->at_once.count, 3);
	T_EQ(tally("group")->ops, 18);
	T_OK(run_speed_up(d) > 0, "a ratio");
	end();
}

/* Refused because too little is free, which is no fragmentation. */
static void too_little(void)
{
	static const char text[] = GLOBAL "[large]\nkind = device\nbuffers = 2\nsize = 10M\n"
					  "rate = max\ncount = 3\ncall = cma_alloc\nverify = 0%\n";
	const struct run_device_result *d;

	T_NEED(make(text));
	w.job.duration_ns = UINT64_C(60000000000);
	T_NEED(run(CMA_POLICY_CARVEOUT));
	d = w.result.actor[0].device;
	T_NEED(d);
	T_EQ(d->loops, 3);
	T_EQ(d->loops_failed, 3); /* 16 MiB have room for one */
	T_EQ(d->fragmented, 0);
	T_EQ(d->size[0].refused, 3);
	T_OK(run_passed(&w.result), w.result.invariants_why);
	end();
}

/* Each metric from figures that are known. */
static void goals(void)
{
	static const char text[] =
		GLOBAL "expect = guaranteed: refused = 0, drains = 0, drains >= 5, runtime <= 1.5, "
		       "reclaimed <= 3\npolicies = none, guaranteed\n"
		       "[dev]\nkind = device\nbuffers = 2\nsize = 4K 8K\n"
		       "expect = guaranteed: loops-failed = 0, fragmented <= 2, p99.9/p50 <= 2, "
		       "max <= 1ms, held-p50 <= 1ms, held-max <= 1ms\n"
		       "expect = guaranteed: speed-up >= 1.5, refused = 2\n";
	static const bool met[] = {false, false, true,	true,  true,  false, true,
				   false, true,	 false, false, false, true};
	static struct run_result runs[2];
	static struct run_device_result d;
	struct verdict v[JOB_MAX_EXPECT];
	struct report r = {.job = &w.job, .run = runs, .nr_runs = 2};
	char found[64];

	T_NEED(T_OK(job_parse("x", text, strlen(text), &w.job, &w.why), w.why.text));
	runs[0] = (struct run_result){
		.policy = JOB_POLICY_NONE, .nr_rounds = 3, .round_ns = {100, 200, 300}};
	runs[1] = (struct run_result){.policy = CMA_POLICY_GUARANTEED,
				      .nr_rounds = 3,
				      .round_ns = {140, 100, 900},
				      .drains = 5,
				      .reclaimed = 3,
				      .nr_actors = 1};
	runs[1].actor[0] = (struct run_actor_result){.spec = &w.job.actor[0], .device = &d};
	d = (struct run_device_result){
		.loops = 9, .loops_failed = 1, .fragmented = 2, .nr_sizes = 2};
	d.size[0].bytes = 4096;
	d.size[1].bytes = 8192;
	for (uint64_t i = 0; i < 10; i++) {
		hist_add(&d.size[0].latency, 100);
		hist_add(&d.size[1].latency, i ? 100 : 300);
		hist_add(&d.held, 2000000);
		hist_add(&runs[1].actor[0].tally.latency, 999999);
	}
	runs[1].actor[0].tally.ops = 20;
	tally_failed(&runs[1].actor[0].tally, -FH_ENOMEM);
	tally_failed(&runs[1].actor[0].tally, -FH_EBUSY);
	T_NEED(T_EQ(expect_judge(&r, v), 13));
	for (unsigned int i = 0; i < 13; i++)
		T_OK(v[i].met == met[i], v[i].goal->text);
	T_OK(v[3].value > 1.399 && v[3].value < 1.401, "the median of 1.4, 0.5 and 3");
	expect_found(&v[7], found, sizeof(found));
	T_STR(found, "3 at 8 KiB");
	expect_found(&v[9], found, sizeof(found));
	T_STR(found, "not measured"); /* nothing was not held */
	for (unsigned int i = 0; i < 10; i++)
		hist_add(&d.unheld, 1500000);
	T_EQ(expect_judge(&r, v), 13);
	T_OK(v[9].met && v[10].met, "half a millisecond more");
	T_OK(!expect_met(&r), "some are not met");
}

static void interrupt_it(const struct run_progress *p)
{
	if (p->at_ns)
		atomic_store(&stop, true);
}

static void interrupted(void)
{
	T_NEED(make(GLOBAL CAMERA APP));
	w.job.duration_ns = UINT64_C(60000000000);
	w.setup.progress = interrupt_it;
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_OK(w.result.interrupted && run_passed(&w.result), "stopped cleanly");
	T_OK(w.result.duration_ns < UINT64_C(10000000000), "at once");
	end();
}

static bool only(const struct tally *t, int a, int b)
{
	for (unsigned int i = 0; i < RUN_MAX_ERRNOS; i++)
		if (t->failure[i].n && t->failure[i].err != a && t->failure[i].err != b)
			return false;
	return true;
}

#define MANY_FAULTS                                                                                \
	"[global]\nram = 64M\nbootargs = cma=16M\nduration = 1500ms\nfaults = 1/20\n"              \
	"check = 200ms\n" CAMERA APP                                                               \
	"[io]\nkind = pin\nsize = 1M\npages = 4\nhold = 1ms\nrate = 100\npunch = 50%\n"            \
	"[build]\nkind = anon\nsize = 10%\nchurn = yes\n"                                          \
	"[server]\nkind = writeback\nsize = 1M\nrate = 200\nneeds = 64K\n"                         \
	"[slow]\nkind = writeback\nsize = 1M\nrate = 50\ndelay = 20s\n"                            \
	"[cache]\nkind = files\npaths = /usr/lib:/usr/share\nsize = 50%\nrate = 20000\n"

/* One call in twenty fails: tenants hear of it and go on, the device does not, and all that was taken is given
 * back. Checks meanwhile do not wait for the server, and do not count as time. */
static void with_faults(void)
{
	static const enum fault some[] = {FAULT_ALLOC, FAULT_MAP, FAULT_FILE_READ,
					  FAULT_FILE_WRITE};
	uint64_t start = run_now(), refused = 0;

	T_NEED(make(MANY_FAULTS));
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_EQ(w.result.checks, 7);
	T_EQ(tally_failures(tally("camera")), 0);
	T_OK(tally("camera")->allocs > 20, "it works on");
	for (unsigned int i = 0; i < w.result.nr_actors; i++) {
		T_OK(only(&w.result.actor[i].tally, FH_ENOMEM, FH_EIO), "ENOMEM, EIO");
		refused += tally_failures(&w.result.actor[i].tally);
	}
	T_OK(refused > 20, "tenants are refused");
	/* A slow host makes few calls of a kind. */
	for (unsigned int i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		uint64_t calls = w.result.fault[some[i]].calls;
		uint64_t failed = w.result.fault[some[i]].failed;

		T_OK(calls && (failed || calls < 20 * w.job.faults) && failed < calls,
		     fault_name(some[i]));
	}
	T_OK(w.result.duration_ns < UINT64_C(1800000000) && w.result.paused_ns,
	     "the checks' time is not the work's");
	T_OK(run_now() - start < UINT64_C(20000000000), "no check waits 20 s for the server");
	end();
}

/* Late or not, the next set waits until there is room for one more. */
static void one_set_at_a_time(void)
{
	T_NEED(make("[global]\nram = 64M\nbootargs = cma=16M\nduration = 1s\n"
		    "[one]\nkind = device\nbuffers = 1\nsize = 12M\nrate = 100\nlifetime = 25ms\n"
		    "sets = 1\n"));
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_OK(run_passed(&w.result), w.result.invariants_why);
	T_EQ(tally_failures(tally("one")), 0);
	T_OK(tally("one")->allocs > 1, "more than one");
	end();
}

/* Work ends at the check that finds something. */
static void ends_at_a_check(void)
{
	T_NEED(make(
		"[global]\nram = 64M\nbootargs = cma=16M\nduration = 40s\ncheck = 700ms\n" APP));
	w.setup.progress = spoil;
	spoil_from = BASE;
	spoil_to = BASE + RAM;
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_OK(w.result.corrupt_bytes, "wrong bytes");
	T_OK(w.result.duration_ns < UINT64_C(10000000000), "long before its time");
	end();
}

/* However few pages a tenant has, each of its threads has some. */
static void every_thread_has_pages(void)
{
	T_NEED(make("[global]\nram = 64M\nbootargs = cma=16M\nduration = 1s\n"
		    "[server]\nkind = writeback\nsize = 16K\nthreads = 4\ndelay = 200ms\n"));
	T_NEED(run(CMA_POLICY_GUARANTEED));
	T_OK(tally("server")->ops > 10, "one thread alone writes five");
	end();
	T_NEED(make("[global]\nram = 64M\nbootargs = cma=16M\nduration = 500ms\n"
		    "[app]\nkind = anon\nsize = 8K\nthreads = 4\nrate = 1000\n"));
	T_OK(!run_policy(&w.setup, CMA_POLICY_MOVABLE, &w.result, &w.why), "two pages");
	T_STR(w.why.text,
	      "test.job:5: [app] threads: found 4, expected no more than pages, which are 2");
	end();
}

static void impossible(void)
{
	T_NEED(make(GLOBAL "[cache]\nkind = files\npaths = /nonexistent\nsize = 1M\n"));
	T_OK(!run_policy(&w.setup, CMA_POLICY_MOVABLE, &w.result, &w.why), "no such folder");
	T_STR(w.why.text, "[cache] paths: /nonexistent: No such file or directory");
	end();
	T_NEED(make(GLOBAL "[server]\nkind = writeback\nsize = 1M\ndir = /nonexistent\n"));
	T_OK(!run_policy(&w.setup, CMA_POLICY_MOVABLE, &w.result, &w.why), "no such folder");
	T_STR(w.why.text, "[server] a file in /nonexistent: No such file or directory");
	end();
}

const struct t_case t_cases[] = {T(clean),
				 T(spoilt_buffer),
				 T(spoilt_memory),
				 T(spoilt_pins),
				 T(spoilt_cache),
				 T(spoilt_writeback),
				 T(refused_devices),
				 T(refused_by_a_pin),
				 T(counted),
				 T(no_areas),
				 T(with_exchange),
				 T(compressed),
				 T(share_and_ready),
				 T(in_parallel),
				 T(too_little),
				 T(goals),
				 T(one_set_at_a_time),
				 T(with_faults),
				 T(ends_at_a_check),
				 T(interrupted),
				 T(impossible),
				 T(every_thread_has_pages),
				 T_END};
