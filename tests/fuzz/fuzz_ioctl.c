/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ioctls of `freehold exec`: any command about any of our files, with any memory behind it, of which some is not there. */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "exec_ioctl.h"
#include "lib/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE UINT64_C(0x7f0000001000) /* where the process's memory begins */

struct memory {
	const uint8_t *bytes;
	size_t size;
	size_t reads;
};

/* What is not all there is not read at all. */
static int read_memory(const struct exec_mem *m, uint64_t at, void *to, size_t len)
{
	struct memory *memory = m->arg;

	memory->reads += len;
	if (!len)
		return 0;
	if (at < BASE || at - BASE > memory->size || len > memory->size - (at - BASE))
		return -EFAULT;
	memcpy(to, memory->bytes + (at - BASE), len);
	return 0;
}

static int no_write(const struct exec_mem *m, uint64_t at, const void *from, size_t len)
{
	(void)m, (void)at, (void)from, (void)len;
	expect(false, "reading a request writes nothing");
	return -EFAULT;
}

static void check_create(const struct exec_create *c, bool one)
{
	uint64_t size = 0;

	expect(c->count && c->count <= EXEC_UDMABUF_ITEMS && (!one || c->count == 1),
	       "create: how many");
	for (uint32_t i = 0; i < c->count; i++) {
		expect(!(c->item[i].offset % 4096) && !(c->item[i].size % 4096) &&
			       c->item[i].size <= EXEC_UDMABUF_BYTES,
		       "create: whole pages");
		size += c->item[i].size;
	}
	expect(size && size <= EXEC_UDMABUF_BYTES, "create: not too much");
}

/* What is let through keeps what Linux promises of it. */
static void check(enum exec_kind kind, uint32_t cmd, const struct exec_ioctl *r)
{
	switch (r->ask) {
	case EXEC_ASK_ALLOC:
		expect(kind == EXEC_HEAP && !_IOC_NR(cmd), "allocation: of heaps, number 0");
		expect(r->alloc.len && !r->alloc.fd && !r->alloc.heap_flags &&
			       !(r->alloc.fd_flags & ~(uint32_t)(O_ACCMODE | O_CLOEXEC)),
		       "allocation: its fields");
		expect(r->out <= _IOC_SIZE(cmd) && r->out <= sizeof(r->bytes), "allocation: out");
		break;
	case EXEC_ASK_SYNC:
		expect(kind == EXEC_BUFFER && r->sync.flags && r->sync.flags < 8, "sync: flags");
		expect(r->sync.flags & DMA_BUF_SYNC_RW, "sync: an access");
		break;
	case EXEC_ASK_SET_NAME:
		expect(kind == EXEC_BUFFER && memchr(r->name, 0, sizeof(r->name)), "name: its end");
		break;
	case EXEC_ASK_EXPORT:
	case EXEC_ASK_IMPORT:
		expect(kind == EXEC_BUFFER && r->export.flags && r->export.flags < 4,
		       "sync file: access");
		break;
	case EXEC_ASK_MERGE:
		expect(kind == EXEC_FENCE && !r->merge.flags && !r->merge.pad, "merge: flags");
		break;
	case EXEC_ASK_FILE_INFO:
		expect(kind == EXEC_FENCE && !r->info.flags && !r->info.pad, "info: flags");
		break;
	case EXEC_ASK_CREATE:
		expect(kind == EXEC_UDMABUF &&
			       (cmd == UDMABUF_CREATE || cmd == UDMABUF_CREATE_LIST),
		       "create: of /dev/udmabuf");
		check_create(&r->create, cmd == UDMABUF_CREATE);
		break;
	default:
		expect(!r->out, "nothing else has bytes to send back");
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t known[] = {DMA_HEAP_IOCTL_ALLOC,
					 DMA_BUF_IOCTL_SYNC,
					 DMA_BUF_SET_NAME_A,
					 DMA_BUF_SET_NAME_B,
					 DMA_BUF_IOCTL_EXPORT_SYNC_FILE,
					 DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
					 SYNC_IOC_MERGE,
					 SYNC_IOC_FILE_INFO,
					 _IOW('>', 5, uint64_t[2]),
					 _IOWR('W', 0, struct exec_point),
					 _IOW('W', 1, uint32_t),
					 _IOWR('W', 2, struct exec_get_deadline),
					 FIONBIO,
					 UDMABUF_CREATE,
					 UDMABUF_CREATE_LIST};
	static struct exec_ioctl r;
	struct memory memory;
	struct exec_mem mem = {read_memory, no_write, 0, &memory};
	enum exec_kind kind;
	uint32_t cmd;
	int err;

	if (size < 8)
		return 0;
	kind = (enum exec_kind)(data[0] % (EXEC_UDMABUF + 1));
	memcpy(&cmd, data + 1, sizeof(cmd));
	if (data[5] % 2)
		cmd = known[cmd % (sizeof(known) / sizeof(*known))];
	memory = (struct memory){data + 8, size - 8, 0};
	memset(&r, 0xaa, sizeof(r));
	/* The argument: the memory's beginning, a few bytes off, or anywhere. */
	err = exec_ioctl_read(kind, cmd, data[6] < 0xf0 ? BASE + data[6] : (uint64_t)data[7] << 56,
			      &mem, &r);
	expect(err <= 0 && err > -4096, "an errno");
	expect(memory.reads <= 16384 + 256 ||
		       (kind == EXEC_UDMABUF && memory.reads <= 8 + sizeof(r.create.item)),
	       "no more is read than the command says");
	if (!err)
		check(kind, cmd, &r);
	return 0;
}
