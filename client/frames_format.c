/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How many bytes a picture has, and where. */
#include <errno.h>
#include "frames.h"

#define SIZE_MAX_PX 65536

/* A plane: bytes of a pixel of it, and how many of the picture's pixels share one, across and down. */
struct plane {
	uint8_t bytes, across, down;
};

struct known {
	uint32_t fourcc, nr;
	struct plane plane[3];
};

static const struct known known[] = {
	{FHC_NV12, 2, {{1, 1, 1}, {2, 2, 2}}},
	{FHC_FOURCC('N', 'V', '2', '1'), 2, {{1, 1, 1}, {2, 2, 2}}},
	{FHC_FOURCC('N', 'V', '1', '6'), 2, {{1, 1, 1}, {2, 2, 1}}},
	{FHC_FOURCC('Y', 'U', '1', '2'), 3, {{1, 1, 1}, {1, 2, 2}, {1, 2, 2}}},
	{FHC_FOURCC('Y', 'V', '1', '2'), 3, {{1, 1, 1}, {1, 2, 2}, {1, 2, 2}}},
	{FHC_FOURCC('Y', 'U', 'Y', 'V'), 1, {{4, 2, 1}}},
	{FHC_FOURCC('U', 'Y', 'V', 'Y'), 1, {{4, 2, 1}}},
	{FHC_FOURCC('X', 'R', '2', '4'), 1, {{4, 1, 1}}},
	{FHC_FOURCC('A', 'R', '2', '4'), 1, {{4, 1, 1}}},
	{FHC_FOURCC('X', 'B', '2', '4'), 1, {{4, 1, 1}}},
	{FHC_FOURCC('A', 'B', '2', '4'), 1, {{4, 1, 1}}},
	{FHC_FOURCC('R', 'G', '2', '4'), 1, {{3, 1, 1}}},
	{FHC_FOURCC('B', 'G', '2', '4'), 1, {{3, 1, 1}}},
	{FHC_FOURCC('R', '8', ' ', ' '), 1, {{1, 1, 1}}},
};

static const struct known *find(uint32_t fourcc)
{
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].fourcc == fourcc)
			return &known[i];
	return NULL;
}

static bool size_is_good(const struct fhc_format *f)
{
	return f->width && f->height && f->width <= SIZE_MAX_PX && f->height <= SIZE_MAX_PX;
}

int fhc_format_fill(struct fhc_format *format, uint32_t fourcc, uint32_t width, uint32_t height,
		    uint64_t *size)
{
	const struct known *k = find(fourcc);
	uint64_t at = 0;

	*format = (struct fhc_format){.fourcc = fourcc, .width = width, .height = height};
	if (!k)
		return -EOPNOTSUPP;
	if (!size_is_good(format))
		return -EINVAL;
	format->nr_planes = k->nr;
	for (uint32_t i = 0; i < k->nr; i++) {
		const struct plane *p = &k->plane[i];

		if (width % p->across || height % p->down || at > UINT32_MAX)
			return -EINVAL;
		format->offset[i] = (uint32_t)at;
		format->stride[i] = width / p->across * p->bytes;
		at += (uint64_t)format->stride[i] * (height / p->down);
	}
	*size = at;
	return 0;
}

bool fhc_format_fits(const struct fhc_format *f, uint64_t size)
{
	const struct known *k = f->modifier ? NULL : find(f->fourcc);

	if (!size_is_good(f) || !f->nr_planes || f->nr_planes > FHC_PLANES ||
	    (k && k->nr != f->nr_planes))
		return false;
	for (uint32_t i = 0; i < f->nr_planes; i++) {
		const struct plane *p = k ? &k->plane[i] : NULL;
		uint64_t rows = p ? (f->height + p->down - 1) / p->down : 1;
		uint64_t line = p ? ((uint64_t)f->width + p->across - 1) / p->across * p->bytes
				  : f->stride[i];

		if (line > f->stride[i] || !rows || f->offset[i] > size ||
		    (rows - 1) * f->stride[i] + line > size - f->offset[i])
			return false;
	}
	return true;
}
