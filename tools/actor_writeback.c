/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A tenant that writes files: dirties pages of a real file in the cache, writes them back (through
 * a server that may be slow, as FUSE or a network file system is), and reads the file itself to
 * compare.
 *
 * The file lives in a folder of its own that is removed as soon as the file is open: nothing stays
 * behind, however the process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <freehold/object.h>
#include "actor.h"
#include "pattern.h"

struct writeback_state {
	struct actor *a;
	struct hosted_file file;
	struct fh_object *object;
	struct fh_object_ops ops;  /* the file's, with the server's delay */
	uint32_t *generation;	   /* a page */
	_Atomic(uint32_t) *writer; /* a page: the thread whose writeback it is now, plus 1 */
	_Atomic(bool) slow;
	/* What storing a page takes meanwhile; NULL: nothing. Each thread has a part. */
	struct fh_object *needs;
	uint64_t needs_pages; /* of each thread */
};

/* The server's own memory, taken while the page it stores waits, and given back. */
static int take_needs(struct writeback_state *w, struct actor_thread *t)
{
	uint64_t first = t->n * w->needs_pages;
	uint64_t word = 1;
	int err = 0;

	for (uint64_t i = first; !err && i < first + w->needs_pages; i++)
		err = fh_object_write(w->needs, i, 0, &word, sizeof(word));
	(void)fh_object_punch(w->needs, first, w->needs_pages);
	return err;
}

static int slow_write(void *priv, uint64_t index, const void *page)
{
	struct writeback_state *w = priv;
	uint32_t writer = atomic_load(&w->writer[index]);
	struct actor_thread *t = writer ? &w->a->thread[writer - 1] : NULL;
	uint64_t ns = w->a->spec->delay_ns;
	pfn_t pfn;
	int err = 0;

	if (t && !fh_object_where(w->object, index, &pfn))
		actor_hold(t, 0, pfn);
	if (atomic_load_explicit(&w->slow, memory_order_relaxed) && ns)
		actor_delay(w->a, run_now() + ns);
	if (t && w->needs)
		err = take_needs(w, t);
	if (t)
		actor_unhold(t, 0);
	if (err)
		return err;
	return faults_write(actor_faults(w->a), &hosted_file_ops, &w->file, index, page);
}

static int plain_read(void *priv, uint64_t index, void *page)
{
	struct writeback_state *w = priv;

	return faults_read(actor_faults(w->a), &hosted_file_ops, &w->file, index, page);
}

/* A file of its own, sized but empty, that nobody else can reach by name. */
static int make_file(const struct job_actor *spec, uint64_t size, struct hosted_file *f, char *path,
		     size_t path_size)
{
	const char *tmp = getenv("TMPDIR");
	const char *dir = spec->paths[0] ? spec->paths : tmp && tmp[0] ? tmp : "/tmp";
	char folder[JOB_PATH_MAX];
	int err;

	f->fd = -1;
	snprintf(path, path_size, "%s", dir);
	if (snprintf(folder, sizeof(folder), "%s/freehold-XXXXXX", dir) >= (int)sizeof(folder))
		return -FH_ENAMETOOLONG;
	if (!mkdtemp(folder))
		return -errno;
	snprintf(path, path_size, "%s/file", folder);
	err = hosted_file_open(f, path, O_RDWR | O_CREAT | O_EXCL);
	if (!err) {
		unlink(path);
		/* Now, not when a page cannot be written back. */
		err = -posix_fallocate(f->fd, 0, (off_t)size);
		f->size = size;
	}
	rmdir(folder);
	return err;
}

static bool writeback_create(struct actor *a, struct why *why)
{
	struct writeback_state *w = calloc(1, sizeof(*w));
	char path[JOB_PATH_MAX + 8];
	int err;

	a->state = w;
	if (!w) {
		why_set(why, "out of memory");
		return false;
	}
	w->a = a;
	w->ops = (struct fh_object_ops){.read = plain_read, .write = slow_write};
	err = make_file(a->spec, a->nr_pages << FH_PAGE_SHIFT, &w->file, path, sizeof(path));
	if (err) {
		why_set(why, "[%s] a file in %s: %s", a->spec->name, path, strerror(-err));
		return false;
	}
	w->generation = calloc(a->nr_pages, sizeof(*w->generation));
	w->writer = calloc(a->nr_pages, sizeof(*w->writer));
	err = w->generation && w->writer
		      ? fh_object_create(a->m, a->nr_pages, &w->ops, w, &w->object)
		      : -FH_ENOMEM;
	w->needs_pages = (a->spec->needs + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;
	if (!err && w->needs_pages)
		err = fh_object_create(a->m, w->needs_pages * a->spec->threads, NULL, NULL,
				       &w->needs);
	if (err)
		why_set(why, "[%s] a file of %llu pages: %s", a->spec->name,
			(unsigned long long)a->nr_pages, errno_name(-err));
	return !err;
}

static void writeback_destroy(struct actor *a)
{
	struct writeback_state *w = a->state;

	if (!w)
		return;
	if (w->object)
		fh_object_destroy(w->object);
	if (w->needs)
		fh_object_destroy(w->needs);
	if (w->file.fd >= 0)
		hosted_file_close(&w->file);
	free(w->generation);
	free(w->writer);
	free(w);
	a->state = NULL;
}

static uint64_t seed_of(const struct writeback_state *w, uint64_t page)
{
	return pattern_seed(w->a->seed, page, w->generation[page]);
}

/* What the cache shows of the page, against its generation. */
static void verify_cache(struct writeback_state *w, struct actor_thread *t, uint64_t page)
{
	uint64_t buf[FH_PAGE_SIZE / sizeof(uint64_t)];
	int err = fh_object_read(w->object, page, 0, buf, sizeof(buf));

	if (err)
		tally_failed(&t->tally, err);
	else if (w->generation[page])
		t->tally.corrupt_bytes += pattern_check(buf, sizeof(buf), seed_of(w, page));
	else
		t->tally.corrupt_bytes += pattern_check_zero(buf, sizeof(buf));
}

/* The file itself, behind the machine's back. */
static void verify_file(struct writeback_state *w, struct actor_thread *t, uint64_t page)
{
	uint64_t buf[FH_PAGE_SIZE / sizeof(uint64_t)];
	int err = hosted_file_ops.read(&w->file, page, buf);

	if (err) {
		tally_failed(&t->tally, err);
		return;
	}
	t->tally.corrupt_bytes += pattern_check(buf, sizeof(buf), seed_of(w, page));
	t->tally.bytes += FH_PAGE_SIZE;
}

/* A new generation into the cache. */
static int dirty_page(struct writeback_state *w, uint64_t page)
{
	uint64_t buf[FH_PAGE_SIZE / sizeof(uint64_t)];
	uint32_t was = w->generation[page];
	int err;

	w->generation[page] = (was & 0x7fffffff) + 1;
	pattern_fill(buf, sizeof(buf), seed_of(w, page));
	err = fh_object_write(w->object, page, 0, buf, sizeof(buf));
	if (err)
		w->generation[page] = was;
	return err;
}

/* From the cache into the file. */
static int clean_page(struct writeback_state *w, struct actor_thread *t, uint64_t page)
{
	int err;

	atomic_store(&w->writer[page], t->n + 1);
	err = fh_object_writeback(w->object, page);
	atomic_store(&w->writer[page], 0);
	if (err)
		tally_failed(&t->tally, err);
	return err;
}

static void writeback_fill(struct actor_thread *t)
{
	struct writeback_state *w = t->a->state;
	uint64_t page;

	for (; actor_page(t, t->pages, &page) && !actor_stopping(t->a); t->pages++) {
		int err = dirty_page(w, page);

		if (err)
			tally_failed(&t->tally, err);
		if (err || clean_page(w, t, page))
			return;
	}
}

/* True: the cache and the file have the same. */
static bool visit_page(struct writeback_state *w, struct actor_thread *t, uint64_t page)
{
	uint64_t start;
	int err;

	verify_cache(w, t, page);
	err = dirty_page(w, page);
	if (err) {
		tally_failed(&t->tally, err);
		return false;
	}
	start = run_now();
	err = clean_page(w, t, page);
	tally_done(&t->tally, start);
	if (err)
		return false;
	t->tally.allocs++;
	verify_file(w, t, page);
	return true;
}

static void writeback_work(struct actor_thread *t)
{
	struct writeback_state *w = t->a->state;
	uint64_t punch = (uint64_t)(t->a->spec->punch * 4294967296.0);
	uint64_t page;

	atomic_store(&w->slow, true);
	while (t->pages && actor_pace(t)) {
		if (!actor_page(t, random_below(&t->random, t->pages), &page))
			continue;
		/* Given back, it is read from the file again, into another frame. */
		if (visit_page(w, t, page) && random_below(&t->random, UINT64_C(1) << 32) < punch)
			(void)fh_object_punch(w->object, page, 1);
	}
}

const struct actor_ops actor_writeback_ops = {
	.create = writeback_create,
	.destroy = writeback_destroy,
	.fill = writeback_fill,
	.work = writeback_work,
};
