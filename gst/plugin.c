/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The plugin's entry: what GStreamer asks for when it scans libgstfreehold.so. */
#include "element.h"

GST_DEBUG_CATEGORY(gst_freehold_debug);

#define PACKAGE "freehold"

static gboolean plugin_init(GstPlugin *plugin)
{
	GST_DEBUG_CATEGORY_INIT(gst_freehold_debug, "freehold", 0, "buffers of freehold serve");
	return gst_element_register(plugin, "freeholdpool", GST_RANK_NONE,
				    gst_freehold_pool_get_type()) &&
	       gst_element_register(plugin, "freeholdsink", GST_RANK_NONE,
				    gst_freehold_sink_get_type()) &&
	       gst_element_register(plugin, "freeholdsrc", GST_RANK_NONE,
				    gst_freehold_src_get_type());
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, freehold,
		  "Pipelines in contiguous buffers of `freehold serve`", plugin_init,
		  FREEHOLD_VERSION, "BSD", "freehold", "freehold")
