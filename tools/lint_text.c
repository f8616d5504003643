/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Findings as text: file:line: severity FHnnn: node: property: what; then the cure. */
#include <string.h>
#include "lint_lines.h"
#include "lint_out.h"

#define WARNINGS 3
#define ERRORS	 4

bool lint_shown(const struct lint_out *out, const struct lint_finding *f)
{
	return lint_severity(f->rule) >= out->least;
}

int lint_status(const struct lint_out *out)
{
	enum lint_severity worst = LINT_NOTE;

	for (size_t i = 0; i < lint_count(out->findings); i++) {
		const struct lint_finding *f = lint_finding(out->findings, i);

		if (lint_shown(out, f) && lint_severity(f->rule) > worst)
			worst = lint_severity(f->rule);
	}
	return worst == LINT_ERROR ? ERRORS : worst == LINT_WARNING ? WARNINGS : 0;
}

const struct lint_format *lint_format(const char *name)
{
	static const struct lint_format *const all[] = {&lint_text, &lint_json, &lint_sarif};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(name, all[i]->name))
			return all[i];
	return NULL;
}

bool lint_show_rules(FILE *f, const struct lint_format *format)
{
	return format->rules(f);
}

bool lint_place(const struct lint_out *out, const struct lint_finding *f, struct lint_line *at)
{
	bool option = !f->node[0] && f->property[0];

	if (!option)
		return lint_lines_find(out->lines, f->node, f->property, at);
	return out->own_args && lint_lines_find(out->lines, "/chosen", "bootargs", at);
}

static void show_place(FILE *f, const struct lint_out *out, const struct lint_finding *found)
{
	struct lint_line at;

	if (lint_place(out, found, &at))
		fprintf(f, "%s:%u: ", at.file, at.line);
	else if (out->file[0])
		fprintf(f, "%s: ", out->file);
}

static void show_finding(FILE *f, const struct lint_out *out, const struct lint_finding *found)
{
	const char *node = found->node[0] ? found->node : found->property[0] ? "bootargs" : "";

	show_place(f, out, found);
	fprintf(f, "%s FH%u: %s%s%s%s%s\n", lint_severity_name(lint_severity(found->rule)),
		found->rule->id, node, node[0] ? ": " : "", found->property,
		found->property[0] ? ": " : "", found->text);
	if (found->cure[0])
		fprintf(f, "    cure: %s\n", found->cure);
}

static bool show(FILE *f, const struct lint_out *out)
{
	unsigned int n[LINT_NR_SEVERITIES] = {0};

	for (size_t i = 0; i < lint_count(out->findings); i++) {
		const struct lint_finding *found = lint_finding(out->findings, i);
		enum lint_severity s = lint_severity(found->rule);

		if (!lint_shown(out, found))
			continue;
		n[s]++;
		show_finding(f, out, found);
	}
	fprintf(f, "%u error%s, %u warning%s, %u note%s\n", n[LINT_ERROR],
		n[LINT_ERROR] == 1 ? "" : "s", n[LINT_WARNING], n[LINT_WARNING] == 1 ? "" : "s",
		n[LINT_NOTE], n[LINT_NOTE] == 1 ? "" : "s");
	return true;
}

static bool rules(FILE *f)
{
	const struct lint_rule *rule[LINT_MAX_RULES];
	size_t n = lint_rules(rule);

	for (size_t i = 0; i < n; i++)
		fprintf(f, "FH%u  %-7s  %s\n    %s\n", rule[i]->id,
			lint_severity_name(lint_severity(rule[i])), rule[i]->title, rule[i]->help);
	return true;
}

const struct lint_format lint_text = {"text", show, rules};
