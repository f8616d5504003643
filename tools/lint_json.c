/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Findings and rules as JSON of our own. */
#include <stdlib.h>
#include <string.h>
#include "json_text.h"
#include "lint_lines.h"
#include "lint_out.h"

static json_t *rule_id(const struct lint_rule *rule)
{
	return json_sprintf("FH%u", rule->id);
}

static json_t *finding(const struct lint_out *out, const struct lint_finding *f)
{
	json_t *j = json_pack("{so ss so so so so}", "rule", rule_id(f->rule), "severity",
			      lint_severity_name(lint_severity(f->rule)), "node",
			      json_text(f->node), "property", json_text(f->property), "text",
			      json_text(f->text), "cure", json_text(f->cure));
	struct lint_line at;

	if (j && lint_place(out, f, &at)) {
		json_object_set_new(j, "file", json_text(at.file));
		json_object_set_new(j, "line", json_integer(at.line));
	}
	return j;
}

static bool dump(FILE *f, json_t *j)
{
	bool ok = j;

	if (j)
		(void)json_dumpf(j, f, JSON_INDENT(2));
	fputc('\n', f);
	json_decref(j);
	return ok;
}

static bool show(FILE *f, const struct lint_out *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lint_count(out->findings); i++) {
		const struct lint_finding *found = lint_finding(out->findings, i);

		if (lint_shown(out, found))
			json_array_append_new(list, finding(out, found));
	}
	return dump(f, json_pack("{so so}", "file", json_text(out->file), "findings", list));
}

static bool rules(FILE *f)
{
	const struct lint_rule *rule[LINT_MAX_RULES];
	size_t n = lint_rules(rule);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{so ss ss ss}", "rule", rule_id(rule[i]), "severity",
					lint_severity_name(lint_severity(rule[i])), "title",
					rule[i]->title, "help", rule[i]->help));
	return dump(f, json_pack("{so}", "rules", list));
}

const struct lint_format lint_json = {"json", show, rules};
