/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Work that areas do in advance, for the platform's thread to call. */
#include "mm/async.h"
#include "mm/exchange.h"
#include "mm/machine.h"
#include "mm/ready.h"

bool cma_background(struct fh_machine *m)
{
	unsigned int nr, at;

	if (!m)
		return false;
	fh_lock(&m->areas_lock);
	nr = m->nr_areas;
	at = m->background_at++;
	fh_unlock(&m->areas_lock);
	for (unsigned int i = 0; i < nr; i++)
		if (async_step(m->area[(at + i) % nr]))
			return true;
	for (unsigned int i = 0; i < nr; i++)
		if (ready_step(m->area[(at + i) % nr]))
			return true;
	for (unsigned int i = 0; i < nr; i++)
		if (exchange_step(m->area[(at + i) % nr]))
			return true;
	return false;
}
