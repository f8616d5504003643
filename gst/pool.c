/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The buffer pool: GstVideoBufferPool with our allocator, and a voice when it fails. */
#include "pool.h"

struct _GstFreeholdBufferPool {
	GstVideoBufferPool parent;

	GstFreeholdAllocator *a;
	guint stride_align;
	GWeakRef reporter;
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

static GstFlowReturn alloc_buffer(GstBufferPool *pool, GstBuffer **buffer,
				  GstBufferPoolAcquireParams *params)
{
	GstFreeholdBufferPool *p = GST_FREEHOLD_BUFFER_POOL(pool);
	GstBufferPoolClass *class = GST_BUFFER_POOL_CLASS(gst_freehold_buffer_pool_parent_class);
	GstFlowReturn flow = class->alloc_buffer(pool, buffer, params);
	g_autoptr(GstElement) reporter = NULL;
	g_autoptr(GError) e = NULL;

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
	/* It frees the buffers that are still in it. */
	G_OBJECT_CLASS(gst_freehold_buffer_pool_parent_class)->finalize(object);
}

static void dispose(GObject *object)
{
	G_OBJECT_CLASS(gst_freehold_buffer_pool_parent_class)->dispose(object);
	g_clear_object(&GST_FREEHOLD_BUFFER_POOL(object)->a);
}

static void gst_freehold_buffer_pool_class_init(GstFreeholdBufferPoolClass *class)
{
	G_OBJECT_CLASS(class)->finalize = finalize;
	G_OBJECT_CLASS(class)->dispose = dispose;
	GST_BUFFER_POOL_CLASS(class)->set_config = set_config;
	GST_BUFFER_POOL_CLASS(class)->alloc_buffer = alloc_buffer;
}

static void gst_freehold_buffer_pool_init(GstFreeholdBufferPool *p)
{
	g_weak_ref_init(&p->reporter, NULL);
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
