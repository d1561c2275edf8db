/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples and stamps become the right numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "perf.h"
#include "perf_pattern.h"

static void near(double found, double wanted, double part)
{
	if (fabs(found - wanted) > fabs(wanted) * part + 1e-9)
		fail_msg("%g, but should be %g", found, wanted);
}

/* 1000 round trips of 2, 4 ... 2000 cycles, shuffled, at 1 cycle a us. */
static void exact(void **state)
{
	struct perf_settings settings = {.verb = PERF_SEND, .iterations = 1000};
	struct perf_samples samples;
	struct perf_latency latency;

	(void)state;
	assert_int_equal(perf_samples_init(&samples, &settings), 0);
	for (uint64_t i = 0; i < 1000; i++)
		perf_samples_add(&samples, ((i * 7) % 1000 + 1) * 2);
	perf_samples_add(&samples, 1); /* more than there is room for is not written */
	assert_int_equal(perf_latency_result(&samples, &settings, 1e6, &latency), 0);
	assert_int_equal(latency.count, 1000);
	assert_true(latency.exact);
	near(latency.min, 1, 0);
	near(latency.max, 1000, 0);
	near(latency.typical, 500, 0);
	near(latency.average, 500.5, 1e-9);
	near(latency.deviation, 288.675, 1e-5);
	near(latency.at[4], 990, 0);
	near(latency.at[5], 999, 0);
	near(latency.at[6], 1000, 0);
	assert_int_equal(samples.values[0], 2); /* their order is kept */
	assert_int_equal(samples.values[1], 16);
	/* Who reads waits the whole round trip. */
	settings.verb = PERF_READ;
	assert_int_equal(perf_latency_result(&samples, &settings, 1e6, &latency), 0);
	near(latency.typical, 1000, 0);
	perf_samples_fini(&samples);
}

static void one_sample(void **state)
{
	struct perf_settings settings = {.verb = PERF_READ, .iterations = 5};
	struct perf_samples samples;
	struct perf_latency latency;

	(void)state;
	assert_int_equal(perf_samples_init(&samples, &settings), 0);
	assert_int_not_equal(perf_latency_result(&samples, &settings, 1e6, &latency), 0);
	perf_samples_add(&samples, 42);
	assert_int_equal(perf_latency_result(&samples, &settings, 1e6, &latency), 0);
	near(latency.min, 42, 0);
	near(latency.typical, 42, 0);
	near(latency.at[7], 42, 0);
	near(latency.deviation, 0, 0);
	perf_samples_fini(&samples);
}

/* A long run: within a bucket of the truth; min, max and average exactly. */
static void histogram(void **state)
{
	struct perf_settings settings = {.verb = PERF_READ, .duration_ns = 1};
	struct perf_samples samples;
	struct perf_latency latency;

	(void)state;
	assert_int_equal(perf_samples_init(&samples, &settings), 0);
	for (uint64_t i = 1; i <= 100000; i++)
		perf_samples_add(&samples, i);
	assert_int_equal(perf_latency_result(&samples, &settings, 1e6, &latency), 0);
	assert_false(latency.exact);
	assert_int_equal(latency.count, 100000);
	near(latency.min, 1, 0);
	near(latency.max, 100000, 0);
	near(latency.average, 50000.5, 1e-9);
	near(latency.deviation, 28867.5, 1e-4);
	near(latency.typical, 50000, 0.033);
	near(latency.at[5], 99900, 0.033);
	perf_samples_fini(&samples);
}

/* 10000 messages of 1 MiB, one a ms; in the third tenth two a ms. */
static void stamp_all(struct perf_stamps *stamps)
{
	uint64_t now = 0;

	memset(stamps, 0, sizeof(*stamps));
	stamps->step = 10;
	for (uint64_t i = 1; i <= 10000; i++) {
		now += i > 2000 && i <= 3000 ? 500 : 1000;
		perf_stamp(stamps, i, now);
	}
}

static void peak(void **state)
{
	struct perf_settings settings = {.iterations = 10000, .qps = 1, .tx_depth = 8};
	struct perf_stamps stamps;

	(void)state;
	stamp_all(&stamps);
	assert_true(stamps.count <= PERF_STAMPS + 1);
	near(perf_peak(&stamps, &settings, 1e6), 2000, 0.02);
	/* A queue as deep as the run: there is no stretch but the whole. */
	settings.tx_depth = 100000;
	near(perf_peak(&stamps, &settings, 1e6), 0, 0);
}

static void bandwidth(void **state)
{
	struct perf_run run = {.settings = {.bytes = 1 << 20, .iterations = 1000, .qps = 1}};
	struct perf_bandwidth found;

	(void)state;
	/* One-sided: who sent knows. */
	run.flow = (struct perf_flow){.sent = 1000, .sent_ns = 500000000};
	perf_bandwidth_result(&run, &found);
	near(found.average, 2000, 1e-9);
	near(found.rate, 0.002, 1e-9);
	near(found.peak, 0, 0);
	/* Two-sided: what arrived counts, until it had. */
	run.flow.peak = 9000; /* into buffers */
	run.peer_flow =
		(struct perf_flow){.received = 900, .received_ns = 1000000000, .peak = 1500};
	perf_bandwidth_result(&run, &found);
	assert_int_equal(found.count, 900);
	assert_int_equal(found.lost, 100);
	near(found.average, 900, 1e-9);
	near(found.peak, 1500, 1e-9);
	/* Both ways. */
	run.flow.received = run.peer_flow.sent = run.peer_flow.received = 1000;
	run.flow.peak = 1500;
	perf_bandwidth_result(&run, &found);
	assert_int_equal(found.count, 2000);
	assert_int_equal(found.lost, 0);
	near(found.average, 2000, 1e-9);
	near(found.peak, 3000, 1e-9);
}

static void pattern(void **state)
{
	uint8_t bytes[67], other[67];

	(void)state;
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		perf_pattern_fill(bytes, length, 5);
		assert_int_equal(perf_pattern_wrong(bytes, length, 5), length);
		if (length == 0)
			continue;
		assert_int_not_equal(perf_pattern_wrong(bytes, length, 6), length);
		for (size_t at = 0; at < length; at++) {
			memcpy(other, bytes, length);
			other[at] ^= 0x10;
			assert_int_equal(perf_pattern_wrong(other, length, 5), at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact),
		cmocka_unit_test(one_sample),
		cmocka_unit_test(histogram),
		cmocka_unit_test(peak),
		cmocka_unit_test(bandwidth),
		cmocka_unit_test(pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
