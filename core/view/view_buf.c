/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Shared buffers: bufinfo and the sysfs folder of each as Linux 6.12 shows them; heaps, holders, and who has what. */
#include "base/string.h"
#include "buf/heap.h"
#include "buf/holder.h"
#include "view/view.h"

/* What Linux says of the file of a heap's buffer: O_RDWR, and FMODE_READ, _WRITE, _LSEEK and _OPENED. */
#define F_FLAGS 0x2u
#define F_MODE	0x80007u

/* ---- bufinfo ---- */

static bool show_fence(struct dma_fence *f, enum dma_resv_usage usage, void *arg)
{
	static const char *const names[] = {"kernel", "write", "read", "bookkeep"};

	view_add(arg, "\t%s fence:%s %s seq %llu %ssignalled\n", names[usage],
		 f->ops->get_driver_name(f), f->ops->get_timeline_name(f), (ull)f->seqno,
		 dma_fence_is_signaled(f) ? "" : "un");
	return true;
}

static unsigned int refs_of(struct dma_buf *buf)
{
	return atomic_load_explicit(&buffer_of(buf)->refs, memory_order_relaxed) - 1; /* ours */
}

static void show_bufinfo(struct view *v, struct dma_buf *buf)
{
	char name[DMA_BUF_NAME_MAX];
	unsigned int devices = 0;

	dma_buf_get_name(buf, name);
	view_add(v, "%08llu\t%08x\t%08x\t%08u\t%s\t%08llu\t%s\n", (ull)buf->size, F_FLAGS, F_MODE,
		 refs_of(buf), buf->exp_name, (ull)buf->ino, name[0] ? name : "<none>");
	dma_resv_for_each_fence(buf->resv, DMA_RESV_USAGE_READ, show_fence, v);
	view_add(v, "\tAttached Devices:\n");
	buffer_lock(buf);
	for (const struct dma_buf_attachment *a = buffer_of(buf)->attachments; a; a = a->next) {
		view_add(v, "\t%s\n", dev_name(a->dev));
		devices++;
	}
	buffer_unlock(buf);
	view_add(v, "Total %u devices attached\n\n", devices);
}

void view_bufinfo(struct view *v)
{
	uint64_t nr = 0, bytes = 0;

	view_add(v, "\nDma-buf Objects:\n");
	view_add(v, "%-8s\t%-8s\t%-8s\t%-8s\texp_name\t%-8s\tname\n", "size", "flags", "mode",
		 "count", "ino");
	for (struct dma_buf *b = buffer_next(v->m, NULL); b; b = buffer_next(v->m, b)) {
		show_bufinfo(v, b);
		nr++;
		bytes += b->size;
	}
	view_add(v, "\nTotal %llu objects, %llu bytes\n", (ull)nr, (ull)bytes);
}

/* ---- a folder for each ---- */

bool view_is_buffer(struct view *v, const char *part, size_t n)
{
	struct dma_buf *buf;
	uint64_t ino = 0;

	if (!n || n > 19 || part[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (part[i] < '0' || part[i] > '9')
			return false;
		ino = ino * 10 + (uint64_t)(part[i] - '0');
	}
	if (dma_buf_find(v->m, ino, &buf))
		return false;
	dma_buf_put(buf);
	v->ino = ino;
	return true;
}

void view_list_buffers(struct view *v, const char *slash)
{
	for (struct dma_buf *b = buffer_next(v->m, NULL); b; b = buffer_next(v->m, b))
		view_add(v, "%llu%s\n", (ull)b->ino, slash);
}

void view_buffer_value(struct view *v)
{
	struct dma_buf *buf;

	if (dma_buf_find(v->m, v->ino, &buf))
		return; /* it has gone just now */
	if (v->what == VIEW_BUFFER_SIZE)
		view_add(v, "%llu\n", (ull)buf->size);
	else
		view_add(v, "%s\n", buf->exp_name);
	dma_buf_put(buf);
}

/* ---- ours ---- */

void view_heaps(struct view *v)
{
	struct dma_heap_info i;
	struct dma_heap *heap;

	view_add(v, "%-24s %-8s %12s %12s %12s %12s %8s %10s %8s  %s\n", "name", "kind", "total",
		 "used", "peak", "limit", "buffers", "allocated", "refused", "area");
	for (unsigned int n = 0; (heap = dma_heap_nth(v->m, n)); n++) {
		dma_heap_get_info(heap, &i);
		view_add(v, "%-24s %-8s %12llu %12llu %12llu %12llu %8llu %10llu %8llu  %s\n",
			 i.name, heap_kind_name(i.kind), (ull)i.total, (ull)i.used, (ull)i.peak,
			 (ull)i.limit, (ull)i.buffers, (ull)i.allocated, (ull)i.refused,
			 i.area ? cma_get_name(i.area) : "-");
	}
}

/* By enum dma_written. */
static const char *const counted[] = {"-", "pages", "whole"};

void view_holders(struct view *v)
{
	struct dma_holder_info i;
	uint64_t number = 0;

	view_add(v, "%8s %12s %12s %12s %12s %12s %8s %12s %7s  %s\n", "pid", "charged", "peak",
		 "limit", "rss", "pss", "buffers", "written", "counted", "name");
	while (holder_after(v->m, &number, &i))
		view_add(v, "%8lld %12llu %12llu %12llu %12llu %12llu %8llu %12llu %7s  %s\n",
			 (long long)i.pid, (ull)i.charged, (ull)i.charged_peak, (ull)i.limit,
			 (ull)i.rss, (ull)i.pss, (ull)i.buffers, (ull)i.written, counted[i.how],
			 i.name);
}

/* Who is charged comes with a star, who has its writes counted with `=BYTES', or `~BYTES' where whole buffers were. */
static void show_holders(struct view *v, const struct buffer *b)
{
	fh_lock(&v->m->buf->lock);
	for (const struct dma_hold *hold = b->holds; hold; hold = hold->next_of_buffer) {
		view_add(v, " %s(%lld)%s", hold->holder->name, (long long)hold->holder->pid,
			 hold->holder == b->charged ? "*" : "");
		if (hold->how != DMA_WRITTEN_UNKNOWN)
			view_add(v, "%c%llu", hold->how == DMA_WRITTEN_PAGES ? '=' : '~',
				 (ull)hold->written);
	}
	if (!b->holds)
		view_add(v, " nobody known");
	fh_unlock(&v->m->buf->lock);
	view_put(v, "\n", 1);
}

static uint64_t written_of(struct dma_buf *buf)
{
	uint64_t written;

	fh_lock(&buf->machine->buf->lock);
	written = buffer_of(buf)->written;
	fh_unlock(&buf->machine->buf->lock);
	return written;
}

void view_buffers(struct view *v)
{
	uint64_t now = machine_clock(v->m);

	view_add(v, "%8s %12s %10s %5s %12s  %-24s %-31s  %s\n", "ino", "size", "age_ms", "count",
		 "written", "heap", "name", "holders");
	for (struct dma_buf *b = buffer_next(v->m, NULL); b; b = buffer_next(v->m, b)) {
		uint64_t born = buffer_of(b)->born_ns;
		char name[DMA_BUF_NAME_MAX];

		dma_buf_get_name(b, name);
		view_add(v, "%8llu %12llu %10llu %5u %12llu  %-24s %-31s ", (ull)b->ino,
			 (ull)b->size, (ull)(now > born ? (now - born) / 1000000 : 0), refs_of(b),
			 (ull)written_of(b), b->exp_name, name[0] ? name : "-");
		show_holders(v, buffer_of(b));
	}
}
