/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A board read once, for all rules. */
#ifndef TOOLS_LINT_BOARD_H
#define TOOLS_LINT_BOARD_H

struct lint;

/* Fills in what rules see; l->no_memory when there was none. */
void lint_board_read(struct lint *l);

#endif
