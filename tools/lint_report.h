/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lint of what load_boot_config() gave, for commands. */
#ifndef TOOLS_LINT_REPORT_H
#define TOOLS_LINT_REPORT_H

#include <stdio.h>
#include "lint.h"
#include "load.h"

/* Runs all rules; why->text is not empty when the configuration failed. NULL: no memory. */
struct lint *lint_of(const struct load_opts *opts, struct boot_config *cfg,
		     const struct load_tree *tree, const struct boot_why *why,
		     const struct lint_disabled *off);
/* One line, when there is something: how many findings of which severity, and who tells more. */
void lint_summary(FILE *f, const struct load_opts *opts, struct boot_config *cfg,
		  const struct load_tree *tree);

#endif
