/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A platform for tests: RAM from mmap, CPUs that threads choose, a mirror of address spaces, and
 * failures on request. */
#ifndef FH_TEST_PLAT_H
#define FH_TEST_PLAT_H

#include <freehold/mem.h>
#include <pthread.h>

#define TP_BASE	       UINT64_C(0x40000000)
#define TP_MAX_BANKS   16
#define TP_SPACE_PAGES 4096

struct tp_ram {
	unsigned char *virt;
	uint64_t base, size;
};

struct testplat {
	struct plat plat;
	struct tp_ram ram[TP_MAX_BANKS];
	unsigned int nr_ram;
	/* Fails the nth call from now on of those that may fail (1: the next); 0: none. `sticky`:
	 * and all after it. */
	_Atomic(int64_t) fail_nth;
	bool fail_sticky;
	_Atomic(uint64_t) calls;  /* of those that may fail */
	_Atomic(uint64_t) failed; /* how many of them did */
	_Atomic(int64_t) live;	  /* bytes allocated and not freed */
	/* Swap of testplat_swap(). */
	unsigned char *swap;
	uint64_t swap_nr;
	_Atomic(uint8_t) *swap_busy; /* a call for the slot is under way */
	_Atomic(bool) swap_write_fails, swap_read_fails;
	_Atomic(uint64_t) swap_writes, swap_reads; /* that succeeded */
	_Atomic(uint64_t) swap_write_errors, swap_read_errors;

	_Atomic(uint64_t) compressed; /* pages, by plat.compress */

	_Atomic(uint64_t) helped;	     /* calls of plat.parallel's fn by others */
	bool no_ram;			     /* frames without bytes */
	bool no_cpu_caches;		     /* no sync_cpus */
	uint64_t birth_used, birth_cma_used; /* frames: those of pools */
	/* Of testplat_caches(). */
	bool ram_is_file;
	struct tp_cache *cache[TP_MAX_BANKS];
	pthread_mutex_t cache_lock;
	struct tp_vmap *vmaps;
	_Atomic(uint64_t) cleans, invals, lost; /* calls, and bytes that CPUs lost */
	/* Of testplat_share(). */
	struct tp_share *shares;
	pthread_mutex_t shares_lock;
};

void testplat_init(struct testplat *tp);
void testplat_fini(struct testplat *tp);

/* Room for nr pages of swap behind plat.swap_write and swap_read, which fail with -FH_EIO when fail_nth
 * says so, or the flags above. Before the machine is made; fh_swapon() is the caller's. */
void testplat_swap(struct testplat *tp, uint64_t nr);

/*
 * plat.vmap and vunmap, and with line > 0 caches of such lines without end between CPUs and RAM: what a CPU wrote comes to RAM by
 * cache_clean only, what a device wrote to the CPU by cache_inval only. RAM is zero at first. Before the machine is made. vmap fails as
 * fail_nth says. In the end (testplat_fini()) no mapping is left.
 */
void testplat_caches(struct testplat *tp, unsigned int line);
/* A device's access to RAM; `snoop`: it sees and changes what CPUs have in their caches. Not RAM: stops. */
void testplat_bus_read(struct testplat *tp, phys_t phys, void *buf, uint64_t n, bool snoop);
void testplat_bus_write(struct testplat *tp, phys_t phys, const void *buf, uint64_t n, bool snoop);

/* plat.share and its three: an object is memory that is copied in when it is shown; until then its frames may not be touched. In the end no
 * object is left. Before the machine is made. */
void testplat_share(struct testplat *tp);
bool testplat_shown(const void *shared);
/* Where a page of an object is now: what another program would see. */
unsigned char *testplat_shared(void *shared, uint64_t page);
void testplat_shares_end(struct testplat *tp);
/* With caches: what CPUs see of these whole pages was changed under them; RAM is zero. */
void testplat_cache_reset(struct testplat *tp, phys_t phys, uint64_t size);

/* testplat.c and testcache.c: a call that may fail does now; RAM of testplat_caches(), and its end. */
bool testplat_fails(struct testplat *tp);
bool testplat_ram_file(struct testplat *tp, const struct tp_ram *r);
void testplat_caches_end(struct testplat *tp);

/* plat.parallel, with threads of its own for each call. Before the machine is made. */
void testplat_helpers(struct testplat *tp);

/* A finished configuration: one bank of `mib` MiB at TP_BASE, `cma_mib` of it as area "area" at its
 * end, of `policy`, `cpus` CPUs. dma_limit and dma32_limit make three zones when `zones` is true:
 * DMA the first 64 MiB, DMA32 the next 64, Normal the rest. */
enum tp_zones { TP_ONE_ZONE, TP_THREE_ZONES };
struct boot_config *testplat_config(uint64_t mib, uint64_t cma_mib, enum cma_policy policy,
				    unsigned int cpus, enum tp_zones zones);
/* A configuration of several banks {base, size} in bytes, without areas; one zone, `cpus` CPUs. */
struct boot_config *testplat_banks(const struct boot_bank *bank, unsigned int n, unsigned int cpus);

/* A machine of such a configuration; NULL and a failed check when it cannot be made. The second
 * frees cfg. */
struct fh_machine *testplat_machine(struct testplat *tp, uint64_t mib, uint64_t cma_mib,
				    enum cma_policy policy, unsigned int cpus);
struct fh_machine *testplat_machine_of(struct testplat *tp, struct boot_config *cfg);

/* The frame of most tests: testplat_init(), CPU 0, a machine; and its end: with every CPU's cache
 * given back all is free again, fh_check() finds nothing, and the machine gives back all memory. */
struct fh_machine *testplat_start(struct testplat *tp, uint64_t mib, uint64_t cma_mib,
				  enum cma_policy policy, unsigned int cpus);
void testplat_end(struct testplat *tp, struct fh_machine *m);
/* Every CPU gives back what it caches, by its own hand. */
void testplat_quiesce(struct fh_machine *m);

/*
 * The mirror of an address space: what plat->map, protect and unmap left. A struct tp_space is a
 * `host` handle for fh_space_create(), for pages below TP_SPACE_PAGES; free() it after the space.
 * Every call is checked against the contract in plat.h.
 */
struct tp_space {
	struct testplat *tp;
	_Atomic(uint64_t) pte[TP_SPACE_PAGES];	  /* pfn << 2 | write << 1 | present */
	_Atomic(uint64_t) maps, protects, unmaps; /* calls that succeeded */
};
struct tp_space *testplat_space(struct testplat *tp);
/* What a load would see: the frame's bytes, or NULL: it would fault. */
void *testplat_see(const struct tp_space *host, uint64_t va);
/* The mirror shows exactly what the core's page tables say. */
bool testplat_space_check(const struct fh_space *s, const struct tp_space *host, const char *file,
			  int line);
#define TP_SPACE_CHECK(s, host) testplat_space_check((s), (host), __FILE__, __LINE__)

/* Whether fn(arg), run in a child, ends by a signal (a broken invariant stops the machine). */
bool testplat_dies(void (*fn)(void *), void *arg);

/* The calling thread is CPU `id` of every machine from now on; ~0u: none. */
void testplat_cpu(unsigned int id);

/* fh_check(), and a failed check of the test with what is broken. */
bool testplat_check(struct fh_machine *m, const char *file, int line);
#define TP_CHECK(m) testplat_check((m), __FILE__, __LINE__)

#endif
