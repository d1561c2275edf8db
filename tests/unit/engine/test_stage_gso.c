/* SPDX-License-Identifier: BSD-3-Clause */
/* gso: which super-packets it leaves to the port, and which it cuts all the same. */
#include <string.h>

#include "packet/bytes.h"
#include "port/port.h"
#include "segmentation/super_packet.h"
#include "stage_fixture.h"

enum { HEADERS = 54, PAYLOAD = 1000, SEGMENT = 400, PIECE = 10, BUFFERS = PAYLOAD / PIECE };

/* Of Ethernet, IPv4 and TCP, in many buffers. */
static struct rte_mbuf *super_packet(uint8_t note_flags)
{
	uint8_t bytes[HEADERS + PAYLOAD] = {
		[12] = 8, [14] = 0x45, [22] = 64, [23] = 6, [46] = 0x50};
	struct rte_mbuf *packet;

	bytes[16] = (HEADERS - 14 + PAYLOAD) >> 8;
	bytes[17] = (HEADERS - 14 + PAYLOAD) & 0xff;
	packet = packet_of(bytes, sizeof(bytes), HEADERS + PIECE, PIECE);
	packet->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP;
	packet->l2_len = 14;
	packet->l3_len = packet->l4_len = 20;
	packet->tso_segsz = SEGMENT;
	packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 |
		RTE_MBUF_F_TX_IP_CKSUM | super_note_flag;
	*super_note(packet) = (struct super_note){.segments = 3, .flags = note_flags};
	return packet;
}

/* How many packets leave. */
static unsigned packets_out(
	struct stage_fixture *fixture, uint32_t whole, uint16_t segments_max, uint8_t note_flags)
{
	const struct config_stage config = {0};
	struct error error = {0};
	unsigned count;

	assert_int_equal(fixture_create(fixture, "gso", &config, &error), 0);
	fixture_destroy(fixture);
	fixture->stage.tx_mtu = 1500;
	fixture->stage.tx_whole = whole;
	fixture->stage.tx_whole_bytes_max = UINT16_MAX;
	fixture->stage.tx_segments_max = segments_max;
	assert_int_equal(
		fixture->stage.ops->create(&fixture->stage, &config, SOCKET_ID_ANY, &error), 0);
	fixture_add(fixture, super_packet(note_flags));
	fixture_process(fixture);
	count = fixture->burst.count;
	assert_int_equal(fixture->counters.made + 1, count);
	fixture_clear(fixture);
	fixture_destroy(fixture);
	return count;
}

static void left_to_the_port(void **state)
{
	const uint32_t device = PORT_WHOLE_TCP | PORT_WHOLE_MARKED;

	assert_int_equal(packets_out(*state, 0, UINT16_MAX, 0), 3);
	assert_int_equal(packets_out(*state, PORT_WHOLE_UDP, UINT16_MAX, 0), 3);
	assert_int_equal(packets_out(*state, device, UINT16_MAX, 0), 1);
	assert_int_equal(packets_out(*state, PORT_WHOLE_ALL, UINT16_MAX, 0), 1);
	assert_int_equal(packets_out(*state, device, BUFFERS, 0), 1);
	/* It takes no packet in so many buffers. */
	assert_int_equal(packets_out(*state, device, BUFFERS - 1, 0), 3);
}

/* What others cut would not be what came; whole, nobody cuts it. */
static void only_we_can_cut(void **state)
{
	const uint32_t device = PORT_WHOLE_TCP | PORT_WHOLE_MARKED;

	assert_int_equal(packets_out(*state, device, UINT16_MAX, SUPER_ID_FIXED), 3);
	assert_int_equal(packets_out(*state, device, UINT16_MAX, SUPER_CWR_EACH), 3);
	assert_int_equal(packets_out(*state, device, UINT16_MAX, SUPER_OUTER_ID_FIXED), 3);
	assert_int_equal(packets_out(*state, PORT_WHOLE_ALL, UINT16_MAX, SUPER_ID_FIXED), 1);
}

/* Packets of which nobody said that they are super-packets. */
static void long_ones(void **state)
{
	static const uint8_t headers[HEADERS] = {
		[12] = 8, [14] = 0x45, [22] = 64, [23] = 6, [46] = 0x50};
	static uint8_t bytes[HEADERS + 70000];
	const uint32_t mtus[] = {UINT16_MAX, 9000};
	const struct config_stage config = {0};
	struct stage_fixture *fixture = *state;
	struct error error = {0};

	memcpy(bytes, headers, sizeof(headers));
	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *packet = packet_of(bytes, sizeof(bytes), 2000, 2000);

		packet->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP;
		packet->l2_len = 14;
		packet->l3_len = packet->l4_len = 20;
		assert_int_equal(fixture_create(fixture, "gso", &config, &error), 0);
		fixture_destroy(fixture);
		fixture->stage.tx_mtu = mtus[i];
		assert_int_equal(
			fixture->stage.ops->create(&fixture->stage, &config, SOCKET_ID_ANY, &error),
			0);
		fixture_add(fixture, packet);
		fixture_process(fixture);
		assert_int_equal(fixture->burst.count, mtus[i] == UINT16_MAX ? 1 : 8);
		fixture_clear(fixture);
		fixture_destroy(fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(left_to_the_port, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(only_we_can_cut, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(long_ones, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
