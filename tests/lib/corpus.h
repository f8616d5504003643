/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Kept inputs, replayed. */
#ifndef FH_TESTS_CORPUS_H
#define FH_TESTS_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORPUS_MAX_SIZE 65536

/*
 * Calls run() with every file of a folder of the repository, as from its root; skips the test where there is none. With
 * environment variable `one` set to a file's path: with that alone, `shown`. At most CORPUS_MAX_SIZE bytes of each.
 */
void corpus_replay(const char *folder, const char *one,
		   void (*run)(const char *path, uint8_t *data, size_t len, bool shown));

#endif
