/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Elements that negotiate and use buffers as v4l2src and v4l2sink do with io-mode=dmabuf-import, without a device. */
#ifndef FREEHOLD_TESTS_GST_SHAPES_H
#define FREEHOLD_TESTS_GST_SHAPES_H

/* Registers importsrc and importsink. */
void shapes_register(void);

#endif
