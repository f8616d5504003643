/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A file tree to read, proc/meminfo and its like: of a machine of ours, or a folder: `/` of a
 * running kernel, or what was copied off a board. Both answer alike.
 */
#ifndef FREEHOLD_TOOLS_TREE_H
#define FREEHOLD_TOOLS_TREE_H

#include <freehold/mem.h>

#define TREE_FILE_MAX ((size_t)256 << 20) /* page_owner of 4 GiB is 160 MB */

struct tree {
	int (*read)(const struct tree *t, const char *path, char **text, size_t *len);
	const char *dir; /* a folder, without a '/' at its end; NULL: there is none */
	struct fh_machine *m;
};

struct tree tree_of_folder(const char *dir);
struct tree tree_of_machine(struct fh_machine *m);

/*
 * The text of a file, or a folder's entries, a line each, sorted if it is a real folder, folders
 * with
 * '/'. *text ends with NUL, which *len does not count, and is the caller's. 0; -ENOENT: no such
 * path; -EFBIG: larger than TREE_FILE_MAX; -EINVAL: neither file nor folder (a pipe, a socket);
 * other errno.
 */
FH_MUST_CHECK int tree_read(const struct tree *t, const char *path, char **text, size_t *len);

/* What such an error means, for a message. */
const char *tree_error(int err);

#endif
