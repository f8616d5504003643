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
GType gst_freehold_sink_get_type(void);
GType gst_freehold_src_get_type(void);

/* Those that have a fourcc, for pad templates. */
#define FREEHOLD_FORMATS                                                                           \
	"{ I420, YV12, NV12, NV21, NV16, NV61, NV24, Y42B, Y444, YUY2, UYVY, YVYU, VYUY, AYUV, "   \
	"BGRx, BGRA, "                                                                             \
	"RGBx, RGBA, xRGB, ARGB, xBGR, ABGR, RGB, BGR, RGB16, BGR16, P010_10LE, GRAY8 }"

/* Properties `socket` and `heap` (0: without). */
void gst_freehold_install_server(GObjectClass *class, guint socket, guint heap);

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
