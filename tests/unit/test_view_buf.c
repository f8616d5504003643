/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the file tree shows of buffers, heaps and holders. */
#include <stdio.h>
#include <string.h>
#include <freehold/heap.h>
#include "buf/dmabuf.h"
#include "t.h"
#include "shown.h"

static struct shown sh;

static struct dma_buf *alloc(const char *heap, uint64_t bytes, struct dma_holder *h)
{
	struct dma_buf *buf = NULL;

	T_EQ(dma_heap_alloc(dma_heap_find(sh.m, heap), bytes, h, &buf), 0);
	return buf;
}

static int read_err(const char *path)
{
	size_t len;

	return fh_view_read(sh.m, path, sh.text, sizeof(sh.text), &len);
}

/* To the letter of Linux 6.12, dma_buf_debug_show(). */
static void bufinfo(void)
{
	struct device dev = {.name = "30a90000.csi"}, gpu = {.name = "38000000.gpu"};
	struct dma_buf_attachment *a, *b;
	struct dma_buf *one, *two;
	struct dma_fence *f;

	shown_make(&sh, 16, CMA_POLICY_GUARANTEED);
	T_STR(shown(&sh, "sys/kernel/debug/dma_buf/bufinfo"),
	      "\nDma-buf Objects:\n"
	      "size    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n"
	      "\nTotal 0 objects, 0 bytes\n");
	dev.machine = gpu.machine = sh.m;
	one = alloc("area", 1 << 20, NULL);
	two = alloc("system", 4097, NULL);
	dma_buf_set_name(two, "preview");
	T_EQ(dma_buf_attach(one, &dev, &a), 0);
	T_EQ(dma_buf_attach(one, &gpu, &b), 0);
	T_EQ(dma_fence_create(sh.m, "csi", "capture", dma_fence_context_alloc(sh.m, 1), 12, &f), 0);
	buffer_lock(one);
	T_EQ(dma_resv_reserve_fences(one->resv, 1), 0);
	dma_resv_add_fence(one->resv, f, DMA_RESV_USAGE_WRITE);
	buffer_unlock(one);
	get_dma_buf(two);
	T_STR(shown(&sh, "sys/kernel/debug/dma_buf/bufinfo"),
	      "\nDma-buf Objects:\n"
	      "size    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n"
	      "00008192\t00000002\t00080007\t00000002\tsystem\t00000002\tpreview\n"
	      "\tAttached Devices:\n"
	      "Total 0 devices attached\n\n"
	      "01048576\t00000002\t00080007\t00000003\tarea\t00000001\t<none>\n"
	      "\twrite fence:csi capture seq 12 unsignalled\n"
	      "\tAttached Devices:\n"
	      "\t38000000.gpu\n"
	      "\t30a90000.csi\n"
	      "Total 2 devices attached\n\n"
	      "\nTotal 2 objects, 1056768 bytes\n");
	T_EQ(dma_fence_signal(f), 0);
	dma_fence_put(f);
	dma_buf_detach(one, a);
	dma_buf_detach(one, b);
	dma_buf_put(one);
	dma_buf_put(two);
	dma_buf_put(two);
	shown_done(&sh);
}

static void folders(void)
{
	struct dma_buf *a, *b;

	shown_make(&sh, 16, CMA_POLICY_GUARANTEED);
	T_STR(shown(&sh, "sys/kernel/dmabuf/buffers"), "");
	a = alloc("default_cma_region", 8192, NULL);
	b = alloc("system", 1, NULL);
	T_STR(shown(&sh, "sys/kernel/dmabuf/buffers"), "2/\n1/\n");
	T_STR(shown(&sh, "sys/kernel/dmabuf/buffers/1"), "exporter_name\nsize\n");
	T_STR(shown(&sh, "sys/kernel/dmabuf/buffers/1/exporter_name"), "default_cma_region\n");
	T_STR(shown(&sh, "sys/kernel/dmabuf/buffers/1/size"), "8192\n");
	T_STR(shown(&sh, "sys/kernel/dmabuf/buffers/2/size"), "4096\n");
	T_EQ(read_err("sys/kernel/dmabuf/buffers/3/size"), -FH_ENOENT);
	T_EQ(read_err("sys/kernel/dmabuf/buffers/01/size"), -FH_ENOENT);
	T_EQ(read_err("sys/kernel/dmabuf/buffers/%/size"), -FH_ENOENT);
	T_EQ(read_err("sys/kernel/dmabuf/buffers/18446744073709551617/size"), -FH_ENOENT);
	dma_buf_put(a);
	T_EQ(read_err("sys/kernel/dmabuf/buffers/1/size"), -FH_ENOENT);
	dma_buf_put(b);
	shown_done(&sh);
}

/* The words of the line that begins so, with one blank between. */
static const char *words(const char *text, const char *begin)
{
	static char out[256];
	const char *line = shown_line(text, begin);
	size_t n = 0;

	for (; line && *line && *line != '\n' && n + 1 < sizeof(out); line++)
		if (*line != ' ' || (n && out[n - 1] != ' '))
			out[n++] = *line;
	out[n] = '\0';
	return out;
}

static void ours(void)
{
	struct dma_holder *cam, *view;
	struct dma_buf *a, *b, *lost;
	struct dma_heap *system;
	const char *text;

	shown_make(&sh, 16, CMA_POLICY_GUARANTEED);
	system = dma_heap_find(sh.m, "system");
	T_EQ(dma_holder_create(sh.m, "camera", 1234, &cam), 0);
	T_EQ(dma_holder_create(sh.m, "viewer", 77, &view), 0);
	dma_holder_set_limit(view, 100000);
	dma_heap_set_limit(system, 20480);
	a = alloc("system", 8192, cam);
	b = alloc("area", 4096, cam);
	lost = alloc("system", 4096, NULL);
	T_EQ(dma_heap_alloc(system, 12288, NULL, &b), -FH_EDQUOT);
	T_EQ(dma_holder_add(view, a), 0);
	dma_buf_set_name(a, "frame");
	T_EQ(dma_holder_wrote(view, a, 1, DMA_WRITTEN_PAGES, NULL), 0);
	T_EQ(dma_holder_wrote(view, a, 4096, DMA_WRITTEN_WHOLE, NULL), 0);
	T_EQ(dma_holder_wrote(cam, b, 0, DMA_WRITTEN_PAGES, NULL), 0);
	text = shown(&sh, "sys/kernel/debug/freehold/heaps");
	T_STR(words(text, "name"),
	      "name kind total used peak limit buffers allocated refused area");
	T_STR(words(text, "system "), "system system 0 12288 12288 20480 2 2 1 -");
	T_STR(words(text, "area "), "area cma 16777216 4096 4096 0 1 1 0 area");
	text = shown(&sh, "sys/kernel/debug/freehold/holders");
	T_STR(words(text, "    1234"), "1234 12288 12288 0 12288 8192 2 0 pages camera");
	T_STR(words(text, "      77"), "77 0 0 100000 8192 4096 1 4097 whole viewer");
	text = shown(&sh, "sys/kernel/debug/freehold/buffers");
	T_OK(strstr(words(text, "       1"), "3 4097 system frame camera(1234)* viewer(77)~4097"),
	     words(text, "       1"));
	T_OK(strstr(words(text, "       2"), " 0 area - camera(1234)*=0"), words(text, "       2"));
	T_OK(strstr(words(text, "       3"), "1 0 system - nobody known"), words(text, "       3"));
	dma_buf_put(a);
	dma_buf_put(b);
	dma_buf_put(lost);
	dma_holder_destroy(cam);
	text = shown(&sh, "sys/kernel/debug/freehold/buffers");
	T_OK(strstr(words(text, "       1"), "1 4097 system frame viewer(77)*~4097"), "recharged");
	T_OK(!shown_line(text, "       2"), "the last hold was the last reference");
	dma_holder_destroy(view);
	shown_done(&sh);
}

const struct t_case t_cases[] = {T(bufinfo), T(folders), T(ours), T_END};
