/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A frame of other memory in a buffer of ours: its bytes, and what GStreamer knows of it beside them. */
#ifndef FREEHOLD_GST_COPY_H
#define FREEHOLD_GST_COPY_H

#include <gst/video/video.h>

G_BEGIN_DECLS

/* info NULL: it is no raw video, and its bytes go one after the other. Where planes and lines are stays each buffer's own. FALSE: one of them
 * cannot be mapped, or `out` is too small. */
gboolean gst_freehold_copy(GstBuffer *in, GstBuffer *out, const GstVideoInfo *info);

G_END_DECLS

#endif
