/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tenants: objects own pages, spaces map objects (VMOs in Zircon, vm_object in BSD). An object page
 * is on the LRU, can be moved at any time, and a clean one of a file can be dropped.
 */
#ifndef FREEHOLD_OBJECT_H
#define FREEHOLD_OBJECT_H

#include <freehold/types.h>

/*
 * Where a file object's bytes come from. Both may sleep; both are called without locks held. write is
 * also called when memory is short, by any thread that allocates with __GFP_IO and by
 * fh_reclaim_background(), one such call at a time in a machine, until fh_object_destroy() begins; NULL:
 * the file cannot be written, a page made dirty stays.
 *   read: fill one page of bytes for `index` (bytes behind the end of file are zero).
 *   write: store one page.
 * 0, or a negative error that the caller of fh_object_read()/fh_object_writeback() gets.
 */
struct fh_object_ops {
	int (*read)(void *priv, uint64_t index, void *page);
	int (*write)(void *priv, uint64_t index, const void *page);
};

/* An object of nr_pages pages, all empty. ops NULL: anonymous memory, read as zero. -FH_EINVAL:
 * nr_pages is 0 or above 2^32 - 2; -FH_ENOMEM. */
FH_MUST_CHECK int fh_object_create(struct fh_machine *m, uint64_t nr_pages,
				   const struct fh_object_ops *ops, void *priv,
				   struct fh_object **object);
/* A number that no other object of the machine has or had: failure records name it. */
uint64_t fh_object_id(const struct fh_object *o);
/* Frees every page and the object. Waits for pages that are on the move, and for a write of reclaim. The caller has unpinned
 * all, unmapped it from every space, and no other thread uses it. Dirty pages are lost (call
 * fh_object_writeback() first). */
void fh_object_destroy(struct fh_object *o);

/*
 * Copies bytes out of, or into, page `index` at `offset`; offset + len stays inside the page. A
 * page that is not there is allocated and, for a file or from swap, read first. write marks a file's page
 * dirty. -FH_EINVAL: outside; -FH_ENOMEM: no frame, after reclaim; what ops->read or plat->swap_read
 * returned. May sleep in these, and in reclaim as fh_alloc_pages(GFP_KERNEL) does.
 */
FH_MUST_CHECK int fh_object_read(struct fh_object *o, uint64_t index, size_t offset, void *buf,
				 size_t len);
FH_MUST_CHECK int fh_object_write(struct fh_object *o, uint64_t index, size_t offset,
				  const void *buf, size_t len);

/* Frees pages [index, index + nr) that are neither pinned nor under writeback, dirty ones too
 * (MADV_DONTNEED, truncate), and what is in swap; the next use finds them empty. Waits for pages on the
 * move or being read from swap. Returns how many were freed, in memory and swap. */
uint64_t fh_object_punch(struct fh_object *o, uint64_t index, uint64_t nr);

/*
 * Pins page `index` for I/O, as pin_user_pages(): it stays at *pfn until fh_object_unpin(). In a
 * `guaranteed` area the page is moved out first; in a `movable` one it is pinned where it is, as
 * Linux does for short pins. Out of ZONE_MOVABLE it is moved too, as for FOLL_LONGTERM, since nobody says how long
 * he pins; what is being written there is waited for. Pins nest. -FH_EINVAL: outside, or 2^15 pins; -FH_ENOMEM: empty
 * and no frame, or no room outside the area and ZONE_MOVABLE.
 */
FH_MUST_CHECK int fh_object_pin(struct fh_object *o, uint64_t index, pfn_t *pfn);
/* -FH_EINVAL: not pinned. */
FH_MUST_CHECK int fh_object_unpin(struct fh_object *o, uint64_t index);

/*
 * A name for who pins, which failure records, read-outs and the log then say: of a driver, a process, a
 * queue. The same name again is the same pinner; it lives as long as the machine. Waits for nothing but a lock.
 * -FH_EINVAL: something is NULL, or name is not 1 to FH_PINNER_NAME - 1 printable ASCII characters
 * without a blank; -FH_ENOSPC: 255 have names; -FH_ENOMEM. Who gets none may pin without.
 */
#define FH_PINNER_NAME 52
FH_MUST_CHECK int fh_pinner_get(struct fh_machine *m, const char *name, struct fh_pinner **pinner);
/*
 * fh_object_pin() and fh_object_unpin() by somebody (NULL: without a name), for no more memory or time. A
 * page keeps how many pins it has and one name: of the first to pin it who has one, until he has unpinned it as often
 * as he pinned it, by name; then of the next to pin it.
 */
FH_MUST_CHECK int fh_object_pin_by(struct fh_object *o, uint64_t index, const struct fh_pinner *by,
				   pfn_t *pfn);
FH_MUST_CHECK int fh_object_unpin_by(struct fh_object *o, uint64_t index,
				     const struct fh_pinner *by);

/*
 * Writes page `index` back if it is there and dirty: moves it out of a `guaranteed` area, calls
 * ops->write (may sleep) and marks it clean. While it writes the page stays where it is, and can
 * neither move nor be dropped. 0 also when there was nothing to write; -FH_ENOMEM: no room outside;
 * what ops->write returned (the page stays dirty).
 */
FH_MUST_CHECK int fh_object_writeback(struct fh_object *o, uint64_t index);

/* Where page `index` is now; -FH_ENOENT: empty, or in swap. For tests and read-outs: it may move at once. */
FH_MUST_CHECK int fh_object_where(struct fh_object *o, uint64_t index, pfn_t *pfn);

/* An address space. `host` is handed to plat->map and friends; NULL: page tables of the core only.
 */
FH_MUST_CHECK int fh_space_create(struct fh_machine *m, void *host, struct fh_space **space);
/* Unmaps all and frees it. No other thread uses it. */
void fh_space_destroy(struct fh_space *s);

/* Shows object pages [index, index + nr) at va (pages). -FH_EINVAL: empty, outside the object, or
 * over an existing mapping; -FH_ENOMEM. Pages appear when they are touched. */
FH_MUST_CHECK int fh_space_map(struct fh_space *s, uint64_t va, struct fh_object *o, uint64_t index,
			       uint64_t nr);
/* Shows frames that no object owns at va (pages), writable, from now on: the runs one behind the other. Linux's
 * remap_pfn_range(). They stay the caller's, who unmaps them before he gives them back. -FH_EINVAL: no runs, an empty one, not
 * RAM of this machine, or over an existing mapping; -FH_ENOMEM: no memory, or the platform has no room: nothing is mapped. */
FH_MUST_CHECK int fh_space_map_frames(struct fh_space *s, uint64_t va, const struct range *run,
				      unsigned int nr_runs);
/* Removes the mapping that starts at va. Waits for faults, loads and stores in it that are under way, and
 * so perhaps for ops->read. -FH_EINVAL: none starts there, or it is being removed. */
FH_MUST_CHECK int fh_space_unmap(struct fh_space *s, uint64_t va);

enum fh_fault_flags { FH_FAULT_WRITE = 1 };
/*
 * The page fault: va (pages) was touched and not accessible. Brings the page (and neighbours that
 * fit the same run), or waits until a move is over; when it returns 0, try again. -FH_EFAULT:
 * nothing is mapped there; -FH_ENOMEM: no frame, or the platform has no room for another mapping;
 * what ops->read returned.
 */
FH_MUST_CHECK int fh_space_fault(struct fh_space *s, uint64_t va, unsigned int flags);

/* A load or store through the core's own page tables (tests, machines without a host mirror):
 * faults as needed, then copies; [offset, offset + len) stays inside the page. Errors of
 * fh_space_fault(). */
FH_MUST_CHECK int fh_space_load(struct fh_space *s, uint64_t va, size_t offset, void *buf,
				size_t len);
FH_MUST_CHECK int fh_space_store(struct fh_space *s, uint64_t va, size_t offset, const void *buf,
				 size_t len);

#endif
