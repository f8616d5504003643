/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The machine's own threads in a run: reclaim, and what areas do in advance. */
#ifndef TOOLS_BACKGROUND_H
#define TOOLS_BACKGROUND_H

#include <stdbool.h>

struct run;
struct why;

/* Gives every area the share and the reserve that the job asks for, and starts the threads. False with the reason. */
bool background_start(struct run *run, struct why *why);
/* Ends those that were started; also after a start that failed. */
void background_stop(struct run *run);
/* Starts them again. */
bool background_resume(struct run *run, struct why *why);

#endif
