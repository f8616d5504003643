/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lines of a .dts, out of what `dtc -O dts --annotate` prints: a line of it is a node or a property, with its place behind. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <errno.h>
#include "lint_lines.h"

struct entry {
	char *node, *property; /* property "": the node itself */
	char *file;
	unsigned int line;
};

struct lint_lines {
	struct entry *entry;
	size_t nr;
	char *dir; /* of the source, with its '/', or "" */
	char path[1024];
	size_t depth;
	bool failed;
};

/* A name that dtc prints is relative to the source's folder. */
static char *file_name(const struct lint_lines *lines, const char *name, size_t len)
{
	char *s = NULL;

	if (asprintf(&s, "%s%.*s", name[0] == '/' ? "" : lines->dir, (int)len, name) < 0)
		return NULL;
	return s;
}

/* `place` is "file:line", maybe with more behind. */
static void add(struct lint_lines *lines, const char *property, size_t len, const char *place)
{
	size_t file_len = strcspn(place, ":");
	struct entry e = {.line = (unsigned int)strtoul(place + file_len + (place[file_len] == ':'),
							NULL, 10)},
		     *more;

	if (!e.line)
		return;
	e.node = strdup(lines->path[0] ? lines->path : "/");
	e.property = strndup(property, len);
	e.file = file_name(lines, place, file_len);
	more = realloc(lines->entry, (lines->nr + 1) * sizeof(*more));
	if (more)
		lines->entry = more;
	if (!more || !e.node || !e.property || !e.file) {
		free(e.node);
		free(e.property);
		free(e.file);
		lines->failed = true;
		return;
	}
	more[lines->nr++] = e;
}

/* "label: name {": one node further down. */
static void enter(struct lint_lines *lines, const char *text, size_t len)
{
	size_t at = strlen(lines->path), from = len;

	while (from && text[from - 1] != ' ')
		from--;
	lines->depth++;
	if (len - from == 1 && text[from] == '/')
		return; /* the root */
	if (at + len - from + 2 > sizeof(lines->path)) {
		lines->failed = true;
		return;
	}
	snprintf(lines->path + at, sizeof(lines->path) - at, "/%.*s", (int)(len - from),
		 text + from);
}

static void leave(struct lint_lines *lines)
{
	char *slash = strrchr(lines->path, '/');

	if (slash)
		*slash = '\0';
	lines->depth -= lines->depth > 0;
}

static void read_line(struct lint_lines *lines, const char *s)
{
	const char *place = NULL, *brace;
	size_t n;

	s += strspn(s, "\t ");
	for (const char *c = strstr(s, "/* "); c; c = strstr(c + 3, "/* "))
		place = c + 3;
	n = place ? (size_t)(place - 3 - s) : strcspn(s, "\n");
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\n'))
		n--;
	brace = n > 1 && s[n - 1] == '{' ? s + n - 2 : NULL;
	if (brace) {
		enter(lines, s, (size_t)(brace - s));
		if (place)
			add(lines, "", 0, place);
	} else if (!strncmp(s, "};", 2)) {
		leave(lines);
	} else if (place && lines->depth) {
		n = strcspn(s, " =;");
		if (s[n] == ' ' || s[n] == ';')
			add(lines, s, n, place);
	}
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

static pid_t start(const char *path, int *out)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(fd[1], STDOUT_FILENO);
		if (null >= 0)
			dup2(null, STDERR_FILENO);
		execlp("dtc", "dtc", "-q", "-I", "dts", "-O", "dts", "--annotate", "--", path,
		       (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	if (pid < 0)
		close(fd[0]);
	*out = fd[0];
	return pid;
}

struct lint_lines *lint_lines_new(const char *path)
{
	struct lint_lines *lines = ends_with(path, ".dts") ? calloc(1, sizeof(*lines)) : NULL;
	const char *slash = strrchr(path, '/');
	size_t room = 0;
	char *text = NULL;
	int fd = -1, status = 0;
	pid_t pid;
	FILE *f;

	if (!lines)
		return NULL;
	lines->dir = strndup(path, slash ? (size_t)(slash + 1 - path) : 0);
	pid = lines->dir ? start(path, &fd) : -1;
	f = pid > 0 ? fdopen(fd, "r") : NULL;
	while (f && getline(&text, &room, f) > 0)
		read_line(lines, text);
	free(text);
	if (f)
		fclose(f);
	else if (pid > 0)
		close(fd);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (f && !status && !lines->failed)
		return lines;
	lint_lines_free(lines);
	return NULL;
}

bool lint_lines_find(const struct lint_lines *lines, const char *node, const char *property,
		     struct lint_line *at)
{
	const struct entry *best = NULL;

	for (size_t i = 0; lines && i < lines->nr; i++) {
		const struct entry *e = &lines->entry[i];

		if (strcmp(e->node, node) != 0)
			continue;
		if (!e->property[0] && !best)
			best = e;
		if (property[0] && !strcmp(e->property, property))
			best = e;
	}
	if (best)
		*at = (struct lint_line){best->file, best->line};
	return best;
}

void lint_lines_free(struct lint_lines *lines)
{
	for (size_t i = 0; lines && i < lines->nr; i++) {
		free(lines->entry[i].node);
		free(lines->entry[i].property);
		free(lines->entry[i].file);
	}
	if (lines) {
		free(lines->entry);
		free(lines->dir);
	}
	free(lines);
}
