/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A ring of frames with buffers of its own and no server, for tests. */
#ifndef TESTS_LIB_FRAMESTEST_H
#define TESTS_LIB_FRAMESTEST_H

#include <freehold/frames.h>

#define FRAMES_WIDTH  64
#define FRAMES_HEIGHT 32
#define FRAMES_BYTES  4096 /* of a buffer */

struct frames_pair {
	struct fhc_out *out;
	struct fhc_in *in; /* NULL: none */
	unsigned int nr;
	int fd[FHC_SLOTS]; /* the producer's own, for writing */
	unsigned char *bytes[FHC_SLOTS];
	int raw_memfd;	   /* a descriptor that is no fence */
	int fence, signal; /* of frames_pending(); -1 */
};

/* halved: an NV12 picture of half the width. */
struct fhc_format frames_format(int halved);
int frames_memfd(uint64_t size, bool sealed);
/* Another open of it, for reading. */
int frames_reading(int fd);
/* A ring of so many buffers, with one consumer that is known. */
struct frames_pair frames_pair(unsigned int slots, uint32_t depth);
/* The same with sockets that have room for few messages. */
struct frames_pair frames_pair_small(unsigned int slots);
/* A producer with a ring and no consumer. */
struct frames_pair frames_ring(unsigned int slots);
void frames_pair_end(struct frames_pair *p);
/* One more consumer, known to the producer. */
struct fhc_in *frames_consumer(struct fhc_out *out, uint32_t depth);
/* A fence that is not done before frames_pair_end(). */
int frames_pending(struct frames_pair *p);
/* The consumer's socket, of the last one that was made. */
int frames_socket(void);
/* A socket's file that nobody listens to. */
int frames_stale(const char *path);

#endif
