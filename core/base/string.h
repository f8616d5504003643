/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The four functions a compiler may call anyway, and the few string helpers the core needs. */
#ifndef FH_BASE_STRING_H
#define FH_BASE_STRING_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

static inline size_t fh_strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static inline bool fh_streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Copies at most size - 1 characters and ends with NUL; returns whether all of src fitted. */
static inline bool fh_strcopy(char *dst, const char *src, size_t size)
{
	size_t i = 0;

	for (; src[i] && i + 1 < size; i++)
		dst[i] = src[i];
	dst[i] = '\0';
	return !src[i];
}

#endif
