/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets with right and wrong checksums, computed a word at a time (stage_frames.h) and by DPDK:
 * what is said of them, and what is written. Making them is tested with the csum stage too.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ip.h>

#include "../engine/stage_fixture.h"
#include "../engine/stage_frames.h"
#include "segmentation/packet_checksum.h"
#include "segmentation/super_packet.h"
#include "steering/receive.h"

enum { ROUNDS = 4000, SEGMENTS_MAX = 512 };

#define IP_GOOD RTE_MBUF_F_RX_IP_CKSUM_GOOD
#define IP_BAD RTE_MBUF_F_RX_IP_CKSUM_BAD
#define L4_GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define L4_BAD RTE_MBUF_F_RX_L4_CKSUM_BAD
#define L4_NONE RTE_MBUF_F_RX_L4_CKSUM_NONE

/* The packet in use. Each segment's bytes end where their allocation ends, so that a sanitizer sees
 * any read beyond. */
static struct rte_mbuf segments[SEGMENTS_MAX];
static unsigned segment_count;

struct rte_mbuf *packet_of(const uint8_t *bytes, uint32_t length, uint32_t first, uint32_t rest)
{
	uint32_t part = first != 0 && first < length ? first : length, all = length;

	while (segment_count > 0)
		free(segments[--segment_count].buf_addr);
	do {
		struct rte_mbuf *segment = &segments[segment_count];

		assert_true(segment_count < SEGMENTS_MAX);
		*segment = (struct rte_mbuf){.buf_addr = malloc(part), .data_len = (uint16_t)part};
		assert_non_null(segment->buf_addr);
		memcpy(segment->buf_addr, bytes, part);
		if (segment_count++ > 0)
			segment[-1].next = segment;
		bytes += part;
		length -= part;
		part = rest < length ? rest : length;
	} while (length > 0);
	segments[0].pkt_len = all;
	segments[0].nb_segs = (uint16_t)segment_count;
	return &segments[0];
}

static uint64_t verify(const struct built_frame *frame, uint64_t flags)
{
	struct rte_mbuf *packet = frame_packet(frame);
	unsigned bad;

	/* what the engine's parser finds, not what the test meant */
	receive_parse(&packet, 1);
	packet->ol_flags = flags;
	bad = packet_checksum_verify(&packet, 1);
	assert_int_equal(bad,
		(packet->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == IP_BAD ||
			(packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == L4_BAD);
	return packet->ol_flags;
}

static bool is_fragment(const struct frame_spec *spec)
{
	return spec->fragment || spec->fragment_place != 0;
}

static bool is_tunnel(const struct built_frame *frame)
{
	struct rte_mbuf *packet = frame_packet(frame);

	receive_parse(&packet, 1);
	return (packet->packet_type & RTE_PTYPE_TUNNEL_MASK) != 0;
}

/* What a frame with right checksums gets. */
static uint64_t expected_good(const struct built_frame *frame)
{
	const struct frame_spec *spec = &frame->spec;
	uint64_t flags = spec->ip == 4 ? IP_GOOD : 0;

	if (spec->ip == 0 || is_fragment(spec))
		return flags;
	if (spec->protocol == IPPROTO_UDP && spec->udp_none)
		return spec->ip == 6 && !is_tunnel(frame) ? L4_BAD : flags;
	return flags | L4_GOOD;
}

static struct built_frame frame;

/* Right ones are good; with one bit turned they are bad, but not if it is in the padding. */
static void random_packets(void **state)
{
	const char *given = getenv("WEIR_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	struct frame_spec spec;

	(void)state;
	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t good, flags;
		uint32_t at;

		frame_spec_random(&spec, &seed);
		frame_build(&frame, &spec, &seed);
		frame_checksums(&frame, frame.bytes);
		good = expected_good(&frame);
		assert_int_equal(verify(&frame, 0), good);
		if ((good & L4_GOOD) == 0)
			continue;
		/* A checksum field of UDP is spared: it could become 0. */
		at = frame.l2 + frame.l3 +
			(uint32_t)(frame_random(&seed) % (frame.length - frame.l2 - frame.l3));
		if (at - frame.l2 - frame.l3 >= 4 && at - frame.l2 - frame.l3 < 14)
			continue;
		frame.bytes[at] ^= (uint8_t)(1 << frame_random(&seed) % 8);
		flags = verify(&frame, 0);
		assert_int_equal(flags,
			at < frame.length - spec.padding ? (good & ~L4_GOOD) | L4_BAD : good);
	}
}

/* As rte_ipv4_udptcp_cksum() and its sister say. */
static void as_dpdk_says(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct frame_spec spec = {.ip = i % 2 ? 6 : 4,
			.protocol = i % 3 ? IPPROTO_TCP : IPPROTO_UDP,
			.payload = (unsigned)(frame_random(&seed) % 1460),
			.padding = (unsigned)(frame_random(&seed) % 3)};
		const uint8_t *ip;
		uint16_t sum;
		bool right;

		frame_build(&frame, &spec, &seed);
		if (frame_random(&seed) % 2)
			frame_checksums(&frame, frame.bytes);
		ip = frame.bytes + frame.l2;
		/* over all, the field included: 0, or what UDP sends for 0 */
		sum = spec.ip == 4 ? rte_ipv4_udptcp_cksum((const void *)ip, ip + frame.l3)
				   : rte_ipv6_udptcp_cksum((const void *)ip, ip + frame.l3);
		right = sum == 0 || sum == 0xffff;
		if (spec.ip == 4 && rte_ipv4_cksum((const void *)ip) != 0) {
			assert_int_equal(verify(&frame, 0), IP_BAD);
			continue;
		}
		assert_int_equal(verify(&frame, 0),
			(spec.ip == 4 ? IP_GOOD : 0) | (right ? L4_GOOD : L4_BAD));
	}
}

static void segments_of_every_size(void **state)
{
	static const unsigned protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};
	uint64_t seed = 3;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		for (unsigned first = 1; first < 90; first++)
			for (unsigned rest = 1; rest < 12; rest++) {
				struct frame_spec spec = {.ip = i < 4 ? 4 : 6,
					.vlan_tags = i % 2,
					.protocol = protocols[i % 4],
					.payload = 61,
					.first = first,
					.rest = rest};
				uint64_t ip = spec.ip == 4 ? IP_GOOD : 0;

				frame_build(&frame, &spec, &seed);
				frame_checksums(&frame, frame.bytes);
				assert_int_equal(verify(&frame, 0), ip | L4_GOOD);
				frame.bytes[frame.length - 1] ^= 0x20;
				assert_int_equal(verify(&frame, 0), ip | L4_BAD);
			}
}

static void build(const struct frame_spec *spec)
{
	uint64_t seed = 5;

	frame_build(&frame, spec, &seed);
	frame_checksums(&frame, frame.bytes);
}

/* What a device said is kept, right or wrong, layer by layer. */
static void devices_are_believed(void **state)
{
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 100};

	(void)state;
	build(&spec);
	assert_int_equal(verify(&frame, IP_GOOD | L4_BAD), IP_GOOD | L4_BAD);
	assert_int_equal(verify(&frame, L4_BAD), IP_GOOD | L4_BAD);
	assert_int_equal(verify(&frame, IP_GOOD), IP_GOOD | L4_GOOD);
	assert_int_equal(verify(&frame, IP_BAD), IP_BAD);
	frame.bytes[60]++;
	assert_int_equal(verify(&frame, IP_GOOD | L4_GOOD), IP_GOOD | L4_GOOD);
	assert_int_equal(verify(&frame, L4_NONE), IP_GOOD | L4_NONE);
	assert_int_equal(
		verify(&frame, RTE_MBUF_F_RX_RSS_HASH), IP_GOOD | L4_BAD | RTE_MBUF_F_RX_RSS_HASH);
}

static void a_bad_header_says_nothing_of_layer_4(void **state)
{
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_UDP, .payload = 100};

	(void)state;
	build(&spec);
	frame.bytes[frame.l2 + 8]++; /* time to live */
	assert_int_equal(verify(&frame, 0), IP_BAD);
}

static void what_is_not_all_there_is_not_judged(void **state)
{
	const struct frame_spec tcp = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 100};
	const struct frame_spec udp = {.ip = 6, .protocol = IPPROTO_UDP, .payload = 100};
	const struct frame_spec routed = {.ip = 6, .protocol = IPPROTO_TCP, .options = 24};

	(void)state;
	build(&tcp);
	frame.length -= 1;
	assert_int_equal(verify(&frame, 0), IP_GOOD);
	build(&udp);
	frame.bytes[54 + 5]++; /* UDP's length */
	assert_int_equal(verify(&frame, 0), 0);
	frame.bytes[54 + 4] = 0;
	frame.bytes[54 + 5] = 7;
	assert_int_equal(verify(&frame, 0), 0);
	build(&routed);
	frame.bytes[14 + 6] = IPPROTO_ROUTING;
	frame.bytes[54 + 3] = 1; /* segments left */
	assert_int_equal(verify(&frame, 0), 0);
	frame.bytes[54 + 3] = 0;
	assert_int_equal(verify(&frame, 0), L4_GOOD);
}

static void udp_may_say_none(void **state)
{
	struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_UDP, .payload = 9, .udp_none = true};

	(void)state;
	build(&spec);
	assert_int_equal(verify(&frame, 0), IP_GOOD);
	spec.ip = 6;
	build(&spec);
	assert_int_equal(verify(&frame, 0), L4_BAD);
	frame.bytes[54 + 2] = 4789 >> 8; /* VXLAN */
	frame.bytes[54 + 3] = 4789 & 0xff;
	assert_int_equal(verify(&frame, 0), 0);
}

/* Of a super-packet the field holds another sum. */
static void super_packets_pass(void **state)
{
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 3000};

	(void)state;
	build(&spec);
	frame.bytes[60]++;
	assert_int_equal(verify(&frame, RTE_MBUF_F_TX_TCP_SEG), RTE_MBUF_F_TX_TCP_SEG);
	assert_int_equal(verify(&frame, RTE_MBUF_F_TX_UDP_SEG), RTE_MBUF_F_TX_UDP_SEG);
}

static void a_burst_is_counted(void **state)
{
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 100};
	struct rte_mbuf copies[20], *packets[20];

	(void)state;
	build(&spec);
	packets[0] = frame_packet(&frame);
	for (unsigned i = 0; i < 20; i++) {
		copies[i] = *packets[0];
		copies[i].ol_flags = i % 5 == 0 ? IP_BAD : i % 5 == 1 ? L4_BAD : 0;
	}
	for (unsigned i = 0; i < 20; i++)
		packets[i] = &copies[i];
	assert_int_equal(packet_checksum_verify(packets, 20), 8);
	assert_int_equal(copies[19].ol_flags, IP_GOOD | L4_GOOD);
}

/* Whatever a header says, nothing beyond the packet is read. */
static void garbage_is_survived(void **state)
{
	uint64_t seed = 6;
	struct frame_spec spec;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct rte_mbuf *packet;

		frame_spec_random(&spec, &seed);
		spec.payload %= 60;
		frame_build(&frame, &spec, &seed);
		for (unsigned b = 0; b < 4; b++)
			frame.bytes[14 + frame_random(&seed) % 60] = (uint8_t)frame_random(&seed);
		frame.length = 1 + (uint32_t)(frame_random(&seed) % frame.length);
		verify(&frame, 0);
		packet = frame_packet(&frame);
		receive_parse(&packet, 1);
		packet_checksum_fill(&packet, 1, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_packets),
		cmocka_unit_test(as_dpdk_says),
		cmocka_unit_test(segments_of_every_size),
		cmocka_unit_test(devices_are_believed),
		cmocka_unit_test(a_bad_header_says_nothing_of_layer_4),
		cmocka_unit_test(what_is_not_all_there_is_not_judged),
		cmocka_unit_test(udp_may_say_none),
		cmocka_unit_test(super_packets_pass),
		cmocka_unit_test(a_burst_is_counted),
		cmocka_unit_test(garbage_is_survived),
	};
	int failures = cmocka_run_group_tests(tests, NULL, NULL);

	while (segment_count > 0)
		free(segments[--segment_count].buf_addr);
	return failures;
}
