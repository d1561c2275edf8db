/* SPDX-License-Identifier: BSD-3-Clause */
/* The comparison of what left with what came: packets are lost, swapped, changed and doubled here.
 */
#include <string.h>

#include "engine/verify.h"
#include "tap_fixture.h"

static struct tap_fixture *verify_begin(void)
{
	struct tap_fixture *taps = tap_fixture_create();
	struct error error = {0};

	assert_int_equal(engine_verify_on(taps->engine, &error), 0);
	return taps;
}

static struct verify_result verify_end(struct tap_fixture *verify)
{
	struct verify_result result;

	assert_int_equal(engine_verify_result(verify->engine, &result), 0);
	assert_true(result.complete);
	tap_fixture_destroy(verify);
	return result;
}

static void assert_result(const struct verify_result *result, const struct verify_result *expected)
{
	assert_int_equal(result->in, expected->in);
	assert_int_equal(result->out, expected->out);
	assert_int_equal(result->lost, expected->lost);
	assert_int_equal(result->duplicated, expected->duplicated);
	assert_int_equal(result->reordered, expected->reordered);
	assert_int_equal(result->changed, expected->changed);
	assert_int_equal(result->unknown, expected->unknown);
	assert_int_equal(result->flows, expected->flows);
}

static void test_all_is_well(void **state)
{
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		come(verify, 0, 5, 30);
		leave(verify, 0, &verify->packets[i * 30], 30);
	}
	result = verify_end(verify);
	assert_result(&result, &(struct verify_result){.in = 120, .out = 120, .flows = 5});
	assert_int_equal(result.gap_error_ns.count, 119);
}

static void test_nothing(void **state)
{
	struct verify_result result = verify_end(verify_begin());

	(void)state;
	assert_result(&result, &(struct verify_result){0});
}

static void test_lost(void **state)
{
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	come(verify, 0, 4, 20);
	leave(verify, 0, verify->packets, 10);
	rte_pktmbuf_free_bulk(&verify->packets[10], 3);
	leave(verify, 0, &verify->packets[13], 7);
	result = verify_end(verify);
	assert_result(&result, &(struct verify_result){.in = 20, .out = 17, .lost = 3, .flows = 4});
}

static void test_reordered(void **state)
{
	struct tap_fixture *verify;
	struct verify_result result;

	(void)state;
	/* Two flows' packets may change places. */
	verify = verify_begin();
	come(verify, 0, 4, 20);
	swap(verify, 8, 9);
	swap(verify, 0, 3);
	leave(verify, 0, verify->packets, 20);
	result = verify_end(verify);
	assert_result(&result, &(struct verify_result){.in = 20, .out = 20, .flows = 4});
	/* Those of one flow may not, be it in one burst or in two. */
	for (unsigned bursts = 1; bursts <= 2; bursts++) {
		verify = verify_begin();
		come(verify, 0, 4, 20);
		swap(verify, 8, 12);
		for (unsigned i = 0; i < bursts; i++)
			leave(verify, 0, &verify->packets[i * 20 / bursts], 20 / bursts);
		result = verify_end(verify);
		assert_result(&result,
			&(struct verify_result){.in = 20, .out = 20, .reordered = 1, .flows = 4});
	}
}

/* What one queue received has no order towards what another did. */
static void test_a_flow_at_two_queues(void **state)
{
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	come(verify, 1, 2, 10);
	come(verify, 0, 2, 10);
	leave(verify, 0, verify->packets, 20);
	come(verify, 1, 2, 10);
	leave(verify, 0, &verify->packets[20], 10);
	result = verify_end(verify);
	assert_int_equal(result.reordered, 0);
	assert_int_equal(result.out, 30);
}

static void test_changed(void **state)
{
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	come(verify, 0, 4, 20);
	for (unsigned i = 0; i < 4; i++) /* headers, payload, the last byte, the length */
		if (i < 3)
			rte_pktmbuf_mtod(verify->packets[i],
				uint8_t *)[(unsigned[]){5, 100, TAP_FRAME_BYTES - 1}[i]] ^= 1;
		else
			rte_pktmbuf_trim(verify->packets[i], 1);
	leave(verify, 0, verify->packets, 20);
	result = verify_end(verify);
	assert_result(
		&result, &(struct verify_result){.in = 20, .out = 20, .changed = 4, .flows = 4});
}

/* The same bytes in other segments are the same bytes. */
static void test_segments(void **state)
{
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	come(verify, 0, 4, 20);
	for (unsigned i = 0; i < 20; i++) {
		struct rte_mbuf *packet = verify->packets[i], *rest = rte_pktmbuf_alloc(test_pool);
		uint16_t length = (uint16_t)(i * 9 + 1);

		memcpy(rte_pktmbuf_append(rest, length),
			rte_pktmbuf_mtod_offset(packet, uint8_t *, TAP_FRAME_BYTES - length),
			length);
		rte_pktmbuf_trim(packet, length);
		assert_int_equal(rte_pktmbuf_chain(packet, rest), 0);
	}
	leave(verify, 0, verify->packets, 20);
	result = verify_end(verify);
	assert_result(&result, &(struct verify_result){.in = 20, .out = 20, .flows = 4});
}

static void test_duplicated(void **state)
{
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	come(verify, 0, 4, 20);
	rte_mbuf_refcnt_update(verify->packets[3], 1);
	rte_mbuf_refcnt_update(verify->packets[19], 1);
	leave(verify, 0, verify->packets, 4);
	leave(verify, 0, &verify->packets[3], 1);
	leave(verify, 0, &verify->packets[4], 16);
	leave(verify, 0, &verify->packets[19], 1);
	result = verify_end(verify);
	assert_result(
		&result, &(struct verify_result){.in = 20, .out = 22, .duplicated = 2, .flows = 4});
}

/* What the queue did not take at once leaves later, once. */
static void test_in_parts(void **state)
{
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	come(verify, 0, 4, 20);
	verify->fixture->queues[0][0].takes = 7;
	assert_int_equal(leave(verify, 0, verify->packets, 20), 7);
	verify->fixture->queues[0][0].takes = 0;
	assert_int_equal(leave(verify, 0, &verify->packets[7], 13), 0);
	verify->fixture->queues[0][0].takes = 32;
	assert_int_equal(leave(verify, 0, &verify->packets[7], 13), 13);
	result = verify_end(verify);
	assert_result(&result, &(struct verify_result){.in = 20, .out = 20, .flows = 4});
}

/* Packets that a stage made, in buffers that others had before. */
static void test_made(void **state)
{
	static struct rte_mbuf *others[POOL_PACKETS];
	struct tap_fixture *verify = verify_begin();
	struct verify_result result;

	(void)state;
	come(verify, 0, 4, 20);
	rte_pktmbuf_free_bulk(&verify->packets[10], 10);
	leave(verify, 0, verify->packets, 10);
	/* No other buffers are free but those ten. */
	assert_int_equal(rte_pktmbuf_alloc_bulk(test_pool, others, POOL_PACKETS - 20), 0);
	for (unsigned i = 0; i < 10; i++)
		verify->packets[i] = packet_of_flow(99, i);
	rte_pktmbuf_free_bulk(others, POOL_PACKETS - 20);
	leave(verify, 0, verify->packets, 10);
	result = verify_end(verify);
	assert_int_equal(result.unknown, 10);
	assert_int_equal(result.lost, 10);
	assert_int_equal(result.changed, 0);
	assert_int_equal(result.duplicated, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_well),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_a_flow_at_two_queues),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_duplicated),
		cmocka_unit_test(test_in_parts),
		cmocka_unit_test(test_made),
	};

	return cmocka_run_group_tests_name(
		"verify", tests, fixture_group_setup, fixture_group_teardown);
}
