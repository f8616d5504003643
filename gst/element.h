/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the elements of the plugin share: their types, their debug category, and words for where a buffer came from. */
#ifndef FREEHOLD_GST_ELEMENT_H
#define FREEHOLD_GST_ELEMENT_H

#include <gst/gst.h>
#include "allocator.h"

G_BEGIN_DECLS

#define FREEHOLD_AUTHOR "freehold developers"

GST_DEBUG_CATEGORY_EXTERN(gst_freehold_debug);

GType gst_freehold_pool_get_type(void);

/* Posts an error that somebody else has found; takes it over. */
void gst_freehold_post(GstElement *element, GError *e);
/* The element that made what comes in at this sink pad: queues and their like are looked through. The caller's to free; never NULL. *tee: one
 * of them was a tee, which keeps pools and allocators from who is above it. */
char *gst_freehold_who_made(GstPad *pad, gboolean *tee);
/* The first memory of a buffer that is not from `heap` (NULL: any) of a server of ours; NULL: all are. */
GstMemory *gst_freehold_foreign(GstBuffer *buf, const char *heap);
/* The DRM fourcc of a format, as linux/drm_fourcc.h has it, linear; 0: DRM has none. */
guint32 gst_freehold_fourcc(const char *format);
/* And back; NULL: GStreamer has none. */
const char *gst_freehold_format(guint32 fourcc);

G_END_DECLS

#endif
