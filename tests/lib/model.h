/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The oracle: what a machine must hold, kept in plain arrays that nobody could doubt.
 *
 * owner[] says of each frame whether a caller (raw), a driver or a device has it. Where an object's
 * page lies is the machine's business; what its bytes are is the model's. A page's bytes are four
 * words at fixed offsets.
 */
#ifndef FH_TEST_MODEL_H
#define FH_TEST_MODEL_H

#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>

#define MODEL_FRAMES   (64 * 1024)
#define MODEL_OBJECTS  8
#define MODEL_PAGES    1024 /* of an object */
#define MODEL_RUNS     256
#define MODEL_BUFFERS  64
#define MODEL_DRIVERS  64
#define MODEL_AREAS    2
#define MODEL_RANGES   2 /* of an area */
#define MODEL_SPACES   2
#define MODEL_MAPPINGS 16
#define MODEL_WORDS    4

enum model_owner { MODEL_NOBODY, MODEL_RAW, MODEL_DRIVER, MODEL_DEVICE };

struct model_page {
	uint32_t word[MODEL_WORDS]; /* what a read must see */
	uint32_t disk[MODEL_WORDS]; /* of a file: what was written back */
	bool dirty;
	bool writing;  /* ops->write is running, for fh_object_writeback() */
	bool cleaning; /* ... for reclaim: a copy is written, the page may move */
	uint32_t pins;
	pfn_t pinned_at;
};

struct model_object {
	struct fh_object *o; /* NULL: none */
	struct model *md;
	uint64_t nr;
	bool file;
	struct model_page page[MODEL_PAGES];
};

struct model_run {
	pfn_t pfn;
	unsigned int order;
	uint32_t stamp;
};

struct ops_importer;

struct model_buffer {
	unsigned int area;
	pfn_t pfn;
	uint64_t count;
	uint32_t stamp;
	struct ops_importer *importer; /* who agreed that it moves; NULL: nobody */
};

struct model_driver {
	struct model *md;
	pfn_t pfn;
	uint32_t stamp;
	bool refuses;
};

struct model_area {
	struct cma *cma;
	struct {
		pfn_t base;
		uint64_t count;
	} range[MODEL_RANGES];
	unsigned int nr_ranges;
	unsigned int order_per_bit;
	enum cma_policy policy;
	unsigned int share; /* percent */
	pfn_t prepared;	    /* a window that cma_prepare() keeps, of so many frames; 0: none */
	uint64_t nr_prepared;
};

struct model_mapping {
	unsigned int space, object;
	uint64_t va, index, nr; /* nr 0: none */
};

struct model {
	struct fh_machine *m;
	pfn_t base;
	uint64_t nr_frames;
	uint8_t owner[MODEL_FRAMES];
	struct model_object object[MODEL_OBJECTS];
	struct model_run run[MODEL_RUNS];
	struct model_buffer buffer[MODEL_BUFFERS];
	struct model_driver *driver[MODEL_DRIVERS];
	unsigned int nr_runs, nr_buffers, nr_drivers, nr_areas;
	struct model_area area[MODEL_AREAS];
	struct model_mapping mapping[MODEL_MAPPINGS];
	struct fh_space *space[MODEL_SPACES];
	bool guaranteed_only; /* every area is `guaranteed`, and has been since birth */
	pfn_t movable_start;  /* from here up ZONE_MOVABLE; 0: there is none */
	bool no_bytes;	      /* frames without bytes: who has them is all there is to compare */
	const char *wrong;    /* the first thing that did not hold */
};

/* Who has which frames, now: owner[] and where the objects' pages are. */
struct model_census {
	uint64_t raw, driver, device, anon, file, dirty, held, present;
	uint64_t used_outside;	    /* frames outside areas that somebody has */
	uint64_t used_inside;	    /* in areas, devices' not counted */
	uint64_t droppable_outside; /* clean file pages, not held */
	uint64_t droppable;
	uint64_t held_inside_guaranteed;
	uint64_t anon_low,
		dirty_low; /* that reclaim can write away, outside and not of ZONE_MOVABLE */
	uint64_t used_low,
		droppable_low; /* as used_outside, droppable_outside; not of ZONE_MOVABLE */
	uint64_t pinned_movable;
};

/* Something that must hold; the first that does not is kept. Returns ok. */
bool model_must(struct model *md, bool ok, const char *what);

/* Frames [pfn, pfn + nr) change hands; that they were whose they should be must hold. */
void model_move(struct model *md, pfn_t pfn, uint64_t nr, enum model_owner from,
		enum model_owner to);
struct model_area *model_area_of(struct model *md, pfn_t pfn);
bool model_area_has(const struct model_area *a, pfn_t pfn);
/* In which range frames [pfn, pfn + nr) lie, all of them; MODEL_RANGES: in none. */
unsigned int model_range_of(const struct model_area *a, pfn_t pfn, uint64_t nr);

/* Whether `pfn` starts a run of units in one range, without a device's buffer, aligned as Linux
 * aligns it, and within the request's low, high and boundary. */
bool model_is_window(const struct model *md, const struct model_area *a,
		     const struct cma_request *req, pfn_t pfn);
/* The first such, range after range; 0: none. Tries every frame. */
pfn_t model_window(const struct model *md, const struct model_area *a,
		   const struct cma_request *req);

/* Walks all objects; that no frame has two owners, and no held page has moved, must hold. */
void model_census(struct model *md, struct model_census *c);

/* The words of a page in memory: written, and compared. */
void model_words_put(void *page, const uint32_t word[MODEL_WORDS]);
bool model_words_same(const void *page, const uint32_t word[MODEL_WORDS]);
size_t model_word_offset(unsigned int i);
/* All of nr frames carry the stamp: written, and compared. */
void model_stamp(struct model *md, pfn_t pfn, uint64_t nr, uint32_t stamp);
bool model_stamped(struct model *md, pfn_t pfn, uint64_t nr, uint32_t stamp);

#endif
