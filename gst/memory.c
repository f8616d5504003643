/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A GstMemory: a buffer of the server's, mapped once, synced and counted at each CPU access. */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <freehold/heap.h>
#include <unistd.h>

/* What a GstMemory has beside what GstFdMemory knows; dies with it. */
struct record {
	GstFreeholdAllocator *a; /* the memory has a reference */
	struct fhc_buffer buf;
	void *at; /* NULL: not mapped yet */
	guint64 written;
	gboolean writable;

	/* Of gst_freehold_memory_again(), instead of all that: */
	GstMemory *of;
	GDestroyNotify gone;
	gpointer data;
};

static GQuark record_quark(void)
{
	return g_quark_from_static_string("freehold-record");
}

static struct record *record_of(GstMemory *mem)
{
	struct record *r;

	while (mem->parent)
		mem = mem->parent;
	r = gst_mini_object_get_qdata(GST_MINI_OBJECT_CAST(mem), record_quark());
	return r->of ? record_of(r->of) : r;
}

/* ---- birth and death ---- */

static void end_record(gpointer data)
{
	struct record *r = data;
	GstFreeholdAllocator *a = r->a;

	g_mutex_lock(&a->lock);
	if (r->at)
		(void)fhc_unmap(a->c, r->at);
	(void)fhc_release(a->c, &r->buf);
	a->stats.buffers--;
	g_mutex_unlock(&a->lock);
	g_free(r);
}

GstMemory *gst_freehold_wrap(GstFreeholdAllocator *a, const struct fhc_buffer *buf, gsize size,
			     gboolean writable)
{
	struct record *r = g_new0(struct record, 1);
	GstMemory *mem;

	*r = (struct record){.a = a, .buf = *buf, .writable = writable};
	/* The descriptor goes with the record: closed first, the server finds at once that nobody has the buffer. */
	mem = gst_fd_allocator_alloc(GST_ALLOCATOR_CAST(a), buf->fd, size,
				     GST_FD_MEMORY_FLAG_DONT_CLOSE);
	gst_mini_object_set_qdata(GST_MINI_OBJECT_CAST(mem), record_quark(), r, end_record);
	if (!writable)
		GST_MINI_OBJECT_FLAG_SET(mem, GST_MEMORY_FLAG_READONLY);
	return mem;
}

/* ---- access by the CPU ---- */

struct waiting {
	gboolean done;
	int err;
};

static void waited(void *arg, const struct fhc_reply *reply)
{
	struct waiting *w = arg;

	w->done = TRUE;
	w->err = reply->err;
}

/* Waits for the fences in the way, but lets other threads have the connection meanwhile: who is to signal may need it. */
static int begin_access(GstFreeholdAllocator *a, guint64 id, guint64 flags)
{
	struct fhc_request q = {.op = FHC_SYNC, .id = id, .flags = flags, .fd = -1, .fd2 = -1};
	struct waiting w = {.done = FALSE};
	int err;

	while ((err = fhc_send(a->c, &q, waited, &w)) == -EAGAIN)
		(void)fhc_dispatch(a->c);
	while (!err && !w.done) {
		struct pollfd p = {.fd = fhc_fd(a->c), .events = POLLIN};

		g_mutex_unlock(&a->lock);
		(void)poll(&p, 1, 10); /* another thread may take our reply, so not for ever */
		g_mutex_lock(&a->lock);
		(void)fhc_dispatch(a->c);
	}
	return err ? err : w.err;
}

/* Without a server there are no fences, and the bytes are here all the same: a pipeline goes on while it restarts. */
static gboolean may_go_on(GstFreeholdAllocator *a, int err, const char *what)
{
	if (!err)
		return TRUE;
	if (err == -ECONNRESET || err == -ECONNREFUSED || err == -ENOENT) {
		GST_CAT_WARNING_OBJECT(GST_CAT_DEFAULT, a, "%s without a server: %s", what,
				       g_strerror(-err));
		return TRUE;
	}
	GST_CAT_ERROR_OBJECT(GST_CAT_DEFAULT, a, "%s: %s", what, g_strerror(-err));
	return FALSE;
}

static guint64 sync_flags(GstMapFlags flags)
{
	return (flags & GST_MAP_READ ? DMA_BUF_SYNC_READ : 0) |
	       (flags & GST_MAP_WRITE ? DMA_BUF_SYNC_WRITE : 0);
}

static gpointer map_full(GstMemory *mem, GstMapInfo *info, G_GNUC_UNUSED gsize maxsize)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(mem->allocator);
	struct record *r = record_of(mem);
	gpointer at = NULL;
	int err = 0;

	if (!r->writable && (info->flags & GST_MAP_WRITE))
		return NULL;
	g_mutex_lock(&a->lock);
	if (!r->at)
		err = fhc_map(a->c, &r->buf, r->writable ? PROT_READ | PROT_WRITE : PROT_READ,
			      &r->at);
	if (err)
		GST_CAT_ERROR_OBJECT(GST_CAT_DEFAULT, a, "cannot map: %s", g_strerror(-err));
	else if (may_go_on(a, begin_access(a, r->buf.id, sync_flags(info->flags)), "sync"))
		at = r->at;
	g_mutex_unlock(&a->lock);
	return at;
}

/* What this process has written to the buffer since the last look. */
static void count(GstFreeholdAllocator *a, struct record *r)
{
	uint64_t bytes;

	if (fhc_written(a->c, r->buf.id, &bytes) || bytes < r->written)
		return;
	a->stats.written += bytes - r->written;
	r->written = bytes;
}

static void unmap_full(GstMemory *mem, GstMapInfo *info)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(mem->allocator);
	struct record *r = record_of(mem);

	g_mutex_lock(&a->lock);
	(void)may_go_on(a, fhc_sync(a->c, r->buf.id, DMA_BUF_SYNC_END | sync_flags(info->flags)),
			"sync");
	if ((info->flags & GST_MAP_WRITE) && !a->no_count)
		count(a, r);
	g_mutex_unlock(&a->lock);
}

gpointer gst_freehold_memory_begin(GstMemory *mem, GstMapFlags flags)
{
	GstMapInfo info = {.flags = flags};
	guint8 *at = map_full(mem, &info, mem->maxsize);

	return at ? at + mem->offset : NULL;
}

void gst_freehold_memory_end(GstMemory *mem, GstMapFlags flags)
{
	GstMapInfo info = {.flags = flags};

	unmap_full(mem, &info);
}

guint64 gst_freehold_memory_written(GstMemory *mem)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(mem->allocator);
	struct record *r = record_of(mem);
	guint64 bytes;

	g_mutex_lock(&a->lock);
	count(a, r);
	bytes = r->written;
	g_mutex_unlock(&a->lock);
	return bytes;
}

/* ---- for other programs ---- */

int gst_freehold_memory_export(GstMemory *mem, guint64 *id, guint64 *size, int *fd)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(mem->allocator);
	struct record *r = record_of(mem);
	int err;

	g_mutex_lock(&a->lock);
	err = fhc_export(a->c, r->buf.id, O_RDONLY | O_CLOEXEC, fd);
	if (err == -ECONNRESET)
		err = fhc_export(a->c, r->buf.id, O_RDONLY | O_CLOEXEC, fd);
	g_mutex_unlock(&a->lock);
	*id = r->buf.id;
	*size = r->buf.size;
	return err;
}

int gst_freehold_memory_fence(GstMemory *mem)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(mem->allocator);
	struct record *r = record_of(mem);
	struct pollfd p = {.fd = -1, .events = POLLIN};
	int err;

	g_mutex_lock(&a->lock);
	err = fhc_export_sync_file(a->c, r->buf.id, DMA_BUF_SYNC_READ, &p.fd);
	g_mutex_unlock(&a->lock);
	if (err)
		return -1;
	if (poll(&p, 1, 0) == 0)
		return p.fd;
	close(p.fd);
	return -1;
}

static void end_again(gpointer data)
{
	struct record *r = data;

	gst_memory_unref(r->of);
	r->gone(r->data);
	g_free(r);
}

/* A root of its own, not a share: shares of a share hold on to the root alone. */
GstMemory *gst_freehold_memory_again(GstMemory *mem, GDestroyNotify gone, gpointer data)
{
	struct record *r = g_new0(struct record, 1);
	GstMemory *again = gst_fd_allocator_alloc(mem->allocator, record_of(mem)->buf.fd,
						  mem->maxsize, GST_FD_MEMORY_FLAG_DONT_CLOSE);

	*r = (struct record){.of = gst_memory_ref(mem), .gone = gone, .data = data};
	gst_mini_object_set_qdata(GST_MINI_OBJECT_CAST(again), record_quark(), r, end_again);
	again->offset = mem->offset;
	again->size = mem->size;
	if (GST_MEMORY_IS_READONLY(mem))
		GST_MINI_OBJECT_FLAG_SET(again, GST_MEMORY_FLAG_READONLY);
	return again;
}

/* ---- what GstFdMemory leaves to nobody in particular ---- */

/* Not through gst_memory_map(): a copy of what is mapped for writing is as good as the writer made it so far, as with GStreamer's own memory. */
static GstMemory *copy(GstMemory *mem, gssize offset, gssize size)
{
	GstAllocationParams params = {.align = mem->align};
	GstMapInfo from = {.flags = GST_MAP_READ}, to;
	const guint8 *bytes;
	GstMemory *out;

	if (size == -1)
		size = (gssize)mem->size > offset ? (gssize)mem->size - offset : 0;
	out = gst_allocator_alloc(mem->allocator, (gsize)size, &params);
	bytes = out ? map_full(mem, &from, mem->maxsize) : NULL;
	if (bytes && gst_memory_map(out, &to, GST_MAP_WRITE)) {
		memcpy(to.data, bytes + mem->offset + offset, (gsize)size);
		gst_memory_unmap(out, &to);
	} else if (out) {
		gst_memory_unref(out);
		out = NULL;
	}
	if (bytes)
		unmap_full(mem, &from);
	return out;
}

static gboolean is_span(GstMemory *one, GstMemory *two, gsize *offset)
{
	if (offset)
		*offset = one->offset - one->parent->offset;
	return one->offset + one->size == two->offset;
}

gboolean gst_freehold_is_memory(GstMemory *mem)
{
	return GST_IS_FREEHOLD_ALLOCATOR(mem->allocator);
}

guint64 gst_freehold_memory_id(GstMemory *mem)
{
	return gst_freehold_is_memory(mem) ? record_of(mem)->buf.id : 0;
}

guint64 gst_freehold_memory_size(GstMemory *mem)
{
	return record_of(mem)->buf.size;
}

void gst_freehold_memory_calls(GstAllocator *allocator)
{
	allocator->mem_map_full = map_full;
	allocator->mem_unmap_full = unmap_full;
	allocator->mem_copy = copy;
	allocator->mem_is_span = is_span;
}
