/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What has a number, found by it: a hash of links that lie in the things themselves. */
#ifndef TOOLS_SERVE_HASH_H
#define TOOLS_SERVE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_link {
	struct hash_link *next;
	uint64_t key;
};

/* All zero: empty. */
struct hash {
	struct hash_link **bucket;
	size_t nr, room; /* room: a power of two, or 0 */
};

/* Room for one more, so that hash_add() cannot fail. False: no memory. */
bool hash_reserve(struct hash *h);
void hash_add(struct hash *h, struct hash_link *l, uint64_t key);
void hash_del(struct hash *h, struct hash_link *l);
/* The first of that number, and the next of the same; NULL: none (more). */
struct hash_link *hash_find(const struct hash *h, uint64_t key);
struct hash_link *hash_again(const struct hash_link *l);
/* Nothing is in it. */
void hash_end(struct hash *h);

#endif
