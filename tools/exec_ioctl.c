/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reads what an ioctl of the program asks for. Nothing here does any of it. */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include "exec_ioctl.h"

#define PAGE UINT64_C(4096)

/* Newer than some headers. */
struct deadline {
	uint64_t deadline_ns, pad;
};
#define SET_DEADLINE	  _IOW(SYNC_IOC_MAGIC, 5, struct deadline)
#define TIMELINE_POINT	  _IOWR('W', 0, struct exec_point)
#define TIMELINE_STEP	  _IOW('W', 1, uint32_t)
#define TIMELINE_DEADLINE _IOWR('W', 2, struct exec_get_deadline)

/* ---- heaps ---- */

static int check_alloc(const struct dma_heap_allocation_data *d)
{
	if (d->fd || (d->fd_flags & ~(uint32_t)DMA_HEAP_VALID_FD_FLAGS) ||
	    (d->heap_flags & ~(uint64_t)DMA_HEAP_VALID_HEAP_FLAGS))
		return -EINVAL;
	return (d->len + PAGE - 1) / PAGE ? 0 : -EINVAL;
}

/* The kernel looks at the number alone, and takes structures of every size: a shorter one is filled up with zeros, and of a
 * longer one the rest is sent back as it came. */
static int read_heap(uint32_t cmd, uint64_t arg, const struct exec_mem *mem, struct exec_ioctl *r)
{
	size_t size = _IOC_SIZE(cmd), in = _IOC_DIR(cmd) & _IOC_WRITE ? size : 0;

	if (_IOC_NR(cmd))
		return -EINVAL;
	memset(r->bytes, 0, sizeof(r->alloc));
	if (mem->read(mem, arg, r->bytes, in))
		return -EFAULT;
	if (in < size)
		memset(r->bytes + in, 0, size - in);
	r->out = _IOC_DIR(cmd) & _IOC_READ ? size : 0;
	r->ask = EXEC_ASK_ALLOC;
	return check_alloc(&r->alloc);
}

/* ---- buffers ---- */

static int check_sync(const struct dma_buf_sync *sync)
{
	if ((sync->flags & ~(uint64_t)DMA_BUF_SYNC_VALID_FLAGS_MASK) ||
	    !(sync->flags & DMA_BUF_SYNC_RW))
		return -EINVAL;
	return 0;
}

static int check_access(uint32_t flags)
{
	return (flags & ~(uint32_t)DMA_BUF_SYNC_RW) || !flags ? -EINVAL : 0;
}

/* Up to its end or DMA_BUF_NAME_LEN bytes; what lies behind need not be there. */
static int read_name(uint64_t arg, const struct exec_mem *mem, char *name)
{
	ssize_t len = exec_mem_text(mem, arg, name, DMA_BUF_NAME_LEN);

	if (len == -ENAMETOOLONG)
		return -EINVAL;
	return len < 0 ? -EFAULT : 0;
}

static int read_buffer(uint32_t cmd, uint64_t arg, const struct exec_mem *mem, struct exec_ioctl *r)
{
	switch (cmd) {
	case DMA_BUF_IOCTL_SYNC:
		r->ask = EXEC_ASK_SYNC;
		if (mem->read(mem, arg, &r->sync, sizeof(r->sync)))
			return -EFAULT;
		return check_sync(&r->sync);
	case DMA_BUF_SET_NAME_A:
	case DMA_BUF_SET_NAME_B:
		r->ask = EXEC_ASK_SET_NAME;
		return read_name(arg, mem, r->name);
	case DMA_BUF_IOCTL_EXPORT_SYNC_FILE:
		r->ask = EXEC_ASK_EXPORT;
		if (mem->read(mem, arg, &r->export, sizeof(r->export)))
			return -EFAULT;
		return check_access(r->export.flags);
	case DMA_BUF_IOCTL_IMPORT_SYNC_FILE:
		r->ask = EXEC_ASK_IMPORT;
		if (mem->read(mem, arg, &r->import, sizeof(r->import)))
			return -EFAULT;
		return check_access(r->import.flags);
	default:
		return -ENOTTY;
	}
}

/* ---- sync files and timelines ---- */

static int read_fence(uint32_t cmd, uint64_t arg, const struct exec_mem *mem, struct exec_ioctl *r)
{
	struct deadline when;

	switch (cmd) {
	case SYNC_IOC_MERGE:
		r->ask = EXEC_ASK_MERGE;
		if (mem->read(mem, arg, &r->merge, sizeof(r->merge)))
			return -EFAULT;
		return r->merge.flags || r->merge.pad ? -EINVAL : 0;
	case SYNC_IOC_FILE_INFO:
		r->ask = EXEC_ASK_FILE_INFO;
		if (mem->read(mem, arg, &r->info, sizeof(r->info)))
			return -EFAULT;
		return r->info.flags || r->info.pad ? -EINVAL : 0;
	case SET_DEADLINE:
		r->ask = EXEC_ASK_NOTHING;
		if (mem->read(mem, arg, &when, sizeof(when)))
			return -EFAULT;
		return when.pad ? -EINVAL : 0;
	default:
		return -ENOTTY;
	}
}

static int read_timeline(uint32_t cmd, uint64_t arg, const struct exec_mem *mem,
			 struct exec_ioctl *r)
{
	switch (cmd) {
	case TIMELINE_POINT:
		r->ask = EXEC_ASK_POINT;
		return mem->read(mem, arg, &r->point, sizeof(r->point)) ? -EFAULT : 0;
	case TIMELINE_STEP:
		r->ask = EXEC_ASK_STEP;
		return mem->read(mem, arg, &r->step, sizeof(r->step)) ? -EFAULT : 0;
	case TIMELINE_DEADLINE:
		r->ask = EXEC_ASK_GET_DEADLINE;
		return mem->read(mem, arg, &r->deadline, sizeof(r->deadline)) ? -EFAULT : 0;
	default:
		return -ENOTTY;
	}
}

/* ---- /dev/udmabuf ---- */

/* Offsets and sizes that are whole pages, and not too much in all; whose they are is looked at later. An item may be empty, but not all. */
static int check_create(const struct exec_create *c)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		if (c->item[i].offset % PAGE || c->item[i].size % PAGE)
			return -EINVAL;
		pages += c->item[i].size / PAGE;
		if (pages > EXEC_UDMABUF_BYTES / PAGE)
			return -EINVAL;
	}
	return pages ? 0 : -EINVAL;
}

static int read_create(uint64_t arg, const struct exec_mem *mem, struct exec_create *c)
{
	struct udmabuf_create one;

	if (mem->read(mem, arg, &one, sizeof(one)))
		return -EFAULT;
	c->flags = one.flags;
	c->count = 1;
	c->item[0] = (struct udmabuf_create_item){
		.memfd = one.memfd, .offset = one.offset, .size = one.size};
	return check_create(c);
}

static int read_list(uint64_t arg, const struct exec_mem *mem, struct exec_create *c)
{
	struct udmabuf_create_list head;

	if (mem->read(mem, arg, &head, sizeof(head)))
		return -EFAULT;
	if (head.count > EXEC_UDMABUF_ITEMS)
		return -EINVAL;
	c->flags = head.flags;
	c->count = head.count;
	if (mem->read(mem, arg + sizeof(head), c->item, head.count * sizeof(c->item[0])))
		return -EFAULT;
	return check_create(c);
}

static int read_udmabuf(uint32_t cmd, uint64_t arg, const struct exec_mem *mem,
			struct exec_ioctl *r)
{
	r->ask = EXEC_ASK_CREATE;
	switch (cmd) {
	case UDMABUF_CREATE:
		return read_create(arg, mem, &r->create);
	case UDMABUF_CREATE_LIST:
		return read_list(arg, mem, &r->create);
	default:
		return -ENOTTY;
	}
}

/* What the kernel does itself with every open file. */
static bool of_any_file(uint32_t cmd)
{
	return cmd == FIOCLEX || cmd == FIONCLEX || cmd == FIONBIO || cmd == FIOASYNC ||
	       cmd == FIOQSIZE;
}

int exec_ioctl_read(enum exec_kind kind, uint32_t cmd, uint64_t arg, const struct exec_mem *mem,
		    struct exec_ioctl *r)
{
	r->ask = EXEC_ASK_KERNEL;
	r->out = 0;
	if (cmd == FIOQSIZE)
		return kind == EXEC_DIR ? 0 : -ENOTTY;
	if (of_any_file(cmd))
		return 0;
	switch (kind) {
	case EXEC_HEAP:
		return read_heap(cmd, arg, mem, r);
	case EXEC_BUFFER:
		return read_buffer(cmd, arg, mem, r);
	case EXEC_FENCE:
		return read_fence(cmd, arg, mem, r);
	case EXEC_TIMELINE:
		return read_timeline(cmd, arg, mem, r);
	case EXEC_UDMABUF:
		return read_udmabuf(cmd, arg, mem, r);
	default:
		return 0;
	}
}
