/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Text into a buffer: the part of printf that read-outs and messages use, without a libc. */
#ifndef FH_BASE_FMT_H
#define FH_BASE_FMT_H

#include <stdarg.h>
#include <freehold/types.h>

/*
 * Formats into buf[size], always ends it with NUL when size > 0, and returns the length the whole
 * text has, as snprintf does. Conversions: %% %c %s %d %i %u %x %X %p with - 0 # width .precision *
 * and the lengths h l ll z. An unknown conversion is copied as it stands.
 */
size_t fh_snprintf(char *buf, size_t size, const char *fmt, ...) FH_PRINTF(3, 4);
size_t fh_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) FH_PRINTF(3, 0);

/* A text that grows in a fixed buffer; `len` is what it would be, so len >= size means cut. */
struct fh_text {
	char *buf;
	size_t size, len;
};

void fh_text_add(struct fh_text *t, const char *fmt, ...) FH_PRINTF(2, 3);

#endif
