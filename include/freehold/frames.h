/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * freehold-frames - frames from one program to others, in a ring of buffers that each of them sees once
 *
 *	producer                                          consumer
 *	fhc_out_create(&o); fhc_out_listen(o, path)       fhc_in_connect(path, "display", 2, &i)
 *	fhc_out_show(o, slot, &format, &buf, fd)
 *	slot = fhc_out_next(o)          a free one        fhc_in_next(i, &f)           a frame, or -EAGAIN
 *	fhc_fence(&fence, &signal)                        fhc_in_map(i, f.slot, &at)   once a buffer, for reading
 *	fhc_out_send(o, &f)             f.fence = fence   fhc_fence_wait(f.fence, ms)  the bytes are there
 *	...writes..., fhc_signal(signal, 0)               ...reads..., fhc_in_release(i, f.slot)
 *	fhc_out_dispatch(o)             releases          poll fhc_in_fd(i)
 *	poll fhc_out_fd(o)
 *
 * A frame is a message of a few words and, if the bytes are not there yet, an acquire fence: a descriptor that becomes readable when they are.
 * A consumer answers when it is done, or, if it promises to be done, at once with a release fence. The producer has a slot again when each
 * consumer has answered and each promise is kept. A fence is the end of a pipe, so who dies ends his: nobody waits for the dead.
 *
 * Who is slow: a consumer has at most as many frames at a time as it said (its depth); with so many it is sent no more, and the others are. A
 * producer that finds no free slot drops its frame (a camera) or waits for fhc_out_fd() (a file). Who is hostile: a consumer can read, no
 * more; a message that is none ends its connection, and only that. What a consumer maps can neither shrink nor vanish, whatever the
 * producer does, until it has released it.
 *
 * Calls return 0 or a negative errno and wait for nothing, but fhc_fence_wait(). One thread at a time for one end. No thread and no signal
 * handler of their own. freehold/client.h has buffers and fences; the server has no part in frames and need not run.
 *
 * See also: fhc_out_create, fhc_out_show, fhc_out_send, fhc_in_connect, fhc_in_next, fhc_in_release, freehold-client
 */
#ifndef FREEHOLD_FRAMES_H
#define FREEHOLD_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <freehold/client.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FHC_SLOTS     32 /* of a ring, at most */
#define FHC_CONSUMERS 16 /* of a producer */
#define FHC_PLANES    4

#define FHC_FOURCC(a, b, c, d)                                                                     \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define FHC_NV12 FHC_FOURCC('N', 'V', '1', '2')

/*
 * fhc_format_fill, fhc_format_fits - where the lines of a picture are
 *
 * A format has DRM's fourcc and modifier (drm_fourcc.h), and for each plane the bytes from the begin of the buffer and from line to line.
 *
 * fhc_format_fill() makes one of planes one behind the other, lines without gaps, modifier 0; the bytes of all of it are *size. It knows NV12,
 * NV21, NV16, YU12, YV12, YUYV, UYVY, XR24, AR24, XB24, AB24, RG24, BG24 and R8.
 *
 * fhc_format_fits() says whether all of it lies in `size` bytes. Of a fourcc that is not known, or a modifier, one line a plane is looked at.
 *
 * Returns: 0, or an error; fhc_format_fits(): whether it does.
 *
 * Errors:
 *	-EOPNOTSUPP: another fourcc
 *	-EINVAL: no size, one above 65,536, or an odd one where lines or columns share colour
 *
 * Example:
 *	err = fhc_format_fill(&format, FHC_NV12, 1920, 1080, &size);
 *
 * See also: fhc_out_show, fhc_in_buffer
 */
struct fhc_format {
	uint32_t fourcc, width, height, nr_planes;
	uint64_t modifier;
	uint32_t offset[FHC_PLANES], stride[FHC_PLANES];
};
int fhc_format_fill(struct fhc_format *format, uint32_t fourcc, uint32_t width, uint32_t height,
		    uint64_t *size);
bool fhc_format_fits(const struct fhc_format *format, uint64_t size);

/* ---- fences, wherever they come from ---- */

/*
 * fhc_fence_state, fhc_fence_wait - whether a fence has ended, and how
 *
 * fhc_fence_state() looks, and leaves it as it is, for others. fhc_fence_wait() waits until it has ended, `ms` milliseconds at most, for ever if
 * that is negative. Fence -1 has ended well.
 *
 * Returns: fhc_fence_state(): 1 if it has ended well, 0 if it has not ended, else how it ended. fhc_fence_wait(): 0, or how it ended.
 *
 * Errors:
 *	-EIO: who was to end it is dead
 *	-ETIMEDOUT: it has not ended in that time
 *	-EINTR: a signal came
 *
 * See also: fhc_fence, fhc_in_next
 */
int fhc_fence_state(int fence);
int fhc_fence_wait(int fence, int ms);

/* ---- the producer ---- */

struct fhc_out;

/*
 * fhc_out_create, fhc_out_listen, fhc_out_adopt, fhc_out_end, fhc_out_close - a ring, from its begin to its end
 *
 * fhc_out_create() makes one without buffers and consumers. fhc_out_listen() makes a socket where consumers come, for this user only (0600),
 * which goes with fhc_out_close(); a socket that nobody answers is replaced. fhc_out_adopt() takes one consumer, over a connected
 * SOCK_SEQPACKET socket, which is the ring's from then on.
 *
 * fhc_out_end() says that no more frames will come; consumers are told, after what they were sent. fhc_out_close() ends it: consumers that have
 * not been told the end see -ECONNRESET, and what they have they keep until they let go. NULL is let pass.
 *
 * Returns: 0, or an error.
 *
 * Errors:
 *	-EADDRINUSE: somebody answers at that path
 *	-EALREADY: it listens already
 *	-ENAMETOOLONG: the path is longer than a socket's can be
 *	-EUSERS: it has FHC_CONSUMERS (fhc_out_adopt())
 *	-ENOMEM, -EMFILE, -ENFILE: this process can have no more
 *
 * See also: fhc_out_dispatch, fhc_out_show, fhc_in_connect
 */
int fhc_out_create(struct fhc_out **o);
int fhc_out_listen(struct fhc_out *o, const char *path);
int fhc_out_adopt(struct fhc_out *o, int fd);
void fhc_out_end(struct fhc_out *o);
void fhc_out_close(struct fhc_out *o);

/*
 * fhc_out_dispatch, fhc_out_fd - what consumers say
 *
 * fhc_out_dispatch() takes consumers, their answers, their deaths, and fences that have ended. fhc_out_fd() is readable when there is
 * something of that kind to do, and always the same descriptor.
 *
 * Returns: how many of these it took, or an error; fhc_out_fd(): the descriptor, which is the ring's.
 *
 * Errors:
 *	-ENOMEM, -EMFILE, -ENFILE: the host refused
 *
 * Example:
 *	poller = (struct pollfd){.fd = fhc_out_fd(o), .events = POLLIN};
 *	if (poll(&poller, 1, -1) > 0)
 *		err = fhc_out_dispatch(o);
 *
 * See also: fhc_out_next, fhc_out_send
 */
int fhc_out_dispatch(struct fhc_out *o);
int fhc_out_fd(const struct fhc_out *o);

/*
 * fhc_out_show, fhc_out_hide - which buffer a slot has
 *
 * fhc_out_show(): the slot has this buffer from now on; each consumer is shown it before its first frame in it. Its size and number are
 * those of *buf. `fd` is a descriptor of it for reading (fhc_export()), which is the ring's from then on, and closed in case of an
 * error, too. fhc_out_hide(): the slot has none, and consumers let go of what it had.
 *
 * Returns: 0, or an error.
 *
 * Errors:
 *	-EINVAL: no such slot, or the format does not fit into the buffer
 *	-EACCES: fd can be written through
 *	-EBUSY: somebody has the slot
 *
 * Example:
 *	err = fhc_export(c, buf.id, O_RDONLY | O_CLOEXEC, &fd);
 *	if (!err)
 *		err = fhc_out_show(o, 0, &format, &buf, fd);
 *
 * See also: fhc_export, fhc_format_fill, fhc_out_next
 */
int fhc_out_show(struct fhc_out *o, uint32_t slot, const struct fhc_format *format,
		 const struct fhc_buffer *buf, int fd);
int fhc_out_hide(struct fhc_out *o, uint32_t slot);

/*
 * fhc_out_next, fhc_out_is_free, fhc_out_ready - whether a frame can be made
 *
 * fhc_out_next() finds a slot that has a buffer and is free, in turn. fhc_out_is_free() says of one whether nobody has it. fhc_out_ready() says whether
 * every consumer that is there would take a frame now, and is true without any: who must not lose a frame waits for it.
 *
 * Returns: fhc_out_next(): the slot, or an error; the others: whether it is so.
 *
 * Errors:
 *	-EAGAIN: none is free now
 *
 * See also: fhc_out_fd, fhc_out_send
 */
int fhc_out_next(struct fhc_out *o);
bool fhc_out_is_free(const struct fhc_out *o, uint32_t slot);
bool fhc_out_ready(const struct fhc_out *o);

/*
 * fhc_out_send - a frame, to all that have room
 *
 * To all consumers that have fewer frames than their depth. It may be sent before its bytes are written: `fence` ends when they are (-1: they
 * are there), and stays the caller's. `seq` is the producer's number of it, `time_ns` the picture's CLOCK_MONOTONIC, `user` what both sides agree on.
 * `fresh` is for the consumer's side.
 *
 * Returns: how many got it, which may be none, or an error.
 *
 * Errors:
 *	-EINVAL: there is no buffer in that slot
 *	-EBUSY: somebody has the slot
 *
 * Example:
 *	f = (struct fhc_frame){.slot = (uint32_t)slot, .seq = seq};
 *	err = fhc_fence(&f.fence, &signal_fd);
 *	if (!err && fhc_out_send(o, &f) > 0)
 *		memset(at, 0x80, size);
 *	fhc_signal(signal_fd, 0);
 *
 * See also: fhc_fence, fhc_out_next, fhc_in_next
 */
struct fhc_frame {
	uint32_t slot;
	bool fresh; /* to a consumer: the first in this buffer; what was in the slot before is gone */
	uint64_t seq;
	uint64_t time_ns;
	uint64_t user[8];
	int fence;
};
int fhc_out_send(struct fhc_out *o, const struct fhc_frame *f);

/*
 * fhc_out_get_stats - what a ring has done
 *
 * `skipped` are frames not sent to a consumer that had its depth or did not read. `left` are connections that ended, `broken` those of
 * them that were cut off for a bad message.
 *
 * See also: fhc_out_send
 */
struct fhc_out_stats {
	unsigned int consumers; /* that are there now */
	uint64_t sent, skipped; /* a frame to a consumer */
	uint64_t came, left, broken;
};
void fhc_out_get_stats(const struct fhc_out *o, struct fhc_out_stats *stats);

/* ---- a consumer ---- */

struct fhc_in;

/*
 * fhc_in_connect, fhc_in_adopt, fhc_in_close - begin and end to see frames
 *
 * fhc_in_connect() connects to a producer's path, fhc_in_adopt() takes a connected SOCK_SEQPACKET socket, which is the connection's from then
 * on. `name` is what the producer knows this side by, at most 31 bytes. `depth` is how many frames this side has at a time, at most; 0:
 * as many as there are. The first frame is the producer's next one.
 *
 * fhc_in_close() releases all frames and unmaps all buffers. NULL is let pass.
 *
 * Returns: 0, or an error.
 *
 * Errors:
 *	-ENOENT, -ECONNREFUSED, -EAGAIN: nobody is there now
 *	-EACCES: not for this user
 *	-ENOMEM, -EMFILE, -ENFILE: this process can have no more
 *
 * Example:
 *	err = fhc_in_connect("/run/camera/frames", "display", 2, &i);
 *
 * See also: fhc_in_next, fhc_out_listen
 */
int fhc_in_connect(const char *path, const char *name, uint32_t depth, struct fhc_in **i);
int fhc_in_adopt(int fd, const char *name, uint32_t depth, struct fhc_in **i);
void fhc_in_close(struct fhc_in *i);

/*
 * fhc_in_next, fhc_in_fd - the next frame
 *
 * The frame's fence is the caller's to close. fhc_in_fd() is readable when fhc_in_next() has something to do, and always the same descriptor.
 * After an error other than -EAGAIN it is always the same one, and frames that are had stay until they are released.
 *
 * Returns: 0 and *f, or an error; fhc_in_fd(): the descriptor, which is the connection's.
 *
 * Errors:
 *	-EAGAIN: none yet
 *	-ENODATA: the producer has ended
 *	-ECONNRESET: it is gone without a word
 *	-EPROTO: it said what no producer says
 *	-EUSERS: it has all the consumers that it takes
 *
 * Example:
 *	err = fhc_in_next(i, &f);
 *	if (!err && !fhc_fence_wait(f.fence, 1000) && !fhc_in_map(i, f.slot, &seen))
 *		printf("frame %ju\n", (uintmax_t)f.seq);
 *
 * See also: fhc_fence_wait, fhc_in_map, fhc_in_release
 */
int fhc_in_next(struct fhc_in *i, struct fhc_frame *f);
int fhc_in_fd(const struct fhc_in *i);

/*
 * fhc_in_buffer, fhc_in_map - what a slot has
 *
 * fhc_in_buffer(): its buffer, whose descriptor stays the connection's and is for reading only, and its format. fhc_in_map() maps it, for
 * reading; the second time it is the same map. The map stays until the producer hides the buffer, and as long as this side has a frame in it.
 *
 * Returns: 0, or an error.
 *
 * Errors:
 *	-ENOENT: the slot has nothing
 *	-ENOMEM: it cannot be mapped
 *
 * See also: fhc_in_next
 */
int fhc_in_buffer(const struct fhc_in *i, uint32_t slot, struct fhc_buffer *buf,
		  struct fhc_format *format);
int fhc_in_map(struct fhc_in *i, uint32_t slot, const void **at);

/*
 * fhc_in_release, fhc_in_promise - a frame is done with
 *
 * fhc_in_release(): this side reads it no more; to be called after a promise, too. fhc_in_promise() tells the producer beforehand: by this
 * fence, which stays the caller's, or with -1 by one that fhc_in_release() ends. Once a frame.
 *
 * Returns: 0, or an error.
 *
 * Errors:
 *	-ENOENT: this side has no frame in that slot
 *	-EALREADY: it has been promised
 *	-EINVAL: that is no fence
 *
 * See also: fhc_in_next, fhc_fence
 */
int fhc_in_release(struct fhc_in *i, uint32_t slot);
int fhc_in_promise(struct fhc_in *i, uint32_t slot, int fence);

#ifdef __cplusplus
}
#endif

#endif
