/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A GstVideoBufferPool whose memory is always of a GstFreeholdAllocator, whatever allocator its user configures: plane offsets and strides as
 * GstVideoAlignment and `stride-align` ask for are in each buffer's GstVideoMeta. Buffers are allocated one at a time, as they are needed.
 */
#ifndef FREEHOLD_GST_POOL_H
#define FREEHOLD_GST_POOL_H

#include <gst/video/gstvideopool.h>
#include "allocator.h"

G_BEGIN_DECLS

#define GST_TYPE_FREEHOLD_BUFFER_POOL (gst_freehold_buffer_pool_get_type())
G_DECLARE_FINAL_TYPE(GstFreeholdBufferPool, gst_freehold_buffer_pool, GST, FREEHOLD_BUFFER_POOL,
		     GstVideoBufferPool)

/* stride_align: bytes, a power of two; 0 or 1: as the format has it. reporter (may be NULL) posts why an allocation failed; it is not kept alive. */
GstBufferPool *gst_freehold_buffer_pool_new(GstFreeholdAllocator *a, guint stride_align,
					    GstElement *reporter);

/* What is wanted of buffers, whoever makes them. */
struct freehold_wants {
	guint size, min, max; /* bytes; buffers */
	guint stride_align;   /* bytes, of a pool that downstream offers; 0: none offers any */
	GstAllocationParams params;
	gboolean video_meta;
};
/* Reads out of an answered ALLOCATION query (NULL: nothing is wanted) what downstream wants. */
void gst_freehold_read_wants(GstQuery *query, struct freehold_wants *w);
/* A configured pool for raw video of these caps; *w has what a frame takes, then. NULL: it cannot be. */
GstBufferPool *gst_freehold_make_pool(GstFreeholdAllocator *a, GstCaps *caps, guint stride_align,
				      GstElement *reporter, struct freehold_wants *w);

G_END_DECLS

#endif
