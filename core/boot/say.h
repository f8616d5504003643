/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the boot code says: lines of the boot log, and the one line that tells why it gave up. */
#ifndef FH_BOOT_SAY_H
#define FH_BOOT_SAY_H

#include <freehold/boot.h>

/* Appends a line (the text ends it with '\n') to cfg->dmesg. One that does not fit is counted
 * instead; boot_say_dropped() says how many. */
void boot_say(struct boot_config *cfg, const char *fmt, ...) FH_PRINTF(2, 3);
void boot_say_dropped(struct boot_config *cfg);

/* Of a physical address, as Linux's %pa. */
static inline int boot_digits(const struct boot_config *cfg)
{
	return cfg->kernel.arch == BOOT_ARCH_ARM ? 8 : 16;
}

/* Writes the reason (why may be NULL) and returns -err. */
FH_MUST_CHECK int boot_fail(struct boot_why *why, enum err err, const char *fmt, ...)
	FH_PRINTF(3, 4);

/* Where Linux goes on: with cfg->as_linux notes it and returns 0, else as boot_fail(). */
FH_MUST_CHECK int boot_go_on(struct boot_config *cfg, struct boot_why *why, enum err err,
			     const char *fmt, ...) FH_PRINTF(4, 5);

/* Copies at most max characters of src, cut at size - 1; what could break a line becomes '?'. */
void boot_copy_name(char *dst, size_t size, const char *src, size_t max);

#endif
