/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A hash of inodes. Inode numbers of memfds and pipes are not used twice, so an entry that nobody needs does no harm; buffers that
 * the server has no more are swept out when there are many. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../client/fhc_in.h"
#include "../preload/proto.h"
#include "exec.h"
#include "exec_udmabuf.h"

#define CHAINS	    64
#define FIRST_SWEEP 1024

static size_t hash(const struct exec_files *f, dev_t dev, ino_t ino)
{
	uint64_t h = ((uint64_t)ino ^ ((uint64_t)dev << 40)) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> 32) & (f->nr_chains - 1);
}

/* More chains, if there is memory for them. */
static void grow(struct exec_files *f)
{
	struct exec_files more = *f;
	struct exec_file *e, *next;

	more.nr_chains = f->nr_chains ? 2 * f->nr_chains : CHAINS;
	more.chain = calloc(more.nr_chains, sizeof(struct exec_file *));
	if (!more.chain)
		return;
	for (size_t i = 0; i < f->nr_chains; i++)
		for (e = f->chain[i]; e; e = next) {
			size_t at = hash(&more, e->dev, e->ino);

			next = e->next;
			e->next = more.chain[at];
			more.chain[at] = e;
		}
	free(f->chain);
	*f = more;
}

/* Of the buffers those go that the server does not know any more. */
static void sweep(struct exec *x)
{
	struct exec_files *f = &x->files;
	struct exec_file *e, *next;

	for (size_t i = 0; i < f->nr_chains; i++)
		for (e = f->chain[i]; e; e = next) {
			next = e->next;
			if (e->kind == EXEC_BUFFER && !e->pages && exec_procs_forgotten(x, e))
				exec_files_remove(x, e);
		}
	f->sweep_at = 2 * f->nr_buffers > FIRST_SWEEP ? 2 * f->nr_buffers : FIRST_SWEEP;
}

struct exec_file *exec_files_find(const struct exec *x, dev_t dev, ino_t ino)
{
	const struct exec_files *f = &x->files;
	struct exec_file *e = f->nr_chains ? f->chain[hash(f, dev, ino)] : NULL;

	while (e && (e->dev != dev || e->ino != ino))
		e = e->next;
	return e;
}

struct exec_file *exec_files_add(struct exec *x, int fd, enum exec_kind kind)
{
	struct exec_files *f = &x->files;
	struct exec_file *e;
	struct stat st;
	size_t at;

	if (fstat(fd, &st))
		return NULL;
	if (!f->sweep_at)
		f->sweep_at = FIRST_SWEEP;
	if (kind == EXEC_BUFFER && f->nr_buffers >= f->sweep_at)
		sweep(x);
	if (f->nr >= f->nr_chains)
		grow(f);
	e = exec_files_find(x, st.st_dev, st.st_ino);
	if (e)
		return e;
	e = f->nr_chains ? calloc(1, sizeof(*e)) : NULL;
	if (!e)
		return NULL;
	e->dev = st.st_dev;
	e->ino = st.st_ino;
	e->kind = kind;
	at = hash(f, e->dev, e->ino);
	e->next = f->chain[at];
	f->chain[at] = e;
	f->nr++;
	if (x->shared)
		pl_mark(x->shared, e->dev, e->ino);
	f->nr_buffers += kind == EXEC_BUFFER;
	return e;
}

void exec_files_remove(struct exec *x, struct exec_file *file)
{
	struct exec_files *f = &x->files;
	struct exec_file **at = &f->chain[hash(f, file->dev, file->ino)];

	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	f->nr--;
	f->nr_buffers -= file->kind == EXEC_BUFFER;
	exec_udmabuf_end(x, file->pages);
	free(file->points);
	free(file);
}

static unsigned int heap_by_name(const struct exec *x, const char *name)
{
	unsigned int i = 0;

	while (i < x->nr_heaps && strcmp(x->heap[i].name, name))
		i++;
	return i < x->nr_heaps ? i : EXEC_MAX_HEAP;
}

/* A memfd that is not known here may be a buffer of the same server that another of its clients sent. */
static struct exec_file *foreign(struct trap *t, const struct stat *st, int fd)
{
	char heap[FHC_NAME_MAX];
	struct fhc_buffer buf;
	struct fhc_info info;
	struct exec_file *e;
	struct exec_proc *proc;
	int own;

	if (!t->x->joined || st->st_dev != t->x->memfd_dev)
		return NULL;
	proc = exec_proc_of(t);
	own = proc ? exec_proc_getfd(proc, fd) : -1;
	if (own < 0)
		return NULL;
	e = fhc_import_of(proc->c, own, &buf, heap) ? NULL : exec_files_add(t->x, own, EXEC_BUFFER);
	if (e) {
		e->id = e->there = buf.id;
		e->size = buf.size;
		e->udmabuf = !fhc_get_info(proc->c, buf.id, &info) &&
			     !strcmp(info.exp_name, EXEC_UDMABUF_NAME);
		e->heap = heap_by_name(t->x, heap);
		exec_proc_hold(proc, e->id);
		t->x->given = true;
	}
	close(own);
	return e;
}

struct exec_file *exec_file_in(struct trap *t, pid_t pid, int64_t fd)
{
	struct exec_file *e;
	struct stat st;
	char path[64];

	if ((!t->x->given && !t->x->joined) || fd < 0 || fd > INT_MAX)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, (int)fd);
	if (pid == t->tid ? t->x->form->stat(t, (int)fd, &st) : stat(path, &st))
		return NULL;
	e = exec_files_find(t->x, st.st_dev, st.st_ino);
	if (!e && pid == t->tid)
		e = foreign(t, &st, (int)fd);
	return e;
}

struct exec_file *exec_file_of(struct trap *t, int64_t fd)
{
	return exec_file_in(t, t->tid, fd);
}
