/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DMA debugging: every call of freehold/dma.h, and every access of a simulated device, checked against who owns which
 * bytes. On by the boot option `dma_debug` (struct boot_dma); off, it costs a load and a branch a call, and all below
 * does nothing and returns 0.
 *
 * After kernel/dma/debug.c of Linux, whose messages it uses, and knowing more, since devices' accesses are seen. What is
 * wrong is logged, counted, and kept with the history of the mapping; the call goes on as it would have, but that nothing is
 * unmapped or freed which is not mapped or allocated.
 *
 * What is tracked. Each outstanding mapping, up to `dma_debug_entries`; one more switches debugging off for good and says
 * so. Of streaming mappings, and of dma_alloc_pages() and its like, who owns which bytes, exactly, however small the parts
 * that are synced; only when very many parts are apart at once (a table for half as many as there are entries, in 64
 * shares), a mapping's owner is not known, and nothing is said about it, until it is synced as a whole. The last 256
 * mappings that went. Not tracked: what CPUs do, other than through dma_debug_cpu_access() and where the platform counts
 * lost bytes; who owns the bytes of coherent buffers (both do) and of resources; where in memory lists and non-contiguous
 * buffers lie that an IOMMU joins: what overlaps them, and what the CPU does there, is not seen.
 *
 * Memory: about 300 bytes an entry and 200 KiB.
 *
 * Any thread may call any of these, several at a time. None sleeps.
 */
#ifndef FREEHOLD_DMA_DEBUG_H
#define FREEHOLD_DMA_DEBUG_H

#include <freehold/dma.h>

/* By which calls it is mapped, and must be unmapped. */
enum dma_debug_type {
	DMA_DEBUG_SINGLE,
	DMA_DEBUG_SG,
	DMA_DEBUG_COHERENT,
	DMA_DEBUG_RESOURCE,
	DMA_DEBUG_PAGES, /* dma_alloc_pages(), dma_alloc_noncontiguous(): mapped, the CPU's */
};

enum dma_report_kind {
	DMA_REPORT_UNMAP_UNKNOWN,   /* frees what it has not allocated: twice, or never mapped */
	DMA_REPORT_UNMAP_SIZE,	    /* frees with another size than it mapped */
	DMA_REPORT_UNMAP_FUNCTION,  /* frees by another function's counterpart */
	DMA_REPORT_UNMAP_DIRECTION, /* frees with another direction */
	DMA_REPORT_SYNC_UNKNOWN,    /* syncs what it has not mapped */
	DMA_REPORT_SYNC_RANGE,	    /* syncs past the mapping's end */
	DMA_REPORT_SYNC_DIRECTION,  /* syncs with another direction */
	DMA_REPORT_OVERLAP, /* maps what is mapped, and one of the two is written by its device */
	DMA_REPORT_STACK,   /* maps its own stack */
	DMA_REPORT_FREE_MEMORY,	     /* maps frames that are free */
	DMA_REPORT_WRONG_MEMORY,     /* maps what is not RAM, or RAM as a resource */
	DMA_REPORT_LEAK,	     /* the device goes with mappings outstanding */
	DMA_REPORT_DEVICE_READ,	     /* a device reads what the CPU owns */
	DMA_REPORT_DEVICE_WRITE,     /* a device writes what the CPU owns */
	DMA_REPORT_DEVICE_DIRECTION, /* a device reads or writes against the mapping's direction */
	DMA_REPORT_DEVICE_UNMAPPED,  /* a device accesses what is not mapped for it */
	DMA_REPORT_CPU_LOST,	     /* the CPU wrote what the device owned, and it is gone */
	DMA_REPORT_CPU_ACCESS,	     /* the CPU accesses what the device owns */
	DMA_NR_REPORTS,
};

/* Who owns the bytes of a mapping. */
enum dma_owner {
	DMA_OWNER_BOTH, /* coherent, resource */
	DMA_OWNER_DEVICE,
	DMA_OWNER_CPU,
	DMA_OWNER_PARTS,   /* the CPU some, the device the others */
	DMA_OWNER_UNKNOWN, /* there was no room for all parts */
};

/* What happened to a mapping, after it was made. */
enum dma_event_kind {
	DMA_EVENT_SYNC_FOR_CPU,
	DMA_EVENT_SYNC_FOR_DEVICE,
	DMA_EVENT_DEVICE_READ,
	DMA_EVENT_DEVICE_WRITE,
	DMA_EVENT_UNMAP,
	DMA_EVENT_LEAK, /* its device went */
};

struct dma_event {
	enum dma_event_kind kind;
	uint32_t
		count; /* of the same kind one after the other: the last one's time, all ones' bytes */
	const void *site; /* who called: a code address; NULL: a device */
	uint64_t time_ns;
	uint64_t offset, size; /* in the mapping, bytes */
};

#define DMA_MAX_EVENTS 4 /* kept of a mapping, besides its making */

/* A mapping, there or gone, as it was when it was reported. */
struct dma_history {
	char device[DEVICE_MAX_NAME]; /* "": there is none to show */
	enum dma_debug_type type;
	enum dma_data_direction dir;
	unsigned int attrs;
	enum dma_owner owner;
	dma_t handle;
	phys_t phys; /* where that is tracked */
	uint64_t size;
	const void *site; /* who mapped it */
	uint64_t time_ns; /* when */
	unsigned int nr_events;
	struct dma_event event[DMA_MAX_EVENTS]; /* the last, oldest first */
};

#define DMA_REPORT_TEXT 240

struct dma_report {
	enum dma_report_kind kind;
	char device[DEVICE_MAX_NAME];
	dma_t handle; /* what the call or the device named */
	uint64_t size;
	const void *site; /* the call; NULL: a device's access */
	uint64_t time_ns;
	char text[DMA_REPORT_TEXT]; /* as in the log, from "device driver ..." on */
	struct dma_history mapping; /* that it is about, or was once */
	struct dma_history
		other; /* that has to do with it: the one it overlaps, or that is there now */
};

#define DMA_MAX_REPORTS 32 /* kept of a machine */

/* The last reports, newest first, at most n; returns how many are kept. */
unsigned int dma_debug_reports(struct fh_machine *m, struct dma_report *out, unsigned int n);
/* How many there were of a kind since birth; DMA_NR_REPORTS: of all. */
uint64_t dma_debug_count(struct fh_machine *m, enum dma_report_kind kind);

/* Logs every report; otherwise of each kind and device the first (and, once 64 devices had some, none of a further
 * device). All are counted, and kept. */
void dma_debug_set_all_errors(struct fh_machine *m, bool all);
/* Logs and keeps reports of this device only; all are counted. NULL or "": of all devices. Cut at 63 characters. */
void dma_debug_set_filter(struct fh_machine *m, const char *device);

/* The driver has let go of the device, which may be gone when this returns: what it has mapped is a leak. The mappings are forgotten:
 * who unmaps one later unmaps what is not mapped. */
void dma_debug_device_gone(struct device *dev);

/* For checkers that see what CPUs do: an access to [cpu, cpu + size) of the linear map, before it happens. A read of
 * what is mapped DMA_TO_DEVICE disturbs nobody, and is right. */
void dma_debug_cpu_access(struct fh_machine *m, const void *cpu, uint64_t size, bool write);

#endif
