/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * importsrc takes downstream's pool or fails, wants four buffers before it starts, and fills each by its descriptor, as a driver would, never through
 * GStreamer's maps. importsink asks for strides of a multiple of 128 and three buffers, and reads by descriptor, with the strides of GstVideoMeta.
 */
#include "shapes.h"

#include <gst/allocators/gstdmabuf.h>
#include <gst/base/gstbasesink.h>
#include <gst/base/gstpushsrc.h>
#include <gst/video/gstvideopool.h>
#include <gst/video/video.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CAPS "video/x-raw,format=NV12,width=600,height=360,framerate=30/1"

static GstStaticPadTemplate src_pad =
	GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(CAPS));
static GstStaticPadTemplate sink_pad = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
							       GST_STATIC_CAPS("video/x-raw"));

/* Maps the only memory of a buffer by its descriptor; NULL: no driver could. */
static guint8 *by_descriptor(GstBuffer *buf, int prot, gsize *size)
{
	GstMemory *mem = gst_buffer_peek_memory(buf, 0);
	gsize offset, max;
	struct stat st;
	void *at;

	*size = gst_memory_get_sizes(mem, &offset, &max);
	if (gst_buffer_n_memory(buf) != 1 || !gst_is_dmabuf_memory(mem) ||
	    fstat(gst_dmabuf_memory_get_fd(mem), &st) || offset || (gsize)st.st_size < max)
		return NULL;
	at = mmap(NULL, *size, prot, MAP_SHARED, gst_dmabuf_memory_get_fd(mem), 0);
	return at == MAP_FAILED ? NULL : at;
}

/* ---- as v4l2src ---- */

typedef struct {
	GstPushSrc parent;
	guint8 n;
} ImportSrc;
typedef GstPushSrcClass ImportSrcClass;
G_DEFINE_TYPE(ImportSrc, import_src, GST_TYPE_PUSH_SRC)

static gboolean import_src_decide(GstBaseSrc *src, GstQuery *query)
{
	GstBufferPool *pool = NULL;
	GstStructure *config;
	guint size, min, max;
	GstCaps *caps;

	gst_query_parse_allocation(query, &caps, NULL);
	if (gst_query_get_n_allocation_pools(query) > 0)
		gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
	if (!pool) {
		GST_ELEMENT_ERROR(src, RESOURCE, SETTINGS, ("no pool downstream to import from"),
				  (NULL));
		return FALSE;
	}
	config = gst_buffer_pool_get_config(pool);
	gst_buffer_pool_config_set_params(config, caps, size, MAX(min, 4), max);
	gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	gst_query_set_nth_allocation_pool(query, 0, pool, size, MAX(min, 4), max);
	if (!gst_buffer_pool_set_config(pool, config))
		GST_ELEMENT_ERROR(src, RESOURCE, SETTINGS, ("the pool refuses its configuration"),
				  (NULL));
	gst_object_unref(pool);
	return TRUE;
}

static GstFlowReturn import_src_fill(GstPushSrc *src, GstBuffer *buf)
{
	ImportSrc *s = (ImportSrc *)src;
	gsize size;
	guint8 *at = by_descriptor(buf, PROT_READ | PROT_WRITE, &size);

	if (!at) {
		GST_ELEMENT_ERROR(src, RESOURCE, WRITE, ("a buffer that no driver could import"),
				  (NULL));
		return GST_FLOW_ERROR;
	}
	memset(at, s->n++, size);
	munmap(at, size);
	return GST_FLOW_OK;
}

static void import_src_class_init(ImportSrcClass *class)
{
	gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(class), &src_pad);
	gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(class), "importsrc", "Source/Video",
					      "test", "freehold developers");
	GST_BASE_SRC_CLASS(class)->decide_allocation = import_src_decide;
	class->fill = import_src_fill;
}

static void import_src_init(ImportSrc *s)
{
	GstVideoInfo info;
	g_autoptr(GstCaps) caps = gst_caps_from_string(CAPS);

	(void)gst_video_info_from_caps(&info, caps);
	gst_base_src_set_blocksize(GST_BASE_SRC(s), (guint)info.size);
	gst_base_src_set_format(GST_BASE_SRC(s), GST_FORMAT_TIME);
}

/* ---- as v4l2sink ---- */

typedef struct {
	GstBaseSink parent;
	guint8 n;
} ImportSink;
typedef GstBaseSinkClass ImportSinkClass;
G_DEFINE_TYPE(ImportSink, import_sink, GST_TYPE_BASE_SINK)

static gboolean import_sink_propose(GstBaseSink *sink, GstQuery *query)
{
	GstBufferPool *pool = gst_video_buffer_pool_new();
	GstStructure *config = gst_buffer_pool_get_config(pool);
	GstVideoAlignment va;
	GstVideoInfo info;
	GstCaps *caps;

	(void)sink;
	gst_query_parse_allocation(query, &caps, NULL);
	if (!gst_video_info_from_caps(&info, caps))
		return FALSE;
	gst_video_alignment_reset(&va);
	for (int n = 0; n < GST_VIDEO_MAX_PLANES; n++)
		va.stride_align[n] = 127;
	gst_buffer_pool_config_set_params(config, caps, (guint)info.size, 3, 0);
	gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
	gst_buffer_pool_config_set_video_alignment(config, &va);
	(void)gst_buffer_pool_set_config(pool, config);
	gst_query_add_allocation_pool(query, pool, (guint)info.size, 3, 0);
	gst_object_unref(pool);
	gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	return TRUE;
}

static GstFlowReturn import_sink_render(GstBaseSink *sink, GstBuffer *buf)
{
	ImportSink *s = (ImportSink *)sink;
	const GstVideoMeta *meta = gst_buffer_get_video_meta(buf);
	gsize size;
	guint8 *at = by_descriptor(buf, PROT_READ, &size);
	gsize last = meta ? meta->offset[1] + (gsize)meta->stride[1] * (meta->height / 2) - 1 : 0;
	gboolean good = at && meta && last < size && meta->stride[0] % 128 == 0 &&
			meta->offset[1] % 128 == 0 && at[0] == s->n && at[last] == s->n;

	if (at)
		munmap(at, size);
	s->n++;
	if (good)
		return GST_FLOW_OK;
	GST_ELEMENT_ERROR(sink, RESOURCE, READ,
			  ("not the bytes, or not the strides, that were agreed on"), (NULL));
	return GST_FLOW_ERROR;
}

static void import_sink_class_init(ImportSinkClass *class)
{
	gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(class), &sink_pad);
	gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(class), "importsink", "Sink/Video",
					      "test", "freehold developers");
	class->propose_allocation = import_sink_propose;
	class->render = import_sink_render;
}

static void import_sink_init(ImportSink *s)
{
	s->n = 0;
}

void shapes_register(void)
{
	gst_element_register(NULL, "importsrc", GST_RANK_NONE, import_src_get_type());
	gst_element_register(NULL, "importsink", GST_RANK_NONE, import_sink_get_type());
}
