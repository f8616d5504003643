/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FH_BUF_HEAP_SYSTEM_H
#define FH_BUF_HEAP_SYSTEM_H

#include "buf/heap_buffer.h"

/* Frames of the buddy, in runs of 1 MiB, 64 KiB and 4 KiB. */
extern const struct heap_source heap_system_source;

#endif
