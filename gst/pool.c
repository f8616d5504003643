/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The buffer pool: GstVideoBufferPool with our allocator, maps that leave a picture shareable, and a voice when it fails. */
#include "pool.h"

struct _GstFreeholdBufferPool {
	GstVideoBufferPool parent;

	GstFreeholdAllocator *a;
	guint stride_align;
	GWeakRef reporter;

	GMutex lock; /* of the two below */
	GCond came;  /* somebody has given a buffer back */
	GQueue late; /* buffers that nobody has any more, but for the copy of them that is going right now */
};

G_DEFINE_FINAL_TYPE(GstFreeholdBufferPool, gst_freehold_buffer_pool, GST_TYPE_VIDEO_BUFFER_POOL)

/* Adds what we were told about strides to what the pool's user asks for; both are powers of two. */
static void align(GstFreeholdBufferPool *p, GstStructure *config)
{
	GstVideoAlignment va;

	if (p->stride_align < 2 ||
	    !gst_buffer_pool_config_has_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META))
		return;
	gst_video_alignment_reset(&va);
	if (gst_buffer_pool_config_has_option(config, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT))
		(void)gst_buffer_pool_config_get_video_alignment(config, &va);
	else
		gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
	for (int n = 0; n < GST_VIDEO_MAX_PLANES; n++)
		va.stride_align[n] |= p->stride_align - 1;
	gst_buffer_pool_config_set_video_alignment(config, &va);
}

static gboolean set_config(GstBufferPool *pool, GstStructure *config)
{
	GstFreeholdBufferPool *p = GST_FREEHOLD_BUFFER_POOL(pool);
	GstAllocationParams params;

	gst_allocation_params_init(&params);
	(void)gst_buffer_pool_config_get_allocator(config, NULL, &params);
	if (p->stride_align > 1)
		params.align |= p->stride_align - 1;
	gst_buffer_pool_config_set_allocator(config, GST_ALLOCATOR_CAST(p->a), &params);
	align(p, config);
	return GST_BUFFER_POOL_CLASS(gst_freehold_buffer_pool_parent_class)
		->set_config(pool, config);
}

/* ---- maps of a picture's planes ---- */

/*
 * A decoder keeps its pictures mapped for writing as long as it refers to them, and hands them out meanwhile. Memory that is locked for writing cannot be
 * shared: GStreamer (1.22) would copy each such picture. So a map of a plane takes no lock of the memory. What is shared already cannot be
 * mapped for writing like that: GStreamer's way makes a copy of it for who wants to write.
 */
static gboolean map_plane(GstVideoMeta *meta, guint plane, GstMapInfo *info, gpointer *data,
			  gint *stride, GstMapFlags flags)
{
	GstBuffer *buffer = meta->buffer;
	guint at, nr;
	gsize skip;
	GstMemory *mem;
	guint8 *bytes;

	if (!gst_buffer_find_memory(buffer, meta->offset[plane], 1, &at, &nr, &skip))
		return FALSE;
	mem = gst_buffer_peek_memory(buffer, at);
	*stride = meta->stride[plane];
	if (!gst_freehold_is_memory(mem) ||
	    ((flags & GST_MAP_WRITE) && !gst_memory_is_writable(mem))) {
		if (!gst_buffer_map_range(buffer, at, (gint)nr, info, flags))
			return FALSE;
		info->user_data[0] = NULL;
		*data = info->data + skip;
		return TRUE;
	}
	bytes = gst_freehold_memory_begin(mem, flags);
	if (!bytes)
		return FALSE;
	*info = (GstMapInfo){.memory = gst_memory_ref(mem),
			     .flags = flags,
			     .data = bytes,
			     .size = mem->size,
			     .maxsize = mem->maxsize - mem->offset,
			     .user_data[0] = mem};
	*data = bytes + skip;
	return TRUE;
}

static gboolean unmap_plane(GstVideoMeta *meta, G_GNUC_UNUSED guint plane, GstMapInfo *info)
{
	if (!info->user_data[0]) {
		gst_buffer_unmap(meta->buffer, info);
		return TRUE;
	}
	gst_freehold_memory_end(info->memory, info->flags);
	gst_memory_unref(info->memory);
	return TRUE;
}

/* ---- buffers that come back ---- */

static GstBufferPoolClass *parent(void)
{
	return GST_BUFFER_POOL_CLASS(gst_freehold_buffer_pool_parent_class);
}

/*
 * The copy of a GstBuffer that shares its memory gives the original back first and lets go of the memory then: GstBufferPool would find the memory shared and
 * throw the buffer away, each time. It comes in with whoever looks next. all: whatever its memory is, as GstBufferPool does.
 */
static void take_late(GstFreeholdBufferPool *p, gboolean all)
{
	GQueue ready = G_QUEUE_INIT;
	GstBuffer *buffer;

	g_mutex_lock(&p->lock);
	for (guint n = p->late.length; n; n--) {
		buffer = g_queue_pop_head(&p->late);
		g_queue_push_tail(all || gst_buffer_is_all_memory_writable(buffer) ? &ready
										   : &p->late,
				  buffer);
	}
	g_mutex_unlock(&p->lock);
	while ((buffer = g_queue_pop_head(&ready)))
		parent()->release_buffer(GST_BUFFER_POOL_CAST(p), buffer);
}

static void release_buffer(GstBufferPool *pool, GstBuffer *buffer)
{
	GstFreeholdBufferPool *p = GST_FREEHOLD_BUFFER_POOL(pool);

	g_mutex_lock(&p->lock);
	g_queue_push_tail(&p->late, buffer);
	g_mutex_unlock(&p->lock);
	take_late(p, FALSE);
	g_mutex_lock(&p->lock);
	g_cond_broadcast(&p->came);
	g_mutex_unlock(&p->lock);
}

#define LATE_US 2000 /* nobody tells when a copy has let go */

static GstFlowReturn acquire_buffer(GstBufferPool *pool, GstBuffer **buffer,
				    GstBufferPoolAcquireParams *params)
{
	GstFreeholdBufferPool *p = GST_FREEHOLD_BUFFER_POOL(pool);
	GstBufferPoolAcquireParams look = {.format = GST_FORMAT_UNDEFINED};
	GstFlowReturn flow;

	if (params)
		look = *params;
	look.flags |= GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
	for (;;) {
		take_late(p, FALSE);
		flow = parent()->acquire_buffer(pool, buffer, &look);
		if (flow != GST_FLOW_EOS ||
		    (params && (params->flags & GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT)))
			return flow;
		g_mutex_lock(&p->lock);
		(void)g_cond_wait_until(&p->came, &p->lock, g_get_monotonic_time() + LATE_US);
		g_mutex_unlock(&p->lock);
		if (GST_BUFFER_POOL_IS_FLUSHING(pool))
			return GST_FLOW_FLUSHING;
	}
}

static gboolean stop(GstBufferPool *pool)
{
	take_late(GST_FREEHOLD_BUFFER_POOL(pool), TRUE);
	return parent()->stop(pool);
}

static GstFlowReturn alloc_buffer(GstBufferPool *pool, GstBuffer **buffer,
				  GstBufferPoolAcquireParams *params)
{
	GstFreeholdBufferPool *p = GST_FREEHOLD_BUFFER_POOL(pool);
	GstFlowReturn flow = parent()->alloc_buffer(pool, buffer, params);
	g_autoptr(GstElement) reporter = NULL;
	g_autoptr(GError) e = NULL;
	GstVideoMeta *meta;

	if (flow == GST_FLOW_OK) {
		meta = gst_buffer_get_video_meta(*buffer);
		if (meta) {
			meta->map = map_plane;
			meta->unmap = unmap_plane;
		}
	}
	if (flow != GST_FLOW_ERROR)
		return flow;
	reporter = g_weak_ref_get(&p->reporter);
	e = gst_freehold_allocator_last_error(p->a);
	if (reporter && e)
		gst_element_message_full(reporter, GST_MESSAGE_ERROR, e->domain, e->code,
					 g_strdup(e->message), NULL, __FILE__, __func__, __LINE__);
	return flow;
}

static void finalize(GObject *object)
{
	GstFreeholdBufferPool *p = GST_FREEHOLD_BUFFER_POOL(object);

	g_weak_ref_clear(&p->reporter);
	g_cond_clear(&p->came);
	g_mutex_clear(&p->lock);
	/* It frees the buffers that are still in it. */
	G_OBJECT_CLASS(gst_freehold_buffer_pool_parent_class)->finalize(object);
}

static void dispose(GObject *object)
{
	take_late(GST_FREEHOLD_BUFFER_POOL(object), TRUE);
	G_OBJECT_CLASS(gst_freehold_buffer_pool_parent_class)->dispose(object);
	g_clear_object(&GST_FREEHOLD_BUFFER_POOL(object)->a);
}

static void gst_freehold_buffer_pool_class_init(GstFreeholdBufferPoolClass *class)
{
	G_OBJECT_CLASS(class)->finalize = finalize;
	G_OBJECT_CLASS(class)->dispose = dispose;
	GST_BUFFER_POOL_CLASS(class)->set_config = set_config;
	GST_BUFFER_POOL_CLASS(class)->alloc_buffer = alloc_buffer;
	GST_BUFFER_POOL_CLASS(class)->acquire_buffer = acquire_buffer;
	GST_BUFFER_POOL_CLASS(class)->release_buffer = release_buffer;
	GST_BUFFER_POOL_CLASS(class)->stop = stop;
}

static void gst_freehold_buffer_pool_init(GstFreeholdBufferPool *p)
{
	g_weak_ref_init(&p->reporter, NULL);
	g_mutex_init(&p->lock);
	g_cond_init(&p->came);
	g_queue_init(&p->late);
}

GstBufferPool *gst_freehold_buffer_pool_new(GstFreeholdAllocator *a, guint stride_align,
					    GstElement *reporter)
{
	GstFreeholdBufferPool *p = g_object_new(GST_TYPE_FREEHOLD_BUFFER_POOL, NULL);

	gst_object_ref_sink(p);
	p->a = g_object_ref(a);
	p->stride_align = stride_align;
	g_weak_ref_set(&p->reporter, reporter);
	return GST_BUFFER_POOL_CAST(p);
}

/* What downstream's own pool would align lines to. */
static guint pool_stride_align(GstBufferPool *pool)
{
	GstStructure *config = gst_buffer_pool_get_config(pool);
	GstVideoAlignment va;
	guint mask = 0;

	if (gst_buffer_pool_config_has_option(config, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT) &&
	    gst_buffer_pool_config_get_video_alignment(config, &va))
		for (int n = 0; n < GST_VIDEO_MAX_PLANES; n++)
			mask |= va.stride_align[n];
	gst_structure_free(config);
	return mask ? mask + 1 : 0;
}

void gst_freehold_read_wants(GstQuery *query, struct freehold_wants *w)
{
	*w = (struct freehold_wants){0};
	gst_allocation_params_init(&w->params);
	if (!query)
		return;
	for (guint n = 0; n < gst_query_get_n_allocation_pools(query); n++) {
		g_autoptr(GstBufferPool) pool = NULL;
		guint size, min, max;

		gst_query_parse_nth_allocation_pool(query, n, &pool, &size, &min, &max);
		if (pool)
			w->stride_align = MAX(w->stride_align, pool_stride_align(pool));
		w->size = MAX(w->size, size);
		w->min = MAX(w->min, min);
	}
	for (guint n = 0; n < gst_query_get_n_allocation_params(query); n++) {
		GstAllocationParams params;

		gst_query_parse_nth_allocation_param(query, n, NULL, &params);
		w->params.align |= params.align;
		w->params.prefix = MAX(w->params.prefix, params.prefix);
		w->params.padding = MAX(w->params.padding, params.padding);
	}
	w->video_meta = gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
}

GstBufferPool *gst_freehold_make_pool(GstFreeholdAllocator *a, GstCaps *caps, guint stride_align,
				      GstElement *reporter, struct freehold_wants *w)
{
	GstBufferPool *pool = gst_freehold_buffer_pool_new(a, stride_align, reporter);
	GstStructure *config = gst_buffer_pool_get_config(pool);

	gst_buffer_pool_config_set_params(config, caps, w->size, w->min, w->max);
	gst_buffer_pool_config_set_allocator(config, GST_ALLOCATOR_CAST(a), &w->params);
	if (w->video_meta)
		gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	if (!gst_buffer_pool_set_config(pool, config)) {
		gst_object_unref(pool);
		return NULL;
	}
	/* With strides of our own a frame is larger than caps say. */
	config = gst_buffer_pool_get_config(pool);
	(void)gst_buffer_pool_config_get_params(config, NULL, &w->size, NULL, NULL);
	gst_structure_free(config);
	return pool;
}
