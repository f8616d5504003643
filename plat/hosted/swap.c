/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The swap file: a file without a name that is there for the life of struct hosted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "state.h"

static int make_file(const char *dir)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/freehold-swap-XXXXXX", dir) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int hosted_swap_open(struct hosted *h, const char *dir, uint64_t bytes, struct hosted_why *why)
{
	const char *tmp = getenv("TMPDIR");
	int fd, err;

	if (!bytes || bytes & (FH_PAGE_SIZE - 1) || bytes > INT64_MAX || h->swap_fd >= 0) {
		snprintf(why->text, sizeof(why->text), "swap: whole pages, and once");
		return -FH_EINVAL;
	}
	if (!dir)
		dir = tmp && tmp[0] ? tmp : "/var/tmp"; /* /tmp may be memory itself */
	fd = make_file(dir);
	err = fd < 0 ? -errno : -posix_fallocate(fd, 0, (off_t)bytes);
	if (err) {
		snprintf(why->text, sizeof(why->text), "a swap file of %llu MiB in %.150s: %s",
			 (unsigned long long)(bytes >> 20), dir, strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	h->swap_fd = fd;
	return 0;
}

void hosted_swap_close(struct hosted *h)
{
	if (h->swap_fd >= 0)
		close(h->swap_fd);
	h->swap_fd = -1;
}

void hosted_swap_delay(struct hosted *h, uint64_t ns)
{
	h->swap_delay_ns = ns;
}

/* What a device would take beyond what the host's cache does. */
static void delay(const struct hosted *h)
{
	struct timespec left = {(time_t)(h->swap_delay_ns / 1000000000),
				(long)(h->swap_delay_ns % 1000000000)};

	while (h->swap_delay_ns && nanosleep(&left, &left) && errno == EINTR)
		;
}

int hosted_swap_write(void *ctx, uint64_t slot, const void *page)
{
	const struct hosted *h = ctx;
	size_t done = 0;

	while (done < FH_PAGE_SIZE) {
		ssize_t n = pwrite(h->swap_fd, (const char *)page + done, FH_PAGE_SIZE - done,
				   (off_t)((slot << FH_PAGE_SHIFT) + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	delay(h);
	return 0;
}

int hosted_swap_read(void *ctx, uint64_t slot, void *page)
{
	const struct hosted *h = ctx;
	size_t got = 0;

	while (got < FH_PAGE_SIZE) {
		ssize_t n = pread(h->swap_fd, (char *)page + got, FH_PAGE_SIZE - got,
				  (off_t)((slot << FH_PAGE_SHIFT) + got));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n) /* shorter than it was made */
			return -FH_EIO;
		got += n > 0 ? (size_t)n : 0;
	}
	delay(h);
	return 0;
}
