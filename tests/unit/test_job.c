/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Job files: what they mean, and that each mistake is named with file, line, section and key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "t.h"
#include "job.h"
#include "value.h"

static struct job job;
static struct why why;

static bool parse(const char *text)
{
	return job_parse("d/x.job", text, strlen(text), &job, &why);
}

/* Each text has one mistake; the message says which, where, and what was expected. */
static void expect(const char *text, const char *message)
{
	T_OK(!parse(text), "the text is accepted");
	T_STR(why.text, message);
}

#define G   "[global]\nram = 64M\n"
#define CAM G "[cam]\nkind = device\nbuffers = 4\n"
#define APP G "[app]\nkind = anon\n"

static void everything(void)
{
	T_NEED(parse("\xef\xbb\xbf; a comment\n"
		     "[global]\n"
		     "ram = 1G\n"
		     "bootargs = cma=64M quiet\n"
		     "bootargs = mem=1G\n"
		     "dtb = b/board.dts\n"
		     "policies = guaranteed,movable\n"
		     "duration = 1.5s\n"
		     "seed = 0xff\n"
		     "cpus = 9\n"
		     "swap = 64M\n"
		     "engine = sim\n"
		     "[cam]\n"
		     "  buffers = 4    ; of each set\n"
		     "  size = 1080p:nv12, 4k:nv12 12M 100x10:rgb565\n"
		     "  kind = device\n"
		     "rate = 2.5/s\n"
		     "lifetime = 40ms\n"
		     "mask = 32\n"
		     "area = vpu\n"
		     "[app]\n"
		     "kind = anon\n"
		     "size = 12.5%\n"
		     "threads = 3\n"
		     "access = sequential\n"
		     "punch = 1%\n"
		     "[cache]\nkind=files\nsize=fill\npaths=/a:/b\n"
		     "[io]\nkind=pin\nsize=1M\npages=16\nhold=250us\n"
		     "[server]\nkind=writeback\nsize=8M\ndir=/d\ndelay=2ms\n"));
	T_EQ(job.ram, 1 << 30);
	T_STR(job.bootargs, "cma=64M quiet mem=1G");
	T_STR(job.dtb, "d/b/board.dts");
	T_EQ(job.nr_policies, 2);
	T_EQ(job.policy[0], CMA_POLICY_GUARANTEED);
	T_EQ(job.policy[1], CMA_POLICY_MOVABLE);
	T_EQ(job.duration_ns, 1500000000);
	T_EQ(job.seed, 255);
	T_EQ(job.engine, ENGINE_SIM);
	T_EQ(job.nr_actors, 5);
	T_EQ(job_threads(&job), 7);

	const struct job_actor *cam = &job.actor[0], *app = &job.actor[1];

	T_STR(cam->name, "cam");
	T_EQ(cam->buffers, 4);
	T_EQ(cam->nr_sizes, 4);
	T_EQ(cam->buffer_size[0], 3112960); /* 1920 x 1080 x 1.5 = 3110400, in whole pages */
	T_EQ(cam->buffer_size[1], 12443648);
	T_EQ(cam->buffer_size[2], 12 << 20);
	T_EQ(cam->buffer_size[3], 4096);
	T_EQ(cam->lifetime_ns, 40000000);
	T_EQ(cam->mask, 32);
	T_OK(cam->rate > 2.49 && cam->rate < 2.51, "2.5 a second");
	T_EQ(job.swap, 64u << 20);
	T_EQ(app->size.unit, SIZE_SHARE);
	T_OK(app->size.share > 0.1249 && app->size.share < 0.1251, "12.5 %");
	T_OK(app->sequential, "sequential");
	T_EQ(job.actor[2].size.unit, SIZE_FILL);
	T_EQ(job.actor[3].hold_ns, 250000);
	T_EQ(job.actor[4].delay_ns, 2000000);
	T_STR(job.actor[4].paths, "/d");
}

static void defaults(void)
{
	T_NEED(parse(CAM "size = 4K\n"));
	T_EQ(job.nr_policies, CMA_NR_POLICIES);
	T_EQ(job.policy[0], CMA_POLICY_CARVEOUT);
	T_EQ(job.duration_ns, 10000000000);
	T_EQ(job.seed, 1);
	T_EQ(job.engine, ENGINE_HOST);
	T_EQ(job.swap, 0);
	T_OK(!job.has_bootargs && !job.dtb[0], "those of the tree; no tree");
	T_EQ(job.actor[0].threads, 1);
	T_EQ(job.actor[0].mask, 0);
	T_STR(job.actor[0].area[0], "default");
}

static void structure(void)
{
	char text[512];

	expect("", "d/x.job: [global]: missing, expected it to name ram or dtb");
	expect("[cam]\nkind = device\nbuffers = 1\nsize = 4K\n",
	       "d/x.job: [global]: missing, expected it to name ram or dtb");
	expect(G, "d/x.job: no actor, expected a section for each beside [global]");
	expect("ram = 1M\n",
	       "d/x.job:1: ram: a key before the first section, expected [global] first");
	expect(G "\n\nnonsense\n", "d/x.job:5: neither a [section] nor key = value");
	expect(G "[cam\n", "d/x.job:3: neither a [section] nor key = value");
	expect("[global]\nnonsense\nram = 1x\n", "d/x.job:2: neither a [section] nor key = value");
	expect(CAM "size = 4K\n[cam]\n", "d/x.job:7: section [cam] again, the first is on line 3");
	expect(G "[]\nkind = device\n", "d/x.job:3: []: a section without a name");
	expect(CAM "size = 4K\nsize = 8K\n",
	       "d/x.job:7: [cam] size: again, the first is on line 6");
	snprintf(text, sizeof(text), "%s[%060d]\n", G, 1);
	expect(text,
	       "d/x.job:3: section [0000000000000000000000000000000000000000...: the name has 60 "
	       "characters, expected at most 49");
	snprintf(text, sizeof(text), "[global]\nbootargs = %0300d\n", 1);
	expect(text, "d/x.job:2: the line has 311 characters, expected at most 199");
	T_OK(!job_parse("x", "[glo\0bal]\n", 10, &job, &why), "a zero byte is accepted");
	T_STR(why.text, "x:1: a zero byte, expected text");
}

static void keys(void)
{
	expect(G "rams = 1\n", "d/x.job:3: [global] rams: no such key, expected one of ram, "
			       "bootargs, dtb, areas, policies, duration, repeat, copy-rate, "
			       "seed, cpus, swap, swap-delay, share, ready, compress, faults, "
			       "check, engine, expect");
	expect(CAM "hold = 3ms\n", "d/x.job:6: [cam] hold: no such key of kind device, expected "
				   "one of kind, size, rate, count, buffers, lifetime, sets, "
				   "clock, mask, align, area, call, parallel, verify, expect");
	expect(APP "buffers = 3\n",
	       "d/x.job:5: [app] buffers: no such key of kind anon, expected "
	       "one of kind, size, rate, count, threads, access, punch, random, churn");
	expect(G "[app]\nsize = 4K\n",
	       "d/x.job:3: [app] kind: missing, expected device, anon, files, pin or writeback");
	expect(G "[app]\n",
	       "d/x.job:3: [app] kind: missing, expected device, anon, files, pin or writeback");
	expect(G "[app]\nkind = anno\n",
	       "d/x.job:4: [app] kind: found 'anno', expected device, anon, "
	       "files, pin or writeback");
	expect(APP, "d/x.job:3: [app] size: missing, kind anon needs it");
	expect(CAM, "d/x.job:3: [cam] size: missing, kind device needs it");
	expect(G "[cam]\nkind = device\nsize = 4K\n",
	       "d/x.job:3: [cam] buffers: missing, kind device needs it");
	expect(G "[f]\nkind = files\nsize = 4K\n",
	       "d/x.job:3: [f] paths: missing, kind files needs it");
}

static void global_values(void)
{
	expect("[global]\nram = big\n",
	       "d/x.job:2: [global] ram: found 'big', expected a size in whole "
	       "pages, such as 512M or 3G");
	expect("[global]\nram = 4097\n",
	       "d/x.job:2: [global] ram: found '4097', expected a size in "
	       "whole pages, such as 512M or 3G");
	expect("[global]\nram = 99999999999G\n", "d/x.job:2: [global] ram: found '99999999999G', "
						 "expected a size in whole pages, such as "
						 "512M or 3G");
	expect(G "share = 33.3%\n", "d/x.job:3: [global] share: found '33.3%', expected whole "
				    "percents of an area, such as 50%");
	expect(G "share = 101%\n", "d/x.job:3: [global] share: found '101%', expected whole "
				   "percents of an area, such as 50%");
	expect(G "compress = 1.5%\n", "d/x.job:3: [global] compress: found '1.5%', expected whole "
				      "percents of an area, such as 50%");
	expect(G "swap-delay = 5\n",
	       "d/x.job:3: [global] swap-delay: found '5', expected a time of "
	       "at most 86400s, such as 500us, 3ms or 1.5s");
	expect(G "swap-delay = 5us\n"
		 "[app]\nkind = anon\nsize = 1M\n",
	       "d/x.job:3: [global] swap-delay: without swap, expected swap = SIZE, too");
	expect(G "policies = none, guaranteed\ncompress = 50%\n"
		 "[app]\nkind = anon\nsize = 1M\n",
	       "d/x.job:4: [global] compress: the job does not run policy compressed");
	expect(G "ready = 100\n",
	       "d/x.job:3: [global] ready: found '100', expected a size in whole "
	       "pages, such as 16M, or 0 for none");
	expect("[global]\ndtb =\n",
	       "d/x.job:2: [global] dtb: found '', expected a device tree's path "
	       "(.dts or .dtb), relative to the job file");
	expect(G "policies = movable, lent\n", "d/x.job:3: [global] policies: found 'movable, "
					       "lent', expected policies among carveout, "
					       "movable, guaranteed, discard, none, "
					       "exchange or compressed");
	expect(G "policies = movable movable\n",
	       "d/x.job:3: [global] policies: found 'movable movable', expected each policy once");
	expect(G "policies = ,\n",
	       "d/x.job:3: [global] policies: found ',', expected at least one policy");
	expect(G "duration = 10\n", "d/x.job:3: [global] duration: found '10', expected a time of "
				    "at most 86400s, such as "
				    "500us, 3ms or 1.5s");
	expect(G "duration = 0s\n",
	       "d/x.job:3: [global] duration: found '0s', expected a time above 0");
	expect(G "seed = -1\n",
	       "d/x.job:3: [global] seed: found '-1', expected a number of at most 64 bits");
	expect(G "swap = 5K\n",
	       "d/x.job:3: [global] swap: found '5K', expected a size in whole pages of at "
	       "most 8T, such as 512M, or 0 for none");
	expect(G "cpus = 65\n",
	       "d/x.job:3: [global] cpus: found '65', expected a number from 1 to 64");
	expect(G "engine = real\n",
	       "d/x.job:3: [global] engine: found 'real', expected host, sim or kernel");
}

static void actor_values(void)
{
	expect(G "[cam]\nkind = device\nbuffers = 0\n",
	       "d/x.job:5: [cam] buffers: found '0', expected a number from 1 to 64");
	expect(CAM "size = 1080p:nv13\n", "d/x.job:6: [cam] size: found '1080p:nv13', expected one "
					  "to 8 sizes, such as 12M, 512pg or 1080p:nv12");
	expect(CAM "size = 0\n", "d/x.job:6: [cam] size: found '0', expected one to 8 sizes, such "
				 "as 12M, 512pg or 1080p:nv12");
	expect(CAM "size = 1 2 3 4 5 6 7 8 9\n",
	       "d/x.job:6: [cam] size: found '1 2 3 4 5 6 7 8 "
	       "9', expected one to 8 sizes, such as 12M, 512pg or 1080p:nv12");
	expect(CAM "size = 0xffffffffffffffff\n",
	       "d/x.job:6: [cam] size: found '0xffffffffffffffff', expected sizes that fit 64 "
	       "bits");
	expect(CAM "size = 16E\n", "d/x.job:6: [cam] size: found '16E', expected one to 8 sizes, "
				   "such as 12M, 512pg or 1080p:nv12");
	expect(CAM "rate = 0\n", "d/x.job:6: [cam] rate: found '0', expected how often, above 0, "
				 "such as 0.5, 25/s, 2/min or 1440/day");
	expect(CAM "lifetime = soon\n", "d/x.job:6: [cam] lifetime: found 'soon', expected a time "
					"of at most 86400s, such as "
					"500us, 3ms or 1.5s");
	expect(CAM "mask = 65\n",
	       "d/x.job:6: [cam] mask: found '65', expected a number from 1 to 64");
	expect(CAM "align = 12K\n",
	       "d/x.job:6: [cam] align: found '12K', expected a power of two from 4K to 4G");
	expect(CAM "area =\n",
	       "d/x.job:6: [cam] area: found '', expected default or an area's name, or up to "
	       "8 of them");
	expect(CAM "size = 4K\nalign = 2M\nmask = 32\n",
	       "d/x.job:7: [cam] align: together with mask, expected only one of them");
	expect(CAM "size = 4K\nrate = 100\nlifetime = 1s\n",
	       "d/x.job:8: [cam] lifetime: times rate makes 100 sets at once, expected at most 62");
	expect(APP "size = some\n",
	       "d/x.job:5: [app] size: found 'some', expected a size, such as 64M, a share of the "
	       "memory, such as 30%, or fill");
	expect(APP "size = 101%\n",
	       "d/x.job:5: [app] size: found '101%', expected a size, such as 64M, a share of the "
	       "memory, such as 30%, or fill");
	expect(G "[io]\nkind = pin\nsize = fill\n", "d/x.job:5: [io] size: found 'fill', expected "
						    "a size, such as 64M, or a share of the "
						    "memory, such as 2%");
	expect(APP "threads = many\n",
	       "d/x.job:5: [app] threads: found 'many', expected a number from 1 to 63");
	expect(APP "access = backwards\n",
	       "d/x.job:5: [app] access: found 'backwards', expected random or sequential");
	expect(APP "punch = 3\n",
	       "d/x.job:5: [app] punch: found '3', expected a share of the visits, such as 1%");
	expect(G "[io]\nkind = pin\npages = 65\n",
	       "d/x.job:5: [io] pages: found '65', expected a number from 1 to 64");
}

/* The keys of the protocols. */
static void protocols(void)
{
	const struct job_actor *loop = &job.actor[0], *group = &job.actor[1];

	T_NEED(parse("[global]\nram = 1G\nareas = a:64M  b:2M\n"
		     "policies = none, guaranteed, compressed\ncompress = 40%\nswap = "
		     "64M\nswap-delay = 3us\n"
		     "repeat = 7\ncopy-rate = yes\n"
		     "expect = guaranteed: refused = 0, runtime <= 1.01\n"
		     "expect = none: drains = 0\n"
		     "[loop]\nkind = device\nbuffers = 2\nsize = 1pg 32000pg\nrate = max\n"
		     "count = 64\ncall = cma_alloc\nverify = 5%\n"
		     "expect = guaranteed: p99.9/p50 <= 2, held-p50 <= 1ms\n"
		     "[group]\nkind = device\nbuffers = 3\nsize = 64M\narea = a b\nparallel = yes\n"
		     "[build]\nkind = anon\nsize = fill\nchurn = yes\ncount = 7\nrandom = 25%\n"
		     "[server]\nkind = writeback\nsize = 1M\nneeds = 256K\npunch = 100%\n"));
	T_EQ(job.nr_areas, 2);
	T_STR(job.area[1].name, "b");
	T_EQ(job.area[0].bytes, 64 << 20);
	T_EQ(job.policy[0], JOB_POLICY_NONE);
	T_STR(job_policy_name(job.policy[0]), "none");
	T_EQ(job.repeat, 7);
	T_EQ(job.policy[2], JOB_POLICY_COMPRESSED);
	T_EQ(job.compress, 40);
	T_EQ(job.swap_delay_ns, 3000);
	T_OK(job.actor[2].random > 0.249 && job.actor[2].random < 0.251, "25 %");
	T_OK(job.actor[3].random >= 1, "all of it");
	T_OK(job.copy_rate, "copy-rate");
	T_OK(!(loop->rate > 0) && loop->raw && loop->count == 64, "a loop");
	T_EQ(loop->buffer_size[1], 131072000);
	T_OK(loop->verify > 0.049 && loop->verify < 0.051, "5 %");
	T_EQ(loop->threads, 1);
	T_OK(group->parallel && group->threads == 3, "a thread for each buffer");
	T_EQ(group->nr_areas, 2);
	T_STR(group->area[1], "b");
	T_OK(job.actor[2].churn && job.actor[2].count == 7, "churn");
	T_EQ(job.actor[3].needs, 256 << 10);
	T_EQ(job.nr_expect, 5);
	T_EQ(job.expect[1].metric, METRIC_RUNTIME);
	T_EQ(job.expect[1].than, EXPECT_LE);
	T_OK(job.expect[1].value > 1.0099 && job.expect[1].value < 1.0101, "1.01");
	T_EQ(job.expect[1].actor, -1);
	T_EQ(job.expect[1].base, JOB_POLICY_NONE);
	T_EQ(job.expect[2].policy, JOB_POLICY_NONE);
	T_EQ(job.expect[4].actor, 0);
	T_OK(job.expect[4].value > 999999 && job.expect[4].value < 1000001, "1ms");
	T_STR(job.expect[4].text, "held-p50 <= 1ms");
}

/* A day passes within the run, for those who live in it. */
static void a_day(void)
{
	const struct job_actor *cam = &job.actor[0], *other = &job.actor[1];

	T_NEED(parse("[global]\nram = 64M\nfaults = 1/500\ncheck = 2s\nduration = 3600s\n"
		     "[cam]\nkind = device\nbuffers = 2\nsize = 1M\nclock = day\nrate = 1/min\n"
		     "lifetime = 36s\nsets = 1\n"
		     "[other]\nkind = device\nbuffers = 2\nsize = 1M\nrate = 1440/day\n"));
	T_EQ(job.faults, 500);
	T_EQ(job.check_ns, 2000000000);
	T_EQ(cam->sets, 1);
	T_EQ(other->sets, JOB_MAX_SETS);
	job_set_clock(&job);
	T_OK(cam->rate > 0.3999 && cam->rate < 0.4001, "each 2.5 s");
	T_OK(cam->lifetime_ns >= 1499999999 && cam->lifetime_ns <= 1500000001, "1.5 s");
	T_OK(other->rate > 0.01666 && other->rate < 0.01667, "once a minute");
	T_EQ(other->lifetime_ns, 100000000);
}

static void areas(void)
{
#define AREAS ", expected one to 8 of NAME:SIZE, whole blocks of 2M, such as isp:64M vpu:128M"

	expect(G "areas = a\n", "d/x.job:3: [global] areas: found 'a'" AREAS);
	expect(G "areas = a:1M\n", "d/x.job:3: [global] areas: found 'a:1M'" AREAS);
	expect(G "areas = :2M\n", "d/x.job:3: [global] areas: found ':2M'" AREAS);
	expect(G "areas = reserved:2M\n", "d/x.job:3: [global] areas: found 'reserved:2M'" AREAS);
	expect(G "areas = a:2M b:2M c:2M d:2M e:2M f:2M g:2M h:2M i:2M\n",
	       "d/x.job:3: [global] areas: found 'a:2M b:2M c:2M d:2M e:2M f:2M g:2M h:2M "
	       "i:2M'" AREAS);
	expect(G "areas = a:2M a:4M\n",
	       "d/x.job:3: [global] areas: found 'a:2M a:4M', expected each name once");
}

static void work(void)
{
	expect(G "repeat = 33\n",
	       "d/x.job:3: [global] repeat: found '33', expected a number from 1 to 32");
	expect(G "copy-rate = maybe\n",
	       "d/x.job:3: [global] copy-rate: found 'maybe', expected yes or no");
	expect(CAM "count = 0\n",
	       "d/x.job:6: [cam] count: found '0', expected a number from 1 to 2^40");
	expect(CAM "call = malloc\n", "d/x.job:6: [cam] call: found 'malloc', expected "
				      "dma_alloc_coherent or cma_alloc");
	expect(CAM "verify = 5\n",
	       "d/x.job:6: [cam] verify: found '5', expected a share of the buffers, such as 10%");
	expect(CAM "size = 1M\nparallel = yes\nrate = max\n",
	       "d/x.job:3: [cam] parallel: together with rate = max, expected a rate, so that "
	       "tenants can move in between two sets");
	expect(APP "rate = max\n",
	       "d/x.job:5: [app] rate: found 'max', expected how often, above 0, "
	       "such as 0.5, 25/s, 2/min or 1440/day");
	expect(G "faults = 1000\n", "d/x.job:3: [global] faults: found '1000', expected one in so "
				    "many, from 1/2 to 1/4294967295, or 0 for none");
	expect(G "check = often\n",
	       "d/x.job:3: [global] check: found 'often', expected a time of at "
	       "most 86400s, such as 500us, 3ms or 1.5s");
	expect(CAM "clock = night\n",
	       "d/x.job:6: [cam] clock: found 'night', expected real or day");
	expect(CAM "sets = 65\n",
	       "d/x.job:6: [cam] sets: found '65', expected a number from 1 to 64");
	expect(CAM "size = 4K\nclock = day\nrate = max\n",
	       "d/x.job:3: [cam] clock: day together with rate = max, expected a rate");
	expect(APP "churn = 3\n", "d/x.job:5: [app] churn: found '3', expected yes or no");
	expect(G "[s]\nkind = writeback\nneeds = 2G\n",
	       "d/x.job:5: [s] needs: found '2G', expected a size up to 1G, such as 256K");
}

static void goals(void)
{
	expect(G "expect = guaranteed\n",
	       "d/x.job:3: [global] expect: found 'guaranteed', expected POLICY: METRIC = | <= | "
	       ">= VALUE, ..., such as guaranteed: refused = 0, runtime <= 1.01");
	expect(CAM "expect = lent: max <= 1ms\n",
	       "d/x.job:6: [cam] expect: found 'lent: max <= 1ms', expected POLICY: METRIC = | <= "
	       "| >= VALUE, ..., such as guaranteed: loops-failed = 0, p99.9/p50 <= 2");
	expect(CAM "expect = movable: max < 1ms\n",
	       "d/x.job:6: [cam] expect: found 'movable: max < 1ms', expected POLICY: METRIC = | "
	       "<= | >= VALUE, ..., such as guaranteed: loops-failed = 0, p99.9/p50 <= 2");
	expect(CAM "expect = movable: max <= 3\n",
	       "d/x.job:6: [cam] expect: found 'movable: max <= 3', expected a time behind it, "
	       "such as 500us or 1ms");
	expect(CAM "expect = movable: refused = none\n",
	       "d/x.job:6: [cam] expect: found 'movable: refused = none', expected a number behind "
	       "it, such as 0 or 1.01");
	expect(CAM "expect = movable: drains = 0\n",
	       "d/x.job:6: [cam] expect: no figure 'drains' here, expected one of refused, "
	       "loops-failed, fragmented, speed-up, p99.9/p50, max, held-p50, held-max");
	expect(G "expect = movable: speed-up >= 2\n",
	       "d/x.job:3: [global] expect: no figure 'speed-up' here, expected one of refused, "
	       "drains, reclaimed, swapped, compressed, runtime");
	expect("[global]\nram = 1M\nexpect = movable: runtime/discard <= 1\npolicies = movable\n"
	       "[a]\nkind = anon\nsize = 4K\n",
	       "d/x.job:3: [global] expect: runtime is compared with policy discard, which the job "
	       "does not run");
	expect(G "expect = movable: runtime/linux <= 1\n",
	       "d/x.job:3: [global] expect: no figure 'runtime/linux' here, expected one of "
	       "refused, "
	       "drains, reclaimed, swapped, compressed, runtime");
	expect(CAM "size = 4K\nexpect = none: refused = 0\n",
	       "d/x.job:7: [cam] expect: the job does not run policy none");
	expect("[global]\nram = 1M\nexpect = movable: runtime <= 1\n[a]\nkind = anon\nsize = 4K\n",
	       "d/x.job:3: [global] expect: runtime is compared with policy none, which the job "
	       "does not run");
}

static struct boot_config *machine(uint64_t ram)
{
	static struct boot_config cfg;

	cfg = (struct boot_config){.nr_banks = 1, .nr_regions = 2};
	cfg.bank[0] = (struct boot_bank){.base = 1 << 30, .size = ram};
	cfg.region[0] =
		(struct boot_region){.name = "vpu", .size = 4 << 20, .kind = BOOT_REGION_CMA};
	cfg.region[1] = (struct boot_region){.name = "rpmsg", .kind = BOOT_REGION_DMA_POOL};
	return &cfg;
}

static void misfit(const char *text, struct boot_config *cfg, const char *message)
{
	T_NEED(parse(text));
	T_OK(!job_check(&job, cfg, &why), "the machine is accepted");
	T_STR(why.text, message);
}

static void machines(void)
{
	struct boot_config *cfg = machine(64 << 20);

	T_NEED(parse(CAM "size = 4M\narea = vpu\n"));
	T_OK(job_check(&job, cfg, &why), why.text);
	misfit(CAM "size = 4M\n", cfg,
	       "d/x.job:3: [cam] area: found 'default', expected an area of this machine (vpu); "
	       "cma= in "
	       "bootargs makes a default one");
	misfit(CAM "size = 4M\narea = rpmsg\n", cfg,
	       "d/x.job:7: [cam] area: found 'rpmsg', expected an area of this machine (vpu)");
	misfit(CAM "size = 4K 4097K\narea = vpu\n", cfg,
	       "d/x.job:6: [cam] size: found 4198400 bytes, expected at most the area vpu of "
	       "4194304 "
	       "bytes");
	misfit(APP "size = 65M\n", cfg,
	       "d/x.job:5: [app] size: found 68157440 bytes, expected at most the memory of "
	       "67108864 "
	       "bytes");
	misfit("[global]\nram = 64M\nswap = 1M\n[app]\nkind = anon\nsize = 66M\n", cfg,
	       "d/x.job:6: [app] size: found 69206016 bytes, expected at most the memory and swap "
	       "of "
	       "68157440 bytes");
	misfit("[global]\ncpus = 2\nram = 1M\n[app]\nkind = anon\nsize = 1M\nthreads = 2\n", cfg,
	       "d/x.job:2: [global] cpus: found 2, expected at least 3 (one a thread, one more)");
	misfit(APP "size = 1M\nthreads = 40\n[b]\nkind = anon\nsize = 1M\nthreads = 24\n", cfg,
	       "d/x.job:10: [b] threads: makes 64 of all actors, expected at most 63");
	misfit(G "areas = vdu:2M\n[app]\nkind = anon\nsize = 1M\n", cfg,
	       "d/x.job:3: [global] areas: vdu: the machine has no room for it");
	cfg->region[0].size = cfg->region[1].size = 4 << 20;
	snprintf(cfg->region[1].name, sizeof(cfg->region[1].name), "vpu");
	misfit(G "areas = vpu:4M\n[app]\nkind = anon\nsize = 1M\n", cfg,
	       "d/x.job:3: [global] areas: vpu: the device tree has a node of this name, expected "
	       "another");
	misfit(G "ready = 5M\n[app]\nkind = anon\nsize = 1M\n", cfg,
	       "d/x.job:3: [global] ready: found 5242880 bytes, expected at most the area vpu of "
	       "4194304 bytes");
	cfg->region[0].flags = BOOT_REGION_CMA_DEFAULT;
	T_NEED(parse(CAM "size = 4M\n"));
	T_OK(job_check(&job, cfg, &why), why.text);
}

static void files(void)
{
	T_OK(!job_load("/nonexistent/x.job", &job, &why), "a file that is not there");
	T_STR(why.text, "/nonexistent/x.job: No such file or directory");
	T_OK(!job_load("/", &job, &why), "a folder");
	T_STR(why.text, "/: Is a directory");
}

static void values(void)
{
	uint64_t v = 7;
	double d = 7;

	T_OK(value_time("17999999999s", &v), "570 years");
	T_OK(!value_time("1.s", &v) && !value_time(".5s", &v) && !value_time("5", &v) &&
		     !value_time("5 s", &v) && !value_time("99999999999999999999s", &v),
	     "not times");
	T_OK(value_time("0.0000000019s", &v), "digits behind the ninth");
	T_EQ(v, 1);
	T_OK(value_number("18446744073709551615", &v), "2^64 - 1");
	v = 7;
	T_OK(!value_number("18446744073709551616", &v) &&
		     !value_number("0x10000000000000000", &v) && !value_number("", &v) &&
		     !value_number("0x", &v) && !value_number("1a", &v) && !value_number("+1", &v),
	     "not numbers");
	T_OK(!value_frame("1080p", &v) && !value_frame(":nv12", &v) &&
		     !value_frame("0x10:nv12", &v) && !value_frame("65536x1:nv12", &v) &&
		     !value_frame("x:nv12", &v) && !value_frame("1x1x1:nv12", &v),
	     "not frames");
	T_EQ(v, 7);
	T_OK(value_frame("65535x65535:argb8888", &v), "the largest");
	T_EQ(v, 17179348992);
	T_OK(value_pages("512pg", &v), "pages");
	T_EQ(v, 2 << 20);
	T_OK(!value_pages("512", &v) && !value_pages("pg", &v) && !value_pages("-1pg", &v) &&
		     !value_pages("1p", &v) && !value_pages("4503599627370496pg", &v),
	     "not pages");
	T_OK(!value_rate("0", &d) && !value_rate("1/h", &d) && !value_rate("-1", &d) &&
		     !value_rate("1e9", &d),
	     "not rates");
	T_OK(value_rate("3/min", &d) && d > 0.0499 && d < 0.0501, "three a minute");
	d = 7;
	T_OK(value_one_in("1/2", &v), "every other");
	T_EQ(v, 2);
	T_OK(value_one_in("1/4294967295", &v), "hardly any");
	T_OK(value_one_in("0", &v), "none");
	T_EQ(v, 0);
	T_OK(!value_one_in("1/1", &v) && !value_one_in("2/3", &v) && !value_one_in("1/", &v) &&
		     !value_one_in("1/4294967296", &v) && !value_one_in("", &v),
	     "not one in so many");
	T_OK(!value_share("100.1%", &d) && !value_share("5", &d), "not shares");
	T_OK(d > 6.9, "unchanged");
}

const struct t_case t_cases[] = {T(everything),	   T(defaults),	    T(structure), T(keys),
				 T(global_values), T(actor_values), T(protocols), T(a_day),
				 T(areas),	   T(work),	    T(goals),	  T(machines),
				 T(files),	   T(values),	    T_END};
