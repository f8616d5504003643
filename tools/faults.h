/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A platform whose calls fail at random, as its contract allows: each call that may fail does so one time in N.
 *
 *	faults_init(&f, hosted_plat(h), 1000, seed)
 *	fh_machine_create(&f.plat, ...)
 *	faults_set(&f, true)			from here on
 *
 * Which calls of a kind fail is decided by the seed and the call's number alone, so that one seed makes the
 * same numbers fail in every run; which thread makes the call of that number is up to the host. A failed call
 * does the worst that its contract permits: a read leaves rubbish in the page, a write of swap or of a file
 * leaves rubbish where it should have written.
 */
#ifndef FREEHOLD_TOOLS_FAULTS_H
#define FREEHOLD_TOOLS_FAULTS_H

#include <stdatomic.h>
#include <freehold/object.h>
#include <freehold/plat.h>

/* Calls that may fail: of struct plat, and of the files of tenants. plat->ram() is called at birth only, when
 * faults are off. A wait() that fails returns early, and of parallel() only
 * one runs. */
enum fault {
	FAULT_ALLOC,
	FAULT_MAP,
	FAULT_PROTECT,
	FAULT_SWAP_WRITE,
	FAULT_SWAP_READ,
	FAULT_FILE_READ,
	FAULT_FILE_WRITE,
	FAULT_WAIT,
	FAULT_PARALLEL,
	FAULT_COMPRESS,
	FAULT_VMAP,
	FAULT_SHARE,
	NR_FAULTS
};

struct faults {
	struct plat plat; /* with ctx: this struct, which stays where it is */
	const struct plat *inner;
	uint64_t one_in, seed;
	_Atomic(bool) on;
	/* While on. */
	_Atomic(uint64_t) calls[NR_FAULTS], failed[NR_FAULTS];
	_Atomic(int64_t) bytes; /* allocated and not given back, on or off */
};

/* Off at first. one_in 0: nothing ever fails. */
void faults_init(struct faults *f, const struct plat *inner, uint64_t one_in, uint64_t seed);
void faults_set(struct faults *f, bool on);
/* Counts one call; true: it shall fail. */
bool faults_hit(struct faults *f, enum fault call);
/* Calls that did, of all kinds. */
uint64_t faults_failed(const struct faults *f);
/* "swap_write" */
const char *fault_name(enum fault call);

/* A file's read and write, for object ops of tenants: as ops' own, or -FH_EIO with rubbish left behind. */
FH_MUST_CHECK int faults_read(struct faults *f, const struct fh_object_ops *ops, void *priv,
			      uint64_t index, void *page);
FH_MUST_CHECK int faults_write(struct faults *f, const struct fh_object_ops *ops, void *priv,
			       uint64_t index, const void *page);

#endif
