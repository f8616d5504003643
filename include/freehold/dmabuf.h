/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers that devices and programs share: Linux's DMA-BUF (dma-buf.h). One exports memory, others attach their devices to it and
 * map it; a reservation (freehold/resv.h) says who uses it until when.
 *
 * Counted: every buffer that a call gives out is a reference of the receiver's, ended by dma_buf_put(); the exporter's release() runs with the
 * last one. Attachments hold one too, so any order of ends is right. Where Linux returns a pointer or an ERR_PTR, these return
 * a negative error and store through the last argument. "Locked" means that the caller has dma_resv_lock() of buf->resv; all
 * other calls must be made without it. -FH_EINVAL, from every call: something is NULL, or of another machine.
 */
#ifndef FREEHOLD_DMABUF_H
#define FREEHOLD_DMABUF_H

#include <freehold/dma.h>
#include <freehold/resv.h>

#define DMA_BUF_NAME_MAX 32 /* with the end; as Linux's DMA_BUF_NAME_LEN */

struct dma_buf;
struct dma_buf_attachment;
struct dma_holder;
struct fh_space;

/* What an exporter does. Only map, unmap and release must be there. "locked" is as above. */
struct dma_buf_ops {
	/* A device comes and goes. A refusal (-FH_EBUSY, -FH_EINVAL: out of its reach) refuses the attachment. */
	int (*attach)(struct dma_buf *buf, struct dma_buf_attachment *att);
	void (*detach)(struct dma_buf *buf, struct dma_buf_attachment *att);
	/* The memory must stay where it is until unpin. Locked. NULL: it never moves. */
	int (*pin)(struct dma_buf_attachment *att);
	void (*unpin)(struct dma_buf_attachment *att);
	/* For the device, mapped; the table is the exporter's, until unmap. Locked. May sleep. */
	int (*map_dma_buf)(struct dma_buf_attachment *att, enum dma_data_direction dir,
			   struct sg_table **sgt);
	void (*unmap_dma_buf)(struct dma_buf_attachment *att, struct sg_table *sgt,
			      enum dma_data_direction dir);
	/* The last reference is gone. */
	void (*release)(struct dma_buf *buf);
	/* The CPU is about to, has done: caches. Not locked. */
	int (*begin_cpu_access)(struct dma_buf *buf, enum dma_data_direction dir);
	int (*end_cpu_access)(struct dma_buf *buf, enum dma_data_direction dir);
	/* Shows pages [part.start, part.end) of it at va (pages) of a space; and the end of that. Locked. */
	int (*mmap)(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part);
	void (*munmap)(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part);
	/* Where the machine's own CPU sees all of it. Locked. */
	int (*vmap)(struct dma_buf *buf, void **cpu);
	void (*vunmap)(struct dma_buf *buf, void *cpu);
};

struct dma_buf_export_info {
	struct fh_machine *machine;
	const char *exp_name; /* of the exporter; stays */
	const struct dma_buf_ops *ops;
	uint64_t size;	       /* bytes, whole pages */
	struct dma_resv *resv; /* NULL: one of its own */
	void *priv;
};

/* Read only, but for the exporter's `priv`. */
struct dma_buf {
	struct fh_machine *machine;
	uint64_t size; /* bytes */
	uint64_t ino;  /* its number in read-outs; never used twice in a machine */
	const char *exp_name;
	const struct dma_buf_ops *ops;
	struct dma_resv *resv;
	void *priv;
};

struct dma_buf_attach_ops {
	bool allow_peer2peer;
	/* The memory moves: the mapping ends, and the importer maps again when it needs to. Locked. */
	void (*move_notify)(struct dma_buf_attachment *att);
};

/* Read only, but for the two privs. */
struct dma_buf_attachment {
	struct dma_buf *dmabuf;
	struct device *dev;
	const struct dma_buf_attach_ops *importer_ops; /* NULL: the importer is not dynamic */
	void *importer_priv;
	void *priv;	      /* the exporter's */
	struct sg_table *sgt; /* the mapping there is now, or NULL */
	enum dma_data_direction dir;
	unsigned int pins, maps;
	struct dma_buf_attachment *next;
};

/* -FH_EINVAL also: size 0 or not whole pages, no ops, an op missing that must be, a pin without unpin. -FH_ENOMEM. */
FH_MUST_CHECK int dma_buf_export(const struct dma_buf_export_info *info, struct dma_buf **buf);
struct dma_buf *get_dma_buf(struct dma_buf *buf);
/* With the last reference, release(). May sleep then. */
void dma_buf_put(struct dma_buf *buf);
/* The buffer of that number, a new reference. -FH_ENOENT. */
FH_MUST_CHECK int dma_buf_find(struct fh_machine *m, uint64_t ino, struct dma_buf **buf);

/* Cut at 31 bytes, as DMA_BUF_SET_NAME; "" takes it away. */
void dma_buf_set_name(struct dma_buf *buf, const char *name);
void dma_buf_get_name(struct dma_buf *buf, char name[DMA_BUF_NAME_MAX]);

/* ---- devices ---- */

/* As attach() of the exporter. An importer that is not dynamic has the memory pinned while it maps. */
FH_MUST_CHECK int dma_buf_attach(struct dma_buf *buf, struct device *dev,
				 struct dma_buf_attachment **att);
/* With importer_ops, whose move_notify must be there: it is told of moves, and pins when it cannot bear them. */
FH_MUST_CHECK int dma_buf_dynamic_attach(struct dma_buf *buf, struct device *dev,
					 const struct dma_buf_attach_ops *ops, void *priv,
					 struct dma_buf_attachment **att);
/* What it has mapped or pinned is unmapped and unpinned; a leak of the importer's that is logged once a buffer. */
void dma_buf_detach(struct dma_buf *buf, struct dma_buf_attachment *att);
/* Locked; dynamic importers only. */
FH_MUST_CHECK int dma_buf_pin(struct dma_buf_attachment *att);
void dma_buf_unpin(struct dma_buf_attachment *att);

/* Locked. Maps for the device, or returns the mapping that it has: one direction at a time (-FH_EBUSY: it has it in another). A dynamic importer
 * waits for the KERNEL fences before it uses the addresses. May sleep. */
FH_MUST_CHECK int dma_buf_map_attachment(struct dma_buf_attachment *att,
					 enum dma_data_direction dir, struct sg_table **sgt);
void dma_buf_unmap_attachment(struct dma_buf_attachment *att, struct sg_table *sgt,
			      enum dma_data_direction dir);
/* The same, taking the lock. */
FH_MUST_CHECK int dma_buf_map_attachment_unlocked(struct dma_buf_attachment *att,
						  enum dma_data_direction dir,
						  struct sg_table **sgt);
void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *att, struct sg_table *sgt,
				       enum dma_data_direction dir);

/* For exporters, locked. Whether it may move now: nobody has it pinned, by an importer that is not dynamic, by vmap() or by mmap(). */
bool dma_buf_is_movable(struct dma_buf *buf);
/* Tells every dynamic importer; what one has mapped and does not unmap by then is unmapped for it, and its own unmap is none any
 * more. */
void dma_buf_move_notify(struct dma_buf *buf);

/* ---- the CPU ---- */

/* Waits for the fences that stand in the way (writers; for writing readers too), then the caches. until_ns as dma_fence_wait(). */
FH_MUST_CHECK int dma_buf_begin_cpu_access(struct dma_buf *buf, enum dma_data_direction dir,
					   uint64_t until_ns);
FH_MUST_CHECK int dma_buf_end_cpu_access(struct dma_buf *buf, enum dma_data_direction dir);
/* The caches alone, for who has seen to the fences. */
FH_MUST_CHECK int dma_buf_sync_caches(struct dma_buf *buf, enum dma_data_direction dir, bool begin);
/* Where the CPU sees all of it, until as many dma_buf_vunmap(). -FH_EINVAL also: the exporter cannot; -FH_ENOMEM. */
FH_MUST_CHECK int dma_buf_vmap(struct dma_buf *buf, void **cpu);
void dma_buf_vunmap(struct dma_buf *buf);
/* Shows pages [part.start, part.end) at va (pages) of a space. The space's mapping pins the buffer until dma_buf_munmap(). */
FH_MUST_CHECK int dma_buf_mmap(struct dma_buf *buf, struct fh_space *space, uint64_t va,
			       struct range part);
void dma_buf_munmap(struct dma_buf *buf, struct fh_space *space, uint64_t va, struct range part);

/* ---- fences from outside ---- */

enum { DMA_BUF_POLLIN = 1, DMA_BUF_POLLOUT = 4 }; /* EPOLLIN, EPOLLOUT */

/* Of DMA_BUF_POLLIN (no writer is at work) and POLLOUT (nobody is), those that hold. */
unsigned int dma_buf_poll(struct dma_buf *buf, unsigned int events);

/* ioctl DMA_BUF_IOCTL_SYNC's flags, same values. */
enum {
	DMA_BUF_SYNC_READ = 1,
	DMA_BUF_SYNC_WRITE = 2,
	DMA_BUF_SYNC_RW = 3,
	DMA_BUF_SYNC_END = 4,
};

/* DMA_BUF_IOCTL_EXPORT_SYNC_FILE: what a new user in that way (DMA_BUF_SYNC_READ, WRITE) waits for; done already, if nothing.
 * -FH_EINVAL: other flags, or none. */
FH_MUST_CHECK int dma_buf_export_sync_file(struct dma_buf *buf, unsigned int flags,
					   struct sync_file **s);
/* DMA_BUF_IOCTL_IMPORT_SYNC_FILE: its fence becomes one of a reader or writer. */
FH_MUST_CHECK int dma_buf_import_sync_file(struct dma_buf *buf, unsigned int flags,
					   struct sync_file *s);

#endif
