/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How the kernel was built: from the text of its configuration to the figures of one version. */
#ifndef FH_BOOT_KCONFIG_H
#define FH_BOOT_KCONFIG_H

#include <freehold/boot.h>

/* Orders and number of areas of cfg->kernel, once cfg->like is final; nothing without boot_config_kconfig(). -FH_EINVAL: a value
 * that this version cannot be built with. */
FH_MUST_CHECK int kconfig_settle(struct boot_config *cfg, struct boot_why *why);

#endif
