/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An actor that is not in this run: a device, where the machine has no areas. */
#include "actor.h"

static bool absent_create(struct actor *a, struct why *why)
{
	(void)a;
	(void)why;
	return true;
}

static void absent_destroy(struct actor *a)
{
	(void)a;
}

static void absent_work(struct actor_thread *t)
{
	(void)t;
}

const struct actor_ops actor_absent_ops = {
	.create = absent_create,
	.destroy = absent_destroy,
	.work = absent_work,
};
