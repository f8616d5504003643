/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An overlay into a tree: libfdt merges, after all that it would believe has been looked at. */
#include "boot/say.h"
#include "boot/tree.h"
#include "base/string.h"
#include <libfdt.h>

#define MAX_DEPTH 64 /* libfdt calls itself for each level */

struct overlay {
	struct tree base, over;
	struct boot_why *why;
	char fragment[BOOT_NAME_MAX];
};

/* No node lies deeper than MAX_DEPTH. */
static bool shallow(const void *blob)
{
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(blob, node, &depth))
		if (depth > MAX_DEPTH)
			return false;
	return true;
}

/* fdt_path_offset() would follow aliases, and one of itself for ever. */
static int at_path(const void *blob, const char *path)
{
	return path[0] == '/' ? fdt_path_offset(blob, path) : -FDT_ERR_BADPATH;
}

static int bad(const struct overlay *o, const char *reason, const char *name)
{
	return boot_fail(o->why, FH_EINVAL, "overlay: %s%s%.80s: %s", o->fragment,
			 o->fragment[0] ? ": " : "", name, reason);
}

/* "fragment@0: ", for messages: the first level of a path of the overlay. */
static void set_fragment(struct overlay *o, const char *path)
{
	size_t n = 0;

	while (path[1 + n] && path[1 + n] != '/' && path[1 + n] != ':')
		n++;
	boot_copy_name(o->fragment, sizeof(o->fragment), path + 1, n);
}

/* ---- __fixups__: names of the base that phandles of the overlay stand for ---- */

/* The offset behind the last colon, decimal; -1: it is none. */
static int64_t offset_of(const char *s)
{
	int64_t v = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > INT32_MAX)
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v;
}

/* "/fragment@0:target:0": a cell of a property of the overlay. */
static int check_place(struct overlay *o, const char *place)
{
	size_t colon[2], n = 0, prop_len;
	int64_t offset;
	int node, len = 0;
	const void *prop;

	for (size_t i = 0; place[i]; i++) {
		if (place[i] != ':')
			continue;
		if (n == 2)
			return bad(o, "__fixups__: expected PATH:PROPERTY:OFFSET", place);
		colon[n++] = i;
	}
	if (n != 2 || place[0] != '/')
		return bad(o, "__fixups__: expected PATH:PROPERTY:OFFSET", place);
	set_fragment(o, place);
	prop_len = colon[1] - colon[0] - 1;
	offset = offset_of(place + colon[1] + 1);
	node = fdt_path_offset_namelen(o->over.blob, place, (int)colon[0]);
	prop = node < 0 ? NULL
			: fdt_getprop_namelen(o->over.blob, node, place + colon[0] + 1,
					      (int)prop_len, &len);
	if (!prop || offset < 0 || offset + 4 > len)
		return bad(o, "__fixups__: no such cell in the overlay", place);
	return 0;
}

static int check_symbol(struct overlay *o, int symbols, const char *name)
{
	const char *path = symbols < 0 ? NULL : tree_string(&o->base, symbols, name);
	int node = path ? at_path(o->base.blob, path) : -FDT_ERR_NOTFOUND;

	if (symbols < 0)
		return bad(o, "the tree has no __symbols__ to find it by: compile it with `dtc -@'",
			   name);
	if (!path)
		return bad(o, "the tree has no such symbol", name);
	if (node < 0 || !fdt_get_phandle(o->base.blob, node))
		return bad(o, "the tree's symbol leads to no node with a phandle", name);
	return 0;
}

static int check_fixups(struct overlay *o)
{
	int fixups = fdt_path_offset(o->over.blob, "/__fixups__");
	int symbols = fdt_path_offset(o->base.blob, "/__symbols__"), prop;

	if (fixups < 0)
		return 0;
	fdt_for_each_property_offset(prop, o->over.blob, fixups)
	{
		const char *name, *places;
		int len, err = 0, at = 0;

		places = fdt_getprop_by_offset(o->over.blob, prop, &name, &len);
		if (!places || len <= 0 || places[len - 1])
			return bad(o, "__fixups__: expected strings", places ? name : "?");
		for (; at < len && !err; at += (int)fh_strlen(places + at) + 1)
			err = check_place(o, places + at);
		if (!err)
			err = check_symbol(o, symbols, name);
		if (err)
			return err;
	}
	o->fragment[0] = '\0';
	return 0;
}

/* ---- __local_fixups__: where the overlay's own phandles stand, in a copy of its nodes ---- */

static int check_local_cells(struct overlay *o, int fixup, int node)
{
	int prop;

	fdt_for_each_property_offset(prop, o->over.blob, fixup)
	{
		struct tree_prop list, target;
		const char *name;
		int len;

		list.at = fdt_getprop_by_offset(o->over.blob, prop, &name, &len);
		if (!list.at || len < 0 || len % 4)
			return bad(o, "__local_fixups__: expected cells", list.at ? name : "?");
		target = tree_prop(&o->over, node, name);
		for (int at = 0; at < len; at += 4)
			if (!target.at || tree_number(list.at + at, 1) + 4 > target.len)
				return bad(o, "__local_fixups__: no such cell in the overlay",
					   name);
	}
	return 0;
}

static int check_local_fixups(struct overlay *o)
{
	int top = fdt_path_offset(o->over.blob, "/__local_fixups__"), depth = 0, err;
	int twin[MAX_DEPTH + 2] = {0}; /* of each level */

	for (int f = top; f >= 0 && depth >= 0; f = fdt_next_node(o->over.blob, f, &depth)) {
		const char *name = fdt_get_name(o->over.blob, f, NULL);

		if (f == top && fdt_next_node(o->over.blob, f, NULL) < 0)
			break;
		if (f != top) {
			if (depth == 0)
				break; /* what stands behind it */
			twin[depth] =
				fdt_subnode_offset(o->over.blob, twin[depth - 1], name ? name : "");
			if (depth == 1 && name)
				boot_copy_name(o->fragment, sizeof(o->fragment), name,
					       BOOT_NAME_MAX);
			if (twin[depth] < 0)
				return bad(o, "__local_fixups__: no such node in the overlay",
					   name ? name : "?");
		}
		err = check_local_cells(o, f, twin[depth]);
		if (err)
			return err;
	}
	o->fragment[0] = '\0';
	return 0;
}

/* ---- fragments ---- */

/* Whether a cell of __fixups__ stands for the fragment's target: its phandle is known only later. */
static bool target_by_name(const struct overlay *o)
{
	int fixups = fdt_path_offset(o->over.blob, "/__fixups__"), prop;

	fdt_for_each_property_offset(prop, o->over.blob, fixups)
	{
		const char *name, *places;
		int len;

		places = fdt_getprop_by_offset(o->over.blob, prop, &name, &len);
		for (int at = 0; places && at < len; at += (int)fh_strlen(places + at) + 1) {
			size_t n = fh_strlen(o->fragment);

			if (places[at] == '/' && (size_t)(len - at) >= n + 11 &&
			    !memcmp(places + at + 1, o->fragment, n) &&
			    !memcmp(places + at + 1 + n, ":target:0", 10))
				return true;
		}
	}
	return false;
}

static int check_target(struct overlay *o, int fragment)
{
	struct tree_prop target = tree_prop(&o->over, fragment, "target");
	const char *path = tree_string(&o->over, fragment, "target-path");

	if (target.at && target.len != 4)
		return bad(o, "expected one phandle", "target");
	if (target.at && !target_by_name(o) &&
	    fdt_node_offset_by_phandle(o->base.blob, (uint32_t)tree_number(target.at, 1)) < 0)
		return bad(o, "the tree has no node of that phandle", "target");
	if (target.at)
		return 0;
	if (!tree_has(&o->over, fragment, "target-path"))
		return bad(o, "expected target or target-path", "__overlay__");
	if (!path || path[0] != '/')
		return bad(o, "expected a path", "target-path");
	if (at_path(o->base.blob, path) < 0)
		return bad(o, "the tree has no such node", path);
	return 0;
}

/* As in Linux, a node without __overlay__ is none, and status says nothing. */
static int check_fragments(struct overlay *o)
{
	unsigned int n = 0;
	int node, err = 0;

	fdt_for_each_subnode(node, o->over.blob, 0)
	{
		if (fdt_subnode_offset(o->over.blob, node, "__overlay__") < 0)
			continue;
		n++;
		tree_name(&o->over, node, o->fragment);
		err = check_target(o, node);
		if (err)
			return err;
	}
	o->fragment[0] = '\0';
	return n ? 0 : bad(o, "expected a fragment with __overlay__", "/");
}

int boot_overlay(void *tree, size_t room, void *overlay, size_t size, struct boot_why *why)
{
	struct overlay o = {.why = why};
	int err = tree_open(&o.base, tree, room, NULL, why);

	if (!err)
		err = tree_open(&o.over, overlay, size, NULL, why);
	if (!err && (!shallow(tree) || !shallow(overlay)))
		err = boot_fail(why, FH_EINVAL, "overlay: nodes nested deeper than %d", MAX_DEPTH);
	if (!err)
		err = check_fixups(&o);
	if (!err)
		err = check_local_fixups(&o);
	if (!err)
		err = check_fragments(&o);
	if (err)
		return err;
	err = fdt_open_into(tree, tree, (int)room);
	if (!err)
		err = fdt_overlay_apply(tree, overlay);
	if (err == -FDT_ERR_NOSPACE)
		return boot_fail(why, FH_ENOSPC, "overlay: no room in %zu bytes", room);
	if (err)
		return boot_fail(why, FH_EINVAL, "overlay: cannot be applied: %s",
				 fdt_strerror(err));
	return tree_open(&o.base, tree, room, NULL, why); /* what it made may be no tree */
}
