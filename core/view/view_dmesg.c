/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * dmesg: the machine's log, as dmesg(1) prints it. The log keeps no times: every line bears the
 * time of boot, 0, which is true of the lines of boot only.
 */
#include "view/view.h"

#define STAMP "[    0.000000] "

void view_dmesg(struct view *v)
{
	struct dmesg *d = &v->m->dmesg;
	bool begin = true;
	uint64_t at = 0;

	fh_lock(&d->lock);
	if (d->len > DMESG_SIZE) { /* the oldest line is cut: leave it out */
		at = d->len - DMESG_SIZE;
		while (at < d->len && d->buf[at % DMESG_SIZE] != '\n')
			at++;
		at++;
	}
	for (; at < d->len; at++) {
		const char *c = &d->buf[at % DMESG_SIZE];

		if (begin)
			view_put(v, STAMP, sizeof(STAMP) - 1);
		view_put(v, c, 1);
		begin = *c == '\n';
	}
	fh_unlock(&d->lock);
}
