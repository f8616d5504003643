/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `freehold stat`: one file of a machine's tree, or a summary of all that the tree says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "args.h"
#include "books.h"
#include "load.h"
#include "no_server.h"
#include "readout.h"
#include "readout_users.h"
#include "tree_server.h"

int cmd_stat(int argc, char **argv);

#define BAD_INPUT 2

struct opts {
	struct load_opts load;
	char *root; /* "" stands for "/", so that a path reads "/proc/meminfo" */
	const char *socket;
	const char *path;
	bool json;
};

static const struct argp_option options[] = {
	{"root", 'R', "DIR", 0, "Read this tree: / of a running kernel, or a copy of one", 0},
	{"socket", 's', "PATH", 0,
	 "Read the machine of `freehold serve' there ('': the usual place)", 0},
	{0},
};

/* Either a tree that is there, or a machine to make. */
static void check(const struct opts *o, struct argp_state *state)
{
	const struct load_opts *l = &o->load;

	if (o->root && args_machine_given(l))
		argp_failure(state, BAD_INPUT, 0,
			     "--root %s/: expected no --dtb, --ram, --bootargs, --policy or --like "
			     "with it",
			     o->root);
	if (o->socket && (o->root || args_machine_given(l)))
		argp_failure(state, BAD_INPUT, 0,
			     "--socket %s: expected no --root, --dtb, --ram, --bootargs or "
			     "--policy with it",
			     o->socket);
	if (!o->root && !o->socket && !l->dtb && !l->ram)
		argp_failure(state, BAD_INPUT, 0,
			     "no machine: expected --root DIR, --ram SIZE or --dtb FILE");
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;

	switch (key) {
	case 'R':
		if (!*arg)
			argp_failure(state, BAD_INPUT, 0, "--root '': expected a folder");
		while (*arg && arg[strlen(arg) - 1] == '/')
			arg[strlen(arg) - 1] = '\0';
		o->root = arg;
		break;
	case 's':
		o->socket = arg;
		break;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->load;
		state->child_inputs[1] = &o->json;
		break;
	case ARGP_KEY_ARG:
		if (o->path)
			argp_failure(state, BAD_INPUT, 0, "%s: expected one path", arg);
		o->path = arg;
		break;
	case ARGP_KEY_END:
		check(o, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {
	{&args_machine, 0, "Make a machine:", 1}, {&args_format, 0, NULL, 2}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse_opt,
	.children = children,
	.args_doc = "[PATH|users]",
	.doc = "Reads what a machine shows in /proc, /sys/kernel/mm/cma and /sys/kernel/debug/cma: "
	       "one file or folder, or without PATH a summary of memory, zones and areas; `users': "
	       "who has which buffers.",
};

static int fail(const char *text)
{
	fprintf(stderr, "freehold stat: %s\n", text);
	return BAD_INPUT;
}

static int show_path(const struct opts *o, const struct tree *t)
{
	const char *path = o->path + strspn(o->path, "/");
	char *text;
	size_t len;
	int err = tree_read(t, path, &text, &len);
	bool ok = true;

	if (err) {
		fprintf(stderr, "freehold stat: %s%s%s: %s\n", t->dir ? t->dir : "",
			t->dir ? "/" : "", path, tree_error(err));
		return BAD_INPUT;
	}
	if (o->json)
		ok = readout_json_file(path, text, stdout);
	else
		fwrite(text, 1, len, stdout);
	free(text);
	return ok ? 0 : fail("out of memory");
}

static int show_summary(const struct opts *o, const struct tree *t)
{
	struct readout *r = malloc(sizeof(*r));
	int status = 0;

	if (!r)
		return fail("out of memory");
	if (!readout_read(t, r)) {
		fprintf(stderr,
			"freehold stat: %s/: expected proc/meminfo, proc/pagetypeinfo, "
			"sys/kernel/mm/cma or sys/kernel/debug/cma in it\n",
			t->dir ? t->dir : "");
		free(r);
		return BAD_INPUT;
	}
	if (!o->json)
		readout_text(r, stdout);
	else if (!readout_json(r, stdout))
		status = fail("out of memory");
	fflush(stdout);
	for (unsigned int i = 0; i < r->nr_notes; i++)
		fprintf(stderr, "freehold stat: %s%s%s\n", t->dir ? t->dir : "", t->dir ? "/" : "",
			r->note[i]);
	if (r->bad)
		status = BAD_INPUT;
	free(r);
	return status;
}

/* Of a server this command is a client, too. */
static int show_users(const struct opts *o, const struct tree *t)
{
	struct users u = {.user = NULL};
	char why[256];
	bool ok = true;

	if (!users_read(t, o->socket ? getpid() : 0, &u, why, sizeof(why))) {
		fail(why);
		if (o->root && strstr(why, strerror(ENOENT)))
			fprintf(stderr,
				"freehold stat: a kernel does not tell who has its buffers; "
				"machines of freehold do\n");
		return BAD_INPUT;
	}
	if (o->json)
		ok = users_json(&u, stdout);
	else
		users_text(&u, stdout);
	users_free(&u);
	return ok ? 0 : fail("out of memory");
}

static int show(const struct opts *o, const struct tree *t)
{
	if (o->path && !strcmp(o->path, "users"))
		return show_users(o, t);
	return o->path ? show_path(o, t) : show_summary(o, t);
}

static int show_machine(const struct opts *o)
{
	static struct boot_config cfg; /* too large for a stack */
	struct boot_why why = {""};
	struct books books = {.m = NULL};
	const char *broken;
	struct tree t;
	int status;

	if (load_boot_config(&o->load, &cfg, &why))
		return fail(why.text);
	broken = books_open(&books, &cfg);
	if (broken)
		return fail(broken);
	t = tree_of_machine(books.m);
	status = show(o, &t);
	books_close(&books);
	return status;
}

static int show_server(const struct opts *o)
{
	struct tree_server s;
	int status, err = tree_server_open(&s, o->socket);

	if (err) {
		fprintf(stderr, "freehold stat: --socket %s: %s\n", o->socket, no_server(-err));
		return BAD_INPUT;
	}
	status = show(o, &s.t);
	tree_server_close(&s);
	return status;
}

int cmd_stat(int argc, char **argv)
{
	struct opts o = {0};
	struct tree t;
	int status;

	if (!args_parse(&argp, "freehold stat", argc, argv, 0, &o))
		return BAD_INPUT;
	if (o.root) {
		t = tree_of_folder(o.root);
		status = show(&o, &t);
	} else if (o.socket) {
		status = show_server(&o);
	} else {
		status = show_machine(&o);
	}
	if (fflush(stdout) || ferror(stdout)) {
		perror("freehold stat: standard output");
		return 1;
	}
	return status;
}
