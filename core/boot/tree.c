/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading a tree's properties without passing their ends. */
#include "boot/tree.h"
#include "boot/say.h"
#include "base/string.h"
#include <libfdt.h>

struct tree_prop tree_prop(const struct tree *t, int node, const char *name)
{
	int len;
	const void *at = fdt_getprop(t->blob, node, name, &len);

	if (!at || len < 0)
		return (struct tree_prop){0};
	return (struct tree_prop){.at = at, .len = (size_t)len};
}

bool tree_has(const struct tree *t, int node, const char *name)
{
	return tree_prop(t, node, name).at;
}

/* The length of the string that begins at p->at + from, or -1 when no NUL ends it. */
static int string_at(const struct tree_prop *p, size_t from)
{
	for (size_t i = from; i < p->len; i++)
		if (!p->at[i])
			return (int)(i - from);
	return -1;
}

const char *tree_string(const struct tree *t, int node, const char *name)
{
	struct tree_prop p = tree_prop(t, node, name);

	return p.at && string_at(&p, 0) >= 0 ? (const char *)p.at : NULL;
}

void tree_name(const struct tree *t, int node, char name[BOOT_NAME_MAX])
{
	int len;
	const char *s = fdt_get_name(t->blob, node, &len);

	boot_copy_name(name, BOOT_NAME_MAX, s ? s : "?", s ? (size_t)len : 1);
}

bool tree_available(const struct tree *t, int node)
{
	const char *status = tree_string(t, node, "status");

	if (!tree_has(t, node, "status"))
		return true;
	return status && (fh_streq(status, "okay") || fh_streq(status, "ok"));
}

/* As strcasecmp() == 0: what Linux compares compatible strings with. */
static bool same_id(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a >= 'A' && *a <= 'Z' ? (char)(*a | 0x20) : *a;

		if (x != *b)
			return false;
	}
	return *a == *b;
}

bool tree_compatible(const struct tree *t, int node, const char *id)
{
	const char *s;

	for (size_t n = 0; (s = tree_string_at(t, node, "compatible", n)); n++)
		if (same_id(s, id))
			return true;
	return false;
}

const char *tree_string_at(const struct tree *t, int node, const char *name, size_t n)
{
	struct tree_prop p = tree_prop(t, node, name);
	size_t at = 0;
	int len;

	while (p.at && (len = string_at(&p, at)) >= 0) {
		if (!n--)
			return (const char *)p.at + at;
		at += (size_t)len + 1;
	}
	return NULL;
}

uint64_t tree_number(const uint8_t *at, size_t cells)
{
	uint64_t v = 0;

	for (size_t i = 0; i < cells * 4; i++)
		v = v << 8 | at[i];
	return v;
}
