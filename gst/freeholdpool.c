/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * freeholdpool: passes buffers on, and answers who asks from upstream where to put them (the ALLOCATION query) with our allocator and pool.
 * What comes in other memory is copied into ours, or is an error.
 */
#include "copy.h"
#include "element.h"
#include "pool.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#define GST_CAT_DEFAULT gst_freehold_debug

enum copy { COPY_NEVER, COPY_ALLOW };

struct settings {
	char *socket, *heap;
	guint min, max, stride_align;
	gboolean dmabuf_caps, count;
	enum copy copy;
};

typedef struct {
	GstBaseTransform parent;

	struct settings set;	 /* under the object's lock */
	GstFreeholdAllocator *a; /* from start to stop */
	GstBufferPool *copies;	 /* for what comes in other memory; made when first needed */
	GstCaps *caps;		 /* that go out */
	gboolean asked;		 /* since these caps: upstream has asked where to put buffers */
	gboolean warned;	 /* about stride-align */
	guint64 frames, copied, copied_bytes; /* under the object's lock */
	struct freehold_stats past;	      /* of the allocator before this one */
} GstFreeholdPool;
typedef GstBaseTransformClass GstFreeholdPoolClass;

enum {
	PROP_0,
	PROP_SOCKET,
	PROP_HEAP,
	PROP_MIN,
	PROP_MAX,
	PROP_STRIDE,
	PROP_DMABUF,
	PROP_COPY,
	PROP_COUNT,
	PROP_STATS,
};

static GstStaticPadTemplate sink_template =
	GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
	GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

G_DEFINE_TYPE(GstFreeholdPool, gst_freehold_pool, GST_TYPE_BASE_TRANSFORM)

#define POOL(object)                                                                               \
	G_TYPE_CHECK_INSTANCE_CAST(object, gst_freehold_pool_get_type(), GstFreeholdPool)

/* ---- life ---- */

static gboolean start(GstBaseTransform *trans)
{
	GstFreeholdPool *p = POOL(trans);
	g_autofree char *name = gst_object_get_name(GST_OBJECT_CAST(trans));
	GError *e = NULL;

	if (p->set.max && p->set.max < p->set.min) {
		GST_ELEMENT_ERROR(p, RESOURCE, SETTINGS,
				  ("max-buffers=%u: expected 0 or at least min-buffers=%u",
				   p->set.max, p->set.min),
				  (NULL));
		return FALSE;
	}
	if (p->set.stride_align & (p->set.stride_align - 1)) {
		GST_ELEMENT_ERROR(p, RESOURCE, SETTINGS,
				  ("stride-align=%u: expected a power of two", p->set.stride_align),
				  (NULL));
		return FALSE;
	}
	/* As what the allocator counts, which is a new one. */
	GST_OBJECT_LOCK(p);
	p->frames = p->copied = p->copied_bytes = 0;
	GST_OBJECT_UNLOCK(p);
	p->a = gst_freehold_allocator_new(p->set.socket, p->set.heap, name);
	if (!p->set.count)
		gst_freehold_allocator_no_count(p->a);
	if (gst_freehold_allocator_open(p->a, &e))
		return TRUE;
	gst_freehold_post(GST_ELEMENT_CAST(p), e);
	g_clear_object(&p->a);
	return FALSE;
}

static void end_copies(GstFreeholdPool *p)
{
	if (p->copies)
		gst_buffer_pool_set_active(p->copies, FALSE);
	g_clear_object(&p->copies);
}

static GstStructure *stats(GstFreeholdPool *p)
{
	struct freehold_stats s = {0};
	GstFreeholdAllocator *a;
	GstVideoInfo info;
	guint32 fourcc = 0;
	GstStructure *out;

	GST_OBJECT_LOCK(p);
	a = p->a ? g_object_ref(p->a) : NULL;
	if (p->caps && gst_video_info_from_caps(&info, p->caps))
		fourcc = gst_freehold_fourcc(GST_VIDEO_INFO_NAME(&info));
	out = gst_structure_new("freehold-stats", "frames", G_TYPE_UINT64, p->frames, "copied",
				G_TYPE_UINT64, p->copied, "copied-bytes", G_TYPE_UINT64,
				p->copied_bytes, NULL);
	s = p->past;
	GST_OBJECT_UNLOCK(p);
	if (a)
		gst_freehold_allocator_stats(a, &s);
	gst_structure_set(out, "bytes-written", G_TYPE_UINT64, s.written, "counted", G_TYPE_STRING,
			  !p->set.count ? "no"
			  : s.by_page	? "pages"
					: "maps",
			  "allocations", G_TYPE_UINT64, s.allocations, "buffers", G_TYPE_UINT64,
			  s.buffers, NULL);
	if (a)
		gst_structure_set(out, "heap", G_TYPE_STRING, gst_freehold_allocator_heap(a), NULL);
	if (fourcc)
		gst_structure_set(out, "drm-fourcc", G_TYPE_UINT, fourcc, NULL);
	g_clear_object(&a);
	return out;
}

static gboolean stop(GstBaseTransform *trans)
{
	GstFreeholdPool *p = POOL(trans);
	GstFreeholdAllocator *a;

	end_copies(p);
	GST_OBJECT_LOCK(p);
	if (p->a)
		gst_freehold_allocator_stats(p->a, &p->past);
	a = g_steal_pointer(&p->a);
	gst_clear_caps(&p->caps);
	GST_OBJECT_UNLOCK(p);
	g_clear_object(&a);
	return TRUE;
}

/* ---- caps ---- */

static gboolean plain(GstCapsFeatures *f)
{
	return !f || gst_caps_features_is_equal(f, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
}

static gboolean dmabuf(GstCapsFeatures *f)
{
	return f && gst_caps_features_get_size(f) == 1 &&
	       gst_caps_features_contains(f, GST_CAPS_FEATURE_MEMORY_DMABUF);
}

/* With dmabuf-caps, plain video comes in and goes out as memory:DMABuf; what has that feature already keeps it. */
static GstCaps *transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
			       GstCaps *filter)
{
	GstFreeholdPool *p = POOL(trans);
	GstCaps *out = gst_caps_new_empty();

	for (guint n = 0; n < gst_caps_get_size(caps); n++) {
		GstStructure *s = gst_caps_get_structure(caps, n);
		GstCapsFeatures *f = gst_caps_get_features(caps, n);
		gboolean video = p->set.dmabuf_caps && gst_structure_has_name(s, "video/x-raw");

		if (video && direction == GST_PAD_SINK && plain(f)) {
			gst_caps_append_structure_full(
				out, gst_structure_copy(s),
				gst_caps_features_new(GST_CAPS_FEATURE_MEMORY_DMABUF, NULL));
			continue;
		}
		if (video && direction == GST_PAD_SRC && plain(f))
			continue; /* nothing plain goes out */
		if (video && direction == GST_PAD_SRC && dmabuf(f))
			gst_caps_append_structure(out, gst_structure_copy(s));
		gst_caps_append_structure_full(out, gst_structure_copy(s),
					       f ? gst_caps_features_copy(f) : NULL);
	}
	if (gst_caps_is_any(caps)) {
		gst_caps_unref(out);
		out = gst_caps_new_any();
	}
	if (filter) {
		GstCaps *both = gst_caps_intersect_full(filter, out, GST_CAPS_INTERSECT_FIRST);

		gst_caps_unref(out);
		out = both;
	}
	return out;
}

static gboolean set_caps(GstBaseTransform *trans, G_GNUC_UNUSED GstCaps *in, GstCaps *out)
{
	GstFreeholdPool *p = POOL(trans);

	end_copies(p);
	GST_OBJECT_LOCK(p);
	gst_caps_replace(&p->caps, out);
	GST_OBJECT_UNLOCK(p);
	p->asked = FALSE;
	return TRUE;
}

/* ---- where buffers come from ---- */

static gboolean merge(GstFreeholdPool *p, struct freehold_wants *w)
{
	w->min = MAX(w->min, p->set.min);
	w->max = p->set.max;
	if (!w->max || w->max >= w->min)
		return TRUE;
	GST_ELEMENT_ERROR(p, RESOURCE, SETTINGS,
			  ("max-buffers=%u: downstream needs %u: expected 0 or at least that",
			   w->max, w->min),
			  (NULL));
	return FALSE;
}

static guint stride_align(GstFreeholdPool *p, const struct freehold_wants *w)
{
	if (p->set.stride_align > 1 && !w->video_meta && !p->warned) {
		p->warned = TRUE;
		GST_ELEMENT_WARNING(p, STREAM, FORMAT,
				    ("stride-align=%u is not in force: what is downstream takes no "
				     "GstVideoMeta, so lines lie as the format has them",
				     p->set.stride_align),
				    (NULL));
	}
	return w->video_meta ? MAX(p->set.stride_align, w->stride_align) : 0;
}

static GstBufferPool *make_pool(GstFreeholdPool *p, GstCaps *caps, struct freehold_wants *w)
{
	return gst_freehold_make_pool(p->a, caps, stride_align(p, w), GST_ELEMENT_CAST(p), w);
}

static gboolean propose_allocation(GstBaseTransform *trans, GstQuery *decided, GstQuery *query)
{
	GstFreeholdPool *p = POOL(trans);
	struct freehold_wants w;
	GstBufferPool *pool = NULL;
	gboolean need_pool;
	GstVideoInfo info;
	GstCaps *caps;

	if (!p->a)
		return FALSE;
	p->asked = TRUE;
	gst_query_parse_allocation(query, &caps, &need_pool);
	gst_freehold_read_wants(decided, &w);
	if (!merge(p, &w))
		return FALSE;
	for (guint n = 0; decided && n < gst_query_get_n_allocation_metas(decided); n++) {
		const GstStructure *params;
		GType api = gst_query_parse_nth_allocation_meta(decided, n, &params);

		gst_query_add_allocation_meta(query, api, params);
	}
	gst_query_add_allocation_param(query, GST_ALLOCATOR_CAST(p->a), &w.params);
	if (!caps || !gst_video_info_from_caps(&info, caps))
		return TRUE; /* not raw video: the allocator is all we know */
	w.size = MAX(w.size, (guint)info.size);
	if (need_pool)
		pool = make_pool(p, caps, &w);
	gst_query_add_allocation_pool(query, pool, w.size, w.min, w.max);
	if (pool)
		gst_object_unref(pool);
	return TRUE;
}

/* What downstream offers is merged into what we offer; we allocate for copies only, from a pool of our own. */
static gboolean decide_allocation(G_GNUC_UNUSED GstBaseTransform *trans,
				  G_GNUC_UNUSED GstQuery *query)
{
	return TRUE;
}

/* ---- buffers ---- */

/* copy=never, and here is a buffer with memory that is not as it should be: whose, and why. */
static void refuse(GstFreeholdPool *p, GstMemory *mem)
{
	gboolean tee;
	g_autofree char *who = gst_freehold_who_made(GST_BASE_TRANSFORM_SINK_PAD(p), &tee);
	g_autofree char *kind = g_strdup_printf("memory of its own (%s)", mem->allocator->mem_type);
	const char *why =
		"it does not ask downstream where to put buffers (no ALLOCATION query came): "
		"copy=allow copies its frames";

	if (gst_freehold_is_memory(mem)) {
		g_free(kind);
		kind = g_strdup_printf("heap %s", gst_freehold_allocator_heap(
							  GST_FREEHOLD_ALLOCATOR(mem->allocator)));
		why = "give each freeholdpool on the way the same heap";
	} else if (tee) {
		why = "a tee lets no pool through: put freeholdpool above it";
	} else if (p->asked) {
		why = "it was offered our pool and allocator, and took neither: copy=allow copies "
		      "its frames";
	}
	gst_freehold_post(GST_ELEMENT_CAST(p),
			  g_error_new(GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
				      "copy=never, but %s gives a buffer in %s: %s", who, kind,
				      why));
}

static GstFlowReturn plain_buffer(GstFreeholdPool *p, GstBuffer *in, GstBuffer **out)
{
	GError *e = NULL;
	GstMemory *mem = gst_freehold_allocator_take(p->a, gst_buffer_get_size(in), NULL, &e);

	if (!mem) {
		gst_freehold_post(GST_ELEMENT_CAST(p), e);
		return GST_FLOW_ERROR;
	}
	*out = gst_buffer_new();
	gst_buffer_append_memory(*out, mem);
	return GST_FLOW_OK;
}

/* A buffer of ours to copy one into. */
static GstFlowReturn own_buffer(GstFreeholdPool *p, GstBuffer *in, const GstVideoInfo *info,
				GstBuffer **out)
{
	GstQuery *query;
	struct freehold_wants w;

	if (!info)
		return plain_buffer(p, in, out);
	if (!p->copies) {
		query = gst_query_new_allocation(p->caps, FALSE);
		gst_freehold_read_wants(
			gst_pad_peer_query(GST_BASE_TRANSFORM_SRC_PAD(p), query) ? query : NULL,
			&w);
		gst_query_unref(query);
		w.size = MAX(w.size, (guint)info->size);
		if (!merge(p, &w))
			return GST_FLOW_ERROR;
		p->copies = make_pool(p, p->caps, &w);
		if (!p->copies || !gst_buffer_pool_set_active(p->copies, TRUE))
			return GST_FLOW_ERROR;
	}
	return gst_buffer_pool_acquire_buffer(p->copies, out, NULL);
}

static GstFlowReturn transform(GstBaseTransform *trans, GstBuffer *in, GstBuffer *out)
{
	GstFreeholdPool *p = POOL(trans);
	GstVideoInfo info;
	gboolean video = p->caps && gst_video_info_from_caps(&info, p->caps);

	if (!gst_freehold_copy(in, out, video ? &info : NULL)) {
		GST_ELEMENT_ERROR(p, RESOURCE, READ,
				  ("a buffer cannot be copied: it cannot be mapped"), (NULL));
		return GST_FLOW_ERROR;
	}
	GST_OBJECT_LOCK(p);
	p->copied++;
	p->copied_bytes += gst_buffer_get_size(out);
	GST_OBJECT_UNLOCK(p);
	return GST_FLOW_OK;
}

static GstFlowReturn generate_output(GstBaseTransform *trans, GstBuffer **out)
{
	GstFreeholdPool *p = POOL(trans);
	GstBuffer *in = g_steal_pointer(&trans->queued_buf);
	GstFlowReturn flow;
	GstVideoInfo info;
	gboolean video;
	GstMemory *mem;

	*out = NULL;
	if (!in)
		return GST_FLOW_OK;
	GST_OBJECT_LOCK(p);
	p->frames++;
	GST_OBJECT_UNLOCK(p);
	mem = gst_freehold_foreign(in, p->set.heap);
	if (!mem) {
		*out = in;
		return GST_FLOW_OK;
	}
	if (p->set.copy == COPY_NEVER) {
		refuse(p, mem);
		gst_buffer_unref(in);
		return GST_FLOW_ERROR;
	}
	video = p->caps && gst_video_info_from_caps(&info, p->caps);
	flow = own_buffer(p, in, video ? &info : NULL, out);
	if (flow == GST_FLOW_OK)
		flow = transform(trans, in, *out);
	if (flow != GST_FLOW_OK)
		gst_clear_buffer(out);
	gst_buffer_unref(in);
	return flow;
}

/* A flush must reach who waits for a buffer to come back. At the end who watches the bus (gst-launch-1.0 -m) sees how it went. */
static gboolean sink_event(GstBaseTransform *trans, GstEvent *event)
{
	GstFreeholdPool *p = POOL(trans);

	if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START && p->copies)
		gst_buffer_pool_set_flushing(p->copies, TRUE);
	if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP && p->copies)
		gst_buffer_pool_set_flushing(p->copies, FALSE);
	if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
		(void)gst_element_post_message(
			GST_ELEMENT_CAST(p), gst_message_new_element(GST_OBJECT_CAST(p), stats(p)));
	return GST_BASE_TRANSFORM_CLASS(gst_freehold_pool_parent_class)->sink_event(trans, event);
}

/* ---- the object ---- */

static GType copy_type(void)
{
	static const GEnumValue values[] = {
		{COPY_NEVER, "An error, with the name of who made the buffer", "never"},
		{COPY_ALLOW, "Copy into a buffer of the heap, and count it", "allow"},
		{0, NULL, NULL},
	};
	static gsize type;

	if (g_once_init_enter(&type))
		g_once_init_leave(&type, g_enum_register_static("GstFreeholdCopy", values));
	return type;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	GstFreeholdPool *p = POOL(object);
	struct settings *s = &p->set;

	GST_OBJECT_LOCK(p);
	switch (id) {
	case PROP_SOCKET:
		g_free(s->socket);
		s->socket = g_value_dup_string(value);
		break;
	case PROP_HEAP:
		g_free(s->heap);
		s->heap = g_value_dup_string(value);
		break;
	case PROP_MIN:
		s->min = g_value_get_uint(value);
		break;
	case PROP_MAX:
		s->max = g_value_get_uint(value);
		break;
	case PROP_STRIDE:
		s->stride_align = g_value_get_uint(value);
		break;
	case PROP_DMABUF:
		s->dmabuf_caps = g_value_get_boolean(value);
		break;
	case PROP_COPY:
		s->copy = (enum copy)g_value_get_enum(value);
		break;
	case PROP_COUNT:
		s->count = g_value_get_boolean(value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
	GST_OBJECT_UNLOCK(p);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	GstFreeholdPool *p = POOL(object);
	const struct settings *s = &p->set;

	if (id == PROP_STATS) {
		g_value_take_boxed(value, stats(p));
		return;
	}
	GST_OBJECT_LOCK(p);
	switch (id) {
	case PROP_SOCKET:
		g_value_set_string(value, s->socket);
		break;
	case PROP_HEAP:
		g_value_set_string(value, s->heap);
		break;
	case PROP_MIN:
		g_value_set_uint(value, s->min);
		break;
	case PROP_MAX:
		g_value_set_uint(value, s->max);
		break;
	case PROP_STRIDE:
		g_value_set_uint(value, s->stride_align);
		break;
	case PROP_DMABUF:
		g_value_set_boolean(value, s->dmabuf_caps);
		break;
	case PROP_COPY:
		g_value_set_enum(value, (gint)s->copy);
		break;
	case PROP_COUNT:
		g_value_set_boolean(value, s->count);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
	GST_OBJECT_UNLOCK(p);
}

static void finalize(GObject *object)
{
	GstFreeholdPool *p = POOL(object);

	g_free(p->set.socket);
	g_free(p->set.heap);
	G_OBJECT_CLASS(gst_freehold_pool_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *class)
{
	const GParamFlags flags =
		G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

	gst_freehold_install_server(class, PROP_SOCKET, PROP_HEAP);
	g_object_class_install_property(class, PROP_MIN,
					g_param_spec_uint("min-buffers", "Minimum of buffers",
							  "Buffers that are allocated at the start",
							  0, 1024, 0, flags));
	g_object_class_install_property(
		class, PROP_MAX,
		g_param_spec_uint("max-buffers", "Maximum of buffers",
				  "Who wants one more waits until one comes back (0: no limit)", 0,
				  1024, 0, flags));
	g_object_class_install_property(
		class, PROP_STRIDE,
		g_param_spec_uint(
			"stride-align", "Alignment of lines",
			"Each line begins at a multiple of this many bytes, a power of two, if "
			"downstream takes GstVideoMeta (0: as the format has it)",
			0, 4096, 0, flags));
	g_object_class_install_property(
		class, PROP_DMABUF,
		g_param_spec_boolean("dmabuf-caps", "memory:DMABuf caps",
				     "Raw video goes out as video/x-raw(memory:DMABuf)", FALSE,
				     flags));
	g_object_class_install_property(class, PROP_COPY,
					g_param_spec_enum("copy", "Copy",
							  "What to do with buffers of other memory",
							  copy_type(), COPY_ALLOW, flags));
	g_object_class_install_property(
		class, PROP_COUNT,
		g_param_spec_boolean(
			"count-writes", "Count writes",
			"Count bytes that are written, by page; costs a fault for each page "
			"of a frame",
			TRUE, flags));
	g_object_class_install_property(
		class, PROP_STATS,
		g_param_spec_boxed(
			"stats", "Statistics",
			"frames, copied, copied-bytes; bytes-written to this element's buffers "
			"by this process, counted by pages or maps, or not; allocations, buffers "
			"(there "
			"now), heap, drm-fourcc; also posted on the bus at the end of the stream",
			GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_freehold_pool_class_init(GstFreeholdPoolClass *class)
{
	GstElementClass *element = GST_ELEMENT_CLASS(class);

	G_OBJECT_CLASS(class)->set_property = set_property;
	G_OBJECT_CLASS(class)->get_property = get_property;
	G_OBJECT_CLASS(class)->finalize = finalize;
	install_properties(G_OBJECT_CLASS(class));
	gst_element_class_add_static_pad_template(element, &sink_template);
	gst_element_class_add_static_pad_template(element, &src_template);
	gst_element_class_set_static_metadata(
		element, "Buffers of freehold serve", "Filter/Video",
		"Has what is upstream put its frames into buffers of a heap of `freehold serve`",
		FREEHOLD_AUTHOR);
	class->start = start;
	class->stop = stop;
	class->transform_caps = transform_caps;
	class->set_caps = set_caps;
	class->propose_allocation = propose_allocation;
	class->decide_allocation = decide_allocation;
	class->generate_output = generate_output;
	class->transform = transform;
	class->sink_event = sink_event;
	gst_type_mark_as_plugin_api(copy_type(), (GstPluginAPIFlags)0);
}

static void gst_freehold_pool_init(GstFreeholdPool *p)
{
	p->set.copy = COPY_ALLOW;
	p->set.count = TRUE;
	/* Not even when caps stay the same: each buffer is looked at. */
	gst_base_transform_set_passthrough(&p->parent, FALSE);
	gst_base_transform_set_in_place(&p->parent, FALSE);
}
