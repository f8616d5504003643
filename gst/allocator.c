/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The allocator: memory from a heap of `freehold serve`, mapped once, synced and counted at each CPU access. */
#include "allocator.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <freehold/client.h>
#include <freehold/heap.h>
#include <unistd.h>

struct _GstFreeholdAllocator {
	GstDmaBufAllocator parent;

	char *socket, *heap, *label; /* as asked for */
	char *found;		     /* the heap in use; set once */

	/* Below: all of the connection, which is one thread's at a time. */
	GMutex lock;
	struct fhc *c;
	GError *error;
	struct freehold_stats stats;
	gboolean no_count;
};

/* Memory may grow by so much at its end, as GStreamer's own, where the last page has it. */
#define SLACK 7

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

enum { PROP_0, PROP_SOCKET, PROP_HEAP };

G_DEFINE_FINAL_TYPE(GstFreeholdAllocator, gst_freehold_allocator, GST_TYPE_DMABUF_ALLOCATOR)

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

/* ---- what to say ---- */

static char *socket_shown(GstFreeholdAllocator *a)
{
	const char *path = g_getenv("FREEHOLD_SOCKET"), *dir = g_getenv("XDG_RUNTIME_DIR");

	if (a->socket)
		return g_strdup(a->socket);
	if (path && *path)
		return g_strdup(path);
	return g_strdup_printf("%s/freehold.sock", dir && *dir ? dir : "/run");
}

static void say_connect(GstFreeholdAllocator *a, int err, GError **error)
{
	g_autofree char *path = socket_shown(a);
	GstResourceError code = GST_RESOURCE_ERROR_OPEN_READ_WRITE;
	const char *what, *then;

	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
		code = GST_RESOURCE_ERROR_NOT_FOUND;
		what = "no server at";
		then = "start `freehold serve`, or say where it is with socket=PATH or "
		       "FREEHOLD_SOCKET";
		break;
	case EACCES:
		code = GST_RESOURCE_ERROR_NOT_AUTHORIZED;
		what = "not for this user:";
		then = "see `freehold serve --group` and `--mode`";
		break;
	case EPROTO:
		what = "no freehold of this version at";
		then = "server and plugin have to be of one version";
		break;
	case EUSERS:
		code = GST_RESOURCE_ERROR_BUSY;
		what = "all the clients it takes are at";
		then = "see `freehold serve --max-clients`";
		break;
	default:
		what = "cannot connect to";
		then = g_strerror(-err);
	}
	g_set_error(error, GST_RESOURCE_ERROR, (int)code, "%s %s: %s", what, path, then);
}

static void say_no_heap(GstFreeholdAllocator *a, const char *heap, GError **error)
{
	g_autofree char *path = socket_shown(a);
	g_autoptr(GString) all = g_string_new(NULL);
	struct fhc_heap h;

	for (unsigned int n = 0; fhc_heap_nth(a->c, n, &h) == 0; n++)
		g_string_append_printf(all, " %s", h.name);
	g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
		    "no heap %s at %s: expected heap= one of%s", heap, path, all->str);
}

static void say_alloc(GstFreeholdAllocator *a, int err, gsize size, GError **error)
{
	g_autofree char *path = socket_shown(a);
	const char *why;

	switch (-err) {
	case ENOENT:
		say_no_heap(a, a->found, error);
		return;
	case ECONNRESET:
	case ECONNREFUSED:
		why = "the server is gone: start `freehold serve` again";
		break;
	case ENOMEM:
		why = "it has no room: use fewer buffers (max-buffers), another heap, or a larger "
		      "area "
		      "(`freehold serve --bootargs cma=SIZE`)";
		break;
	case EDQUOT:
		why = "it is over a limit of the server's (--limit-client, --limit-heap)";
		break;
	case EMFILE:
		why = "too many buffers or descriptors (`freehold serve --max-buffers`, ulimit -n)";
		break;
	case ESHUTDOWN:
		why = "the server is on its way out";
		break;
	default:
		why = g_strerror(-err);
	}
	g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
		    "%" G_GSIZE_FORMAT " bytes of heap %s at %s: %s", size, a->found, path, why);
}

/* ---- the connection; a->lock is held ---- */

static gboolean choose_heap(GstFreeholdAllocator *a, GError **error)
{
	struct fhc_heap h;
	char first[FHC_NAME_MAX] = "";

	for (unsigned int n = 0; fhc_heap_nth(a->c, n, &h) == 0; n++) {
		if (a->heap ? !strcmp(h.name, a->heap) : h.kind == DMA_HEAP_CMA) {
			a->found = g_strdup(h.name);
			return TRUE;
		}
		if (n == 0)
			memcpy(first, h.name, sizeof(first));
	}
	if (a->heap || !*first) {
		say_no_heap(a, a->heap ? a->heap : "at all", error);
		return FALSE;
	}
	a->found = g_strdup(first);
	return TRUE;
}

static gboolean open_locked(GstFreeholdAllocator *a, GError **error)
{
	int err;

	if (!a->c) {
		err = fhc_connect(a->socket, g_get_prgname() ? g_get_prgname() : "gstreamer",
				  &a->c);
		if (err) {
			say_connect(a, err, error);
			return FALSE;
		}
		fhc_keep(a->c, true);
		a->stats.by_page = !a->no_count && fhc_count_writes(a->c, true) == 0;
	}
	return a->found || choose_heap(a, error);
}

gboolean gst_freehold_allocator_open(GstFreeholdAllocator *a, GError **error)
{
	gboolean done;

	g_mutex_lock(&a->lock);
	done = open_locked(a, error);
	g_mutex_unlock(&a->lock);
	return done;
}

/* ---- memory ---- */

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

/* size: what of it the memory is. Takes buf over. */
static GstMemory *wrap(GstFreeholdAllocator *a, const struct fhc_buffer *buf, gsize size,
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

static void keep_error(GstFreeholdAllocator *a, const GError *e)
{
	g_clear_error(&a->error);
	if (e)
		a->error = g_error_copy(e);
}

/* The first call after a restart says that the server was gone, the next one connects. */
static int alloc_locked(GstFreeholdAllocator *a, gsize size, struct fhc_buffer *buf)
{
	int err = fhc_alloc(a->c, a->found, size, O_RDWR | O_CLOEXEC, buf);

	if (err == -ECONNRESET)
		err = fhc_alloc(a->c, a->found, size, O_RDWR | O_CLOEXEC, buf);
	if (err)
		return err;
	if (a->label)
		(void)fhc_set_name(a->c, buf->id, a->label);
	a->stats.allocations++;
	a->stats.buffers++;
	return 0;
}

static gboolean total_size(gsize size, const GstAllocationParams *p, gsize *total)
{
	return !__builtin_add_overflow(size, p->prefix, total) &&
	       !__builtin_add_overflow(*total, p->padding, total) && *total <= G_MAXSSIZE;
}

GstMemory *gst_freehold_allocator_take(GstFreeholdAllocator *a, gsize size,
				       const GstAllocationParams *params, GError **error)
{
	static const GstAllocationParams none;
	const GstAllocationParams *p = params ? params : &none;
	GError *e = NULL;
	struct fhc_buffer buf;
	GstMemory *mem = NULL;
	gsize total;
	int err;

	g_mutex_lock(&a->lock);
	if (!total_size(size, p, &total) || p->align >= (gsize)sysconf(_SC_PAGESIZE)) {
		g_set_error(&e, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
			    "%" G_GSIZE_FORMAT " bytes aligned to %" G_GSIZE_FORMAT
			    ": expected less memory than there can be, aligned to at most a page",
			    size, p->align + 1);
	} else if (open_locked(a, &e)) {
		err = alloc_locked(a, total ? total : 1, &buf);
		if (err)
			say_alloc(a, err, total, &e);
		else
			mem = wrap(a, &buf, MIN(total + SLACK, (gsize)buf.size), TRUE);
	}
	keep_error(a, e);
	g_mutex_unlock(&a->lock);
	if (e)
		g_propagate_error(error, e);
	if (mem) {
		mem->align = p->align;
		mem->offset = p->prefix;
		mem->size = size;
		/* A new buffer is zero, prefix and padding too. */
		GST_MINI_OBJECT_FLAG_SET(mem, p->flags);
	}
	return mem;
}

GstMemory *gst_freehold_allocator_import(GstFreeholdAllocator *a, int fd, gboolean writable,
					 GError **error)
{
	struct fhc_buffer buf;
	GstMemory *mem = NULL;
	int err;

	g_mutex_lock(&a->lock);
	if (open_locked(a, error)) {
		err = fhc_import(a->c, fd, &buf);
		if (err == -ECONNRESET)
			err = fhc_import(a->c, fd, &buf);
		if (!err) {
			mem = wrap(a, &buf, (gsize)buf.size, writable);
			a->stats.buffers++;
		} else {
			g_autofree char *path = socket_shown(a);

			g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
				    "a descriptor from another process is no buffer of the server "
				    "at %s: %s",
				    path, g_strerror(-err));
		}
	}
	g_mutex_unlock(&a->lock);
	return mem;
}

static GstMemory *take(GstAllocator *allocator, gsize size, GstAllocationParams *params)
{
	g_autoptr(GError) e = NULL;
	GstMemory *mem =
		gst_freehold_allocator_take(GST_FREEHOLD_ALLOCATOR(allocator), size, params, &e);

	if (e)
		GST_CAT_ERROR_OBJECT(GST_CAT_DEFAULT, allocator, "%s", e->message);
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

/* ---- the object ---- */

GError *gst_freehold_allocator_last_error(GstFreeholdAllocator *a)
{
	GError *e;

	g_mutex_lock(&a->lock);
	e = a->error ? g_error_copy(a->error) : NULL;
	g_mutex_unlock(&a->lock);
	return e;
}

void gst_freehold_allocator_no_count(GstFreeholdAllocator *a)
{
	a->no_count = TRUE;
}

const char *gst_freehold_allocator_heap(GstFreeholdAllocator *a)
{
	const char *heap;

	g_mutex_lock(&a->lock);
	heap = a->found;
	g_mutex_unlock(&a->lock);
	return heap;
}

void gst_freehold_allocator_stats(GstFreeholdAllocator *a, struct freehold_stats *stats)
{
	g_mutex_lock(&a->lock);
	*stats = a->stats;
	g_mutex_unlock(&a->lock);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(object);

	if (id == PROP_SOCKET)
		a->socket = g_value_dup_string(value);
	else if (id == PROP_HEAP)
		a->heap = g_value_dup_string(value);
	else
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(object);
	const char *heap = gst_freehold_allocator_heap(a);

	if (id == PROP_SOCKET)
		g_value_set_string(value, a->socket);
	else if (id == PROP_HEAP)
		g_value_set_string(value, heap ? heap : a->heap);
	else
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void finalize(GObject *object)
{
	GstFreeholdAllocator *a = GST_FREEHOLD_ALLOCATOR(object);

	fhc_close(a->c);
	g_clear_error(&a->error);
	g_free(a->socket);
	g_free(a->heap);
	g_free(a->found);
	g_free(a->label);
	g_mutex_clear(&a->lock);
	G_OBJECT_CLASS(gst_freehold_allocator_parent_class)->finalize(object);
}

static void gst_freehold_allocator_class_init(GstFreeholdAllocatorClass *class)
{
	const GParamFlags flags =
		G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;
	GObjectClass *object = G_OBJECT_CLASS(class);

	object->set_property = set_property;
	object->get_property = get_property;
	object->finalize = finalize;
	GST_ALLOCATOR_CLASS(class)->alloc = take;
	g_object_class_install_property(object, PROP_SOCKET,
					g_param_spec_string("socket", "Socket",
							    "Where `freehold serve` listens", NULL,
							    flags));
	g_object_class_install_property(object, PROP_HEAP,
					g_param_spec_string("heap", "Heap",
							    "The heap that buffers come from", NULL,
							    flags));
}

static void gst_freehold_allocator_init(GstFreeholdAllocator *a)
{
	GstAllocator *allocator = GST_ALLOCATOR_CAST(a);

	g_mutex_init(&a->lock);
	allocator->mem_map_full = map_full;
	allocator->mem_unmap_full = unmap_full;
	allocator->mem_copy = copy;
	allocator->mem_is_span = is_span;
	/* Unlike others of this family it makes memory from a size alone. */
	GST_OBJECT_FLAGS(a) &= ~(guint32)GST_ALLOCATOR_FLAG_CUSTOM_ALLOC;
}

GstFreeholdAllocator *gst_freehold_allocator_new(const char *socket, const char *heap,
						 const char *label)
{
	GstFreeholdAllocator *a =
		g_object_new(GST_TYPE_FREEHOLD_ALLOCATOR, "socket", socket, "heap", heap, NULL);

	gst_object_ref_sink(a);
	if (label)
		a->label = g_strndup(label, 31);
	return a;
}
