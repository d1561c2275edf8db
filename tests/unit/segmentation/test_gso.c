/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments of TCP and UDP, plain and in tunnels, from buffers of all kinds, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "gso_fixture.h"
#include "packet/bytes.h"

enum {
	ALL_FLAGS = RTE_TCP_CWR_FLAG | RTE_TCP_ECE_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG |
		RTE_TCP_FIN_FLAG
};

static const struct shape plain = {.segment_bytes = 1460,
	.payload_bytes = 1460 * 5 + 17,
	.tcp_flags = ALL_FLAGS,
	.id = 65533,
	.sequence = 0xfffff000};

static void in_all_layouts(const struct shape *shape)
{
	static const unsigned rooms[] = {1, 3, 64};
	struct gso gso = {.pool = header_pool};

	for (unsigned layout = 0; layout < LAYOUTS; layout++)
		for (unsigned i = 0; i < RTE_DIM(rooms); i++)
			check_cut(&gso, shape, layout, rooms[i]);
	assert_int_equal(gso.counters.super_packets, LAYOUTS * RTE_DIM(rooms));
	assert_int_equal(gso.counters.segments, LAYOUTS * RTE_DIM(rooms) * shape_segments(shape));
	assert_true(gso.counters.unchained >= 2 * RTE_DIM(rooms) * shape_segments(shape));
	assert_int_equal(gso.counters.failed, 0);
}

static void with_both_ip(struct shape shape)
{
	in_all_layouts(&shape);
	shape.ipv6 = true;
	in_all_layouts(&shape);
}

static void test_tcp(void **state)
{
	struct shape shape = plain;

	(void)state;
	with_both_ip(shape);
	shape.tcp_options = 12;
	with_both_ip(shape);
	shape.tcp_options = 40;
	shape.extension = true;
	with_both_ip(shape);
}

static void test_tags(void **state)
{
	struct shape shape = plain;

	(void)state;
	for (shape.tags = 1; shape.tags <= 4; shape.tags++)
		with_both_ip(shape);
}

static void test_udp(void **state)
{
	struct shape shape = plain;

	(void)state;
	shape.udp = true;
	with_both_ip(shape);
	shape.extension = true;
	with_both_ip(shape);
	shape.no_sum = true;
	with_both_ip(shape);
}

static void test_fixed_ids_and_cwr(void **state)
{
	struct shape shape = plain;

	(void)state;
	shape.id_fixed = true;
	in_all_layouts(&shape);
	shape.cwr_each = true;
	in_all_layouts(&shape);
	shape.id_fixed = false;
	in_all_layouts(&shape);
	shape.tunnel = VXLAN;
	shape.outer_id_fixed = true;
	in_all_layouts(&shape);
}

static void test_sizes(void **state)
{
	static const uint32_t sizes[][2] = {
		{1, 1}, {1, 40}, {1, 0}, {7, 50}, {1447, 1447 * 3}, {536, 537}, {2000, 100}};
	struct shape shape = plain;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
		shape.segment_bytes = sizes[i][0];
		shape.payload_bytes = sizes[i][1];
		shape.udp = false;
		with_both_ip(shape);
		shape.udp = true;
		with_both_ip(shape);
	}
	shape.udp = false;
	shape.segment_bytes = 1460;
	shape.payload_bytes = 65535 - 40;
	with_both_ip(shape);
}

static void test_tunnels(void **state)
{
	struct shape shape = plain;

	(void)state;
	shape.payload_bytes = 1400 * 2 + 333;
	shape.segment_bytes = 1400;
	shape.outer_id = 65534;
	for (shape.tunnel = PLAIN + 1; shape.tunnel < TUNNEL_SHAPES; shape.tunnel++) {
		for (unsigned variant = 0; variant < 16; variant++) {
			shape.outer_ipv6 = (variant & 1) != 0;
			shape.udp = (variant & 2) != 0;
			shape.no_sum = (variant & 6) == 6;
			shape.extension = (variant & 8) != 0;
			shape.inner_tags = variant & 1;
			shape.tags = (variant & 8) / 8;
			with_both_ip(shape);
		}
	}
}

static void test_expected_bytes(void **state)
{
	/* 10.0.0.1:1 to 10.0.0.2:2, "abcd" in segments of 3: worked out by hand. */
	static const uint8_t packet_bytes[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, //
		0x45, 0, 0, 44, 0, 9, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, //
		0, 1, 0, 2, 0, 0, 0, 255, 0, 0, 0, 0, 0x50, 0x19, 0, 0, 0x14, 0x21, 0, 0, //
		'a', 'b', 'c', 'd'};
	static const uint8_t first[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, //
		0x45, 0, 0, 43, 0, 9, 0, 0, 64, 6, 0x66, 0xc2, 10, 0, 0, 1, 10, 0, 0, 2, //
		0, 1, 0, 2, 0, 0, 0, 255, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0xd6, 0x6a, 0, 0, //
		'a', 'b', 'c'};
	static const uint8_t second[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, //
		0x45, 0, 0, 41, 0, 10, 0, 0, 64, 6, 0x66, 0xc3, 10, 0, 0, 1, 10, 0, 0, 2, //
		0, 1, 0, 2, 0, 0, 1, 2, 0, 0, 0, 0, 0x50, 0x19, 0, 0, 0x36, 0xc3, 0, 0, //
		'd'};
	struct gso gso = {.pool = header_pool};
	struct rte_mbuf *packet, *segments[2];
	struct gso_cut cut;

	(void)state;
	packet = make_packet(packet_bytes, sizeof(packet_bytes), 54, 3, LARGE);
	packet->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
		RTE_MBUF_F_TX_TCP_CKSUM;
	packet->tso_segsz = 3;
	assert_int_equal(gso_begin(&gso, packet, &cut), 2);
	assert_int_equal(gso_next(&gso, &cut, segments, 2), 2);
	check_frame(segments[0], first, sizeof(first));
	check_frame(segments[1], second, sizeof(second));
	rte_pktmbuf_free_bulk(segments, 2);
}

/* UDP whose sum comes out as 0 says 0xffff: 0 would mean that there is none. */
static void test_udp_sum_of_zero(void **state)
{
	struct gso gso = {.pool = header_pool};
	struct shape shape = plain;
	uint8_t frame[FRAME_MAX_BYTES];
	struct rte_mbuf *packet, *segments[2];
	uint32_t word;
	struct gso_cut cut;

	(void)state;
	shape.udp = true;
	shape.segment_bytes = 4;
	shape.payload_bytes = 8;
	shape_segment(&shape, 1, frame);
	word = (uint32_t)load_be16(frame + 42) + load_be16(frame + 40); /* payload, checksum */
	word = (word & 0xffff) + (word >> 16);
	packet = make_super(&shape, LARGE);
	rte_pktmbuf_mtod(packet, uint8_t *)[46] = (uint8_t)(word >> 8);
	rte_pktmbuf_mtod(packet, uint8_t *)[47] = (uint8_t)word;
	assert_int_equal(gso_begin(&gso, packet, &cut), 2);
	assert_int_equal(gso_next(&gso, &cut, segments, 2), 2);
	copy_out(segments[1], frame);
	assert_int_equal(load_be16(frame + 42), word);
	assert_int_equal(load_be16(frame + 40), 0xffff);
	rte_pktmbuf_free_bulk(segments, 2);
}

/* What the note says is believed: it is what the sender's checksum said. */
static void test_noted_sums(void **state)
{
	static const enum layout layouts[] = {SEGMENTS_NOTED, SEGMENTS_SHARED};
	struct gso gso = {.pool = header_pool};
	uint8_t want[FRAME_MAX_BYTES], got[FRAME_MAX_BYTES];
	struct rte_mbuf *segments[8], *packet;
	struct gso_cut cut;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(layouts); i++) {
		packet = make_super(&plain, SEGMENTS_NOTED);
		if (layouts[i] == SEGMENTS_SHARED)
			rte_mbuf_refcnt_update(packet->next, 1);
		*rte_pktmbuf_mtod(packet->next, uint8_t *) ^= 0x40; /* memory went bad */
		segments[7] = packet->next;
		assert_int_equal(gso_begin(&gso, packet, &cut), 6);
		assert_int_equal(gso_next(&gso, &cut, segments, 7), 6);
		shape_segment(&plain, 1, want);
		copy_out(segments[1], got);
		assert_memory_equal(got, want, 54);
		assert_int_equal(got[54], want[54] ^ 0x40);
		rte_pktmbuf_free_bulk(segments, 6);
		if (layouts[i] == SEGMENTS_SHARED)
			rte_pktmbuf_free(segments[7]);
	}
}

/* The device gets lengths, flags, and the sum of the pseudo header in the field. */
static void test_device_checksums(void **state)
{
	struct gso gso = {.pool = header_pool,
		.tx_offloads = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM};
	struct shape shape = plain;
	uint8_t want[FRAME_MAX_BYTES], got[FRAME_MAX_BYTES];
	struct rte_mbuf *segments[8];
	struct gso_cut cut;
	uint32_t at, length;
	uint16_t pseudo;

	(void)state;
	for (unsigned variant = 0; variant < 4; variant++) {
		shape.ipv6 = (variant & 1) != 0;
		shape.udp = (variant & 2) != 0;
		assert_int_equal(gso_begin(&gso, make_super(&shape, LARGE), &cut), 6);
		assert_int_equal(gso_next(&gso, &cut, segments, 8), 6);
		for (unsigned i = 0; i < 6; i++) {
			length = shape_segment(&shape, i, want);
			assert_int_equal(copy_out(segments[i], got), length);
			pseudo = shape.ipv6
				? rte_ipv6_phdr_cksum((struct rte_ipv6_hdr *)(want + 14), 0)
				: rte_ipv4_phdr_cksum((struct rte_ipv4_hdr *)(want + 14), 0);
			at = 14 + (shape.ipv6 ? 40 : 20) + (shape.udp ? 6 : 16);
			memcpy(want + at, &pseudo, 2);
			assert_memory_equal(got, want, length);
			assert_int_equal(segments[i]->ol_flags &
					(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IPV6 |
						RTE_MBUF_F_TX_IPV4),
				(shape.udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM) |
					(shape.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4));
			assert_int_equal(segments[i]->l2_len, 14);
			assert_int_equal(segments[i]->l3_len, shape.ipv6 ? 40 : 20);
			assert_int_equal(segments[i]->l4_len, shape.udp ? 8 : 20);
		}
		rte_pktmbuf_free_bulk(segments, 6);
	}
	shape = plain;
	shape.tunnel = VXLAN_SUM;
	check_cut(&gso, &shape, LARGE, 64);
	shape.tunnel = PLAIN;
	check_cut(&gso, &shape, SEGMENTS_NOTED, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_tcp, gso_test_teardown),
		cmocka_unit_test_teardown(test_tags, gso_test_teardown),
		cmocka_unit_test_teardown(test_udp, gso_test_teardown),
		cmocka_unit_test_teardown(test_fixed_ids_and_cwr, gso_test_teardown),
		cmocka_unit_test_teardown(test_sizes, gso_test_teardown),
		cmocka_unit_test_teardown(test_tunnels, gso_test_teardown),
		cmocka_unit_test_teardown(test_expected_bytes, gso_test_teardown),
		cmocka_unit_test_teardown(test_udp_sum_of_zero, gso_test_teardown),
		cmocka_unit_test_teardown(test_noted_sums, gso_test_teardown),
		cmocka_unit_test_teardown(test_device_checksums, gso_test_teardown),
	};

	return cmocka_run_group_tests(tests, gso_group_setup, gso_group_teardown);
}
