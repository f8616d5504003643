/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * GStreamer memory of `freehold serve`: each GstMemory is a buffer of a heap, held by one connection for each allocator. It is of the
 * GstDmaBufAllocator family, so gst_is_dmabuf_memory() is true of it and elements import it by its descriptor. Any thread may call.
 */
#ifndef FREEHOLD_GST_ALLOCATOR_H
#define FREEHOLD_GST_ALLOCATOR_H

#include <gst/gst.h>
#include <gst/allocators/gstdmabuf.h>

G_BEGIN_DECLS

#define GST_TYPE_FREEHOLD_ALLOCATOR (gst_freehold_allocator_get_type())
G_DECLARE_FINAL_TYPE(GstFreeholdAllocator, gst_freehold_allocator, GST, FREEHOLD_ALLOCATOR,
		     GstDmaBufAllocator)

/* socket NULL: as fhc_connect(); heap NULL: the server's first area, else its first heap; label: what buffers are called in read-outs. */
GstFreeholdAllocator *gst_freehold_allocator_new(const char *socket, const char *heap,
						 const char *label);
/* Before open(): what is written is not looked at by page, which costs a fault for each page of a frame. */
void gst_freehold_allocator_no_count(GstFreeholdAllocator *a);

/* Connects, and checks that the heap is there. Errors are of GST_RESOURCE_ERROR and say what to do. */
gboolean gst_freehold_allocator_open(GstFreeholdAllocator *a, GError **error);

/* Memory of `size` bytes; params may be NULL. Called by gst_allocator_alloc(), which has no words for why not. */
GstMemory *gst_freehold_allocator_take(GstFreeholdAllocator *a, gsize size,
				       const GstAllocationParams *params, GError **error);

/* Memory over a descriptor that came from elsewhere, which is the memory's from now on. `writable`: it was opened so. */
GstMemory *gst_freehold_allocator_import(GstFreeholdAllocator *a, int fd, gboolean writable,
					 GError **error);

/* Why the last allocation failed; the caller's to free. NULL: none has. */
GError *gst_freehold_allocator_last_error(GstFreeholdAllocator *a);

/* The heap in use, or NULL before open(); lives as long as the allocator. */
const char *gst_freehold_allocator_heap(GstFreeholdAllocator *a);

struct freehold_stats {
	guint64 allocations, buffers; /* ever; now */
	guint64 written;	      /* bytes written by this process, ever */
	gboolean by_page;	      /* else whole maps count */
};
void gst_freehold_allocator_stats(GstFreeholdAllocator *a, struct freehold_stats *stats);

/* Is it of an allocator of this kind? */
gboolean gst_freehold_is_memory(GstMemory *mem);
/* The server's number of it; 0: it is none of ours. */
guint64 gst_freehold_memory_id(GstMemory *mem);
/* Bytes of the whole buffer. */
guint64 gst_freehold_memory_size(GstMemory *mem);

/*
 * Access by the CPU, between the two, without gst_memory_map(): no lock of the memory is taken, so that it can be shared meanwhile. Where its bytes begin,
 * or NULL. Who writes sees to it that nobody else has the memory.
 */
gpointer gst_freehold_memory_begin(GstMemory *mem, GstMapFlags flags);
void gst_freehold_memory_end(GstMemory *mem, GstMapFlags flags);
/* Bytes that this process has written to it, ever, looked at now. */
guint64 gst_freehold_memory_written(GstMemory *mem);

/* A descriptor of it to pass on, for reading; the caller's. id and size as of the server's. 0 or a negative errno. */
int gst_freehold_memory_export(GstMemory *mem, guint64 *id, guint64 *size, int *fd);
/* What a reader has to wait for first: a descriptor that becomes readable then, the caller's; -1: nothing. */
int gst_freehold_memory_fence(GstMemory *mem);
/* Another GstMemory over the same bytes. gone(data) when nobody has that one, or a part of it, any more. */
GstMemory *gst_freehold_memory_again(GstMemory *mem, GDestroyNotify gone, gpointer data);

G_END_DECLS

#endif
