/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What <freehold/boot.h> promises of a finished boot_config, asked of one. */
#ifndef FH_TEST_BOOT_CHECK_H
#define FH_TEST_BOOT_CHECK_H

#include <freehold/boot.h>

/* NULL, or the promise that is broken. */
const char *boot_check(const struct boot_config *cfg);

/* The same of a device of its tree. */
const char *boot_device_check(const struct boot_config *cfg, const struct boot_device *dev);
/* Of the list of devices; NULL, or what is broken. */
const char *boot_devices_list_check(const void *tree, size_t size, const struct boot_config *cfg);
/* Of that, and of all nodes of the tree by path: for a tree of thousands of nodes, seconds. */
const char *boot_devices_check(const void *tree, size_t size, const struct boot_config *cfg);

#endif
