/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The hosted platform without a machine: RAM, the heap, files, mappings as the host shows them. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <freehold/hosted.h>
#include "t.h"

#define MIB (UINT64_C(1) << 20)

static const struct boot_bank banks[] = {{.base = 0x40000000, .size = 4 * MIB},
					 {.base = 0x80000000, .size = 2 * MIB}};

static struct hosted *make(uint64_t max_mappings)
{
	struct hosted_opts opts = {.banks = banks, .nr_banks = 2, .max_mappings = max_mappings};
	struct hosted_why why = {""};
	struct hosted *h = NULL;

	T_OK(!hosted_create(&opts, &h, &why), why.text);
	return h;
}

static void *ram(struct hosted *h, uint64_t phys, uint64_t size)
{
	const struct plat *p = hosted_plat(h);

	return p->ram(p->ctx, (phys_t){phys}, size);
}

static void banks_of_ram(void)
{
	struct hosted *h = make(0);
	unsigned char *low, *high;

	T_NEED(h);
	low = ram(h, 0x40000000, 4 * MIB);
	high = ram(h, 0x80000000, 2 * MIB);
	T_NEED(low && high);
	low[4 * MIB - 1] = 1;
	high[0] = 2;
	T_EQ(low[4 * MIB - 1], 1);
	T_OK(ram(h, 0x40001234, 16) == low + 0x1234, "inside a bank");
	T_OK(!ram(h, 0x40000000, 4 * MIB + 1), "past the end of a bank");
	T_OK(!ram(h, 0x3ffff000, 4096) && !ram(h, 0x60000000, 1), "between banks");
	hosted_destroy(h);
}

static bool stop_at_once(void *arg, uint64_t done, uint64_t total)
{
	*(uint64_t *)arg = total - done;
	return false;
}

static void prefaulted(void)
{
	struct hosted *h = make(0);
	uint64_t left = 1;

	T_NEED(h);
	T_EQ(hosted_prefault(h, NULL, NULL), 0);
	T_EQ(hosted_prefault(h, stop_at_once, &left), 0);
	T_EQ(left, 0); /* 6 MiB are one step */
	hosted_destroy(h);
}

static void too_much(void)
{
	uint64_t size = (hosted_available() + 64 * MIB) & ~(MIB - 1);
	struct boot_bank bank = {.size = size};
	struct hosted_opts opts = {.banks = &bank, .nr_banks = 1};
	struct hosted_why why = {""};
	struct hosted *h = NULL;
	char need[64];

	T_NEED(hosted_available());
	T_EQ(hosted_create(&opts, &h, &why), -FH_ENOMEM);
	snprintf(need, sizeof(need), " %llu MiB are needed",
		 (unsigned long long)(size >> 20) + 256);
	T_OK(strstr(why.text, need), why.text);
	bank.size = MIB + 1;
	T_EQ(hosted_create(&opts, &h, &why), -FH_EINVAL);
	T_STR(why.text, "bank of RAM 0+0x100001, expected whole pages");
	opts.nr_banks = 0;
	T_EQ(hosted_create(&opts, &h, &why), -FH_EINVAL);
	T_STR(why.text, "0 banks of RAM, expected 1 to 32");
}

static void heap(void)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, (1 << 18) - 1, 1 << 18, 3 << 20};
	struct hosted *h = make(0);
	const struct plat *p = hosted_plat(h);

	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			unsigned char *m = p->alloc(p->ctx, sizes[i]);
			size_t dirty = 0;

			T_NEED(m);
			T_OK(((uintptr_t)m & 63) == 0, "aligned to 64");
			for (size_t k = 0; k < sizes[i]; k++)
				dirty += m[k] != 0;
			T_EQ(dirty, 0);
			memset(m, 0xff, sizes[i]);
			p->free(p->ctx, m, sizes[i]);
		}
	T_OK(!p->alloc(p->ctx, SIZE_MAX) && !p->alloc(p->ctx, SIZE_MAX / 2),
	     "refused, not wrapped");
	hosted_destroy(h);
}

/* How many mappings the host lists in [start, start + pages). */
static uint64_t host_mappings(uint64_t va, uint64_t pages)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long long from, to;
	uint64_t n = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx", &from, &to) == 2)
			n += from >> 12 < va + pages && to >> 12 > va;
	if (f)
		fclose(f);
	return n;
}

/* Random maps, protects and unmaps; the platform's count is the host's, page for page the right
 * bytes. */
static void mirror(struct hosted *h, uint64_t pages, int rounds)
{
	const struct plat *p = hosted_plat(h);
	const uint64_t frames = 6 * MIB >> 12;
	struct hosted_space *hs;
	struct hosted_stats stats;
	uint32_t *shown = calloc(pages, sizeof(*shown)); /* frame of the memfd + 1 */
	unsigned int seed = 1;
	uint64_t va;

	T_NEED(shown && !hosted_space_create(h, pages, &hs));
	va = hosted_space_va(hs);
	T_OK(hosted_space_base(hs) == (void *)(uintptr_t)(va << 12), "the same in pages");
	for (uint64_t i = 0; i < frames; i++) {
		uint64_t phys = i < 1024 ? 0x40000000 + (i << 12) : 0x80000000 + ((i - 1024) << 12);

		memcpy(ram(h, phys, 4096), &i, sizeof(i));
	}
	for (int r = 0; r < rounds; r++) {
		uint64_t at = (uint64_t)rand_r(&seed) % pages;
		uint64_t nr = 1 + (uint64_t)rand_r(&seed) % 8;
		uint64_t frame = (uint64_t)rand_r(&seed) % 1016; /* 8 more are in the first bank */

		nr = nr < pages - at ? nr : pages - at;
		switch (rand_r(&seed) % 4) {
		case 0:
			p->unmap(p->ctx, hs, va + at, nr);
			memset(shown + at, 0, nr * sizeof(*shown));
			break;
		case 1:
			T_EQ(p->protect(p->ctx, hs, va + at, nr), 0);
			break;
		default:
			T_EQ(p->map(p->ctx, hs, va + at, 0x40000 + frame, nr,
				    rand_r(&seed) % 2 ? PLAT_MAP_WRITE : 0),
			     0);
			for (uint64_t i = 0; i < nr; i++)
				shown[at + i] = (uint32_t)(frame + i) + 1;
		}
		hosted_stats(h, &stats);
		if (r % 64 == 0)
			T_EQ(stats.mappings, host_mappings(va, pages));
		if (stats.mappings > stats.limit)
			T_EQ(stats.mappings, stats.limit);
	}
	for (uint64_t i = 0; i < pages && !stats.pages_dropped; i++) {
		uint64_t word = ~UINT64_C(0);

		if (!shown[i])
			continue;
		memcpy(&word, (char *)hosted_space_base(hs) + (i << 12), sizeof(word));
		T_EQ(word, shown[i] - 1);
	}
	hosted_space_destroy(hs);
	hosted_stats(h, &stats);
	T_EQ(stats.mappings, 0);
	free(shown);
}

static void mirrored(void)
{
	struct hosted *h = make(0);
	struct hosted_stats stats;

	T_NEED(h);
	mirror(h, 700, 4000);
	hosted_stats(h, &stats);
	T_EQ(stats.limit_hits, 0);
	T_OK(stats.mappings_max > 100, "many short ones");
	hosted_destroy(h);
}

static void mirrored_within_a_limit(void)
{
	struct hosted *h = make(100);
	struct hosted_stats stats;

	T_NEED(h);
	mirror(h, 2000, 4000);
	hosted_stats(h, &stats);
	T_OK(stats.limit_hits > 0 && stats.pages_dropped > 0, "room was made");
	hosted_destroy(h);
}

/* What a child that runs fn ends with: a signal's number, or 0. */
static int signal_of(void (*fn)(void))
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		/* What is expected needs no report of a sanitizer. */
		if (!freopen("/dev/null", "w", stderr))
			_exit(127);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void *volatile nowhere = (void *)16; /* so that no compiler sees through it */

static void touch(void *arg)
{
	*(volatile char *)arg = 1;
}

static void stray_access(void)
{
	struct hosted *h = make(0);
	struct hosted_space *hs;

	if (hosted_space_create(h, 4, &hs))
		_exit(0);
	touch(nowhere);
}

static void stray_access_in_try(void)
{
	struct hosted *h = make(0);
	struct hosted_space *hs;

	if (hosted_space_create(h, 4, &hs) || hosted_try(touch, nowhere))
		_exit(0);
	_exit(0);
}

static void sent_signal(void)
{
	struct hosted *h = make(0);
	struct hosted_space *hs;

	if (hosted_space_create(h, 4, &hs))
		_exit(0);
	kill(getpid(), SIGSEGV);
	for (int i = 0; i < 100; i++)
		usleep(10000);
}

static void strangers_faults(void)
{
	/* A sanitizer reports and exits; it must not go on. */
	T_OK(signal_of(stray_access), "a stray access goes on");
	T_OK(signal_of(stray_access_in_try), "a stray access in hosted_try() goes on");
	T_OK(signal_of(sent_signal), "a signal that somebody sent is lost");
}

static void wakes(void)
{
	struct hosted *h = make(0);
	const struct plat *p = hosted_plat(h);
	uint64_t until = p->clock_ns(p->ctx) + 2000000;
	_Atomic(uint32_t) word = 1;
	unsigned int n = 0;

	p->wait(p->ctx, &word, 0, 0); /* differs: returns at once */
	for (; p->clock_ns(p->ctx) < until; n++)
		p->wait(p->ctx, &word, 1, until);
	T_OK(n && n < 100, "it slept until then");
	p->wake(p->ctx, &word);
	T_OK(p->clock_ns(p->ctx) <= p->clock_ns(p->ctx), "monotonic");
	if (p->sync_cpus)
		p->sync_cpus(p->ctx);
	hosted_destroy(h);
}

static void real_files(void)
{
	char path[] = "/tmp/freehold-test-XXXXXX", page[4096], text[64];
	struct hosted_file f;
	struct stat st;
	int fd = mkstemp(path);

	T_NEED(fd >= 0);
	memset(page, 'a', sizeof(page));
	T_NEED(write(fd, page, 4096) == 4096 && write(fd, "tail", 4) == 4);
	close(fd);
	T_NEED(!hosted_file_open(&f, path, O_RDWR));
	T_EQ(hosted_file_pages(&f), 2);
	T_EQ(hosted_file_ops.read(&f, 1, page), 0);
	T_OK(!memcmp(page, "tail", 4) && !page[4] && !page[4095], "zeros behind the end");
	T_EQ(hosted_file_ops.read(&f, 9, page), 0);
	T_OK(!page[0] && !memcmp(page, page + 1, 4095), "all zeros far behind it");
	memset(page, 'b', sizeof(page));
	T_EQ(hosted_file_ops.write(&f, 1, page), 0);
	T_EQ(hosted_file_ops.write(&f, 2, page), 0);
	T_OK(!fstat(f.fd, &st) && st.st_size == 4100, "writing does not lengthen the file");
	T_OK(pread(f.fd, text, 4, 4096) == 4 && !memcmp(text, "bbbb", 4), "its end is written");
	T_NEED(!truncate(path, 10));
	T_EQ(hosted_file_ops.read(&f, 0, page), 0);
	T_OK(page[9] == 'a' && !page[10], "cut shorter meanwhile: zeros");
	hosted_file_close(&f);
	unlink(path);
	T_EQ(hosted_file_open(&f, path, O_RDONLY), -FH_ENOENT);
	T_EQ(hosted_file_open(&f, "/tmp", O_RDONLY), -FH_EINVAL);
	T_NEED(!mkfifo(path, 0600));
	T_EQ(hosted_file_open(&f, path, O_RDONLY), -FH_EINVAL);
	unlink(path);
}

static void many_spaces(void)
{
	struct hosted_space *hs[HOSTED_MAX_SPACES + 1];
	struct hosted *h = make(0);
	unsigned int n = 0;
	int err = 0;

	T_NEED(h);
	T_EQ(hosted_space_create(h, 0, &hs[0]), -FH_EINVAL);
	while (n <= HOSTED_MAX_SPACES && !(err = hosted_space_create(h, 3, &hs[n])))
		n++;
	T_EQ(n, HOSTED_MAX_SPACES);
	T_EQ(err, -FH_ENOSPC);
	while (n)
		hosted_space_destroy(hs[--n]);
	T_NEED(!hosted_space_create(h, 3, &hs[0]));
	hosted_space_destroy(hs[0]);
	hosted_destroy(h);
}

/* Every place keeps its page; the file has no name and goes with the machine. */
static void swap_file(void)
{
	struct hosted *h = make(0);
	struct hosted_why why = {""};
	const struct plat *p;
	static unsigned char page[FH_PAGE_SIZE];

	T_NEED(h);
	p = hosted_plat(h);
	T_OK(p->swap_write(p->ctx, 0, page) < 0 && p->swap_read(p->ctx, 0, page) < 0, "no file");
	T_EQ(hosted_swap_open(h, NULL, 5000, &why), -FH_EINVAL);
	T_EQ(hosted_swap_open(h, "/nonexistent", 1 * MIB, &why), -FH_ENOENT);
	T_STR(why.text, "a swap file of 1 MiB in /nonexistent: No such file or directory");
	T_EQ(hosted_swap_open(h, NULL, 1 * MIB, &why), 0);
	T_EQ(hosted_swap_open(h, NULL, 1 * MIB, &why), -FH_EINVAL);
	for (uint64_t i = 0; i < 256; i += 51) {
		memset(page, (int)i, sizeof(page));
		T_EQ(p->swap_write(p->ctx, i, page), 0);
	}
	for (uint64_t i = 0; i < 256; i += 51) {
		T_EQ(p->swap_read(p->ctx, i, page), 0);
		T_OK(page[0] == i && page[FH_PAGE_SIZE - 1] == i, "its bytes");
	}
	T_OK(p->swap_read(p->ctx, 256, page) < 0, "past the end");
	hosted_destroy(h);
}

const struct t_case t_cases[] = {T(banks_of_ram),     T(prefaulted),
				 T(too_much),	      T(heap),
				 T(mirrored),	      T(mirrored_within_a_limit),
				 T(strangers_faults), T(wakes),
				 T(real_files),	      T(many_spaces),
				 T(swap_file),	      T_END};
