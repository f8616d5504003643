/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One machine: its birth and death, its CPUs, what it shows, and the check of everything.
 *
 * Threads and CPUs. Any thread may call anything here and in the other headers, unless a call says
 * otherwise. arch_cpu_id() (arch.h) tells which CPU a thread is; two threads must never be the same
 * CPU of a machine at the same time. A thread whose id is not below the machine's nr_cpus is served
 * without per-CPU caches: correct, only slower.
 */
#ifndef FREEHOLD_MEM_H
#define FREEHOLD_MEM_H

#include <freehold/types.h>
#include <freehold/plat.h>
#include <freehold/boot.h>

/*
 * Makes a machine from a finished boot_config: frames, zones, areas of every CMA region with
 * cfg->policy, everything else free. Copies *plat and what it needs of *cfg.
 * -FH_EINVAL: cfg has no memory, was not finished, has notes (boot_config.as_linux), or pages and blocks of other sizes than 4 KiB and 2 MiB; -FH_ENOMEM: plat->alloc() or plat->ram()
 * failed, and nothing is kept. May sleep in plat.
 */
FH_MUST_CHECK int fh_machine_create(const struct plat *plat, const struct boot_config *cfg,
				    struct fh_machine **machine);

/* Gives back all memory of the machine. No thread may be inside; objects, spaces and buffers that
 * are still alive are dropped with it. */
void fh_machine_destroy(struct fh_machine *m);

/* The calling thread stops being its CPU: frames and LRU batches cached for it go back. Call before
 * a thread ends or changes its arch_cpu_id(). */
void fh_cpu_quiesce(struct fh_machine *m);

/*
 * Recomputes every numbered invariant (DESIGN, "Invariants") from the maps and frames alone. The
 * machine must be quiet: no other thread inside. Returns the number of broken ones and writes the
 * first few, a line each, into why[size]. CPUs' caches need not be drained.
 */
FH_MUST_CHECK unsigned int fh_check(struct fh_machine *m, char *why, size_t size);

/*
 * The file tree (DESIGN D9): writes the contents of `path`, relative to the root ("proc/meminfo",
 * "sys/kernel/mm/cma/reserved/total_pages", "dmesg"), into buf[size] and its full length into *len;
 * more than size means it was cut. A path that is a folder lists its entries, a line each, folders
 * with '/'. -FH_ENOENT: no such path. Takes one block's lock at a time: values of one file are each
 * true, not one instant's.
 */
FH_MUST_CHECK int fh_view_read(struct fh_machine *m, const char *path, char *buf, size_t size,
			       size_t *len);

/*
 * Gives the machine swap: nr_pages places behind plat->swap_write() and swap_read(), which
 * anonymous memory may go to from now on. Once a machine, and for its life. -FH_EINVAL: 0 pages,
 * 2^32 or more, no swap functions, or a machine without bytes; -FH_EBUSY: it has swap; -FH_ENOMEM.
 */
FH_MUST_CHECK int fh_swapon(struct fh_machine *m, uint64_t nr_pages);

/*
 * Reclaim in the background (Linux's kswapd): the calling thread sleeps in plat->wait() until an
 * allocation finds a zone below its low watermark, then drops clean cache, writes back and swaps
 * until every zone is above its high one, or nothing is left that can go, and sleeps again. Returns 0
 * after fh_reclaim_stop(). At once: -FH_EBUSY: some thread does it already; -FH_EINVAL: the platform
 * has no wait() and wake(). The machine works without it: those who allocate reclaim for themselves.
 */
FH_MUST_CHECK int fh_reclaim_background(struct fh_machine *m);
/* Asks that thread to return; does not wait. Asked before it began, it returns at once. */
void fh_reclaim_stop(struct fh_machine *m);

/* Frames, by what may be done with them now. Counters, not a scan: exact when the machine is quiet.
 */
struct fh_mem_info {
	uint64_t total;	     /* frames under the allocator's care, areas included */
	uint64_t free;	     /* in no one's hands and in no CPU's cache */
	uint64_t cma_total;  /* frames in areas */
	uint64_t cma_free;   /* free ones among them: neither a device's nor lent */
	uint64_t cma_device; /* handed to devices */
	uint64_t cma_lent;   /* in a tenant's use (frames in per-CPU caches count as lent) */
	uint64_t file, anon; /* object pages */
	uint64_t droppable;  /* clean, unpinned file pages: can be forgotten at once */
	uint64_t held;	     /* pinned or under writeback */
	uint64_t swap_total, swap_free; /* pages of swap */
	uint64_t compressed;	/* anonymous pages that are kept compressed (cma_set_compress()) */
	uint64_t compressed_in; /* frames that they lie in */
};
void fh_mem_info(struct fh_machine *m, struct fh_mem_info *info);

#endif
