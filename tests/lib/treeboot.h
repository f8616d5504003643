/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A tree that a test writes with treemake.h, and the configuration that is made of it. */
#ifndef TREEBOOT_H
#define TREEBOOT_H

#include <freehold/boot.h>
#include "treemake.h"

struct treeboot {
	struct boot_config cfg;
	struct boot_why why;
	_Alignas(8) char blob[16384];
	size_t size;
};
extern struct treeboot tb;

void tb_begin(uint32_t addr_cells, uint32_t size_cells); /* the root; ended by tb_end() */
void tb_end(void);
void tb_reserved(void); /* begins /reserved-memory, of 2 and 2 cells */
void tb_memory(void);	/* 1 GiB at 1 GiB, of 2 and 2 cells */
int tb_read(void);	/* tb.cfg of it, as a machine's */
bool tb_boots(const char *args, uint64_t ram);
void tb_fails(int err, const char *reason);
/* As `freehold boot' does: exactly one such place, which is a note. */
void tb_goes_on(enum err err, const char *note);
bool tb_said(const char *line);

#endif
