/* SPDX-License-Identifier: BSD-3-Clause */
/* Super-packets that are finished whole, and packets made super-packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_tcp.h>

#include "gso_fixture.h"

static const struct shape plain = {.segment_bytes = 1401,
	.payload_bytes = 1401 * 3 + 333,
	.tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG};

static void check_whole(const struct shape *shape, unsigned layouts)
{
	static uint8_t want[FRAME_MAX_BYTES];
	struct rte_mbuf *packet;
	uint32_t length;

	for (unsigned layout = 0; layout < layouts; layout++) {
		packet = make_super(shape, layout);
		gso_finish_whole(packet);
		length = shape_whole(shape, want);
		if (layout == PADDED) {
			memset(want + length, 0xee, 7);
			length += 7;
		}
		check_frame(packet, want, length);
		assert_int_equal(packet->ol_flags & ~stamp_flag,
			RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
		assert_int_equal(packet->tso_segsz, 0);
		rte_pktmbuf_free(packet);
		shared_free();
	}
}

static void test_finish(void **state)
{
	struct shape shape = plain;

	(void)state;
	for (shape.tunnel = PLAIN; shape.tunnel < TUNNEL_SHAPES; shape.tunnel++) {
		for (unsigned variant = 0; variant < 32; variant++) {
			shape.outer_ipv6 = (variant & 1) != 0;
			shape.udp = (variant & 2) != 0;
			shape.no_sum = (variant & 6) == 6;
			shape.extension = (variant & 8) != 0;
			shape.ipv6 = (variant & 16) != 0;
			check_whole(&shape, LAYOUTS);
		}
	}
}

static void test_big_tcp(void **state)
{
	struct shape shape = plain;

	(void)state;
	shape.payload_bytes = 69001;
	check_whole(&shape, PADDED); /* nothing says what would be padding */
	shape.ipv6 = true;
	check_whole(&shape, PADDED);
}

/* As a virtio device says it: a checksum to be filled in, nothing to be cut. */
static void test_checksum_only(void **state)
{
	static uint8_t want[FRAME_MAX_BYTES];
	struct shape shape = plain;
	struct rte_mbuf *packet;

	(void)state;
	shape.payload_bytes = 1000;
	for (unsigned variant = 0; variant < 4; variant++) {
		shape.udp = (variant & 1) != 0;
		shape.ipv6 = (variant & 2) != 0;
		packet = make_super(&shape, LARGE);
		packet->ol_flags &= ~(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);
		gso_finish_whole(packet);
		check_frame(packet, want, shape_whole(&shape, want));
		rte_pktmbuf_free(packet);
	}
}

/* A packet that cannot be understood loses its flags and nothing else. */
static void test_not_understood(void **state)
{
	uint8_t bytes[100];
	struct rte_mbuf *packet;

	(void)state;
	memset(bytes, 0x45, sizeof(bytes));
	packet = make_packet(bytes, sizeof(bytes), 40, 10, LARGE);
	packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	gso_finish_whole(packet);
	check_frame(packet, bytes, sizeof(bytes));
	assert_false(super_packet_is(packet));
	rte_pktmbuf_free(packet);
}

/* Adopted and cut, it is what its sender's device would have made of it. */
static void check_adopted(const struct shape *shape, enum layout layout, uint32_t mtu)
{
	static uint8_t frame[FRAME_MAX_BYTES];
	struct gso gso = {.pool = header_pool};
	uint32_t length = shape_whole(shape, frame);
	struct rte_mbuf *packet, *segments[64];
	struct gso_cut cut;
	unsigned count = shape_segments(shape);

	packet = make_packet(frame, length, length - shape->payload_bytes, 2000, layout);
	assert_true(gso_adopt(packet, mtu));
	assert_true(super_packet_is(packet));
	assert_int_equal(packet->tso_segsz, shape->segment_bytes);
	assert_int_equal(super_packet_segments(packet), count);
	assert_int_equal(gso_begin(&gso, packet, &cut), count);
	assert_int_equal(gso_next(&gso, &cut, segments, 64), count);
	for (unsigned i = 0; i < count; i++)
		check_frame(segments[i], frame, shape_segment(shape, i, frame));
	rte_pktmbuf_free_bulk(segments, count);
}

static void test_adopt(void **state)
{
	struct shape shape = plain;

	(void)state;
	shape.payload_bytes = 60000;
	for (unsigned tags = 0; tags < 2; tags++) {
		shape.tags = tags;
		shape.ipv6 = false;
		shape.tunnel = PLAIN;
		shape.tcp_options = 12;
		shape.segment_bytes = 1448;
		check_adopted(&shape, LARGE, 1500);
		check_adopted(&shape, SEGMENTS, 1500);
		shape.ipv6 = true;
		shape.tcp_options = 0;
		shape.segment_bytes = 1440;
		check_adopted(&shape, LARGE, 1500);
		shape.tunnel = VXLAN_SUM;
		shape.segment_bytes = 1500 - 20 - 8 - 8 - 14 - 40 - 20;
		check_adopted(&shape, LARGE, 1500);
	}
}

static bool is_adopted(const struct shape *shape, uint32_t cut_bytes, uint32_t mtu)
{
	static uint8_t frame[FRAME_MAX_BYTES], after[FRAME_MAX_BYTES];
	uint32_t length = shape_whole(shape, frame) - cut_bytes;
	struct rte_mbuf *packet = make_packet(frame, length, 0, 0, LARGE);
	bool adopted = gso_adopt(packet, mtu);

	copy_out(packet, after);
	if (!adopted) {
		assert_memory_equal(frame, after, length);
		assert_false(super_packet_is(packet));
	}
	rte_pktmbuf_free(packet);
	return adopted;
}

static void test_not_adopted(void **state)
{
	struct shape shape = plain;
	struct rte_mbuf *packet;

	(void)state;
	shape.payload_bytes = 1461;
	assert_true(is_adopted(&shape, 0, 1500));
	assert_false(is_adopted(&shape, 1, 1500)); /* snapped */
	assert_false(is_adopted(&shape, 0, 1501));
	assert_false(is_adopted(&shape, 0, 40));
	assert_true(is_adopted(&shape, 0, 41));
	shape.extension = true; /* with options its sum may be of another destination */
	assert_false(is_adopted(&shape, 0, 1000));
	shape.extension = false;
	shape.udp = true;
	assert_false(is_adopted(&shape, 0, 1000));
	packet = make_super(&plain, LARGE);
	assert_false(gso_adopt(packet, 1500)); /* is one already */
	packet->ol_flags &= ~RTE_MBUF_F_TX_TCP_SEG;
	rte_mbuf_refcnt_update(packet, 1);
	assert_false(gso_adopt(packet, 1500)); /* somebody else looks at it */
	rte_mbuf_refcnt_update(packet, -1);
	assert_true(gso_adopt(packet, 1500));
	rte_pktmbuf_free(packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_finish, gso_test_teardown),
		cmocka_unit_test_teardown(test_big_tcp, gso_test_teardown),
		cmocka_unit_test_teardown(test_checksum_only, gso_test_teardown),
		cmocka_unit_test_teardown(test_not_understood, gso_test_teardown),
		cmocka_unit_test_teardown(test_adopt, gso_test_teardown),
		cmocka_unit_test_teardown(test_not_adopted, gso_test_teardown),
	};

	return cmocka_run_group_tests(tests, gso_group_setup, gso_group_teardown);
}
