/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* RAM: one memfd that holds the banks one behind the other, seen through one shared mapping. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "state.h"

#define PREFAULT_CHUNK (UINT64_C(64) << 20)
#define HOST_RESERVE   (UINT64_C(256) << 20) /* left to the host, and to this process beside RAM */

/* The number behind `key` in a file of "key value" lines, or the file's one number when key is "".
 */
static bool read_number(const char *path, const char *key, uint64_t *value)
{
	FILE *f = fopen(path, "re");
	char line[256];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, key, strlen(key)) &&
			sscanf(line + strlen(key), "%" SCNu64, value) == 1;
	fclose(f);
	return found;
}

uint64_t hosted_available(void)
{
	uint64_t kib, bytes = 0, limit, used, cache;

	if (read_number("/proc/meminfo", "MemAvailable:", &kib))
		bytes = kib << 10;
	/* "max", which means no limit, is not a number. */
	if (read_number("/sys/fs/cgroup/memory.max", "", &limit) &&
	    read_number("/sys/fs/cgroup/memory.current", "", &used)) {
		if (read_number("/sys/fs/cgroup/memory.stat", "inactive_file ", &cache))
			used -= cache < used ? cache : used;
		limit = limit > used ? limit - used : 1;
		if (!bytes || limit < bytes)
			bytes = limit;
	}
	return bytes;
}

static int add_banks(struct hosted *h, const struct hosted_opts *opts, struct hosted_why *why)
{
	uint64_t page = 0;

	if (!opts->nr_banks || opts->nr_banks > BOOT_MAX_BANKS) {
		snprintf(why->text, sizeof(why->text), "%u banks of RAM, expected 1 to %u",
			 opts->nr_banks, BOOT_MAX_BANKS);
		return -FH_EINVAL;
	}
	for (unsigned int i = 0; i < opts->nr_banks; i++) {
		const struct boot_bank *b = &opts->banks[i];

		if (!b->size || (b->base | b->size) & (FH_PAGE_SIZE - 1) ||
		    b->base + b->size < b->base) {
			snprintf(why->text, sizeof(why->text),
				 "bank of RAM %#" PRIx64 "+%#" PRIx64 ", expected whole pages",
				 b->base, b->size);
			return -FH_EINVAL;
		}
		h->bank[i] = (struct hosted_bank){
			.start = b->base >> FH_PAGE_SHIFT,
			.end = (b->base + b->size) >> FH_PAGE_SHIFT,
			.file_page = page,
		};
		page += b->size >> FH_PAGE_SHIFT;
	}
	h->nr_banks = opts->nr_banks;
	h->ram_size = page << FH_PAGE_SHIFT;
	return 0;
}

/* Killing the wrong process is what a host does that runs out later, so ask now. */
static int check_host(const struct hosted *h, struct hosted_why *why)
{
	uint64_t have = hosted_available(), need = h->ram_size + HOST_RESERVE;

	/* An entry of a space holds a page number in 30 bits. */
	if (h->ram_size >> FH_PAGE_SHIFT >= UINT32_MAX >> 2) {
		snprintf(why->text, sizeof(why->text),
			 "%" PRIu64 " GiB of RAM, expected below 4096", h->ram_size >> 30);
		return -FH_EINVAL;
	}
	if (have && have < need) {
		snprintf(why->text, sizeof(why->text),
			 "the host has %" PRIu64 " MiB free, %" PRIu64
			 " MiB are needed (RAM %" PRIu64 " MiB and %" PRIu64
			 " MiB beside it); a smaller ram= fits",
			 have >> 20, need >> 20, h->ram_size >> 20, HOST_RESERVE >> 20);
		return -FH_ENOMEM;
	}
	return 0;
}

/* As far beyond a boundary of 2 MiB as the first bank: where blocks begin, huge pages can stand (share.c). */
static char *map_aligned(const struct hosted *h)
{
	uint64_t first = h->bank[0].start << FH_PAGE_SHIFT, before, behind;
	char *room = mmap(NULL, h->ram_size + HOSTED_HUGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		return MAP_FAILED;
	before = (first - (uintptr_t)room) & (HOSTED_HUGE - 1);
	behind = HOSTED_HUGE - before;
	if (mmap(room + before, h->ram_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 h->ram_fd, 0) == MAP_FAILED) {
		munmap(room, h->ram_size + HOSTED_HUGE);
		return MAP_FAILED;
	}
	if (before)
		munmap(room, before);
	munmap(room + before + h->ram_size, behind);
	return room + before;
}

int hosted_ram_create(struct hosted *h, const struct hosted_opts *opts, struct hosted_why *why)
{
	int err = add_banks(h, opts, why);

	if (!err)
		err = check_host(h, why);
	if (err)
		return err;
	h->ram_fd = memfd_create("freehold-ram", MFD_CLOEXEC);
	if (h->ram_fd < 0) {
		snprintf(why->text, sizeof(why->text), "memfd_create: %s", strerror(errno));
		return -FH_ENOMEM;
	}
	h->ram = MAP_FAILED;
	if (!ftruncate(h->ram_fd, (off_t)h->ram_size))
		h->ram = map_aligned(h);
	if (h->ram == MAP_FAILED) {
		snprintf(why->text, sizeof(why->text), "%" PRIu64 " MiB of RAM as a memfd: %s",
			 h->ram_size >> 20, strerror(errno));
		close(h->ram_fd);
		return -FH_ENOMEM;
	}
	return 0;
}

void hosted_ram_destroy(struct hosted *h)
{
	munmap(h->ram, h->ram_size);
	close(h->ram_fd);
}

/* Kernels before 5.14 do not know MADV_POPULATE_WRITE: there, touch. */
static int populate(char *p, uint64_t size)
{
	if (!madvise(p, size, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return -FH_ENOMEM;
	for (uint64_t i = 0; i < size; i += FH_PAGE_SIZE)
		*(volatile char *)(p + i) = 0;
	return 0;
}

int hosted_prefault(struct hosted *h, bool (*progress)(void *arg, uint64_t done, uint64_t total),
		    void *arg)
{
	for (uint64_t at = 0; at < h->ram_size;) {
		uint64_t n = h->ram_size - at < PREFAULT_CHUNK ? h->ram_size - at : PREFAULT_CHUNK;

		if (populate(h->ram + at, n))
			return -FH_ENOMEM;
		at += n;
		if (progress && !progress(arg, at, h->ram_size))
			break;
	}
	return 0;
}

bool hosted_ram_offset(const struct hosted *h, pfn_t pfn, uint64_t nr, uint64_t *file_page)
{
	for (unsigned int i = 0; i < h->nr_banks; i++) {
		const struct hosted_bank *b = &h->bank[i];

		if (pfn < b->start || pfn >= b->end)
			continue;
		*file_page = b->file_page + (pfn - b->start);
		return nr <= b->end - pfn;
	}
	return false;
}

void *hosted_ram(void *ctx, phys_t phys, uint64_t size)
{
	const struct hosted *h = ctx;
	uint64_t offset = phys.v & (FH_PAGE_SIZE - 1), page;
	uint64_t nr = (offset + size + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;

	if (!hosted_ram_offset(h, fh_phys_to_pfn(phys), nr, &page))
		return NULL;
	return h->ram + (page << FH_PAGE_SHIFT) + offset;
}
