/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the allocator and its memory know of each other. */
#ifndef FREEHOLD_GST_MEMORY_H
#define FREEHOLD_GST_MEMORY_H

#include "allocator.h"

#include <freehold/client.h>

G_BEGIN_DECLS

struct _GstFreeholdAllocator {
	GstDmaBufAllocator parent;

	char *socket, *heap, *label; /* as asked for */
	char *found;		     /* the heap in use; set once */

	/* Below: all of the connection, which is one thread's at a time. */
	GMutex lock;
	struct fhc *c;
	GError *error;
	struct freehold_stats stats;
	gboolean no_count;
};

/* A GstMemory of this buffer, which it takes over; size: what of it the memory is. a->lock is held. */
GstMemory *gst_freehold_wrap(GstFreeholdAllocator *a, const struct fhc_buffer *buf, gsize size,
			     gboolean writable);
/* How memory of this allocator is mapped, unmapped and copied. */
void gst_freehold_memory_calls(GstAllocator *allocator);

G_END_DECLS

#endif
