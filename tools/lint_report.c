/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lint of what load_boot_config() gave. */
#include <string.h>
#include "lint_report.h"

struct lint *lint_of(const struct load_opts *opts, struct boot_config *cfg,
		     const struct load_tree *tree, const struct boot_why *why,
		     const struct lint_disabled *off)
{
	struct lint_board board = {
		.cfg = cfg,
		.why = why->text[0] ? why->text : NULL,
		.ram = opts->ram,
		.tree = tree->blob,
		.tree_size = tree->size,
	};
	struct lint *l;

	/* It may have failed before it came to the command line. */
	if (board.why && opts->bootargs)
		snprintf(cfg->bootargs, sizeof(cfg->bootargs), "%s", opts->bootargs);
	l = lint_new(&board, off);
	if (l && lint_run(l))
		return l;
	lint_free(l);
	return NULL;
}

void lint_summary(FILE *f, const struct load_opts *opts, struct boot_config *cfg,
		  const struct load_tree *tree)
{
	static const struct boot_why none = {""};
	struct lint *l = lint_of(opts, cfg, tree, &none, NULL);
	unsigned int n[LINT_NR_SEVERITIES] = {0};

	for (size_t i = 0; l && i < lint_count(l); i++)
		n[lint_severity(lint_finding(l, i)->rule)]++;
	if (n[LINT_ERROR] || n[LINT_WARNING] || n[LINT_NOTE])
		fprintf(f, "\nlint: %u error%s, %u warning%s, %u note%s: see `freehold lint'\n",
			n[LINT_ERROR], n[LINT_ERROR] == 1 ? "" : "s", n[LINT_WARNING],
			n[LINT_WARNING] == 1 ? "" : "s", n[LINT_NOTE],
			n[LINT_NOTE] == 1 ? "" : "s");
	lint_free(l);
}
