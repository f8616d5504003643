/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Values as people write them: sizes, pages, video frames, times, rates, shares.
 *
 * Each call takes the whole text; true: *value is set, false: it is not such a value, or too large
 * for its type, and *value is unchanged.
 */
#ifndef FREEHOLD_TOOLS_VALUE_H
#define FREEHOLD_TOOLS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "12", "0x1f". */
bool value_number(const char *s, uint64_t *value);
/* "4096", "64K", "12M", "1G": bytes. */
bool value_size(const char *s, uint64_t *bytes);
/* "512pg": so many pages, in bytes. */
bool value_pages(const char *s, uint64_t *bytes);
/* "1080p:nv12", "4k:p010", "640x480:yuyv": bytes of one video frame, whole pages. */
bool value_frame(const char *s, uint64_t *bytes);
/* "250us", "3ms", "1.5s": nanoseconds. */
bool value_time(const char *s, uint64_t *ns);
/* "0.5", "25", "25/s", "3/min", "1440/day": how often a second, above 0 and at most 10^9 of its unit. */
bool value_rate(const char *s, double *per_second);
/* "1/1000": 1000, from 2 to 2^32 - 1; "0": 0. */
bool value_one_in(const char *s, uint64_t *n);
/* "12%", "0.5%": as a fraction, 0 to 1. */
bool value_share(const char *s, double *share);

#endif
