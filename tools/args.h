/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Options that several commands have, as children of their argp. A parent's parser passes the inputs on:
 *
 *	static const struct argp_child children[] = {{&args_machine, 0, NULL, 1}, {&args_format, 0, NULL, 9}, {0}};
 *	case ARGP_KEY_INIT:
 *		state->child_inputs[0] = &o->load;
 *		state->child_inputs[1] = &o->json;
 */
#ifndef TOOLS_ARGS_H
#define TOOLS_ARGS_H

#include <argp.h>
#include "load.h"

/* --dtb, --overlay, --ram, --bootargs, --policy, --like, --taken, --kconfig into a struct load_opts. */
extern const struct argp args_machine;
/* --format text|json into a bool: json. */
extern const struct argp args_format;

/* argp_parse() of a command: messages begin with `name` ("freehold serve"), bad input ends with status 2. False: it failed. */
bool args_parse(const struct argp *argp, const char *name, int argc, char **argv,
		unsigned int flags, void *input);
/* Of a command that takes options only: ends it with status 2, and tells where a tree belongs. */
void args_unexpected(const struct argp_state *state, const char *arg);
/* Whether any of args_machine was given. */
bool args_machine_given(const struct load_opts *l);

#endif
