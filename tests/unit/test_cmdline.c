/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command line: numbers as memparse(), words as Linux divides them, mem= and cma=. */
#include <string.h>
#include "t.h"
#include "boot/cmdline.h"

static struct boot_cmdline c;
static struct boot_why why;

static void number(const char *s, uint64_t want, size_t used)
{
	const char *end = NULL;
	uint64_t v = 1;

	T_EQ(boot_memparse(s, &end, &v), 0);
	T_EQ(v, want);
	T_EQ(end - s, used);
}

static void reads_numbers(void)
{
	number("64M", UINT64_C(64) << 20, 3);
	number("64m,", UINT64_C(64) << 20, 3);
	number("1k", 1024, 2);
	number("2G", UINT64_C(2) << 30, 2);
	number("3T", UINT64_C(3) << 40, 2);
	number("1P", UINT64_C(1) << 50, 2);
	number("15E", UINT64_C(15) << 60, 3);
	number("0x1E", 30, 4); /* a digit, not exa */
	number("0x10M", UINT64_C(16) << 20, 5);
	number("0XfF", 255, 4);
	number("010", 8, 3);
	number("08", 0, 1); /* octal: 8 is no digit */
	number("0x", 0, 1); /* as Linux: the number is 0 */
	number("0xg", 0, 1);
	number("12MB", UINT64_C(12) << 20, 3);
	number("18446744073709551615", UINT64_MAX, 20);
	number("0x3ffffffffffK", UINT64_C(0x3ffffffffff) << 10, 14);
}

static void finds_overflow(void)
{
	static const char *const over[] = {
		"18446744073709551616", "0x10000000000000000",	   "16E",
		"17179869184G",		"02000000000000000000000", "99999999999999999999999999K",
	};
	const char *end;
	uint64_t v = 7;

	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		T_EQ(boot_memparse(over[i], &end, &v), -FH_ERANGE);
		T_STR(end, "");
	}
	T_EQ(v, 7);
}

static void wants_digits(void)
{
	static const char *const none[] = {"", "M", "-1", " 1", "x10", "+1", "G4"};
	const char *end;
	uint64_t v = 7;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		T_EQ(boot_memparse(none[i], &end, &v), -FH_EINVAL);
		T_OK(end == none[i], "nothing was read");
	}
}

static void cma(const char *args, uint64_t size, uint64_t base, uint64_t limit)
{
	if (!T_EQ(boot_cmdline_parse(args, &c, &why), 0))
		T_STR(why.text, args);
	T_OK(c.has_cma, args);
	T_EQ(c.cma_size, size);
	T_EQ(c.cma_base, base);
	T_EQ(c.cma_limit, limit);
}

static void reads_cma(void)
{
	cma("cma=64M", 64 << 20, 0, 0);
	cma("cma=64M@1G", 64 << 20, 1 << 30, (1 << 30) + (64 << 20));
	cma("cma=64M@1G-0x80000000", 64 << 20, 1 << 30, UINT64_C(2) << 30);
	cma("cma=0", 0, 0, 0);
	cma("quiet cma=1M root=/dev/sda cma=2M", 2 << 20, 0, 0);
	cma("cma=1M@1G cma=2M", 2 << 20, 0, 0); /* the last counts, wholly */
}

static void divides_words_as_linux(void)
{
	cma("\t cma=8M\n", 8 << 20, 0, 0);
	cma("cma=8M a=\"x cma=1M y\" \"b cma=1M\"", 8 << 20, 0, 0);
	cma("cma=\"8M\"", 8 << 20, 0, 0);
	cma("\"cma=8M\"", 8 << 20, 0, 0);
	cma("xcma=1M cmax=1M cma.x=1M cma=8M", 8 << 20, 0, 0);
	cma("cma=8M -- cma=1M mem=oops", 8 << 20, 0, 0);
	cma("--x cma=8M", 8 << 20, 0, 0);
	T_EQ(boot_cmdline_parse("dyndbg=\"cma=1M\" =5 = \"\" \" cma", &c, &why), 0);
	T_OK(!c.has_cma && !c.has_mem, "none is ours");
	T_EQ(boot_cmdline_parse("", &c, &why), 0);
}

static void reads_mem(void)
{
	T_EQ(boot_cmdline_parse("mem=512M", &c, &why), 0);
	T_OK(c.has_mem && !c.has_cma, "only mem=");
	T_EQ(c.mem, 512 << 20);
	T_EQ(boot_cmdline_parse("mem=5000", &c, &why), 0);
	T_EQ(c.mem, 4096);
}

static void says_what_is_wrong(void)
{
	static const struct {
		const char *args;
		int err;
		const char *why;
	} bad[] = {
		{"cma=64MB", -FH_EINVAL,
		 "cma=64MB: unexpected `B'; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"a cma=", -FH_EINVAL,
		 "cma=: no number for the size; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma", -FH_EINVAL, "cma: no value; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=1M@", -FH_EINVAL,
		 "cma=1M@: no number for the start; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=1M@1G-x", -FH_EINVAL,
		 "cma=1M@1G-x: no number for the end; expected cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=1M@1G-1G", -FH_EINVAL,
		 "cma=1M@1G-1G: the end lies below start plus size; expected "
		 "cma=SIZE[@START[-END]], as cma=64M"},
		{"cma=99999999999E x", -FH_ERANGE,
		 "cma=99999999999E: the size does not fit 64 bits"},
		{"cma=8E@15E", -FH_ERANGE, "cma=8E@15E: start plus size do not fit 64 bits"},
		{"mem=1G@2G", -FH_EINVAL,
		 "mem=1G@2G: unexpected `@'; expected mem=SIZE, as mem=512M"},
		{"mem=0", -FH_EINVAL, "mem=0: expected at least one page (4K)"},
		{"mem", -FH_EINVAL, "mem: no value; expected mem=SIZE, as mem=512M"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		T_EQ(boot_cmdline_parse(bad[i].args, &c, &why), bad[i].err);
		T_STR(why.text, bad[i].why);
	}
	T_EQ(boot_cmdline_parse("cma=oops", &c, NULL), -FH_EINVAL);
}

const struct t_case t_cases[] = {
	T(reads_numbers), T(finds_overflow),	     T(wants_digits),	    T(reads_cma),
	T(reads_mem),	  T(divides_words_as_linux), T(says_what_is_wrong), T_END,
};
