/* SPDX-License-Identifier: BSD-3-Clause */
/* The receive step on mbufs made by hand: fields, hashes, segments, the NIC's own hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "packet/parse.h"
#include "steering/receive.h"
#include "steering/tuple.h"

enum { FRAMES_MAX = 70, FRAME_BYTES = 128 };

/* 66.9.149.187:2794 -> 161.142.100.80:1766, of the verification vectors. */
static const uint8_t tcp4[54] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, /* Ethernet */
	0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 66, 9, 149, 187, 161, 142, 100, 80, /* IPv4 */
	0x0a, 0xea, 0x06, 0xe6, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0};
enum { TCP4_HASH = 0x51ccc178, TCP4_ADDRESSES_HASH = 0x323e8fc2 };

/* [3ffe:2501:200:1fff::7]:2794 -> [3ffe:2501:200:3::1]:1766 */
static const uint8_t udp6[62] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, /* Ethernet */
	0x60, 0, 0, 0, 0, 8, 17, 64, 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0,
	0, 0, 7, 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, /* IPv6 */
	0x0a, 0xea, 0x06, 0xe6, 0, 8, 0, 0};
enum { UDP6_HASH = 0x40207d3d };

static struct rte_mbuf mbufs[FRAMES_MAX], *packets[FRAMES_MAX];
static uint8_t data[FRAMES_MAX][FRAME_BYTES];
static uint32_t hashes[FRAMES_MAX];
static struct rss_hash rss;

/* Rubbish in all fields that the step has to write. */
static uint8_t *put(unsigned index, const uint8_t *bytes, unsigned length)
{
	memset(&mbufs[index], 0, sizeof(mbufs[index]));
	mbufs[index].buf_addr = data[index];
	mbufs[index].buf_len = FRAME_BYTES;
	mbufs[index].nb_segs = 1;
	mbufs[index].pkt_len = mbufs[index].data_len = (uint16_t)length;
	mbufs[index].tx_offload = UINT64_MAX;
	mbufs[index].packet_type = UINT32_MAX;
	mbufs[index].hash.rss = 0xdeadbeef;
	packets[index] = &mbufs[index];
	hashes[index] = 0xdeadbeef;
	memset(data[index], 0xee, FRAME_BYTES);
	memcpy(data[index], bytes, length);
	return data[index];
}

static void expect(unsigned index, uint32_t type, unsigned l2, unsigned l3, unsigned l4)
{
	assert_int_equal(mbufs[index].packet_type, type);
	assert_int_equal(mbufs[index].l2_len, l2);
	assert_int_equal(mbufs[index].l3_len, l3);
	assert_int_equal(mbufs[index].l4_len, l4);
	assert_int_equal(mbufs[index].tso_segsz, 0);
	assert_int_equal(mbufs[index].outer_l2_len, 0);
}

static void expect_hash(unsigned index, uint32_t hash, bool flag)
{
	assert_int_equal(hashes[index], hash);
	assert_int_equal(mbufs[index].hash.rss, hash);
	assert_int_equal((mbufs[index].ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0, flag);
}

static void fields(void **state)
{
	uint8_t *bytes;

	(void)state;
	put(0, tcp4, sizeof(tcp4));
	put(1, udp6, sizeof(udp6));
	put(2, tcp4, sizeof(tcp4))[20] = 0x20; /* a fragment */
	bytes = put(3, tcp4, sizeof(tcp4)); /* ARP */
	bytes[12] = 0x08, bytes[13] = 0x06;
	mbufs[3].ol_flags = RTE_MBUF_F_RX_RSS_HASH;
	put(4, tcp4, sizeof(tcp4))[23] = 1; /* ICMP: its first bytes are not ports */
	put(5, tcp4, 10); /* no Ethernet header */
	bytes = put(6, tcp4, 14); /* IPv4 with options */
	memcpy(bytes + 14, "\x46\0\0\x2c", 4);
	memcpy(bytes + 18, tcp4 + 18, 16);
	memset(bytes + 34, 1, 4);
	memcpy(bytes + 38, tcp4 + 34, 20);
	mbufs[6].data_len = mbufs[6].pkt_len = 58;
	put(7, tcp4, sizeof(tcp4))[23] = 132; /* SCTP */

	receive_parse_rss(&rss, false, packets, 8, hashes);
	expect(0, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP, 14, 20, 20);
	expect_hash(0, TCP4_HASH, true);
	expect(1, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_UDP, 14, 40, 8);
	expect_hash(1, UDP6_HASH, true);
	expect(2, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_FRAG, 14, 20, 0);
	expect_hash(2, TCP4_ADDRESSES_HASH, true);
	expect(3, RTE_PTYPE_L2_ETHER_ARP, 14, 0, 0);
	expect_hash(3, 0, false);
	expect(4, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_ICMP, 14, 20, 8);
	expect_hash(4, TCP4_ADDRESSES_HASH, true);
	expect(5, 0, 0, 0, 0);
	expect_hash(5, 0, false);
	expect(6, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4_EXT | RTE_PTYPE_L4_TCP, 14, 24, 20);
	expect_hash(6, TCP4_HASH, true);
	expect(7, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_SCTP, 14, 20, 12);
	expect_hash(7, TCP4_HASH, true);
}

/* Bursts of every length up to more than two chunks, both versions mixed. */
static void every_burst_length(void **state)
{
	(void)state;
	for (unsigned count = 0; count <= FRAMES_MAX; count++) {
		for (unsigned i = 0; i < FRAMES_MAX; i++) {
			if (i % 3 == 1)
				put(i, udp6, sizeof(udp6));
			else
				put(i, tcp4, sizeof(tcp4));
		}
		receive_parse_rss(&rss, false, packets, count, hashes);
		for (unsigned i = 0; i < count; i++)
			expect_hash(i, i % 3 == 1 ? UDP6_HASH : TCP4_HASH, true);
		for (unsigned i = count; i < FRAMES_MAX; i++)
			assert_int_equal(hashes[i], 0xdeadbeef);
	}
}

static void parse_only(void **state)
{
	(void)state;
	put(0, tcp4, sizeof(tcp4));
	put(1, tcp4, sizeof(tcp4))[20] = 0x20;
	receive_parse(packets, 2);
	expect(0, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP, 14, 20, 20);
	expect(1, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_FRAG, 14, 20, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mbufs[i].hash.rss, 0xdeadbeef);
		assert_int_equal(mbufs[i].ol_flags, 0);
	}
}

static void nic_hash(void **state)
{
	(void)state;
	for (unsigned keep = 0; keep < 2; keep++) {
		put(0, tcp4, sizeof(tcp4));
		mbufs[0].ol_flags = RTE_MBUF_F_RX_RSS_HASH;
		put(1, tcp4, sizeof(tcp4)); /* the NIC did not hash this one */
		put(2, tcp4, sizeof(tcp4))[20] = 0x20;
		mbufs[2].ol_flags = RTE_MBUF_F_RX_RSS_HASH;
		receive_parse_rss(&rss, keep, packets, 3, hashes);
		expect_hash(0, keep ? 0xdeadbeef : TCP4_HASH, true);
		expect_hash(1, TCP4_HASH, true);
		expect_hash(2, keep ? 0xdeadbeef : TCP4_ADDRESSES_HASH, true);
		expect(0, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP, 14, 20, 20);
	}
}

/* One packet in two segments, cut at each place. */
static void segments(void **state)
{
	(void)state;
	for (unsigned cut = 1; cut < sizeof(tcp4); cut++) {
		put(0, tcp4, cut);
		put(1, tcp4 + cut, sizeof(tcp4) - cut);
		mbufs[0].next = &mbufs[1];
		mbufs[0].nb_segs = 2;
		mbufs[0].pkt_len = sizeof(tcp4);
		receive_parse_rss(&rss, false, packets, 1, hashes);
		expect(0, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP, 14, 20, 20);
		expect_hash(0, TCP4_HASH, true);
	}
}

static int init_key(void **state)
{
	(void)state;
	rss_hash_init(&rss, toeplitz_key_microsoft, NULL, RSS_TRANSFORM_NONE, false);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(every_burst_length),
		cmocka_unit_test(parse_only),
		cmocka_unit_test(nic_hash),
		cmocka_unit_test(segments),
	};

	return cmocka_run_group_tests(tests, init_key, NULL);
}
