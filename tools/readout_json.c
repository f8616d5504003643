/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine's decoded file tree as JSON: the fields of the text, sizes in bytes, null for unknown.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "json_text.h"
#include "readout.h"
#include "readout_users.h"

static json_t *number(uint64_t v)
{
	return v > INT64_MAX ? json_null() : json_integer((json_int_t)v); /* UNKNOWN too */
}

static json_t *bytes(const struct readout *r, uint64_t pages)
{
	return pages > INT64_MAX / r->page_size ? json_null() : number(pages * r->page_size);
}

static json_t *kilobytes(uint64_t kb)
{
	return kb > INT64_MAX >> 10 ? json_null() : number(kb << 10);
}

static json_t *memory(const struct readout *r)
{
	return json_pack("{so so so so so so so so so}", "total_bytes", kilobytes(r->total_kb),
			 "free_bytes", kilobytes(r->free_kb), "available_bytes",
			 kilobytes(r->available_kb), "anon_bytes", kilobytes(r->anon_kb),
			 "file_bytes", kilobytes(r->file_kb), "area_bytes",
			 kilobytes(r->cma_total_kb), "area_free_bytes", kilobytes(r->cma_free_kb),
			 "area_lent_bytes", bytes(r, readout_lent(r)), "area_device_bytes",
			 bytes(r, readout_device(r)));
}

static json_t *zone(const struct readout *r, const struct readout_zone *z)
{
	json_t *types = json_object(), *runs = z->counted ? json_array() : json_null();

	for (unsigned int i = 0; i < z->nr_types; i++)
		json_object_set_new(types, z->type[i], bytes(r, readout_zone_free_type(z, i)));
	for (unsigned int o = 0; z->counted && o < READOUT_ORDERS; o++)
		json_array_append_new(runs, number(z->runs[o]));
	return json_pack("{so ss so so so so so so so so sb}", "node", number(z->node), "name",
			 z->name, "managed_bytes", bytes(r, z->managed), "min_bytes",
			 bytes(r, z->min), "low_bytes", bytes(r, z->low), "high_bytes",
			 bytes(r, z->high), "free_bytes", bytes(r, readout_zone_free(z)),
			 "free_whole_blocks_bytes", bytes(r, readout_zone_whole(r, z)),
			 "free_by_type_bytes", types, "free_runs_by_order", runs, "runs_capped",
			 z->capped);
}

static json_t *last_failure(const struct readout_area *a)
{
	if (!a->error)
		return json_null();
	return json_pack("{sI so ss so so so so so so}", "error", (json_int_t)a->error,
			 "count_pages", number(a->error_count), "why", a->why, "pfn",
			 number(a->error_pfn), "owner",
			 a->error_owner[0] ? json_string(a->error_owner) : json_null(), "owner_id",
			 number(a->error_object), "pins", number(a->error_pins), "pinner",
			 a->error_pinner[0] ? json_string(a->error_pinner) : json_null(),
			 "since_ns", number(a->error_since));
}

static json_t *area(const struct readout *r, const struct readout_area *a)
{
	double fragmentation = readout_area_fragmentation(a);

	return json_pack(
		"{so so so so so so so so so so so so so so so so}", "name", json_text(a->name),
		"base", bytes(r, a->base), "size_bytes", bytes(r, a->size), "policy",
		a->policy[0] ? json_string(a->policy) : json_null(), "free_bytes",
		bytes(r, readout_area_free(a)), "lent_bytes", bytes(r, a->lent), "device_bytes",
		bytes(r, a->device), "largest_hole_bytes", bytes(r, a->largest_hole), "holes",
		number(a->holes), "fragmentation",
		fragmentation < 0 ? json_null() : json_real(fragmentation), "allocated_bytes",
		bytes(r, a->allocated), "refused_bytes", bytes(r, a->refused), "released_bytes",
		bytes(r, a->released), "nr_allocs", number(a->nr_allocs), "nr_fails",
		number(a->nr_fails), "last_failure", last_failure(a));
}

/* Takes the object. */
static bool dump(json_t *all, FILE *out)
{
	bool ok = all && !json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));

	fputc('\n', out);
	json_decref(all);
	return ok && !ferror(out);
}

bool readout_json(const struct readout *r, FILE *out)
{
	json_t *zones = json_array(), *areas = json_array(), *missing = json_array();

	for (unsigned int i = 0; i < r->nr_zones; i++)
		json_array_append_new(zones, zone(r, &r->zone[i]));
	for (unsigned int i = 0; i < r->nr_areas; i++)
		json_array_append_new(areas, area(r, &r->area[i]));
	for (unsigned int i = 0; i < r->nr_notes; i++)
		json_array_append_new(missing, json_text(r->note[i]));
	return dump(json_pack("{so so so so so}", "page_size", number(r->page_size), "memory",
			      memory(r), "zones", zones, "areas", areas, "missing", missing),
		    out);
}

/* ---- who has what ---- */

static json_t *unless_0(uint64_t v)
{
	return v ? number(v) : json_null();
}

static json_t *user(const struct user *v)
{
	bool counted = strcmp(v->counted, "-");

	return json_pack("{sI so so so so so so so so so}", "pid", (json_int_t)v->pid, "name",
			 json_text(v->name), "buffers", number(v->buffers), "held_bytes",
			 number(v->held), "charged_bytes", number(v->charged), "pss_bytes",
			 number(v->pss), "peak_bytes", number(v->peak), "limit_bytes",
			 unless_0(v->limit), "written_bytes",
			 counted ? number(v->written) : json_null(), "written_counted",
			 counted ? json_text(v->counted) : json_null());
}

static json_t *heap(const struct users_heap *v)
{
	return json_pack("{so so so so so so so so so so}", "name", json_text(v->name), "kind",
			 json_text(v->kind), "area",
			 strcmp(v->area, "-") ? json_text(v->area) : json_null(), "buffers",
			 number(v->buffers), "used_bytes", number(v->used), "peak_bytes",
			 number(v->peak), "limit_bytes", unless_0(v->limit), "total_bytes",
			 unless_0(v->total), "allocated", number(v->allocated), "refused",
			 number(v->refused));
}

static json_t *stray(const struct stray *v)
{
	return json_pack("{so so so so so so so}", "ino", number(v->ino), "size_bytes",
			 number(v->size), "age_ms", number(v->age_ms), "references",
			 number(v->references), "written_bytes", number(v->written), "heap",
			 json_text(v->heap), "name",
			 strcmp(v->name, "-") ? json_text(v->name) : json_null());
}

bool users_json(const struct users *u, FILE *out)
{
	json_t *users = json_array(), *heaps = json_array(), *strays = json_array();

	for (size_t i = 0; i < u->nr_users; i++)
		json_array_append_new(users, user(&u->user[i]));
	for (size_t i = 0; i < u->nr_heaps; i++)
		json_array_append_new(heaps, heap(&u->heap[i]));
	for (size_t i = 0; i < u->nr_strays; i++)
		json_array_append_new(strays, stray(&u->stray[i]));
	return dump(json_pack("{so so so so so so}", "buffers", number(u->nr_buffers), "bytes",
			      number(u->bytes), "unknown_bytes", number(u->stray_bytes), "users",
			      users, "heaps", heaps, "unknown", strays),
		    out);
}

bool readout_json_file(const char *path, const char *text, FILE *out)
{
	return dump(json_pack("{so so}", "path", json_text(path), "text", json_text(text)), out);
}
