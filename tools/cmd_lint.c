/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold lint`: what is wrong or unwise in a board's tree and command line, for people and for CI. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "args.h"
#include "lint.h"
#include "lint_lines.h"
#include "lint_out.h"
#include "lint_report.h"

int cmd_lint(int argc, char **argv);

#define BAD_INPUT 2

enum { KEY_RULES = 256 };

struct opts {
	struct load_opts load;
	struct lint_disabled off;
	enum lint_severity least;
	const struct lint_format *format;
	bool rules;
};

static const struct argp_option options[] = {
	{"format", 'f', "text|json|sarif", 0, "Form of the output (default text)", 2},
	{"severity", 's', "NAME", 0,
	 "Findings of this severity and worse: note (default), warning, error", 2},
	{"disable", 'D', "FHnnn,...", 0, "Leave these rules out", 2},
	{"rules", KEY_RULES, NULL, 0, "Show all rules, and look at no board", 2},
	{0},
};

static void read_severity(struct argp_state *state, struct opts *o, const char *arg)
{
	for (int s = LINT_NOTE; s < LINT_NR_SEVERITIES; s++) {
		if (strcmp(arg, lint_severity_name((enum lint_severity)s)) != 0)
			continue;
		o->least = (enum lint_severity)s;
		return;
	}
	argp_failure(state, BAD_INPUT, 0, "--severity %.80s: expected note, warning or error", arg);
}

static bool known(unsigned long id)
{
	const struct lint_rule *rule[LINT_MAX_RULES];
	size_t n = lint_rules(rule);

	for (size_t i = 0; i < n; i++)
		if (rule[i]->id == id)
			return true;
	return false;
}

static void read_disabled(struct argp_state *state, struct opts *o, const char *arg)
{
	const char *all = arg;

	while (*arg) {
		char *end = NULL;
		unsigned long id = strncmp(arg, "FH", 2) ? 0 : strtoul(arg + 2, &end, 10);

		if (!end || (*end && *end != ',') || !known(id))
			argp_failure(state, BAD_INPUT, 0,
				     "--disable %.80s: expected rules as FH201,FH301 (--rules "
				     "shows all)",
				     all);
		else
			o->off.id[id] = true;
		arg = end && *end == ',' ? end + 1 : "";
	}
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->load;
		break;
	case 'f':
		o->format = lint_format(arg);
		if (!o->format)
			argp_failure(state, BAD_INPUT, 0,
				     "--format %.80s: expected text, json or sarif", arg);
		break;
	case 's':
		read_severity(state, o, arg);
		break;
	case 'D':
		read_disabled(state, o, arg);
		break;
	case KEY_RULES:
		o->rules = true;
		break;
	case ARGP_KEY_ARG:
		args_unexpected(state, arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {{&args_machine, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.children = children,
	.doc = "Says what is wrong or unwise in a device tree and a command line, as far as "
	       "contiguous memory is concerned, and how to cure it. Ends with 0 (nothing, or notes "
	       "only), 3 (warnings), 4 (errors), 2 (bad input) or 1 (no output).",
};

static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		perror("freehold lint: standard output");
		return 1;
	}
	return status;
}

static int show(const struct opts *o, struct lint_out *out)
{
	int status;

	out->least = o->least;
	out->file = o->load.dtb ? o->load.dtb : "";
	out->lines = lint_lines_new(out->file);
	out->own_args = !o->load.bootargs;
	status = o->format->show(stdout, out) ? lint_status(out) : 1;
	lint_lines_free(out->lines);
	return status;
}

int cmd_lint(int argc, char **argv)
{
	static struct boot_config cfg; /* too large for a stack */
	static struct opts o;
	struct load_tree tree = {NULL, 0};
	struct boot_why why = {""};
	struct lint_out out = {0};
	int err, status = 1;
	bool about_args;

	o = (struct opts){.load = {.keep = &tree, .keep_failed = true, .as_linux = true},
			  .format = lint_format("text")};
	if (!args_parse(&argp, "freehold lint", argc, argv, 0, &o))
		return BAD_INPUT;
	if (o.rules)
		return finish(lint_show_rules(stdout, o.format) ? 0 : 1);
	err = load_boot_config(&o.load, &cfg, &why);
	/* Without a tree it failed before the command line, or because of it. */
	about_args = err && !o.load.dtb && cfg.bootargs[0];
	if (!err || tree.blob || about_args)
		out.findings = lint_of(&o.load, &cfg, &tree, &why, &o.off);
	if (err && !about_args && (!tree.blob || (out.findings && !lint_saw_tree(out.findings)))) {
		fprintf(stderr, "freehold lint: %s\n", why.text);
		status = BAD_INPUT;
	} else if (out.findings) {
		status = show(&o, &out);
	}
	if (status == 1)
		fprintf(stderr, "freehold lint: out of memory\n");
	lint_free(out.findings);
	free(tree.blob);
	return finish(status);
}
