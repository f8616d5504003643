/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Words and looks that elements have in common. */
#include "element.h"

#include <string.h>

void gst_freehold_install_server(GObjectClass *class, guint socket, guint heap)
{
	const GParamFlags flags =
		G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

	g_object_class_install_property(
		class, socket,
		g_param_spec_string("socket", "Socket",
				    "Where `freehold serve` listens (default: $FREEHOLD_SOCKET, "
				    "freehold.sock in $XDG_RUNTIME_DIR, /run/freehold.sock)",
				    NULL, flags));
	if (heap)
		g_object_class_install_property(
			class, heap,
			g_param_spec_string("heap", "Heap",
					    "The heap that buffers have to come from (default: the "
					    "server's first "
					    "area; buffers of its other heaps pass, too)",
					    NULL, flags));
}

void gst_freehold_post(GstElement *element, GError *e)
{
	gst_element_message_full(element, GST_MESSAGE_ERROR, e->domain, e->code,
				 g_strdup(e->message), NULL, __FILE__, __func__, __LINE__);
	g_error_free(e);
}

/* Elements that hand on the buffers they get, and ALLOCATION queries too. */
static gboolean hands_on(GstElement *element, gboolean *tee)
{
	static const char *const names[] = {"queue",	  "queue2", "capsfilter", "identity",
					    "capssetter", "tee",    "valve",	  NULL};
	GstElementFactory *factory = gst_element_get_factory(element);

	*tee |= factory && !g_strcmp0(GST_OBJECT_NAME(factory), "tee");
	return factory && g_strv_contains(names, GST_OBJECT_NAME(factory));
}

/* The pad that a pad of a bin stands for. Takes `pad`, gives a reference. */
static GstPad *inside(GstPad *pad)
{
	while (GST_IS_GHOST_PAD(pad)) {
		GstPad *target = gst_ghost_pad_get_target(GST_GHOST_PAD(pad));

		gst_object_unref(pad);
		pad = target;
	}
	return pad;
}

char *gst_freehold_who_made(GstPad *pad, gboolean *tee)
{
	char *name = NULL;

	*tee = FALSE;
	gst_object_ref(pad);
	while (pad) {
		GstPad *peer = gst_pad_get_peer(pad);
		GstElement *element;

		gst_object_unref(pad);
		pad = NULL;
		if (peer)
			peer = inside(peer);
		element = peer ? gst_pad_get_parent_element(peer) : NULL;
		if (element) {
			g_free(name);
			name = gst_object_get_name(GST_OBJECT_CAST(element));
			if (hands_on(element, tee))
				pad = gst_element_get_static_pad(element, "sink");
			gst_object_unref(element);
		}
		if (peer)
			gst_object_unref(peer);
	}
	return name ? name : g_strdup("the element upstream");
}

GstMemory *gst_freehold_foreign(GstBuffer *buf, const char *heap)
{
	for (guint n = 0; n < gst_buffer_n_memory(buf); n++) {
		GstMemory *mem = gst_buffer_peek_memory(buf, n);

		if (!gst_freehold_is_memory(mem) ||
		    (heap && g_strcmp0(heap, gst_freehold_allocator_heap(
						     GST_FREEHOLD_ALLOCATOR(mem->allocator)))))
			return mem;
	}
	return NULL;
}

/* GStreamer names bytes in the order of memory, DRM by a little-endian word, so the four letters are turned round where they are one. */
static const struct {
	const char *format;
	char fourcc[5];
} formats[] = {
	{"I420", "YU12"},  {"YV12", "YV12"},  {"NV12", "NV12"},	     {"NV21", "NV21"},
	{"NV16", "NV16"},  {"NV61", "NV61"},  {"NV24", "NV24"},	     {"Y42B", "YU16"},
	{"Y444", "YU24"},  {"YUY2", "YUYV"},  {"UYVY", "UYVY"},	     {"YVYU", "YVYU"},
	{"VYUY", "VYUY"},  {"AYUV", "VUYA"},  {"BGRx", "XR24"},	     {"BGRA", "AR24"},
	{"RGBx", "XB24"},  {"RGBA", "AB24"},  {"xRGB", "BX24"},	     {"ARGB", "BA24"},
	{"xBGR", "RX24"},  {"ABGR", "RA24"},  {"RGB", "BG24"},	     {"BGR", "RG24"},
	{"RGB16", "RG16"}, {"BGR16", "BG16"}, {"P010_10LE", "P010"}, {"GRAY8", "R8  "},
};

static guint32 word(const char *c)
{
	return GST_MAKE_FOURCC(c[0], c[1], c[2], c[3]);
}

guint32 gst_freehold_fourcc(const char *format)
{
	for (gsize n = 0; n < G_N_ELEMENTS(formats); n++)
		if (!g_strcmp0(formats[n].format, format))
			return word(formats[n].fourcc);
	return 0;
}

const char *gst_freehold_format(guint32 fourcc)
{
	for (gsize n = 0; n < G_N_ELEMENTS(formats); n++)
		if (word(formats[n].fourcc) == fourcc)
			return formats[n].format;
	return NULL;
}
