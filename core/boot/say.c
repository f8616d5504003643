/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lines of the boot log, and the reason of a failure. */
#include "boot/say.h"
#include "base/fmt.h"

/* Kept free for the line that says how many are missing. */
#define DROPPED_ROOM 48

void boot_say(struct boot_config *cfg, const char *fmt, ...)
{
	size_t room = BOOT_DMESG_MAX - DROPPED_ROOM - cfg->dmesg_len, n;
	char *at = cfg->dmesg + cfg->dmesg_len;
	va_list ap;

	va_start(ap, fmt);
	n = fh_vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < room) {
		cfg->dmesg_len += n;
	} else {
		*at = '\0';
		cfg->dmesg_dropped++;
	}
}

void boot_say_dropped(struct boot_config *cfg)
{
	if (cfg->dmesg_dropped)
		cfg->dmesg_len +=
			fh_snprintf(cfg->dmesg + cfg->dmesg_len, DROPPED_ROOM,
				    "** %u printk messages dropped **\n", cfg->dmesg_dropped);
}

int boot_fail(struct boot_why *why, enum err err, const char *fmt, ...)
{
	va_list ap;

	if (why) {
		va_start(ap, fmt);
		fh_vsnprintf(why->text, sizeof(why->text), fmt, ap);
		va_end(ap);
	}
	return -(int)err;
}

int boot_go_on(struct boot_config *cfg, struct boot_why *why, enum err err, const char *fmt, ...)
{
	struct boot_note *note = &cfg->note[cfg->nr_notes < BOOT_MAX_NOTES ? cfg->nr_notes : 0];
	char *text = cfg->as_linux ? note->text : why ? why->text : NULL;
	va_list ap;

	if (text && (!cfg->as_linux || cfg->nr_notes < BOOT_MAX_NOTES)) {
		va_start(ap, fmt);
		fh_vsnprintf(text, BOOT_WHY_MAX, fmt, ap);
		va_end(ap);
	}
	if (!cfg->as_linux)
		return -(int)err;
	if (cfg->nr_notes < BOOT_MAX_NOTES)
		note->err = err;
	cfg->nr_notes++;
	return 0;
}

void boot_copy_name(char *dst, size_t size, const char *src, size_t max)
{
	size_t i;

	for (i = 0; i + 1 < size && i < max && src[i]; i++)
		dst[i] = src[i] >= 0x20 && src[i] < 0x7f ? src[i] : '?';
	dst[i] = '\0';
}
