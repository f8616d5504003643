/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options that several commands have. */
#include <string.h>
#include "args.h"

#define ARGS_BAD_INPUT 2

enum {
	KEY_LIKE = 0x10000,
	KEY_TAKEN,
	KEY_KCONFIG,
	KEY_OVERLAY,
	KEY_ARCH
}; /* beside the keys of commands */

static const struct argp_option machine_options[] = {
	{"dtb", 'd', "FILE", 0, "The device tree, a .dtb or (with dtc) a .dts", 0},
	{"overlay", KEY_OVERLAY, "FILE", 0,
	 "An overlay, merged into the tree: a .dtbo or (with dtc) a .dts or .dtso; several in "
	 "order",
	 0},
	{"ram", 'r', "SIZE", 0, "This much RAM: banks of the tree are cut or the last one grows",
	 0},
	{"bootargs", 'b', "STR", 0, "The kernel command line, in place of the tree's", 0},
	{"policy", 'p', "NAME", 0, "Of areas: carveout, movable, discard or guaranteed (default)",
	 0},
	{"like", KEY_LIKE, "VERSION", 0,
	 "Lay memory out as this kernel, 6.12 or another, and have its heaps and no others", 0},
	{"taken", KEY_TAKEN, "START-END[,late]", 0,
	 "Memory that the kernel itself has (also START+SIZE); late: once regions are placed", 0},
	{"arch", KEY_ARCH, "NAME", 0,
	 "What the kernel is for: arm64, arm or arm-lpae (default: as --kconfig or the tree's CPUs "
	 "say)",
	 0},
	{"kconfig", KEY_KCONFIG, "FILE", 0,
	 "How the kernel was built: a Linux .config, or a fragment of one", 0},
	{0},
};

static error_t parse_machine(int key, char *arg, struct argp_state *state)
{
	struct load_opts *l = state->input;

	switch (key) {
	case 'd':
		l->dtb = arg;
		break;
	case 'r':
		l->ram = arg;
		break;
	case 'b':
		l->bootargs = arg;
		break;
	case 'p':
		l->policy = arg;
		break;
	case KEY_LIKE:
		l->like = arg;
		break;
	case KEY_OVERLAY:
		if (l->nr_overlays == LOAD_MAX_OVERLAYS)
			argp_failure(state, ARGS_BAD_INPUT, 0, "--overlay: more than %d",
				     LOAD_MAX_OVERLAYS);
		l->overlay[l->nr_overlays++] = arg;
		break;
	case KEY_TAKEN:
		if (l->nr_taken == BOOT_MAX_TAKEN)
			argp_failure(state, ARGS_BAD_INPUT, 0, "--taken: more than %d",
				     BOOT_MAX_TAKEN);
		l->taken[l->nr_taken++] = arg;
		break;
	case KEY_ARCH:
		l->arch = arg;
		break;
	case KEY_KCONFIG:
		l->kconfig = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp args_machine = {.options = machine_options, .parser = parse_machine};

bool args_machine_given(const struct load_opts *l)
{
	return l->dtb || l->ram || l->bootargs || l->policy || l->like || l->nr_taken ||
	       l->nr_overlays || l->kconfig || l->arch;
}

static const struct argp_option format_options[] = {
	{"format", 'f', "text|json", 0, "Form of the output (default text)", 0},
	{0},
};

static error_t parse_format(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	*json = !strcmp(arg, "json");
	if (!*json && strcmp(arg, "text"))
		argp_failure(state, argp_err_exit_status, 0, "--format %s: expected text or json",
			     arg);
	return 0;
}

const struct argp args_format = {.options = format_options, .parser = parse_format};

void args_unexpected(const struct argp_state *state, const char *arg)
{
	const char *end = strrchr(arg, '.');
	bool tree = end && (!strcmp(end, ".dtb") || !strcmp(end, ".dts"));
	bool overlay = end && (!strcmp(end, ".dtbo") || !strcmp(end, ".dtso"));

	argp_failure(state, ARGS_BAD_INPUT, 0, "unexpected argument `%s'%s%s%s", arg,
		     tree || overlay ? "; expected " : "",
		     tree      ? "--dtb "
		     : overlay ? "--overlay "
			       : "",
		     tree || overlay ? arg : "");
}

bool args_parse(const struct argp *argp, const char *name, int argc, char **argv,
		unsigned int flags, void *input)
{
	char *own = argc ? argv[0] : NULL;
	error_t err;

	argp_err_exit_status = ARGS_BAD_INPUT;
	if (argc)
		argv[0] = (char *)(uintptr_t)name;
	err = argp_parse(argp, argc, argv, flags, NULL, input);
	if (argc)
		argv[0] = own;
	return !err;
}
