/* SPDX-License-Identifier: BSD-3-Clause */
/* txonly and flowgen: what they make, and what they do when there is nothing to make it from. */
#include <errno.h>
#include <string.h>

#include "stage_fixture.h"
#include "stage_frames.h"

static const uint8_t txonly_frame[42] = {2, 0, 0, 0, 0, 3, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x08,
	0x00, /* Ethernet */
	0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2, /* IPv4 */
	0, 9, 0, 9, 0, 30, 0, 0}; /* UDP */
static const uint8_t flowgen_frame[42] = {0, 1, 2, 3, 4, 1, 0, 1, 2, 3, 4, 0, 0x08,
	0x00, /* Ethernet */
	0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 254, 0, 0, 10, 253, 0, 0, /* IPv4 */
	0x03, 0xe8, 0x03, 0xe9, 0, 30, 0, 0}; /* UDP */

/* As the frame, with `flow` added to the destination and the checksum right. */
static void check_frame(
	const struct rte_mbuf *packet, const uint8_t *frame, uint32_t length, unsigned flow)
{
	uint8_t expected[42];
	uint32_t found;
	const uint8_t *bytes = packet_bytes(packet, &found);

	memcpy(expected, frame, sizeof(expected));
	expected[32] = (uint8_t)(flow >> 8);
	expected[33] = (uint8_t)(expected[33] + flow);
	assert_int_equal(found, length);
	assert_int_equal(packet->nb_segs, 1);
	assert_int_equal(naive_sum(bytes + 14, 20, 0), 0xffff);
	memcpy(expected + 24, bytes + 24, 2);
	assert_memory_equal(bytes, expected, sizeof(expected));
	for (uint32_t i = sizeof(expected); i < length; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(
		packet->packet_type, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP);
	assert_int_equal(packet->l2_len, 14);
	assert_int_equal(packet->l3_len, 20);
	assert_int_equal(packet->l4_len, 8);
}

/* So that leftovers of earlier packets would be seen. */
static void soil_pool(void)
{
	struct rte_mbuf *packets[POOL_PACKETS];

	assert_int_equal(rte_pktmbuf_alloc_bulk(test_pool, packets, POOL_PACKETS), 0);
	for (unsigned i = 0; i < POOL_PACKETS; i++)
		memset(rte_pktmbuf_append(packets[i], BUFFER_BYTES), 0xa5, BUFFER_BYTES);
	rte_pktmbuf_free_bulk(packets, POOL_PACKETS);
}

static void txonly_makes_testpmds_packet(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "txonly"};

	soil_pool();
	assert_int_equal(fixture_create(fixture, "txonly", &config, NULL), 0);
	assert_true(fixture->stage.ops->flags & STAGE_SOURCE);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, BURST_SIZE);
	assert_int_equal(fixture->counters.made, BURST_SIZE);
	assert_true(fixture->burst.rx_tsc != 0);
	for (unsigned i = 0; i < BURST_SIZE; i++)
		check_frame(fixture->burst.packets[i], txonly_frame, 64, 0);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

static void txonly_of_other_sizes(void **state)
{
	static const uint16_t sizes[] = {42, 60, 65, 1514, BUFFER_BYTES};
	struct stage_fixture *fixture = *state;
	struct config_stage config = {.type = "txonly", .burst = 3};
	uint8_t expected[42];

	soil_pool();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		config.packet_bytes = sizes[i];
		assert_int_equal(fixture_create(fixture, "txonly", &config, NULL), 0);
		fixture_process(fixture);
		assert_int_equal(fixture->burst.count, 3);
		memcpy(expected, txonly_frame, sizeof(expected));
		expected[16] = (uint8_t)((sizes[i] - 14) >> 8);
		expected[17] = (uint8_t)(sizes[i] - 14);
		expected[38] = (uint8_t)((sizes[i] - 34) >> 8);
		expected[39] = (uint8_t)(sizes[i] - 34);
		check_frame(fixture->burst.packets[2], expected, sizes[i], 0);
		fixture_clear(fixture);
		fixture_destroy(fixture);
	}
}

static void sizes_that_cannot_be_are_refused(void **state)
{
	struct stage_fixture *fixture = *state;
	struct config_stage config = {.packet_bytes = 41};
	struct error error = {0};

	assert_int_equal(fixture_create(fixture, "txonly", &config, &error), -EINVAL);
	assert_non_null(strstr(error.message, "41"));
	assert_null(fixture->stage.state);
	config.packet_bytes = 3;
	assert_int_equal(fixture_create(fixture, "flowgen", &config, &error), -EINVAL);
	config.packet_bytes = BUFFER_BYTES + 1;
	assert_int_equal(fixture_create(fixture, "txonly", &config, &error), -EINVAL);
	assert_non_null(strstr(error.message, "packet_data"));
}

static void received_packets_are_consumed(void **state)
{
	static const char *const names[] = {"txonly", "flowgen"};
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.burst = 4};

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fixture_create(fixture, names[i], &config, NULL), 0);
		for (unsigned j = 0; j < 7; j++)
			fixture_add(fixture, packet_of(txonly_frame, 42, 0, 0));
		fixture_process(fixture);
		assert_int_equal(fixture->burst.count, 4);
		assert_int_equal(fixture->drops[DROP_consumed], 7);
		assert_int_equal(fixture->counters.made, 4);
		fixture_clear(fixture);
		fixture_destroy(fixture);
	}
}

static void flowgen_goes_round_its_flows(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "flowgen", .flows = 5};
	unsigned flow = 0;

	soil_pool();
	assert_int_equal(fixture_create(fixture, "flowgen", &config, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		fixture_process(fixture);
		assert_int_equal(fixture->burst.count, BURST_SIZE);
		for (unsigned j = 0; j < BURST_SIZE; j++, flow = (flow + 1) % 5)
			check_frame(fixture->burst.packets[j], flowgen_frame, 64, flow);
		fixture_clear(fixture);
	}
	fixture_destroy(fixture);
}

static void flowgen_has_1024_flows(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "flowgen"};

	assert_int_equal(fixture_create(fixture, "flowgen", &config, NULL), 0);
	for (unsigned i = 0; i < 1024 / BURST_SIZE; i++) {
		fixture_process(fixture);
		check_frame(fixture->burst.packets[31], flowgen_frame, 64, i * BURST_SIZE + 31);
		fixture_clear(fixture);
	}
	fixture_process(fixture);
	check_frame(fixture->burst.packets[0], flowgen_frame, 64, 0);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

/* One address after the other, but not the destination's. */
static void txonly_of_many_flows(void **state)
{
	static const uint8_t last_bytes[] = {1, 3, 4, 1, 3, 4};
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "txonly", .flows = 3, .burst = 6};

	assert_int_equal(fixture_create(fixture, "txonly", &config, NULL), 0);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 6);
	for (unsigned i = 0; i < 6; i++) {
		uint8_t expected[42];

		memcpy(expected, txonly_frame, sizeof(expected));
		expected[29] = last_bytes[i];
		check_frame(fixture->burst.packets[i], expected, 64, 0);
	}
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

static void an_empty_pool_makes_fewer(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "flowgen", .flows = 100};
	struct rte_mbuf *taken[POOL_PACKETS];
	const unsigned left = 20;

	assert_int_equal(fixture_create(fixture, "flowgen", &config, NULL), 0);
	assert_int_equal(rte_pktmbuf_alloc_bulk(test_pool, taken, POOL_PACKETS - left), 0);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 16); /* 32 do not fit, half of them do */
	assert_int_equal(fixture->counters.made, 16);
	fixture_clear(fixture);

	assert_int_equal(rte_pktmbuf_alloc_bulk(test_pool, &taken[POOL_PACKETS - left], left), 0);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 0);
	assert_int_equal(fixture->counters.made, 16);
	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		assert_int_equal(fixture->drops[reason], 0);

	rte_pktmbuf_free_bulk(taken, POOL_PACKETS);
	fixture_process(fixture); /* goes on where it was */
	check_frame(fixture->burst.packets[0], flowgen_frame, 64, 16);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(txonly_makes_testpmds_packet),
		TEST(txonly_of_other_sizes),
		TEST(sizes_that_cannot_be_are_refused),
		TEST(received_packets_are_consumed),
		TEST(flowgen_goes_round_its_flows),
		TEST(flowgen_has_1024_flows),
		TEST(txonly_of_many_flows),
		TEST(an_empty_pool_makes_fewer),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
