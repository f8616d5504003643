/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules over a board: what is wrong or unwise in a tree, a command line and the layout they come to.
 *
 *	struct lint_board board = {.cfg = &cfg, .tree = blob, .tree_size = n};
 *	struct lint *l = lint_new(&board, disabled);
 *	if (!l || !lint_run(l)) ...			no memory
 *	for (size_t i = 0; i < lint_count(l); i++) ...	lint_finding(l, i)
 *	lint_free(l);
 *
 * Rules read only what they are given, any bytes will do for a tree. Their numbers never change: FH1xx are errors (memory is lost, or
 * used twice, or a device cannot work), FH2xx warnings, FH3xx notes.
 */
#ifndef TOOLS_LINT_H
#define TOOLS_LINT_H

#include <freehold/boot.h>

#define LINT_MAX_RULES 128

enum lint_severity { LINT_NOTE, LINT_WARNING, LINT_ERROR, LINT_NR_SEVERITIES };

struct lint;

struct lint_rule {
	unsigned int id; /* 101: FH101 */
	const char *title;
	const char *help; /* what Linux does, and the cure */
	void (*check)(struct lint *l);
};

struct lint_board {
	const struct boot_config
		*cfg;	  /* with as_linux; whole as far as boot_config_finish() came */
	const char *why;  /* it failed, and this is the reason; NULL: it is finished */
	const char *ram;  /* what was asked for RAM, as --ram; NULL: as the tree says */
	const void *tree; /* at a multiple of 8; NULL: none */
	size_t tree_size;
};

/* Strings are the lint's, and never NULL. */
struct lint_finding {
	const struct lint_rule *rule;
	char *node;	/* a path; "": the command line, or the whole board */
	char *property; /* of the node, or an option of the command line; "": none */
	char *text;
	char *cure;
};

/* Which rules are off. */
struct lint_disabled {
	bool id[1000];
};

enum lint_severity lint_severity(const struct lint_rule *rule);
const char *lint_severity_name(enum lint_severity s);
/* All rules, by number; returns how many. */
size_t lint_rules(const struct lint_rule *list[LINT_MAX_RULES]);

/* NULL: no memory. What `board` points to must stay. */
struct lint *lint_new(const struct lint_board *board, const struct lint_disabled *off);
/* Finds; once. Errors first, then by number, node, property. False: no memory. */
FH_MUST_CHECK bool lint_run(struct lint *l);
/* Whether the board's tree could be walked at all; false: there was none, or it is no tree. */
bool lint_saw_tree(const struct lint *l);
size_t lint_count(const struct lint *l);
const struct lint_finding *lint_finding(const struct lint *l, size_t i);
void lint_free(struct lint *l);

#endif
