/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `freehold bench` prints: a table with the goals, or JSON; both say in which setting. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "bench.h"
#include "table.h"

/* The host's word for its CPU; "" where /proc/cpuinfo has none. */
static void cpu_model(char *model, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *value;

	model[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		value = strchr(line, ':');
		if (strncmp(line, "model name", 10) || !value)
			continue;
		snprintf(model, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
		break;
	}
	if (f)
		fclose(f);
}

/* Four digits that count; thousands apart. */
static const char *figure(char *buf, double v)
{
	if (v >= 9999.5)
		return figure_count(buf, (uint64_t)(v + 0.5));
	snprintf(buf, TABLE_CELL, "%.*f", v < 9.9995 ? 3 : v < 99.995 ? 2 : v < 999.95 ? 1 : 0, v);
	return buf;
}

static void add_row(struct table *t, const struct bench_measure *m)
{
	const char *goal = bench_goal(m->name);
	char cell[TABLE_CELL];
	double v[3];

	v[0] = bench_median(m, &v[1], &v[2]);
	table_add(t, "%s", m->name);
	table_add(t, "%s", m->unit);
	for (unsigned int i = 0; i < 3; i++)
		table_add(t, "%s", figure(cell, v[i]));
	table_add(t, "%s", goal ? goal : "");
}

void bench_text(const struct bench *b, FILE *out)
{
	static const char *const heads[] = {"measure", "unit", "median", "min", "max", "goal"};
	static struct table t;
	struct utsname host;
	char model[128];
	double load;

	t.columns = 6;
	t.left = 2;
	for (unsigned int i = 0; i < t.columns; i++)
		table_add(&t, "%s", heads[i]);
	for (unsigned int i = 0; i < b->nr_cases; i++)
		for (unsigned int j = 0; j < b->cases[i].nr_measures; j++)
			if (b->cases[i].measure[j].wanted && b->cases[i].measure[j].nr)
				add_row(&t, &b->cases[i].measure[j]);
	table_print(&t, out);
	for (unsigned int i = 0; i < b->nr_cases; i++)
		if (b->cases[i].wanted && b->cases[i].skipped)
			fprintf(out, "%s: not measured: %s\n", b->cases[i].measure[0].name,
				b->cases[i].why);
	uname(&host);
	cpu_model(model, sizeof(model));
	if (getloadavg(&load, 1) != 1)
		load = 0;
	fprintf(out,
		"\n%u runs of each, load average %.1f. Host: %s, Linux %s, %s.\n"
		"`frames`: 4 GiB without bytes. `dma`: %llu MiB with bytes, %llu of them below 4 "
		"GiB.\n"
		"Others: %llu MiB with bytes, an area of %llu MiB (contig, migrate: %llu MiB in "
		"twice as much).\n",
		b->runs, load, model[0] ? model : "CPU unknown", host.release, host.machine,
		(unsigned long long)((BENCH_DMA_LOW + BENCH_DMA_HIGH) >> 20),
		(unsigned long long)(BENCH_DMA_LOW >> 20), (unsigned long long)(b->ram >> 20),
		(unsigned long long)(b->ram >> 22), (unsigned long long)(b->ram >> 20));
}

static json_t *setting(const struct bench *b)
{
	struct utsname host;
	char model[128];
	double load;

	uname(&host);
	cpu_model(model, sizeof(model));
	if (getloadavg(&load, 1) != 1)
		load = 0;
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:f}", "cpu", model,
			 "machine", host.machine, "kernel", host.release, "compiler", __VERSION__,
			 "runs", (int)b->runs, "threads", (int)b->threads, "ram_bytes",
			 (json_int_t)b->ram, "area_bytes", (json_int_t)(b->ram / 4), "frames_bytes",
			 (json_int_t)4 << 30, "dma_bytes",
			 (json_int_t)(BENCH_DMA_LOW + BENCH_DMA_HIGH), "load_average", load);
}

static json_t *measure(const struct bench_measure *m)
{
	const char *goal = bench_goal(m->name);
	double min, max, median = bench_median(m, &min, &max);
	json_t *o = json_pack("{s:s, s:s, s:f, s:f, s:f, s:i}", "name", m->name, "unit", m->unit,
			      "median", median, "min", min, "max", max, "runs", (int)m->nr);

	if (o && goal)
		json_object_set_new(o, "goal", json_string(goal));
	return o;
}

bool bench_json(const struct bench *b, FILE *out)
{
	json_t *root = json_object(), *list = json_array(), *skipped = json_array();
	bool ok;

	for (unsigned int i = 0; i < b->nr_cases; i++) {
		const struct bench_case *c = &b->cases[i];

		for (unsigned int j = 0; j < c->nr_measures; j++)
			if (c->measure[j].wanted && c->measure[j].nr)
				json_array_append_new(list, measure(&c->measure[j]));
		if (c->wanted && c->skipped)
			json_array_append_new(
				skipped,
				json_pack("{s:s, s:s}", "name", c->measure[0].name, "why", c->why));
	}
	json_object_set_new(root, "setting", setting(b));
	json_object_set_new(root, "bench", list);
	json_object_set_new(root, "not_measured", skipped);
	ok = !json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fputc('\n', out);
	json_decref(root);
	return ok;
}
