/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * freehold-client - buffers of `freehold serve`, for programs
 *
 * A buffer is a file descriptor: map it, pass it on by SCM_RIGHTS, close it. When the last descriptor and mapping of it anywhere are gone,
 * its memory goes back to its heap, so a program may be killed at any instant. A descriptor gives access to that buffer alone, which can be
 * neither grown nor shrunk.
 *
 * Calls return 0 or a negative errno. One thread at a time for one connection; after fork() it is the parent's. The library has no thread and
 * no signal handler, and changes nothing of the process. Each call that asks the server has a form that does not wait: fill in a request,
 * fhc_send() it, and fhc_dispatch() when fhc_fd() is readable. An argument that is not to be NULL, and is, is the caller's mistake, and not
 * looked for.
 *
 * Errors that every call which asks the server may have, beside its own:
 *	-ECONNRESET: the server is gone, and nobody knows whether it did what it was asked
 *	-ENOENT, -ECONNREFUSED, -EACCES, -EPROTO, -EUSERS: the connection was lost before, and fhc_connect() cannot make another now
 *	-EMFILE, -ENFILE: no descriptor is left here or there; -ENOMEM: no memory
 *	-EINVAL: the server does not take that
 * After -ECONNRESET the next call connects again, and shows the server that is there then what fhc_keep() kept. A connection that was handed
 * over by fhc_connect_fd() is not made again: each call is -ECONNRESET from then on.
 *
 * The soname is libfreehold-client.so.0 until 1.0, and changes with any change that is not an addition at the end. Of the interface are also
 * the sizes, in bytes on 64-bit machines: struct fhc_buffer 24, fhc_heap 96, fhc_info 152, fhc_usage 48, fhc_request 56, fhc_reply 352. What
 * is given to the library is to be zero where nothing else is said, so that fields can be added.
 *
 * Example:
 *	err = fhc_connect(NULL, "camera", &c);
 *	if (!err)
 *		err = fhc_alloc(c, "system", size, O_RDWR | O_CLOEXEC, &buf);
 *	if (!err)
 *		err = fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at);
 *	...
 *	fhc_release(c, &buf);
 *	fhc_close(c);
 *
 * See also: fhc_connect, fhc_alloc, fhc_map, fhc_export, fhc_fence, fhc_send, freehold-serve(1), freehold-stat(1)
 */
#ifndef FREEHOLD_CLIENT_H
#define FREEHOLD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FHC_NAME_MAX 64 /* bytes of a name, with the end */

struct fhc;

/*
 * fhc_connect, fhc_connect_fd, fhc_close - begin and end a connection to a server
 *
 * fhc_connect() connects to the socket `path`; NULL: $FREEHOLD_SOCKET, else freehold.sock in $XDG_RUNTIME_DIR, else /run/freehold.sock.
 * `name` is what this program is called in read-outs (at most 63 bytes, the rest is cut off; NULL: nothing).
 *
 * fhc_connect_fd() takes a connected SOCK_SEQPACKET socket of the caller's, which is the connection's from then on, also when this fails.
 * `pid` and `name` say whom the buffers are for; pid 0: this process. Another's number is taken from the same user and from root.
 *
 * fhc_close() ends it: what this program holds is held no more, as far as the server counts, maps of fhc_map() are unmapped, and who waits
 * for a reply gets -ECANCELED. Descriptors stay the caller's. NULL is let pass.
 *
 * Returns: 0 and *c, or an error and *c is NULL.
 *
 * Errors:
 *	-ENOENT, -ECONNREFUSED: nobody is there
 *	-EACCES: not for this user, or not for that pid
 *	-EPROTO: what is there is no freehold, or not one of this version
 *	-EUSERS: it has all the clients that it takes
 *	-EBADF, -ENOTSOCK: that is no descriptor, or no socket (fhc_connect_fd())
 *	-ENAMETOOLONG: the path is longer than a socket's can be
 *	-ENOMEM, -EMFILE, -ENFILE: this process can have no more
 *
 * Example:
 *	err = fhc_connect(NULL, "camera", &c);
 *	if (err)
 *		errx(1, "no server: %s", strerror(-err));
 *
 * See also: freehold-client, fhc_keep, freehold-serve(1)
 */
int fhc_connect(const char *path, const char *name, struct fhc **c);
int fhc_connect_fd(int fd, int64_t pid, const char *name, struct fhc **c);
void fhc_close(struct fhc *c);

/*
 * fhc_heap_nth - which heaps there are
 *
 * Heaps are numbered from 0, in the order of their making. `total` is 0 if the heap has as much as there is, `limit` is 0 if there is none;
 * `kind` and `traits` are those of freehold/heap.h.
 *
 * Returns: 0 and *heap.
 *
 * Errors:
 *	-ENOENT: there are not so many
 *
 * Example:
 *	for (unsigned int n = 0; !fhc_heap_nth(c, n, &heap); n++)
 *		printf("%s: %ju bytes used\n", heap.name, (uintmax_t)heap.used);
 *
 * See also: fhc_alloc, fhc_get_usage
 */
struct fhc_heap {
	char name[FHC_NAME_MAX];
	uint64_t total, used, limit; /* bytes */
	uint32_t kind, traits;
};
int fhc_heap_nth(struct fhc *c, unsigned int n, struct fhc_heap *heap);

/*
 * fhc_alloc - a new buffer
 *
 * Of a heap by its name, at least `len` bytes, in whole pages; all are zero. `fd_flags` is O_RDONLY, O_WRONLY or O_RDWR, and O_CLOEXEC or
 * not: what the descriptor can be used for. Who made a buffer may fhc_export() others all the same. The descriptor is the caller's; `id` is
 * the server's number of the buffer, whose low 40 bits are its inode number in read-outs.
 *
 * Returns: 0 and *buf.
 *
 * Errors:
 *	-EINVAL: `len` is 0 or more than any memory, or other flags
 *	-ENOENT: no heap of that name
 *	-ENOMEM: the heap has no room
 *	-EDQUOT: the heap or this program would have more than its limit
 *	-EMFILE: no descriptor is left
 *	-ESHUTDOWN: the server is draining
 *
 * Example:
 *	err = fhc_alloc(c, "default_cma_region", 1920 * 1080 * 3 / 2, O_RDWR | O_CLOEXEC, &buf);
 *
 * See also: fhc_map, fhc_release, fhc_export, fhc_heap_nth
 */
struct fhc_buffer {
	int fd;
	uint64_t id;
	uint64_t size; /* bytes, whole pages */
};
int fhc_alloc(struct fhc *c, const char *heap, uint64_t len, int fd_flags, struct fhc_buffer *buf);

/*
 * fhc_import - show the server a descriptor that came from elsewhere
 *
 * The buffer becomes known as this program's, too, by which it may be named from then on, and is counted among what it holds. buf->fd is `fd`
 * itself, the caller's as before. To map or read a buffer that was passed on, nobody has to import it. Imported twice it is held twice.
 *
 * Returns: 0 and *buf.
 *
 * Errors:
 *	-EINVAL: that is no buffer of this server
 *	-EBADF: that is no descriptor
 *	-EDQUOT: this program holds all the buffers it may
 *
 * See also: fhc_free, fhc_export
 */
int fhc_import(struct fhc *c, int fd, struct fhc_buffer *buf);

/*
 * fhc_free, fhc_release - a buffer is not this program's any more
 *
 * As far as the server counts: descriptors and maps are what they were, and while there are any the memory stays. After fhc_free() the caller
 * closes his descriptor, and maps end with fhc_unmap(). fhc_release() does the same and close(buf->fd), in the order that is cheapest, and
 * waits for nothing.
 *
 * Returns: 0. fhc_release() also without a server: then nobody counts.
 *
 * Errors:
 *	-ENOENT: it is not known as this program's; also when he closed it before and nobody else had it (fhc_free() only)
 *
 * See also: fhc_alloc, fhc_import, fhc_unmap
 */
int fhc_free(struct fhc *c, uint64_t id);
int fhc_release(struct fhc *c, struct fhc_buffer *buf);

/*
 * fhc_export - another descriptor of a buffer, to pass on
 *
 * An open of its own, which counts as somebody who has the buffer until it is closed everywhere. `fd_flags` is as fhc_alloc()'s: with
 * O_RDONLY the receiver can look, and the kernel refuses him a map for writing. That keeps programs from mistakes, not from ill will: who may
 * open /proc/self/fd/N may open it for writing.
 *
 * Returns: 0 and *fd, the caller's.
 *
 * Errors:
 *	-ENOENT: the buffer is not known as this program's
 *	-EACCES: this program imported it by a descriptor that can do less
 *	-EINVAL: other flags
 *	-EMFILE: no descriptor is left
 *
 * Example:
 *	err = fhc_export(c, buf.id, O_RDONLY | O_CLOEXEC, &fd);
 *	if (!err)
 *		send_fd(to_display, fd);
 *	close(fd);
 *
 * See also: fhc_import, fhc_map
 */
int fhc_export(struct fhc *c, uint64_t id, int fd_flags, int *fd);

/*
 * fhc_map, fhc_unmap - a buffer in memory
 *
 * All of it, `prot` PROT_READ, or PROT_READ | PROT_WRITE. The map is the connection's, whatever becomes of the descriptor or the server,
 * until fhc_unmap() or fhc_close(). mmap(2) of the descriptor does as well, but for fhc_count_writes().
 *
 * Returns: 0 and *at.
 *
 * Errors:
 *	-EINVAL: another prot, or a buffer of no size; fhc_unmap(): no map of fhc_map() begins there
 *	-EACCES: the descriptor cannot do that
 *	-EBADF: `buf->fd` is no descriptor
 *	-ENOMEM: this process can have no more maps
 *
 * Example:
 *	err = fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at);
 *	if (!err)
 *		memset(at, 0x80, buf.size);
 *
 * See also: fhc_sync, fhc_count_writes
 */
int fhc_map(struct fhc *c, const struct fhc_buffer *buf, int prot, void **at);
int fhc_unmap(struct fhc *c, void *at);

/* ---- what was written ---- */

/*
 * fhc_count_writes, fhc_written - how many bytes this program writes into its buffers
 *
 * With `on`, what is written from then on through maps of fhc_map() is counted, by the page: 4096 bytes (2 MiB where buffers are of huge
 * pages). A page that is written any number of times between two looks counts once, whole. Who writes does not matter, threads of this
 * program or the kernel for it (read(2) into a map). The maps are looked at, and the server is told, at fhc_sync() with END and WRITE,
 * fhc_written(), fhc_unmap(), fhc_free() and fhc_release(). Read-outs of the server show it: `freehold stat users`,
 * /sys/kernel/debug/freehold/holders and buffers.
 *
 * Not counted is what was written before, through other maps, by a child after fork(), or between the last look and the death of a program;
 * nor what a device or io_uring writes by a pin that is older than the look. Without `on`, what was written until now is told, and counting
 * ends.
 *
 * A kernel that cannot tell (Linux before 6.7, or userfaultfd(2) forbidden) is -EOPNOTSUPP, and counting is on all the same: a buffer with a
 * map for writing counts whole at each fhc_sync() with END and WRITE, and read-outs say so (`whole`, `~`). So it is, without an error, with
 * single buffers that are another driver's DMA-BUFs.
 *
 * The price: the first write to a page after each look is a fault, which the kernel handles by itself.
 *
 * fhc_written() has the sum for one buffer, as long as this program has held it; with fhc_keep() it outlives the server.
 *
 * Returns: 0; fhc_written() also *bytes.
 *
 * Errors:
 *	-EOPNOTSUPP: what is declared is counted, see above (fhc_count_writes())
 *	-ENOMEM, -EMFILE, -ENFILE: nothing is counted (fhc_count_writes())
 *	-ENOENT: the buffer is not known as this program's (fhc_written())
 *
 * Example:
 *	err = fhc_count_writes(c, true);
 *	if (err == -EOPNOTSUPP)
 *		warnx("writes are counted as they are declared");
 *
 * See also: fhc_map, fhc_sync, fhc_get_usage, userfaultfd(2), freehold-stat(1)
 */
int fhc_count_writes(struct fhc *c, bool on);
int fhc_written(struct fhc *c, uint64_t id, uint64_t *bytes);

/*
 * fhc_get_usage - what the server counts of this program
 *
 * Who allocated a buffer is charged for it; when he lets go, who has held it longest is.
 *
 * Returns: 0 and *usage.
 *
 * Errors: none of its own
 *
 * Example:
 *	err = fhc_get_usage(c, &usage);
 *	if (!err)
 *		printf("%ju bytes in %ju buffers\n", (uintmax_t)usage.held, (uintmax_t)usage.buffers);
 *
 * See also: fhc_count_writes, fhc_get_info, freehold-stat(1)
 */
struct fhc_usage {
	uint64_t buffers;      /* held; all below in bytes */
	uint64_t held;	       /* together */
	uint64_t charged;      /* of these */
	uint64_t charged_peak; /* the most that was */
	uint64_t limit;	       /* of what may be charged; 0: none */
	uint64_t written;      /* into all that it ever held */
};
int fhc_get_usage(struct fhc *c, struct fhc_usage *usage);

/* ---- what a buffer is called ---- */

/*
 * fhc_get_info - what the server knows of a buffer
 *
 * `exp_name` is its heap as read-outs name it, `name` what fhc_set_name() said, `holders` how many programs are known to hold it: those that
 * allocated or imported it.
 *
 * Returns: 0 and *info.
 *
 * Errors:
 *	-ENOENT: it is not known as this program's
 *
 * See also: fhc_set_name, fhc_read
 */
struct fhc_info {
	uint64_t id, size;
	uint64_t holders;
	char exp_name[FHC_NAME_MAX], name[FHC_NAME_MAX];
};
int fhc_get_info(struct fhc *c, uint64_t id, struct fhc_info *info);

/*
 * fhc_set_name - name a buffer, for read-outs
 *
 * At most 31 bytes, whatever they are; "" takes it away. Everybody who holds the buffer may.
 *
 * Returns: 0.
 *
 * Errors:
 *	-ENOENT: it is not known as this program's
 *	-EINVAL: the name is longer
 *
 * See also: fhc_get_info
 */
int fhc_set_name(struct fhc *c, uint64_t id, const char *name);

/* ---- who uses it until when ---- */

/*
 * fhc_sync - begin or end an access of the CPU
 *
 * `flags` are those of DMA_BUF_IOCTL_SYNC (linux/dma-buf.h): DMA_BUF_SYNC_START or END, with READ, WRITE or both. START waits for the fences
 * in its way: writers, and for WRITE readers too. END with WRITE also tells what was written (fhc_count_writes()). To wait in an event loop
 * use fhc_export_sync_file(), or FHC_SYNC of fhc_send().
 *
 * Returns: 0.
 *
 * Errors:
 *	-ENOENT: the buffer is not known as this program's
 *	-EINVAL: other flags, or neither READ nor WRITE
 *	-EBUSY: this program has all the requests that wait for fences that it may
 *
 * Example:
 *	err = fhc_sync(c, buf.id, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
 *	if (!err)
 *		memset(at, 0, buf.size);
 *	fhc_sync(c, buf.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
 *
 * See also: fhc_export_sync_file, fhc_fence, fhc_map
 */
int fhc_sync(struct fhc *c, uint64_t id, uint64_t flags);

/*
 * fhc_export_sync_file, fhc_import_sync_file - fences of a buffer, as descriptors
 *
 * A fence is a descriptor that becomes readable (POLLIN) when work is done: a sync_file of this server, one of Linux's drivers, or the read
 * end of fhc_fence(). fhc_export_sync_file() is what a new reader (`flags` DMA_BUF_SYNC_READ) or writer (WRITE, or both) has to wait for.
 * fhc_import_sync_file() says who reads or writes until that fence is done; `fd` stays the caller's. One of this server has four bytes to
 * read when it is done: 0, or the error as a negative number; it is hung up when who was to end it is dead.
 *
 * Returns: 0; fhc_export_sync_file() also *fd, the caller's.
 *
 * Errors:
 *	-ENOENT: the buffer is not known as this program's
 *	-EINVAL: other flags, or `fd` is no fence
 *	-EBADF: `fd` is no descriptor
 *	-EMFILE: this program has all the fences that it may
 *
 * Example:
 *	err = fhc_export_sync_file(c, buf.id, DMA_BUF_SYNC_READ, &fd);
 *	poller = (struct pollfd){.fd = fd, .events = POLLIN};
 *	poll(&poller, 1, -1);
 *
 * See also: fhc_fence, fhc_sync_merge, fhc_sync
 */
int fhc_export_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int *fd);
int fhc_import_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int fd);

/*
 * fhc_fence, fhc_signal - a fence of this program's own
 *
 * *fence is to pass on and to import, *signal ends it: fhc_signal() with 0, or with the negative errno that the work ended with, closes it.
 * If the program dies first, the fence ends with -EIO, and nobody waits for the dead. Neither asks the server, and *fence is the caller's to
 * close, at any time.
 *
 * Returns: 0, *fence and *signal.
 *
 * Errors:
 *	-EMFILE, -ENFILE: no descriptor is left
 *
 * Example:
 *	err = fhc_fence(&fence, &signal_fd);
 *	if (!err)
 *		err = fhc_import_sync_file(c, buf.id, DMA_BUF_SYNC_WRITE, fence);
 *	memset(at, 1, buf.size);
 *	fhc_signal(signal_fd, 0);
 *
 * See also: fhc_import_sync_file, fhc_sync_merge
 */
int fhc_fence(int *fence, int *signal);
void fhc_signal(int signal, int error);

/*
 * fhc_sync_merge - one fence for two
 *
 * It is done when both are; its error is the first of theirs. `name` is for read-outs, at most 31 bytes of it. Both descriptors stay the
 * caller's.
 *
 * Returns: 0 and *fd, the caller's.
 *
 * Errors:
 *	-EINVAL: one of them is no fence, or the name is longer than 63 bytes
 *	-EBADF: one of them is no descriptor
 *	-EMFILE: this program has all the fences that it may
 *
 * See also: fhc_fence, fhc_export_sync_file
 */
int fhc_sync_merge(struct fhc *c, const char *name, int fd1, int fd2, int *fd);

/* ---- the server's machine ---- */

/*
 * fhc_read - a read-out of the server's machine
 *
 * A file as `freehold stat` reads it: proc/meminfo, sys/kernel/debug/dma_buf/bufinfo, sys/kernel/debug/freehold/buffers; of a folder, what is
 * in it. *len is all its length; what does not fit into `size` bytes is cut off, without an end of string.
 *
 * Returns: 0 and *len.
 *
 * Errors:
 *	-ENOENT: there is no such file
 *
 * Example:
 *	err = fhc_read(c, "sys/kernel/debug/freehold/buffers", text, sizeof(text), &len);
 *	if (!err)
 *		fwrite(text, 1, len < sizeof(text) ? len : sizeof(text), stdout);
 *
 * See also: fhc_get_usage, freehold-stat(1)
 */
int fhc_read(struct fhc *c, const char *path, char *buf, size_t size, size_t *len);

/*
 * fhc_keep - outlive the server
 *
 * On: of what is allocated and imported from now on, this side keeps a descriptor of its own, until fhc_free() or fhc_release(). When a call
 * finds that the server has gone it is -ECONNRESET, and the next one connects again and shows the new server what was kept; numbers, maps and
 * bytes stay what they were, names and fences are gone. Off at first, for it has a price: closing one's own descriptor frees nothing then.
 *
 * See also: freehold-client, fhc_release, freehold-serve(1)
 */
void fhc_keep(struct fhc *c, bool on);

/* ---- without waiting ---- */

/*
 * fhc_send, fhc_dispatch, fhc_fd - ask without waiting
 *
 * fhc_send() sends a request. `done` is called with the reply from fhc_dispatch(), once; with -ECONNRESET if the server is gone, with
 * -ECANCELED from fhc_close(). Descriptors of the request may be closed as soon as fhc_send() returns. Replies may come in another order than
 * requests: a SYNC waits for fences, others do not wait for it. Calls that wait dispatch, too.
 *
 * fhc_dispatch() takes all replies that are there. fhc_fd() is the descriptor to poll for it (POLLIN): another one once it has connected
 * again, -1 while the server is gone.
 *
 * What each operation takes: HEAP n; ALLOC name, size, flags; IMPORT fd; FREE and INFO id; SET_NAME id, name; SYNC and EXPORT_SYNC id, flags;
 * IMPORT_SYNC id, flags, fd; MERGE name, fd, fd2; SYNC_INFO fd; READ name; EXPORT id, flags; WRITTEN id; USAGE nothing. What is not used is
 * 0, descriptors -1. They are the calls of the same names; a descriptor that comes with a reply is closed by an exec, whatever the flags say.
 *
 * What each brings: HEAP heap; ALLOC and IMPORT buf; EXPORT_SYNC, MERGE and EXPORT buf.fd; INFO info; READ and SYNC_INFO (struct
 * sync_file_info and its fences) data and len; WRITTEN written; USAGE usage. Descriptors are the receiver's, `data` is there until `done`
 * returns.
 *
 * Returns: fhc_send() 0, fhc_dispatch() how many replies it took, fhc_fd() a descriptor or -1.
 *
 * Errors:
 *	-EAGAIN: the socket is full, dispatch first (fhc_send())
 *	-EINVAL: there is no such operation
 *	-EBADF: a descriptor is none
 *	-ECONNRESET: the server is gone (fhc_dispatch())
 *
 * Example:
 *	request = (struct fhc_request){
 *		.op = FHC_ALLOC, .name = "system", .size = size, .flags = O_RDWR, .fd = -1, .fd2 = -1};
 *	err = fhc_send(c, &request, allocated, &buf);
 *	poller = (struct pollfd){.fd = fhc_fd(c), .events = POLLIN};
 *	if (poll(&poller, 1, -1) == 1)
 *		fhc_dispatch(c);
 *
 * See also: freehold-client, poll(2)
 */
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
struct fhc_request {
	enum fhc_op op;
	uint64_t id, size, flags;
	unsigned int n;
	int fd, fd2;
	const char *name;
};
struct fhc_reply {
	int err; /* 0 or negative */
	struct fhc_buffer buf;
	struct fhc_info info;
	struct fhc_heap heap;
	const void *data;
	size_t len;
	uint64_t written;
	struct fhc_usage usage;
};
typedef void fhc_done(void *arg, const struct fhc_reply *reply);
int fhc_send(struct fhc *c, const struct fhc_request *r, fhc_done *done, void *arg);
int fhc_dispatch(struct fhc *c);
int fhc_fd(const struct fhc *c);

#ifdef __cplusplus
}
#endif

#endif
