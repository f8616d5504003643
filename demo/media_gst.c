/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Encoders of GStreamer. */
#include <fcntl.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "media.h"

struct encoder {
	GstElement *pipeline, *src;
	uint32_t rate;
	int done[2]; /* slots, as bytes */
	_Atomic(uint64_t) bytes;
};

static const struct {
	const char *element, *text, *ends;
} encoders[] = {
	{"x264enc",
	 "x264enc name=encode speed-preset=ultrafast tune=zerolatency threads=2 bitrate=8000",
	 "video/x-h264,stream-format=avc ! matroskamux"},
	{"vp8enc", "vp8enc name=encode deadline=1 cpu-used=16 threads=2 target-bitrate=8000000",
	 "webmmux"},
};

static GstPadProbeReturn count(GstPad *pad, GstPadProbeInfo *info, gpointer arg)
{
	struct encoder *e = arg;

	(void)pad;
	atomic_fetch_add(&e->bytes, gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info)));
	return GST_PAD_PROBE_OK;
}

static GstVideoFormat of_fourcc(uint32_t fourcc)
{
	return fourcc == FHC_NV12 ? GST_VIDEO_FORMAT_NV12 : GST_VIDEO_FORMAT_I420;
}

static struct encoder *make(unsigned int which, const struct fhc_format *f, uint32_t rate,
			    const char *path)
{
	struct encoder *e = g_new0(struct encoder, 1);
	GstElement *encode, *file;
	GError *error = NULL;
	char text[512];
	GstPad *pad;

	snprintf(text, sizeof(text),
		 "appsrc name=src format=time is-live=false max-buffers=0 max-bytes=0 block=false "
		 "caps=video/x-raw,format=%s,width=%u,height=%u,framerate=%u/1 ! %s ! %s",
		 gst_video_format_to_string(of_fourcc(f->fourcc)), f->width, f->height, rate,
		 encoders[which].text, *path ? "" : "fakesink sync=false");
	if (*path)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s ! filesink name=file", encoders[which].ends);
	e->pipeline = gst_parse_launch(text, &error);
	if (error || pipe2(e->done, O_CLOEXEC | O_NONBLOCK)) {
		g_clear_error(&error);
		g_clear_object(&e->pipeline);
		g_free(e);
		return NULL;
	}
	e->src = gst_bin_get_by_name(GST_BIN(e->pipeline), "src");
	encode = gst_bin_get_by_name(GST_BIN(e->pipeline), "encode");
	pad = gst_element_get_static_pad(encode, "src");
	(void)gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, e, NULL);
	gst_object_unref(pad);
	gst_object_unref(encode);
	file = gst_bin_get_by_name(GST_BIN(e->pipeline), "file");
	if (file) {
		g_object_set(file, "location", path, NULL);
		gst_object_unref(file);
	}
	(void)gst_element_set_state(e->pipeline, GST_STATE_PLAYING);
	return e;
}

struct encoder *encoder_open(const struct fhc_format *f, uint32_t rate, const char *path,
			     const char **name)
{
	gst_init(NULL, NULL);
	for (unsigned int i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++) {
		GstElementFactory *factory = gst_element_factory_find(encoders[i].element);
		struct encoder *e;

		if (!factory)
			continue;
		gst_object_unref(factory);
		e = make(i, f, rate, path);
		if (!e)
			continue;
		e->rate = rate;
		*name = encoders[i].element;
		return e;
	}
	*name = "no encoder: encode only reads and checksums";
	return NULL;
}

/* The memory that wraps a picture is read no more; on whatever thread that is. */
struct lent {
	int fd;
	uint8_t slot;
};

static void given_back(gpointer arg)
{
	struct lent *l = arg;

	(void)!write(l->fd, &l->slot, 1);
	g_free(l);
}

bool encoder_push(struct encoder *e, const void *at, size_t size, const struct fhc_format *f,
		  uint32_t slot, uint64_t seq)
{
	struct lent *l = g_new(struct lent, 1);
	gsize offset[GST_VIDEO_MAX_PLANES] = {0};
	gint stride[GST_VIDEO_MAX_PLANES] = {0};
	GstBuffer *b;

	*l = (struct lent){e->done[1], (uint8_t)slot};
	/* A map for reading: whoever in the pipeline wrote to it would die of it. */
	b = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, (gpointer)(uintptr_t)at, size, 0,
					size, l, given_back);
	for (uint32_t i = 0; i < f->nr_planes; i++) {
		offset[i] = f->offset[i];
		stride[i] = (gint)f->stride[i];
	}
	(void)gst_buffer_add_video_meta_full(b, GST_VIDEO_FRAME_FLAG_NONE, of_fourcc(f->fourcc),
					     f->width, f->height, f->nr_planes, offset, stride);
	GST_BUFFER_PTS(b) = gst_util_uint64_scale(seq, GST_SECOND, e->rate);
	GST_BUFFER_DURATION(b) = gst_util_uint64_scale(1, GST_SECOND, e->rate);
	return gst_app_src_push_buffer(GST_APP_SRC(e->src), b) == GST_FLOW_OK;
}

int encoder_fd(const struct encoder *e)
{
	return e->done[0];
}

int encoder_done(struct encoder *e)
{
	uint8_t slot;

	return read(e->done[0], &slot, 1) == 1 ? slot : -1;
}

uint64_t encoder_close(struct encoder *e, bool *good)
{
	GstBus *bus = gst_element_get_bus(e->pipeline);
	GstMessage *m;
	uint64_t bytes;

	(void)gst_app_src_end_of_stream(GST_APP_SRC(e->src));
	m = gst_bus_timed_pop_filtered(bus, 5 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
	*good = m && GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS;
	if (m)
		gst_message_unref(m);
	gst_object_unref(bus);
	(void)gst_element_set_state(e->pipeline, GST_STATE_NULL);
	gst_object_unref(e->src);
	gst_object_unref(e->pipeline);
	bytes = atomic_load(&e->bytes);
	close(e->done[0]);
	close(e->done[1]);
	g_free(e);
	return bytes;
}
