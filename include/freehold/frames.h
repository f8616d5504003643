/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames from one program to others, in a ring of buffers that each of them sees once.
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
 * A frame is a message of a few words and, if the bytes are not there yet, an *acquire* fence: a descriptor that becomes readable when they are.
 * A consumer answers when it is done, or, if it promises to be done, at once with a *release* fence. The producer has a slot
 * again when each consumer has answered and each promise is kept. A fence is the end of a pipe, so who dies ends his: nobody waits for the dead.
 *
 * Who is slow: a consumer has at most as many frames at a time as it said (`depth`); with so many it is sent no more, and the others are. A producer that finds no
 * free slot drops its frame (a camera) or waits for fhc_out_fd() (a file). Who is hostile: a consumer can read, no more; a message that is none ends
 * its connection, and only that. What a consumer maps can neither shrink nor vanish, whatever the producer does, until it has released it.
 *
 * Calls return 0 or a negative errno and wait for nothing, but fhc_fence_wait(). One thread at a time for one end. No thread and no signal
 * handler of their own. freehold/client.h has buffers and fences; the server has no part in frames and need not run.
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

/* Of a picture: DRM's fourcc and modifier (drm_fourcc.h), bytes from the begin of the buffer and from line to line. */
struct fhc_format {
	uint32_t fourcc, width, height, nr_planes;
	uint64_t modifier;
	uint32_t offset[FHC_PLANES], stride[FHC_PLANES];
};
#define FHC_FOURCC(a, b, c, d)                                                                     \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define FHC_NV12 FHC_FOURCC('N', 'V', '1', '2')

/* Planes one behind the other, lines without gaps, modifier 0; the bytes of it in *size. -EOPNOTSUPP: NV12, NV21, NV16, YU12, YV12,
 * YUYV, UYVY, XR24, AR24, XB24, AB24, RG24, BG24 and R8 are known; -EINVAL: no size, or an odd one where colour is shared; above 65,536. */
int fhc_format_fill(struct fhc_format *format, uint32_t fourcc, uint32_t width, uint32_t height,
		    uint64_t *size);
/* Whether all of it lies in so many bytes. Of a fourcc that is not known, or a modifier, one line a plane is looked at. */
bool fhc_format_fits(const struct fhc_format *format, uint64_t size);

struct fhc_frame {
	uint32_t slot;
	bool fresh; /* to a consumer: the first in this buffer; what was in the slot before is gone */
	uint64_t seq;	  /* the producer's number of it */
	uint64_t time_ns; /* CLOCK_MONOTONIC, of the picture */
	uint64_t user[8]; /* whatever both sides agree on */
	int fence;	  /* acquire; -1: the bytes are there */
};

/* ---- fences, wherever they come from ---- */

/* 1: it has ended well; 0: not yet; else how it ended, -EIO: who was to end it is dead. It stays as it is, for others. */
int fhc_fence_state(int fence);
/* Waits until it has ended; ms < 0: for ever. 0, or how it ended; -ETIMEDOUT; -EINTR. fence -1: 0. */
int fhc_fence_wait(int fence, int ms);

/* ---- the producer ---- */

struct fhc_out;

int fhc_out_create(struct fhc_out **o);
/* Where consumers come, a socket for this user only (0600), which goes with fhc_out_close(). -EADDRINUSE: somebody answers there; what nobody answers is
 * replaced. -ENAMETOOLONG; -EALREADY: it listens. */
int fhc_out_listen(struct fhc_out *o, const char *path);
/* One consumer, over a connected SOCK_SEQPACKET socket, which is the ring's from now on. -EUSERS: it has FHC_CONSUMERS. */
int fhc_out_adopt(struct fhc_out *o, int fd);
/* Readable when fhc_out_dispatch() has something to do. Always the same one. */
int fhc_out_fd(const struct fhc_out *o);
/* Takes consumers, answers, deaths, fences. How many of these; -errno: the host refused. */
int fhc_out_dispatch(struct fhc_out *o);

/* The slot has this buffer from now on: each consumer is shown it before its first frame in it. size, id as in *buf. fd: a descriptor for
 * *reading* (fhc_export()), which is the ring's from now on, and closed in case of an error, too. -EACCES: it can be written through; -EBUSY: somebody has the slot;
 * -EINVAL: no such slot, the format does not fit. */
int fhc_out_show(struct fhc_out *o, uint32_t slot, const struct fhc_format *format,
		 const struct fhc_buffer *buf, int fd);
/* The slot has none; consumers let go of it. -EBUSY: somebody reads it still. */
int fhc_out_hide(struct fhc_out *o, uint32_t slot);
/* Whether nobody has it. */
bool fhc_out_is_free(const struct fhc_out *o, uint32_t slot);
/* A slot that has a buffer and is free, in turn; -EAGAIN: none is now. */
int fhc_out_next(struct fhc_out *o);
/* Whether every consumer that is there would take a frame now; true without any. Who must not lose one waits for it. */
bool fhc_out_ready(const struct fhc_out *o);
/* To all that have fewer than their depth. How many got it, 0 too. f->fence stays the caller's. -EBUSY: somebody has the slot; -EINVAL: there is no buffer in it. */
int fhc_out_send(struct fhc_out *o, const struct fhc_frame *f);
/* No more frames will come: consumers are told, after what they were sent. */
void fhc_out_end(struct fhc_out *o);
/* Consumers that have not been told the end see -ECONNRESET. What they have they keep until they let go. */
void fhc_out_close(struct fhc_out *o);

struct fhc_out_stats {
	unsigned int consumers; /* that are there now */
	uint64_t sent,
		skipped; /* a frame to a consumer; not sent, because it had its depth or did not read */
	uint64_t came, left,
		broken; /* connections; of those that left, cut off for a bad message */
};
void fhc_out_get_stats(const struct fhc_out *o, struct fhc_out_stats *stats);

/* ---- a consumer ---- */

struct fhc_in;

/* name: to the producer, at most 31 bytes. depth: frames that it has at a time, at most; 0: as many as there are. -ENOENT, -ECONNREFUSED, -EAGAIN: nobody there
 * now. Its first frame is the next one. */
int fhc_in_connect(const char *path, const char *name, uint32_t depth, struct fhc_in **i);
/* Over a connected SOCK_SEQPACKET socket, which is the connection's from now on. */
int fhc_in_adopt(int fd, const char *name, uint32_t depth, struct fhc_in **i);
/* Readable when fhc_in_next() has something to do. Always the same one. */
int fhc_in_fd(const struct fhc_in *i);
/* The next frame; f->fence is the caller's to close. -EAGAIN: none yet; -ENODATA: the producer has ended; -ECONNRESET: it is gone without a word; -EPROTO: it said what
 * no producer says; -EUSERS: it has all the consumers it takes. After one of the last four always the same one; frames that are had stay until they are released. */
int fhc_in_next(struct fhc_in *i, struct fhc_frame *f);
/* What the slot has: buf->fd stays the connection's, for reading only. -ENOENT: nothing. */
int fhc_in_buffer(const struct fhc_in *i, uint32_t slot, struct fhc_buffer *buf,
		  struct fhc_format *format);
/* Maps it, for reading; the second time the same. Until the producer hides it, and not while this side has a frame in it. -ENOENT: the slot has nothing. */
int fhc_in_map(struct fhc_in *i, uint32_t slot, const void **at);
/* Tells the producer now that the frame will be released: by this fence, which stays the caller's (-1: one that fhc_in_release() ends). Once a frame. -ENOENT: this
 * side has none in the slot; -EALREADY; -EINVAL: no fence. */
int fhc_in_promise(struct fhc_in *i, uint32_t slot, int fence);
/* This side reads it no more; to be called after a promise, too. -ENOENT. */
int fhc_in_release(struct fhc_in *i, uint32_t slot);
/* Releases all, unmaps all. */
void fhc_in_close(struct fhc_in *i);

#ifdef __cplusplus
}
#endif

#endif
