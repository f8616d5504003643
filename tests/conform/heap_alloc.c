// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about DMA_HEAP_IOCTL_ALLOC: each argument wrong in each way, and the order in which errors win.
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "calls.h"

static int heap;

static void open_heap(const char *path)
{
	heap = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	absent = heap < 0;
}

// After the ioctl CMD with what DATA points to: what was given back, and whether it holds a descriptor.
static void alloc_case(unsigned long cmd, void *arg, const struct dma_heap_allocation_data *data,
		       const char *name)
{
	int lowest = lowest_fd();
	long r = sys(ioctl(heap, cmd, arg));
	int now = lowest_fd();
	int fd = data && r >= 0 ? (int)data->fd : -1;

	if (absent) {
		report(0, "%s", name);
		return;
	}
	if (data)
		detail("len=%llu fd=%s fd_flags=%#x heap_flags=%#llx", data->len,
		       r >= 0 && fd == lowest ? "lowest"
		       : data->fd == 0	      ? "0"
					      : "other",
		       data->fd_flags, data->heap_flags);
	if (now != lowest)
		detail("%s", "open");
	if (fd > 2 && fcntl(fd, F_GETFD) >= 0) {
		detail("size=%ld getfl=%#x getfd=%d", (long)lseek(fd, 0, SEEK_END),
		       (unsigned int)fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
		close(fd);
	}
	report(r, "%s", name);
	if (now > lowest)
		close(lowest);
}

static void alloc(unsigned long long len, unsigned int fd, unsigned int fd_flags,
		  unsigned long long heap_flags, const char *name)
{
	struct dma_heap_allocation_data data = {len, fd, fd_flags, heap_flags};

	alloc_case(DMA_HEAP_IOCTL_ALLOC, &data, &data, name);
}

static void lengths(const char *which)
{
	static const unsigned long long lens[] = {0,
						  1,
						  4095,
						  4096,
						  4097,
						  8192,
						  65535,
						  65536,
						  65537,
						  1 << 20,
						  (1 << 20) + 1,
						  3 << 20,
						  128 << 20,
						  1ULL << 32,
						  1ULL << 40,
						  1ULL << 62,
						  1ULL << 63,
						  ~0ULL - 4096,
						  ~0ULL - 4095,
						  ~0ULL};
	char name[64];

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		// That much the system heap gives, or kills for: oom_cases().
		if (lens[i] >= 128 << 20 && lens[i] < ~0ULL && strcmp(which, "system") == 0)
			continue;
		snprintf(name, sizeof(name), "%s.%#llx", which, lens[i]);
		alloc(lens[i], 0, O_RDWR | O_CLOEXEC, 0, name);
	}
}

static void length_cases(void)
{
	open_heap(system_heap());
	lengths("system");
	open_heap(cma_heap());
	lengths("cma");
}

static void pointer_cases(void)
{
	struct dma_heap_allocation_data good = {PAGE, 0, O_RDWR, 0}, data, *at;
	char *two =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int low;

	open_heap(system_heap());
	low = lowest_fd();
	alloc_case(DMA_HEAP_IOCTL_ALLOC, NULL, NULL, "null");
	alloc_case(DMA_HEAP_IOCTL_ALLOC, bad_pointer(), NULL, "unmapped");
	alloc_case(DMA_HEAP_IOCTL_ALLOC, (void *)-8L, NULL, "kernel");
	at = read_only(&good, sizeof(good));
	alloc_case(DMA_HEAP_IOCTL_ALLOC, at, at, "read-only");
	good.len = 0;
	at = read_only(&good, sizeof(good));
	alloc_case(DMA_HEAP_IOCTL_ALLOC, at, at, "read-only-len-0");
	munmap(two + PAGE, PAGE);
	alloc_case(DMA_HEAP_IOCTL_ALLOC, two + PAGE - 16, NULL, "half-unmapped");
	data = (struct dma_heap_allocation_data){PAGE, 0, O_RDWR, 0};
	memcpy(two + 1, &data, sizeof(data));
	report(sys(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, two + 1)), "unaligned");
	close(low);
	report(lowest_fd() - low, "descriptors-left");
}

static void flag_cases(void)
{
	static const unsigned int good[] = {O_RDONLY, O_WRONLY, O_RDWR, 3};
	char name[64];

	open_heap(system_heap());
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "accmode-%u", good[i]);
		alloc(PAGE, 0, good[i], 0, name);
		snprintf(name, sizeof(name), "accmode-%u-cloexec", good[i]);
		alloc(PAGE, 0, good[i] | O_CLOEXEC, 0, name);
	}
	for (int bit = 2; bit < 32; bit++) {
		snprintf(name, sizeof(name), "fd-flags-bit-%d", bit);
		alloc(PAGE, 0, O_RDWR | 1U << bit, 0, name);
	}
	for (int bit = 0; bit < 64; bit += bit < 4 ? 1 : 15) {
		snprintf(name, sizeof(name), "heap-flags-bit-%d", bit);
		alloc(PAGE, 0, O_RDWR, 1ULL << bit, name);
	}
	alloc(PAGE, 1, O_RDWR, 0, "fd-1");
	alloc(PAGE, ~0U, O_RDWR, 0, "fd-minus-1");
	alloc(PAGE, 99, O_RDWR, 0, "fd-99");
	alloc(0, 1, ~0U, ~0ULL, "all-wrong");
	alloc(1ULL << 40, 1, O_RDWR, 0, "huge-and-fd");
	alloc(1ULL << 40, 0, O_RDWR, 1, "huge-and-heap-flags");
}

// As the command says, with that direction and size; TAIL fills what lies behind the structure.
static void sized(unsigned int dir, unsigned int type, unsigned int nr, unsigned int size, int tail,
		  const char *name)
{
	unsigned long cmd = _IOC(dir, type, nr, size);
	struct dma_heap_allocation_data data = {PAGE, 0, O_RDWR | O_CLOEXEC, 0};
	char *block = calloc(1, 1 << 14);

	memset(block, tail, 1 << 14);
	memcpy(block, &data, sizeof(data));
	alloc_case(cmd, block, (void *)block, name);
	free(block);
}

static void size_cases(void)
{
	static const unsigned int sizes[] = {0,	 1,  4,	 8,  12, 16,  20,  23,	24,   25,
					     28, 32, 40, 64, 96, 128, 129, 256, 4096, 16383};
	static const char *const dir_names[] = {"none", "w", "r", "rw"};
	char name[64];

	open_heap(system_heap());
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(name, sizeof(name), "size-%u", sizes[i]);
		sized(3, 'H', 0, sizes[i], 0, name);
		snprintf(name, sizeof(name), "size-%u-tail", sizes[i]);
		sized(3, 'H', 0, sizes[i], 0xff, name);
	}
	for (unsigned int dir = 0; dir < 4; dir++) {
		snprintf(name, sizeof(name), "dir-%s", dir_names[dir]);
		sized(dir, 'H', 0, 24, 0, name);
		snprintf(name, sizeof(name), "dir-%s-size-0", dir_names[dir]);
		sized(dir, 'H', 0, 0, 0, name);
		snprintf(name, sizeof(name), "dir-%s-nr-1", dir_names[dir]);
		sized(dir, 'H', 1, 24, 0, name);
	}
	for (unsigned int nr = 1; nr < 256; nr = nr * 2 + (nr == 128)) {
		snprintf(name, sizeof(name), "nr-%u", nr);
		sized(3, 'H', nr, 24, 0, name);
	}
	sized(3, 'X', 0, 24, 0, "type-X");
	sized(3, 0, 0, 24, 0, "type-0");
	sized(3, 'b', 0, 8, 0, "type-b");
	sized(3, 'X', 1, 24, 0, "type-X-nr-1");
}

static void limit_cases(void)
{
	struct rlimit limit;
	struct dma_heap_allocation_data data = {PAGE, 0, O_RDWR, 0};

	open_heap(system_heap());
	limit.rlim_cur = limit.rlim_max = (rlim_t)lowest_fd();
	setrlimit(RLIMIT_NOFILE, &limit);
	report(sys(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data)), "no-descriptor");
	detail("fd=%u", data.fd);
	report(0, "no-descriptor-left");
	data = (struct dma_heap_allocation_data){0, 0, O_RDWR, 0};
	report(sys(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data)), "no-descriptor-len-0");
	report(sys(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, NULL)), "no-descriptor-null");
	report(sys(open(HEAPS "/system", O_RDWR)), "no-descriptor-open");
	report(sys(open(HEAPS "/none", O_RDWR)), "no-descriptor-open-none");
}

// Which way the heap was opened is no matter; and the buffer outlives it.
static void heap_fd_cases(void)
{
	static const struct {
		const char *name;
		int flags;
	} ways[] = {{"rdonly", O_RDONLY}, {"wronly", O_WRONLY}, {"rdwr", O_RDWR},
		    {"accmode-3", 3},	  {"path", O_PATH},	{"nonblock", O_RDWR | O_NONBLOCK}};
	struct dma_heap_allocation_data data = {PAGE, 0, O_RDWR, 0};
	char *p;

	open_heap(system_heap());
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		close(heap);
		heap = open(HEAPS "/system", ways[i].flags);
		alloc(PAGE, 0, O_RDWR | O_CLOEXEC, 0, ways[i].name);
	}
	heap = fcntl(heap, F_DUPFD_CLOEXEC, 50);
	alloc(PAGE, 0, O_RDWR | O_CLOEXEC, 0, "dup");
	report(sys(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data)), "kept");
	close(heap);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)data.fd, 0);
	report_map(sys((long)p), "kept-mmap-after-close-of-heap");
	heap = (int)data.fd;
	if (!absent)
		data.fd = 0;
	report(sys(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data)), "on-a-buffer");
	heap = open("/dev/null", O_RDWR);
	report(sys(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data)), "on-dev-null");
	report(sys(ioctl(-1, DMA_HEAP_IOCTL_ALLOC, &data)), "on-minus-1");
	report(sys(ioctl(-1, DMA_HEAP_IOCTL_ALLOC, NULL)), "on-minus-1-null");
}

// The area's 64 MiB, by 1 MiB; all of it again after all were closed.
static void cma_cases(void)
{
	const char *path = cma_heap();
	int fds[80], n = 0, first = 0;

	absent = !path;
	for (int round = 0; round < 2; round++) {
		for (n = 0; n < 80; n++) {
			fds[n] = heap_buffer(path, MIB, O_RDWR | O_CLOEXEC);
			if (fds[n] < 0)
				break;
		}
		if (round == 0) {
			report(n < 80 ? -(long)errno : n, "too-many");
			first = n;
		}
		for (int i = 0; i < n; i++)
			close(fds[i]);
	}
	report(first != n, "fewer-the-second-time");
}

// A program that dies here dies first, and alone.
static int takes_all(void *arg)
{
	struct dma_heap_allocation_data data = {*(unsigned long long *)arg, 0, O_RDWR, 0};
	int score = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(score, "1000", 4) != 4)
		return 255;
	return ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) == 0 ? 0 : errno;
}

// More than the machine has: there is no limit before the kernel looks for something to kill.
static void oom_cases(void)
{
	unsigned long long lens[] = {1ULL << 32, 1ULL << 40, 1ULL << 62, 1ULL << 63,
				     ~0ULL - 2 * PAGE};

	open_heap(system_heap());
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		report_child(takes_all, &lens[i], "%#llx", lens[i]);
}

const struct group alloc_groups[] = {
	{"alloc.len", length_cases, ALWAYS},
	{"alloc.pointer", pointer_cases, ALWAYS},
	{"alloc.flags", flag_cases, ALWAYS},
	{"alloc.size", size_cases, ALWAYS},
	{"alloc.limit", limit_cases, ALWAYS},
	{"alloc.heap", heap_fd_cases, ALWAYS},
	{"alloc.cma", cma_cases, ALWAYS},
	{"alloc.oom", oom_cases, WHEN_NAMED},
	{NULL, NULL, ALWAYS},
};
