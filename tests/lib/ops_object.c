/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes -> operations: objects and spaces. */
#include <stdlib.h>
#include <string.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "ops.h"

#define SPACE_PAGES 2048

static struct model_object *some_object(struct ops *r)
{
	struct model_object *mo = &r->md.object[ops_pick(r, MODEL_OBJECTS)];

	return mo->o ? mo : NULL;
}

/* ---- the file behind a file object ---- */

static int file_read(void *priv, uint64_t index, void *page)
{
	struct model_object *mo = priv;
	struct ops *r = (struct ops *)((char *)mo->md - offsetof(struct ops, md));

	r->io_called = true;
	if (r->io_error)
		return r->io_error;
	memset(page, 0, FH_PAGE_SIZE);
	model_words_put(page, mo->page[index].disk);
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *page)
{
	struct model_object *mo = priv;
	struct model_page *p = &mo->page[index];
	struct ops *r = (struct ops *)((char *)mo->md - offsetof(struct ops, md));

	bool by_reclaim = !p->writing;

	r->io_called = true;
	ops_must(r, model_words_same(page, p->word), "what is written back are the page's bytes");
	ops_must(r, !by_reclaim || p->dirty, "reclaim writes dirty pages only");
	ops_must(r, !by_reclaim || !r->reclaim_writes, "reclaim does one write at a time");
	if (r->io_error)
		return r->io_error;
	memcpy(p->disk, p->word, sizeof(p->disk));
	if (by_reclaim) {
		p->dirty = false;
		p->cleaning = true;
		r->reclaim_writes++;
		r->written++;
	}
	if (!r->nested) {
		r->nested++;
		ops_nested(r);
		r->nested--;
	}
	r->reclaim_writes -= by_reclaim;
	p->cleaning = false;
	return 0;
}

static const struct fh_object_ops file_ops = {file_read, file_write};

/* ---- objects ---- */

static void op_create(struct ops *r)
{
	struct model *md = &r->md;
	unsigned int k = ops_pick(r, MODEL_OBJECTS), b = ops_u8(r);
	struct model_object *mo = &md->object[k];
	int err;

	if (mo->o)
		return;
	memset(mo, 0, sizeof(*mo));
	mo->md = md;
	mo->file = b & 1;
	mo->nr = 1 + (b >> 1) * 8;
	for (uint64_t i = 0; i < mo->nr && mo->file; i++) {
		for (unsigned int w = 0; w < MODEL_WORDS; w++)
			mo->page[i].disk[w] = mo->page[i].word[w] = ops_stamp(r);
	}
	err = fh_object_create(md->m, mo->nr, mo->file ? &file_ops : NULL, mo, &mo->o);
	ops_say(r, " %u %s of %llu -> %d", k, mo->file ? "file" : "anon",
		(unsigned long long)mo->nr, err);
	if (err) {
		ops_must(r, err == -FH_ENOMEM && ops_injected(r), "an object can be made");
		mo->o = NULL;
	}
}

static bool is_mapped(const struct model *md, const struct model_object *mo)
{
	for (unsigned int i = 0; i < MODEL_MAPPINGS; i++)
		if (md->mapping[i].nr && &md->object[md->mapping[i].object] == mo)
			return true;
	return false;
}

static void op_destroy(struct ops *r)
{
	struct model_object *mo = some_object(r);

	if (!mo || is_mapped(&r->md, mo))
		return;
	for (uint64_t i = 0; i < mo->nr; i++)
		if (mo->page[i].pins)
			return;
	ops_say(r, " %u", (unsigned int)(mo - r->md.object));
	fh_object_destroy(mo->o);
	mo->o = NULL;
}

/* The error is one of the file, or of swap. */
static bool io_failed(const struct ops *r, int err)
{
	return (err && err == r->io_error && r->io_called) ||
	       (err == -FH_EIO && atomic_load(&r->tp.swap_read_errors) != r->swap_errors_before);
}

/* What a call that brings a page of `mo` returned. */
static bool brought(struct ops *r, const struct model_object *mo, int err)
{
	if (io_failed(r, err)) {
		ops_say(r, " -> I/O error");
		return false;
	}
	return ops_page_result(r, err, mo->file ? OPS_OUTSIDE : OPS_ANYWHERE);
}

static bool read_page(struct ops *r, struct model_object *mo, uint64_t i)
{
	unsigned char page[FH_PAGE_SIZE];

	if (!brought(r, mo, fh_object_read(mo->o, i, 0, page, sizeof(page))))
		return false;
	return ops_must(r, r->md.no_bytes || model_words_same(page, mo->page[i].word),
			"a read sees what was written last");
}

static bool write_page(struct ops *r, struct model_object *mo, uint64_t i, unsigned int w)
{
	uint32_t v = ops_stamp(r);

	if (!brought(r, mo, fh_object_write(mo->o, i, model_word_offset(w), &v, sizeof(v))))
		return false;
	mo->page[i].word[w] = v;
	mo->page[i].dirty = mo->file;
	return true;
}

static void op_read(struct ops *r)
{
	struct model_object *mo = some_object(r);
	unsigned int i, n;

	if (!mo)
		return;
	i = ops_pick(r, (unsigned int)mo->nr);
	n = 1 + ops_u8(r) / 2;
	ops_say(r, " %u: %u + %u", (unsigned int)(mo - r->md.object), i, n);
	for (; n && i < mo->nr && read_page(r, mo, i); i++)
		n--;
}

static void op_write(struct ops *r)
{
	struct model_object *mo = some_object(r);
	unsigned int i, n, w;

	if (!mo)
		return;
	i = ops_pick(r, (unsigned int)mo->nr);
	w = ops_u8(r);
	n = 1 + w / 2;
	ops_say(r, " %u: %u + %u", (unsigned int)(mo - r->md.object), i, n);
	for (; n && i < mo->nr && write_page(r, mo, i, w % MODEL_WORDS); i++)
		n--;
}

void op_punch(struct ops *r)
{
	struct model_object *mo = some_object(r);
	uint64_t i, nr, want = 0;
	pfn_t pfn;

	if (!mo)
		return;
	i = ops_pick(r, (unsigned int)mo->nr);
	nr = ops_pick(r, 256);
	for (uint64_t k = i; k < i + nr && k < mo->nr; k++) {
		struct model_page *p = &mo->page[k];

		if (p->pins || p->writing || p->cleaning)
			continue;
		want += !fh_object_where(mo->o, k, &pfn) || slot_swapped(mo->o->slot[k]);
		memcpy(p->word, p->disk, sizeof(p->word));
		p->dirty = false;
	}
	ops_say(r, " %u: %llu + %llu", (unsigned int)(mo - r->md.object), (unsigned long long)i,
		(unsigned long long)nr);
	ops_must(r, fh_object_punch(mo->o, i, nr) == want,
		 "punch frees what is there and not held");
}

static void op_pin(struct ops *r)
{
	struct model_object *mo = some_object(r);
	struct model_page *p;
	unsigned int i;
	pfn_t pfn;
	int err;

	if (!mo)
		return;
	i = ops_pick(r, (unsigned int)mo->nr);
	p = &mo->page[i];
	err = fh_object_pin(mo->o, i, &pfn);
	ops_say(r, " %u: %u", (unsigned int)(mo - r->md.object), i);
	if (io_failed(r, err) || !ops_page_result(r, err, OPS_LOW))
		return;
	ops_must(r, !p->pins || p->pinned_at == pfn, "pins nest");
	p->pinned_at = pfn;
	p->pins++;
}

static void op_unpin(struct ops *r)
{
	struct model_object *mo = some_object(r);
	unsigned int i;

	if (!mo)
		return;
	i = ops_pick(r, (unsigned int)mo->nr);
	for (unsigned int n = 0; n < mo->nr && !mo->page[i].pins; n++)
		i = (i + 1) % (unsigned int)mo->nr;
	ops_say(r, " %u: %u", (unsigned int)(mo - r->md.object), i);
	ops_must(r, fh_object_unpin(mo->o, i) == (mo->page[i].pins ? 0 : -FH_EINVAL),
		 "exactly the pinned can be unpinned");
	mo->page[i].pins -= mo->page[i].pins > 0;
}

static void op_writeback(struct ops *r)
{
	struct model_object *mo = some_object(r);
	struct model_page *p;
	unsigned int i;
	bool dirty;
	int err;

	if (!mo)
		return;
	i = ops_pick(r, (unsigned int)mo->nr);
	for (unsigned int n = 0; n < mo->nr && !mo->page[i].dirty; n++)
		i = (i + 1) % (unsigned int)mo->nr;
	p = &mo->page[i];
	if (p->writing)
		return;
	ops_say(r, " %u: %u {", (unsigned int)(mo - r->md.object), i);
	dirty = p->dirty;
	p->dirty = false;
	p->writing = dirty;
	err = fh_object_writeback(mo->o, i);
	p->writing = false;
	ops_say(r, " } -> %d", err);
	if (!mo->file) {
		ops_must(r, err == -FH_EINVAL, "anonymous memory has no file");
		p->dirty = dirty;
		return;
	}
	ops_must(r, r->io_called == dirty || r->md.no_bytes || err == -FH_ENOMEM,
		 "a dirty page is written, a clean one not");
	if (!err)
		return;
	p->dirty |= dirty;
	if (err != r->io_error || !r->io_called)
		ops_page_result(r, err, OPS_OUTSIDE);
}

void ops_nested(struct ops *r)
{
	unsigned int b = ops_u8(r);
	struct model_object *mo;

	switch (b & 7) {
	case 0:
	case 1:
		op_cma_alloc(r);
		break;
	case 2:
	case 3:
		op_write(r);
		break;
	case 4:
		op_punch(r);
		break;
	case 5:
		op_read(r);
		break;
	case 6: /* the very page that is being written */
		for (unsigned int k = 0; k < MODEL_OBJECTS; k++) {
			mo = &r->md.object[k];
			for (uint64_t i = 0; mo->o && i < mo->nr; i++)
				if (mo->page[i].writing)
					write_page(r, mo, i, b >> 3 & 3);
		}
		break;
	default:
		break;
	}
}

static void op_io_error(struct ops *r)
{
	unsigned int b = ops_u8(r);

	r->io_error = b & 1 ? -FH_EIO : 0;
	atomic_store(&r->tp.swap_write_fails, (b & 6) == 2);
	atomic_store(&r->tp.swap_read_fails, (b & 6) == 4);
	ops_say(r, " file %d, swap %u", r->io_error, b & 6);
}

/* ---- spaces ---- */

static struct model_mapping *some_mapping(struct ops *r)
{
	struct model_mapping *map = &r->md.mapping[ops_pick(r, MODEL_MAPPINGS)];

	return map->nr ? map : NULL;
}

static void op_map(struct ops *r)
{
	struct model *md = &r->md;
	struct model_object *mo = some_object(r);
	struct model_mapping want, *empty = NULL;
	bool overlap = false;
	int err;

	if (!mo)
		return;
	want.space = ops_pick(r, MODEL_SPACES);
	want.object = (unsigned int)(mo - md->object);
	want.index = ops_pick(r, (unsigned int)mo->nr);
	want.nr = 1 + ops_pick(r, (unsigned int)(mo->nr - want.index));
	want.va = ops_pick(r, SPACE_PAGES / 8) * 8 % (SPACE_PAGES - MODEL_PAGES);
	for (unsigned int i = 0; i < MODEL_MAPPINGS; i++) {
		struct model_mapping *map = &md->mapping[i];

		if (!map->nr)
			empty = map;
		else if (map->space == want.space && want.va < map->va + map->nr &&
			 map->va < want.va + want.nr)
			overlap = true;
	}
	if (!empty || !md->space[want.space])
		return;
	err = fh_space_map(md->space[want.space], want.va, mo->o, want.index, want.nr);
	ops_say(r, " space %u va %llu: object %u, %llu + %llu -> %d", want.space,
		(unsigned long long)want.va, want.object, (unsigned long long)want.index,
		(unsigned long long)want.nr, err);
	if (err == -FH_ENOMEM && ops_injected(r))
		return;
	ops_must(r, err == (overlap ? -FH_EINVAL : 0), "a mapping is refused only over another");
	if (!err)
		*empty = want;
}

static void op_unmap(struct ops *r)
{
	struct model_mapping *map = some_mapping(r);

	if (!map)
		return;
	ops_say(r, " space %u va %llu", map->space, (unsigned long long)map->va);
	ops_must(r, !fh_space_unmap(r->md.space[map->space], map->va), "a mapping can be removed");
	map->nr = 0;
}

static void op_load(struct ops *r)
{
	struct model_mapping *map = some_mapping(r);
	unsigned char page[FH_PAGE_SIZE];
	struct model_object *mo;
	uint64_t i;

	if (!map)
		return;
	mo = &r->md.object[map->object];
	i = ops_pick(r, (unsigned int)map->nr);
	ops_say(r, " space %u va %llu", map->space, (unsigned long long)(map->va + i));
	if (!brought(r, mo,
		     fh_space_load(r->md.space[map->space], map->va + i, 0, page, sizeof(page))))
		return;
	ops_must(r, r->md.no_bytes || model_words_same(page, mo->page[map->index + i].word),
		 "a load sees what was written last");
}

static void op_store(struct ops *r)
{
	struct model_mapping *map = some_mapping(r);
	struct model_object *mo;
	unsigned int w = ops_u8(r) % MODEL_WORDS;
	uint32_t v = ops_stamp(r);
	uint64_t i;
	pfn_t pfn;

	if (!map)
		return;
	mo = &r->md.object[map->object];
	i = ops_pick(r, (unsigned int)map->nr);
	ops_say(r, " space %u va %llu", map->space, (unsigned long long)(map->va + i));
	if (!brought(r, mo,
		     fh_space_store(r->md.space[map->space], map->va + i, model_word_offset(w), &v,
				    sizeof(v)))) {
		/* A page may be made dirty and then find no mapping: no byte differs, either is
		 * right. */
		if (ops_injected(r) && !fh_object_where(mo->o, map->index + i, &pfn))
			mo->page[map->index + i].dirty =
				frame_flags(machine_frame(r->md.m, pfn)) & FRAME_DIRTY;
		return;
	}
	mo->page[map->index + i].word[w] = v;
	mo->page[map->index + i].dirty = mo->file;
}

/* Where nothing is mapped, everything faults. */
static void op_load_bad(struct ops *r)
{
	uint64_t va = ops_pick(r, SPACE_PAGES), hit = 0;
	unsigned int space = ops_pick(r, MODEL_SPACES);
	uint32_t v;

	for (unsigned int i = 0; i < MODEL_MAPPINGS; i++) {
		struct model_mapping *map = &r->md.mapping[i];

		hit += map->nr && map->space == space && va - map->va < map->nr;
	}
	if (!hit && r->md.space[space])
		ops_must(r, fh_space_load(r->md.space[space], va, 0, &v, 4) == -FH_EFAULT,
			 "nothing is mapped there");
}

static void op_space(struct ops *r)
{
	struct model *md = &r->md;
	unsigned int k = ops_pick(r, MODEL_SPACES);
	int err;

	ops_say(r, " %u", k);
	if (md->space[k]) {
		fh_space_destroy(md->space[k]);
		md->space[k] = NULL;
		for (unsigned int i = 0; i < MODEL_MAPPINGS; i++)
			if (md->mapping[i].space == k)
				md->mapping[i].nr = 0;
		free(r->host[k]);
		r->host[k] = NULL;
		return;
	}
	r->host[k] = k ? testplat_space(&r->tp) : NULL;
	err = fh_space_create(md->m, r->host[k], &md->space[k]);
	if (err) {
		ops_must(r, err == -FH_ENOMEM && ops_injected(r), "a space can be made");
		free(r->host[k]);
		r->host[k] = NULL;
		md->space[k] = NULL;
	}
}

/* The mirror shows what the core's page tables say, and through it one sees the right bytes. */
void ops_object_check(struct ops *r)
{
	struct model *md = &r->md;

	for (unsigned int k = 0; k < MODEL_SPACES; k++)
		if (r->host[k])
			ops_must(r,
				 testplat_space_check(md->space[k], r->host[k], __FILE__, __LINE__),
				 "the mirror is the page tables");
	for (unsigned int i = 0; i < MODEL_MAPPINGS; i++) {
		struct model_mapping *map = &md->mapping[i];

		for (uint64_t k = 0; k < map->nr && r->host[map->space]; k++) {
			void *page = testplat_see(r->host[map->space], map->va + k);

			ops_must(r,
				 !page ||
					 model_words_same(
						 page,
						 md->object[map->object].page[map->index + k].word),
				 "the mirror shows the page's bytes");
		}
	}
}

void ops_object_read_all(struct ops *r)
{
	for (unsigned int k = 0; k < MODEL_OBJECTS; k++) {
		struct model_object *mo = &r->md.object[k];

		r->failed_before = atomic_load(&r->tp.failed);
		for (uint64_t i = 0; mo->o && !mo->file && i < mo->nr && !r->md.wrong; i++)
			read_page(r, mo, i);
	}
}

void ops_object_finish(struct ops *r)
{
	struct model *md = &r->md;

	for (unsigned int k = 0; k < MODEL_SPACES; k++)
		if (md->space[k]) {
			fh_space_destroy(md->space[k]);
			md->space[k] = NULL;
			free(r->host[k]);
			r->host[k] = NULL;
		}
	memset(md->mapping, 0, sizeof(md->mapping));
	for (unsigned int k = 0; k < MODEL_OBJECTS; k++) {
		struct model_object *mo = &md->object[k];

		for (uint64_t i = 0; mo->o && i < mo->nr; i++) {
			for (; mo->page[i].pins; mo->page[i].pins--)
				ops_must(r, !fh_object_unpin(mo->o, i),
					 "the pinned can be unpinned");
		}
		if (mo->o)
			fh_object_destroy(mo->o);
		mo->o = NULL;
	}
}

const struct ops_entry ops_object_entries[] = {
	{"create", op_create, 3},     {"destroy", op_destroy, 1},
	{"read", op_read, 4},	      {"write", op_write, 5},
	{"punch", op_punch, 2},	      {"pin", op_pin, 2},
	{"unpin", op_unpin, 2},	      {"writeback", op_writeback, 3},
	{"io-error", op_io_error, 1}, {"space", op_space, 1},
	{"map", op_map, 2},	      {"unmap", op_unmap, 1},
	{"load", op_load, 1},	      {"store", op_store, 1},
	{"load-bad", op_load_bad, 1}, {NULL, NULL, 0},
};
