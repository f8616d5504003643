/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who pins pages: the machine's list of names, and the word of a frame that counts its pins.
 *
 * fh_frame.pins has the number of pins (bits 0 to 15), the number of one pinner with a name (16 to 23;
 * 0: none has one) and how many of the pins are his (24 to 31, at most 255: then as many or more). One word, so
 * that who reads it without a lock has a name and a count that belong together; and no memory beside it, so that
 * to pin by name fails no more often than to pin.
 *
 * Invariant O3: as many pins are his as there are, at most; he has a number exactly when some are.
 */
#ifndef FH_MM_PINNER_H
#define FH_MM_PINNER_H

#include <freehold/object.h>

struct fh_pinner {
	struct fh_pinner *next; /* of the machine's, the newest first; set before it is seen */
	unsigned int id;	/* from 1 */
	char name[FH_PINNER_NAME];
};

#define PINNER_MAX 255u

static inline uint32_t pins_count(uint32_t pins)
{
	return pins & 0xffff;
}

static inline unsigned int pins_pinner(uint32_t pins)
{
	return pins >> 16 & 0xff;
}

static inline uint32_t pins_his(uint32_t pins)
{
	return pins >> 24;
}

/* The word with one pin more, or less, by pinner `id`; 0: without a name. */
uint32_t pins_more(uint32_t pins, unsigned int id);
uint32_t pins_less(uint32_t pins, unsigned int id);

/* The name of a number, as long as the machine lives; NULL: 0. Takes no lock. */
const char *pinner_name(const struct fh_machine *m, unsigned int id);
void pinner_forget_all(struct fh_machine *m);

#endif
