/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel command line: words, numbers with suffixes, mem= and cma=. */
#include "boot/cmdline.h"
#include "boot/say.h"

/* A word of the command line; value is NULL without `=`. Neither ends with NUL. */
struct option {
	const char *name, *value;
	size_t name_len, value_len;
};

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Reads the word at `s`, which is not blank; returns what follows it. */
static const char *next_option(const char *s, struct option *o)
{
	const char *end, *equals = NULL;
	bool quoted = *s == '"', inside = quoted;

	s += quoted;
	for (end = s; *end && (inside || !blank(*end)); end++) {
		if (*end == '=' && !equals && end > s)
			equals = end;
		if (*end == '"')
			inside = !inside;
	}
	*o = (struct option){.name = s, .name_len = (size_t)((equals ? equals : end) - s)};
	if (equals) {
		o->value = equals + 1;
		o->value_len = (size_t)(end - o->value);
		if (o->value_len && *o->value == '"') {
			o->value++;
			o->value_len--;
			quoted = true;
		}
		if (quoted && o->value_len && o->value[o->value_len - 1] == '"')
			o->value_len--;
	} else if (quoted && o->name_len && s[o->name_len - 1] == '"') {
		o->name_len--;
	}
	return end;
}

static bool named(const struct option *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->name_len && name[i]; i++)
		if (o->name[i] != name[i])
			return false;
	return i == o->name_len && !name[i];
}

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

int boot_memparse(const char *s, const char **end, uint64_t *bytes)
{
	unsigned int base = 10, shift;
	bool over = false;
	uint64_t v = 0;

	*end = s;
	if (digit(*s) >= 10)
		return -FH_EINVAL;
	if (*s == '0')
		base = 8;
	if (*s == '0' && (s[1] | 0x20) == 'x' && digit(s[2]) < 16) {
		base = 16;
		s += 2;
	}
	for (; digit(*s) < base; s++) {
		over |= v > (UINT64_MAX - digit(*s)) / base;
		v = v * base + digit(*s);
	}
	shift = suffix_shift(*s);
	s += shift > 0;
	*end = s;
	if (over || (v << shift) >> shift != v)
		return -FH_ERANGE;
	*bytes = v << shift;
	return 0;
}

/* A value that is being read; given_len keeps a long one from filling the message. */
struct reader {
	const struct option *option;
	const char *at, *form;
	struct boot_why *why;
};

static int given_len(const struct option *o)
{
	size_t n = o->value_len + (size_t)(o->value - o->name);

	return n < 80 ? (int)n : 80;
}

static int read_size(struct reader *r, const char *what, uint64_t *bytes)
{
	const struct option *o = r->option;
	int err = boot_memparse(r->at, &r->at, bytes);

	if (err == -FH_ERANGE)
		return boot_fail(r->why, FH_ERANGE, "%.*s: the %s does not fit 64 bits",
				 given_len(o), o->name, what);
	if (err)
		return boot_fail(r->why, FH_EINVAL, "%.*s: no number for the %s; expected %s",
				 given_len(o), o->name, what, r->form);
	return 0;
}

static int expect_end(const struct reader *r)
{
	const struct option *o = r->option;

	if (r->at == o->value + o->value_len)
		return 0;
	return boot_fail(r->why, FH_EINVAL, "%.*s: unexpected `%c'; expected %s", given_len(o),
			 o->name, *r->at >= 0x20 && *r->at < 0x7f ? *r->at : '?', r->form);
}

static int parse_mem(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0;
	int err;

	err = read_size(r, "size", &size);
	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	if (size < FH_PAGE_SIZE)
		return boot_fail(r->why, FH_EINVAL, "%.*s: expected at least one page (4K)",
				 given_len(r->option), r->option->name);
	c->has_mem = true;
	c->mem = size & ~(FH_PAGE_SIZE - 1);
	return 0;
}

static int parse_cma(struct boot_cmdline *c, struct reader *r)
{
	uint64_t size = 0, base = 0, limit = 0;
	bool at = false, to = false;
	int err;

	err = read_size(r, "size", &size);
	if (!err && *r->at == '@') {
		at = true;
		r->at++;
		err = read_size(r, "start", &base);
	}
	if (!err && at && *r->at == '-') {
		to = true;
		r->at++;
		err = read_size(r, "end", &limit);
	}
	if (!err)
		err = expect_end(r);
	if (err)
		return err;
	if (base + size < base)
		return boot_fail(r->why, FH_ERANGE, "%.*s: start plus size do not fit 64 bits",
				 given_len(r->option), r->option->name);
	if (to && limit < base + size)
		return boot_fail(r->why, FH_EINVAL,
				 "%.*s: the end lies below start plus size; expected %s",
				 given_len(r->option), r->option->name, r->form);
	if (at && !to)
		limit = base + size;
	c->has_cma = true;
	c->cma_size = size;
	c->cma_base = base;
	c->cma_limit = limit;
	return 0;
}

static int apply(struct boot_cmdline *c, const struct option *o, struct boot_why *why)
{
	bool mem = named(o, "mem");
	struct reader r = {
		.option = o,
		.at = o->value,
		.form = mem ? "mem=SIZE, as mem=512M" : "cma=SIZE[@START[-END]], as cma=64M",
		.why = why,
	};

	if (!mem && !named(o, "cma"))
		return 0;
	if (!o->value)
		return boot_fail(why, FH_EINVAL, "%s: no value; expected %s", mem ? "mem" : "cma",
				 r.form);
	return mem ? parse_mem(c, &r) : parse_cma(c, &r);
}

int boot_cmdline_parse(const char *args, struct boot_cmdline *cmdline, struct boot_why *why)
{
	struct option o;
	int err = 0;

	*cmdline = (struct boot_cmdline){0};
	while (!err) {
		while (blank(*args))
			args++;
		if (!*args)
			break;
		args = next_option(args, &o);
		if (!o.value && o.name_len == 2 && o.name[0] == '-' && o.name[1] == '-')
			break;
		err = apply(cmdline, &o, why);
	}
	return err;
}
