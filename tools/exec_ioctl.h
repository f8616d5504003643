/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ioctls, read: from a command, an address and the memory there to what is asked, checked in Linux's order. */
#ifndef TOOLS_EXEC_IOCTL_H
#define TOOLS_EXEC_IOCTL_H

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/sync_file.h>
#include <linux/udmabuf.h>
#include "exec_files.h"
#include "exec_mem.h"

enum exec_ask {
	EXEC_ASK_KERNEL, /* as the kernel would answer for any file */
	EXEC_ASK_ALLOC,
	EXEC_ASK_SYNC,
	EXEC_ASK_SET_NAME,
	EXEC_ASK_EXPORT,
	EXEC_ASK_IMPORT,
	EXEC_ASK_MERGE,
	EXEC_ASK_FILE_INFO,
	EXEC_ASK_NOTHING, /* it is right, and there is nothing to do */
	EXEC_ASK_POINT,	  /* a fence of a timeline */
	EXEC_ASK_STEP,
	EXEC_ASK_GET_DEADLINE,
	EXEC_ASK_CREATE, /* a buffer of a program's own pages */
};

/* sw_sync has no header for programs. */
struct exec_point {
	uint32_t value;
	char name[32];
	int32_t fence;
};
struct exec_get_deadline {
	uint64_t deadline_ns;
	uint32_t pad;
	int32_t fence;
};

/* Linux's module parameters list_limit and size_limit_mb. */
#define EXEC_UDMABUF_ITEMS 1024
#define EXEC_UDMABUF_BYTES (UINT64_C(64) << 20)

struct exec_create {
	uint32_t flags, count;
	struct udmabuf_create_item item[EXEC_UDMABUF_ITEMS];
};

struct exec_ioctl {
	enum exec_ask ask;
	size_t out; /* ALLOC: bytes that go back */
	union {
		struct dma_heap_allocation_data alloc;
		struct dma_buf_sync sync;
		struct dma_buf_export_sync_file export;
		struct dma_buf_import_sync_file import;
		struct sync_merge_data merge;
		struct sync_file_info info;
		struct exec_point point;
		struct exec_get_deadline deadline;
		struct exec_create create;
		uint32_t step;
		char name[DMA_BUF_NAME_LEN];
		unsigned char bytes[1 << 14]; /* an ALLOC may be as large as a command can say */
	};
};

/* 0, or a negative errno that the call ends with. */
int exec_ioctl_read(enum exec_kind kind, uint32_t cmd, uint64_t arg, const struct exec_mem *mem,
		    struct exec_ioctl *r);

#endif
