/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * freeholdsrc: raw video from another program, by descriptor, as freehold/frames.h has it. A frame is pushed when its acquire fence has
 * signalled, and released when the last GstMemory of it is gone, wherever that is.
 */
#include "element.h"

#include <gst/base/gstpushsrc.h>
#include <gst/video/video.h>
#include <freehold/frames.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GST_CAT_DEFAULT gst_freehold_debug

/* The connection, which frames downstream keep alive after the element has stopped. */
struct link {
	GMutex lock;
	struct fhc_in *in;
	gatomicrefcount refs;
};

/* Of a frame that is downstream. */
struct had {
	struct link *link;
	guint32 slot;
};

typedef struct {
	GstPushSrc parent;

	char *socket, *path;
	guint depth, timeout;

	GstFreeholdAllocator *a;
	struct link *link;
	GstMemory *slot[FHC_SLOTS]; /* imported, when first seen */
	guint64 id[FHC_SLOTS];
	struct fhc_format format; /* of the caps in force */
	guint64 fps;
	gsize size; /* of a frame whose lines lie as the format has them; 0: they do not */
	int wake;
	guint64 frames, broken; /* under the object's lock */
} GstFreeholdSrc;
typedef GstPushSrcClass GstFreeholdSrcClass;

enum { PROP_0, PROP_PATH, PROP_SOCKET, PROP_DEPTH, PROP_TIMEOUT, PROP_STATS };

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
	"src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(FREEHOLD_FORMATS)));

G_DEFINE_TYPE(GstFreeholdSrc, gst_freehold_src, GST_TYPE_PUSH_SRC)

#define SRC(object) G_TYPE_CHECK_INSTANCE_CAST(object, gst_freehold_src_get_type(), GstFreeholdSrc)

static void link_unref(struct link *l)
{
	if (!l || !g_atomic_ref_count_dec(&l->refs))
		return;
	fhc_in_close(l->in);
	g_mutex_clear(&l->lock);
	g_free(l);
}

static void let_go(gpointer data)
{
	struct had *h = data;

	g_mutex_lock(&h->link->lock);
	(void)fhc_in_release(h->link->in, h->slot);
	g_mutex_unlock(&h->link->lock);
	link_unref(h->link);
	g_free(h);
}

/* ---- life ---- */

/* Producers come up in any order with us. */
static int dial(GstFreeholdSrc *s, struct fhc_in **in)
{
	gint64 end = g_get_monotonic_time() + (gint64)s->timeout * 1000;
	g_autofree char *name = gst_object_get_name(GST_OBJECT_CAST(s));
	struct pollfd p = {.fd = s->wake, .events = POLLIN};
	int err;

	if (strlen(name) > 31)
		name[31] = '\0';
	for (;;) {
		err = fhc_in_connect(s->path, name, s->depth, in);
		if ((err != -ENOENT && err != -ECONNREFUSED && err != -EAGAIN) ||
		    g_get_monotonic_time() >= end || poll(&p, 1, 20) > 0)
			return err;
	}
}

static gboolean connect_producer(GstFreeholdSrc *s)
{
	struct fhc_in *in;
	int err = s->path ? dial(s, &in) : -EINVAL;

	if (err == -EINVAL)
		GST_ELEMENT_ERROR(s, RESOURCE, SETTINGS,
				  ("path: expected where the producer is, as path=/run/camera"),
				  (NULL));
	else if (err)
		GST_ELEMENT_ERROR(
			s, RESOURCE, NOT_FOUND,
			("path=%s: no producer there (%s): start one, as `... ! freeholdsink "
			 "path=%s`, or wait longer (timeout)",
			 s->path, g_strerror(-err), s->path),
			(NULL));
	if (err)
		return FALSE;
	s->link = g_new0(struct link, 1);
	g_mutex_init(&s->link->lock);
	g_atomic_ref_count_init(&s->link->refs);
	s->link->in = in;
	return TRUE;
}

static gboolean stop(GstBaseSrc *base)
{
	GstFreeholdSrc *s = SRC(base);

	for (guint n = 0; n < FHC_SLOTS; n++) {
		g_clear_pointer(&s->slot[n], gst_memory_unref);
		s->id[n] = 0;
	}
	link_unref(g_steal_pointer(&s->link));
	g_clear_object(&s->a);
	if (s->wake >= 0)
		close(s->wake);
	s->wake = -1;
	s->format = (struct fhc_format){0};
	return TRUE;
}

static gboolean start(GstBaseSrc *base)
{
	GstFreeholdSrc *s = SRC(base);
	g_autofree char *name = gst_object_get_name(GST_OBJECT_CAST(s));
	GError *e = NULL;

	s->a = gst_freehold_allocator_new(s->socket, NULL, name);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0) {
		GST_ELEMENT_ERROR(s, RESOURCE, FAILED, ("no eventfd: %s", g_strerror(errno)),
				  (NULL));
		stop(base);
		return FALSE;
	}
	GST_OBJECT_LOCK(s);
	s->frames = s->broken = 0;
	GST_OBJECT_UNLOCK(s);
	if (gst_freehold_allocator_open(s->a, &e))
		return TRUE;
	gst_freehold_post(GST_ELEMENT_CAST(s), e);
	stop(base);
	return FALSE;
}

static gboolean unlock(GstBaseSrc *base)
{
	(void)!write(SRC(base)->wake, &(uint64_t){1}, sizeof(uint64_t));
	return TRUE;
}

static gboolean unlock_stop(GstBaseSrc *base)
{
	uint64_t all;

	(void)!read(SRC(base)->wake, &all, sizeof(all));
	return TRUE;
}

/* Caps come with the first frame. */
static gboolean negotiate(G_GNUC_UNUSED GstBaseSrc *base)
{
	return TRUE;
}

/* ---- frames ---- */

/* TRUE: fd is readable; FALSE: we are to stop. */
static gboolean wait_for(GstFreeholdSrc *s, int fd)
{
	struct pollfd p[2] = {{.fd = s->wake, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	return !(p[0].revents & POLLIN);
}

/* There are no frames, and not because the producer has died. */
static const char *why_none(int err)
{
	return err == -EUSERS ? "the producer has all the consumers that it takes"
	       : err == -EPROTO
		       ? "what answers there is no producer of frames, or of another version"
		       : g_strerror(-err);
}

static GstFlowReturn next_frame(GstFreeholdSrc *s, struct fhc_frame *f)
{
	int err;

	for (;;) {
		g_mutex_lock(&s->link->lock);
		err = fhc_in_next(s->link->in, f);
		g_mutex_unlock(&s->link->lock);
		if (err == -ENODATA)
			return GST_FLOW_EOS;
		if (err && err != -EAGAIN && err != -ECONNRESET) {
			GST_ELEMENT_ERROR(s, RESOURCE, READ,
					  ("path=%s: %s", s->path, why_none(err)), (NULL));
			return GST_FLOW_ERROR;
		}
		if (err == -ECONNRESET) {
			GST_ELEMENT_WARNING(
				s, RESOURCE, READ,
				("path=%s: the producer is gone without a word (%s): the stream "
				 "ends here",
				 s->path, g_strerror(-err)),
				(NULL));
			return GST_FLOW_EOS;
		}
		if (!err)
			return GST_FLOW_OK;
		if (!wait_for(s, fhc_in_fd(s->link->in)))
			return GST_FLOW_FLUSHING;
	}
}

static void drop(GstFreeholdSrc *s, guint32 slot)
{
	g_mutex_lock(&s->link->lock);
	(void)fhc_in_release(s->link->in, slot);
	g_mutex_unlock(&s->link->lock);
}

/* OK: the bytes are there; CUSTOM_SUCCESS: they will never be. */
static GstFlowReturn wait_written(GstFreeholdSrc *s, struct fhc_frame *f)
{
	GstFlowReturn flow = GST_FLOW_OK;

	if (f->fence < 0)
		return flow;
	if (!wait_for(s, f->fence))
		flow = GST_FLOW_FLUSHING;
	else if (fhc_fence_state(f->fence) < 0)
		flow = GST_FLOW_CUSTOM_SUCCESS;
	close(f->fence);
	if (flow == GST_FLOW_CUSTOM_SUCCESS) {
		GST_OBJECT_LOCK(s);
		s->broken++;
		GST_OBJECT_UNLOCK(s);
	}
	return flow;
}

static gboolean import(GstFreeholdSrc *s, guint32 slot, struct fhc_format *format)
{
	struct fhc_buffer buf;
	GError *e = NULL;
	int err, fd;

	g_mutex_lock(&s->link->lock);
	err = fhc_in_buffer(s->link->in, slot, &buf, format);
	fd = err ? -1 : fcntl(buf.fd, F_DUPFD_CLOEXEC, 0);
	g_mutex_unlock(&s->link->lock);
	if (fd < 0) {
		GST_ELEMENT_ERROR(s, RESOURCE, READ,
				  ("path=%s: a frame's buffer cannot be had: %s", s->path,
				   g_strerror(err ? -err : errno)),
				  (NULL));
		return FALSE;
	}
	if (s->slot[slot] && s->id[slot] == buf.id) {
		close(fd);
		return TRUE;
	}
	g_clear_pointer(&s->slot[slot], gst_memory_unref);
	s->slot[slot] = gst_freehold_allocator_import(s->a, fd, FALSE, &e);
	if (!s->slot[slot]) {
		close(fd);
		gst_freehold_post(GST_ELEMENT_CAST(s), e);
		return FALSE;
	}
	s->id[slot] = buf.id;
	return TRUE;
}

/* Buffers are whole pages; who takes a frame without looking at its GstVideoMeta is not to see what is behind it. */
static gsize plain_size(const struct fhc_format *f)
{
	GstVideoInfo info;

	if (!gst_video_info_set_format(&info,
				       gst_video_format_from_string(gst_freehold_format(f->fourcc)),
				       f->width, f->height))
		return 0;
	for (guint n = 0; n < GST_VIDEO_INFO_N_PLANES(&info); n++)
		if (f->stride[n] != (guint32)GST_VIDEO_INFO_PLANE_STRIDE(&info, n) ||
		    f->offset[n] != GST_VIDEO_INFO_PLANE_OFFSET(&info, n))
			return 0;
	return info.size;
}

/* The library does not know each format that GStreamer has, and a producer may be hostile: nothing is to be read behind the buffer. */
static gboolean is_readable(GstFreeholdSrc *s, const struct fhc_format *f, gsize size)
{
	const char *name = gst_freehold_format(f->fourcc);
	gboolean good = !f->modifier;
	GstVideoInfo info;

	if (!name) {
		GST_ELEMENT_ERROR(s, STREAM, FORMAT,
				  ("the producer's DRM format %" GST_FOURCC_FORMAT
				   " is none that GStreamer has",
				   GST_FOURCC_ARGS(f->fourcc)),
				  (NULL));
		return FALSE;
	}
	good = good &&
	       gst_video_info_set_format(&info, gst_video_format_from_string(name), f->width,
					 f->height) &&
	       f->nr_planes == GST_VIDEO_INFO_N_PLANES(&info);
	for (guint n = 0; good && n < GST_VIDEO_INFO_N_COMPONENTS(&info); n++) {
		guint plane = (guint)GST_VIDEO_INFO_COMP_PLANE(&info, n);
		guint64 rows = (guint64)GST_VIDEO_INFO_COMP_HEIGHT(&info, n);
		guint64 line = (guint64)GST_VIDEO_INFO_COMP_WIDTH(&info, n) *
			       (guint64)GST_VIDEO_INFO_COMP_PSTRIDE(&info, n);

		good = rows && line <= f->stride[plane] && f->stride[plane] <= G_MAXINT &&
		       f->offset[plane] <= size &&
		       (rows - 1) * f->stride[plane] + line <= size - f->offset[plane];
	}
	if (!good)
		GST_ELEMENT_ERROR(
			s, STREAM, FORMAT,
			("the producer's frames, %s of %ux%u, modifier %#" G_GINT64_MODIFIER
			 "x: expected modifier 0, and %s's lines within a buffer of "
			 "%" G_GSIZE_FORMAT " bytes",
			 name, f->width, f->height, f->modifier, name, size),
			(NULL));
	return good;
}

static gboolean set_format(GstFreeholdSrc *s, const struct fhc_format *f, guint64 fps)
{
	const char *name = gst_freehold_format(f->fourcc);
	g_autoptr(GstCaps) caps = NULL;

	if (!memcmp(f, &s->format, sizeof(*f)) && s->fps == fps)
		return TRUE;
	s->format = *f;
	s->fps = fps;
	s->size = plain_size(f);
	caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, name, "width",
				   G_TYPE_INT, (gint)f->width, "height", G_TYPE_INT,
				   (gint)f->height, "framerate", GST_TYPE_FRACTION,
				   (gint)(fps >> 32), (guint32)fps ? (gint)(guint32)fps : 1, NULL);
	return gst_base_src_set_caps(GST_BASE_SRC_CAST(s), caps);
}

static void describe(GstBuffer *buf, const struct fhc_format *f, const struct fhc_frame *frame)
{
	gsize offset[GST_VIDEO_MAX_PLANES] = {0};
	gint stride[GST_VIDEO_MAX_PLANES] = {0};
	guint planes = MIN(f->nr_planes, GST_VIDEO_MAX_PLANES);

	for (guint n = 0; n < planes; n++) {
		offset[n] = f->offset[n];
		stride[n] = (gint)f->stride[n];
	}
	gst_buffer_add_video_meta_full(buf, GST_VIDEO_FRAME_FLAG_NONE,
				       gst_video_format_from_string(gst_freehold_format(f->fourcc)),
				       f->width, f->height, planes, offset, stride);
	/* Only freeholdsink fills these; its frame rate is never 0. */
	if (frame->user[2]) {
		GST_BUFFER_PTS(buf) = frame->user[0];
		GST_BUFFER_DURATION(buf) = frame->user[1];
	}
	GST_BUFFER_OFFSET(buf) = frame->seq;
}

static GstFlowReturn push(GstFreeholdSrc *s, const struct fhc_frame *f, GstBuffer **out)
{
	struct fhc_format format;
	struct had *h;

	if (f->slot >= FHC_SLOTS || !import(s, f->slot, &format) ||
	    !is_readable(s, &format, s->slot[f->slot]->maxsize) ||
	    !set_format(s, &format, f->user[2])) {
		drop(s, f->slot);
		return GST_FLOW_ERROR;
	}
	h = g_new0(struct had, 1);
	*h = (struct had){.link = s->link, .slot = f->slot};
	g_atomic_ref_count_inc(&s->link->refs);
	*out = gst_buffer_new();
	gst_buffer_append_memory(*out, gst_freehold_memory_again(s->slot[f->slot], let_go, h));
	if (s->size && s->size <= gst_buffer_get_size(*out))
		gst_buffer_set_size(*out, (gssize)s->size);
	describe(*out, &format, f);
	GST_OBJECT_LOCK(s);
	s->frames++;
	GST_OBJECT_UNLOCK(s);
	return GST_FLOW_OK;
}

static GstFlowReturn create(GstPushSrc *base, GstBuffer **out)
{
	GstFreeholdSrc *s = SRC(base);
	struct fhc_frame f;
	GstFlowReturn flow;

	if (!s->link && !connect_producer(s))
		return GST_FLOW_ERROR;
	do {
		flow = next_frame(s, &f);
		if (flow != GST_FLOW_OK)
			return flow;
		flow = wait_written(s, &f);
		if (flow != GST_FLOW_OK)
			drop(s, f.slot);
	} while (flow == GST_FLOW_CUSTOM_SUCCESS);
	return flow == GST_FLOW_OK ? push(s, &f, out) : flow;
}

/* ---- the object ---- */

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	GstFreeholdSrc *s = SRC(object);
	char **text = id == PROP_PATH ? &s->path : &s->socket;

	switch (id) {
	case PROP_PATH:
	case PROP_SOCKET:
		g_free(*text);
		*text = g_value_dup_string(value);
		break;
	case PROP_DEPTH:
		s->depth = g_value_get_uint(value);
		break;
	case PROP_TIMEOUT:
		s->timeout = g_value_get_uint(value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	GstFreeholdSrc *s = SRC(object);

	switch (id) {
	case PROP_PATH:
		g_value_set_string(value, s->path);
		break;
	case PROP_SOCKET:
		g_value_set_string(value, s->socket);
		break;
	case PROP_DEPTH:
		g_value_set_uint(value, s->depth);
		break;
	case PROP_TIMEOUT:
		g_value_set_uint(value, s->timeout);
		break;
	case PROP_STATS:
		GST_OBJECT_LOCK(s);
		g_value_take_boxed(value, gst_structure_new("freehold-stats", "frames",
							    G_TYPE_UINT64, s->frames, "broken",
							    G_TYPE_UINT64, s->broken, NULL));
		GST_OBJECT_UNLOCK(s);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void finalize(GObject *object)
{
	GstFreeholdSrc *s = SRC(object);

	g_free(s->path);
	g_free(s->socket);
	G_OBJECT_CLASS(gst_freehold_src_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *class)
{
	const GParamFlags flags =
		G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

	gst_freehold_install_server(class, PROP_SOCKET, 0);
	g_object_class_install_property(
		class, PROP_PATH,
		g_param_spec_string("path", "Path", "The socket of the producer of the frames",
				    NULL, flags));
	g_object_class_install_property(
		class, PROP_DEPTH,
		g_param_spec_uint(
			"depth", "Depth",
			"Frames that this pipeline has at a time, at most (0: all there are)", 0,
			FHC_SLOTS, 3, flags));
	g_object_class_install_property(
		class, PROP_TIMEOUT,
		g_param_spec_uint("timeout", "Timeout",
				  "How long to look for the producer at the start, in milliseconds",
				  0, G_MAXINT, 5000, flags));
	g_object_class_install_property(
		class, PROP_STATS,
		g_param_spec_boxed("stats", "Statistics",
				   "frames; broken: frames that their writer did not finish",
				   GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_freehold_src_class_init(GstFreeholdSrcClass *class)
{
	GstElementClass *element = GST_ELEMENT_CLASS(class);
	GstBaseSrcClass *base = GST_BASE_SRC_CLASS(class);

	G_OBJECT_CLASS(class)->set_property = set_property;
	G_OBJECT_CLASS(class)->get_property = get_property;
	G_OBJECT_CLASS(class)->finalize = finalize;
	install_properties(G_OBJECT_CLASS(class));
	gst_element_class_add_static_pad_template(element, &src_template);
	gst_element_class_set_static_metadata(
		element, "Frames from another program", "Source/Video",
		"Receives raw video from another program by descriptor, with fences",
		FREEHOLD_AUTHOR);
	base->start = start;
	base->stop = stop;
	base->unlock = unlock;
	base->unlock_stop = unlock_stop;
	base->negotiate = negotiate;
	class->create = create;
}

/* Our base class asks before there are caps, which not everybody expects; and we allocate nothing. */
static GstPadProbeReturn no_question(G_GNUC_UNUSED GstPad *pad, GstPadProbeInfo *info,
				     G_GNUC_UNUSED gpointer data)
{
	return GST_QUERY_TYPE(GST_PAD_PROBE_INFO_QUERY(info)) == GST_QUERY_ALLOCATION
		       ? GST_PAD_PROBE_DROP
		       : GST_PAD_PROBE_OK;
}

static void gst_freehold_src_init(GstFreeholdSrc *s)
{
	gst_pad_add_probe(GST_BASE_SRC_PAD(s),
			  GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH,
			  no_question, NULL, NULL);
	s->wake = -1;
	s->depth = 3;
	s->timeout = 5000;
	gst_base_src_set_live(GST_BASE_SRC_CAST(s), TRUE);
	gst_base_src_set_format(GST_BASE_SRC_CAST(s), GST_FORMAT_TIME);
	gst_base_src_set_do_timestamp(GST_BASE_SRC_CAST(s), TRUE);
}
