/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command `freehold`: finds the subcommand and hands it the rest of the line. */
#include <argp.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef FREEHOLD_VERSION
#define FREEHOLD_VERSION "unknown"
#endif

#define EXIT_USAGE 2

int cmd_boot(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_exec(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{"boot", cmd_boot, "lay memory out as Linux would, from a tree and a command line"},
	{"lint", cmd_lint, "say what is wrong or unwise in a tree and a command line"},
	{"run", cmd_run, "run a job's devices and tenants under each policy, and compare"},
	{"stat", cmd_stat, "read what a machine, a board or a copy of one shows"},
	{"explain", cmd_explain,
	 "which memory a device gets, who was asked, and why it is refused"},
	{"serve", cmd_serve, "give buffers to other programs, over a socket"},
	{"exec", cmd_exec, "run a program that finds a machine's heaps in /dev/dma_heap"},
	{"bench", cmd_bench, "measure the parts"},
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

const char *argp_program_version = "freehold " FREEHOLD_VERSION;

struct line {
	int at; /* index of the subcommand */
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct line *line = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARG:
		/* What follows belongs to the subcommand. */
		line->at = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected a command");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of commands, from the table. */
static char *help_text(int key, const char *text, void *input)
{
	char *all = NULL;
	size_t size;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	f = open_memstream(&all, &size);
	if (!f)
		return NULL;
	fprintf(f, "Commands:\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].what);
	fprintf(f, "\n`freehold COMMAND --help' tells more.");
	fclose(f);
	return all;
}

static const struct argp argp = {
	.parser = parse_opt,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "Contiguous memory that is lent while its owner does not need it.\v",
	.help_filter = help_text,
};

/* A closed standard stream would otherwise be the number of the next file: of RAM, or of a report. */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct line line = {0};

	open_standard_streams();
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line))
		return EXIT_USAGE;
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(argv[line.at], commands[i].name))
			return commands[i].run(argc - line.at, argv + line.at);
	fprintf(stderr,
		"freehold: no command '%s', expected boot, lint, run, stat, explain, serve, exec "
		"or "
		"bench\n",
		argv[line.at]);
	return EXIT_USAGE;
}
