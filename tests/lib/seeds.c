/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Runs of random operations, one a seed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "seeds.h"
#include "t.h"

static volatile uint64_t running; /* seed */

static void on_crash(int sig)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "# signal %d with FH_SEED=%llu\n", sig,
			 (unsigned long long)running);

	if (n > 0 && write(1, line, (size_t)n) < 0)
		_exit(2);
	_exit(1);
}

/* xorshift64*: the same bytes on every machine. */
static uint64_t next(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

static size_t bytes_of(uint64_t seed, uint8_t *data, size_t max)
{
	uint64_t s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	size_t len = 200 + next(&s) % (max - 200);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(next(&s) >> 56);
	return len;
}

/* Every kind was met; on a slow host that takes longer than the time there is. */
static bool had_all(const struct seeds *s, uint64_t seed)
{
	unsigned int i = 0;

	while (i < s->nr_kinds && s->nr_of[i])
		i++;
	return i == s->nr_kinds || seed >= s->enough;
}

uint64_t seeds_run(const struct seeds *s)
{
	const char *seeds = getenv("FH_SEEDS"), *one = getenv("FH_SEED");
	uint64_t n = seeds ? strtoull(seeds, NULL, 0) : UINT64_MAX, seed;
	uint64_t first = one ? strtoull(one, NULL, 0) : 1;
	static uint8_t data[SEEDS_MAX_SIZE];
	time_t start = time(NULL);

	signal(SIGSEGV, on_crash);
	signal(SIGBUS, on_crash);
	signal(SIGABRT, on_crash);
	for (seed = first; seed - first < (one ? 1 : n); seed++) {
		running = seed;
		if (!s->run(seed, data, bytes_of(seed, data, s->max_size)) ||
		    (!seeds && !one && time(NULL) - start >= s->seconds && had_all(s, seed)))
			break;
	}
	printf("# seeds %llu to %llu", (unsigned long long)first, (unsigned long long)seed);
	for (unsigned int i = 0; i < s->nr_kinds; i++)
		printf(", %s %u", s->kind_name(i), s->nr_of[i]);
	printf("\n");
	/* Who asks for few may miss some. */
	for (unsigned int i = 0; i < s->nr_kinds && !one && !seeds; i++)
		T_OK(s->nr_of[i], s->kind_name(i));
	return seed - first;
}

bool seeds_keep(const char *name, uint64_t seed, const uint8_t *data, size_t len, char path[64])
{
	bool kept;
	FILE *f;

	snprintf(path, 64, "%s-%llu", name, (unsigned long long)seed);
	f = fopen(path, "wb");
	if (!f)
		return false;
	kept = fwrite(data, 1, len, f) == len;
	return !fclose(f) && kept;
}
