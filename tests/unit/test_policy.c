/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/policy: the decisions, as a table of questions and answers. */
#include "mm/policy.h"
#include "t.h"

static void types(void)
{
	T_EQ(policy_type_of_gfp(GFP_KERNEL), MIGRATE_UNMOVABLE);
	T_EQ(policy_type_of_gfp(GFP_HIGHUSER_MOVABLE), MIGRATE_MOVABLE);
	T_EQ(policy_type_of_gfp(__GFP_RECLAIMABLE), MIGRATE_RECLAIMABLE);
}

static unsigned int place_of(const struct policy_step *s, unsigned int n, enum migratetype type)
{
	for (unsigned int i = 0; i < n; i++)
		if (s[i].type == type)
			return i;
	return 99;
}

/* Own type first; then Linux's fallbacks, which claim; never CMA without __GFP_CMA. */
static void order_of_types(void)
{
	static const struct {
		gfp_t gfp;
		enum migratetype own, second, third;
	} rows[] = {
		{GFP_KERNEL, MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
		{__GFP_MOVABLE, MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
		{__GFP_RECLAIMABLE, MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
	};
	struct policy_zone z = {.free = 1000, .free_cma = 600, .high = 10, .guaranteed = false};
	struct policy_step s[POLICY_MAX_STEPS];

	for (int i = 0; i < 3; i++) {
		unsigned int n = policy_steps(rows[i].gfp, &z, s);

		T_EQ(n, 3);
		T_EQ(s[0].type, rows[i].own);
		T_EQ(s[1].type, rows[i].second);
		T_EQ(s[2].type, rows[i].third);
		T_OK(!s[0].claim && s[1].claim && s[2].claim, "one claims others' blocks only");
	}
	T_EQ(place_of(s, policy_steps(GFP_ATOMIC, &z, s), MIGRATE_HIGHATOMIC), 1);
	T_OK(policy_steps(GFP_HIGHUSER_MOVABLE | __GFP_HIGH, &z, s) <= POLICY_MAX_STEPS, "fits");
}

/* Linux: areas first once more than half of what is free is in them. */
static void areas_first_as_linux(void)
{
	struct policy_zone z = {.free = 1000, .free_cma = 500, .high = 10, .guaranteed = false};
	struct policy_step s[POLICY_MAX_STEPS];
	unsigned int n = policy_steps(GFP_HIGHUSER_MOVABLE, &z, s);

	T_EQ(place_of(s, n, MIGRATE_CMA), 1);
	z.free_cma = 501;
	n = policy_steps(GFP_HIGHUSER_MOVABLE, &z, s);
	T_EQ(place_of(s, n, MIGRATE_CMA), 0);
	z.free_cma = 0;
	n = policy_steps(GFP_HIGHUSER_MOVABLE, &z, s);
	T_EQ(place_of(s, n, MIGRATE_CMA), 99);
}

/* Guaranteed: clean cache inside, the rest outside while there is plenty. */
static void areas_first_guaranteed(void)
{
	struct policy_zone z = {.free = 1000, .free_cma = 900, .high = 99, .guaranteed = true};
	struct policy_step s[POLICY_MAX_STEPS];
	unsigned int n = policy_steps(GFP_HIGHUSER_MOVABLE, &z, s);

	T_EQ(place_of(s, n, MIGRATE_CMA), 1);
	n = policy_steps(GFP_HIGHUSER_MOVABLE | GFP_DROPPABLE, &z, s);
	T_EQ(place_of(s, n, MIGRATE_CMA), 0);
	z.high = 100;
	n = policy_steps(GFP_HIGHUSER_MOVABLE, &z, s);
	T_EQ(place_of(s, n, MIGRATE_CMA), 0);
}

static void watermark(void)
{
	T_OK(policy_watermark_ok(0, 101, 1, 100, 0), "leaves the mark");
	T_OK(!policy_watermark_ok(0, 100, 1, 100, 0), "does not");
	T_OK(!policy_watermark_ok(0, 105, 1, 100, 5), "nor with the reserve");
	T_OK(policy_watermark_ok(__GFP_HIGH, 51, 1, 100, 0), "half of it");
	T_OK(!policy_watermark_ok(__GFP_HIGH, 50, 1, 100, 0), "and no more");
	T_OK(policy_watermark_ok(GFP_EVACUATE, 1, 1, 100, 100), "who gives a frame up has no mark");
	T_OK(!policy_watermark_ok(GFP_EVACUATE, 0, 1, 0, 0), "but needs one");
	T_OK(!policy_watermark_ok(0, 3, 4, 0, 0), "no wrap below zero");
}

static void claim(void)
{
	for (enum migratetype t = MIGRATE_UNMOVABLE; t <= MIGRATE_RECLAIMABLE; t++) {
		T_OK(policy_claim_block(t, 512, 0), "all free");
		T_OK(policy_claim_block(t, 256, 0), "half free");
		T_OK(!policy_claim_block(t, 255, 0), "less");
	}
	T_OK(policy_claim_block(MIGRATE_UNMOVABLE, 100, 5), "a large unmovable one");
	T_OK(!policy_claim_block(MIGRATE_MOVABLE, 100, 5), "a movable one does no harm");
}

static void admit(void)
{
	T_OK(policy_admit(0, 1000, 1000), "no account");
	T_OK(policy_admit(100, 99, 1), "fits");
	T_OK(!policy_admit(100, 100, 1), "does not");
	T_OK(!policy_admit(100, 101, 0), "was over already");
	T_OK(!policy_admit(100, 1, UINT64_MAX), "no wrap");
}

static void min_free(void)
{
	T_EQ(policy_min_free_kbytes(0), 128);
	T_EQ(policy_min_free_kbytes(1024), 128); /* sqrt(16384) = 128 */
	T_EQ(policy_min_free_kbytes(1048576), 4096);
	T_EQ(policy_min_free_kbytes(1048575), 4095);
	T_EQ(policy_min_free_kbytes(UINT64_C(1) << 40), 262144);
}

/* Linux's: half of them below 1 GiB, a quarter at 1 GiB, an 11th at 10 GiB. */
static void inactive(void)
{
	const uint64_t gib = 262144;

	T_OK(!policy_inactive_low(0, 0), "nothing");
	T_OK(policy_inactive_low(0, 1), "none");
	T_OK(!policy_inactive_low(100, 100), "half");
	T_OK(policy_inactive_low(99, 100), "less");
	T_OK(!policy_inactive_low(gib / 4, gib - gib / 4), "a quarter");
	T_OK(policy_inactive_low(gib / 4 - 1, gib - gib / 4 + 1), "less");
	T_OK(!policy_inactive_low(gib * 10 / 11 + 1, gib * 100 / 11), "an 11th");
	T_OK(policy_inactive_low(gib * 10 / 12, gib * 110 / 12), "less");
}

static void swap_share(void)
{
	T_EQ(policy_swap_spare(15), 0);
	T_EQ(policy_swap_spare(160), 10);
	T_EQ(policy_swap_spare(1 << 20), 256);
	T_EQ(policy_swap_share(0, 0, 32), 0);
	T_EQ(policy_swap_share(5, 0, 32), 32);
	T_EQ(policy_swap_share(0, 5, 32), 0);
	T_EQ(policy_swap_share(1000, 1000, 100), 30); /* 60 of 200 */
	T_EQ(policy_swap_share(7000, 3000, 100), 50);
	T_EQ(policy_swap_share(1, 1000000, 100), 0);
}

static void highatomic(void)
{
	T_OK(policy_reserve_highatomic(0, 51200), "one per cent is a block");
	T_OK(!policy_reserve_highatomic(0, 51199), "less");
	T_OK(!policy_reserve_highatomic(512, 51200), "one is there");
}

static void exchange(void)
{
	const uint64_t s = UINT64_C(1000000000), period = POLICY_EXCHANGE_PERIOD_NS;
	unsigned int last = 0, chance;

	/* Devices that take nothing, that hold what they have, that came once. */
	T_EQ(policy_exchange_chance(0, 0, 60 * s), 0);
	T_EQ(policy_exchange_chance(5000, 0, 60 * s), 0);
	T_EQ(policy_exchange_chance(1000, 1000, 60 * s), 0);
	/* Once in the time that a page stays: as likely as that it leaves. */
	T_EQ(policy_exchange_chance(2000, 1000, 60 * s), 500);
	for (uint64_t takes = 2; takes < 400; takes *= 3) {
		chance = policy_exchange_chance(takes * 1000, 1000, 30 * s);
		T_OK(chance > last && chance < 1000, "the more often the likelier");
		last = chance;
	}
	T_EQ(policy_exchange_chance(2000, 1000, 1), policy_exchange_chance(2000, 1000, period));
	T_OK(policy_exchange_chance(UINT64_C(1) << 40, 1, 30 * s) <= 1000, "no overflow");
	/* Small buffers that come and go say little of the large one. */
	T_OK(policy_exchange_chance(16384 + 1600, 16384, 30 * s) <= 540, "");
	/* Never when it costs tenants more than it saves. */
	T_OK(!policy_exchange_pays(0, 0, 0), "no device");
	T_OK(!policy_exchange_pays(500, 1000, 0), "moved in vain every other time");
	T_OK(policy_exchange_pays(600, 1000, 0), "(1 - 0.6) < 0.6 * 3/4");
	T_OK(!policy_exchange_pays(999, 1000, 1000), "two copies for one");
	T_OK(policy_exchange_pays(950, 1000, 500), "0.05 + 0.5 < 0.95 * 3/4");
	T_OK(!policy_exchange_pays(800, 1000, 500), "0.2 + 0.5 > 0.8 * 3/4");
	T_EQ(policy_exchange_saves(1000), 750);
	T_EQ(policy_exchange_room(1000, 1000, 1500), EXCHANGE_NOT);
	T_EQ(policy_exchange_room(1000 + POLICY_EXCHANGE_BATCH, 1000, 1500), EXCHANGE_FOR_CACHE);
	T_EQ(policy_exchange_room(3000, 1000, 1500), EXCHANGE_FOR_CACHE);
	T_EQ(policy_exchange_room(3001 + POLICY_EXCHANGE_BATCH, 1000, 1500), EXCHANGE_FOR_FREE);
}

static void passes(void)
{
	T_EQ(policy_leave_cost(0, 0, 0), 0);
	T_OK(policy_leave_cost(0, 1, 0) > 0, "to drop a page is cheap, not free");
	T_OK(policy_leave_cost(0, 3, 0) < policy_leave_cost(1, 0, 0), "a move costs a copy");
	T_OK(policy_leave_cost(1 << 18, 0, 0) <= policy_leave_cost(0, 0, 1), "held: a last resort");
	T_EQ(policy_contig_passes(CMA_POLICY_MOVABLE), 5);
	T_OK(policy_contig_passes(CMA_POLICY_GUARANTEED) > 5,
	     "guaranteed does not give up so soon");
}

const struct t_case t_cases[] = {T(types),
				 T(order_of_types),
				 T(areas_first_as_linux),
				 T(watermark),
				 T(claim),
				 T(areas_first_guaranteed),
				 T(admit),
				 T(min_free),
				 T(inactive),
				 T(swap_share),
				 T(highatomic),
				 T(exchange),
				 T(passes),
				 T_END};
