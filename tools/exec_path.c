/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Paths are compared as text, made absolute and clean; of links only the last part of a path is looked at. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "exec_path.h"

#define MAX_LINKS 8

static bool is_part(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(at, name, len);
}

/* /proc/PID/root is / for programs that have not changed theirs. */
static void drop_root(char *clean)
{
	char *at;

	if (strncmp(clean, "/proc/", 6))
		return;
	at = strchr(clean + 6, '/');
	if (at && !strncmp(at, "/root/", 6))
		memmove(clean, at + 5, strlen(at + 5) + 1);
}

bool exec_path_clean(const char *path, char *clean, size_t size, bool *slash)
{
	size_t n = 0, len;

	*slash = true;
	for (const char *at = path; *at; at += len) {
		len = strcspn(at, "/");
		*slash = !len || is_part(at, len, ".") || is_part(at, len, "..");
		if (!len) {
			len = 1;
			continue;
		}
		if (is_part(at, len, "."))
			continue;
		if (is_part(at, len, "..")) {
			while (n && clean[--n] != '/')
				;
			continue;
		}
		if (n + len + 2 > size)
			return false;
		clean[n++] = '/';
		memcpy(clean + n, at, len);
		n += len;
	}
	if (!n)
		clean[n++] = '/';
	clean[n] = '\0';
	drop_root(clean);
	return true;
}

/* "12" of "12/fd/3": where it ends; NULL: no number. */
static const char *number(const char *at, int64_t *n)
{
	char *end = NULL;

	*n = 0;
	if (*at < '0' || *at > '9')
		return NULL;
	errno = 0;
	*n = strtoll(at, &end, 10);
	return errno || *n > INT_MAX ? NULL : end;
}

/* What follows /proc/. */
static struct exec_place place_in_proc(const char *at, pid_t self)
{
	struct exec_place p = {.kind = EXEC_ELSEWHERE};
	int64_t pid = self, tid;
	const char *end;

	if (!strncmp(at, "self", 4) && at[4] == '/')
		at += 4;
	else if (!strncmp(at, "thread-self", 11) && at[11] == '/')
		at += 11;
	else if ((end = number(at, &pid)) && *end == '/')
		at = end;
	else
		return p;
	if (!strncmp(at, "/task/", 6) && (end = number(at + 6, &tid)) && *end == '/') {
		pid = tid;
		at = end;
	}
	p.pid = (pid_t)pid;
	if (!strncmp(at, "/fd/", 4) && (end = number(at + 4, &p.n)) && !*end)
		p.kind = EXEC_AT_LINK;
	else if (!strncmp(at, "/fdinfo/", 8) && (end = number(at + 8, &p.n)) && !*end)
		p.kind = EXEC_AT_INFO;
	return p;
}

static struct exec_place place_in_heaps(const struct exec *x, const char *name)
{
	struct exec_place p = {.kind = EXEC_ELSEWHERE};
	size_t len = strcspn(name, "/");

	if (len > NAME_MAX)
		p.kind = EXEC_TOO_LONG;
	for (unsigned int i = 0; i < x->nr_heaps; i++)
		if (is_part(name, len, x->heap[i].name)) {
			p.kind = name[len] ? EXEC_BELOW_HEAP : EXEC_AT_HEAP;
			p.n = i;
		}
	return p;
}

struct exec_place exec_place_of(const struct exec *x, const char *path, pid_t self)
{
	struct exec_place p = {.kind = EXEC_ELSEWHERE};
	size_t dir = strlen(EXEC_HEAPS), udmabuf = strlen(EXEC_UDMABUF_PATH);
	const char *end;

	if (!strncmp(path, EXEC_HEAPS, dir) && !path[dir])
		p.kind = EXEC_AT_DIR;
	else if (!strncmp(path, EXEC_HEAPS "/", dir + 1))
		p = place_in_heaps(x, path + dir + 1);
	else if (!strncmp(path, EXEC_UDMABUF_PATH, udmabuf) &&
		 (!path[udmabuf] || path[udmabuf] == '/'))
		p = (struct exec_place){.kind = path[udmabuf] ? EXEC_BELOW_HEAP : EXEC_AT_HEAP,
					.n = EXEC_UDMABUF_ID};
	else if (!strncmp(path, "/proc/", 6))
		p = place_in_proc(path + 6, self);
	else if (!strcmp(path, EXEC_SW_SYNC))
		p.kind = EXEC_AT_SW_SYNC;
	else if (!strncmp(path, "/dev/fd/", 8) && (end = number(path + 8, &p.n)) && !*end) {
		p.kind = EXEC_AT_LINK;
		p.pid = self;
	}
	return p;
}

/* Where dirfd, or the current folder, is. false: nowhere. */
static bool base_of(struct trap *t, int64_t dirfd, char *buf, size_t size)
{
	ssize_t n = t->x->form->link(t, (int)dirfd, buf, size);

	if (n <= 0)
		return false;
	buf[n] = '\0';
	if (!strcmp(buf, t->x->dir_link))
		snprintf(buf, size, "%s", EXEC_HEAPS);
	return *buf == '/';
}

/* Follows what the last part of the path is, if that is a link, until it leads to us. */
static struct exec_place follow(struct trap *t, char *clean, size_t size, struct exec_place p,
				bool *slash)
{
	char link[PATH_MAX], joined[2 * PATH_MAX + 8];
	bool more;
	ssize_t n;

	for (int i = 0; i < MAX_LINKS && p.kind == EXEC_ELSEWHERE; i++) {
		if (!strncmp(clean, "/proc/", 6))
			break;
		n = readlink(clean, link, sizeof(link) - 1);
		if (n <= 0)
			break;
		link[n] = '\0';
		if (*link == '/')
			snprintf(joined, sizeof(joined), "%s", link);
		else
			snprintf(joined, sizeof(joined), "%s/../%s", clean, link);
		if (!exec_path_clean(joined, clean, size, &more))
			break;
		*slash = *slash || more;
		p = exec_place_of(t->x, clean, t->tid);
	}
	return p;
}

struct exec_place exec_path_find(struct trap *t, int64_t dirfd, uint64_t at, unsigned int how)
{
	char path[PATH_MAX], base[PATH_MAX], joined[2 * PATH_MAX + 8], clean[PATH_MAX] = "";
	struct exec_place p = {.kind = EXEC_ELSEWHERE};
	ssize_t n = exec_mem_text(&t->mem, at, path, sizeof(path));
	bool slash;

	if (n == 0 && (how & EXEC_EMPTY))
		return (struct exec_place){.kind = EXEC_AT_FD, .n = (int)dirfd, .pid = t->tid};
	if (n <= 0)
		return p;
	if (*path == '/' && !(how & EXEC_IN_ROOT)) {
		if (!exec_path_clean(path, clean, sizeof(clean), &slash))
			return p;
	} else {
		if (!base_of(t, dirfd, base, sizeof(base)))
			return p;
		snprintf(joined, sizeof(joined), "%s/%s", base, path);
		if (!exec_path_clean(joined, clean, sizeof(clean), &slash))
			return p;
	}
	p = exec_place_of(t->x, clean, t->tid);
	if (p.kind == EXEC_ELSEWHERE && !(how & EXEC_NOFOLLOW))
		p = follow(t, clean, sizeof(clean), p, &slash);
	if (p.kind == EXEC_ELSEWHERE && !strcmp(clean, "/dev") &&
	    strstr(*path == '/' ? path : joined, "dma_heap/.."))
		p.kind = EXEC_AT_DEV;
	p.slash = slash;
	return p;
}

bool exec_path_beneath(struct trap *t, uint64_t at)
{
	char path[PATH_MAX];
	size_t len;
	int depth = 0;

	if (exec_mem_text(&t->mem, at, path, sizeof(path)) <= 0 || *path == '/')
		return false;
	for (const char *p = path; *p; p += len) {
		len = strcspn(p, "/");
		if (is_part(p, len, ".."))
			depth--;
		else if (len && !is_part(p, len, "."))
			depth++;
		if (depth < 0)
			return false;
		len += p[len] == '/';
	}
	return true;
}
