/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What standard output is: how wide, in which characters, with colours or without. */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "boot_show.h"

#define DEFAULT_WIDTH 80
#define LEAST_WIDTH   60 /* narrower than this nothing can be shown */
#define MOST_WIDTH    500

static int width_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	long n = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize size;

	if (n <= 0 && isatty(fd) && !ioctl(fd, TIOCGWINSZ, &size))
		n = size.ws_col;
	if (n <= 0)
		n = DEFAULT_WIDTH;
	return (int)(n < LEAST_WIDTH ? LEAST_WIDTH : n > MOST_WIDTH ? MOST_WIDTH : n);
}

/* Of the environment, without changing the locale of the program. */
static bool utf8_locale(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8 = locale && !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");

	if (locale)
		freelocale(locale);
	return utf8;
}

/* no-color.org: any value of NO_COLOR that is not empty. */
static bool wants_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb");
}

struct boot_screen boot_screen_of(FILE *out)
{
	int fd = fileno(out);

	return (struct boot_screen){
		.width = width_of(fd),
		.wrap = isatty(fd),
		.utf8 = utf8_locale(),
		.colour = wants_colour(fd),
	};
}

void boot_screen_word(const struct boot_screen *screen, FILE *out, int *at, const char *word, int n)
{
	if (*at + n > screen->width && *at > BOOT_INDENT) {
		fprintf(out, "\n%*s", BOOT_INDENT + 2, "");
		*at = BOOT_INDENT + 2;
	}
	fprintf(out, "%.*s", n, word);
	*at += n;
}
