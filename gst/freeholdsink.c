/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * freeholdsink: raw video to other programs, by descriptor, as freehold/frames.h has it. A thread takes consumers and their releases; a buffer
 * goes back to upstream's pool when nobody reads it any more.
 */
#include "copy.h"
#include "element.h"
#include "pool.h"

#include <gst/base/gstbasesink.h>
#include <gst/video/video.h>
#include <freehold/frames.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GST_CAT_DEFAULT gst_freehold_debug

struct slot {
	guint64 id;		  /* of the buffer that consumers were shown; 0: none */
	struct fhc_format format; /* as they were shown it */
	GstBuffer *buf;		  /* while consumers may have it */
};

typedef struct {
	GstBaseSink parent;

	char *socket, *heap, *path;
	guint slots, consumers;
	gboolean wait;

	GstFreeholdAllocator *a;
	GstBufferPool *copies;
	GstVideoInfo info;

	GMutex lock; /* of the ring: all below */
	GCond changed;
	struct fhc_out *out;
	struct slot slot[FHC_SLOTS];
	GThread *thread;
	int wake;
	gboolean quit, unlocked;
	guint64 seq, dropped, copied, copied_bytes;
} GstFreeholdSink;
typedef GstBaseSinkClass GstFreeholdSinkClass;

enum {
	PROP_0,
	PROP_PATH,
	PROP_SOCKET,
	PROP_HEAP,
	PROP_SLOTS,
	PROP_WAIT,
	PROP_CONSUMERS,
	PROP_STATS,
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
	"sink", GST_PAD_SINK, GST_PAD_ALWAYS,
	GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(FREEHOLD_FORMATS) ";" GST_VIDEO_CAPS_MAKE_WITH_FEATURES(
		"memory:DMABuf", FREEHOLD_FORMATS)));

G_DEFINE_TYPE(GstFreeholdSink, gst_freehold_sink, GST_TYPE_BASE_SINK)

#define SINK(object)                                                                               \
	G_TYPE_CHECK_INSTANCE_CAST(object, gst_freehold_sink_get_type(), GstFreeholdSink)

/* ---- the thread ---- */

/* Buffers that nobody reads any more go back; s->lock is held, and given up for each. */
static void take_back(GstFreeholdSink *s)
{
	for (guint n = 0; n < s->slots; n++) {
		GstBuffer *buf;

		if (!s->slot[n].buf || !fhc_out_is_free(s->out, n))
			continue;
		buf = g_steal_pointer(&s->slot[n].buf);
		g_mutex_unlock(&s->lock);
		gst_buffer_unref(buf);
		g_mutex_lock(&s->lock);
	}
	g_cond_broadcast(&s->changed);
}

static gpointer serve(gpointer data)
{
	GstFreeholdSink *s = data;
	struct pollfd p[2] = {{.fd = s->wake, .events = POLLIN},
			      {.fd = fhc_out_fd(s->out), .events = POLLIN}};
	int err;

	g_mutex_lock(&s->lock);
	while (!s->quit) {
		g_mutex_unlock(&s->lock);
		(void)poll(p, 2, -1);
		g_mutex_lock(&s->lock);
		err = fhc_out_dispatch(s->out);
		take_back(s);
		if (err >= 0)
			continue;
		/* Somebody cannot be let in for want of descriptors: he waits, and so do we, or this would be a busy loop. */
		g_mutex_unlock(&s->lock);
		(void)poll(p, 1, 10);
		g_mutex_lock(&s->lock);
	}
	g_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- life ---- */

static void close_ring(GstFreeholdSink *s)
{
	if (s->thread) {
		g_mutex_lock(&s->lock);
		s->quit = TRUE;
		(void)!write(s->wake, &(uint64_t){1}, sizeof(uint64_t));
		g_mutex_unlock(&s->lock);
		g_thread_join(s->thread);
	}
	s->thread = NULL;
	g_mutex_lock(&s->lock); /* somebody may be at `stats` */
	fhc_out_close(s->out);
	s->out = NULL;
	g_mutex_unlock(&s->lock);
	if (s->wake >= 0)
		close(s->wake);
	s->wake = -1;
	for (guint n = 0; n < FHC_SLOTS; n++) {
		gst_clear_buffer(&s->slot[n].buf);
		s->slot[n].id = 0;
	}
}

static GError *say_listen(const char *path, int err)
{
	if (err == -EINVAL)
		return g_error_new(
			GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
			"path: expected where consumers are to come, as path=/run/camera");
	if (err == -EADDRINUSE)
		return g_error_new(
			GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
			"path=%s: another producer answers there: stop it, or take another path",
			path);
	return g_error_new(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
			   "path=%s: cannot listen there: %s", path, g_strerror(-err));
}

static gboolean open_ring(GstFreeholdSink *s)
{
	struct fhc_out *out = NULL;
	int err = s->path ? fhc_out_create(&out) : -EINVAL;

	if (!err)
		err = fhc_out_listen(out, s->path);
	if (!err) {
		s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		err = s->wake < 0 ? -errno : 0;
	}
	if (err) {
		fhc_out_close(out);
		gst_freehold_post(GST_ELEMENT_CAST(s), say_listen(s->path, err));
		return FALSE;
	}
	g_mutex_lock(&s->lock);
	s->out = out;
	s->quit = s->unlocked = FALSE;
	s->seq = s->dropped = s->copied = s->copied_bytes = 0;
	g_mutex_unlock(&s->lock);
	s->thread = g_thread_new("freeholdsink", serve, s);
	return TRUE;
}

static gboolean stop(GstBaseSink *base)
{
	GstFreeholdSink *s = SINK(base);

	close_ring(s);
	if (s->copies)
		gst_buffer_pool_set_active(s->copies, FALSE);
	g_clear_object(&s->copies);
	g_clear_object(&s->a);
	return TRUE;
}

static gboolean start(GstBaseSink *base)
{
	GstFreeholdSink *s = SINK(base);
	g_autofree char *name = gst_object_get_name(GST_OBJECT_CAST(s));
	GError *e = NULL;

	s->a = gst_freehold_allocator_new(s->socket, s->heap, name);
	if (!gst_freehold_allocator_open(s->a, &e))
		gst_freehold_post(GST_ELEMENT_CAST(s), e);
	else if (open_ring(s))
		return TRUE;
	stop(base);
	return FALSE;
}

static gboolean set_caps(GstBaseSink *base, GstCaps *caps)
{
	GstFreeholdSink *s = SINK(base);

	if (s->copies)
		gst_buffer_pool_set_active(s->copies, FALSE);
	g_clear_object(&s->copies);
	return gst_video_info_from_caps(&s->info, caps);
}

static gboolean propose_allocation(GstBaseSink *base, GstQuery *query)
{
	GstFreeholdSink *s = SINK(base);
	struct freehold_wants w = {.min = 2, .max = s->slots, .video_meta = TRUE};
	GstBufferPool *pool = NULL;
	gboolean need_pool;
	GstVideoInfo info;
	GstCaps *caps;

	gst_query_parse_allocation(query, &caps, &need_pool);
	if (!caps || !gst_video_info_from_caps(&info, caps))
		return FALSE;
	gst_allocation_params_init(&w.params);
	w.size = (guint)info.size;
	if (need_pool)
		pool = gst_freehold_make_pool(s->a, caps, 0, GST_ELEMENT_CAST(s), &w);
	gst_query_add_allocation_pool(query, pool, w.size, w.min, w.max);
	if (pool)
		gst_object_unref(pool);
	gst_query_add_allocation_param(query, GST_ALLOCATOR_CAST(s->a), &w.params);
	gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	return TRUE;
}

/* ---- frames ---- */

/* Waits for something to change; s->lock is held. */
static GstFlowReturn hold_on(GstFreeholdSink *s)
{
	GstFlowReturn flow = GST_FLOW_OK;

	if (!s->unlocked)
		g_cond_wait(&s->changed, &s->lock);
	if (s->unlocked) {
		g_mutex_unlock(&s->lock);
		flow = gst_base_sink_wait_preroll(&s->parent);
		g_mutex_lock(&s->lock);
	}
	return flow;
}

/* Where planes and lines are in the buffer's only memory. */
static gboolean format_of(GstFreeholdSink *s, GstBuffer *buf, struct fhc_format *f)
{
	const GstVideoMeta *meta = gst_buffer_get_video_meta(buf);
	const GstVideoInfo *info = &s->info;
	gsize at = gst_buffer_peek_memory(buf, 0)->offset;

	*f = (struct fhc_format){.fourcc = gst_freehold_fourcc(GST_VIDEO_INFO_NAME(info)),
				 .width = (guint32)GST_VIDEO_INFO_WIDTH(info),
				 .height = (guint32)GST_VIDEO_INFO_HEIGHT(info),
				 .nr_planes = GST_VIDEO_INFO_N_PLANES(info)};
	for (guint n = 0; n < f->nr_planes; n++) {
		gint stride = meta ? meta->stride[n] : GST_VIDEO_INFO_PLANE_STRIDE(info, n);

		if (stride <= 0)
			return FALSE;
		f->stride[n] = (guint32)stride;
		f->offset[n] = (guint32)(at + (meta ? meta->offset[n]
						    : GST_VIDEO_INFO_PLANE_OFFSET(info, n)));
	}
	return f->fourcc != 0;
}

/* The slot that has this buffer, else one that can have it; -1: all are in use. */
static int find_slot(GstFreeholdSink *s, guint64 id)
{
	int spare = -1;

	for (guint n = 0; n < s->slots; n++) {
		if (s->slot[n].id == id)
			return (int)n;
		if (spare < 0 && !s->slot[n].id)
			spare = (int)n;
	}
	for (guint n = 0; n < s->slots && spare < 0; n++)
		if (!s->slot[n].buf && !fhc_out_hide(s->out, n)) {
			s->slot[n].id = 0;
			spare = (int)n;
		}
	return spare;
}

static int show(GstFreeholdSink *s, int n, GstBuffer *buf, const struct fhc_format *f)
{
	struct fhc_buffer b = {.fd = -1};
	guint64 id, size;
	int err, fd;

	err = gst_freehold_memory_export(gst_buffer_peek_memory(buf, 0), &id, &size, &fd);
	if (err)
		return err;
	b.id = id;
	b.size = size;
	err = fhc_out_show(s->out, (guint32)n, f, &b, fd);
	if (!err) {
		s->slot[n].id = id;
		s->slot[n].format = *f;
	}
	return err;
}

/* s->lock is held. -EAGAIN: not now. */
static int send_frame(GstFreeholdSink *s, GstBuffer *buf)
{
	GstMemory *mem = gst_buffer_peek_memory(buf, 0);
	guint64 id = gst_freehold_memory_id(mem);
	struct fhc_frame f = {.fence = -1};
	struct fhc_format format;
	int err, n = find_slot(s, id);

	if (n < 0 || s->slot[n].buf)
		return -EAGAIN;
	if (!format_of(s, buf, &format))
		return -EOPNOTSUPP;
	/* A pool's buffers stay the same when caps change, and may lie otherwise each time. */
	err = s->slot[n].id && !memcmp(&format, &s->slot[n].format, sizeof(format))
		      ? 0
		      : show(s, n, buf, &format);
	if (err)
		return err == -EBUSY ? -EAGAIN : err;
	f.slot = (guint32)n;
	f.seq = s->seq++;
	f.time_ns = (guint64)g_get_monotonic_time() * 1000;
	f.user[0] = GST_BUFFER_PTS(buf);
	f.user[1] = GST_BUFFER_DURATION(buf);
	f.user[2] = (guint64)GST_VIDEO_INFO_FPS_N(&s->info) << 32 |
		    (guint32)GST_VIDEO_INFO_FPS_D(&s->info);
	f.fence = gst_freehold_memory_fence(mem);
	err = fhc_out_send(s->out, &f);
	if (f.fence >= 0)
		close(f.fence);
	/* Who has connected, but not yet said who he is, gets none. */
	if (err == 0 && s->consumers && s->seq == 1) {
		s->seq = 0;
		return -EAGAIN;
	}
	if (err > 0)
		s->slot[n].buf = gst_buffer_ref(buf);
	return err < 0 ? err : 0;
}

static gboolean may_send(GstFreeholdSink *s)
{
	struct fhc_out_stats stats;

	fhc_out_get_stats(s->out, &stats);
	if (s->seq == 0 && stats.consumers < s->consumers)
		return FALSE;
	return !s->wait || fhc_out_ready(s->out);
}

static GstFlowReturn send_when(GstFreeholdSink *s, GstBuffer *buf)
{
	GstFlowReturn flow = GST_FLOW_OK;
	int err = -EAGAIN;

	g_mutex_lock(&s->lock);
	while (flow == GST_FLOW_OK) {
		if (may_send(s))
			err = send_frame(s, buf);
		if (err != -EAGAIN || (!s->wait && (s->seq || !s->consumers)))
			break;
		flow = hold_on(s);
	}
	s->dropped += err == -EAGAIN && flow == GST_FLOW_OK ? 1 : 0;
	g_mutex_unlock(&s->lock);
	if (flow != GST_FLOW_OK || err == -EAGAIN || !err)
		return flow;
	GST_ELEMENT_ERROR(s, RESOURCE, WRITE, ("a frame cannot be sent: %s", g_strerror(-err)),
			  (NULL));
	return GST_FLOW_ERROR;
}

/* A buffer of other memory, or of several, in one of ours. */
static GstFlowReturn copied(GstFreeholdSink *s, GstBuffer *buf, GstBuffer **out)
{
	GstFlowReturn flow;

	if (!s->copies) {
		struct freehold_wants w = {
			.max = s->slots, .size = (guint)s->info.size, .video_meta = TRUE};
		g_autoptr(GstCaps) caps = gst_video_info_to_caps(&s->info);

		gst_allocation_params_init(&w.params);
		s->copies = gst_freehold_make_pool(s->a, caps, 0, GST_ELEMENT_CAST(s), &w);
		if (!s->copies || !gst_buffer_pool_set_active(s->copies, TRUE))
			return GST_FLOW_ERROR;
	}
	flow = gst_buffer_pool_acquire_buffer(s->copies, out, NULL);
	if (flow != GST_FLOW_OK)
		return flow;
	if (!gst_freehold_copy(buf, *out, &s->info)) {
		GST_ELEMENT_ERROR(s, RESOURCE, READ,
				  ("a buffer cannot be copied: it cannot be mapped"), (NULL));
		return GST_FLOW_ERROR;
	}
	g_mutex_lock(&s->lock);
	s->copied++;
	s->copied_bytes += gst_buffer_get_size(*out);
	g_mutex_unlock(&s->lock);
	return GST_FLOW_OK;
}

static GstFlowReturn render(GstBaseSink *base, GstBuffer *buf)
{
	GstFreeholdSink *s = SINK(base);
	GstBuffer *mine = NULL;
	GstFlowReturn flow = GST_FLOW_OK;

	if (gst_buffer_n_memory(buf) == 1 && !gst_freehold_foreign(buf, s->heap))
		return send_when(s, buf);
	flow = copied(s, buf, &mine);
	if (flow == GST_FLOW_OK)
		flow = send_when(s, mine);
	gst_clear_buffer(&mine);
	return flow;
}

static gboolean event(GstBaseSink *base, GstEvent *e)
{
	GstFreeholdSink *s = SINK(base);

	if (GST_EVENT_TYPE(e) == GST_EVENT_EOS) {
		g_mutex_lock(&s->lock);
		fhc_out_end(s->out);
		g_mutex_unlock(&s->lock);
	}
	return GST_BASE_SINK_CLASS(gst_freehold_sink_parent_class)->event(base, e);
}

static gboolean set_unlocked(GstBaseSink *base, gboolean on)
{
	GstFreeholdSink *s = SINK(base);

	g_mutex_lock(&s->lock);
	s->unlocked = on;
	g_cond_broadcast(&s->changed);
	g_mutex_unlock(&s->lock);
	if (s->copies)
		gst_buffer_pool_set_flushing(s->copies, on);
	return TRUE;
}

static gboolean unlock(GstBaseSink *base)
{
	return set_unlocked(base, TRUE);
}

static gboolean unlock_stop(GstBaseSink *base)
{
	return set_unlocked(base, FALSE);
}

/* ---- the object ---- */

static GstStructure *stats(GstFreeholdSink *s)
{
	struct fhc_out_stats o = {0};
	GstStructure *all;

	g_mutex_lock(&s->lock);
	if (s->out)
		fhc_out_get_stats(s->out, &o);
	all = gst_structure_new("freehold-stats", "frames", G_TYPE_UINT64, s->seq, "dropped",
				G_TYPE_UINT64, s->dropped, "copied", G_TYPE_UINT64, s->copied,
				"copied-bytes", G_TYPE_UINT64, s->copied_bytes, "consumers",
				G_TYPE_UINT, o.consumers, "sent", G_TYPE_UINT64, (guint64)o.sent,
				"skipped", G_TYPE_UINT64, (guint64)o.skipped, NULL);
	g_mutex_unlock(&s->lock);
	return all;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	GstFreeholdSink *s = SINK(object);
	char **text = id == PROP_PATH ? &s->path : id == PROP_SOCKET ? &s->socket : &s->heap;

	switch (id) {
	case PROP_PATH:
	case PROP_SOCKET:
	case PROP_HEAP:
		g_free(*text);
		*text = g_value_dup_string(value);
		break;
	case PROP_SLOTS:
		s->slots = g_value_get_uint(value);
		break;
	case PROP_WAIT:
		s->wait = g_value_get_boolean(value);
		break;
	case PROP_CONSUMERS:
		s->consumers = g_value_get_uint(value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	GstFreeholdSink *s = SINK(object);

	switch (id) {
	case PROP_PATH:
		g_value_set_string(value, s->path);
		break;
	case PROP_SOCKET:
		g_value_set_string(value, s->socket);
		break;
	case PROP_HEAP:
		g_value_set_string(value, s->heap);
		break;
	case PROP_SLOTS:
		g_value_set_uint(value, s->slots);
		break;
	case PROP_WAIT:
		g_value_set_boolean(value, s->wait);
		break;
	case PROP_CONSUMERS:
		g_value_set_uint(value, s->consumers);
		break;
	case PROP_STATS:
		g_value_take_boxed(value, stats(s));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void finalize(GObject *object)
{
	GstFreeholdSink *s = SINK(object);

	g_free(s->path);
	g_free(s->socket);
	g_free(s->heap);
	g_mutex_clear(&s->lock);
	g_cond_clear(&s->changed);
	G_OBJECT_CLASS(gst_freehold_sink_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *class)
{
	const GParamFlags flags =
		G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

	gst_freehold_install_server(class, PROP_SOCKET, PROP_HEAP);
	g_object_class_install_property(
		class, PROP_PATH,
		g_param_spec_string("path", "Path", "The socket where consumers of the frames come",
				    NULL, flags));
	g_object_class_install_property(
		class, PROP_SLOTS,
		g_param_spec_uint(
			"slots", "Slots",
			"Buffers of the ring that consumers know at a time, and at most of the "
			"pool that upstream is offered",
			2, FHC_SLOTS, 8, flags));
	g_object_class_install_property(
		class, PROP_WAIT,
		g_param_spec_boolean(
			"wait", "Wait",
			"Wait until each consumer takes a frame (a file), instead of dropping "
			"it (a camera)",
			FALSE, flags));
	g_object_class_install_property(
		class, PROP_CONSUMERS,
		g_param_spec_uint("consumers", "Consumers",
				  "The first frame waits for as many consumers to be there", 0,
				  FHC_CONSUMERS, 0, flags));
	g_object_class_install_property(
		class, PROP_STATS,
		g_param_spec_boxed(
			"stats", "Statistics",
			"frames, dropped, copied, copied-bytes; consumers (there now), sent and "
			"skipped (frames to a consumer each)",
			GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_freehold_sink_class_init(GstFreeholdSinkClass *class)
{
	GstElementClass *element = GST_ELEMENT_CLASS(class);

	G_OBJECT_CLASS(class)->set_property = set_property;
	G_OBJECT_CLASS(class)->get_property = get_property;
	G_OBJECT_CLASS(class)->finalize = finalize;
	install_properties(G_OBJECT_CLASS(class));
	gst_element_class_add_static_pad_template(element, &sink_template);
	gst_element_class_set_static_metadata(
		element, "Frames to other programs", "Sink/Video",
		"Sends raw video to other programs by descriptor, with fences", FREEHOLD_AUTHOR);
	class->start = start;
	class->stop = stop;
	class->set_caps = set_caps;
	class->propose_allocation = propose_allocation;
	class->render = render;
	class->event = event;
	class->unlock = unlock;
	class->unlock_stop = unlock_stop;
}

static void gst_freehold_sink_init(GstFreeholdSink *s)
{
	g_mutex_init(&s->lock);
	g_cond_init(&s->changed);
	s->wake = -1;
	s->slots = 8;
}
