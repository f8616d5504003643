/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel command line: its words, and whom each is for. */
#include "boot/cmdline.h"
#include "boot/cmdline_value.h"
#include "boot/say.h"
#include "base/fmt.h"

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

/* To Linux `-` and `_` are the same in a name. */
static bool named(const struct option *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->name_len && name[i]; i++)
		if ((o->name[i] == '-' ? '_' : o->name[i]) != name[i])
			return false;
	return i == o->name_len && !name[i];
}

/* What our reading refuses, Linux's takes, with a note that says what was wrong. */
static int read_value(struct boot_cmdline *c, const struct option_kind *k, const struct option *o,
		      struct boot_why *why)
{
	struct boot_cmdline before = *c;
	struct boot_why own = {""};
	struct reader r = {.option = o,
			   .at = o->value,
			   .form = k->form,
			   .like = c->like,
			   .cfg = c->cfg,
			   .why = &own};
	int err;

	if (!o->value && !k->bare)
		err = boot_fail(&own, FH_EINVAL, "%s: no value; expected %s", k->name, k->form);
	else
		err = k->parse(c, &r);
	if (!err)
		return 0;
	*c = before;
	r.at = o->value;
	if (k->as_linux && c->cfg && c->cfg->as_linux && !k->as_linux(c, &r))
		return boot_go_on(c->cfg, why, (enum err) - err, "%s", own.text);
	return boot_fail(why, (enum err) - err, "%s", own.text);
}

static int apply(struct boot_cmdline *c, const struct option *o, struct boot_why *why)
{
	static const struct option_kind *const kinds[] = {cmdline_mem_options, cmdline_area_options,
							  cmdline_movable_options,
							  cmdline_dma_options, cmdline_buf_options};

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (const struct option_kind *k = kinds[i]; k->name; k++)
			if (named(o, k->name))
				return read_value(c, k, o, why);
	return 0;
}

int boot_cmdline_parse(const char *args, struct boot_cmdline *cmdline, struct boot_why *why)
{
	struct option o;
	int err = 0;

	*cmdline = (struct boot_cmdline){.cfg = cmdline->cfg,
					 .dma = cmdline->dma,
					 .like = cmdline->like,
					 .heaps_linux_only = cmdline->heaps_linux_only};
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

int boot_config_like(struct boot_config *cfg, const char *version, struct boot_why *why)
{
	struct boot_cmdline c = {.like = cfg->like};
	char args[32];
	size_t n = fh_snprintf(args, sizeof(args), "like=%s", version);
	int err;

	for (const char *s = version; *s; s++)
		if (blank(*s))
			n = sizeof(args); /* it would be options of its own */
	if (n >= sizeof(args))
		return boot_fail(why, FH_EINVAL, "like=%.40s: not a kernel's version", version);
	err = boot_cmdline_parse(args, &c, why);
	if (err)
		return err;
	cfg->like = c.like;
	cfg->heaps_linux_only = true;
	return 0;
}
