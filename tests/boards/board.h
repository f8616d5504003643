/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One board: its tree booted at several sizes of RAM, and what came of that, line by line. */
#ifndef FH_TEST_BOARD_H
#define FH_TEST_BOARD_H

#include <freehold/boot.h>
#include <stdio.h>

struct board {
	const char *file;
	void *tree;
	size_t size;
	/* Lines of a kind and a text: "count" of something, a "note" or an "error" of the configuration with names and numbers left out,
	 * a "fail": a promise that was broken. */
	FILE *out;
	uint64_t ram; /* that is being looked at; 0: the tree's own */
};

/* All of it: reads the file, boots it at each size, makes machines of what can be one. */
void board_boot(const char *file, FILE *out);

void board_count(struct board *b, const char *what, unsigned int n);
void board_fail(struct board *b, const char *fmt, ...) FH_PRINTF(2, 3);
/* Of one of the names of *cfg and a number there remains that it was one. */
void board_say(struct board *b, const char *kind, const struct boot_config *cfg, const char *text);

/* A machine of a configuration that has no error: areas and regions are used, and everything is given back. */
void board_machine(struct board *b, const struct boot_config *cfg);
/* `freehold boot --format json` of it has what *cfg has; err: what load_boot_config() came to. */
void board_json(struct board *b, const struct boot_config *cfg, int err);

#endif
