/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine whose file tree a test reads. */
#include <stdlib.h>
#include <string.h>
#include "../t.h"
#include "shown.h"

void shown_machine(struct shown *sh, struct boot_config *cfg)
{
	testplat_init(&sh->tp);
	sh->m = NULL;
	T_EQ(fh_machine_create(&sh->tp.plat, cfg, &sh->m), 0);
	free(cfg);
	testplat_cpu(0);
}

void shown_make(struct shown *sh, uint64_t cma_mib, enum cma_policy policy)
{
	shown_machine(sh, testplat_config(SHOWN_MIB, cma_mib, policy, 2, TP_THREE_ZONES));
}

void shown_done(struct shown *sh)
{
	if (sh->m) {
		fh_cpu_quiesce(sh->m);
		TP_CHECK(sh->m);
		fh_machine_destroy(sh->m);
	}
	testplat_cpu(~0u);
	testplat_fini(&sh->tp);
}

const char *shown(struct shown *sh, const char *path)
{
	size_t len = 0;
	int err = fh_view_read(sh->m, path, sh->text, sizeof(sh->text), &len);

	if (!t_eq(err, 0, __FILE__, __LINE__, path, "0") || !T_OK(len < sizeof(sh->text), path))
		sh->text[0] = '\0';
	return sh->text;
}

int64_t shown_value(struct shown *sh, const char *path)
{
	return strtoll(shown(sh, path), NULL, 10);
}

const char *shown_line(const char *in, const char *begin)
{
	for (const char *s = in; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
		if (!strncmp(s, begin, strlen(begin)))
			return s;
	return NULL;
}

int64_t shown_number(const char *in, const char *key)
{
	size_t n = strlen(key);

	for (const char *s = in; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
		s += strspn(s, " ");
		if (!strncmp(s, key, n) && s[n] && strchr(" :", s[n]))
			return strtoll(s + n + strspn(s + n, " :"), NULL, 10);
	}
	t_ok(false, __FILE__, __LINE__, key, "no such line");
	return -1;
}
