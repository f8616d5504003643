/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files into lines, words and numbers, and notes about what is wrong with them. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "readout_in.h"

void readout_note(struct readout *r, const char *fmt, ...)
{
	char note[READOUT_NOTE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
	for (unsigned int i = 0; i < r->nr_notes; i++)
		if (!strcmp(r->note[i], note))
			return;
	if (r->nr_notes < READOUT_NOTES)
		memcpy(r->note[r->nr_notes++], note, sizeof(note));
}

void readout_printable(char *dst, size_t size, const char *src, const char *end)
{
	size_t i;

	for (i = 0; i + 1 < size && src + i < end && src[i]; i++)
		dst[i] = src[i] >= 0x20 && src[i] < 0x7f ? src[i] : '?';
	dst[i] = '\0';
}

void readout_bad(struct readout *r, const char *path, unsigned int line, const char *expected)
{
	char name[READOUT_NOTE / 2];

	r->bad = true;
	readout_printable(name, sizeof(name), path, path + strlen(path));
	if (line)
		readout_note(r, "%s:%u: expected %s", name, line, expected);
	else
		readout_note(r, "%s: expected %s", name, expected);
}

char *readout_load(const struct tree *t, struct readout *r, const char *path, const char *shown,
		   int *err)
{
	char *text;
	size_t len;

	*err = tree_read(t, path, &text, &len);
	if (*err) {
		if (*err != -ENOENT)
			readout_note(r, "%s: %s", shown ? shown : path, tree_error(*err));
		return NULL;
	}
	if (strlen(text) == len)
		return text;
	free(text);
	*err = -EILSEQ;
	readout_bad(r, path, 0, "text, found a zero byte");
	return NULL;
}

bool line_next(struct line *l, const char *text)
{
	const char *end;

	l->at = l->nr ? l->next : text;
	if (!*l->at)
		return false;
	l->nr++;
	end = strchr(l->at, '\n');
	l->next = end ? end + 1 : l->at + strlen(l->at);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct line *l)
{
	while (is_blank(*l->at))
		l->at++;
}

bool line_ends(struct line *l)
{
	skip_blanks(l);
	return !*l->at || *l->at == '\n';
}

bool line_word(struct line *l, char stop, const char **word, size_t *n)
{
	if (line_ends(l))
		return false;
	*word = l->at;
	while (*l->at && *l->at != '\n' && !is_blank(*l->at) && *l->at != stop)
		l->at++;
	*n = (size_t)(l->at - *word);
	return *n > 0;
}

bool line_is(struct line *l, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(l);
	if (strncmp(l->at, word, n))
		return false;
	l->at += n;
	return true;
}

bool line_number(struct line *l, uint64_t *v)
{
	const char *s;
	uint64_t n = 0;

	skip_blanks(l);
	for (s = l->at; *s >= '0' && *s <= '9'; s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		if (n > (UINT64_MAX - 1 - digit) / 10) /* UINT64_MAX is UNKNOWN */
			return false;
		n = n * 10 + digit;
	}
	if (s == l->at || (*s && *s != '\n' && *s != ',' && !is_blank(*s)))
		return false;
	l->at = s;
	*v = n;
	return true;
}
