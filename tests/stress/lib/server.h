/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The server of a stress test, and the test's results in TAP. */
#ifndef TESTS_STRESS_SERVER_H
#define TESTS_STRESS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <freehold/client.h>

#define SERVER_PATH 64

/* The next of a row of random numbers; seed is not 0. */
uint64_t random_next(uint64_t *seed);

/* One result. */
void result(bool ok, const char *what);
/* The plan; the exit status. */
int results(void);

/*
 * $FREEHOLD serve, on a socket of that name, with `ram`, an area of 64 MiB and for so many clients; a result says whether it is ready. before()
 * is called in the new process. It dies with its parent. $BACKING and $BOOTARGS are its, where set.
 */
void server_start(const char *name, const char *ram, const char *clients, void (*before)(void));
/* Kills it or ends it, though it has buffers, and starts the next one, some time later. False: its books were wrong, or that is not ready. */
bool server_again(bool killed, unsigned int away_us);
const char *server_path(void);
/* Bytes of all its buffers. UINT64_MAX: it does not say. */
uint64_t server_used(struct fhc *c);
/* All of it comes back, within so many looks, 10 ms apart. */
bool server_is_empty(unsigned int looks);
/* What of it is in memory. */
uint64_t server_kib(void);
/* What it has used of CPUs, in sysconf(_SC_CLK_TCK) of a second. */
unsigned long server_ticks(void);
/* SIGTERM; a result says whether its books were right. */
void server_stop(void);

#endif
