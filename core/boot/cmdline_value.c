/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Numbers with suffixes, words and ends of an option's value. */
#include "boot/cmdline_value.h"
#include "boot/like.h"
#include "boot/say.h"
#include "base/string.h"

/* 0 to 15, or above for what is no digit of any base. */
static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10) : 16;
}

/* How far K, M, G, T, P or E moves a number to the left; 0 for any other character. */
static unsigned int suffix_shift(char c)
{
	static const char letters[] = "kmgtpe";

	for (unsigned int i = 0; letters[i]; i++)
		if ((c | 0x20) == letters[i])
			return 10 * (i + 1);
	return 0;
}

/* Octal, decimal or hexadecimal, as the prefix says; false: it does not fit. */
static bool read_digits(const char *s, const char **end, uint64_t *v)
{
	unsigned int base = *s == '0' ? 8 : 10;
	bool over = false;

	if (*s == '0' && (s[1] | 0x20) == 'x' && digit(s[2]) < 16) {
		base = 16;
		s += 2;
	}
	for (*v = 0; digit(*s) < base; s++) {
		over |= *v > (UINT64_MAX - digit(*s)) / base;
		*v = *v * base + digit(*s);
	}
	*end = s;
	return !over;
}

int boot_memparse(const char *s, const char **end, uint64_t *bytes)
{
	unsigned int shift;
	uint64_t v;
	bool fits;

	*end = s;
	if (digit(*s) >= 10)
		return -FH_EINVAL;
	fits = read_digits(s, end, &v);
	shift = suffix_shift(**end);
	*end += shift > 0;
	if (!fits || (v << shift) >> shift != v)
		return -FH_ERANGE;
	*bytes = v << shift;
	return 0;
}

/* How much of the word a message shows: a long one must not fill it. */
static int given_len(const struct option *o)
{
	size_t n = o->value ? o->value_len + (size_t)(o->value - o->name) : o->name_len;

	return n < 80 ? (int)n : 80;
}

int refuse_value(const struct reader *r, enum err err, const char *text)
{
	return boot_fail(r->why, err, "%.*s: %s", given_len(r->option), r->option->name, text);
}

int refuse_form(const struct reader *r, enum err err, const char *text)
{
	return boot_fail(r->why, err, "%.*s: %s; expected %s", given_len(r->option),
			 r->option->name, text, r->form);
}

static int no_number(const struct reader *r, int err, const char *what)
{
	const struct option *o = r->option;

	if (err == -FH_ERANGE)
		return boot_fail(r->why, FH_ERANGE, "%.*s: the %s does not fit 64 bits",
				 given_len(o), o->name, what);
	return boot_fail(r->why, FH_EINVAL, "%.*s: no number for the %s; expected %s", given_len(o),
			 o->name, what, r->form);
}

int read_size(struct reader *r, const char *what, uint64_t *bytes)
{
	int err = boot_memparse(r->at, &r->at, bytes);

	return err ? no_number(r, err, what) : 0;
}

uint64_t page_bytes(const struct reader *r)
{
	return r->cfg ? boot_page_bytes(r->cfg) : FH_PAGE_SIZE;
}

int read_pages(struct reader *r, uint64_t *bytes)
{
	uint64_t page = page_bytes(r);
	int err = read_size(r, "size", bytes);

	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	if (*bytes && !(*bytes & (page - 1)))
		return 0;
	return boot_fail(r->why, FH_EINVAL, "%.*s: expected whole pages (%lluK), at least one",
			 given_len(r->option), r->option->name, (unsigned long long)(page / 1024));
}

int read_count(struct reader *r, const char *what, uint64_t min, uint64_t max, uint64_t *n)
{
	const struct option *o = r->option;

	if (digit(*r->at) >= 10)
		return no_number(r, -FH_EINVAL, what);
	if (!read_digits(r->at, &r->at, n))
		return no_number(r, -FH_ERANGE, what);
	if (*n < min || *n > max)
		return boot_fail(r->why, FH_EINVAL, "%.*s: the %s is %llu; expected %llu to %llu",
				 given_len(o), o->name, what, (unsigned long long)*n,
				 (unsigned long long)min, (unsigned long long)max);
	return 0;
}

int expect_end(const struct reader *r)
{
	const struct option *o = r->option;

	if (r->at == o->value + o->value_len)
		return 0;
	return boot_fail(r->why, FH_EINVAL, "%.*s: unexpected `%c'; expected %s", given_len(o),
			 o->name, *r->at >= 0x20 && *r->at < 0x7f ? *r->at : '?', r->form);
}

int read_word(struct reader *r, const char *const *words, int n)
{
	const struct option *o = r->option;
	size_t left = (size_t)(o->value + o->value_len - r->at);

	for (int i = 0; i < n; i++) {
		if (fh_strlen(words[i]) != left || memcmp(words[i], r->at, left) != 0)
			continue;
		r->at += left;
		return i;
	}
	return boot_fail(r->why, FH_EINVAL, "%.*s: expected %s", given_len(o), o->name, r->form);
}

int read_switch(struct reader *r, bool *on)
{
	static const char *const words[] = {"n", "N", "0", "off", "y", "Y", "1", "on"};
	int word = read_word(r, words, 8);

	if (word < 0)
		return word;
	*on = word >= 4;
	return 0;
}

/* ---- as Linux reads ---- */

static uint64_t too_large(const struct reader *r, uint64_t v)
{
	return r->like < LIKE_7 ? v : UINT64_MAX;
}

uint64_t linux_count(struct reader *r)
{
	uint64_t v = 0;

	if (digit(*r->at) < 10 && !read_digits(r->at, &r->at, &v))
		return too_large(r, v);
	return v;
}

uint64_t linux_size(struct reader *r)
{
	uint64_t v = linux_count(r);
	unsigned int shift = suffix_shift(*r->at);

	r->at += shift > 0;
	return v << shift >> shift == v ? v << shift : too_large(r, v << shift);
}

int linux_malformed(struct boot_cmdline *c, struct reader *r)
{
	(void)c;
	boot_say(r->cfg, "Malformed early option '%.*s'\n", (int)r->option->name_len,
		 r->option->name);
	return 0;
}

int linux_ignores(struct boot_cmdline *c, struct reader *r)
{
	(void)c;
	(void)r;
	return 0;
}
