/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's header to marks and back: what the stack sends, and whatever a hostile one says. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/checksum.h"
#include "packet/parse.h"
#include "port/vnet_header.h"
#include "port_fixture.h"
#include "segmentation/super_packet.h"
#include "vnet_frames.h"

enum { HOSTILE_ROUNDS = 20000 };

static struct vnet_frame made;

/* `made` as a packet, in buffers of `part` bytes. */
static struct rte_mbuf *packet_of(struct port_fixture *fixture, uint32_t part)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t done = 0; done < made.length; done += part) {
		uint32_t length = RTE_MIN(part, made.length - done);
		struct rte_mbuf *segment = rte_pktmbuf_alloc(fixture->pool);

		assert_non_null(segment);
		memcpy(rte_pktmbuf_append(segment, (uint16_t)length), made.bytes + done, length);
		if (head == NULL)
			head = segment;
		else
			assert_int_equal(rte_pktmbuf_chain(head, segment), 0);
	}
	return head;
}

static void assert_bytes_are_made(struct rte_mbuf *packet)
{
	struct test_frame frame = {.length = made.length, .bytes = made.bytes};

	assert_packet(packet, &frame);
}

/* ---- ordinary packets ---- */

static void assert_checksum_right(struct rte_mbuf *packet, const struct vnet_frame_plan *plan)
{
	static uint8_t copy[VNET_FRAME_MAX];
	const uint8_t *bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, copy);
	uint8_t protocol = plan->udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint32_t l4_bytes = made.length - made.l4;

	assert_non_null(bytes);
	assert_true(plan->ipv6 ? checksum_l4_ipv6_valid(
					 bytes + made.l3, protocol, bytes + made.l4, l4_bytes)
			       : checksum_l4_ipv4_valid(
					 bytes + made.l3, protocol, bytes + made.l4, l4_bytes));
}

static void test_partial_checksums_are_finished(void **state)
{
	for (unsigned shape = 0; shape < 8; shape++)
		for (uint32_t payload = 0; payload < 100; payload += 3)
			for (uint32_t part = 35; part <= 200; part += 33) {
				struct vnet_frame_plan plan = {.ipv6 = shape & 1,
					.udp = shape & 2,
					.tagged = shape & 4,
					.payload_bytes = payload};
				struct rte_mbuf *packet;

				vnet_frame_make(&plan, &made);
				packet = packet_of(*state, part);
				assert_true(vnet_header_read(packet, &made.header, 0));
				assert_checksum_right(packet, &plan);
				assert_int_equal(packet->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
				rte_pktmbuf_free(packet);
			}
}

/* A payload that makes the sum 0: UDP says 0xffff instead, TCP says 0. */
static void test_a_sum_of_zero(void **state)
{
	for (unsigned udp = 0; udp < 2; udp++) {
		struct vnet_frame_plan plan = {.udp = udp, .payload_bytes = 2};
		struct rte_mbuf *packet;
		uint16_t *field;

		vnet_frame_make(&plan, &made);
		memset(made.bytes + made.headers, 0, 2);
		*(uint16_t *)(made.bytes + made.headers) = checksum_finish(
			checksum_partial(made.bytes + made.l4, made.length - made.l4, 0));
		packet = packet_of(*state, 500);
		assert_true(vnet_header_read(packet, &made.header, 0));
		field = rte_pktmbuf_mtod_offset(
			packet, uint16_t *, made.l4 + made.header.csum_offset);
		assert_int_equal(*field, udp ? 0xffff : 0);
		rte_pktmbuf_free(packet);
	}
}

static void test_the_header_does_not_count_a_tag(void **state)
{
	struct vnet_frame_plan plan = {.tagged = true, .payload_bytes = 33};
	struct rte_mbuf *packet;

	vnet_frame_make(&plan, &made);
	made.header.csum_start -= 4;
	packet = packet_of(*state, 500);
	assert_true(vnet_header_read(packet, &made.header, 4));
	assert_checksum_right(packet, &plan);
	rte_pktmbuf_free(packet);
}

static void test_valid_data_is_good(void **state)
{
	struct vnet_frame_plan plan = {.payload_bytes = 33};
	struct rte_mbuf *packet;

	vnet_frame_make(&plan, &made);
	packet = packet_of(*state, 500);
	made.header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID};
	assert_true(vnet_header_read(packet, &made.header, 0));
	assert_int_equal(packet->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	assert_bytes_are_made(packet);
	packet->ol_flags = 0;
	made.header.flags = 0;
	assert_true(vnet_header_read(packet, &made.header, 0));
	assert_int_equal(packet->ol_flags, 0);
	rte_pktmbuf_free(packet);
}

/* ---- super-packets ---- */

static void assert_marks(const struct rte_mbuf *packet, const struct vnet_frame_plan *plan)
{
	uint64_t marks = plan->udp ? RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM
				   : RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;

	marks |= plan->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	assert_int_equal(packet->ol_flags, marks | super_note_flag | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	assert_int_equal(packet->tso_segsz, 1000);
	assert_int_equal(super_packet_segments(packet), (plan->payload_bytes + 999) / 1000);
	assert_int_equal(super_note(packet)->flags, 0);
}

static void test_super_packets_there_and_back(void **state)
{
	for (unsigned shape = 0; shape < 16; shape++) {
		struct vnet_frame_plan plan = {.ipv6 = shape & 1,
			.udp = shape & 2,
			.tagged = shape & 4,
			.payload_bytes = shape & 8 ? 65000 : 1001};
		struct virtio_net_hdr back;
		struct rte_mbuf *packet;

		vnet_frame_make_super(&plan, 1000, !plan.udp && plan.tagged, &made);
		packet = packet_of(*state, 1999);
		assert_true(vnet_header_read(packet, &made.header, 0));
		assert_marks(packet, &plan);
		assert_int_equal(packet->l2_len, plan.tagged ? 18 : 14);
		assert_int_equal(packet->l2_len + packet->l3_len, made.l4);
		assert_int_equal(packet->l2_len + packet->l3_len + packet->l4_len, made.headers);
		assert_bytes_are_made(packet);
		assert_true(vnet_header_write(packet, 1500, &back));
		assert_memory_equal(&back, &made.header, sizeof(back));
		rte_pktmbuf_free(packet);
	}
}

static void test_a_super_packet_in_a_tunnel(void **state)
{
	for (unsigned shape = 0; shape < 4; shape++) {
		struct vnet_frame_plan plan = {
			.ipv6 = shape & 1, .udp = shape & 2, .tunnel = true, .payload_bytes = 9000};
		struct virtio_net_hdr back;
		struct rte_mbuf *packet;

		vnet_frame_make_super(&plan, 1000, false, &made);
		packet = packet_of(*state, 2000);
		assert_true(vnet_header_read(packet, &made.header, 0));
		assert_marks(packet, &plan);
		assert_int_equal(
			packet->packet_type & RTE_PTYPE_TUNNEL_MASK, RTE_PTYPE_TUNNEL_VXLAN);
		assert_int_equal(packet->l2_len + packet->l3_len, 34);
		assert_bytes_are_made(packet);
		assert_false(vnet_header_write(packet, 1500, &back));
		rte_pktmbuf_free(packet);
	}
}

/* To be cut into IP fragments: their size is the MTU's business again when it leaves. */
static void test_ufo(void **state)
{
	struct vnet_frame_plan plan = {.udp = true, .payload_bytes = 5000};
	struct virtio_net_hdr back;
	struct rte_mbuf *packet;

	vnet_frame_make_super(&plan, 1480, false, &made);
	made.header.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	packet = packet_of(*state, 2000);
	assert_true(vnet_header_read(packet, &made.header, 0));
	assert_true(packet->ol_flags & RTE_MBUF_F_TX_UDP_SEG);
	assert_int_equal(packet->tso_segsz, 0);
	assert_int_equal(super_packet_segments(packet), 4); /* of 5008 bytes */
	assert_true(vnet_header_write(packet, 1500, &back));
	assert_memory_equal(&back, &made.header, sizeof(back));
	rte_pktmbuf_free(packet);
}

/* What fits one segment is no super-packet, whatever it is called. */
static void test_one_segment_is_finished(void **state)
{
	struct vnet_frame_plan plan = {.payload_bytes = 1000};
	struct rte_mbuf *packet;

	vnet_frame_make_super(&plan, 1000, false, &made);
	packet = packet_of(*state, 500);
	assert_true(vnet_header_read(packet, &made.header, 0));
	assert_int_equal(packet->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	assert_checksum_right(packet, &plan);
	rte_pktmbuf_free(packet);
}

static void test_contradictions_leave_the_packet_alone(void **state)
{
	const struct {
		uint8_t flags, gso_type;
		int gso_size, csum_start, csum_offset; /* added to the true ones */
	} wrong[] = {
		{1, VIRTIO_NET_HDR_GSO_NONE, 0, 30000, 0},
		{1, VIRTIO_NET_HDR_GSO_NONE, 0, 0, 30000},
		{1, VIRTIO_NET_HDR_GSO_TCPV4, -1000, 0, 0},
		{1, VIRTIO_NET_HDR_GSO_TCPV4, 0, 2, 0},
		{1, VIRTIO_NET_HDR_GSO_TCPV4, 0, 0, 2},
		{1, VIRTIO_NET_HDR_GSO_TCPV6, 0, 0, 0},
		{1, VIRTIO_NET_HDR_GSO_UDP, 0, 0, 0},
		{1, VNET_GSO_UDP_L4, 0, 0, 0},
		{1, 2, 0, 0, 0},
		{1, 0x60, 0, 0, 0},
		{0, VIRTIO_NET_HDR_GSO_TCPV4, 0, 0, 0},
		{2, VIRTIO_NET_HDR_GSO_TCPV4, 0, 0, 0},
	};
	struct vnet_frame_plan plan = {.payload_bytes = 9000};

	for (unsigned i = 0; i < RTE_DIM(wrong); i++) {
		struct rte_mbuf *packet;

		vnet_frame_make_super(&plan, 1000, false, &made);
		made.header.flags = wrong[i].flags;
		made.header.gso_type = wrong[i].gso_type;
		made.header.gso_size = (uint16_t)(made.header.gso_size + wrong[i].gso_size);
		made.header.csum_start = (uint16_t)(made.header.csum_start + wrong[i].csum_start);
		made.header.csum_offset =
			(uint16_t)(made.header.csum_offset + wrong[i].csum_offset);
		packet = packet_of(*state, 2000);
		assert_false(vnet_header_read(packet, &made.header, 0));
		assert_int_equal(packet->ol_flags, 0);
		assert_bytes_are_made(packet);
		rte_pktmbuf_free(packet);
	}
}

/* Any header before any frame: nothing beyond it is touched, and what becomes a super-packet can
 * be said to the kernel again. */
static void test_hostile(void **state)
{
	const char *given = getenv("WEIR_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	unsigned supers = 0;

	print_message("WEIR_SEED=%u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < HOSTILE_ROUNDS; round++) {
		struct vnet_frame_plan plan = {.ipv6 = rand() & 1,
			.udp = rand() & 1,
			.tagged = rand() & 1,
			.tunnel = rand() % 4 == 0,
			.payload_bytes = (uint32_t)rand() % 3000};
		struct virtio_net_hdr back;
		struct rte_mbuf *packet;
		uint8_t *header = (uint8_t *)&made.header;

		vnet_frame_make_super(&plan, 500, false, &made);
		for (int changes = rand() % 3; changes > 0; changes--)
			header[(unsigned)rand() % sizeof(made.header)] = (uint8_t)rand();
		for (int changes = rand() % 3; changes > 0; changes--)
			made.bytes[(unsigned)rand() % made.headers] = (uint8_t)rand();
		if (rand() % 4 == 0)
			made.length = 14 + (uint32_t)rand() % (made.length - 14);
		packet = packet_of(*state, 64 + (uint32_t)rand() % 1900);
		if (!vnet_header_read(packet, &made.header, rand() % 4 == 0 ? 4 : 0))
			assert_bytes_are_made(packet);
		assert_int_equal(packet->pkt_len, made.length);
		rte_mbuf_sanity_check(packet, 1);
		if (super_packet_is(packet) && !(packet->packet_type & RTE_PTYPE_TUNNEL_MASK)) {
			supers++;
			assert_true(vnet_header_write(packet, 1500, &back));
			assert_in_range(back.csum_start + back.csum_offset + 2u, 0, made.length);
			assert_true(super_packet_segments(packet) > 1);
		}
		rte_pktmbuf_free(packet);
	}
	assert_in_range(supers, HOSTILE_ROUNDS / 20, HOSTILE_ROUNDS);
}

static void test_an_ordinary_packet_has_an_empty_header(void **state)
{
	const struct virtio_net_hdr empty = {0};
	struct vnet_frame_plan plan = {.payload_bytes = 100};
	struct virtio_net_hdr back;
	struct rte_mbuf *packet;

	vnet_frame_make(&plan, &made);
	packet = packet_of(*state, 500);
	assert_true(vnet_header_write(packet, 1500, &back));
	assert_memory_equal(&back, &empty, sizeof(back));
	packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG; /* and nothing that goes with it */
	assert_false(vnet_header_write(packet, 1500, &back));
	rte_pktmbuf_free(packet);
}

static int group_setup(void **state)
{
	return fixture_group_setup(state) != 0 ? -1 : super_note_register(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_partial_checksums_are_finished),
		PORT_TEST(test_a_sum_of_zero),
		PORT_TEST(test_the_header_does_not_count_a_tag),
		PORT_TEST(test_valid_data_is_good),
		PORT_TEST(test_super_packets_there_and_back),
		PORT_TEST(test_a_super_packet_in_a_tunnel),
		PORT_TEST(test_ufo),
		PORT_TEST(test_one_segment_is_finished),
		PORT_TEST(test_contradictions_leave_the_packet_alone),
		PORT_TEST(test_hostile),
		PORT_TEST(test_an_ordinary_packet_has_an_empty_header),
	};

	return cmocka_run_group_tests(tests, group_setup, fixture_group_teardown);
}
