/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The platform contract, cold half: one struct of functions the embedder fills in. (The hot half,
 * a dozen inline functions, is arch.h; see plat/<platform>/arch.h.)
 *
 * Preconditions for all: the core calls from any thread that may call the core, several at a time,
 * and passes `ctx` through untouched. Functions marked "may be NULL" are optional and the text says
 * what is lost. None may call back into the core, except that stop() never returns. A function may
 * sleep only where it says so, and fail only where it says so: alloc, ram, map, protect, vmap, share, swap_write
 * and swap_read may, at any call (DESIGN, "What may fail", has what follows for whom).
 */
#ifndef FREEHOLD_PLAT_H
#define FREEHOLD_PLAT_H

#include <stdatomic.h>
#include <freehold/types.h>

/* Linux's levels, as in <level>message of /dev/kmsg. */
enum plat_log_level { PLAT_LOG_ERR = 3, PLAT_LOG_WARN = 4, PLAT_LOG_INFO = 6 };

enum plat_map_flags { PLAT_MAP_WRITE = 1 };
enum plat_vmap_flags { PLAT_VMAP_UNCACHED = 1 };

struct plat {
	void *ctx;

	/* `size` bytes, zeroed and aligned to 64, or NULL: an ordinary failure. Does not sleep for
	 * long. */
	void *(*alloc)(void *ctx, size_t size);
	/* Gives back what alloc() returned, with the same size. */
	void (*free)(void *ctx, void *p, size_t size);

	/* Where the CPU sees [phys, phys+size) of RAM, contiguous, or NULL. May be NULL: then the
	 * machine has frames without bytes, and nothing is ever copied or zeroed. */
	void *(*ram)(void *ctx, phys_t phys, uint64_t size);

	/* One finished line without newline. May be NULL (the core keeps its own dmesg as well). */
	void (*log)(void *ctx, int level, const char *line);
	/* A broken invariant: show `why`, never return. */
	void (*stop)(void *ctx, const char *why) __attribute__((noreturn));
	/* Nanoseconds, monotonic. */
	uint64_t (*clock_ns)(void *ctx);

	/* Returns after every CPU that runs code of this machine has executed a full memory barrier
	 * (an empty IPI to all; membarrier). NULL: the per-CPU caches of frames stay off. */
	void (*sync_cpus)(void *ctx);
	/* Sleep while *word == value, at least until wake(word) or until clock_ns() says until_ns (0: no limit); may return early,
	 * at any time and as often as it likes. Never called with a lock held. */
	void (*wait)(void *ctx, _Atomic(uint32_t) *word, uint32_t value, uint64_t until_ns);
	void (*wake)(void *ctx, _Atomic(uint32_t) *word);
	/* Calls fn(data) here and, at the same time, on up to n other CPUs or threads, and returns when all these
	 * calls have: fn may run fewer times than n + 1, once at least. Called without locks. May be NULL: large
	 * ranges are then emptied by the thread that wants them alone. */
	void (*parallel)(void *ctx, unsigned int n, void (*fn)(void *data), void *data);

	/*
	 * Mirror of an address space in hardware (or host) mappings. `space` is the handle given to
	 * fh_space_create(); va counts pages. All may be NULL: then the core's own page tables are
	 * the only ones. Called with the object's lock held: must not sleep for long, must not call
	 * the core.
	 *
	 * map: pages [va, va+nr) now show frames [pfn, pfn+nr); replaces what was there in one
	 * step, so that a reader sees the old bytes or the new, never a hole. Fails with -FH_ENOMEM
	 * and changes nothing. protect: when it returns, no CPU writes through [va, va+nr) any more
	 * (reads may go on); a write faults and the platform calls fh_space_fault(). Fails with
	 * -FH_ENOMEM and changes nothing. unmap: any access faults. Cannot fail: it is what the core
	 * does where the other two fail for a page that must leave its frame, so that no device is
	 * refused for want of a mapping. Only a fault hears of map's error.
	 */
	int (*map)(void *ctx, void *space, uint64_t va, pfn_t pfn, uint64_t nr, unsigned int flags);
	int (*protect)(void *ctx, void *space, uint64_t va, uint64_t nr);
	void (*unmap)(void *ctx, void *space, uint64_t va, uint64_t nr);

	/*
	 * Swap: stores, or fetches, one page of bytes of anonymous memory in place `slot`, below the
	 * number given to fh_swapon(). May sleep; called without locks; several at a time, never two
	 * for one slot. 0, or a negative error: a failed write loses nothing (the page stays in
	 * memory), a failed read is what the access that needed the page returns, and is tried again
	 * by the next. Both may be NULL: there is no swap.
	 */
	int (*swap_write)(void *ctx, uint64_t slot, const void *page);
	int (*swap_read)(void *ctx, uint64_t slot, void *page);

	/*
	 * Compression of anonymous memory in memory (cma_set_compress()). compress: turns the
	 * FH_PAGE_SIZE bytes at src into at most `room` bytes, less than a page, at dst, and returns how
	 * many; 0: it takes more, or cannot be done. decompress: turns the `size` bytes at src that
	 * compress() made back into FH_PAGE_SIZE bytes at dst, and returns 0; a negative error, if they
	 * cannot have been made by it, is what the access that needed the page returns. Bounded, never
	 * sleep, several at a time. Others wait for the page meanwhile, with no lock held. src and dst do not
	 * overlap; src of compress() and dst of decompress() are whole frames. Both may be NULL: nothing
	 * is ever compressed.
	 */
	size_t (*compress)(void *ctx, const void *src, void *dst, size_t room);
	int (*decompress)(void *ctx, const void *src, size_t size, void *dst);

	/*
	 * Caches between the CPUs and RAM, for devices that do not snoop them. clean: what CPUs wrote to
	 * [phys, phys+size) is in RAM when it returns. inval: CPUs see what is in RAM; of lines that the range covers in
	 * part, what CPUs wrote goes to RAM first; of those it covers whole it is lost. inval returns how many
	 * bytes that CPUs wrote since the last clean were lost, if the platform can tell, else 0. Never sleep, cannot
	 * fail, any context. All NULL: CPUs and devices see the same bytes, always. cache_line: bytes, a power of two.
	 */
	void (*cache_clean)(void *ctx, phys_t phys, uint64_t size);
	uint64_t (*cache_inval)(void *ctx, phys_t phys, uint64_t size);
	unsigned int cache_line;

	/*
	 * A CPU address range of its own for runs of whole frames, one behind the other; with
	 * PLAT_VMAP_UNCACHED past the caches: then these frames have no line in any cache when it returns, and get
	 * none, by whatever address, until vunmap() of all such ranges. NULL: no room. May sleep. vunmap: the same
	 * pointer and number of pages; cannot fail. Both may be NULL: there are no addresses but the linear map's
	 * (where caches exist, coherent buffers for devices that do not snoop are then refused).
	 */
	void *(*vmap)(void *ctx, const struct range *run, unsigned int nr_runs, unsigned int flags);
	void (*vunmap)(void *ctx, void *p, uint64_t nr_pages);

	/*
	 * A buffer's bytes in an object of their own, which the platform can give to other programs (as a descriptor) without giving them
	 * RAM. share: these frames, in this order, stand for an object of zeros; its handle in *shared. Until share_show() the bytes of the frames are
	 * nobody's: neither the object's nor to be touched. share_show: from now on they are the object's, at all addresses of the frames but
	 * those that vmap() gave before.
	 * share_move: the object's bytes are at the frames `run` from now on, as many, and no longer at the old ones. unshare: the
	 * frames are RAM as any, their bytes undefined; programs that have the object keep it and its bytes. share, share_show and share_move
	 * may sleep, and fail with -FH_ENOMEM and change nothing. All NULL: there are no other programs, and buffers are zeroed in place.
	 */
	int (*share)(void *ctx, const struct range *run, unsigned int nr_runs, void **shared);
	int (*share_show)(void *ctx, void *shared);
	int (*share_move)(void *ctx, void *shared, const struct range *run, unsigned int nr_runs);
	void (*unshare)(void *ctx, void *shared);

	/* The name of a code address for people, such as "start_capture camera.c:57", into buf[size], always ended;
	 * false: unknown. May be NULL. */
	bool (*symbol)(void *ctx, const void *code, char *buf, size_t size);
};

#endif
