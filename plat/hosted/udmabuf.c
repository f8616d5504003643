/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DMA-BUFs of the host: making one of a memfd (udmabuf), and what the kernel tells of one in /proc/self/fdinfo. A DMA-BUF is one open file, however
 * many have it: descriptors, mappings, drivers that imported it and messages under way are each a reference of that file, and "count:"
 * is how many those are.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "state.h"

struct said {
	long count, mount; /* -1: it is not said */
};

static struct said ask(int fd)
{
	struct said s = {-1, -1};
	char path[48], text[1024];
	const char *line;
	int info;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (info >= 0)
		close(info);
	text[n > 0 ? n : 0] = '\0';
	/* The name comes last, and may be anything. */
	line = strstr(text, "\nmnt_id:");
	if (line)
		(void)!sscanf(line, " mnt_id: %ld", &s.mount);
	line = strstr(text, "\ncount:");
	if (line)
		(void)!sscanf(line, " count: %ld", &s.count);
	return s;
}

long hosted_dmabuf_others(int fd)
{
	long n = ask(fd).count;

	return n < 1 ? -FH_EINVAL : n - 1;
}

bool hosted_dmabuf_like(int fd, int known)
{
	char path[48], to[16];
	ssize_t n;
	long mount;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, to, sizeof(to));
	if (n < 8 || strncmp(to, "/dmabuf:", 8))
		return false;
	mount = ask(known).mount;
	return mount >= 0 && ask(fd).mount == mount;
}

int hosted_udmabuf(int memfd, uint64_t size)
{
	struct udmabuf_create c = {
		.memfd = (uint32_t)memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = size,
	};
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd, err;

	if (dev < 0)
		return -errno;
	fd = ioctl(dev, UDMABUF_CREATE, &c);
	err = fd < 0 ? -errno : 0;
	close(dev);
	/* Where nothing tells who has it (before Linux 5.3), it is not for us. */
	if (!err && hosted_dmabuf_others(fd)) {
		close(fd);
		err = -EOPNOTSUPP;
	}
	return err ? err : fd;
}
