/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Boots the device trees of a list, each in a process of its own, and counts what came of them.
 * usage: boot_boards [-q|-c] [-j N] [-k KCONFIG] [-l VERSION] LIST        LIST: a file of names of .dtb files; -q: no machines, no JSON;
 * -k: a kernel that is built as this file says; -l: as this version; -c: each tree
 * is cut off and damaged at every byte instead.
 * Prints TAP; exit status 1 when something failed.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "board.h"

#define JOBS_MAX 16
#define SECONDS	 300 /* a tree that takes longer hangs */
#define LINE	 1024

struct job {
	pid_t pid; /* 0: free */
	char *file;
	FILE *out;
};

/* One thing that was said, how often, of how many trees, and of which first. */
struct row {
	char *kind, *text, *first;
	unsigned int n, trees;
	const char *last;
};

static char **files; /* rows have their names until the end */
static struct row *rows;
static size_t nr_rows;
static unsigned int nr_tests, failed_trees;
static struct board_kernel kernel;

static void add(const char *kind, unsigned int n, const char *text, char *file)
{
	struct row *r = rows;

	for (; r < rows + nr_rows; r++)
		if (!strcmp(r->kind, kind) && !strcmp(r->text, text))
			break;
	if (r == rows + nr_rows) {
		rows = realloc(rows, (nr_rows + 1) * sizeof(*rows));
		if (!rows)
			abort();
		r = &rows[nr_rows++];
		*r = (struct row){.kind = strdup(kind), .text = strdup(text), .first = file};
	}
	if (strcmp(kind, "most") != 0)
		r->n += n;
	else if (n > r->n)
		*r = (struct row){.kind = r->kind, .text = r->text, .first = file, .n = n};
	r->trees += r->last != file;
	r->last = file;
}

static void not_ok(const char *file, const char *reason)
{
	printf("not ok %u - %s: %s\n", ++nr_tests, file, reason);
}

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

static void start(struct job *j, char *file, enum board_how how)
{
	j->file = file;
	j->out = tmpfile();
	if (!j->out)
		abort();
	fflush(stdout);
	j->pid = fork();
	if (j->pid < 0)
		abort();
	if (j->pid)
		return;
	alarm(SECONDS);
	board_boot(file, &kernel, how, j->out);
	fflush(j->out);
	_exit(0);
}

static void finish(struct job *j, int status)
{
	char line[LINE];
	bool failed = status != 0;

	rewind(j->out);
	while (fgets(line, sizeof(line), j->out)) {
		char *save, *kind = strtok_r(line, "\t", &save), *n = strtok_r(NULL, "\t", &save);
		char *text = strtok_r(NULL, "\n", &save);

		if (!kind || !n || !text)
			continue;
		if (strcmp(kind, "fail") != 0) {
			add(kind, (unsigned int)strtoul(n, NULL, 10), text, j->file);
			continue;
		}
		failed = true;
		not_ok(base_name(j->file), text);
	}
	fclose(j->out);
	if (WIFSIGNALED(status)) {
		snprintf(line, sizeof(line), "%s: signal %d",
			 WTERMSIG(status) == SIGALRM ? "hangs" : "crashes", WTERMSIG(status));
		not_ok(base_name(j->file), line);
	} else if (status) {
		snprintf(line, sizeof(line), "ended with status %d", WEXITSTATUS(status));
		not_ok(base_name(j->file), line);
	}
	failed_trees += failed;
	j->pid = 0;
}

/* Waits for one; false: none runs. */
static bool reap(struct job *jobs, unsigned int n)
{
	int status;
	pid_t pid = wait(&status);

	for (unsigned int i = 0; pid > 0 && i < n; i++)
		if (jobs[i].pid == pid)
			finish(&jobs[i], status);
	return pid > 0;
}

static struct job *free_job(struct job *jobs, unsigned int n)
{
	for (;;) {
		for (unsigned int i = 0; i < n; i++)
			if (!jobs[i].pid)
				return &jobs[i];
		reap(jobs, n);
	}
}

/* As a string; NULL: it cannot be read. */
static char *whole_file(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		text = NULL;
	}
	fclose(in);
	return text;
}

static int by_kind(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = strcmp(x->kind, y->kind);

	if (!c && strcmp(x->kind, "count") != 0)
		c = (int)y->n - (int)x->n;
	return c ? c : strcmp(x->text, y->text);
}

static void print_rows(void)
{
	const char *kind = "";

	qsort(rows, nr_rows, sizeof(*rows), by_kind);
	for (struct row *r = rows; r < rows + nr_rows; r++) {
		if (strcmp(kind, r->kind) != 0)
			printf("#\n# %-6s  %7s  %5s\n", kind = r->kind, "times", "trees");
		printf("#         %7u  %5u  %s", r->n, r->trees, r->text);
		if (strcmp(kind, "count") != 0)
			printf("  [%s]", base_name(r->first));
		putchar('\n');
	}
}

/* The name of tree `i`. */
static char *keep_name(unsigned int i, const char *name)
{
	char **more = realloc(files, (i + 1) * sizeof(*files));

	if (!more)
		abort();
	files = more;
	files[i] = strdup(name);
	if (!files[i])
		abort();
	return files[i];
}

int main(int argc, char **argv)
{
	struct job jobs[JOBS_MAX] = {{0}};
	unsigned int n = 2, trees = 0;
	enum board_how how = BOARD_ALL;
	char line[LINE];
	FILE *list;
	int option;

	while ((option = getopt(argc, argv, "cj:k:l:q")) != -1 && option != '?')
		if (option == 'j')
			n = (unsigned int)strtoul(optarg, NULL, 10);
		else if (option == 'k')
			kernel.file = optarg;
		else if (option == 'l')
			kernel.like = optarg;
		else
			how = option == 'q' ? BOARD_LAYOUT : BOARD_CUT;
	list = option == -1 && optind + 1 == argc ? fopen(argv[optind], "r") : NULL;
	if (!list || !n || n > JOBS_MAX) {
		fprintf(stderr,
			"usage: boot_boards [-q|-c] [-j N] [-k KCONFIG] [-l VERSION] LIST\n");
		return 2;
	}
	if (kernel.file && !(kernel.text = whole_file(kernel.file))) {
		perror(kernel.file);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; fgets(line, sizeof(line), list); trees++) {
		line[strcspn(line, "\n")] = '\0';
		start(free_job(jobs, n), keep_name(trees, line), how);
	}
	fclose(list);
	while (reap(jobs, n))
		;
	printf("%s %u - %u of %u trees boot\n", failed_trees || !trees ? "not ok" : "ok",
	       nr_tests + 1, trees - failed_trees, trees);
	printf("1..%u\n", nr_tests + 1);
	print_rows();
	return failed_trees || !trees;
}
