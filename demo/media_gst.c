/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Video files and encoders of GStreamer. */
#include <fcntl.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "media.h"

/* ---- files ---- */

struct decoder {
	GstElement *pipeline, *sink;
	GstSample *sample;
	GstVideoFrame frame;
};

static bool is_video(GstElement *src, GstPad *pad)
{
	GstCaps *caps = gst_pad_get_current_caps(pad);
	const char *name = caps ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";
	bool is = g_str_has_prefix(name, "video/");

	(void)src;
	if (caps)
		gst_caps_unref(caps);
	return is;
}

static void pad_added(GstElement *src, GstPad *pad, gpointer convert)
{
	GstPad *to = gst_element_get_static_pad(convert, "sink");

	if (is_video(src, pad) && !gst_pad_is_linked(to))
		(void)gst_pad_link(pad, to);
	gst_object_unref(to);
}

struct decoder *decoder_open(const char *path, uint32_t width, uint32_t height, const char **why)
{
	struct decoder *d;
	GstElement *file, *decode, *convert;
	char size[64] = "", text[512];
	GError *error = NULL;

	gst_init(NULL, NULL);
	*why = "GStreamer cannot make the decoder";
	if (access(path, R_OK)) {
		*why = "cannot be read";
		return NULL;
	}
	d = g_new0(struct decoder, 1);
	if (width)
		snprintf(size, sizeof(size), ",width=%u,height=%u", width, height);
	snprintf(text, sizeof(text),
		 "filesrc name=file ! decodebin name=decode "
		 "videoconvert name=convert ! videoscale ! video/x-raw,format=NV12%s ! "
		 "appsink name=sink sync=false max-buffers=3 enable-last-sample=false",
		 size);
	d->pipeline = gst_parse_launch(text, &error);
	if (error) {
		g_error_free(error);
		g_clear_object(&d->pipeline);
		g_free(d);
		return NULL;
	}
	file = gst_bin_get_by_name(GST_BIN(d->pipeline), "file");
	decode = gst_bin_get_by_name(GST_BIN(d->pipeline), "decode");
	convert = gst_bin_get_by_name(GST_BIN(d->pipeline), "convert");
	d->sink = gst_bin_get_by_name(GST_BIN(d->pipeline), "sink");
	g_object_set(file, "location", path, NULL);
	g_signal_connect(decode, "pad-added", G_CALLBACK(pad_added), convert);
	gst_object_unref(file);
	gst_object_unref(decode);
	gst_object_unref(convert);
	(void)gst_element_set_state(d->pipeline, GST_STATE_PLAYING);
	return d;
}

static void put_back(struct decoder *d)
{
	if (!d->sample)
		return;
	gst_video_frame_unmap(&d->frame);
	gst_sample_unref(d->sample);
	d->sample = NULL;
}

/* An error on the way gives no sample either; it would be waited for in vain without a look at the bus. */
static GstSample *pull(struct decoder *d)
{
	GstBus *bus = gst_element_get_bus(d->pipeline);
	GstSample *sample = NULL;
	bool over = false;

	while (!sample && !over) {
		GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);

		sample = gst_app_sink_try_pull_sample(GST_APP_SINK(d->sink), 100 * GST_MSECOND);
		over = m || (!sample && gst_app_sink_is_eos(GST_APP_SINK(d->sink)));
		if (m)
			gst_message_unref(m);
	}
	gst_object_unref(bus);
	return sample;
}

bool decoder_next(struct decoder *d, struct view *v)
{
	GstVideoInfo info;

	put_back(d);
	d->sample = pull(d);
	if (!d->sample)
		return false;
	if (!gst_video_info_from_caps(&info, gst_sample_get_caps(d->sample)) ||
	    !gst_video_frame_map(&d->frame, &info, gst_sample_get_buffer(d->sample),
				 GST_MAP_READ)) {
		gst_sample_unref(d->sample);
		d->sample = NULL;
		return false;
	}
	v->width = (uint32_t)GST_VIDEO_FRAME_WIDTH(&d->frame);
	v->height = (uint32_t)GST_VIDEO_FRAME_HEIGHT(&d->frame);
	for (unsigned int i = 0; i < 2; i++) {
		v->plane[i] = GST_VIDEO_FRAME_PLANE_DATA(&d->frame, i);
		v->stride[i] = (uint32_t)GST_VIDEO_FRAME_PLANE_STRIDE(&d->frame, i);
	}
	return true;
}

void decoder_close(struct decoder *d)
{
	if (!d)
		return;
	put_back(d);
	(void)gst_element_set_state(d->pipeline, GST_STATE_NULL);
	gst_object_unref(d->sink);
	gst_object_unref(d->pipeline);
	g_free(d);
}

/* ---- encoders ---- */

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

static struct encoder *make(unsigned int which, const struct view *v, uint32_t rate,
			    const char *path)
{
	struct encoder *e = g_new0(struct encoder, 1);
	GstElement *encode, *file;
	GError *error = NULL;
	char text[512];
	GstPad *pad;

	snprintf(text, sizeof(text),
		 "appsrc name=src format=time is-live=false max-buffers=0 max-bytes=0 block=false "
		 "caps=video/x-raw,format=NV12,width=%u,height=%u,framerate=%u/1 ! %s ! %s",
		 v->width, v->height, rate, encoders[which].text,
		 *path ? "" : "fakesink sync=false");
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

struct encoder *encoder_open(const struct view *v, uint32_t rate, const char *path,
			     const char **name)
{
	gst_init(NULL, NULL);
	for (unsigned int i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++) {
		GstElementFactory *f = gst_element_factory_find(encoders[i].element);
		struct encoder *e;

		if (!f)
			continue;
		gst_object_unref(f);
		e = make(i, v, rate, path);
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

bool encoder_push(struct encoder *e, const void *at, size_t size, uint32_t slot, uint64_t seq)
{
	struct lent *l = g_new(struct lent, 1);
	GstBuffer *b;

	*l = (struct lent){e->done[1], (uint8_t)slot};
	/* A map for reading: whoever in the pipeline wrote to it would die of it. */
	b = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, (gpointer)(uintptr_t)at, size, 0,
					size, l, given_back);
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
