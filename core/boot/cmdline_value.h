/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An option of the command line that is being read: its value, and errors that name what was expected. */
#ifndef FH_BOOT_CMDLINE_VALUE_H
#define FH_BOOT_CMDLINE_VALUE_H

#include <freehold/boot.h>

struct boot_cmdline;

/* A word of the command line; value is NULL without `=`. Neither ends with NUL. */
struct option {
	const char *name, *value;
	size_t name_len, value_len;
};

struct reader {
	const struct option *option;
	const char *at;	   /* what is not read yet of the value */
	const char *form;  /* what the whole should look like */
	unsigned int like; /* whose reader, as far as options before have said */
	/* Whose command line it is: notes and messages go there. NULL: every oddity is an error, pages are of 4 KiB. */
	struct boot_config *cfg;
	struct boot_why *why;
};

struct option_kind {
	const char *name, *form;
	int (*parse)(struct boot_cmdline *c, struct reader *r);
	bool bare; /* may stand without a value: r->at is NULL then */
	/* What Linux makes of a value that parse() refuses (r->at is NULL where there is none); an error: not even Linux goes on.
	 * NULL: the option is ours. */
	int (*as_linux)(struct boot_cmdline *c, struct reader *r);
};

/* Ended by a name that is NULL. */
extern const struct option_kind cmdline_mem_options[], cmdline_area_options[],
	cmdline_movable_options[], cmdline_dma_options[], cmdline_buf_options[];

/* All return 0 or a negative error with the reason; `what` names the number. */
FH_MUST_CHECK int read_size(struct reader *r, const char *what, uint64_t *bytes);
/* Digits without a suffix, from min to max. */
FH_MUST_CHECK int read_count(struct reader *r, const char *what, uint64_t min, uint64_t max,
			     uint64_t *n);
/* read_size() to the end: whole pages, at least one. */
FH_MUST_CHECK int read_pages(struct reader *r, uint64_t *bytes);
FH_MUST_CHECK int expect_end(const struct reader *r);
/* Which of the words all that is left of the value is; a negative error: none of them. */
FH_MUST_CHECK int read_word(struct reader *r, const char *const *words, int n);
/* y, n, 1, 0, on, off and so on, as Linux's kstrtobool(). */
FH_MUST_CHECK int read_switch(struct reader *r, bool *on);
/* Bytes of a page of the kernel that is read for. */
uint64_t page_bytes(const struct reader *r);

/* As Linux reads: a number that is not there is 0, what does not fit is cut off (from 7 on it is the largest there is), and nobody
 * asks what follows. */
uint64_t linux_size(struct reader *r);
uint64_t linux_count(struct reader *r);
/* "Malformed early option": Linux says so and goes on as if the option were not there. */
int linux_malformed(struct boot_cmdline *c, struct reader *r);
/* Nothing comes of it. */
int linux_ignores(struct boot_cmdline *c, struct reader *r);

/* Say "NAME=VALUE: TEXT", the second with "; expected FORM" behind it, and return -err. */
FH_MUST_CHECK int refuse_value(const struct reader *r, enum err err, const char *text);
FH_MUST_CHECK int refuse_form(const struct reader *r, enum err err, const char *text);

#endif
