/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of code addresses: by elfutils' libdw function, file and line; without it what the dynamic linker knows. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef FH_HAVE_LIBDW
#include <elfutils/libdwfl.h>
#endif
#include "state.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool by_linker(const void *code, char *buf, size_t size)
{
	Dl_info info;

	if (!dladdr(code, &info) || !info.dli_fname)
		return false;
	if (info.dli_sname)
		snprintf(buf, size, "%s+%#lx", info.dli_sname,
			 (unsigned long)((uintptr_t)code - (uintptr_t)info.dli_saddr));
	else
		snprintf(buf, size, "%s+%#lx", last_part(info.dli_fname),
			 (unsigned long)((uintptr_t)code - (uintptr_t)info.dli_fbase));
	return true;
}

#ifdef FH_HAVE_LIBDW

/* What is loaded now; what is loaded later is looked for once more. */
static Dwfl *open_process(void)
{
	static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
						 .find_debuginfo = dwfl_standard_find_debuginfo};
	Dwfl *d = dwfl_begin(&callbacks);

	if (d && (dwfl_linux_proc_report(d, getpid()) || dwfl_report_end(d, NULL, NULL))) {
		dwfl_end(d);
		return NULL;
	}
	return d;
}

static Dwfl_Module *module_of(struct hosted *h, Dwarf_Addr at)
{
	Dwfl_Module *mod = h->dwfl ? dwfl_addrmodule(h->dwfl, at) : NULL;

	if (mod)
		return mod;
	dwfl_end(h->dwfl);
	h->dwfl = open_process();
	return h->dwfl ? dwfl_addrmodule(h->dwfl, at) : NULL;
}

/* File and line, "" when unknown. Compilers that leave out .debug_aranges (clang) make it look through all units. */
static void find_line(Dwfl_Module *mod, Dwarf_Addr at, char *buf, size_t size)
{
	Dwfl_Line *line = dwfl_module_getsrc(mod, at);
	const char *file = NULL;
	Dwarf_Die *unit = NULL;
	Dwarf_Line *found;
	Dwarf_Addr bias;
	int nr = 0;

	if (line)
		file = dwfl_lineinfo(line, NULL, &nr, NULL, NULL, NULL);
	while (!file && (unit = dwfl_module_nextcu(mod, unit, &bias))) {
		found = dwarf_haspc(unit, at - bias) > 0 ? dwarf_getsrc_die(unit, at - bias) : NULL;
		if (found && !dwarf_lineno(found, &nr))
			file = dwarf_linesrc(found, NULL, NULL);
	}
	if (file)
		snprintf(buf, size, " %s:%d", last_part(file), nr);
}

static bool by_dwarf(struct hosted *h, const void *code, char *buf, size_t size)
{
	Dwarf_Addr at = (uintptr_t)code;
	Dwfl_Module *mod = module_of(h, at);
	char line[64] = "";
	const char *name;
	GElf_Off offset;
	GElf_Sym sym;

	if (!mod)
		return false;
	name = dwfl_module_addrinfo(mod, at, &offset, &sym, NULL, NULL, NULL);
	if (!name)
		return false;
	/* A call's return address may be the next line's; nothing returns to a function's first byte. */
	find_line(mod, offset ? at - 1 : at, line, sizeof(line));
	if (line[0])
		snprintf(buf, size, "%s%s", name, line);
	else
		snprintf(buf, size, "%s+%#lx", name, (unsigned long)offset);
	return true;
}

bool hosted_symbol(void *ctx, const void *code, char *buf, size_t size)
{
	struct hosted *h = ctx;
	bool known;

	pthread_mutex_lock(&h->symbol_lock);
	known = by_dwarf(h, code, buf, size);
	pthread_mutex_unlock(&h->symbol_lock);
	return known || by_linker(code, buf, size);
}

void hosted_symbol_end(struct hosted *h)
{
	dwfl_end(h->dwfl);
}

#else

bool hosted_symbol(void *ctx, const void *code, char *buf, size_t size)
{
	(void)ctx;
	return by_linker(code, buf, size);
}

void hosted_symbol_end(struct hosted *h)
{
	(void)h;
}

#endif
