/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An INI file as a list of its sections and keys, each with its line. inih does the reading; it
 * tells its handler neither the line nor that a section begins, so the reader that feeds it keeps
 * both.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "inifile.h"

#define FILE_MAX    ((size_t)1 << 20)
#define SECTION_MAX 49 /* inih cuts longer names without a word */
#define SHOWN_MAX   40

struct parse {
	const char *path, *at, *end;
	unsigned int line;     /* of what inih was given last */
	unsigned int bad_line; /* of *why */
	struct ini_doc *doc;
	struct why *why;
};

void why_set(struct why *why, const char *fmt, ...)
{
	va_list ap;

	if (why->text[0])
		return;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	for (char *p = why->text; *p; p++) /* one line, whatever the file contained */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

static void bad(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void bad(struct parse *p, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list ap;

	if (!p->bad_line)
		p->bad_line = p->line;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	why_set(p->why, "%s:%u: %s", p->path, p->line, text);
}

static void add(struct parse *p, bool header, const char *section, const char *key,
		const char *value)
{
	struct ini_doc *doc = p->doc;

	if (doc->nr == doc->room) {
		size_t room = doc->room ? doc->room * 2 : 32;
		struct ini_entry *e = realloc(doc->entry, room * sizeof(*e));

		if (!e) {
			why_set(p->why, "%s: out of memory", p->path);
			return;
		}
		doc->entry = e;
		doc->room = room;
	}
	doc->entry[doc->nr] = (struct ini_entry){
		.line = p->line,
		.header = header,
		.section = strdup(section),
		.key = strdup(key),
		.value = strdup(value),
	};
	doc->nr++;
	if (!doc->entry[doc->nr - 1].section || !doc->entry[doc->nr - 1].key ||
	    !doc->entry[doc->nr - 1].value)
		why_set(p->why, "%s: out of memory", p->path);
}

static void add_section(struct parse *p, const char *text)
{
	char name[SECTION_MAX + 1];
	const char *end = strchr(text, ']');

	if (!end)
		return; /* inih complains */
	if ((size_t)(end - text) > SECTION_MAX) {
		bad(p, "section [%.*s...: the name has %zu characters, expected at most %d",
		    SHOWN_MAX, text, (size_t)(end - text), SECTION_MAX);
		return;
	}
	if (end == text)
		bad(p, "[]: a section without a name");
	memcpy(name, text, (size_t)(end - text));
	name[end - text] = '\0';
	for (size_t i = 0; i < p->doc->nr; i++)
		if (p->doc->entry[i].header && !strcmp(p->doc->entry[i].section, name))
			bad(p, "section [%s] again, the first is on line %u", name,
			    p->doc->entry[i].line);
	add(p, true, name, "", "");
}

/* fgets() for inih. Blanks in front are left out: to inih they would continue the line before. */
static char *read_line(char *buf, int size, void *stream)
{
	struct parse *p = stream;
	const char *begin = p->at, *nl;
	size_t len, most = (size_t)size - 1;

	if (p->at >= p->end)
		return NULL;
	p->line++;
	nl = memchr(begin, '\n', (size_t)(p->end - begin));
	p->at = nl ? nl + 1 : p->end;
	len = (size_t)((nl ? nl : p->end) - begin);
	while (len && (*begin == ' ' || *begin == '\t')) {
		begin++;
		len--;
	}
	if (memchr(begin, '\0', len))
		bad(p, "a zero byte, expected text");
	if (len > most) {
		bad(p, "the line has %zu characters, expected at most %zu", len, most);
		len = most;
	}
	memcpy(buf, begin, len);
	buf[len] = '\0';
	if (buf[0] == '[')
		add_section(p, buf + 1);
	return buf;
}

static int on_key(void *user, const char *section, const char *key, const char *value)
{
	struct parse *p = user;

	if (!section[0])
		bad(p, "%s: a key before the first section, expected [global] first", key);
	add(p, false, section, key, value);
	return 1;
}

bool inifile_parse(const char *path, const char *text, size_t len, struct ini_doc *doc,
		   struct why *why)
{
	struct parse p = {.path = path, .at = text, .end = text + len, .doc = doc, .why = why};
	int line;

	why->text[0] = '\0';
	*doc = (struct ini_doc){0};
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		p.at += 3;
	line = ini_parse_stream(read_line, &p, on_key, &p);
	if (line > 0 && (!p.bad_line || (unsigned int)line < p.bad_line)) {
		why->text[0] = '\0'; /* of a later line */
		why_set(why, "%s:%d: neither a [section] nor key = value", path, line);
	} else if (line < 0) {
		why_set(why, "%s: out of memory", path);
	}
	if (!why->text[0])
		return true;
	inifile_free(doc);
	return false;
}

void inifile_free(struct ini_doc *doc)
{
	for (size_t i = 0; i < doc->nr; i++) {
		free(doc->entry[i].section);
		free(doc->entry[i].key);
		free(doc->entry[i].value);
	}
	free(doc->entry);
	*doc = (struct ini_doc){0};
}

char *inifile_slurp(const char *path, size_t *len, struct why *why)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 2) : NULL;

	why->text[0] = '\0';
	errno = f ? ENOMEM : errno;
	if (!text) {
		why_set(why, "%s: %s", path, strerror(errno));
		if (f)
			fclose(f);
		return NULL;
	}
	*len = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f))
		why_set(why, "%s: %s", path, strerror(errno));
	else if (*len > FILE_MAX)
		why_set(why, "%s: larger than 1 MiB, expected a job file", path);
	fclose(f);
	if (why->text[0]) {
		free(text);
		return NULL;
	}
	text[*len] = '\0';
	return text;
}
