// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The lines that cases print, and the buffers they are about.
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "calls.h"

enum source source;
const char *const source_name[N_SOURCES] = {"system", "cma", "udmabuf"};
bool absent;
const char *group_name;

static char details[2048];

void detail(const char *fmt, ...)
{
	char text[512];
	size_t at = strlen(details);
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	details[at++] = ' ';
	for (const unsigned char *c = (unsigned char *)text; *c && at < sizeof(details) - 5; c++) {
		if (*c >= ' ' && *c < 0x7f)
			details[at++] = (char)*c;
		else
			at += (size_t)sprintf(details + at, "\\x%02x", *c);
	}
	details[at] = '\0';
	errno = saved;
}

// One write(), so that the lines of a group that dies are all there.
static void line(const char *result, const char *name, va_list args)
{
	char text[4096], full[256];
	int len;

	vsnprintf(full, sizeof(full), name, args);
	if (absent)
		len = snprintf(text, sizeof(text), "%s.%s: absent\n", group_name, full);
	else
		len = snprintf(text, sizeof(text), "%s.%s: %s%s\n", group_name, full, result,
			       *result ? details : details + (*details == ' '));
	if (write(STDOUT_FILENO, text, (size_t)len) != len)
		_exit(2);
	details[0] = '\0';
}

static const char *error_name(long error)
{
	const char *name = error > 0 && error < 4096 ? strerrorname_np((int)error) : NULL;

	return name ? name : "unknown";
}

static void report_as(const char *good, long result, const char *name, va_list args)
{
	char text[64];

	if (result < 0 && result > -4096)
		snprintf(text, sizeof(text), "-1 %s", error_name(-result));
	else if (good)
		snprintf(text, sizeof(text), "%s -", good);
	else
		snprintf(text, sizeof(text), "%ld -", result);
	line(text, name, args);
}

void report(long result, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	report_as(NULL, result, name, args);
	va_end(args);
}

void report_fd(int lowest, long result, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	report_as(result == lowest ? "fd" : "fd-not-lowest", result, name, args);
	va_end(args);
}

void report_map(long result, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	report_as("mapped", result, name, args);
	va_end(args);
}

void report_text(const char *name, ...)
{
	va_list args;

	va_start(args, name);
	line("", name, args);
	va_end(args);
}

void report_child(int (*fn)(void *arg), void *arg, const char *name, ...)
{
	char text[64] = "no child";
	va_list args;
	int status;
	pid_t child = absent ? -1 : fork();

	if (child == 0)
		_exit(fn(arg));
	if (child > 0 && waitpid(child, &status, 0) == child) {
		if (WIFSIGNALED(status))
			snprintf(text, sizeof(text), "signal SIG%s",
				 sigabbrev_np(WTERMSIG(status)));
		else
			snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	}
	va_start(args, name);
	line(text, name, args);
	va_end(args);
}

int lowest_fd(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD, 0);

	if (fd >= 0)
		close(fd);
	return fd;
}

const char *system_heap(void)
{
	return access(HEAPS "/system", F_OK) == 0 ? HEAPS "/system" : NULL;
}

// Its name changed in 6.17, and with the device tree before that.
const char *cma_heap(void)
{
	static const char *const names[] = {HEAPS "/reserved", HEAPS "/linux,cma",
					    HEAPS "/default-pool", HEAPS "/default_cma_region"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (access(names[i], F_OK) == 0)
			return names[i];
	return NULL;
}

int heap_buffer(const char *path, size_t len, unsigned int flags)
{
	struct dma_heap_allocation_data data = {.len = len, .fd_flags = flags};
	int heap = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	int result = heap < 0 ? -1 : ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);

	if (heap >= 0)
		close(heap);
	return result < 0 ? -1 : (int)data.fd;
}

int new_memfd(size_t len, unsigned int seals)
{
	int memfd = memfd_create("conform", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (ftruncate(memfd, (off_t)len) != 0 || (seals && fcntl(memfd, F_ADD_SEALS, seals) != 0)) {
		close(memfd);
		return -1;
	}
	return memfd;
}

int udmabuf_of(int memfd, size_t offset, size_t len, unsigned int flags)
{
	struct udmabuf_create create = {
		.memfd = (__u32)memfd, .flags = flags, .offset = offset, .size = len};
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd = dev < 0 ? -1 : ioctl(dev, UDMABUF_CREATE, &create);

	if (dev >= 0)
		close(dev);
	return fd;
}

// The lowest descriptor, whatever was open on the way to it.
static int lowered(int fd)
{
	int low = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (low < 0)
		return fd;
	if (low > fd) {
		close(low);
		return fd;
	}
	fcntl(low, F_SETFD, fcntl(fd, F_GETFD));
	close(fd);
	return low;
}

int new_buffer_flags(size_t len, unsigned int flags)
{
	int memfd, fd = -1;

	if (source == FROM_UDMABUF) {
		memfd = new_memfd((len + PAGE - 1) & ~(PAGE - 1), F_SEAL_SHRINK);
		fd = udmabuf_of(memfd, 0, (len + PAGE - 1) & ~(PAGE - 1),
				flags & O_CLOEXEC ? UDMABUF_FLAGS_CLOEXEC : 0);
		close(memfd);
	} else {
		fd = heap_buffer(source == FROM_CMA ? cma_heap() : system_heap(), len, flags);
	}
	fd = lowered(fd);
	absent = fd < 0;
	return fd;
}

int new_buffer(size_t len)
{
	return new_buffer_flags(len, O_RDWR | O_CLOEXEC);
}

void *bad_pointer(void)
{
	static void *page;

	if (!page)
		page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page;
}

void *read_only(const void *from, size_t len)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, from, len);
	mprotect(page, PAGE, PROT_READ);
	return page;
}

void pause_ms(int ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		;
}

void report_fdinfo(int fd, const char *name)
{
	char path[64], text[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = absent ? NULL : fopen(path, "re");
	if (!file && !absent)
		detail("no %s", "fdinfo");
	while (file && fgets(text, sizeof(text), file)) {
		text[strcspn(text, "\n")] = '\0';
		if (strncmp(text, "ino:", 4) == 0 || strncmp(text, "mnt_id:", 7) == 0)
			strcpy(strchr(text, ':') + 1, "\t#");
		detail("[%s]", text);
	}
	if (file)
		fclose(file);
	report_text("%s", name);
}

void detail_link(int fd)
{
	char path[64], link[256];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, link, sizeof(link));
	detail("link=%.*s", len < 0 ? 0 : (int)len, link);
}
