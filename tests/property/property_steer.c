/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random runs of the model in steer_model.h, thousands of steps each, every one with tables of its
 * own: until a million buckets have moved, which is some 10^7 steps, and for $WEIR_STEPS at least
 * (10^8 take half a minute). What fails prints the seed with which it fails in the first run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "steer_model.h"

enum { STEPS_OF_RUN = 4000, MOVES = 1000 * 1000 };

static uint64_t seed;

struct totals {
	uint64_t steps, packets, drops, moves, parked, rfs_moves, rfs_kept, cancelled, swaps;
};

static void run_once(struct totals *totals)
{
	static struct model model;

	memset(&model, 0, sizeof(model));
	model.seed = seed++;
	model_init(&model);
	for (unsigned step = 0; step < STEPS_OF_RUN; step++)
		model_step(&model);
	model_finish(&model);
	totals->steps += STEPS_OF_RUN;
	totals->packets += model.arrival;
	totals->drops += model.drops;
	totals->moves += model.moves;
	totals->parked += model.parked;
	totals->rfs_moves += model.rfs_moves;
	totals->rfs_kept += model.rfs_kept;
	totals->cancelled += model.cancelled;
	totals->swaps += model.swaps;
}

static void print_totals(const struct totals *totals)
{
	printf("%llu steps, %llu packets: %llu dropped in front of full backlogs, %llu parked, 0 "
	       "reordered; %llu bucket moves, %llu given up; flows moved %llu times, kept %llu; "
	       "%llu tables\n",
		(unsigned long long)totals->steps, (unsigned long long)totals->packets,
		(unsigned long long)totals->drops, (unsigned long long)totals->parked,
		(unsigned long long)totals->moves, (unsigned long long)totals->cancelled,
		(unsigned long long)totals->rfs_moves, (unsigned long long)totals->rfs_kept,
		(unsigned long long)totals->swaps);
}

static void random_runs(void **state)
{
	const char *given = getenv("WEIR_STEPS");
	uint64_t steps = given != NULL ? strtoull(given, NULL, 0) : 0;
	struct totals totals = {0};

	(void)state;
	while (totals.steps < steps || totals.moves <= MOVES)
		run_once(&totals);
	print_totals(&totals);
	/* Runs that never came near the hard cases would prove nothing. */
	assert_true(totals.parked > 0 && totals.cancelled > 0 && totals.rfs_moves > 0 &&
		totals.rfs_kept > 0 && totals.swaps > 0);
}

int main(void)
{
	const char *given = getenv("WEIR_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_runs),
	};

	seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 20;
	printf("WEIR_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
