/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers' bytes in objects of their own: plat->share. A memfd a buffer, sealed against growing and shrinking, that is mapped over the
 * frames that stand for it when the machine itself touches the bytes: before, there is nothing but a descriptor.
 *
 * shown[] tells of a page of RAM's memfd which object is there instead, for whoever maps frames (space.c, vmap.c). An entry changes only
 * while nobody but the buffer's owner has the frame, so it needs no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "state.h"

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21U << 26)
#endif

#define HUGE_PAGES (HOSTED_HUGE >> FH_PAGE_SHIFT)
#define SEALS	   (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

struct part {
	uint64_t file_page, nr; /* in RAM's memfd */
};

struct hosted_share {
	struct hosted *h;
	struct hosted_share *next, *prev; /* h->shares */
	int fd;
	bool opened;	     /* fd is hosted_share_open()'s */
	int spare;	     /* an open of it for hosted_share_export(); -1: none */
	_Atomic(int) dmabuf; /* of /dev/udmabuf; -1: none yet */
	bool huge, shown;
	uint64_t nr_pages;
	unsigned int nr_parts;
	struct part *part;
};

/* What stands at a page of RAM's memfd instead; share NULL: nothing. */
struct hosted_shown {
	struct hosted_share *share;
	uint64_t page; /* of the object */
};

/* Of hosted_share_adopt(). */
static _Thread_local struct {
	struct hosted *h; /* NULL: none */
	int fd;
	uint64_t nr_pages;
} adopted;

static void say_once(struct hosted *h, const char *what, int err)
{
	char line[160];

	if (atomic_exchange(&h->backing_refused, true) || !h->log)
		return;
	snprintf(line, sizeof(line), "buffers: %s: %s; memfds instead", what, strerror(err));
	h->log(h->log_arg, PLAT_LOG_WARN, line);
}

/* ---- frames ---- */

/* Which pages of RAM's memfd they are; NULL: not RAM, or no memory. */
static struct part *parts_of(struct hosted *h, const struct range *run, unsigned int nr_runs,
			     uint64_t *nr_pages)
{
	struct part *p = nr_runs ? malloc(nr_runs * sizeof(*p)) : NULL;

	*nr_pages = 0;
	for (unsigned int i = 0; p && i < nr_runs; i++) {
		p[i].nr = run[i].end - run[i].start;
		if (run[i].start >= run[i].end ||
		    !hosted_ram_offset(h, run[i].start, p[i].nr, &p[i].file_page)) {
			free(p);
			return NULL;
		}
		*nr_pages += p[i].nr;
	}
	return p;
}

static char *address(const struct hosted *h, const struct part *p)
{
	return h->ram + (p->file_page << FH_PAGE_SHIFT);
}

/* Whether huge pages can stand there. */
static bool parts_huge(const struct hosted *h, const struct part *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (p[i].nr % HUGE_PAGES || (uintptr_t)address(h, &p[i]) & (HOSTED_HUGE - 1))
			return false;
	return true;
}

/* mmap(2) itself, as space.c: ThreadSanitizer takes the library's call for a write to all of the range. */
static bool place(struct hosted *h, const struct part *p, int fd, uint64_t page)
{
	return syscall(SYS_mmap, address(h, p), p->nr << FH_PAGE_SHIFT, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, page << FH_PAGE_SHIFT) != -1;
}

static void place_ram(struct hosted *h, const struct part *p)
{
	if (!place(h, p, h->ram_fd, p->file_page))
		hosted_stop(h, "the host refuses to remove mappings (vm.max_map_count)");
}

static void note(struct hosted_share *s, const struct part *p, unsigned int n, bool on)
{
	uint64_t page = 0;

	for (unsigned int i = 0; i < n; i++)
		for (uint64_t at = p[i].file_page; at < p[i].file_page + p[i].nr; at++, page++)
			s->h->shown[at] =
				on ? (struct hosted_shown){s, page} : (struct hosted_shown){0};
	/* Modulo 2^64, as the counters. */
	atomic_fetch_add(&s->h->nr_shown, on ? 1 : UINT64_MAX);
	atomic_fetch_add(&s->h->mappings, on ? 2 * (uint64_t)n : 0 - 2 * (uint64_t)n);
}

/* All of the object, or nothing. RAM's own bytes there are nobody's, and go back to the host. */
static bool show(struct hosted_share *s, const struct part *p, unsigned int n)
{
	struct hosted *h = s->h;
	uint64_t page = 0;
	bool ok = hosted_space_room(h, 2 * (uint64_t)n);

	hosted_cache_hold(h);
	for (unsigned int i = 0; i < n && ok; page += p[i++].nr) {
		ok = place(h, &p[i], s->fd, page);
		for (unsigned int k = 0; k < i && !ok; k++)
			place_ram(h, &p[k]);
	}
	for (unsigned int i = 0; i < n && ok; i++) {
		hosted_cache_reset(h, p[i].file_page, p[i].nr);
		(void)fallocate(h->ram_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)(p[i].file_page << FH_PAGE_SHIFT),
				(off_t)(p[i].nr << FH_PAGE_SHIFT));
	}
	hosted_cache_let_go(h);
	if (ok)
		note(s, p, n, true);
	return ok;
}

static void hide(struct hosted_share *s, const struct part *p, unsigned int n)
{
	struct hosted *h = s->h;

	note(s, p, n, false);
	hosted_cache_hold(h);
	for (unsigned int i = 0; i < n; i++) {
		place_ram(h, &p[i]);
		hosted_cache_reset(h, p[i].file_page, p[i].nr);
	}
	hosted_cache_let_go(h);
}

uint64_t hosted_file_at(const struct hosted *h, uint64_t file_page, uint64_t nr, int *fd,
			uint64_t *fd_page)
{
	const struct hosted_shown *at = &h->shown[file_page];
	uint64_t n = 1;

	*fd = h->ram_fd;
	*fd_page = file_page;
	if (!atomic_load_explicit(&h->nr_shown, memory_order_relaxed))
		return nr;
	if (at->share) {
		*fd = at->share->fd;
		*fd_page = at->page;
	}
	while (n < nr && at[n].share == at->share &&
	       (!at->share || at[n].page == at[n - 1].page + 1))
		n++;
	return n;
}

/* ---- objects ---- */

static int seal(int fd, uint64_t nr_pages)
{
	if (ftruncate(fd, (off_t)(nr_pages << FH_PAGE_SHIFT)) || fcntl(fd, F_ADD_SEALS, SEALS)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Huge pages are the object's from here on, so that no program is killed for want of one: a mapping reserves them, for good. */
static int make_huge(const char *name, uint64_t nr_pages)
{
	uint64_t size = nr_pages << FH_PAGE_SHIFT;
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB);
	void *p;

	if (fd < 0 || seal(fd, nr_pages) < 0)
		return -1;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		close(fd);
		errno = ENOMEM;
		return -1;
	}
	munmap(p, size);
	return fd;
}

static void name_next(struct hosted *h, char *name, size_t size)
{
	snprintf(name, size, "freehold:%" PRIu64, atomic_fetch_add(&h->nr_shares, 1) + 1);
}

static int open_again(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

/* ---- objects to come: what of a buffer needs no size ---- */

#define SPARE_FLAGS (O_RDWR | O_CLOEXEC) /* what most ask for */

bool hosted_share_stock(struct hosted *h)
{
	struct hosted_spare s = {-1, -1};
	char name[48];
	int fd = -1;

	pthread_mutex_lock(&h->shares_lock);
	if (h->nr_spares < HOSTED_SPARES && h->backing == HOSTED_MEMFD) {
		name_next(h, name, sizeof(name));
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	}
	if (fd >= 0) {
		s = (struct hosted_spare){open_again(fd, SPARE_FLAGS), open_again(fd, SPARE_FLAGS)};
		close(fd);
	}
	if (s.own >= 0 && s.given >= 0) {
		h->spare[h->nr_spares++] = s;
	} else {
		if (s.own >= 0)
			close(s.own);
		if (s.given >= 0)
			close(s.given);
	}
	pthread_mutex_unlock(&h->shares_lock);
	return s.own >= 0 && s.given >= 0;
}

static bool take_spare(struct hosted_share *s)
{
	struct hosted_spare spare = {-1, -1};
	struct hosted *h = s->h;

	pthread_mutex_lock(&h->shares_lock);
	if (h->nr_spares)
		spare = h->spare[--h->nr_spares];
	pthread_mutex_unlock(&h->shares_lock);
	if (spare.own < 0)
		return false;
	s->fd = seal(spare.own, s->nr_pages);
	if (s->fd < 0) {
		close(spare.given);
		return false;
	}
	s->opened = true;
	s->spare = spare.given;
	return true;
}

static void end_spare(struct hosted_share *s)
{
	if (s->spare >= 0)
		close(s->spare);
	s->spare = -1;
}

/* ---- an object ---- */

static int make(struct hosted *h, uint64_t nr_pages, bool *huge)
{
	char name[48];
	int fd = -1;

	name_next(h, name, sizeof(name));
	if (*huge) {
		fd = make_huge(name, nr_pages);
		if (fd < 0)
			say_once(h, "memfd of huge pages", errno);
	}
	*huge = fd >= 0;
	if (fd >= 0)
		return fd;
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? fd : seal(fd, nr_pages);
}

static void get_object(struct hosted_share *s)
{
	if (adopted.h == s->h && adopted.nr_pages == s->nr_pages) {
		adopted.h = NULL;
		s->fd = adopted.fd;
		return;
	}
	s->huge = s->h->backing == HOSTED_HUGETLB && parts_huge(s->h, s->part, s->nr_parts);
	if (s->huge || !take_spare(s))
		s->fd = make(s->h, s->nr_pages, &s->huge);
}

int hosted_share(void *ctx, const struct range *run, unsigned int nr_runs, void **shared)
{
	struct hosted_share *s = calloc(1, sizeof(*s));
	struct hosted *h = ctx;

	if (!s)
		return -FH_ENOMEM;
	s->h = h;
	s->fd = s->spare = -1;
	s->dmabuf = -1;
	s->nr_parts = nr_runs;
	s->part = parts_of(h, run, nr_runs, &s->nr_pages);
	if (s->part)
		get_object(s);
	if (s->fd < 0) {
		free(s->part);
		free(s);
		return -FH_ENOMEM;
	}
	pthread_mutex_lock(&h->shares_lock);
	s->next = h->shares;
	if (s->next)
		s->next->prev = s;
	h->shares = s;
	pthread_mutex_unlock(&h->shares_lock);
	*shared = s;
	return 0;
}

int hosted_share_show(void *ctx, void *shared)
{
	struct hosted_share *s = shared;

	(void)ctx;
	if (!s->shown)
		s->shown = show(s, s->part, s->nr_parts);
	return s->shown ? 0 : -FH_ENOMEM;
}

/* Never over the old place. */
int hosted_share_move(void *ctx, void *shared, const struct range *run, unsigned int nr_runs)
{
	struct hosted_share *s = shared;
	struct hosted *h = ctx;
	uint64_t nr;
	struct part *p = parts_of(h, run, nr_runs, &nr);

	if (!p || nr != s->nr_pages || (s->huge && !parts_huge(h, p, nr_runs)) ||
	    (s->shown && !show(s, p, nr_runs))) {
		free(p);
		return -FH_ENOMEM;
	}
	if (s->shown)
		hide(s, s->part, s->nr_parts);
	free(s->part);
	s->part = p;
	s->nr_parts = nr_runs;
	return 0;
}

void hosted_unshare(void *ctx, void *shared)
{
	struct hosted_share *s = shared;
	struct hosted *h = ctx;

	if (s->shown)
		hide(s, s->part, s->nr_parts);
	pthread_mutex_lock(&h->shares_lock);
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		h->shares = s->next;
	pthread_mutex_unlock(&h->shares_lock);
	if (s->dmabuf >= 0)
		close(s->dmabuf);
	end_spare(s);
	close(s->fd);
	free(s->part);
	free(s);
}

/* ---- for programs that serve ---- */

int hosted_share_fd(void *shared)
{
	return ((struct hosted_share *)shared)->fd;
}

/* What memfd_create() gives is no open file in the eyes of leases and of inotify (Linux 6.14 on): what is opened by its name is. */
int hosted_share_open(void *shared)
{
	struct hosted_share *s = shared;
	int fd;

	if (s->opened)
		return s->fd;
	fd = open_again(s->fd, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(s->fd);
	s->fd = fd;
	s->opened = true;
	return fd;
}

/* The buffer's one DMA-BUF; negative: the host makes none. */
static int dmabuf_of(struct hosted_share *s)
{
	int none = -1, fd = s->dmabuf;

	if (fd >= 0)
		return fd;
	fd = hosted_udmabuf(s->fd, s->nr_pages << FH_PAGE_SHIFT);
	if (fd < 0)
		say_once(s->h, "/dev/udmabuf", -fd);
	if (fd >= 0 && !atomic_compare_exchange_strong(&s->dmabuf, &none, fd)) {
		close(fd); /* another thread was first */
		fd = none;
	}
	return fd;
}

int hosted_share_dmabuf(void *shared)
{
	return ((struct hosted_share *)shared)->dmabuf;
}

int hosted_share_export(void *shared, int flags)
{
	struct hosted_share *s = shared;
	int fd = -1, cloexec = flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD;

	if (flags & ~(O_ACCMODE | O_CLOEXEC) || (flags & O_ACCMODE) == O_ACCMODE)
		return -FH_EINVAL;
	if (s->h->backing == HOSTED_UDMABUF)
		fd = dmabuf_of(s);
	if (fd >= 0) {
		fd = fcntl(fd, cloexec, 0);
		return fd < 0 ? -errno : fd;
	}
	if (s->spare >= 0 && flags == SPARE_FLAGS) {
		fd = s->spare;
		s->spare = -1;
		return fd;
	}
	end_spare(s); /* it counts as somebody who has the buffer */
	fd = open_again(s->fd, flags);
	return fd < 0 ? -errno : fd;
}

static void forget_adopted(void)
{
	if (adopted.h)
		close(adopted.fd);
	adopted.h = NULL;
}

int hosted_share_adopt(struct hosted *h, int fd)
{
	struct stat st;
	int seals;

	if (fd >= 0) {
		seals = fcntl(fd, F_GET_SEALS);
		if (seals < 0 || (seals & (SEALS | F_SEAL_WRITE)) != SEALS || fstat(fd, &st) ||
		    st.st_size <= 0 || (uint64_t)st.st_size & (FH_PAGE_SIZE - 1) ||
		    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR || st.st_blksize > 1 << 20)
			return -FH_EINVAL;
	}
	forget_adopted();
	adopted.h = fd < 0 ? NULL : h;
	adopted.fd = fd;
	adopted.nr_pages = fd < 0 ? 0 : (uint64_t)st.st_size >> FH_PAGE_SHIFT;
	return 0;
}

/* ---- life ---- */

bool hosted_shares_create(struct hosted *h)
{
	h->shown = mmap(NULL, (h->ram_size >> FH_PAGE_SHIFT) * sizeof(*h->shown),
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pthread_mutex_init(&h->shares_lock, NULL);
	return h->shown != MAP_FAILED;
}

void hosted_shares_destroy(struct hosted *h)
{
	if (h->shown != MAP_FAILED) {
		while (h->shares)
			hosted_unshare(h, h->shares);
		while (h->nr_spares) {
			h->nr_spares--;
			close(h->spare[h->nr_spares].own);
			close(h->spare[h->nr_spares].given);
		}
		munmap(h->shown, (h->ram_size >> FH_PAGE_SHIFT) * sizeof(*h->shown));
	}
	pthread_mutex_destroy(&h->shares_lock);
	if (adopted.h == h)
		forget_adopted();
}
