/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a tree keeps of an IOMMU's addresses for a device. */
#ifndef FH_BOOT_TREE_IOVA_H
#define FH_BOOT_TREE_IOVA_H

#include "boot/tree_path.h"

/* dev->iova[] of the node that the path ends at, from iommu-addresses of the nodes in its memory-region.
 * -FH_EINVAL: an entry that is cut off, or that the buses above do not show; -FH_ENOSPC: too many. */
FH_MUST_CHECK int tree_read_iova(const struct tree_path *p, struct boot_device *dev);

#endif
