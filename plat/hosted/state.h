/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The inside of struct hosted and struct hosted_space, for the files of this folder. */
#ifndef FH_PLAT_HOSTED_STATE_H
#define FH_PLAT_HOSTED_STATE_H

#include <pthread.h>
#include <freehold/hosted.h>

struct hosted_helpers;
struct hosted_cache;
struct hosted_vmap;
struct hosted_share;
struct hosted_shown;

#define HOSTED_HUGE   (UINT64_C(2) << 20) /* bytes of a huge page of buffers */
#define HOSTED_SPARES 16
/* A memfd without size or seals, opened twice: for the machine, and to give away. */
struct hosted_spare {
	int own, given;
};

/* A bank of RAM and where it begins in the memfd. */
struct hosted_bank {
	pfn_t start, end;
	uint64_t file_page;
};

struct hosted {
	struct plat plat;
	void (*log)(void *arg, int level, const char *line);
	void *log_arg;

	/* RAM: constant after hosted_create(). */
	struct hosted_bank bank[BOOT_MAX_BANKS];
	unsigned int nr_banks;
	uint64_t ram_size;
	int ram_fd;
	int swap_fd; /* -1: none */
	uint64_t swap_delay_ns;
	char *ram;

	struct hosted_helpers *helpers;

	struct hosted_cache *cache; /* NULL: CPUs and devices see the same bytes */
	pthread_mutex_t vmaps_lock;
	struct hosted_vmap *vmaps;
	enum hosted_backing backing;
	atomic_bool backing_refused; /* it was said */
	_Atomic(uint64_t) nr_shares; /* made so far */
	_Atomic(uint64_t) nr_shown;  /* objects that are mapped over RAM */
	pthread_mutex_t shares_lock;
	struct hosted_share *shares;
	struct hosted_spare spare[HOSTED_SPARES]; /* shares_lock */
	unsigned int nr_spares;
	struct hosted_shown *shown; /* of each page of the memfd */
	pthread_mutex_t symbol_lock;
	struct Dwfl *dwfl; /* libdw's view of this process, once it was asked for */

	/* Mappings of all spaces. The list is under spaces_lock; a space's own state under its
	 * lock. */
	pthread_mutex_t spaces_lock;
	struct hosted_space *spaces;
	uint64_t map_limit;
	_Atomic(uint64_t) mappings, mappings_max, limit_hits, pages_dropped, faults;
};

/*
 * The mirror of one address space. entry[i] tells what page i shows: 0 nothing, else twice (page in
 * the memfd + 1), plus 1 when it may be written. Neighbours that continue each other are one
 * mapping of the host, so the host's count of mappings can be kept exactly, without asking it.
 */
struct hosted_space {
	struct hosted *h;
	char *base;
	uint64_t nr;
	uint32_t *entry;
	uint64_t hand;	   /* page where the search for mappings to drop goes on */
	unsigned int slot; /* in the fault handler's table */
	pthread_mutex_t lock;
	struct hosted_space *next;
};

/* ram.c */
int hosted_ram_create(struct hosted *h, const struct hosted_opts *opts, struct hosted_why *why);
void hosted_ram_destroy(struct hosted *h);
void *hosted_ram(void *ctx, phys_t phys, uint64_t size);
/* Where frames [pfn, pfn + nr) begin in the memfd, in pages; false: not inside one bank. */
bool hosted_ram_offset(const struct hosted *h, pfn_t pfn, uint64_t nr, uint64_t *file_page);

/* heap.c */
void *hosted_alloc(void *ctx, size_t size);
void hosted_free(void *ctx, void *p, size_t size);

/* cache.c */
int hosted_cache_create(struct hosted *h, const struct hosted_opts *opts, struct hosted_why *why);
void hosted_cache_destroy(struct hosted *h);
void hosted_cache_clean(void *ctx, phys_t phys, uint64_t size);
uint64_t hosted_cache_inval(void *ctx, phys_t phys, uint64_t size);
/* One more mapping (on), or one less, shows pages of the memfd past the caches. */
void hosted_cache_uncached(struct hosted *h, uint64_t file_page, uint64_t nr, bool on);

/* Nothing of RAM enters or leaves the caches until hosted_cache_let_go(). */
void hosted_cache_hold(struct hosted *h);
/* Held: what CPUs see of these pages was changed under the caches: no line of them is there, RAM is zero. */
void hosted_cache_reset(struct hosted *h, uint64_t file_page, uint64_t nr);
void hosted_cache_let_go(struct hosted *h);

/* share.c */
bool hosted_shares_create(struct hosted *h);
void hosted_shares_destroy(struct hosted *h);
int hosted_share(void *ctx, const struct range *run, unsigned int nr_runs, void **shared);
int hosted_share_show(void *ctx, void *shared);
int hosted_share_move(void *ctx, void *shared, const struct range *run, unsigned int nr_runs);
void hosted_unshare(void *ctx, void *shared);
/* A DMA-BUF of a memfd's pages, which are the kernel's to keep as long as anybody has it. -errno of the host. */
int hosted_udmabuf(int memfd, uint64_t size);

/* The file that is mapped at pages of RAM's memfd, and where in it: for how many from there on, at most nr. */
uint64_t hosted_file_at(const struct hosted *h, uint64_t file_page, uint64_t nr, int *fd,
			uint64_t *fd_page);

/* vmap.c */
void *hosted_vmap(void *ctx, const struct range *run, unsigned int nr_runs, unsigned int flags);
void hosted_vunmap(void *ctx, void *p, uint64_t nr_pages);
void hosted_vmaps_end(struct hosted *h);

/* symbol.c */
bool hosted_symbol(void *ctx, const void *code, char *buf, size_t size);
void hosted_symbol_end(struct hosted *h);

/* swap.c */
void hosted_swap_close(struct hosted *h);
int hosted_swap_write(void *ctx, uint64_t slot, const void *page);
int hosted_swap_read(void *ctx, uint64_t slot, void *page);

/* compress.c */
size_t hosted_compress(void *ctx, const void *src, void *dst, size_t room);
int hosted_decompress(void *ctx, const void *src, size_t size, void *dst);

/* cpu.c */
void hosted_cpu_look(void); /* what the host's CPUs can */
bool hosted_sync_register(void);
void hosted_sync_cpus(void *ctx);
void hosted_wait(void *ctx, _Atomic(uint32_t) *word, uint32_t value, uint64_t until_ns);
void hosted_wake(void *ctx, _Atomic(uint32_t) *word);

/* helpers.c */
int hosted_helpers_create(struct hosted *h);
void hosted_helpers_destroy(struct hosted *h);
void hosted_parallel(void *ctx, unsigned int n, void (*fn)(void *data), void *data);

/* space.c */
uint64_t hosted_map_limit(void);
int hosted_map(void *ctx, void *space, uint64_t va, pfn_t pfn, uint64_t nr, unsigned int flags);
int hosted_protect(void *ctx, void *space, uint64_t va, uint64_t nr);
void hosted_unmap(void *ctx, void *space, uint64_t va, uint64_t nr);
/* Room for n more mappings that are no space's: spaces give theirs up. */
bool hosted_space_room(struct hosted *h, uint64_t n);
/* A fault on a mapping that was only given up to save room: 0: it is back; -FH_ENOMEM: it cannot
 * be. */
int hosted_space_restore(struct hosted_space *hs, uint64_t va, bool write);

/* fault.c */
bool hosted_in_fault(void); /* this thread is about to touch what it maps */
int hosted_fault_register(struct hosted_space *hs);
void hosted_fault_attach(struct hosted_space *hs, struct fh_space *space);
void hosted_fault_unregister(struct hosted_space *hs);

/* Ends the process: a broken invariant or a host that takes back what it gave. */
void hosted_stop(void *ctx, const char *why) __attribute__((noreturn));

#endif
