/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The hosted platform: a Linux process that is a machine. RAM is a memfd, threads are CPUs, a tenant's
 * address space is real mappings of RAM, a file object is a real file.
 *
 *	struct hosted_opts opts = {.banks = cfg.bank, .nr_banks = cfg.nr_banks};
 *	err = hosted_create(&opts, &h, &why)
 *	err = fh_machine_create(hosted_plat(h), &cfg, &m)
 *	hosted_cpu_set(0)			each thread its own number
 *
 *	hosted_space_create(h, nr, &hs)		a space that ordinary loads and stores reach
 *	fh_space_create(m, hs, &space)
 *	hosted_space_attach(hs, space)
 *	fh_space_map(space, hosted_space_va(hs), object, 0, nr)
 *	hosted_try(access, arg)			access() touches hosted_space_base(hs)[...]
 *
 * Errors are negative, Linux's values. Any number of machines share one process; what is process-wide
 * is the SIGSEGV handler with its table of spaces, and each thread's CPU number.
 */
#ifndef FREEHOLD_HOSTED_H
#define FREEHOLD_HOSTED_H

#include <freehold/boot.h>
#include <freehold/object.h>
#include <freehold/plat.h>

#define HOSTED_WHY_MAX 256

struct hosted;
struct hosted_space;

struct hosted_why {
	char text[HOSTED_WHY_MAX];
};

/* What the buffers of heaps are made of ("Buffers that other programs have", below). */
enum hosted_backing {
	HOSTED_MEMFD,
	HOSTED_HUGETLB, /* memfds of 2 MiB pages, really contiguous, where a buffer is whole ones at such addresses */
	HOSTED_UDMABUF, /* memfds, given out as DMA-BUFs of the host by /dev/udmabuf */
};

struct hosted_opts {
	/* Ascending, disjoint, whole pages: as of a finished boot_config. */
	const struct boot_bank *banks;
	unsigned int nr_banks;
	uint64_t max_mappings; /* of all spaces together; 0: what the host allows a process */
	/* One line of the machine, any thread; NULL: none wanted. */
	void (*log)(void *arg, int level, const char *line);
	void *log_arg;

	/* Caches between CPUs and RAM ("What devices see", below). Bytes of a line, a power of two from 16 to 256; 0: none, CPUs and
	 * devices see the same bytes. */
	unsigned int cache_line;
	uint64_t
		cache_size; /* bytes that fit in, a multiple of the line; 0: no limit, no line leaves of itself */
	uint64_t
		cache_seed; /* lines also leave by lot, one in 64 that a device touches; 0: none do */

	/* Where the host has no huge pages left, or no /dev/udmabuf, memfds are used, and the log says so once. */
	enum hosted_backing backing;
};

/*
 * Makes RAM for the banks: address space now, memory when it is touched. -FH_ENOMEM with one line
 * in *why: the host has not that much to give (the line says how much is needed and how much there
 * is), or refused; -FH_EINVAL: no banks, not whole pages, or a cache that cannot be.
 */
FH_MUST_CHECK int hosted_create(const struct hosted_opts *opts, struct hosted **h,
				struct hosted_why *why);
/* Every machine and space on it is gone. */
void hosted_destroy(struct hosted *h);
/* What fh_machine_create() wants; valid until hosted_destroy(). */
const struct plat *hosted_plat(const struct hosted *h);

/* The shortest way to a machine: `ram` bytes in one bank, areas as `bootargs` says ("cma=64M"). Its end is
 * fh_machine_destroy(), hosted_destroy(). Errors of boot_config_finish(), hosted_create() and
 * fh_machine_create(), with one line in *why. */
FH_MUST_CHECK int hosted_machine(struct hosted **h, struct fh_machine **m, const char *bootargs,
				 uint64_t ram, struct hosted_why *why);

/*
 * Takes all memory of RAM from the host now, so that no measurement contains the host's own page
 * faults. progress (may be NULL) is called now and then with bytes done; it returns false to stop.
 * 0 also when it was stopped; -FH_ENOMEM: the host refused.
 */
FH_MUST_CHECK int hosted_prefault(struct hosted *h,
				  bool (*progress)(void *arg, uint64_t done, uint64_t total),
				  void *arg);

/*
 * A swap file of `bytes` for fh_swapon(bytes >> FH_PAGE_SHIFT): all of it taken from the file system now,
 * without a name, gone with hosted_destroy(). dir NULL: $TMPDIR, or /var/tmp. One machine at a time may
 * use it. With one line in *why: -FH_EINVAL: not whole pages, or there is one; -errno: the host refused.
 */
FH_MUST_CHECK int hosted_swap_open(struct hosted *h, const char *dir, uint64_t bytes,
				   struct hosted_why *why);
/* Each page that is written to or read from it takes so much longer, as a device would beside the host's cache; 0 at
 * first. Before machines use it. */
void hosted_swap_delay(struct hosted *h, uint64_t ns);

/* What the host could give a new process now, in bytes: free memory and cache, and the limit of the
 * control group if there is one. 0: unknown. */
uint64_t hosted_available(void);

/* The mappings of all spaces, for reports. A process may have vm.max_map_count of them; the runs of
 * a tenant are kept long, and when the limit comes near the oldest mappings are dropped, to be
 * faulted in again. */
struct hosted_stats {
	uint64_t mappings, mappings_max; /* now, and the most ever */
	uint64_t limit;
	uint64_t limit_hits;	/* times that room had to be made */
	uint64_t pages_dropped; /* pages whose mapping was dropped for it */
	uint64_t faults;	/* accesses that came to fh_space_fault() */
};
void hosted_stats(const struct hosted *h, struct hosted_stats *stats);

/*
 * What devices see. Without caches a device's access is the CPU's. With caches there are two views of each byte: the CPU's, which is
 * what its loads and stores reach, at any address but one from plat->vmap() with PLAT_VMAP_UNCACHED; and RAM's, which devices that do
 * not snoop read and write. A line is dirty where the CPU's bytes differ from those the line was filled with.
 *
 * RAM is zero at birth, and what a CPU writes stays in its cache: a page that was written and never cleaned shows a
 * device zeros, or what RAM held of the page's last owner. What a device writes stays unseen by CPUs until plat->cache_inval(): a cache may fill
 * any line at any time, so it is taken to have done so before. With cache_size, lines that were filled first leave
 * first (each 64th of pages has its share, where the cache is 64 KiB or more), and with cache_seed some by lot. A dirty line that leaves is
 * written to RAM whole, over what a device wrote; a clean one shows what is in RAM from then on. Lines leave while someone cleans,
 * invalidates or a device comes by; what CPUs wrote and nobody has looked at since takes no room.
 *
 * An access to [phys, phys + n): not RAM, or not in one bank: -FH_EFAULT, nothing is transferred. Any thread, any number at a
 * time; each page is one step. Lines and devices' accesses are atomic to each other, not to stores of CPUs: who breaks the rules of
 * <freehold/dma.h> sees bytes of both, and a sanitizer need not tell. The snooping forms see and change both views.
 */
FH_MUST_CHECK int hosted_bus_read(struct hosted *h, phys_t phys, void *buf, uint64_t n);
FH_MUST_CHECK int hosted_bus_write(struct hosted *h, phys_t phys, const void *buf, uint64_t n);
FH_MUST_CHECK int hosted_bus_read_snoop(struct hosted *h, phys_t phys, void *buf, uint64_t n);
FH_MUST_CHECK int hosted_bus_write_snoop(struct hosted *h, phys_t phys, const void *buf,
					 uint64_t n);

/* All since hosted_create(); zeros without caches. */
struct hosted_cache_stats {
	uint64_t written_back; /* dirty lines that went to RAM, asked for or not */
	uint64_t evicted;      /* lines that left for want of room, or by lot */
	uint64_t overwritten;  /* bytes of devices that a dirty line went over */
	uint64_t lost;	       /* bytes of CPUs that were invalidated */
};
void hosted_cache_stats(struct hosted *h, struct hosted_cache_stats *stats);

/*
 * Buffers that other programs have. The bytes of a heap's buffer are a memfd of its own ("freehold:NUMBER"), sealed against growing,
 * shrinking and more seals; `shared` is dma_heap_shared() of it. A program that maps the memfd is a CPU of the machine that keeps its
 * bytes in the same cache as all: what devices see of them needs begin and end of CPU access, as everywhere.
 */

/* The memfd itself, this process's; closed with the buffer. */
int hosted_share_fd(void *shared);
/* The same, from now on an open file as any: fcntl(F_SETLEASE, F_WRLCK) on it is refused as long as there is another, so where it is granted
 * nobody has the bytes but this process. Once a buffer, before others know it. Or -errno of the host. */
FH_MUST_CHECK int hosted_share_open(void *shared);
/* Prepares what of a buffer needs no size: the next one then costs less. For who has nothing else to do; true: done, and ask again. False: there
 * is enough in stock, or buffers are no memfds. */
bool hosted_share_stock(struct hosted *h);
/* A descriptor to give away: an open file of its own of the memfd. flags: O_RDONLY, O_WRONLY or O_RDWR, and O_CLOEXEC. With
 * HOSTED_UDMABUF the buffer's one DMA-BUF, which is always readable and writable. -FH_EINVAL: other flags; -errno of the host. */
FH_MUST_CHECK int hosted_share_export(void *shared, int flags);
/* That DMA-BUF, this process's; -1: none was given away, and what was is a memfd. */
int hosted_share_dmabuf(void *shared);
/* How many have a DMA-BUF of the host beside this descriptor: others of this process and of all, mappings, drivers that imported it, messages under way. 0:
 * nobody, and nobody can come by it but through this descriptor. Nothing waits. -FH_EINVAL: no DMA-BUF, or a kernel that does not say. */
FH_MUST_CHECK long hosted_dmabuf_others(int fd);
/* Whether fd is a DMA-BUF as `known` is one. Nothing is asked of the file itself, which may be anybody's. */
FH_MUST_CHECK bool hosted_dmabuf_like(int fd, int known);
/* The next buffer of as many bytes that this thread allocates from a heap of a machine on h has this memfd and what is in it, not a
 * new one: for who takes buffers over from a server before. 0: the descriptor is the platform's now, which closes it with the buffer, or where the
 * allocation fails behind that. fd -1: no more. -FH_EINVAL: not sealed like one of ours, of huge pages, not whole pages, or not readable and writable. */
FH_MUST_CHECK int hosted_share_adopt(struct hosted *h, int fd);

/* From now on this thread is CPU n of every machine; ~0u: of none. Before changing or ending, call
 * fh_cpu_quiesce(). */
void hosted_cpu_set(unsigned int n);

/* Reserves host addresses for nr_pages pages, none accessible. -FH_EINVAL: 0 pages; -FH_ENOMEM: the
 * host refused; -FH_ENOSPC: HOSTED_MAX_SPACES. */
#define HOSTED_MAX_SPACES 256
FH_MUST_CHECK int hosted_space_create(struct hosted *h, uint64_t nr_pages,
				      struct hosted_space **hs);
/* Names the core's space whose mirror this is; faults are served from now on. */
void hosted_space_attach(struct hosted_space *hs, struct fh_space *space);
/* After fh_space_destroy(). */
void hosted_space_destroy(struct hosted_space *hs);
void *hosted_space_base(const struct hosted_space *hs);
/* The same in pages, as fh_space_map() and fh_space_fault() count. */
uint64_t hosted_space_va(const struct hosted_space *hs);

/*
 * Runs access(arg), which may touch memory of spaces. A page that is missing is faulted in and a
 * thread that touches a page on the move waits; when there is no frame for it, access() is
 * abandoned there and the error of fh_space_fault() returned; else 0. Calls nest. access() must not
 * hold a lock or other resource across a touch, nor touch in a library call that takes locks; a
 * system call on such an address gets EFAULT instead of a fault. Without hosted_try() a refused
 * fault ends the process.
 */
FH_MUST_CHECK int hosted_try(void (*access)(void *arg), void *arg);

/* A real file behind an object. The bytes behind `size` read as zero and are not written. */
struct hosted_file {
	int fd;
	uint64_t size; /* bytes, when it was opened */
};
/* flags as open(2). -errno, also for what is not a regular file (-FH_EINVAL). */
FH_MUST_CHECK int hosted_file_open(struct hosted_file *f, const char *path, int flags);
void hosted_file_close(struct hosted_file *f);
/* priv is the struct hosted_file; the object has hosted_file_pages() pages (an empty file: 1). */
extern const struct fh_object_ops hosted_file_ops;
uint64_t hosted_file_pages(const struct hosted_file *f);

#endif
