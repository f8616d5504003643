/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One board: its tree booted at several sizes of RAM, and what came of that, line by line. */
#ifndef FH_TEST_BOARD_H
#define FH_TEST_BOARD_H

#include <freehold/boot.h>
#include <stdio.h>

/* How the kernel was built: a file, and its text; which it is like, as 6.1. NULL: as boot_config_init() has it. */
struct board_kernel {
	const char *file, *text, *like;
};

struct board {
	const char *file;
	void *tree;
	size_t size;
	/* Lines of a kind and a text: "count" of something, a "note" or an "error" of the configuration, how a
	 * region was "dropped", the "most" of something, a "fail": a promise that was broken. */
	FILE *out;
	bool quick; /* no machines, no JSON */
	const struct board_kernel *kernel;
	uint64_t ram; /* that is being looked at; 0: the tree's own */
};

enum board_how {
	BOARD_ALL,    /* boots it at each size, makes machines of what can be one, and JSON */
	BOARD_LAYOUT, /* boots it at each size */
	BOARD_CUT,    /* cuts it off and damages it at every byte */
};

/* Reads the file and does that. */
void board_boot(const char *file, const struct board_kernel *kernel, enum board_how how, FILE *out);

void board_count(struct board *b, const char *what, unsigned int n);
void board_fail(struct board *b, const char *fmt, ...) FH_PRINTF(2, 3);
/* Of numbers, of `name` and of what looks like a node's name it remains that it was one. */
void board_say(struct board *b, const char *kind, const char *name, const char *text);

/* A machine of a configuration that has no error: areas and regions are used, and everything is given back. */
void board_machine(struct board *b, const struct boot_config *cfg);
/* `freehold boot --format json` of it has what *cfg has; err: what load_boot_config() came to. */
void board_json(struct board *b, const struct boot_config *cfg, int err);

#endif
