/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which pages of a map were written: userfaultfd's write protection in its asynchronous mode, in which the kernel takes the protection from a
 * page by itself when it is written, and PAGEMAP_SCAN, which tells of those pages and protects them again in one step (both Linux 6.7). Unlike soft-dirty
 * bits it needs no kernel option and no look at the whole process, and nothing of the program waits for anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fhc_in.h"

/* Of headers newer than those that this must build with. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define WP_SHMEM       (UINT64_C(1) << 12)
#define WP_UNPOPULATED (UINT64_C(1) << 13)
#define WP_ASYNC       (UINT64_C(1) << 15)
#define FEATURES       (UFFD_FEATURE_PAGEFAULT_FLAG_WP | WP_SHMEM | WP_UNPOPULATED | WP_ASYNC)

/* linux/fs.h, since 6.7 */
struct scan_region {
	uint64_t start, end, categories;
};
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN	     _IOWR('f', 16, struct scan_arg)
#define SCAN_PROTECT (UINT64_C(1) << 0) /* what is told of */
#define SCAN_CHECK   (UINT64_C(1) << 1) /* -EPERM: the range is not watched so */
#define SCAN_WRITTEN (UINT64_C(1) << 1) /* a category */
#define SCAN_AT_ONCE 128

struct fhc_writes {
	int uffd;
	int pagemap; /* of this process */
};

/* What another try could get is an error of its own; all else is a kernel that cannot, or a policy that forbids. */
static int refused(void)
{
	return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? -errno : -EOPNOTSUPP;
}

int fhc_writes_open(struct fhc_writes **out)
{
	struct uffdio_api api = {.api = UFFD_API, .features = FEATURES};
	struct fhc_writes *w = malloc(sizeof(*w));
	int err = 0;

	if (!w)
		return -ENOMEM;
	/* For faults of user mode: no privilege is asked for. In this mode the kernel's own writes need nobody's help either. */
	w->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	w->pagemap = w->uffd < 0 ? -1 : open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (w->pagemap < 0 || ioctl(w->uffd, UFFDIO_API, &api))
		err = refused();
	if (err)
		fhc_writes_close(w);
	else
		*out = w;
	return err;
}

void fhc_writes_close(struct fhc_writes *w)
{
	if (!w)
		return;
	if (w->pagemap >= 0)
		close(w->pagemap);
	if (w->uffd >= 0)
		close(w->uffd);
	free(w);
}

bool fhc_writes_watch(struct fhc_writes *w, void *at, size_t size)
{
	struct uffdio_register reg = {.range = {(uintptr_t)at, size},
				      .mode = UFFDIO_REGISTER_MODE_WP};
	struct uffdio_writeprotect protect = {.range = reg.range,
					      .mode = UFFDIO_WRITEPROTECT_MODE_WP};
	uint64_t bytes;

	if (ioctl(w->uffd, UFFDIO_REGISTER, &reg))
		return false;
	if (!ioctl(w->uffd, UFFDIO_WRITEPROTECT, &protect) && !fhc_writes_take(w, at, size, &bytes))
		return true;
	(void)ioctl(w->uffd, UFFDIO_UNREGISTER, &reg.range);
	return false;
}

int fhc_writes_take(struct fhc_writes *w, void *at, size_t size, uint64_t *bytes)
{
	struct scan_region region[SCAN_AT_ONCE];
	struct scan_arg arg = {.size = sizeof(arg),
			       .flags = SCAN_PROTECT | SCAN_CHECK,
			       .start = (uintptr_t)at,
			       .end = (uintptr_t)at + size,
			       .vec = (uintptr_t)region,
			       .vec_len = SCAN_AT_ONCE,
			       .category_mask = SCAN_WRITTEN,
			       .return_mask = SCAN_WRITTEN};

	*bytes = 0;
	while (arg.start < arg.end) {
		int n = ioctl(w->pagemap, SCAN, &arg);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++)
			*bytes += region[i].end - region[i].start;
		arg.start = arg.walk_end;
	}
	return 0;
}
