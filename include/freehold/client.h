/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers from `freehold serve`, for programs. A buffer is a file descriptor: mmap it, pass it on by SCM_RIGHTS, close it; when the last
 * descriptor and mapping of it anywhere are gone, its memory goes back. It gives access to that buffer alone, and can be neither
 * grown nor shrunk.
 *
 *	err = fhc_connect(NULL, "camera", &c)
 *	err = fhc_alloc(c, "default_cma_region", size, O_RDWR | O_CLOEXEC, &buf)
 *	p = mmap(NULL, buf.size, PROT_READ | PROT_WRITE, MAP_SHARED, buf.fd, 0)
 *
 * Calls return 0 or a negative errno. One thread at a time for one connection. No thread and no signal handler of its own. Each
 * call has a form that does not wait: fill in a request, fhc_send() it, and fhc_dispatch() when fhc_fd() is readable.
 * Should the server restart, the next call connects again and shows it the buffers that this side still has (fhc_keep()).
 */
#ifndef FREEHOLD_CLIENT_H
#define FREEHOLD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FHC_NAME_MAX 64

struct fhc;

/* path NULL: $FREEHOLD_SOCKET, else freehold.sock in $XDG_RUNTIME_DIR, else /run/freehold.sock. name: of this program in
 * read-outs. -ENOENT, -ECONNREFUSED: nobody there; -EACCES: not for this user; -EPROTO: not a freehold of this version; -EUSERS: it has
 * all the clients it takes. */
int fhc_connect(const char *path, const char *name, struct fhc **c);
/* Over a connected SOCK_SEQPACKET socket of the caller's, which is the connection's from now on. pid, name: whom the buffers are for; pid 0: this
 * process. */
int fhc_connect_fd(int fd, int64_t pid, const char *name, struct fhc **c);
/* What it holds for the server ends; descriptors stay the caller's. */
void fhc_close(struct fhc *c);
/* Another one once it has connected again; -1: the server is gone. */
int fhc_fd(const struct fhc *c);

struct fhc_heap {
	char name[FHC_NAME_MAX];
	uint64_t total, used, limit; /* bytes; total 0: as much as there is; limit 0: none */
	uint32_t kind, traits;	     /* freehold/heap.h */
};
/* By number from 0; -ENOENT past the last. */
int fhc_heap_nth(struct fhc *c, unsigned int n, struct fhc_heap *heap);

struct fhc_buffer {
	int fd;
	uint64_t
		id; /* the server's number of it; the low 40 bits are its inode number in read-outs */
	uint64_t size; /* bytes, whole pages */
};
/* fd_flags: O_RDONLY, O_WRONLY or O_RDWR, and O_CLOEXEC. -EINVAL: len 0, other flags; -ENOENT: no such heap; -ENOMEM; -EDQUOT: over a
 * limit; -EMFILE; -ESHUTDOWN: the server is draining. */
int fhc_alloc(struct fhc *c, const char *heap, uint64_t len, int fd_flags, struct fhc_buffer *buf);
/* A descriptor that came from elsewhere becomes known as this program's, too; *buf.fd is fd itself. -EINVAL: no buffer of this server. */
int fhc_import(struct fhc *c, int fd, struct fhc_buffer *buf);
/* It is not this program's any more, as far as the server counts. The caller closes his descriptor. -ENOENT: it is not known as this
 * program's; also when he closed it before and nobody else had it. */
int fhc_free(struct fhc *c, uint64_t id);
/* The same and close(buf->fd), in the order that is cheapest; nothing is waited for. */
int fhc_release(struct fhc *c, struct fhc_buffer *buf);

/* Another descriptor of a buffer that this program has, to pass on: an open of its own, which counts as somebody who has the buffer until it is
 * closed everywhere. fd_flags as fhc_alloc()'s: with O_RDONLY the receiver can look, and the kernel refuses him a map for writing. -EACCES:
 * this program has the buffer by descriptors for reading alone, and asks for one to write (or the other way round); -ENOENT: it is not known
 * as this program's; -EINVAL: other flags; -EMFILE. */
int fhc_export(struct fhc *c, uint64_t id, int fd_flags, int *fd);

/* All of the buffer in memory: PROT_READ, or PROT_READ | PROT_WRITE. The map is the connection's, whatever becomes of the descriptor, until
 * fhc_unmap() or fhc_close(). -EINVAL: another prot, an empty buffer; -EACCES: not by this descriptor; -EBADF; -ENOMEM. */
int fhc_map(struct fhc *c, const struct fhc_buffer *buf, int prot, void **at);
/* -EINVAL: no map of fhc_map() begins there. */
int fhc_unmap(struct fhc *c, void *at);

/* ---- what was written ---- */

/*
 * From now on what is written through fhc_map()s is counted, by the page of 4096 bytes (2 MiB where buffers are of huge pages): a page that
 * is written any number of times between two looks counts once, whole. Who writes does not matter: this program's threads, or the kernel for it
 * (read() into a map). Looked at, and told to the server, which shows it: at fhc_sync() with END and WRITE, fhc_written(), fhc_unmap(), fhc_free() and
 * fhc_release(). What was written before it was turned on, by way of other maps, by a child after fork(), or after the last look of a program that dies, is
 * not counted. Off: what was written until now is told.
 * -EOPNOTSUPP: this kernel cannot tell (Linux before 6.7, or userfaultfd forbidden). Then a buffer with a map for writing counts whole at each
 * fhc_sync() with END and WRITE, and read-outs say so; so it is also, without an error here, with buffers that are another driver's DMA-BUFs.
 * -ENOMEM, -EMFILE, -ENFILE: nothing is counted.
 */
int fhc_count_writes(struct fhc *c, bool on);
/* Bytes, by this program, as long as it has held the buffer. -ENOENT: it is not known as this program's. */
int fhc_written(struct fhc *c, uint64_t id, uint64_t *bytes);

/* What the server counts of this program; bytes but for the first. */
struct fhc_usage {
	uint64_t buffers;
	uint64_t held;	       /* of all buffers that it has */
	uint64_t charged;      /* of those that it is charged for */
	uint64_t charged_peak; /* the most that was */
	uint64_t limit;	       /* of what it may be charged for; 0: none */
	uint64_t written;      /* into all buffers that it ever had */
};
int fhc_get_usage(struct fhc *c, struct fhc_usage *usage);

struct fhc_info {
	uint64_t id, size;
	uint64_t holders; /* programs that are known to hold it */
	char exp_name[FHC_NAME_MAX], name[FHC_NAME_MAX];
};
int fhc_get_info(struct fhc *c, uint64_t id, struct fhc_info *info);
/* At most 31 bytes; -EINVAL else. */
int fhc_set_name(struct fhc *c, uint64_t id, const char *name);

/* DMA_BUF_IOCTL_SYNC's flags (linux/dma-buf.h): READ, WRITE, START, END. Waits for the fences in its way. */
int fhc_sync(struct fhc *c, uint64_t id, uint64_t flags);

/*
 * Fences are descriptors that become readable (POLLIN) when the work is done: sync_files of this server, those of Linux's drivers, or
 * the read end of fhc_fence(). export: what a new reader (DMA_BUF_SYNC_READ) or writer (WRITE) has to wait for. import: who reads or
 * writes until that fence is done; the descriptor stays the caller's.
 */
int fhc_export_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int *fd);
int fhc_import_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int fd);
/* A fence of this program's: *fence to pass on and import, *signal to end it with fhc_signal(). If the program dies first the fence
 * ends with an error, and nobody waits for the dead. Without the server. */
int fhc_fence(int *fence, int *signal);
/* Closes `signal`. error: 0, or a negative errno that the work ended with. */
void fhc_signal(int signal, int error);
int fhc_sync_merge(struct fhc *c, const char *name, int fd1, int fd2, int *fd);

/* A file of the server's machine, as `freehold stat` reads it ("proc/meminfo"); its length in *len, more than size: cut. */
int fhc_read(struct fhc *c, const char *path, char *buf, size_t size, size_t *len);

/* ---- without waiting ---- */

enum fhc_op {
	FHC_HEAP,
	FHC_ALLOC,
	FHC_IMPORT,
	FHC_FREE,
	FHC_INFO,
	FHC_SET_NAME,
	FHC_SYNC,
	FHC_EXPORT_SYNC,
	FHC_IMPORT_SYNC,
	FHC_MERGE,
	FHC_SYNC_INFO,
	FHC_READ,
	FHC_EXPORT,
	FHC_WRITTEN,
	FHC_USAGE,
	FHC_NR_OPS,
};

/* What each takes: HEAP n; ALLOC name, size, flags; IMPORT fd; FREE, INFO id; SET_NAME id, name; SYNC, EXPORT_SYNC id, flags;
 * IMPORT_SYNC id, flags, fd; MERGE name, fd, fd2; SYNC_INFO fd; READ name; EXPORT id, flags (O_CLOEXEC whatever
 * they say); WRITTEN id; USAGE nothing. Unused ones 0, descriptors -1. */
struct fhc_request {
	enum fhc_op op;
	uint64_t id, size, flags;
	unsigned int n;
	int fd, fd2;
	const char *name;
};
struct fhc_reply {
	int err; /* 0 or negative */
	struct fhc_buffer
		buf; /* ALLOC, IMPORT; .fd alone: EXPORT_SYNC, MERGE, EXPORT. The receiver's to close */
	struct fhc_info info;
	struct fhc_heap heap;
	const void *
		data; /* READ, SYNC_INFO (struct sync_file_info and its fences); until done() returns */
	size_t len;
	uint64_t written;	/* WRITTEN */
	struct fhc_usage usage; /* USAGE */
};
typedef void fhc_done(void *arg, const struct fhc_reply *reply);

/* done(arg, reply) from fhc_dispatch(), once; with -ECONNRESET if the server is gone, from fhc_close() with -ECANCELED. -EAGAIN: the socket
 * is full, dispatch first. Descriptors may be closed when it returns. */
int fhc_send(struct fhc *c, const struct fhc_request *r, fhc_done *done, void *arg);
/* Takes all replies that are there. How many; -ECONNRESET. */
int fhc_dispatch(struct fhc *c);

/* This side keeps a descriptor of its own of what it allocates and imports, to show it to a server that has restarted; until fhc_free()
 * or fhc_release(). Off at first: with it, closing the program's own descriptor frees nothing. */
void fhc_keep(struct fhc *c, bool on);

#endif
