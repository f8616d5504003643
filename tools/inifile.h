/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An INI file as a list of its sections and keys in order, each with the line it stands on. */
#ifndef FREEHOLD_TOOLS_INIFILE_H
#define FREEHOLD_TOOLS_INIFILE_H

#include <stdbool.h>
#include <stddef.h>

#define WHY_MAX 512

/* One line that says what is wrong: "file:line: [section] key: what was found, what was expected".
 */
struct why {
	char text[WHY_MAX];
};
/* Writes it, unless one is there: the first mistake counts. */
void why_set(struct why *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A section's header (key and value are empty), or a key of the section whose header came last. */
struct ini_entry {
	unsigned int line;
	bool header;
	char *section, *key, *value;
};

struct ini_doc {
	struct ini_entry *entry;
	size_t nr, room;
};

/* Reads text[len], which came from `path`. False with *why: not INI (no header before the first
 * key, a line that is neither, a line too long, a zero byte), a section that is there twice, or out
 * of memory. */
bool inifile_parse(const char *path, const char *text, size_t len, struct ini_doc *doc,
		   struct why *why);
void inifile_free(struct ini_doc *doc);

/* All of a file, at most 1 MiB, with NUL behind it. NULL with *why: it cannot be read. */
char *inifile_slurp(const char *path, size_t *len, struct why *why);

#endif
