/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What was found wrong, told once and kept; and the mappings that went, so that it can be told what they were. */
#ifndef FH_DMA_DEBUG_REPORT_H
#define FH_DMA_DEBUG_REPORT_H

#include "dma/debug_table.h"

#define DEBUG_MAX_PAST	  256
#define DEBUG_MAX_DEVICES 64 /* of which it is known what was logged */

/* A mapping that went. */
struct debug_past {
	const struct device *dev; /* a name only: it may be gone, and then this is NULL */
	struct dma_history was;
};

/* What was logged of a device: a bit for each kind. */
struct debug_told {
	const struct device *dev;
	uint32_t kinds;
};

struct debug_reports {
	struct fh_machine *m;
	struct fh_lock lock;
	struct dma_report *report;		   /* lock: a ring of DMA_MAX_REPORTS */
	struct debug_past *past;		   /* lock: a ring of DEBUG_MAX_PAST */
	uint64_t nr_reports, nr_past;		   /* lock: ever */
	uint64_t nr_kind[DMA_NR_REPORTS], nr_all;  /* lock */
	struct debug_told told[DEBUG_MAX_DEVICES]; /* lock */
	char filter[DEVICE_MAX_NAME];		   /* lock */
	bool all_errors;			   /* lock */
};

FH_MUST_CHECK int debug_reports_init(struct debug_reports *r, struct fh_machine *m);
void debug_reports_fini(struct debug_reports *r);

/* What an entry is and was; with its chain's lock, or its owner. */
void debug_history(struct dma_history *h, const struct debug_entry *e);
const char *debug_type_name(unsigned int type);
const char *debug_dir_name(unsigned int dir);

/* It went. */
void debug_past_add(struct debug_reports *r, const struct device *dev,
		    const struct dma_history *was);
/* The last mapping that was dev's and had the byte at `handle`; `start`: began there. False: none that is remembered. */
bool debug_past_find(struct debug_reports *r, const struct device *dev, dma_t handle, bool start,
		     struct dma_history *was);
/* The device is gone: another one may have its place in memory. */
void debug_past_forget(struct debug_reports *r, const struct device *dev);

/* Counts, keeps and logs. In `found` the caller has set kind, handle, size, site, mapping and other; fmt is the text. */
void debug_report(struct debug_reports *r, const struct device *dev, struct dma_report *found,
		  const char *fmt, ...) FH_PRINTF(4, 5);

/* D8's sums. */
unsigned int debug_reports_check(struct debug_reports *r, struct fh_text *out);

#endif
