/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Findings as SARIF 2.1.0, which code hosts show beside the lines of a change. */
#include <stdlib.h>
#include <string.h>
#include "json_text.h"
#include "lint_lines.h"
#include "lint_out.h"

#ifndef FREEHOLD_VERSION
#define FREEHOLD_VERSION "unknown"
#endif

#define SCHEMA                                                                                     \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"                      \
	"sarif-schema-2.1.0.json"

static json_t *rule(const struct lint_rule *r)
{
	return json_pack("{so s{ss} s{ss} s{ss}}", "id", json_sprintf("FH%u", r->id),
			 "shortDescription", "text", r->title, "fullDescription", "text", r->help,
			 "defaultConfiguration", "level", lint_severity_name(lint_severity(r)));
}

/* A path of the host as a relative or absolute reference: what is not plain is written %XX. */
static json_t *uri(const char *path)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/,@+";
	char *text = malloc(strlen(path) * 3 + sizeof("file://")), *t = text;
	json_t *j;

	if (!text)
		return NULL;
	if (path[0] == '/')
		t += sprintf(t, "file://");
	for (; *path; path++)
		t += strchr(plain, *path) ? (*t = *path, 1)
					  : sprintf(t, "%%%02X", (unsigned char)*path);
	*t = '\0';
	j = json_string(text);
	free(text);
	return j;
}

static json_t *location(const struct lint_out *out, const struct lint_finding *f)
{
	json_t *j = json_object(), *physical = NULL;
	char *name = NULL;
	struct lint_line at;

	if (lint_place(out, f, &at))
		physical = json_pack("{s{so} s{si}}", "artifactLocation", "uri", uri(at.file),
				     "region", "startLine", (int)at.line);
	else if (out->file[0])
		physical = json_pack("{s{so}}", "artifactLocation", "uri", uri(out->file));
	if (physical)
		json_object_set_new(j, "physicalLocation", physical);
	if (asprintf(&name, "%s%s%s",
		     f->node[0]	      ? f->node
		     : f->property[0] ? "bootargs"
				      : "/",
		     f->property[0] ? "/" : "", f->property) < 0) {
		json_decref(j);
		return NULL;
	}
	json_object_set_new(j, "logicalLocations",
			    json_pack("[{so ss}]", "fullyQualifiedName", json_text(name), "kind",
				      f->property[0] ? "property" : "node"));
	free(name);
	return j;
}

static json_t *result(const struct lint_out *out, const struct lint_finding *f, size_t index)
{
	json_t *text = json_sprintf("%s%s%s.%s%s", f->property, f->property[0] ? ": " : "", f->text,
				    f->cure[0] ? " Cure: " : "", f->cure);

	if (!text) /* bytes that are no UTF-8 */
		text = json_text(f->text);
	return json_pack("{so si ss s{so} s[o]}", "ruleId", json_sprintf("FH%u", f->rule->id),
			 "ruleIndex", (int)index, "level",
			 lint_severity_name(lint_severity(f->rule)), "message", "text", text,
			 "locations", location(out, f));
}

static bool run(FILE *f, json_t *results)
{
	const struct lint_rule *list[LINT_MAX_RULES];
	size_t n = lint_rules(list);
	json_t *rules = json_array(), *all;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(rules, rule(list[i]));
	all = json_pack("{ss ss s[{s{s{ss ss so}} so ss}]}", "$schema", SCHEMA, "version", "2.1.0",
			"runs", "tool", "driver", "name", "freehold lint", "version",
			FREEHOLD_VERSION, "rules", rules, "results", results, "columnKind",
			"unicodeCodePoints");
	if (all)
		(void)json_dumpf(all, f, JSON_INDENT(2));
	fputc('\n', f);
	json_decref(all);
	return all;
}

static bool show(FILE *f, const struct lint_out *out)
{
	const struct lint_rule *list[LINT_MAX_RULES];
	size_t n = lint_rules(list), index;
	json_t *results = json_array();

	for (size_t i = 0; i < lint_count(out->findings); i++) {
		const struct lint_finding *found = lint_finding(out->findings, i);

		for (index = 0; index < n && list[index] != found->rule; index++)
			;
		if (lint_shown(out, found))
			json_array_append_new(results, result(out, found, index));
	}
	return run(f, results);
}

static bool rules(FILE *f)
{
	return run(f, json_array());
}

const struct lint_format lint_sarif = {"sarif", show, rules};
