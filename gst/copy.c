/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Copies of frames. */
#include "copy.h"

static gboolean copy_meta(GstBuffer *in, GstMeta **meta, gpointer data)
{
	const GstMetaInfo *info = (*meta)->info;
	GstMetaTransformCopy copy = {.region = FALSE, .size = (gsize)-1};

	if (info->api != GST_VIDEO_META_API_TYPE && info->transform_func)
		info->transform_func(data, *meta, in, _gst_meta_transform_copy, &copy);
	return TRUE;
}

static gboolean copy_bytes(GstBuffer *in, GstBuffer *out, const GstVideoInfo *info)
{
	GstVideoFrame from, to;
	GstMapInfo map;
	gboolean done;

	if (!info) {
		if (!gst_buffer_map(in, &map, GST_MAP_READ))
			return FALSE;
		done = gst_buffer_fill(out, 0, map.data, map.size) == map.size;
		gst_buffer_unmap(in, &map);
		return done;
	}
	if (!gst_video_frame_map(&from, info, in, GST_MAP_READ))
		return FALSE;
	done = gst_video_frame_map(&to, info, out, GST_MAP_WRITE);
	if (done) {
		done = gst_video_frame_copy(&to, &from);
		gst_video_frame_unmap(&to);
	}
	gst_video_frame_unmap(&from);
	return done;
}

gboolean gst_freehold_copy(GstBuffer *in, GstBuffer *out, const GstVideoInfo *info)
{
	(void)gst_buffer_copy_into(out, in, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0,
				   (gsize)-1);
	(void)gst_buffer_foreach_meta(in, copy_meta, out);
	return copy_bytes(in, out, info);
}
