/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The file tree's formats against Linux's: every line of ours is one of Linux's, numbers apart, in its
 * order, with numbers in the same columns where Linux aligns them to the right.
 *
 * Twice: against tests/corpus/root, a sample written for this, and against files of a real kernel, when
 * they are there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "t.h"
#include "shown.h"

static struct shown sh;

enum aligned { LEFT, RIGHT };

static const char *next_line(const char *s)
{
	const char *end = strchr(s, '\n');

	return end ? end + 1 : s + strlen(s);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A line with its right-aligned numbers made alike: each, with the blanks before it, is so many 9s. */
static void columns(char *buf, size_t size, const char *line)
{
	size_t n = 0, blanks = 0;

	for (; *line && *line != '\n' && n + 1 < size; line++) {
		if (is_digit(*line))
			memset(buf + n - blanks, '9', blanks);
		blanks = *line == ' ' ? blanks + 1 : 0;
		buf[n++] = is_digit(*line) ? '9' : *line;
	}
	buf[n] = '\0';
}

/* A line without numbers, and without the blanks that they push about. */
static void stem(char *buf, size_t size, const char *line)
{
	size_t n = 0;

	for (; *line && *line != '\n' && n + 1 < size; line++)
		if (!is_digit(*line) && (*line != ' ' || (line[1] != ' ' && !is_digit(line[1]))))
			buf[n++] = *line;
	buf[n] = '\0';
}

static char *load(const char *path)
{
	char *buf = calloc(1, 1 << 17);
	FILE *f = fopen(path, "r");

	if (!f || !buf || !fread(buf, 1, (1 << 17) - 1, f)) {
		free(buf);
		buf = NULL;
	}
	if (f)
		fclose(f);
	return buf;
}

static void same_lines(const char *ours, const char *linux_text, enum aligned aligned)
{
	char a[256], b[256];

	for (const char *s = ours, *at = linux_text; *s; s = next_line(s), at = next_line(at)) {
		stem(a, sizeof(a), s);
		for (; *at; at = next_line(at)) {
			stem(b, sizeof(b), at);
			if (!strcmp(a, b))
				break;
		}
		if (!t_ok(*at, __FILE__, __LINE__, a, "Linux has no such line, or not here"))
			return;
		if (aligned == LEFT)
			continue;
		columns(a, sizeof(a), s);
		columns(b, sizeof(b), at);
		t_str(a, b, __FILE__, __LINE__, "a line");
	}
}

/* One zone, called as in the samples, with pages here and there. */
static void make(void)
{
	struct boot_config *cfg = testplat_config(1024, 256, CMA_POLICY_MOVABLE, 2, TP_ONE_ZONE);
	pfn_t pfn;

	cfg->dma_limit = TP_BASE;
	shown_machine(&sh, cfg);
	for (unsigned int order = 0; order < 8; order++)
		T_EQ(fh_alloc_pages(sh.m, GFP_KERNEL, order, &pfn), 0);
}

/* Ours begins with a zone DMA, empty, which those kernels are built without, and so are their reserves. */
static const char *from_dma32(const char *zoneinfo)
{
	static const char dma[] = "protection: (0, ";
	static char without[1 << 17];
	const char *s = shown_line(zoneinfo, "Node 0, zone    DMA32"), *at;
	char *end = without;

	for (; s && (at = strstr(s, dma)); s = at + sizeof(dma) - 1)
		end += sprintf(end, "%.*sprotection: (", (int)(at - s), s);
	sprintf(end, "%s", s ? s : "");
	return s ? without : "Node";
}

static void compare(const char *meminfo, const char *buddyinfo, const char *pagetypeinfo,
		    const char *zoneinfo)
{
	make();
	if (T_OK(meminfo && buddyinfo && pagetypeinfo && zoneinfo, "a file is missing")) {
		same_lines(shown(&sh, "proc/meminfo"), meminfo, RIGHT);
		same_lines(shown(&sh, "proc/buddyinfo"), buddyinfo, RIGHT);
		same_lines(shown(&sh, "proc/pagetypeinfo"), pagetypeinfo, RIGHT);
		same_lines(from_dma32(shown(&sh, "proc/zoneinfo")), zoneinfo, LEFT);
	}
	shown_done(&sh);
}

static void sample(void)
{
	char *meminfo = load("tests/corpus/root/proc/meminfo");
	char *buddyinfo = load("tests/corpus/root/proc/buddyinfo");
	char *pagetypeinfo = load("tests/corpus/root/proc/pagetypeinfo");
	char *zoneinfo = load("tests/corpus/root/proc/zoneinfo");

	compare(meminfo, buddyinfo, pagetypeinfo, zoneinfo);
	free(meminfo);
	free(buddyinfo);
	free(pagetypeinfo);
	free(zoneinfo);
}

/* What free(1), vmstat(8) and their like look for is there, though it is 0. */
static void looked_for(void)
{
	static const char *const keys[] = {
		"MemTotal:",	 "MemFree:",  "MemAvailable:", "Buffers:",     "Cached:",
		"SwapCached:",	 "Active:",   "Inactive:",     "Unevictable:", "Mlocked:",
		"SwapTotal:",	 "SwapFree:", "Dirty:",	       "Shmem:",       "Slab:",
		"SReclaimable:", "CmaTotal:", "CmaFree:"};

	make();
	shown(&sh, "proc/meminfo");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		t_ok(shown_line(sh.text, keys[i]), __FILE__, __LINE__, keys[i], "missing");
	shown_done(&sh);
}

/* ---- a real kernel's files ---- */

static char *capture(const char *name)
{
	const char *dir = getenv("FREEHOLD_CAPTURES");
	char path[512];

	snprintf(path, sizeof(path), "%s/proc/%s", dir ? dir : "../shared/captures", name);
	return load(path);
}

static void captured(void)
{
	char *meminfo = capture("meminfo_boot.txt"), *buddyinfo = capture("buddyinfo_boot.txt");
	char *pagetypeinfo = capture("pagetypeinfo_boot.txt");
	char *zoneinfo = capture("zoneinfo_boot.txt");

	if (!meminfo && !buddyinfo && !pagetypeinfo && !zoneinfo)
		T_SKIP("no files of a kernel: FREEHOLD_CAPTURES names a folder of them");
	compare(meminfo, buddyinfo, pagetypeinfo, zoneinfo);
	free(meminfo);
	free(buddyinfo);
	free(pagetypeinfo);
	free(zoneinfo);
}

/* The events of a kernel's migration and CMA are all here. */
static void captured_vmstat(void)
{
	char *theirs = capture("vmstat_par.txt"), key[64];

	if (!theirs)
		T_SKIP("no files of a kernel: FREEHOLD_CAPTURES names a folder of them");
	make();
	shown(&sh, "proc/vmstat");
	for (const char *l = theirs; *l; l = next_line(l)) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(l, " ") + 1, l);
		if (strncmp(key, "nr_isolated", 11)) /* nobody counts these */
			t_ok(shown_line(sh.text, key), __FILE__, __LINE__, key, "missing");
	}
	free(theirs);
	shown_done(&sh);
}

const struct t_case t_cases[] = {T(sample), T(looked_for), T(captured), T(captured_vmstat), T_END};
