/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Cached real files: reads them through the machine's page cache and compares every byte with the
 * file.
 *
 * Each thread has a table of open files; now and then one is closed (its pages are freed) and
 * another opened. When the folders hold less than the cache should, files are opened again: each
 * time it is an object, and a cache, of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <freehold/object.h>
#include "actor.h"
#include "pattern.h"

#define FILE_MIN     16384 /* smaller ones would only use up file descriptors */
#define FILE_MAX     4096  /* pages that are used of one */
#define MAX_LISTED   50000 /* files */
#define MAX_OPEN     4096  /* of a thread */
#define READ_RUN     16	   /* pages that are read together */
#define RECYCLE_EACH 256   /* runs */
#define CHURN_EACH   8	   /* the same with churn */
#define FULL_CHECK   64	   /* pages between two looks at how much memory is left */

struct open_file {
	struct actor *a;
	struct hosted_file file;
	struct fh_object *object;
	uint64_t pages;
	struct timespec changed;
};

struct file_table {
	struct open_file slot[MAX_OPEN];
	unsigned int nr;
	unsigned int next; /* in the list, of this thread's */
	unsigned int at_slot;
	uint64_t at_page;
};

struct files_state {
	char **path;
	size_t nr;
	struct file_table *table; /* a thread */
};

/* ---- the list of files ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void add_path(struct files_state *f, const FTSENT *e)
{
	if (e->fts_info != FTS_F || e->fts_statp->st_size < FILE_MIN || f->nr == MAX_LISTED)
		return;
	f->path[f->nr] = strdup(e->fts_path);
	f->nr += f->path[f->nr] != NULL;
}

/* `paths` is cut up. Unreadable corners of a tree are passed by; a folder that is not there is not.
 */
static bool list_files(struct actor *a, struct files_state *f, char *paths, struct why *why)
{
	char *roots[JOB_PATH_MAX / 2 + 1], *save = NULL;
	unsigned int n = 0;
	FTSENT *e;
	FTS *tree;

	for (char *p = strtok_r(paths, ":", &save); p; p = strtok_r(NULL, ":", &save))
		roots[n++] = p;
	roots[n] = NULL;
	tree = n ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name) : NULL;
	while (tree && (e = fts_read(tree))) {
		if (e->fts_level == FTS_ROOTLEVEL &&
		    (e->fts_info == FTS_NS || e->fts_info == FTS_DNR))
			why_set(why, "[%s] paths: %s: %s", a->spec->name, e->fts_path,
				strerror(e->fts_errno));
		add_path(f, e);
	}
	if (tree)
		fts_close(tree);
	if (!f->nr)
		why_set(why, "[%s] paths: no file of 16 KiB or more in %s", a->spec->name,
			a->spec->paths);
	return !why->text[0];
}

static void shuffle(struct files_state *f, uint64_t seed)
{
	uint64_t random = seed | 1;

	for (size_t i = f->nr; i > 1; i--) {
		size_t k = random_below(&random, i);
		char *p = f->path[k];

		f->path[k] = f->path[i - 1];
		f->path[i - 1] = p;
	}
}

static bool files_create(struct actor *a, struct why *why)
{
	struct files_state *f = calloc(1, sizeof(*f));
	char paths[JOB_PATH_MAX];

	a->state = f;
	if (f) {
		f->path = calloc(MAX_LISTED, sizeof(*f->path));
		f->table = calloc(a->spec->threads, sizeof(*f->table));
	}
	if (!f || !f->path || !f->table) {
		why_set(why, "out of memory");
		return false;
	}
	memcpy(paths, a->spec->paths, sizeof(paths));
	if (!list_files(a, f, paths, why))
		return false;
	shuffle(f, a->seed);
	return true;
}

/* ---- one thread's table ---- */

static void file_close(struct open_file *o)
{
	if (o->object) {
		fh_object_destroy(o->object);
		hosted_file_close(&o->file);
	}
	o->object = NULL;
}

static int cached_read(void *priv, uint64_t index, void *page)
{
	struct open_file *o = priv;

	return faults_read(actor_faults(o->a), &hosted_file_ops, &o->file, index, page);
}

static const struct fh_object_ops cached_ops = {.read = cached_read};

/* Opens the next file of the list that can be opened; false: none of the next few can. */
static bool file_open(struct actor_thread *t, struct file_table *table, struct open_file *o)
{
	const struct files_state *f = t->a->state;
	struct stat st;

	for (unsigned int tries = 0; tries < 64; tries++) {
		size_t i = ((size_t)table->next++ * t->a->spec->threads + t->n) % f->nr;

		if (hosted_file_open(&o->file, f->path[i], O_RDONLY))
			continue;
		o->a = t->a;
		o->pages = hosted_file_pages(&o->file);
		o->pages = o->pages < FILE_MAX ? o->pages : FILE_MAX;
		if (!fstat(o->file.fd, &st) &&
		    !fh_object_create(t->a->m, o->pages, &cached_ops, o, &o->object)) {
			o->changed = st.st_mtim;
			return true;
		}
		hosted_file_close(&o->file);
	}
	o->object = NULL;
	return false;
}

static bool file_changed(const struct open_file *o)
{
	struct stat st;

	return fstat(o->file.fd, &st) || (uint64_t)st.st_size != o->file.size ||
	       st.st_mtim.tv_sec != o->changed.tv_sec || st.st_mtim.tv_nsec != o->changed.tv_nsec;
}

/* Through the cache, and beside it. 0, or why there was no page. */
static int read_page(struct actor_thread *t, struct open_file *o, uint64_t page, bool timed)
{
	uint64_t cached[FH_PAGE_SIZE / sizeof(uint64_t)], direct[FH_PAGE_SIZE / sizeof(uint64_t)];
	uint64_t start = run_now(), wrong;
	int err = fh_object_read(o->object, page, 0, cached, sizeof(cached));

	if (timed)
		tally_done(&t->tally, start);
	if (err)
		return err;
	t->tally.allocs++;
	err = hosted_file_ops.read(&o->file, page, direct);
	if (err)
		return err;
	wrong = pattern_compare(cached, direct, sizeof(cached));
	if (wrong && !file_changed(o)) /* else somebody installs packages meanwhile */
		t->tally.corrupt_bytes += wrong;
	t->tally.bytes += FH_PAGE_SIZE;
	return 0;
}

static void files_destroy(struct actor *a)
{
	struct files_state *f = a->state;

	if (!f)
		return;
	for (unsigned int n = 0; f->table && n < a->spec->threads; n++)
		for (unsigned int i = 0; i < f->table[n].nr; i++)
			file_close(&f->table[n].slot[i]);
	for (size_t i = 0; f->path && i < f->nr; i++)
		free(f->path[i]);
	free(f->path);
	free(f->table);
	free(f);
	a->state = NULL;
}

/* Reads a file from end to end, up to the thread's share. False: that is enough. */
static bool fill_file(struct actor_thread *t, struct open_file *o, uint64_t share)
{
	bool fill = t->a->spec->size.unit == SIZE_FILL;

	for (uint64_t page = 0; page < o->pages && t->pages < share; page++, t->pages++) {
		int err;

		if (fill && t->pages % FULL_CHECK == 0 && actor_memory_full(t->a))
			return false;
		err = read_page(t, o, page, false);
		if (err && !fill)
			tally_failed(&t->tally, err);
		if (err || actor_stopping(t->a))
			return false;
	}
	return t->pages < share;
}

static void files_fill(struct actor_thread *t)
{
	struct files_state *f = t->a->state;
	struct file_table *table = &f->table[t->n];
	uint64_t share = (t->a->nr_pages + t->a->spec->threads - 1) / t->a->spec->threads;

	while (table->nr < MAX_OPEN && file_open(t, table, &table->slot[table->nr]))
		if (!fill_file(t, &table->slot[table->nr++], share))
			break;
}

static struct open_file *choose_file(struct actor_thread *t, struct file_table *table)
{
	if (!t->a->spec->sequential) {
		struct open_file *o = &table->slot[random_below(&t->random, table->nr)];

		table->at_page = o->object ? random_below(&t->random, o->pages) : 0;
		return o;
	}
	if (table->at_page >= table->slot[table->at_slot].pages) {
		table->at_slot = (table->at_slot + 1) % table->nr;
		table->at_page = 0;
	}
	return &table->slot[table->at_slot];
}

static void files_work(struct actor_thread *t)
{
	struct files_state *f = t->a->state;
	struct file_table *table = &f->table[t->n];

	while (table->nr && !actor_stopping(t->a)) {
		struct open_file *o = choose_file(t, table);
		unsigned int each = t->a->spec->churn ? CHURN_EACH : RECYCLE_EACH;

		for (int i = 0; i < READ_RUN && o->object && table->at_page < o->pages; i++) {
			int err;

			if (!actor_pace(t))
				return;
			err = read_page(t, o, table->at_page++, true);
			if (err)
				tally_failed(&t->tally, err);
		}
		if (o->object && random_below(&t->random, each) && !file_changed(o))
			continue;
		file_close(o);
		if (!file_open(t, table, o) && !actor_sleep(t->a, run_now() + 10000000))
			return;
	}
}

const struct actor_ops actor_files_ops = {
	.create = files_create,
	.destroy = files_destroy,
	.fill = files_fill,
	.work = files_work,
};
