/* SPDX-License-Identifier: BSD-3-Clause */
/* csum against checksums computed a word at a time, in software and as asked of a port. */
#include <netinet/in.h>
#include <rte_ethdev.h>
#include <string.h>

#include "stage_fixture.h"
#include "stage_frames.h"

enum { ROUNDS = 3000 };

static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 3, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
static const struct config_stage config = {.type = "csum"};

static unsigned l4_needed(const struct frame_spec *spec)
{
	switch (spec->protocol) {
	case IPPROTO_TCP: return 20;
	case IPPROTO_SCTP: return 12;
	case IPPROTO_ICMP: return 4;
	default: return 8;
	}
}

/* What is in the first segment gets its checksum. */
static void expect(const struct built_frame *frame, uint8_t *bytes)
{
	static uint8_t summed[sizeof(frame->bytes)];
	unsigned l4 = frame->l2 + frame->l3;
	unsigned head = frame->spec.first != 0 && frame->spec.first < frame->length
		? frame->spec.first
		: frame->length;

	memcpy(summed, bytes, sizeof(summed));
	frame_checksums(frame, summed);
	memcpy(bytes, addresses, sizeof(addresses));
	if (head >= l4)
		memcpy(bytes + 12, summed + 12, l4 - 12);
	if (head >= l4 + l4_needed(&frame->spec))
		memcpy(bytes + l4, summed + l4, frame->length - l4);
}

/* Processes the one packet of `frame` and compares it with `expected`. */
static void check(
	struct stage_fixture *fixture, const struct built_frame *frame, const uint8_t *expected)
{
	const uint8_t *bytes;
	uint32_t length;

	fixture_add(fixture, frame_packet(frame));
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 1);
	assert_int_equal(fixture->burst.packets[0]->ol_flags, 0);
	bytes = packet_bytes(fixture->burst.packets[0], &length);
	assert_int_equal(length, frame->length);
	assert_memory_equal(bytes, expected, length);
	fixture_clear(fixture);
}

static struct built_frame frame;
static uint8_t expected[sizeof(frame.bytes)];

static void sums_as_a_naive_sum_does(void **state)
{
	struct stage_fixture *fixture = *state;
	uint64_t seed = test_seed();
	struct frame_spec spec;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		frame_spec_random(&spec, &seed);
		frame_build(&frame, &spec, &seed);
		memcpy(expected, frame.bytes, sizeof(expected));
		expect(&frame, expected);
		check(fixture, &frame, expected);
	}
	fixture_destroy(fixture);
}

/* Odd segments, so that words lie across their borders. */
static void segments_of_every_size(void **state)
{
	static const unsigned protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};
	struct stage_fixture *fixture = *state;
	uint64_t seed = 3;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned first = 34; first < 70; first++)
			for (unsigned rest = 1; rest < 12; rest++) {
				struct frame_spec spec = {.ip = 4,
					.protocol = protocols[i],
					.payload = 61,
					.first = first,
					.rest = rest};

				frame_build(&frame, &spec, &seed);
				memcpy(expected, frame.bytes, sizeof(expected));
				expect(&frame, expected);
				check(fixture, &frame, expected);
			}
	fixture_destroy(fixture);
}

/* What the checksum covers is not all there: only the IPv4 header's is written. */
static void snapped_packets_keep_their_sums(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 400};
	uint64_t seed = 5;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	frame_build(&frame, &spec, &seed);
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	memcpy(expected + 34, frame.bytes + 34, sizeof(expected) - 34);
	frame.length = 120;
	check(fixture, &frame, expected);
	fixture_destroy(fixture);
}

/* A super-packet with a total length of 0 reaches to its end. */
static void total_length_zero_means_all(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct frame_spec spec = {
		.ip = 4, .protocol = IPPROTO_TCP, .payload = 3000, .first = 1000, .rest = 1001};
	uint64_t seed = 6;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	frame_build(&frame, &spec, &seed);
	frame.bytes[16] = frame.bytes[17] = 0;
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	check(fixture, &frame, expected);
	fixture_destroy(fixture);
}

/* UDP's own length is shorter than IP's: the surplus (RFC 9868) is not summed. */
static void udp_is_as_long_as_it_says(void **state)
{
	struct stage_fixture *fixture = *state;
	struct frame_spec spec = {.ip = 6, .protocol = IPPROTO_UDP, .payload = 100};
	uint64_t seed = 8;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	frame_build(&frame, &spec, &seed);
	frame.bytes[54 + 4] = 0;
	frame.bytes[54 + 5] = 90 + 8;
	memcpy(expected, frame.bytes, sizeof(expected));
	frame.spec.payload = 90; /* for the naive sum */
	expect(&frame, expected);
	check(fixture, &frame, expected);

	frame.bytes[54 + 5] = 101 + 8; /* more than there is: left alone */
	memcpy(expected, frame.bytes, sizeof(expected));
	memcpy(expected, addresses, sizeof(addresses));
	check(fixture, &frame, expected);
	fixture_destroy(fixture);
}

/* A sum that comes out as 0 is sent as 0xffff: 0 would mean that there is none. */
static void udp_never_says_zero(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_UDP, .payload = 2};
	uint64_t seed = 11;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	frame_build(&frame, &spec, &seed);
	memset(frame.bytes + 42, 0, 2);
	frame_checksums(&frame, frame.bytes);
	memcpy(frame.bytes + 42, frame.bytes + 40, 2); /* what the sum lacks */
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	assert_int_equal(expected[40] & expected[41], 0xff);
	check(fixture, &frame, expected);
	fixture_destroy(fixture);
}

static void source_routed_ipv6_is_left_alone(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct frame_spec spec = {.ip = 6, .protocol = IPPROTO_TCP, .options = 24};
	uint64_t seed = 9;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	frame_build(&frame, &spec, &seed);
	frame.bytes[14 + 6] = IPPROTO_ROUTING;
	frame.bytes[54 + 3] = 1; /* segments left */
	memcpy(expected, frame.bytes, sizeof(expected));
	memcpy(expected, addresses, sizeof(addresses));
	check(fixture, &frame, expected);

	frame.bytes[54 + 3] = 0; /* arrived: the destination is the header's */
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	check(fixture, &frame, expected);
	fixture_destroy(fixture);
}

static void source_routed_ipv4_is_left_alone(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_UDP, .options = 8};
	const uint8_t option[8] = {1, 131, 7, 4, 192, 0, 2, 1};
	uint64_t seed = 12;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	frame_build(&frame, &spec, &seed);
	memcpy(frame.bytes + 34, option, sizeof(option));
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	memcpy(expected + 42, frame.bytes + 42, 8); /* UDP's */
	check(fixture, &frame, expected);

	frame.bytes[34 + 3] = 8; /* beyond the last address: arrived */
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	check(fixture, &frame, expected);
	fixture_destroy(fixture);
}

/* They have sums of pseudo headers only: what cuts them makes theirs. */
static void super_packets_are_left_alone(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 3000};
	uint64_t seed = 13;
	const uint8_t *bytes;
	uint32_t length;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	frame_build(&frame, &spec, &seed);
	frame.spec.first = 1000;
	frame.spec.rest = 1000;
	fixture_add(fixture, frame_packet(&frame));
	fixture->burst.packets[0]->ol_flags = RTE_MBUF_F_TX_TCP_SEG;
	fixture_process(fixture);
	bytes = packet_bytes(fixture->burst.packets[0], &length);
	assert_memory_equal(bytes, addresses, sizeof(addresses));
	assert_memory_equal(bytes + 12, frame.bytes + 12, length - 12);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

/* The sum of the pseudo header alone, in the field, uninverted: what a port takes it from. */
static unsigned pseudo_sum(const uint8_t *ip, unsigned protocol, unsigned l4_bytes)
{
	const uint8_t rest[4] = {(uint8_t)(l4_bytes >> 8), (uint8_t)l4_bytes, 0, (uint8_t)protocol};

	return naive_sum(
		rest, 4, ip[0] >> 4 == 4 ? naive_sum(ip + 12, 8, 0) : naive_sum(ip + 8, 32, 0));
}

static void check_offload(
	struct stage_fixture *fixture, const struct frame_spec *spec, uint64_t flags)
{
	uint64_t seed = 10;
	unsigned field = spec->protocol == IPPROTO_TCP ? 16 : 6;
	const struct rte_mbuf *packet;
	const uint8_t *bytes, *l4;
	uint32_t length;

	frame_build(&frame, spec, &seed);
	fixture_add(fixture, frame_packet(&frame));
	fixture->burst.packets[0]->ol_flags = RTE_MBUF_F_RX_RSS_HASH;
	fixture_process(fixture);
	packet = fixture->burst.packets[0];
	assert_int_equal(packet->ol_flags, flags | RTE_MBUF_F_RX_RSS_HASH);
	assert_int_equal(packet->l2_len, frame.l2);
	assert_int_equal(packet->l3_len, frame.l3);
	bytes = packet_bytes(packet, &length);
	l4 = bytes + frame.l2 + frame.l3;
	if (spec->ip == 4) {
		assert_int_equal(bytes[frame.l2 + 10], 0);
		assert_int_equal(bytes[frame.l2 + 11], 0);
	}
	if (spec->protocol == IPPROTO_SCTP)
		assert_int_equal(l4[8] | l4[9] | l4[10] | l4[11], 0);
	else
		assert_int_equal(l4[field] << 8 | l4[field + 1],
			pseudo_sum(bytes + frame.l2, spec->protocol,
				length - frame.l2 - frame.l3 - spec->padding));
	fixture_clear(fixture);
}

static void ports_that_sum_are_asked(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct frame_spec tcp = {
		.ip = 4, .options = 8, .protocol = IPPROTO_TCP, .padding = 6};
	const struct frame_spec udp = {
		.ip = 6, .vlan_tags = 1, .protocol = IPPROTO_UDP, .payload = 99};
	const struct frame_spec sctp = {.ip = 4, .protocol = IPPROTO_SCTP, .payload = 99};
	const uint64_t ipv4 = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;

	assert_int_equal(fixture_create(fixture, "csum", &config, NULL), 0);
	fixture_destroy(fixture);
	fixture->stage.tx_offloads = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
		RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_SCTP_CKSUM;
	assert_int_equal(
		fixture->stage.ops->create(&fixture->stage, &config, SOCKET_ID_ANY, NULL), 0);
	check_offload(fixture, &tcp, ipv4 | RTE_MBUF_F_TX_TCP_CKSUM);
	check_offload(fixture, &udp, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM);
	check_offload(fixture, &sctp, ipv4 | RTE_MBUF_F_TX_SCTP_CKSUM);
	fixture_destroy(fixture);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sums_as_a_naive_sum_does),
		TEST(segments_of_every_size),
		TEST(snapped_packets_keep_their_sums),
		TEST(total_length_zero_means_all),
		TEST(udp_is_as_long_as_it_says),
		TEST(udp_never_says_zero),
		TEST(source_routed_ipv6_is_left_alone),
		TEST(source_routed_ipv4_is_left_alone),
		TEST(super_packets_are_left_alone),
		TEST(ports_that_sum_are_asked),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
