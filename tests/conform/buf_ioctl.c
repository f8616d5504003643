// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about a buffer's ioctls: SYNC, SET_NAME, sync files of an idle buffer, and those that are none.
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "calls.h"

static int buffer;

static long sync_flags(unsigned long long flags)
{
	struct dma_buf_sync sync = {flags};

	return sys(ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync));
}

static void sync_cases(void)
{
	struct dma_buf_sync sync = {DMA_BUF_SYNC_RW};
	unsigned int access[] = {O_RDONLY, O_WRONLY};

	buffer = new_buffer(2 * PAGE);
	for (unsigned int flags = 0; flags < 32; flags++)
		report(sync_flags(flags), "flags-%u", flags);
	for (int bit = 5; bit < 64; bit += 7)
		report(sync_flags(3 | 1ULL << bit), "flags-3-bit-%d", bit);
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_SYNC, NULL)), "null");
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_SYNC, bad_pointer())), "unmapped");
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_SYNC, read_only(&sync, sizeof(sync)))), "read-only");
	report(sys(ioctl(buffer, _IOC(1U, 'b', 0, 4), &sync)), "size-4");
	report(sys(ioctl(buffer, _IOC(1U, 'b', 0, 16), &sync)), "size-16");
	report(sys(ioctl(buffer, _IOC(1U, 'b', 0, 0), &sync)), "size-0");
	report(sys(ioctl(buffer, _IOC(2U, 'b', 0, 8), &sync)), "dir-r");
	report(sys(ioctl(buffer, _IOC(3U, 'b', 0, 8), &sync)), "dir-rw");
	report(sys(ioctl(buffer, _IOC(0U, 'b', 0, 8), &sync)), "dir-none");
	report(sync_flags(DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), "end-without-start");
	report(sync_flags(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), "start-r");
	report(sync_flags(DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE), "start-w-again");
	report(sync_flags(DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), "end-w");
	report(sync_flags(DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), "end-w-again");
	for (int i = 0; i < 2; i++) {
		buffer = new_buffer_flags(PAGE, access[i]);
		report(sync_flags(DMA_BUF_SYNC_RW), "accmode-%u", access[i]);
	}
	close(buffer);
	report(sync_flags(DMA_BUF_SYNC_RW), "closed");
}

static long set_name(unsigned long cmd, const void *name)
{
	return sys(ioctl(buffer, cmd, name));
}

static void named(const char *text, const char *name)
{
	report(set_name(DMA_BUF_SET_NAME_B, text), "%s", name);
	detail_link(buffer);
	report(0, "%s.link", name);
}

static void name_cases(void)
{
	char text[80], *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const size_t lens[] = {1, 30, 31, 32, 33, 64};

	buffer = new_buffer(PAGE);
	report(set_name(DMA_BUF_SET_NAME, "first"), "original");
	report_fdinfo(buffer, "original.fdinfo");
	report(set_name(DMA_BUF_SET_NAME_A, "second"), "encoding-a");
	report_fdinfo(buffer, "encoding-a.fdinfo");
	report(set_name(DMA_BUF_SET_NAME_B, "third"), "encoding-b");
	report_fdinfo(buffer, "encoding-b.fdinfo");
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		char name[16];

		memset(text, 'n', lens[i]);
		text[lens[i]] = '\0';
		snprintf(name, sizeof(name), "len-%zu", lens[i]);
		named(text, name);
	}
	report_fdinfo(buffer, "after-too-long");
	named("", "empty");
	report_fdinfo(buffer, "empty.fdinfo");
	report(set_name(DMA_BUF_SET_NAME_B, "two\nlines"), "newline");
	report_fdinfo(buffer, "newline.fdinfo");
	named("a b\tc/d:\\\x01\xff", "odd-bytes");
	report(set_name(DMA_BUF_SET_NAME_B, "kept"), "kept");
	report(set_name(DMA_BUF_SET_NAME_B, NULL), "null");
	report(set_name(DMA_BUF_SET_NAME_B, bad_pointer()), "unmapped");
	report(set_name(DMA_BUF_SET_NAME_A, NULL), "null-a");
	memset(two, 'e', PAGE);
	munmap(two + PAGE, PAGE);
	report(set_name(DMA_BUF_SET_NAME_B, two + PAGE - 4), "runs-off-the-page");
	two[PAGE - 1] = '\0';
	report(set_name(DMA_BUF_SET_NAME_B, two + PAGE - 4), "ends-at-the-page");
	report_fdinfo(buffer, "ends-at-the-page.fdinfo");
	report(sys(ioctl(buffer, _IOC(1U, 'b', 1, 16), "x")), "size-16");
	report(sys(ioctl(buffer, _IOC(1U, 'b', 1, 32), "x")), "size-32");
	report(sys(ioctl(buffer, _IOC(3U, 'b', 1, 8), "x")), "dir-rw");
	report_fdinfo(buffer, "kept.fdinfo");
	buffer = new_buffer_flags(PAGE, O_RDONLY);
	named("ro", "rdonly");
}

static void export_cases(void)
{
	struct dma_buf_export_sync_file arg;
	struct pollfd p = {.events = POLLIN | POLLOUT | POLLPRI};
	int low;
	long r;

	buffer = new_buffer(PAGE);
	low = lowest_fd();
	for (unsigned int flags = 0; flags < 8; flags++) {
		arg = (struct dma_buf_export_sync_file){flags, -7};
		r = sys(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg));
		detail("flags=%#x fd=%s", arg.flags,
		       arg.fd == low  ? "lowest"
		       : arg.fd == -7 ? "kept"
				      : "other");
		if (r == 0) {
			p.fd = arg.fd;
			detail("poll=%d", poll(&p, 1, 0));
			detail("revents=%#x getfd=%d getfl=%#x", (unsigned int)p.revents,
			       fcntl(arg.fd, F_GETFD), (unsigned int)fcntl(arg.fd, F_GETFL));
			detail_link(arg.fd);
			close(arg.fd);
		}
		report(r, "flags-%u", flags);
	}
	arg.flags = 1U << 31 | 3;
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg)), "flags-bit-31");
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, NULL)), "null");
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, bad_pointer())), "unmapped");
	arg.flags = 3;
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, read_only(&arg, sizeof(arg)))),
	       "read-only");
	report(lowest_fd() - low, "descriptors-left");
	report(sys(ioctl(buffer, _IOC(3U, 'b', 2, 16), &arg)), "size-16");
	report(sys(ioctl(buffer, _IOC(2U, 'b', 2, 8), &arg)), "dir-r");
}

static long import(unsigned int flags, int fd)
{
	struct dma_buf_import_sync_file arg = {flags, fd};

	return sys(ioctl(buffer, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg));
}

static void import_cases(void)
{
	struct dma_buf_export_sync_file stub = {DMA_BUF_SYNC_RW, -1};
	struct pollfd p = {.events = POLLIN | POLLOUT};
	int other = open("/dev/null", O_RDWR);

	buffer = new_buffer(PAGE);
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &stub)), "stub");
	for (unsigned int flags = 0; flags < 8; flags++) {
		report(import(flags, stub.fd), "flags-%u", flags);
		report(import(flags, -1), "flags-%u-fd-minus-1", flags);
	}
	report(import(3, 999), "fd-999");
	report(import(3, other), "fd-null");
	report(import(3, buffer), "fd-the-buffer");
	report(import(1U << 31, stub.fd), "flags-bit-31");
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, NULL)), "null");
	report(sys(ioctl(buffer, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, bad_pointer())), "unmapped");
	report(sys(ioctl(buffer, _IOC(3U, 'b', 3, 8), &stub)), "dir-rw");
	p.fd = buffer;
	report(sys(poll(&p, 1, 0)), "poll-after");
	close(stub.fd);
	report(import(3, stub.fd), "fd-closed");
}

static void unknown_cases(void)
{
	int on = 1;

	buffer = new_buffer(PAGE);
	for (unsigned int nr = 0; nr < 9; nr++) {
		report(sys(ioctl(buffer, _IO('b', nr), NULL)), "io-%u", nr);
		report(sys(ioctl(buffer, _IOC(3U, 'b', nr, 24), NULL)), "iowr-24-%u", nr);
	}
	report(sys(ioctl(buffer, _IOC(3U, 'H', 0, 24), NULL)), "heap-alloc");
	report(sys(ioctl(buffer, 0, NULL)), "zero");
	report(sys(ioctl(buffer, ~0U, NULL)), "all-bits");
	report(sys(ioctl(buffer, FIONBIO, &on)), "fionbio");
	report(sys(ioctl(buffer, FIONBIO, NULL)), "fionbio-null");
	report(fcntl(buffer, F_GETFL) & O_NONBLOCK, "fionbio.getfl");
	report(sys(ioctl(buffer, FIONCLEX)), "fionclex");
	report(sys(fcntl(buffer, F_GETFD)), "fionclex.getfd");
	report(sys(ioctl(buffer, FIOCLEX)), "fioclex");
	report(sys(fcntl(buffer, F_GETFD)), "fioclex.getfd");
	report(sys(ioctl(buffer, FIOASYNC, &on)), "fioasync");
	report(sys(ioctl(buffer, FIONREAD, &on)), "fionread");
	report(sys(ioctl(buffer, FIOQSIZE, &on)), "fioqsize");
	report(sys(ioctl(buffer, TCGETS, NULL)), "tcgets");
	report(sys(ioctl(buffer, _IO('X', 119), NULL)), "fifreeze");
}

const struct group ioctl_groups[] = {
	{"sync", sync_cases, PER_SOURCE},	{"name", name_cases, PER_SOURCE},
	{"export", export_cases, PER_SOURCE},	{"import", import_cases, PER_SOURCE},
	{"unknown", unknown_cases, PER_SOURCE}, {NULL, NULL, ALWAYS},
};
