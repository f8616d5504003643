/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Chains of links in a table that doubles when there are as many links as chains. */
#include <stdlib.h>
#include "serve_hash.h"

#define FIRST_ROOM 64

static struct hash_link **chain(const struct hash *h, uint64_t key)
{
	return &h->bucket[(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (h->room - 1)];
}

static void put(struct hash *h, struct hash_link *l)
{
	struct hash_link **at = chain(h, l->key);

	l->next = *at;
	*at = l;
}

bool hash_reserve(struct hash *h)
{
	struct hash bigger = {NULL, h->nr, h->room ? h->room * 2 : FIRST_ROOM};

	if (h->nr < h->room)
		return true;
	bigger.bucket = calloc(bigger.room, sizeof(struct hash_link *));
	if (!bigger.bucket)
		return h->room; /* longer chains will do */
	for (size_t i = 0; i < h->room; i++) {
		for (struct hash_link *l = h->bucket[i], *next; l; l = next) {
			next = l->next;
			put(&bigger, l);
		}
	}
	free(h->bucket);
	*h = bigger;
	return true;
}

void hash_add(struct hash *h, struct hash_link *l, uint64_t key)
{
	l->key = key;
	put(h, l);
	h->nr++;
}

void hash_del(struct hash *h, struct hash_link *l)
{
	struct hash_link **at = chain(h, l->key);

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	h->nr--;
}

struct hash_link *hash_find(const struct hash *h, uint64_t key)
{
	struct hash_link *l = h->room ? *chain(h, key) : NULL;

	while (l && l->key != key)
		l = l->next;
	return l;
}

struct hash_link *hash_again(const struct hash_link *l)
{
	struct hash_link *n = l->next;

	while (n && n->key != l->key)
		n = n->next;
	return n;
}

void hash_end(struct hash *h)
{
	free(h->bucket);
	*h = (struct hash){NULL, 0, 0};
}
