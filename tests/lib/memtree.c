/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A file tree in one text. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "memtree.h"

struct file {
	const char *path, *text;
	size_t path_len, len;
};

/* The file whose '@' is at or behind *at; then *at is behind it. */
static bool next_file(const struct memtree *mt, size_t *at, struct file *f)
{
	const char *end = mt->text + mt->len, *s = mt->text + *at, *line;

	for (; s < end && *s != '@'; s = line ? line + 1 : end)
		line = memchr(s, '\n', (size_t)(end - s));
	if (s == end)
		return false;
	f->path = ++s;
	line = memchr(s, '\n', (size_t)(end - s));
	f->path_len = (size_t)((line ? line : end) - s);
	f->text = s = line ? line + 1 : end;
	while (s < end && *s != '@') {
		line = memchr(s, '\n', (size_t)(end - s));
		s = line ? line + 1 : end;
	}
	f->len = (size_t)(s - f->text);
	*at = (size_t)(s - mt->text);
	return true;
}

static void append(char **text, size_t *len, const char *s, size_t n)
{
	*text = realloc(*text, *len + n + 1);
	if (!*text)
		abort();
	memcpy(*text + *len, s, n);
	*len += n;
	(*text)[*len] = '\0';
}

/* One entry of a folder, unless it was the last one as well. */
static void list(char **text, size_t *len, const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);

	n = slash ? (size_t)(slash - s) + 1 : n;
	if (*len > n && !memcmp(*text + *len - n - 1, s, n) &&
	    (*len == n + 1 || (*text)[*len - n - 2] == '\n'))
		return;
	append(text, len, s, n);
	append(text, len, "\n", 1);
}

static int read_text(const struct tree *t, const char *path, char **text, size_t *len)
{
	const struct memtree *mt = (const struct memtree *)t;
	size_t at = 0, n = strlen(path);
	struct file f;

	while (next_file(mt, &at, &f)) {
		if (f.path_len == n && !memcmp(f.path, path, n)) {
			free(*text);
			*text = NULL;
			*len = 0;
			append(text, len, f.text, f.len);
			return 0;
		}
		if (f.path_len > n && !memcmp(f.path, path, n) && f.path[n] == '/')
			list(text, len, f.path + n + 1, f.path_len - n - 1);
	}
	return *text ? 0 : -ENOENT;
}

struct memtree memtree(const char *text, size_t len)
{
	return (struct memtree){.tree = {.read = read_text}, .text = text, .len = len};
}
