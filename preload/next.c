/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The functions behind ours, looked up when the library is initialised, or before if another's constructor calls first. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "preload.h"

static const char *const names[NR_NEXT] = {
#define F(name) #name,
#include "next.def"
#undef F
};
static _Atomic(void *) found[NR_NEXT];

void *next_function(enum next which)
{
	void *f = atomic_load_explicit(&found[which], memory_order_acquire);

	if (f)
		return f;
	f = dlsym(RTLD_NEXT, names[which]);
	if (!f)
		abort(); /* who calls a function of this name, had one when it was linked */
	atomic_store_explicit(&found[which], f, memory_order_release);
	return f;
}

__attribute__((constructor)) static void look_up(void)
{
	for (int i = 0; i < NR_NEXT; i++) {
		void *f = dlsym(RTLD_NEXT, names[i]);

		if (f)
			atomic_store_explicit(&found[i], f, memory_order_release);
	}
	shared_page();
}
