/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of rules, findings, and their order. */
#include <stdarg.h>
#include "lint_in.h"
#include "lint_board.h"

static const struct lint_rule *const groups[] = {
	lint_rules_board,  lint_rules_regions, lint_rules_pools,
	lint_rules_layout, lint_rules_room,    lint_rules_devices,
	lint_rules_users,  lint_rules_iommu,   lint_rules_cmdline,
};
#define NR_GROUPS (sizeof(groups) / sizeof(groups[0]))

enum lint_severity lint_severity(const struct lint_rule *rule)
{
	return rule->id < 200 ? LINT_ERROR : rule->id < 300 ? LINT_WARNING : LINT_NOTE;
}

const char *lint_severity_name(enum lint_severity s)
{
	static const char *const name[LINT_NR_SEVERITIES] = {"note", "warning", "error"};

	return name[s];
}

static int by_id(const void *a, const void *b)
{
	const struct lint_rule *const *x = a, *const *y = b;

	return (int)(*x)->id - (int)(*y)->id;
}

size_t lint_rules(const struct lint_rule *list[LINT_MAX_RULES])
{
	size_t n = 0;

	for (size_t g = 0; g < NR_GROUPS; g++)
		for (const struct lint_rule *r = groups[g]; r->id && n < LINT_MAX_RULES; r++)
			list[n++] = r;
	if (n)
		qsort(list, n, sizeof(list[0]), by_id);
	return n;
}

/* ---- findings ---- */

static char *copy(struct lint *l, const char *s)
{
	char *c = strdup(s ? s : "");

	l->no_memory |= !c;
	return c;
}

static void drop(struct lint_finding *f)
{
	free(f->node);
	free(f->property);
	free(f->text);
	free(f->cure);
}

void lint_find(struct lint *l, const char *node, const char *property, const char *fmt, ...)
{
	struct lint_finding f = {.rule = l->rule}, *list;
	va_list ap;

	list = realloc(l->finding, (l->nr_findings + 1) * sizeof(*list));
	if (!list) {
		l->no_memory = true;
		return;
	}
	l->finding = list;
	va_start(ap, fmt);
	if (vasprintf(&f.text, fmt, ap) < 0) {
		f.text = NULL;
		l->no_memory = true;
	}
	va_end(ap);
	f.node = copy(l, node);
	f.property = copy(l, property);
	f.cure = copy(l, "");
	list[l->nr_findings++] = f;
}

void lint_cure(struct lint *l, const char *fmt, ...)
{
	struct lint_finding *f = l->nr_findings ? &l->finding[l->nr_findings - 1] : NULL;
	char *text;
	va_list ap;

	if (!f || l->no_memory)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		l->no_memory = true;
	else {
		free(f->cure);
		f->cure = text;
	}
	va_end(ap);
}

/* Numbers begin with what is worse. */
static int by_place(const void *a, const void *b)
{
	const struct lint_finding *x = a, *y = b;
	int d = (int)x->rule->id - (int)y->rule->id;

	if (!d)
		d = strcmp(x->node, y->node);
	if (!d)
		d = strcmp(x->property, y->property);
	return d ? d : strcmp(x->text, y->text);
}

struct lint *lint_new(const struct lint_board *board, const struct lint_disabled *off)
{
	struct lint *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->board = *board;
	l->cfg = board->cfg;
	l->off = off;
	return l;
}

bool lint_run(struct lint *l)
{
	const struct lint_rule *rule[LINT_MAX_RULES];
	size_t n = lint_rules(rule);

	lint_board_read(l);
	for (size_t i = 0; i < n && !l->no_memory; i++) {
		if (l->off && l->off->id[rule[i]->id])
			continue;
		l->rule = rule[i];
		rule[i]->check(l);
	}
	if (!l->no_memory && l->nr_findings)
		qsort(l->finding, l->nr_findings, sizeof(l->finding[0]), by_place);
	return !l->no_memory;
}

bool lint_saw_tree(const struct lint *l)
{
	return l->tree;
}

size_t lint_count(const struct lint *l)
{
	return l->nr_findings;
}

const struct lint_finding *lint_finding(const struct lint *l, size_t i)
{
	return &l->finding[i];
}

void lint_free(struct lint *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nr_findings; i++)
		drop(&l->finding[i]);
	free(l->finding);
	free(l->node);
	free(l->device);
	free(l->device_lost);
	free(l->device_why);
	free(l->word);
	free(l);
}
