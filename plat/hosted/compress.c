/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Compression of pages by liblz4, which bounds what it reads and writes and takes no memory. */
#include <lz4.h>
#include "state.h"

_Static_assert(FH_PAGE_SIZE <= LZ4_MAX_INPUT_SIZE, "a page is one block of LZ4");

size_t hosted_compress(void *ctx, const void *src, void *dst, size_t room)
{
	int n = LZ4_compress_default(src, dst, (int)FH_PAGE_SIZE, (int)room);

	(void)ctx;
	return n > 0 ? (size_t)n : 0;
}

int hosted_decompress(void *ctx, const void *src, size_t size, void *dst)
{
	int n = LZ4_decompress_safe(src, dst, (int)size, (int)FH_PAGE_SIZE);

	(void)ctx;
	return n == (int)FH_PAGE_SIZE ? 0 : -FH_EIO;
}
