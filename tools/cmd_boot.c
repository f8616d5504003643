/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold boot`: lay memory out as Linux would, and show it: options, and what is done in which order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "args.h"
#include "boot_explain.h"
#include "boot_show.h"
#include "lint_report.h"

int cmd_boot(int argc, char **argv);

#define BAD_INPUT 2

enum { KEY_MAP = 0x10100 }; /* beside the keys of args.c */

enum form { FORM_TEXT, FORM_JSON, FORM_SVG, NR_FORMS };
static const char *const form_name[NR_FORMS] = {"text", "json", "svg"};

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER, NR_WHENS };
static const char *const when_name[NR_WHENS] = {"auto", "always", "never"};

struct opts {
	struct load_opts load;
	unsigned int form; /* enum form */
	unsigned int map;  /* enum when: the picture in the text */
	bool explain;
};

static const struct argp_option options[] = {
	{"format", 'f', "text|json|svg", 0, "Form of the output (default text)", 0},
	{"map", KEY_MAP, "WHEN", OPTION_ARG_OPTIONAL,
	 "Draw the physical map in the text: always (also without WHEN), never, or auto, on a "
	 "terminal (default)",
	 0},
	{"explain", 'e', NULL, 0, "Say of each region why it lies where it does", 0},
	{0},
};

/* Which of names[] it is; n: none. */
static unsigned int which(const char *const *names, unsigned int n, const char *arg)
{
	unsigned int i = 0;

	while (i < n && strcmp(names[i], arg))
		i++;
	return i;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->load;
		break;
	case 'f':
		o->form = which(form_name, NR_FORMS, arg);
		if (o->form == NR_FORMS)
			argp_failure(state, BAD_INPUT, 0, "--format %s: expected text, json or svg",
				     arg);
		break;
	case KEY_MAP:
		o->map = arg ? which(when_name, NR_WHENS, arg) : WHEN_ALWAYS;
		if (o->map == NR_WHENS)
			argp_failure(state, BAD_INPUT, 0,
				     "--map=%s: expected auto, always or never", arg);
		break;
	case 'e':
		o->explain = true;
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
	.doc = "Lays memory out as Linux 6.12 does on arm64, from a device tree and a command "
	       "line, and "
	       "prints the boot log and the layout.",
};

static bool show_as(const struct opts *o, const struct boot_show *show)
{
	struct boot_screen screen;

	switch ((enum form)o->form) {
	case FORM_JSON:
		return boot_json(show, stdout);
	case FORM_SVG:
		return boot_svg(show, stdout);
	case FORM_TEXT:
	default:
		screen = boot_screen_of(stdout);
		boot_text(show, &screen,
			  o->map == WHEN_ALWAYS || (o->map == WHEN_AUTO && isatty(STDOUT_FILENO)),
			  stdout);
		return true;
	}
}

static int show_all(const struct opts *o, const struct boot_config *cfg,
		    const struct load_tree *tree)
{
	static struct phys_map map; /* too large for a stack */
	struct boot_show show = {.cfg = cfg, .tree = tree, .map = &map};
	bool ok = phys_map_make(&map, cfg, tree);

	if (ok) {
		ok = show_as(o, &show);
		phys_map_free(&map);
	}
	if (!ok)
		fprintf(stderr, "freehold boot: out of memory\n");
	return ok ? 0 : 1;
}

int cmd_boot(int argc, char **argv)
{
	static struct boot_config cfg; /* too large for a stack */
	struct load_tree tree = {NULL, 0};
	struct opts o = {.load = {.keep = &tree, .as_linux = true}};
	struct boot_why why = {""};
	int status;

	if (!args_parse(&argp, "freehold boot", argc, argv, 0, &o))
		return BAD_INPUT;
	if (load_boot_config(&o.load, &cfg, &why)) {
		fprintf(stderr, "freehold boot: %s\n", why.text);
		return BAD_INPUT;
	}
	status = show_all(&o, &cfg, &tree);
	if (!status && o.form == FORM_TEXT && o.explain)
		boot_explain_text(&cfg);
	if (!status && o.form == FORM_TEXT)
		lint_summary(stdout, &o.load, &cfg, &tree);
	free(tree.blob);
	if (fflush(stdout) || ferror(stdout)) {
		perror("freehold boot: standard output");
		return 1;
	}
	return status;
}
