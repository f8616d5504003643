/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A ring whose buffers are a decoder's: what it has made is sent as it lies, and given back to it when nobody reads it any more. */
#ifndef FREEHOLD_DEMO_LENT_H
#define FREEHOLD_DEMO_LENT_H

#include "media.h"
#include "ring.h"

struct lent_slot {
	uint64_t id; /* of the buffer that consumers see there; 0: none */
	struct fhc_format format;
	void *held; /* the decoder's picture that is sent */
};

struct lent {
	struct ring *r;
	struct decoder *d;
	struct lent_slot slot[FHC_SLOTS];
};

/* Takes what consumers say; pictures that they have all released go back to the decoder. */
void lent_dispatch(struct lent *l);
/* The slot to send this picture in; its buffer is shown there. -EAGAIN: as many are sent as the ring may have. The picture is the ring's if there is a slot. */
int lent_slot(struct lent *l, const struct decoded *p);
/* All that are sent go back to the decoder, whoever reads them. */
void lent_close(struct lent *l);
/* Bytes of the pages that the picture's lines lie in. */
uint64_t lent_pages(const struct decoded *p);

#endif
