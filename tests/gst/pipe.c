/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Runs a pipeline and says where its buffers were: for each pad that is asked for, how many came by, how many of them are DMA-BUF memory, how
 * many the server knows as held by another program than this looker, and how many different ones; then the stats of each freeholdpool. One `name value...` a line.
 * usage: gst_pipe [-p ELEMENT.PAD]... [-a ACTION]... [-t SECONDS] PIPELINE
 *   -a N:caps:ELEMENT:CAPS  after N buffers of the first -p, that element (a capsfilter) has those caps
 *   -a N:seek               ... a flushing seek to the start
 *   -a N:kill:PID           ... SIGKILL to the server; -a N:run:COMMAND  a shell runs that
 *   -s MS                   each buffer is held up that long at the first -p
 * Exit status 0: the end was reached; 1: an error, printed as `error TEXT`; 2: neither in time.
 */
#include <gst/allocators/gstdmabuf.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <freehold/client.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shapes.h"

#define MAX_PROBES  8
#define MAX_ACTIONS 8

struct probe {
	const char *where;
	GstPad *pad;
	guint64 buffers, bytes, dmabuf, known, mapped;
	GHashTable *seen; /* inode numbers */
	int stride;
	gboolean first;
};

struct action {
	guint64 at;
	const char *what;
	gboolean done;
};

static struct probe probes[MAX_PROBES];
static struct action actions[MAX_ACTIONS];
static int nr_probes, nr_actions;
static unsigned int slow;
static GMutex lock;
static struct fhc *c;
static GstElement *pipeline;

/* Does the server know a buffer with this descriptor, as held by somebody else than us? */
static gboolean listed(int fd)
{
	struct fhc_buffer buf;
	struct fhc_info info;
	gboolean known;

	if ((!c && fhc_connect(NULL, "watcher", &c)) || fhc_import(c, fd, &buf))
		return FALSE;
	known = fhc_get_info(c, buf.id, &info) == 0 && info.holders >= 2;
	return fhc_free(c, buf.id) == 0 && known;
}

static void look(struct probe *p, GstBuffer *buf)
{
	gboolean all = gst_buffer_n_memory(buf) > 0, known = TRUE;
	GstVideoMeta *meta = gst_buffer_get_video_meta(buf);

	for (guint n = 0; n < gst_buffer_n_memory(buf) && all; n++) {
		GstMemory *mem = gst_buffer_peek_memory(buf, n);
		struct stat st;

		all = gst_is_dmabuf_memory(mem);
		if (!all || fstat(gst_dmabuf_memory_get_fd(mem), &st))
			break;
		g_hash_table_add(p->seen, GSIZE_TO_POINTER(st.st_ino));
		known = known && listed(gst_dmabuf_memory_get_fd(mem));
	}
	p->buffers++;
	p->bytes += gst_buffer_get_size(buf);
	p->dmabuf += all ? 1 : 0;
	p->known += all && known ? 1 : 0;
	if (meta)
		p->stride = meta->stride[0];
}

static gboolean later(gpointer data)
{
	struct action *a = data;
	g_auto(GStrv) part = g_strsplit(a->what, ":", 3);

	if (!strcmp(part[0], "seek")) {
		gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0);
	} else if (!strcmp(part[0], "caps")) {
		g_autoptr(GstElement) e = gst_bin_get_by_name(GST_BIN(pipeline), part[1]);
		g_autoptr(GstCaps) caps = gst_caps_from_string(part[2]);

		g_object_set(e, "caps", caps, NULL);
	} else if (!strcmp(part[0], "kill")) {
		kill(atoi(part[1]), SIGKILL);
	} else if (!strcmp(part[0], "run")) {
		(void)!system(a->what + 4);
	}
	return G_SOURCE_REMOVE;
}

static GstPadProbeReturn seen(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	struct probe *p = data;

	(void)pad;
	g_mutex_lock(&lock);
	look(p, GST_PAD_PROBE_INFO_BUFFER(info));
	for (int n = 0; p->first && n < nr_actions; n++)
		if (!actions[n].done && p->buffers >= actions[n].at) {
			actions[n].done = TRUE;
			g_idle_add(later, &actions[n]);
		}
	g_mutex_unlock(&lock);
	if (p->first && slow)
		g_usleep(slow * 1000UL);
	return GST_PAD_PROBE_OK;
}

static void put_probe(struct probe *p)
{
	g_auto(GStrv) part = g_strsplit(p->where, ".", 2);
	g_autoptr(GstElement) e = gst_bin_get_by_name(GST_BIN(pipeline), part[0]);

	p->pad = e && part[1] ? gst_element_get_static_pad(e, part[1]) : NULL;
	if (!p->pad) {
		g_print("error no pad %s\n", p->where);
		exit(2);
	}
	p->seen = g_hash_table_new(NULL, NULL);
	gst_pad_add_probe(p->pad, GST_PAD_PROBE_TYPE_BUFFER, seen, p, NULL);
}

static void print_stats(void)
{
	GstIterator *all = gst_bin_iterate_recurse(GST_BIN(pipeline));
	GValue value = G_VALUE_INIT;

	for (int n = 0; n < nr_probes; n++) {
		struct probe *p = &probes[n];

		g_print("%s buffers=%" G_GUINT64_FORMAT " bytes=%" G_GUINT64_FORMAT
			" dmabuf=%" G_GUINT64_FORMAT " known=%" G_GUINT64_FORMAT
			" different=%u stride=%d\n",
			p->where, p->buffers, p->bytes, p->dmabuf, p->known,
			g_hash_table_size(p->seen), p->stride);
	}
	while (gst_iterator_next(all, &value) == GST_ITERATOR_OK) {
		GObject *e = g_value_get_object(&value);
		GstElementFactory *f = gst_element_get_factory(GST_ELEMENT_CAST(e));
		GstStructure *s = NULL;

		if (f && g_str_has_prefix(GST_OBJECT_NAME(f), "freehold")) {
			g_object_get(e, "stats", &s, NULL);
			g_print("%s", GST_OBJECT_NAME(e));
			for (int n = 0; n < gst_structure_n_fields(s); n++) {
				const char *field = gst_structure_nth_field_name(s, (guint)n);
				g_autofree char *v =
					gst_value_serialize(gst_structure_get_value(s, field));

				g_print(" %s=%s", field, v);
			}
			g_print("\n");
			gst_structure_free(s);
		}
		g_value_reset(&value);
	}
	g_value_unset(&value);
	gst_iterator_free(all);
}

static int result = 2;

static gboolean heard(GstBus *bus, GstMessage *m, gpointer data)
{
	g_autoptr(GError) e = NULL;
	g_autofree char *debug = NULL;

	(void)bus;
	switch (GST_MESSAGE_TYPE(m)) {
	case GST_MESSAGE_ERROR:
		gst_message_parse_error(m, &e, &debug);
		g_print("error %s: %s\n", GST_MESSAGE_SRC_NAME(m), e->message);
		result = 1;
		g_main_loop_quit(data);
		break;
	case GST_MESSAGE_WARNING:
		gst_message_parse_warning(m, &e, &debug);
		g_print("warning %s: %s\n", GST_MESSAGE_SRC_NAME(m), e->message);
		break;
	case GST_MESSAGE_EOS:
		result = 0;
		g_main_loop_quit(data);
		break;
	default:
		break;
	}
	return TRUE;
}

static gboolean late(gpointer data)
{
	g_print("error not over in time\n");
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

static void run(guint seconds)
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	GstBus *bus = gst_element_get_bus(pipeline);
	guint timer = g_timeout_add_seconds(seconds, late, loop);

	gst_bus_add_watch(bus, heard, loop);
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	g_main_loop_run(loop);
	if (result != 2)
		g_source_remove(timer);
	print_stats();
	gst_element_set_state(pipeline, GST_STATE_NULL);
	gst_bus_remove_watch(bus);
	gst_object_unref(bus);
	g_main_loop_unref(loop);
}

int main(int argc, char **argv)
{
	GError *e = NULL;
	guint seconds = 20;
	int opt;

	gst_init(&argc, &argv);
	shapes_register();
	while ((opt = getopt(argc, argv, "p:a:t:s:")) != -1) {
		if (opt == 'p' && nr_probes < MAX_PROBES) {
			probes[nr_probes].where = optarg;
			probes[nr_probes].first = nr_probes == 0;
			nr_probes++;
		} else if (opt == 'a' && nr_actions < MAX_ACTIONS && strchr(optarg, ':')) {
			actions[nr_actions++] = (struct action){strtoull(optarg, NULL, 10),
								strchr(optarg, ':') + 1, FALSE};
		} else if (opt == 't') {
			seconds = (guint)atoi(optarg);
		} else if (opt == 's') {
			slow = (guint)atoi(optarg);
		} else {
			return 2;
		}
	}
	pipeline = optind + 1 == argc ? gst_parse_launch(argv[optind], &e) : NULL;
	if (!pipeline || e) {
		g_print("error %s\n",
			e ? e->message : "usage: gst_pipe [-p PAD]... [-a ACTION]... PIPELINE");
		return 2;
	}
	for (int n = 0; n < nr_probes; n++)
		put_probe(&probes[n]);
	run(seconds);
	for (int n = 0; n < nr_probes; n++) {
		gst_object_unref(probes[n].pad);
		g_hash_table_unref(probes[n].seen);
	}
	gst_object_unref(pipeline);
	fhc_close(c);
	gst_deinit();
	return result;
}
