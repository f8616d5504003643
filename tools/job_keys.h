/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Between job.c, which knows sections, and job_keys.c, which knows keys. */
#ifndef FREEHOLD_TOOLS_JOB_KEYS_H
#define FREEHOLD_TOOLS_JOB_KEYS_H

#include "job.h"

/* One key of one section while it is read. */
struct reading {
	struct job *job;
	struct job_actor *a; /* NULL in [global] */
	const struct ini_entry *e;
	struct why *why;
};

/* Reads e[0..nr), the keys of one section; a->kind is known. False with *why. */
bool job_read_keys(struct reading *r, const struct ini_entry *e, size_t nr);
/* Reads r->e, the key `kind`. */
bool job_read_kind(const struct reading *r);
/* Reads r->e, a key `expect`. */
bool job_read_expect(const struct reading *r);
/* Says what was found and what was expected of r->e; false. */
bool job_wrong(const struct reading *r, const char *expected);

#endif
