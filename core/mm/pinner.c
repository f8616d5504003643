/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who pins pages: the machine's list of names, and the word of a frame that counts its pins. */
#include "base/string.h"
#include "mm/machine.h"
#include "mm/pinner.h"

static uint32_t pins_word(uint32_t count, unsigned int id, uint32_t his)
{
	return his ? count | id << 16 | his << 24 : count;
}

uint32_t pins_more(uint32_t pins, unsigned int id)
{
	unsigned int known = pins_pinner(pins);
	uint32_t his = pins_his(pins);

	if (id && !known)
		known = id;
	if (id && known == id && his < 255)
		his++;
	return pins_word(pins_count(pins) + 1, known, his);
}

uint32_t pins_less(uint32_t pins, unsigned int id)
{
	uint32_t count = pins_count(pins) - 1, his = pins_his(pins);

	/* 255 may be more. */
	if (id && pins_pinner(pins) == id && his < 255)
		his--;
	return pins_word(count, pins_pinner(pins), his < count ? his : count);
}

static struct fh_pinner *first(const struct fh_machine *m)
{
	return atomic_load_explicit(&m->pinners, memory_order_acquire);
}

const char *pinner_name(const struct fh_machine *m, unsigned int id)
{
	for (const struct fh_pinner *p = id ? first(m) : NULL; p; p = p->next)
		if (p->id == id)
			return p->name;
	return NULL;
}

/* Lines of read-outs are words with blanks between. */
static bool is_word(const char *name)
{
	size_t n = 0;

	while (name[n] > ' ' && name[n] < 0x7f && n < FH_PINNER_NAME)
		n++;
	return n && n < FH_PINNER_NAME && !name[n];
}

static struct fh_pinner *find(const struct fh_machine *m, const char *name)
{
	struct fh_pinner *p = first(m);

	while (p && !fh_streq(p->name, name))
		p = p->next;
	return p;
}

/* Adds `p`, unless somebody of its name came first; NULL: the list is full. */
static struct fh_pinner *find_or_add(struct fh_machine *m, struct fh_pinner *p)
{
	struct fh_pinner *newest = first(m), *found = find(m, p->name);

	p->id = newest ? newest->id + 1 : 1;
	if (found || p->id > PINNER_MAX)
		return found;
	p->next = newest;
	atomic_store_explicit(&m->pinners, p, memory_order_release);
	return p;
}

int fh_pinner_get(struct fh_machine *m, const char *name, struct fh_pinner **pinner)
{
	struct fh_pinner *p, *found;

	if (!m || !name || !pinner || !is_word(name))
		return -FH_EINVAL;
	found = find(m, name);
	if (!found) {
		p = machine_alloc(m, sizeof(*p));
		if (!p)
			return -FH_ENOMEM;
		fh_strcopy(p->name, name, sizeof(p->name));
		fh_lock(&m->objects_lock);
		found = find_or_add(m, p);
		fh_unlock(&m->objects_lock);
		if (found != p)
			machine_free(m, p, sizeof(*p));
	}
	if (!found)
		return -FH_ENOSPC;
	*pinner = found;
	return 0;
}

void pinner_forget_all(struct fh_machine *m)
{
	struct fh_pinner *p = first(m), *next;

	for (; p; p = next) {
		next = p->next;
		machine_free(m, p, sizeof(*p));
	}
}
