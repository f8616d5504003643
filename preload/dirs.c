/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The heaps' folder, by opendir() and readdir(). The DIR is the libc's, of the empty folder that stands for ours; the entries are had
 * one after another from the supervisor, whose place among them is the folder's position, as it is for the kernel.
 */
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "preload.h"

#define BATCH 2048

/* A folder of ours that is being read. */
struct reading {
	struct reading *next;
	DIR *dir;
	long at, have; /* bytes of the batch that were shown, and are there */
	long position; /* behind what was shown */
	union {
		char bytes[BATCH];
		struct dirent align;
	};
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct reading *readings;

/* Where dir is read, if it is ours. */
static struct reading *reading_of(DIR *dir, bool make)
{
	struct reading *r;

	if (!dir || !descriptor_concerns(dirfd(dir)))
		return NULL;
	pthread_mutex_lock(&lock);
	for (r = readings; r && r->dir != dir; r = r->next)
		;
	if (!r && make) {
		r = calloc(1, sizeof(*r));
		if (r) {
			r->dir = dir;
			r->next = readings;
			readings = r;
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

static void forget(const DIR *dir)
{
	struct reading **at, *r = NULL;

	pthread_mutex_lock(&lock);
	for (at = &readings; *at && (*at)->dir != dir; at = &(*at)->next)
		;
	if (*at) {
		r = *at;
		*at = r->next;
	}
	pthread_mutex_unlock(&lock);
	free(r);
}

/* The next entry; NULL: there is none, or *err. */
static struct dirent *next_entry(struct reading *r, int *err)
{
	struct dirent *d;
	long n;

	*err = 0;
	if (r->at >= r->have) {
		r->at = r->have = 0;
		if (!TRAP(&n, SYS_getdents64, dirfd(r->dir), ADDRESS(r->bytes), BATCH))
			return NULL;
		if (n <= 0) {
			*err = (int)-n;
			return NULL;
		}
		r->have = n;
	}
	d = (struct dirent *)(void *)(r->bytes + r->at);
	r->at += d->d_reclen;
	r->position = d->d_off;
	return d;
}

WRAPS DIR *opendir(const char *path)
{
	long fd;
	DIR *dir;

	if (!open_ours(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK, &fd))
		return NEXT(opendir)(path);
	if (returned(fd) < 0)
		return NULL;
	dir = fdopendir((int)fd);
	if (!dir)
		close((int)fd);
	return dir;
}

WRAPS struct dirent *readdir(DIR *dir)
{
	struct reading *r = reading_of(dir, true);
	struct dirent *d;
	int err;

	if (!r)
		return NEXT(readdir)(dir);
	d = next_entry(r, &err);
	if (err)
		errno = err;
	return d;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
WRAPS int readdir_r(DIR *dir, struct dirent *entry, struct dirent **result)
{
	struct reading *r = reading_of(dir, true);
	struct dirent *d;
	int err;

	if (!r)
		return NEXT(readdir_r)(dir, entry, result);
	d = next_entry(r, &err);
	if (d)
		memcpy(entry, d, d->d_reclen);
	*result = d ? entry : NULL;
	return err;
}
#pragma GCC diagnostic pop

WRAPS void rewinddir(DIR *dir)
{
	struct reading *r = reading_of(dir, false);

	NEXT(rewinddir)(dir);
	if (r)
		r->at = r->have = r->position = 0;
}

WRAPS long telldir(DIR *dir)
{
	struct reading *r = reading_of(dir, false);

	return r ? r->position : NEXT(telldir)(dir);
}

WRAPS void seekdir(DIR *dir, long position)
{
	struct reading *r = reading_of(dir, true);

	NEXT(seekdir)(dir, position);
	if (r) {
		r->at = r->have = 0;
		r->position = position;
	}
}

WRAPS int closedir(DIR *dir)
{
	if (reading_of(dir, false))
		forget(dir);
	return NEXT(closedir)(dir);
}

/* ---- scandir ---- */

typedef int filter_fn(const struct dirent *d);
typedef int compare_fn(const struct dirent **a, const struct dirent **b);

struct list {
	struct dirent **entry;
	size_t n, room;
};

static bool keep(struct list *l, const struct dirent *d)
{
	struct dirent **more;

	if (l->n == l->room) {
		more = reallocarray(l->entry, l->room + 32, sizeof(struct dirent *));
		if (!more)
			return false;
		l->entry = more;
		l->room += 32;
	}
	l->entry[l->n] = malloc(d->d_reclen);
	if (!l->entry[l->n])
		return false;
	memcpy(l->entry[l->n++], d, d->d_reclen);
	return true;
}

static int scan(DIR *dir, struct dirent ***names, filter_fn *filter, compare_fn *compare)
{
	struct list l = {NULL, 0, 0};
	struct dirent *d;
	bool ok = true;

	while (ok && (d = readdir(dir)))
		if (!filter || filter(d))
			ok = keep(&l, d);
	closedir(dir);
	if (!ok) {
		while (l.n)
			free(l.entry[--l.n]);
		free(l.entry);
		errno = ENOMEM;
		return -1;
	}
	if (compare && l.n)
		qsort(l.entry, l.n, sizeof(*l.entry),
		      (int (*)(const void *, const void *))(void (*)(void))compare);
	*names = l.entry;
	return (int)l.n;
}

WRAPS int scandirat(int at, const char *path, struct dirent ***names, filter_fn *filter,
		    compare_fn *compare)
{
	long fd;
	DIR *dir;

	if (!TRAP(&fd, SYS_openat, at, ADDRESS(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
		return NEXT(scandirat)(at, path, names, filter, compare);
	if (returned(fd) < 0)
		return -1;
	dir = fdopendir((int)fd);
	return dir ? scan(dir, names, filter, compare) : -1;
}

WRAPS int scandir(const char *path, struct dirent ***names, filter_fn *filter, compare_fn *compare)
{
	long fd;
	DIR *dir;

	if (!open_ours(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, &fd))
		return NEXT(scandir)(path, names, filter, compare);
	if (returned(fd) < 0)
		return -1;
	dir = fdopendir((int)fd);
	return dir ? scan(dir, names, filter, compare) : -1;
}

/* ---- glob, which takes other functions for folders ---- */

WRAPS int glob(const char *pattern, int flags, int (*fail)(const char *path, int err), glob_t *g)
{
	if (!(flags & GLOB_ALTDIRFUNC) && strstr(pattern, "dma_heap")) {
		g->gl_opendir = (void *(*)(const char *))opendir;
		g->gl_readdir = (struct dirent * (*)(void *)) readdir;
		g->gl_closedir = (void (*)(void *))(void (*)(void))closedir;
		g->gl_stat = stat;
		g->gl_lstat = lstat;
		flags |= GLOB_ALTDIRFUNC;
	}
	return NEXT(glob)(pattern, flags, fail, g);
}

/* struct dirent64 is struct dirent. */
struct dirent64;
typedef int filter64_fn(const struct dirent64 *d);
typedef int compare64_fn(const struct dirent64 **a, const struct dirent64 **b);
SAME(readdir) struct dirent64 *readdir64(DIR *dir);
SAME(readdir_r) int readdir64_r(DIR *dir, struct dirent64 *entry, struct dirent64 **result);
SAME(scandir)
int scandir64(const char *path, struct dirent64 ***names, filter64_fn *filter,
	      compare64_fn *compare);
SAME(scandirat)
int scandirat64(int at, const char *path, struct dirent64 ***names, filter64_fn *filter,
		compare64_fn *compare);
SAME(glob)
int glob64(const char *pattern, int flags, int (*fail)(const char *path, int err), glob64_t *g);
