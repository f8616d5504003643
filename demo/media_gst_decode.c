/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Video files, decoded into buffers of the server: who makes the pictures asks downstream where to put them, and the sink at the end answers with a pool of ours.
 * Only a decoder that insists on memory of its own is copied from.
 */
#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../gst/pool.h"
#include "media.h"

enum how { UNKNOWN, DECODED, CONVERTED, COPIED };

/* A buffer, by its number; what had been written to it when it was looked at last. */
struct looked_at {
	uint64_t id, written;
};

struct decoder {
	GstFreeholdAllocator *a;
	GstElement *pipeline, *sink, *convert;
	GstBufferPool *own; /* for pictures in foreign memory */
	enum how how;
	bool failed;
	struct looked_at looked[2 * FHC_SLOTS];
	unsigned int nr_looked;
};

/* What a picture is to whoever has it. */
struct held {
	GstBuffer *buffer;
	GstVideoFrame frame;
};

/* ---- the pipeline ---- */

static bool is_video(GstPad *pad)
{
	GstCaps *caps = gst_pad_get_current_caps(pad);
	const char *name = caps ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";
	bool is = g_str_has_prefix(name, "video/");

	if (caps)
		gst_caps_unref(caps);
	return is;
}

static void pad_added(G_GNUC_UNUSED GstElement *src, GstPad *pad, gpointer convert)
{
	GstPad *to = gst_element_get_static_pad(convert, "sink");

	if (is_video(pad) && !gst_pad_is_linked(to))
		(void)gst_pad_link(pad, to);
	gst_object_unref(to);
}

static GstBufferPool *make_pool(struct decoder *d, GstCaps *caps, guint *size)
{
	struct freehold_wants w = {.min = 2, .max = FHC_SLOTS, .video_meta = TRUE};
	GstBufferPool *pool;
	GstVideoInfo info;

	gst_allocation_params_init(&w.params);
	if (!gst_video_info_from_caps(&info, caps))
		return NULL;
	w.size = (guint)info.size;
	pool = gst_freehold_make_pool(d->a, caps, 0, d->pipeline, &w);
	*size = w.size;
	return pool;
}

/* Where to put pictures: asked of the sink, which in GStreamer 1.22 has no say in it of its own. */
static GstPadProbeReturn asked(G_GNUC_UNUSED GstPad *pad, GstPadProbeInfo *info, gpointer arg)
{
	GstQuery *q = GST_PAD_PROBE_INFO_QUERY(info);
	struct decoder *d = arg;
	GstBufferPool *pool;
	GstCaps *caps;
	guint size = 0;

	if (GST_QUERY_TYPE(q) != GST_QUERY_ALLOCATION)
		return GST_PAD_PROBE_OK;
	gst_query_parse_allocation(q, &caps, NULL);
	pool = caps ? make_pool(d, caps, &size) : NULL;
	if (!pool)
		return GST_PAD_PROBE_OK;
	gst_query_add_allocation_param(q, GST_ALLOCATOR_CAST(d->a), NULL);
	gst_query_add_allocation_pool(q, pool, size, 2, FHC_SLOTS);
	gst_query_add_allocation_meta(q, GST_VIDEO_META_API_TYPE, NULL);
	gst_object_unref(pool);
	return GST_PAD_PROBE_HANDLED;
}

static bool build(struct decoder *d, const char *path, uint32_t width, uint32_t height)
{
	GstElement *file, *decode;
	char size[64] = "", text[512];
	GError *error = NULL;
	GstPad *pad;

	if (width)
		snprintf(size, sizeof(size), ",width=%u,height=%u", width, height);
	snprintf(text, sizeof(text),
		 "filesrc name=file ! decodebin name=decode "
		 "videoconvert name=convert ! videoscale ! video/x-raw,format={NV12,I420}%s ! "
		 "appsink name=sink sync=false max-buffers=2 enable-last-sample=false "
		 "wait-on-eos=false",
		 size);
	d->pipeline = gst_parse_launch(text, &error);
	if (error) {
		g_error_free(error);
		return false;
	}
	file = gst_bin_get_by_name(GST_BIN(d->pipeline), "file");
	decode = gst_bin_get_by_name(GST_BIN(d->pipeline), "decode");
	d->convert = gst_bin_get_by_name(GST_BIN(d->pipeline), "convert");
	d->sink = gst_bin_get_by_name(GST_BIN(d->pipeline), "sink");
	g_object_set(file, "location", path, NULL);
	g_signal_connect(decode, "pad-added", G_CALLBACK(pad_added), d->convert);
	pad = gst_element_get_static_pad(d->sink, "sink");
	(void)gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, asked, d, NULL);
	gst_object_unref(pad);
	gst_object_unref(file);
	gst_object_unref(decode);
	return true;
}

struct decoder *decoder_open(const char *path, const char *socket, const char *heap, uint32_t width,
			     uint32_t height, char why[TEXT_MAX])
{
	struct decoder *d = calloc(1, sizeof(*d));
	struct decoder_counts counts;
	GError *e = NULL;

	gst_init(NULL, NULL);
	if (!d)
		return NULL;
	d->a = gst_freehold_allocator_new(socket, heap, "decoder");
	if (access(path, R_OK))
		snprintf(why, TEXT_MAX, "cannot be read");
	else if (!gst_freehold_allocator_open(d->a, &e))
		snprintf(why, TEXT_MAX, "%s", e->message);
	else if (!build(d, path, width, height))
		snprintf(why, TEXT_MAX, "GStreamer cannot make the decoder");
	else if (gst_element_set_state(d->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
		return d;
	g_clear_error(&e);
	decoder_close(d, &counts);
	return NULL;
}

void decoder_end(struct decoder *d)
{
	(void)gst_element_send_event(d->pipeline, gst_event_new_eos());
}

void decoder_stop(struct decoder *d)
{
	if (d->pipeline)
		(void)gst_element_set_state(d->pipeline, GST_STATE_NULL);
}

void decoder_close(struct decoder *d, struct decoder_counts *counts)
{
	struct freehold_stats stats;

	*counts = (struct decoder_counts){0};
	if (!d)
		return;
	decoder_stop(d);
	if (d->own) {
		(void)gst_buffer_pool_set_active(d->own, FALSE);
		gst_object_unref(d->own);
	}
	gst_freehold_allocator_stats(d->a, &stats);
	*counts = (struct decoder_counts){stats.written, stats.allocations, stats.by_page};
	g_clear_object(&d->sink);
	g_clear_object(&d->convert);
	g_clear_object(&d->pipeline);
	g_object_unref(d->a);
	free(d);
}

/* ---- pictures ---- */

/* An error on the way gives no sample either; it would be waited for in vain without a look at the bus. */
static int pull(struct decoder *d, GstSample **sample)
{
	GstBus *bus = gst_element_get_bus(d->pipeline);
	GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);

	gst_object_unref(bus);
	if (m) {
		d->failed = true;
		gst_message_unref(m);
	}
	*sample = gst_app_sink_try_pull_sample(GST_APP_SINK(d->sink), 20 * GST_MSECOND);
	if (*sample)
		return 0;
	return d->failed || gst_app_sink_is_eos(GST_APP_SINK(d->sink)) ? -ENODATA : -EAGAIN;
}

bool decoder_failed(const struct decoder *d)
{
	return d->failed;
}

void decoder_why(struct decoder *d, char why[TEXT_MAX])
{
	GError *e = gst_freehold_allocator_last_error(d->a);

	snprintf(why, TEXT_MAX, "%s",
		 e	  ? e->message
		 : d->how ? "it cannot be decoded any further"
			  : "no picture in it that can be decoded");
	g_clear_error(&e);
}

static bool is_ours(GstBuffer *b)
{
	return gst_buffer_n_memory(b) == 1 && gst_freehold_is_memory(gst_buffer_peek_memory(b, 0));
}

/* The picture is somewhere else: this is the camera's one write then. Consumes b. */
static GstBuffer *copy(struct decoder *d, GstBuffer *b, GstCaps *caps, const GstVideoInfo *info)
{
	GstVideoFrame from, to;
	GstBuffer *own = NULL;
	guint size;

	if (!d->own) {
		d->own = make_pool(d, caps, &size);
		if (d->own)
			(void)gst_buffer_pool_set_active(d->own, TRUE);
	}
	if (d->own && gst_buffer_pool_acquire_buffer(d->own, &own, NULL) == GST_FLOW_OK &&
	    gst_video_frame_map(&from, info, b, GST_MAP_READ)) {
		if (gst_video_frame_map(&to, info, own, GST_MAP_WRITE)) {
			(void)gst_video_frame_copy(&to, &from);
			gst_video_frame_unmap(&to);
		}
		gst_video_frame_unmap(&from);
	}
	gst_buffer_unref(b);
	return own;
}

static enum how who_wrote(struct decoder *d, const GstVideoInfo *info, bool ours)
{
	GstPad *pad = gst_element_get_static_pad(d->convert, "sink");
	GstCaps *caps = gst_pad_get_current_caps(pad);
	GstVideoInfo decoded;
	bool same = caps && gst_video_info_from_caps(&decoded, caps) &&
		    GST_VIDEO_INFO_FORMAT(&decoded) == GST_VIDEO_INFO_FORMAT(info) &&
		    GST_VIDEO_INFO_WIDTH(&decoded) == GST_VIDEO_INFO_WIDTH(info) &&
		    GST_VIDEO_INFO_HEIGHT(&decoded) == GST_VIDEO_INFO_HEIGHT(info);

	if (caps)
		gst_caps_unref(caps);
	gst_object_unref(pad);
	return !ours ? COPIED : same ? DECODED : CONVERTED;
}

const char *decoder_how(const struct decoder *d)
{
	static const char *const text[] = {
		[UNKNOWN] = "",
		[DECODED] = "the decoder writes into the ring",
		[CONVERTED] = "converted into the ring: the camera's one write",
		[COPIED] = "copied into the ring: the camera's one write",
	};

	return text[d->how];
}

static uint64_t newly_written(struct decoder *d, GstMemory *mem, uint64_t id)
{
	uint64_t now = gst_freehold_memory_written(mem), before;
	unsigned int n = 0;

	while (n < d->nr_looked && d->looked[n].id != id)
		n++;
	if (n == d->nr_looked) {
		n = d->nr_looked < 2 * FHC_SLOTS ? d->nr_looked++ : (unsigned int)(id % n);
		d->looked[n] = (struct looked_at){.id = id};
	}
	before = d->looked[n].written;
	d->looked[n].written = now;
	return now - before;
}

static void describe(struct decoded *p, const GstVideoFrame *f, GstMemory *mem)
{
	const guint8 *begin;

	p->v.width = p->format.width = (uint32_t)GST_VIDEO_FRAME_WIDTH(f);
	p->v.height = p->format.height = (uint32_t)GST_VIDEO_FRAME_HEIGHT(f);
	p->v.planes = p->format.nr_planes = GST_VIDEO_FRAME_N_PLANES(f);
	p->format.fourcc = p->v.planes == 2 ? FHC_NV12 : FHC_FOURCC('Y', 'U', '1', '2');
	begin = (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(f, 0) -
		GST_VIDEO_FRAME_PLANE_OFFSET(f, 0) - mem->offset;
	for (unsigned int i = 0; i < p->v.planes; i++) {
		p->v.plane[i] = GST_VIDEO_FRAME_PLANE_DATA(f, i);
		p->format.offset[i] = (uint32_t)(p->v.plane[i] - begin);
		p->v.stride[i] = p->format.stride[i] = (uint32_t)GST_VIDEO_FRAME_PLANE_STRIDE(f, i);
	}
}

static int take(struct decoder *d, GstSample *sample, struct decoded *p)
{
	GstBuffer *b = gst_buffer_ref(gst_sample_get_buffer(sample));
	struct held *h = malloc(sizeof(*h));
	GstMemory *mem;
	GstVideoInfo info;
	bool ours = is_ours(b);

	if (!h || !gst_video_info_from_caps(&info, gst_sample_get_caps(sample))) {
		gst_buffer_unref(b);
		free(h);
		return -ENODATA;
	}
	d->how = MAX(d->how, who_wrote(d, &info, ours));
	if (!ours)
		b = copy(d, b, gst_sample_get_caps(sample), &info);
	if (!b || !gst_video_frame_map(&h->frame, &info, b, GST_MAP_READ)) {
		if (b)
			gst_buffer_unref(b);
		free(h);
		return -ENODATA;
	}
	h->buffer = b;
	mem = gst_buffer_peek_memory(b, 0);
	*p = (struct decoded){.held = h, .buf.fd = -1};
	describe(p, &h->frame, mem);
	p->buf.id = gst_freehold_memory_id(mem);
	p->buf.size = gst_freehold_memory_size(mem);
	p->written = newly_written(d, mem, p->buf.id);
	return 0;
}

int decoder_next(struct decoder *d, struct decoded *p)
{
	GstSample *sample;
	int err = pull(d, &sample);

	if (err)
		return err;
	err = take(d, sample, p);
	gst_sample_unref(sample);
	return err;
}

void decoder_give_back(G_GNUC_UNUSED struct decoder *d, void *held)
{
	struct held *h = held;

	gst_video_frame_unmap(&h->frame);
	gst_buffer_unref(h->buffer);
	free(h);
}

int decoder_export(G_GNUC_UNUSED struct decoder *d, void *held, int *fd)
{
	struct held *h = held;
	guint64 id, size;

	return gst_freehold_memory_export(gst_buffer_peek_memory(h->buffer, 0), &id, &size, fd);
}
