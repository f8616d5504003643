/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The file tree (DESIGN D9): which paths there are, and which generator writes each. */
#include "base/string.h"
#include "view/view.h"

/* '*' stands for an area's name, '#' for the number of one of its ranges, '~' for a restricted pool's name, '%'
 * for a shared buffer's number. Entries of
 * one folder stand together: listing a folder relies on it. */
static const struct entry {
	const char *path;
	void (*show)(struct view *v);
	unsigned int what;
} entries[] = {
	{"dmesg", view_dmesg, 0},
	{"proc/buddyinfo", view_buddyinfo, 0},
	{"proc/iomem", view_iomem, 0},
	{"proc/meminfo", view_meminfo, 0},
	{"proc/pagetypeinfo", view_pagetypeinfo, 0},
	{"proc/vmstat", view_vmstat, 0},
	{"proc/zoneinfo", view_zoneinfo, 0},
	{"sys/kernel/debug/cma/*/base_pfn", view_cma_value, VIEW_CMA_BASE_PFN},
	{"sys/kernel/debug/cma/*/bitmap", view_cma_bitmap, 0},
	{"sys/kernel/debug/cma/*/count", view_cma_value, VIEW_CMA_TOTAL},
	{"sys/kernel/debug/cma/*/failures", view_cma_failures, 0},
	{"sys/kernel/debug/cma/*/maxchunk", view_cma_value, VIEW_CMA_MAXCHUNK},
	{"sys/kernel/debug/cma/*/order_per_bit", view_cma_value, VIEW_CMA_ORDER_PER_BIT},
	{"sys/kernel/debug/cma/*/ranges/#/base_pfn", view_cma_value, VIEW_CMA_BASE_PFN},
	{"sys/kernel/debug/cma/*/ranges/#/bitmap", view_cma_bitmap, 0},
	{"sys/kernel/debug/cma/*/used", view_cma_value, VIEW_CMA_USED},
	{"sys/kernel/debug/dma-api/all_errors", view_dma_api, VIEW_DMA_ALL_ERRORS},
	{"sys/kernel/debug/dma-api/disabled", view_dma_api, VIEW_DMA_DISABLED},
	{"sys/kernel/debug/dma-api/driver_filter", view_dma_api, VIEW_DMA_DRIVER_FILTER},
	{"sys/kernel/debug/dma-api/dump", view_dma_dump, 0},
	{"sys/kernel/debug/dma-api/error_count", view_dma_api, VIEW_DMA_ERROR_COUNT},
	{"sys/kernel/debug/dma-api/min_free_entries", view_dma_api, VIEW_DMA_MIN_FREE},
	{"sys/kernel/debug/dma-api/nr_total_entries", view_dma_api, VIEW_DMA_NR_TOTAL},
	{"sys/kernel/debug/dma-api/num_errors", view_dma_api, VIEW_DMA_NUM_ERRORS},
	{"sys/kernel/debug/dma-api/num_free_entries", view_dma_api, VIEW_DMA_NUM_FREE},
	{"sys/kernel/debug/dma_buf/bufinfo", view_bufinfo, 0},
	{"sys/kernel/debug/dma_pools/pool_size_dma", view_pool_size, ZONE_DMA},
	{"sys/kernel/debug/dma_pools/pool_size_dma32", view_pool_size, ZONE_DMA32},
	{"sys/kernel/debug/dma_pools/pool_size_kernel", view_pool_size, ZONE_NORMAL},
	{"sys/kernel/debug/freehold/*/compress", view_area_compress, 0},
	{"sys/kernel/debug/freehold/*/last_failure", view_area_last_failure, 0},
	{"sys/kernel/debug/freehold/*/policy", view_area_policy, 0},
	{"sys/kernel/debug/freehold/*/stats", view_area_stats, 0},
	{"sys/kernel/debug/freehold/buffers", view_buffers, 0},
	{"sys/kernel/debug/freehold/coherent_pools", view_coherent_pools, 0},
	{"sys/kernel/debug/freehold/dma_pools", view_dmapools, 0},
	{"sys/kernel/debug/freehold/dma_refusals", view_dma_refusals, 0},
	{"sys/kernel/debug/freehold/heaps", view_heaps, 0},
	{"sys/kernel/debug/freehold/holders", view_holders, 0},
	{"sys/kernel/debug/page_owner", view_page_owner, 0},
	{"sys/kernel/debug/swiotlb/io_tlb_nslabs", view_swiotlb_value, VIEW_SWIOTLB_NSLABS},
	{"sys/kernel/debug/swiotlb/io_tlb_transient_nslabs", view_swiotlb_value,
	 VIEW_SWIOTLB_TRANSIENT},
	{"sys/kernel/debug/swiotlb/io_tlb_used", view_swiotlb_value, VIEW_SWIOTLB_USED},
	{"sys/kernel/debug/swiotlb/io_tlb_used_hiwater", view_swiotlb_value, VIEW_SWIOTLB_HIWATER},
	{"sys/kernel/debug/swiotlb/~/io_tlb_nslabs", view_swiotlb_value, VIEW_SWIOTLB_NSLABS},
	{"sys/kernel/debug/swiotlb/~/io_tlb_transient_nslabs", view_swiotlb_value,
	 VIEW_SWIOTLB_TRANSIENT},
	{"sys/kernel/debug/swiotlb/~/io_tlb_used", view_swiotlb_value, VIEW_SWIOTLB_USED},
	{"sys/kernel/debug/swiotlb/~/io_tlb_used_hiwater", view_swiotlb_value,
	 VIEW_SWIOTLB_HIWATER},
	{"sys/kernel/debug/iommu/domains", view_iommu_domains, 0},
	{"sys/kernel/debug/iommu/faults", view_iommu_faults, 0},
	{"sys/kernel/debug/zswap/pool_total_size", view_zpool_value, VIEW_ZPOOL_SIZE},
	{"sys/kernel/debug/zswap/reject_alloc_fail", view_zpool_value, VIEW_ZPOOL_FAILED},
	{"sys/kernel/debug/zswap/reject_compress_poor", view_zpool_value, VIEW_ZPOOL_POOR},
	{"sys/kernel/debug/zswap/stored_pages", view_zpool_value, VIEW_ZPOOL_PAGES},
	{"sys/kernel/dmabuf/buffers/%/exporter_name", view_buffer_value, VIEW_BUFFER_EXPORTER},
	{"sys/kernel/dmabuf/buffers/%/size", view_buffer_value, VIEW_BUFFER_SIZE},
	{"sys/kernel/mm/cma/*/alloc_pages_fail", view_cma_value, VIEW_CMA_FAILED},
	{"sys/kernel/mm/cma/*/alloc_pages_success", view_cma_value, VIEW_CMA_SUCCEEDED},
	{"sys/kernel/mm/cma/*/available_pages", view_cma_value, VIEW_CMA_AVAILABLE},
	{"sys/kernel/mm/cma/*/release_pages_success", view_cma_value, VIEW_CMA_RELEASED},
	{"sys/kernel/mm/cma/*/total_pages", view_cma_value, VIEW_CMA_TOTAL},
};

#define NR_ENTRIES (sizeof(entries) / sizeof(entries[0]))

void view_put(struct view *v, const char *s, size_t n)
{
	size_t room = v->len < v->size ? v->size - v->len : 0;

	if (room)
		memcpy(v->buf + v->len, s, n < room ? n : room);
	v->len += n;
}

void view_add(struct view *v, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fh_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	view_put(v, line, n < sizeof(line) ? n : sizeof(line) - 1);
}

/* How many areas there are; those below never change place or go away. */
static unsigned int nr_areas(struct fh_machine *m)
{
	unsigned int n;

	fh_lock(&m->areas_lock);
	n = m->nr_areas;
	fh_unlock(&m->areas_lock);
	return n;
}

static size_t part_len(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != '/')
		n++;
	return n;
}

static bool is_area(struct view *v, const char *part, size_t n)
{
	unsigned int nr = nr_areas(v->m);

	for (unsigned int i = 0; i < nr; i++) {
		struct cma *cma = v->m->area[i];

		if (fh_strlen(cma->name) == n && !memcmp(cma->name, part, n)) {
			v->cma = cma;
			return true;
		}
	}
	return false;
}

static unsigned int nr_ranges(const struct view *v)
{
	return v->cma ? v->cma->nranges : 0;
}

/* A range's number as it is listed: one digit is enough for CMA_MAX_RANGES. */
static bool is_range(struct view *v, const char *part, size_t n)
{
	_Static_assert(CMA_MAX_RANGES <= 10, "a range's number is one digit");
	if (n != 1 || *part < '0' || (unsigned int)(*part - '0') >= nr_ranges(v))
		return false;
	v->range = (unsigned int)(*part - '0');
	return true;
}

static bool part_fits(struct view *v, const char *pattern, size_t k, const char *part, size_t n)
{
	if (k == 1 && *pattern == '*')
		return is_area(v, part, n);
	if (k == 1 && *pattern == '#')
		return is_range(v, part, n);
	if (k == 1 && *pattern == '~')
		return view_is_swiotlb(v, part, n);
	if (k == 1 && *pattern == '%')
		return view_is_buffer(v, part, n);
	return k == n && !memcmp(pattern, part, n);
}

/* Goes down the pattern along the path. *rest is what of the pattern lies below it: empty for a
 * file. */
static bool match(struct view *v, const char *pattern, const char *path, const char **rest)
{
	v->cma = NULL;
	v->range = 0;
	v->swiotlb = NULL;
	v->ino = 0;
	while (*path) {
		size_t n = part_len(path), k = part_len(pattern);

		if (!k || !n || !part_fits(v, pattern, k, path, n))
			return false;
		path += n;
		pattern += k;
		if (*path == '/' && !*++path && !*pattern)
			return false; /* "proc/meminfo/": not a folder */
		if (*pattern == '/')
			pattern++;
	}
	*rest = pattern;
	return true;
}

/* One entry of a folder, or all it stands for. */
static void list_part(struct view *v, const char *part, size_t n)
{
	const char *slash = part[n] == '/' ? "/" : "";
	unsigned int nr;

	if (n == 1 && *part == '*') {
		nr = nr_areas(v->m);
		for (unsigned int i = 0; i < nr; i++)
			view_add(v, "%s%s\n", v->m->area[i]->name, slash);
	} else if (n == 1 && *part == '#') {
		for (unsigned int i = 0; i < nr_ranges(v); i++)
			view_add(v, "%u%s\n", i, slash);
	} else if (n == 1 && *part == '~') {
		view_list_swiotlb(v, slash);
	} else if (n == 1 && *part == '%') {
		view_list_buffers(v, slash);
	} else {
		view_add(v, "%.*s%s\n", (int)n, part, slash);
	}
}

static int read_path(struct view *v, const char *path)
{
	const char *rest, *last = NULL;
	size_t n, last_n = 0;
	int err = -FH_ENOENT;

	for (size_t i = 0; i < NR_ENTRIES; i++) {
		if (!match(v, entries[i].path, path, &rest) ||
		    !view_has_swiotlb(v, entries[i].path) ||
		    (entries[i].show == view_page_owner && !v->m->owners))
			continue;
		err = 0;
		if (!*rest) {
			v->what = entries[i].what;
			entries[i].show(v);
			break;
		}
		n = part_len(rest);
		if (!last || n != last_n || memcmp(last, rest, n))
			list_part(v, rest, n);
		last = rest;
		last_n = n;
	}
	return err;
}

int fh_view_read(struct fh_machine *m, const char *path, char *buf, size_t size, size_t *len)
{
	struct view v = {.m = m, .buf = buf, .size = buf ? size : 0};
	int err;

	if (!m || !path || !len)
		return -FH_EINVAL;
	err = read_path(&v, *path == '/' ? path + 1 : path);
	if (buf && v.len < v.size)
		buf[v.len] = '\0';
	*len = v.len;
	return err;
}
