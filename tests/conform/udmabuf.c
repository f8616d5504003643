// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about /dev/udmabuf: buffers of a program's own pages.
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#define LIST_MAX 1026

static int dev, memfd;

static void begin(void)
{
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	absent = dev < 0;
	memfd = new_memfd(4 * PAGE, F_SEAL_SHRINK);
}

static int create(int from, unsigned int flags, unsigned long long offset, unsigned long long size)
{
	struct udmabuf_create arg = {(__u32)from, flags, offset, size};

	return ioctl(dev, UDMABUF_CREATE, &arg);
}

static void created(int fd, int lowest, const char *name)
{
	long r = sys(fd);

	if (fd >= 0) {
		detail("size=%ld getfd=%d getfl=%#x", (long)lseek(fd, 0, SEEK_END),
		       fcntl(fd, F_GETFD), (unsigned int)fcntl(fd, F_GETFL));
		close(fd);
	}
	report_fd(lowest, r, "%s", name);
}

static void file_cases(void)
{
	struct stat st = {0};
	char byte = 0;
	long r;

	begin();
	r = sys(fstat(dev, &st));
	detail("%s mode=%04o", S_ISCHR(st.st_mode) ? "chr" : "other", st.st_mode & 07777);
	report(r, "fstat");
	detail_link(dev);
	report(0, "link");
	report(sys(read(dev, &byte, 1)), "read");
	report(sys(write(dev, &byte, 1)), "write");
	report(sys(lseek(dev, 0, SEEK_SET)), "lseek");
	report_map(sys((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dev, 0)), "mmap");
	for (unsigned int nr = 0x41; nr < 0x45; nr++)
		report(sys(ioctl(dev, _IO('u', nr), NULL)), "io-%#x", nr);
	report(sys(ioctl(dev, _IOC(1U, 'u', 0x42, 16), NULL)), "size-16");
	report(sys(ioctl(dev, _IOC(1U, 'u', 0x42, 32), NULL)), "size-32");
	report(sys(ioctl(dev, _IOC(3U, 'u', 0x42, 24), NULL)), "dir-rw");
	close(dev);
	dev = open("/dev/udmabuf", O_RDONLY);
	report(create(memfd, 0, 0, PAGE) >= 0 ? 0 : -(long)errno, "rdonly");
}

static const struct {
	const char *name;
	unsigned long long offset, size;
} ranges[] = {
	{"whole", 0, 4 * PAGE},
	{"part", PAGE, 2 * PAGE},
	{"size-0", 0, 0},
	{"size-0-at-end", 4 * PAGE, 0},
	{"size-1", 0, 1},
	{"size-4095", 0, 4095},
	{"size-4097", 0, 4097},
	{"offset-1", 1, PAGE},
	{"offset-512", 512, PAGE},
	{"beyond", 0, 5 * PAGE},
	{"offset-beyond", 4 * PAGE, PAGE},
	{"offset-far", 1ULL << 40, PAGE},
	{"sum-beyond", 3 * PAGE, 2 * PAGE},
	{"sum-wraps", ~0ULL - PAGE + 1, 2 * PAGE},
	{"size-max", 0, ~0ULL - PAGE + 1},
	{"size-1-T", 0, 1ULL << 40},
	{"both-unaligned", 1, 1},
};

static void range_cases(void)
{
	int low, big;

	begin();
	low = lowest_fd();
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		created(create(memfd, 0, ranges[i].offset, ranges[i].size), low, ranges[i].name);
	big = new_memfd(80 * MIB, F_SEAL_SHRINK);
	low = lowest_fd();
	created(create(big, 0, 0, 64 * MIB), low, "64-MiB");
	created(create(big, 0, 0, 64 * MIB + PAGE), low, "64-MiB-and-a-page");
	created(create(big, 0, 0, 80 * MIB), low, "80-MiB");
}

static void seal_cases(void)
{
	static const struct {
		const char *name;
		unsigned int seals;
	} seals[] = {{"none", 0},
		     {"shrink", F_SEAL_SHRINK},
		     {"grow", F_SEAL_GROW},
		     {"shrink-grow", F_SEAL_SHRINK | F_SEAL_GROW},
		     {"write", F_SEAL_WRITE},
		     {"shrink-write", F_SEAL_SHRINK | F_SEAL_WRITE},
		     {"shrink-future-write", F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE},
		     {"shrink-seal", F_SEAL_SHRINK | F_SEAL_SEAL},
		     {"all", F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL}};
	int fd, low, plain;

	begin();
	for (size_t i = 0; i < sizeof(seals) / sizeof(*seals); i++) {
		fd = new_memfd(4 * PAGE, seals[i].seals);
		low = lowest_fd();
		created(create(fd, 0, 0, PAGE), low, seals[i].name);
		close(fd);
	}
	plain = memfd_create("plain", 0);
	if (ftruncate(plain, 4 * PAGE) != 0)
		return;
	low = lowest_fd();
	created(create(plain, 0, 0, PAGE), low, "not-sealable");
}

static void argument_cases(void)
{
	struct udmabuf_create arg;
	int low, null = open("/dev/null", O_RDWR),
		 file = open("/dev/shm", O_RDWR | O_TMPFILE, 0600);
	int buffer;

	if (file < 0) /* a file in memory, as where the captures were made */
		file = open("/tmp/conform-file", O_RDWR | O_CREAT, 0600);
	begin();
	arg = (struct udmabuf_create){(__u32)memfd, 0, 0, PAGE};
	if (ftruncate(file, 4 * PAGE) == 0)
		unlink("/tmp/conform-file");
	low = lowest_fd();
	created(create(memfd, UDMABUF_FLAGS_CLOEXEC, 0, PAGE), low, "cloexec");
	created(create(memfd, 2, 0, PAGE), low, "flags-2");
	created(create(memfd, ~0U, 0, PAGE), low, "flags-all");
	created(create(memfd, ~1U, 0, PAGE), low, "flags-all-but-cloexec");
	created(create(-1, 0, 0, PAGE), low, "fd-minus-1");
	created(create(999, 0, 0, PAGE), low, "fd-999");
	created(create(null, 0, 0, PAGE), low, "fd-of-null");
	created(create(dev, 0, 0, PAGE), low, "fd-of-itself");
	created(create(file, 0, 0, PAGE), low, "fd-of-file");
	created(create(-1, 0, 1, 0), low, "bad-fd-and-offset");
	created(create(-1, 0, 0, 0), low, "bad-fd-and-size-0");
	created(create(null, 0, 0, 0), low, "null-and-size-0");
	buffer = create(memfd, 0, 0, PAGE);
	low = lowest_fd();
	created(create(buffer, 0, 0, PAGE), low, "fd-of-a-buffer");
	report(sys(ioctl(dev, UDMABUF_CREATE, NULL)), "null");
	report(sys(ioctl(dev, UDMABUF_CREATE, bad_pointer())), "unmapped");
	created(ioctl(dev, UDMABUF_CREATE, read_only(&arg, sizeof(arg))), low, "read-only");
}

static struct udmabuf_create_list *list_of(unsigned int count, unsigned int flags)
{
	struct udmabuf_create_list *list =
		calloc(1, sizeof(*list) + LIST_MAX * sizeof(list->list[0]));

	list->flags = flags;
	list->count = count;
	for (unsigned int i = 0; i < LIST_MAX; i++)
		list->list[i] = (struct udmabuf_create_item){(__u32)memfd, 0, i % 4 * PAGE, PAGE};
	return list;
}

static void list_cases(void)
{
	static const unsigned int counts[] = {0, 1, 2, 4, 8, 1024, 1025, 1U << 20, ~0U};
	struct udmabuf_create_list *list;
	char name[32];
	int low;

	begin();
	low = lowest_fd();
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		snprintf(name, sizeof(name), "count-%u", counts[i]);
		created(ioctl(dev, UDMABUF_CREATE_LIST, list_of(counts[i], 0)), low, name);
	}
	created(ioctl(dev, UDMABUF_CREATE_LIST, list_of(2, 1)), low, "cloexec");
	created(ioctl(dev, UDMABUF_CREATE_LIST, list_of(2, ~0U)), low, "flags-all");
	list = list_of(2, 0);
	list->list[0].__pad = 1;
	created(ioctl(dev, UDMABUF_CREATE_LIST, list), low, "pad");
	list = list_of(2, 0);
	list->list[1].memfd = (__u32)-1;
	created(ioctl(dev, UDMABUF_CREATE_LIST, list), low, "second-fd-minus-1");
	list = list_of(2, 0);
	list->list[1].offset = 1;
	created(ioctl(dev, UDMABUF_CREATE_LIST, list), low, "second-unaligned");
	list = list_of(2, 0);
	list->list[1].size = 0;
	created(ioctl(dev, UDMABUF_CREATE_LIST, list), low, "second-size-0");
	report(sys(ioctl(dev, UDMABUF_CREATE_LIST, NULL)), "null");
	list = read_only(list_of(1, 0), sizeof(*list) + sizeof(list->list[0]));
	created(ioctl(dev, UDMABUF_CREATE_LIST, list), low, "read-only");
	report(sys(ioctl(dev, UDMABUF_CREATE_LIST, bad_pointer())), "unmapped");
}

static void page_cases(void)
{
	char *at, *own, bytes[4] = "abc";
	int fd;

	begin();
	fd = create(memfd, UDMABUF_FLAGS_CLOEXEC, PAGE, 2 * PAGE);
	at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	own = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	report_map(sys((long)at), "mmap");
	own[PAGE] = 5;
	report(at == MAP_FAILED ? -1 : at[0], "buffer-reads-memfd");
	if (at != MAP_FAILED)
		at[PAGE] = 6;
	report(own[2 * PAGE], "memfd-reads-buffer");
	report(sys(pwrite(memfd, bytes, 4, (off_t)PAGE)), "pwrite");
	report(at == MAP_FAILED ? -1 : at[1], "pwrite-seen");
	report(sys(ftruncate(memfd, 0)), "memfd-shrinks");
	report(sys(ftruncate(memfd, 8 * PAGE)), "memfd-grows");
	report(sys(fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE)),
	       "memfd-hole");
	report(at == MAP_FAILED ? -1 : at[PAGE], "buffer-after-hole");
	report(own[2 * PAGE], "memfd-after-hole");
	munmap(own, 4 * PAGE);
	report(sys(fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE)), "memfd-seal-write");
	report(sys(fcntl(memfd, F_GET_SEALS)), "memfd-seals");
	close(memfd);
	report(at == MAP_FAILED ? -1 : at[PAGE], "buffer-after-close");
	close(fd);
	report(at == MAP_FAILED ? -1 : at[PAGE], "mapping-after-close");
}

const struct group udmabuf_groups[] = {
	{"udmabuf.file", file_cases, ALWAYS},
	{"udmabuf.range", range_cases, ALWAYS},
	{"udmabuf.seal", seal_cases, ALWAYS},
	{"udmabuf.argument", argument_cases, ALWAYS},
	{"udmabuf.list", list_cases, ALWAYS},
	{"udmabuf.pages", page_cases, ALWAYS},
	{NULL, NULL, ALWAYS},
};
