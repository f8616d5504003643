/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The allocator: a connection to `freehold serve`, and what is wrong with it, in words. */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <freehold/heap.h>
#include <unistd.h>

/* Memory may grow by so much at its end, as GStreamer's own, where the last page has it. */
#define SLACK 7

enum { PROP_0, PROP_SOCKET, PROP_HEAP };

G_DEFINE_FINAL_TYPE(GstFreeholdAllocator, gst_freehold_allocator, GST_TYPE_DMABUF_ALLOCATOR)

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
			mem = gst_freehold_wrap(a, &buf, MIN(total + SLACK, (gsize)buf.size), TRUE);
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
			mem = gst_freehold_wrap(a, &buf, (gsize)buf.size, writable);
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
	gst_freehold_memory_calls(allocator);
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
