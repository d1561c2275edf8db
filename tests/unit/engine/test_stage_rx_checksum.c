/* SPDX-License-Identifier: BSD-3-Clause */
/* The implicit stage that verifies what a port receives. */
#include <netinet/in.h>

#include "engine/stages/rx_checksum.h"
#include "engine/stages/stages.h"
#include "stage_fixture.h"
#include "stage_frames.h"
#include "steering/receive.h"

enum { GOOD = 10, BAD_IP = 3, BAD_L4 = 4 };

static const struct config_stage none;

static void create(struct stage_fixture *fixture, const struct config_port *port)
{
	assert_int_equal(fixture_create(fixture, "io", &none, NULL), 0);
	fixture->stage.ops = &rx_checksum_stage;
	fixture->stage.from = port;
	assert_int_equal(rx_checksum_stage.create(&fixture->stage, &none, SOCKET_ID_ANY, NULL), 0);
}

static void add(struct stage_fixture *fixture, unsigned count, unsigned broken_at)
{
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 100};
	static struct built_frame frame;
	uint64_t seed = 1;

	frame_build(&frame, &spec, &seed);
	frame_checksums(&frame, frame.bytes);
	if (broken_at != 0)
		frame.bytes[broken_at] ^= 0x10;
	for (unsigned i = 0; i < count; i++)
		fixture_add(fixture, frame_packet(&frame));
}

static void process(struct stage_fixture *fixture)
{
	add(fixture, BAD_L4, 100);
	add(fixture, GOOD, 0);
	add(fixture, BAD_IP, 14 + 8);
	receive_parse(fixture->burst.packets, fixture->burst.count);
	fixture_process(fixture);
}

static void check_counts(const struct stage_fixture *fixture)
{
	const struct rx_checksum_state *state = fixture->stage.state;

	assert_int_equal(state->bad_ip, BAD_IP);
	assert_int_equal(state->bad_l4, BAD_L4);
	assert_int_equal(fixture->counters.bad_checksums, BAD_IP + BAD_L4);
}

static void bad_packets_are_counted_and_pass(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_port port = {.drop_bad_checksums = false};

	create(fixture, &port);
	process(fixture);
	check_counts(fixture);
	assert_int_equal(fixture->burst.count, GOOD + BAD_IP + BAD_L4);
	assert_int_equal(fixture->burst.packets[0]->ol_flags,
		RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD);
	assert_int_equal(fixture->burst.packets[BAD_L4]->ol_flags,
		RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

static void bad_packets_are_dropped_when_asked(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_port port = {.drop_bad_checksums = true};

	create(fixture, &port);
	process(fixture);
	check_counts(fixture);
	assert_int_equal(fixture->burst.count, GOOD);
	assert_int_equal(fixture->drops[DROP_bad_checksum], BAD_IP + BAD_L4);
	for (unsigned i = 0; i < GOOD; i++)
		assert_int_equal(fixture->burst.packets[i]->ol_flags,
			RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_packets_are_counted_and_pass),
		TEST(bad_packets_are_dropped_when_asked),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
