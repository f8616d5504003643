/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/pinner: who pins a page, in its frame, in failure records and in the log. */
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include "base/fmt.h"
#include "mm/machine.h"
#include "mm/pinner.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *o;
static struct fh_pinner *camera, *disk;

static bool start(void)
{
	m = testplat_start(&tp, 16, 8, CMA_POLICY_MOVABLE, 1);
	if (!m)
		return false;
	cma = cma_find(m, "area");
	return T_EQ(fh_object_create(m, 4096, NULL, NULL, &o), 0) &&
	       T_EQ(fh_pinner_get(m, "camera", &camera), 0) &&
	       T_EQ(fh_pinner_get(m, "disk", &disk), 0);
}

static void end(void)
{
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

static void names(void)
{
	struct fh_pinner *again = NULL;
	char long_name[FH_PINNER_NAME + 1];

	T_NEED(start());
	T_OK(camera != disk, "two names, two pinners");
	T_EQ(fh_pinner_get(m, "camera", &again), 0);
	T_OK(again == camera, "one name, one pinner");
	T_STR(pinner_name(m, camera->id), "camera");
	T_STR(pinner_name(m, disk->id), "disk");
	T_OK(!pinner_name(m, 0) && !pinner_name(m, 77), "nobody");
	memset(long_name, 'x', sizeof(long_name));
	long_name[FH_PINNER_NAME] = '\0';
	T_EQ(fh_pinner_get(m, long_name, &again), -FH_EINVAL);
	long_name[FH_PINNER_NAME - 1] = '\0';
	T_EQ(fh_pinner_get(m, long_name, &again), 0);
	T_STR(pinner_name(m, again->id), long_name);
	T_EQ(fh_pinner_get(NULL, "a", &again), -FH_EINVAL);
	T_EQ(fh_pinner_get(m, NULL, &again), -FH_EINVAL);
	T_EQ(fh_pinner_get(m, "a", NULL), -FH_EINVAL);
	T_EQ(fh_pinner_get(m, "", &again), -FH_EINVAL);
	T_EQ(fh_pinner_get(m, "a b", &again), -FH_EINVAL);
	T_EQ(fh_pinner_get(m, "a\n", &again), -FH_EINVAL);
	T_EQ(fh_pinner_get(m, "\xc3\xa4", &again), -FH_EINVAL);
	end();
}

static void many(void)
{
	struct fh_pinner *p;
	char name[FH_PINNER_NAME];

	T_NEED(start());
	for (unsigned int i = 2; i < PINNER_MAX; i++) {
		fh_snprintf(name, sizeof(name), "p%u", i);
		T_EQ(fh_pinner_get(m, name, &p), 0);
		T_EQ(p->id, i + 1);
	}
	T_EQ(fh_pinner_get(m, "one-more", &p), -FH_ENOSPC);
	T_EQ(fh_pinner_get(m, "disk", &p), 0); /* those that are there are found */
	T_OK(p == disk, "disk");
	T_STR(pinner_name(m, PINNER_MAX), "p254");
	end();
}

static void no_memory(void)
{
	struct fh_pinner *p = NULL;

	T_NEED(start());
	tp.fail_sticky = true;
	atomic_store(&tp.fail_nth, 1);
	T_EQ(fh_pinner_get(m, "late", &p), -FH_ENOMEM);
	T_EQ(fh_pinner_get(m, "disk", &p), 0); /* needs none */
	atomic_store(&tp.fail_nth, 0);
	T_EQ(fh_pinner_get(m, "late", &p), 0);
	T_EQ(p->id, 3);
	end();
}

/* The word of a frame as pins come and go. */
static void counting(void)
{
	uint32_t w = pins_more(0, 0);

	T_EQ(w, 1); /* without a name */
	w = pins_more(w, 7);
	w = pins_more(w, 9);
	w = pins_more(w, 7);
	T_EQ(pins_count(w), 4);
	T_EQ(pins_pinner(w), 7); /* the first with a name */
	T_EQ(pins_his(w), 2);
	w = pins_less(w, 9);
	w = pins_less(w, 7);
	T_EQ(pins_pinner(w), 7); /* one is his still */
	w = pins_less(w, 7);
	T_EQ(w, 1);
	w = pins_more(w, 9);
	T_EQ(pins_pinner(w), 9);
	/* Whose they were he does not say: not more his than there are. */
	w = pins_less(w, 0);
	T_EQ(pins_pinner(w), 9);
	T_EQ(pins_less(w, 0), 0);
	for (w = 0; pins_count(w) < 32768; w = pins_more(w, 255))
		;
	T_EQ(pins_his(w), 255);
	for (; pins_count(w) > 3; w = pins_less(w, 255))
		if (pins_pinner(w) != 255)
			break;
	T_EQ(pins_his(w), 3);
	T_EQ(pins_less(pins_less(pins_less(w, 255), 255), 255), 0);
}

/* A page inside the area, pinned by `by`. */
static uint64_t pin_inside(const struct fh_pinner *by, pfn_t *pfn)
{
	uint64_t i = 0, v = 1;

	*pfn = 0;
	while (i < 4096 && fh_pfn_to_phys(*pfn).v < cma_get_base(cma).v &&
	       !fh_object_write(o, i, 0, &v, 8))
		T_EQ(fh_object_where(o, i++, pfn), 0);
	T_EQ(fh_object_pin_by(o, --i, by, pfn), 0);
	T_OK(fh_pfn_to_phys(*pfn).v >= cma_get_base(cma).v, "in the area");
	return i;
}

static void expect(const char *pinner, unsigned int pins)
{
	struct cma_failure f;
	pfn_t buffer;

	T_EQ(cma_alloc(cma, 2048, 0, 0, &buffer), -FH_EBUSY);
	cma_last_failure(cma, &f);
	T_STR(f.why, "pinned");
	T_EQ(f.pins, pins);
	T_STR(f.pinner ? f.pinner : "-", pinner);
	TP_CHECK(m);
}

static void records(void)
{
	uint64_t i;
	pfn_t pfn;

	T_NEED(start());
	i = pin_inside(NULL, &pfn);
	expect("-", 1);
	T_EQ(fh_object_pin_by(o, i, disk, &pfn), 0);
	T_EQ(fh_object_pin_by(o, i, camera, &pfn), 0);
	expect("disk", 3);
	T_EQ(fh_object_unpin_by(o, i, disk), 0);
	expect("-", 2); /* camera has no name there: the page was disk's to name */
	T_EQ(fh_object_pin_by(o, i, camera, &pfn), 0);
	expect("camera", 3);
	T_EQ(fh_object_unpin(o, i), 0);
	T_EQ(fh_object_unpin_by(o, i, camera), 0);
	T_EQ(fh_object_unpin_by(o, i, camera), 0);
	T_EQ(fh_object_unpin_by(o, i, camera), -FH_EINVAL);
	T_EQ(machine_frame(m, pfn)->pins, 0);
	end();
}

static char text[DMESG_SIZE];

static const char *dmesg(void)
{
	size_t n = m->dmesg.len < sizeof(text) - 1 ? (size_t)m->dmesg.len : sizeof(text) - 1;

	memcpy(text, m->dmesg.buf, n);
	text[n] = '\0';
	return text;
}

/* The log names the page, whose it is, and who pins it; not where the caller wants no line. */
static void log_lines(void)
{
	char want[200];
	uint64_t i;
	pfn_t pfn, buffer;

	T_NEED(start());
	i = pin_inside(camera, &pfn);
	T_EQ(fh_object_pin(o, i, &pfn), 0);
	fh_snprintf(want, sizeof(want),
		    "cma: area: pfn %#llx: pinned, of object %llu, pins: 2, by camera, since ",
		    (unsigned long long)pfn, (unsigned long long)fh_object_id(o));
	T_EQ(cma_alloc(cma, 2048, 0, CMA_NO_WARN, &buffer), -FH_EBUSY);
	T_OK(!strstr(dmesg(), want), "no line");
	T_EQ(cma_alloc(cma, 2048, 0, 0, &buffer), -FH_EBUSY);
	T_OK(strstr(dmesg(), want), dmesg());
	m->dmesg.len = 0;
	T_EQ(cma_set_policy(cma, CMA_POLICY_CARVEOUT), -FH_EBUSY);
	T_OK(strstr(dmesg(), want), dmesg());
	m->dmesg.len = 0;
	T_EQ(cma_alloc(cma, 4096, 0, 0, &buffer), -FH_ENOMEM);
	T_OK(!strstr(dmesg(), ": pfn "), "no page is to blame");
	T_EQ(fh_object_unpin(o, i), 0);
	T_EQ(fh_object_unpin_by(o, i, camera), 0);
	end();
}

/* O3: a word that names a pinner who has no pin, or none. */
static void check_finds(void)
{
	char why[200];
	uint64_t i;
	pfn_t pfn;

	T_NEED(start());
	i = pin_inside(camera, &pfn);
	TP_CHECK(m);
	machine_frame(m, pfn)->pins = 1 | 200u << 16 | 1u << 24;
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "O3"), why);
	machine_frame(m, pfn)->pins = 1 | camera->id << 16 | 2u << 24;
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "O3"), why);
	machine_frame(m, pfn)->pins = 1 | camera->id << 16;
	T_OK(fh_check(m, why, sizeof(why)) > 0 && strstr(why, "O3"), why);
	machine_frame(m, pfn)->pins = 1 | camera->id << 16 | 1u << 24;
	T_EQ(fh_object_unpin_by(o, i, camera), 0);
	end();
}

const struct t_case t_cases[] = {T(names),   T(many),	   T(no_memory),   T(counting),
				 T(records), T(log_lines), T(check_finds), T_END};
