/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The files that the program was given, by device and inode: how a descriptor of any of its processes is known as ours. */
#ifndef TOOLS_EXEC_FILES_H
#define TOOLS_EXEC_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct exec;
struct trap;
struct exec_points;
struct exec_timeline;
struct exec_udmabuf;

enum exec_kind {
	EXEC_HEAP,	/* an open /dev/dma_heap/NAME */
	EXEC_HEAP_PATH, /* the same, but only as a path (O_PATH) */
	EXEC_DIR,	/* an open /dev/dma_heap */
	EXEC_BUFFER,	/* a DMA-BUF */
	EXEC_FENCE,	/* a sync_file */
	EXEC_TIMELINE,	/* an open sw_sync */
	EXEC_UDMABUF, /* what an ioctl of an open /dev/udmabuf is about; as a file it is heap number EXEC_UDMABUF_ID */
};

struct exec_file {
	struct exec_file *next; /* in its chain */
	dev_t dev;
	ino_t ino;
	enum exec_kind kind;
	uint64_t id;		    /* of a buffer: the server's number; of a heap: its index */
	uint64_t size;		    /* of a buffer: bytes */
	bool system;		    /* of a buffer: from a heap of pages */
	bool named;		    /* of a buffer: it was given a name, perhaps an empty one */
	bool udmabuf;		    /* of a buffer: of a program's own pages, */
	struct exec_udmabuf *pages; /* which are these; NULL: another supervisor knows */
	struct exec_timeline *timeline;
	struct exec_points *points; /* of a sync file: of which timelines, if that is known */
};

struct exec_files {
	struct exec_file **chain;
	size_t nr_chains; /* a power of two */
	size_t nr, nr_buffers;
	size_t sweep_at; /* so many: see which are gone */
};

/* By the inode of fd, a descriptor of this process. NULL: out of memory. */
struct exec_file *exec_files_add(struct exec *x, int fd, enum exec_kind kind);
struct exec_file *exec_files_find(const struct exec *x, dev_t dev, ino_t ino);
void exec_files_remove(struct exec *x, struct exec_file *file);
/* What descriptor fd of the thread is; NULL: nothing of ours. A buffer that a stranger sent becomes known here. */
struct exec_file *exec_file_of(struct trap *t, int64_t fd);
/* The same, through the folder /proc/PID of another process. */
struct exec_file *exec_file_in(struct trap *t, pid_t pid, int64_t fd);

#endif
