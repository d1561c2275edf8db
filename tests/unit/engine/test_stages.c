/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of stages, and those that need no headers: io, mac, macswap, rxonly, drop. */
#include <errno.h>
#include <string.h>

#include "stage_fixture.h"

static const uint8_t frame_bytes[60] = {
	1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 0x88, 0xb5, 0xa0, 0xa1, 0xa2, 0xa3};

static void fill(struct stage_fixture *fixture, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fixture_add(fixture, packet_of(frame_bytes, sizeof(frame_bytes), 0, 0));
}

static void check_bytes(const struct rte_mbuf *packet, const uint8_t *expected, uint32_t length)
{
	uint32_t found;
	const uint8_t *bytes = packet_bytes(packet, &found);

	assert_int_equal(found, length);
	assert_memory_equal(bytes, expected, length);
}

static void finds_every_type(void **state)
{
	static const char *const names[] = {"io", "mac", "macswap", "5tswap", "csum", "icmpecho",
		"rxonly", "txonly", "flowgen", "noisy", "drop"};

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct stage_ops *ops = stage_find(names[i]);

		assert_non_null(ops);
		assert_string_equal(ops->name, names[i]);
		assert_non_null(ops->process);
		assert_true(strlen(ops->help) > 0);
		assert_int_equal(ops->create != NULL, ops->destroy != NULL);
	}
	assert_null(stage_find("macswa"));
	assert_null(stage_find(""));
}

static void io_changes_nothing(void **state)
{
	struct stage_fixture *fixture = *state;

	assert_int_equal(fixture_create(fixture, "io", NULL, NULL), 0);
	fill(fixture, 5);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 5);
	check_bytes(fixture->burst.packets[4], frame_bytes, sizeof(frame_bytes));
	fixture_clear(fixture);
}

static void check_addresses(struct stage_fixture *fixture, const uint8_t addresses[12])
{
	uint8_t expected[sizeof(frame_bytes)];

	memcpy(expected, frame_bytes, sizeof(expected));
	memcpy(expected, addresses, 12);
	for (unsigned i = 0; i < fixture->burst.count; i++)
		check_bytes(fixture->burst.packets[i], expected, sizeof(expected));
}

static void mac_sets_default_peer(void **state)
{
	static const uint8_t expected[12] = {2, 0, 0, 0, 0, 3, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "mac"};

	assert_int_equal(fixture_create(fixture, "mac", &config, NULL), 0);
	fill(fixture, BURST_SIZE);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, BURST_SIZE);
	check_addresses(fixture, expected);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

static void mac_sets_given_peer(void **state)
{
	static const uint8_t expected[12] = {9, 8, 7, 6, 5, 4, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "mac", .ethernet_peer = {9, 8, 7, 6, 5, 4}};

	assert_int_equal(fixture_create(fixture, "mac", &config, NULL), 0);
	fill(fixture, 1);
	fixture_process(fixture);
	check_addresses(fixture, expected);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

static void macswap_swaps_bursts_of_any_size(void **state)
{
	static const uint8_t expected[12] = {11, 12, 13, 14, 15, 16, 1, 2, 3, 4, 5, 6};
	struct stage_fixture *fixture = *state;

	assert_int_equal(fixture_create(fixture, "macswap", NULL, NULL), 0);
	for (unsigned count = 0; count <= BURST_SIZE; count++) {
		fill(fixture, count);
		fixture_process(fixture);
		assert_int_equal(fixture->burst.count, count);
		check_addresses(fixture, expected);
		fixture_clear(fixture);
	}
}

/* At the very end of the buffer, so that a sanitizer sees a write behind the frame. */
static struct rte_mbuf *packet_at_end(uint32_t length)
{
	struct rte_mbuf *packet = packet_of(frame_bytes, length, 0, 0);
	uint16_t moved = (uint16_t)(rte_pktmbuf_tailroom(packet));

	packet->data_off = (uint16_t)(packet->data_off + moved);
	memcpy(rte_pktmbuf_mtod(packet, uint8_t *), frame_bytes, length);
	return packet;
}

static void short_frames_are_swapped_or_left(void **state)
{
	static const char *const names[] = {"macswap", "5tswap", "mac", "csum"};
	static const struct config_stage config;
	struct stage_fixture *fixture = *state;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(fixture_create(fixture, names[i], &config, NULL), 0);
		for (uint32_t length = 1; length < 20; length++)
			fixture_add(fixture, packet_at_end(length));
		fixture_process(fixture);
		for (uint32_t length = 1; length < 20; length++) {
			const struct rte_mbuf *packet = fixture->burst.packets[length - 1];
			const uint8_t *bytes = rte_pktmbuf_mtod(packet, const uint8_t *);

			if (length < 14)
				assert_memory_equal(bytes, frame_bytes, length);
			else
				assert_int_not_equal(bytes[0], frame_bytes[0]);
			if (length > 12)
				assert_memory_equal(bytes + 12, frame_bytes + 12, length - 12);
		}
		fixture_clear(fixture);
		fixture_destroy(fixture);
	}
}

static void rxonly_frees_and_counts(void **state)
{
	struct stage_fixture *fixture = *state;

	assert_int_equal(fixture_create(fixture, "rxonly", NULL, NULL), 0);
	assert_true(fixture->stage.ops->flags & STAGE_TERMINAL);
	fill(fixture, 31);
	fixture_add(fixture, packet_of(frame_bytes, sizeof(frame_bytes), 20, 7));
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 0);
	assert_int_equal(fixture->drops[DROP_consumed], 32);
	assert_int_equal(rte_mempool_avail_count(test_pool), POOL_PACKETS);
}

static unsigned drop_count(struct stage_fixture *fixture, double share, unsigned bursts)
{
	const struct config_stage config = {.type = "drop", .share = share};
	unsigned left = 0;

	assert_int_equal(fixture_create(fixture, "drop", &config, NULL), 0);
	for (unsigned i = 0; i < bursts; i++) {
		fill(fixture, BURST_SIZE);
		fixture_process(fixture);
		left += fixture->burst.count;
		fixture_clear(fixture);
	}
	fixture_destroy(fixture);
	assert_int_equal(fixture->drops[DROP_discarded] + left, bursts * BURST_SIZE);
	return (unsigned)fixture->drops[DROP_discarded];
}

static void drop_loses_its_share(void **state)
{
	struct stage_fixture *fixture = *state;
	unsigned lost;

	assert_int_equal(drop_count(fixture, 0, 100), 0);
	assert_int_equal(drop_count(fixture, 1, 100), 100 * BURST_SIZE);
	lost = drop_count(fixture, 0.25, 16000 / BURST_SIZE); /* of 16000: standard deviation 55 */
	assert_in_range(lost, 4000 - 5 * 55, 4000 + 5 * 55);
	assert_int_equal(
		drop_count(fixture, 0.25, 16000 / BURST_SIZE), lost); /* the same in every run */
}

static void drop_keeps_the_order(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "drop", .share = 0.5};
	unsigned last = 0;

	assert_int_equal(fixture_create(fixture, "drop", &config, NULL), 0);
	for (unsigned i = 0; i < BURST_SIZE; i++) {
		fixture_add(fixture, packet_of(frame_bytes, 60 - i / 2, 0, 0));
		fixture->burst.packets[i]->hash.usr = i + 1;
	}
	fixture_process(fixture);
	for (unsigned i = 0; i < fixture->burst.count; i++) {
		assert_true(fixture->burst.packets[i]->hash.usr > last);
		last = fixture->burst.packets[i]->hash.usr;
	}
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

static void drop_refuses_a_wrong_share(void **state)
{
	struct config_stage config = {.type = "drop", .share = 1.5};
	struct error error = {0};

	assert_int_equal(fixture_create(*state, "drop", &config, &error), -EINVAL);
	assert_non_null(strstr(error.message, "share"));
	config.share = __builtin_nan("");
	assert_int_equal(fixture_create(*state, "drop", &config, &error), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_every_type),
		TEST(io_changes_nothing),
		TEST(mac_sets_default_peer),
		TEST(mac_sets_given_peer),
		TEST(macswap_swaps_bursts_of_any_size),
		TEST(short_frames_are_swapped_or_left),
		TEST(rxonly_frees_and_counts),
		TEST(drop_loses_its_share),
		TEST(drop_keeps_the_order),
		TEST(drop_refuses_a_wrong_share),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
