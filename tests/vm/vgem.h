/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Linux's driver vgem, which has no hardware: what of it tests use, by its numbers (include/uapi/drm). 0, or -1 and errno. */
#ifndef TESTS_VM_VGEM_H
#define TESTS_VM_VGEM_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct vgem_prime {
	uint32_t handle, flags;
	int32_t fd;
};
struct vgem_gem_close {
	uint32_t handle, pad;
};
struct vgem_fence {
	uint32_t handle, flags, fence, pad;
};
#define VGEM_IOCTL_CLOSE  _IOW('d', 0x09, struct vgem_gem_close)
#define VGEM_IOCTL_IMPORT _IOWR('d', 0x2e, struct vgem_prime)
#define VGEM_IOCTL_ATTACH _IOWR('d', 0x41, struct vgem_fence)
#define VGEM_IOCTL_SIGNAL _IOW('d', 0x42, struct vgem_fence)
#define VGEM_WRITE	  1u

static inline int vgem_open(void)
{
	return open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
}

static inline int vgem_import(int card, int fd, uint32_t *handle)
{
	struct vgem_prime p = {.fd = fd};
	int err = ioctl(card, VGEM_IOCTL_IMPORT, &p);

	*handle = p.handle;
	return err;
}

static inline int vgem_close(int card, uint32_t handle)
{
	struct vgem_gem_close g = {.handle = handle};

	return ioctl(card, VGEM_IOCTL_CLOSE, &g);
}

/* A writer is at work on it until vgem_signal(), for ten seconds at most. */
static inline int vgem_attach(int card, uint32_t handle, uint32_t *fence)
{
	struct vgem_fence f = {.handle = handle, .flags = VGEM_WRITE};
	int err = ioctl(card, VGEM_IOCTL_ATTACH, &f);

	*fence = f.fence;
	return err;
}

static inline int vgem_signal(int card, uint32_t fence)
{
	struct vgem_fence f = {.fence = fence};

	return ioctl(card, VGEM_IOCTL_SIGNAL, &f);
}

#endif
