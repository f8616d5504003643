/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine whose file tree a test reads. */
#ifndef FH_TEST_SHOWN_H
#define FH_TEST_SHOWN_H

#include "testplat.h"

#define SHOWN_MIB 256u /* three zones of 64, 64 and 128 MiB */

struct shown {
	struct testplat tp;
	struct fh_machine *m;
	char text[1 << 18]; /* of the file read last */
};

/* A machine of this configuration, which is freed; the calling thread is its CPU 0. */
void shown_machine(struct shown *sh, struct boot_config *cfg);
/* SHOWN_MIB, 2 CPUs, an area "area" of cma_mib MiB at the end. */
void shown_make(struct shown *sh, uint64_t cma_mib, enum cma_policy policy);
/* Checks the machine and drops it. */
void shown_done(struct shown *sh);

/* A file's text, whole; a failed check and "" when it cannot be read. */
const char *shown(struct shown *sh, const char *path);
/* The file is one number. */
int64_t shown_value(struct shown *sh, const char *path);
/* The first line that begins so; NULL: none does. */
const char *shown_line(const char *in, const char *begin);
/* The number behind `key`, which begins a line, blanks before it apart; a failed check: no such line. */
int64_t shown_number(const char *in, const char *key);

#endif
