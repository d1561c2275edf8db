/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames written out in hex, header by header, and what must be found in them. Each is also cut at
 * every length, in a buffer of exactly that size so that a sanitizer sees a read past its end.
 * DPDK's own rte_net_get_ptype() is asked too, where it knows the case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>
#include <rte_net.h>

#include "packet/parse.h"
#include "packet/parse_fast.h"

#define MACS "0200000000010200000000ff"
#define ETH_IPV4 MACS "0800"
#define ETH_IPV6 MACS "86dd"
/* total length, fragment field, protocol */
#define IPV4(total, fragment, protocol)                                                            \
	"4500" total "0001" fragment "40" protocol "0000" V4_ADDRESSES
#define V4_ADDRESSES                                                                               \
	"0a000001"                                                                                 \
	"0a000002"
/* payload length, next header */
#define IPV6(payload, next) "60000000" payload next "40" V6_ADDRESSES
#define V6_ADDRESSES                                                                               \
	"20010db8000000000000000000000001"                                                         \
	"20010db8000000000000000000000002"
#define PORTS "00501234"
#define TCP                                                                                        \
	PORTS "0000000100000002"                                                                   \
	      "5010"                                                                               \
	      "ffff00000000"
#define TCP_OPTIONS                                                                                \
	PORTS "0000000100000002"                                                                   \
	      "8010"                                                                               \
	      "ffff00000000"                                                                       \
	      "0101080a0000000100000002"
#define UDP(destination, length) "1234" destination length "0000"

#define L2(name) RTE_PTYPE_L2_ETHER##name
#define L3(name) RTE_PTYPE_L3_##name
#define L4(name) RTE_PTYPE_L4_##name
#define TUNNEL(name) RTE_PTYPE_TUNNEL_##name

enum judge { ALONE, DPDK_TOO };

static const struct {
	const char *name, *hex;
	struct headers expected;
	enum judge judge;
} frames[] = {
	/* ---- plain ---- */
	{"TCP/IPv4", ETH_IPV4 IPV4("0028", "4000", "06") TCP,
		{L2() | L3(IPV4) | L4(TCP), 14, 20, 34, 20, 0x0800, 6, 0, 0, 0, 0}, DPDK_TOO},
	{"TCP options", ETH_IPV4 IPV4("0034", "4000", "06") TCP_OPTIONS,
		{L2() | L3(IPV4) | L4(TCP), 14, 20, 34, 32, 0x0800, 6, 0, 0, 0, 0}, DPDK_TOO},
	{"UDP/IPv4", ETH_IPV4 IPV4("001c", "0000", "11") UDP("0035", "0008"),
		{L2() | L3(IPV4) | L4(UDP), 14, 20, 34, 8, 0x0800, 17, 0, 0, 0, 0}, DPDK_TOO},
	{"SCTP/IPv4", ETH_IPV4 IPV4("0020", "0000", "84") PORTS "0000000000000000",
		{L2() | L3(IPV4) | L4(SCTP), 14, 20, 34, 12, 0x0800, 132, 0, 0, 0, 0}, DPDK_TOO},
	{"ICMP", ETH_IPV4 IPV4("001c", "0000", "01") "0800000000010001",
		{L2() | L3(IPV4) | L4(ICMP), 14, 20, 34, 8, 0x0800, 1, 0, 0, 0, 0}, ALONE},
	{"IGMP", ETH_IPV4 IPV4("001c", "0000", "02") "1600000000000000",
		{L2() | L3(IPV4) | L4(IGMP), 14, 20, 34, 8, 0x0800, 2, 0, 0, 0, 0}, ALONE},
	{"OSPF: no layer 4 we know", ETH_IPV4 IPV4("001c", "0000", "59") "0201002c0a000001",
		{L2() | L3(IPV4), 14, 20, 0, 0, 0x0800, 89, 0, 0, 0, 0}, DPDK_TOO},
	{"TCP/IPv6", ETH_IPV6 IPV6("0014", "06") TCP,
		{L2() | L3(IPV6) | L4(TCP), 14, 40, 54, 20, 0x86dd, 6, 0, 0, 0, 0}, DPDK_TOO},
	{"UDP/IPv6", ETH_IPV6 IPV6("0008", "11") UDP("0035", "0008"),
		{L2() | L3(IPV6) | L4(UDP), 14, 40, 54, 8, 0x86dd, 17, 0, 0, 0, 0}, DPDK_TOO},
	{"ICMPv6", ETH_IPV6 IPV6("0008", "3a") "8000000000010001",
		{L2() | L3(IPV6) | L4(ICMP), 14, 40, 54, 4, 0x86dd, 58, 0, 0, 0, 0}, ALONE},
	{"ICMP of IPv4 in IPv6 is nothing", ETH_IPV6 IPV6("0008", "01") "0800000000010001",
		{L2() | L3(IPV6), 14, 40, 0, 0, 0x86dd, 1, 0, 0, 0, 0}, ALONE},
	/* ---- layer 2 ---- */
	{"ARP",
		MACS "0806"
		     "0001080006040001",
		{L2(_ARP), 14, 0, 0, 0, 0x0806, 0, 0, 0, 0, 0}, ALONE},
	{"LLDP",
		MACS "88cc"
		     "0207",
		{L2(_LLDP), 14, 0, 0, 0, 0x88cc, 0, 0, 0, 0, 0}, ALONE},
	{"PTP",
		MACS "88f7"
		     "0002",
		{L2(_TIMESYNC), 14, 0, 0, 0, 0x88f7, 0, 0, 0, 0, 0}, ALONE},
	{"802.3 length, LLC",
		MACS "0026"
		     "424203",
		{L2(), 14, 0, 0, 0, 0x0026, 0, 0, 0, 0, 0}, ALONE},
	{"VLAN",
		MACS "8100"
		     "0064"
		     "0800" IPV4("0028", "4000", "06") TCP,
		{L2(_VLAN) | L3(IPV4) | L4(TCP), 18, 20, 38, 20, 0x0800, 6, 0, 0, 0, 100},
		DPDK_TOO},
	{"QinQ",
		MACS "88a8"
		     "0064"
		     "8100"
		     "0065"
		     "86dd" IPV6("0014", "06") TCP,
		{L2(_QINQ) | L3(IPV6) | L4(TCP), 22, 40, 62, 20, 0x86dd, 6, 0, 0, 0, 100},
		DPDK_TOO},
	{"QinQ, both 0x8100",
		MACS "8100"
		     "0064"
		     "8100"
		     "0065"
		     "0800" IPV4("0028", "4000", "06") TCP,
		{L2(_QINQ) | L3(IPV4) | L4(TCP), 22, 20, 42, 20, 0x0800, 6, 0, 0, 0, 100}, ALONE},
	{"QinQ, old 0x9100",
		MACS "9100"
		     "0064"
		     "8100"
		     "0065"
		     "0800" IPV4("0028", "4000", "06") TCP,
		{L2(_QINQ) | L3(IPV4) | L4(TCP), 22, 20, 42, 20, 0x0800, 6, 0, 0, 0, 100}, ALONE},
	{"MPLS, 2 labels, IPv4",
		MACS "8847"
		     "0001003f"
		     "0001013f" IPV4("0028", "4000", "06") TCP,
		{L2(_MPLS) | L3(IPV4) | L4(TCP), 22, 20, 42, 20, 0x0800, 6, 0, 0, 0, 0}, ALONE},
	{"MPLS, 1 label, IPv6",
		MACS "8847"
		     "0001013f" IPV6("0014", "06") TCP,
		{L2(_MPLS) | L3(IPV6) | L4(TCP), 18, 40, 58, 20, 0x86dd, 6, 0, 0, 0, 0}, ALONE},
	{"MPLS pseudowire",
		MACS "8847"
		     "0001013f"
		     "00000000" MACS "0800",
		{L2(_MPLS), 18, 0, 0, 0, 0x8847, 0, 0, 0, 0, 0}, ALONE},
	{"VLAN, MPLS",
		MACS "8100"
		     "0064"
		     "8847"
		     "0001013f" IPV4("001c", "0000", "11") UDP("0035", "0008"),
		{L2(_MPLS) | L3(IPV4) | L4(UDP), 22, 20, 42, 8, 0x0800, 17, 0, 0, 0, 100}, ALONE},
	{"PPPoE, IPv4",
		MACS "8864"
		     "11000001002a0021" IPV4("0028", "4000", "06") TCP,
		{L2(_PPPOE) | L3(IPV4) | L4(TCP), 22, 20, 42, 20, 0x0800, 6, 0, 0, 0, 0}, ALONE},
	{"QinQ, PPPoE, IPv6",
		MACS "88a8"
		     "0064"
		     "8100"
		     "0065"
		     "8864"
		     "11000001002a0057" IPV6("0014", "06") TCP,
		{L2(_PPPOE) | L3(IPV6) | L4(TCP), 30, 40, 70, 20, 0x86dd, 6, 0, 0, 0, 100}, ALONE},
	{"PPPoE, LCP",
		MACS "8864"
		     "110000010006c021"
		     "09000004",
		{L2(_PPPOE), 22, 0, 0, 0, 0x8864, 0, 0, 0, 0, 0}, ALONE},
	/* ---- IPv4 ---- */
	{"IPv4 options",
		ETH_IPV4 "46000020000000004011"
			 "0000" V4_ADDRESSES "94040000" UDP("0035", "0008"),
		{L2() | L3(IPV4_EXT) | L4(UDP), 14, 24, 38, 8, 0x0800, 17, 0, 0, 0, 0}, DPDK_TOO},
	{"IHL 4",
		ETH_IPV4 "44000028000000004006"
			 "0000" V4_ADDRESSES TCP,
		{L2(), 14, 0, 0, 0, 0x0800, 0, 0, 0, 0, 0}, ALONE},
	{"version 5",
		ETH_IPV4 "55000028000000004006"
			 "0000" V4_ADDRESSES TCP,
		{L2(), 14, 0, 0, 0, 0x0800, 0, 0, 0, 0, 0}, ALONE},
	{"IHL beyond the frame",
		ETH_IPV4 "4f000028000000004006"
			 "0000" V4_ADDRESSES TCP,
		{L2(), 14, 0, 0, 0, 0x0800, 0, 0, 0, 0, 0}, ALONE},
	{"total length below the header", ETH_IPV4 IPV4("0013", "0000", "06") TCP,
		{L2(), 14, 0, 0, 0, 0x0800, 0, 0, 0, 0, 0}, ALONE},
	{"total length ends in the TCP header", ETH_IPV4 IPV4("0027", "0000", "06") TCP,
		{L2() | L3(IPV4), 14, 20, 0, 0, 0x0800, 6, 0, 0, 0, 0}, ALONE},
	{"total length ends in the TCP options", ETH_IPV4 IPV4("0033", "0000", "06") TCP_OPTIONS,
		{L2() | L3(IPV4), 14, 20, 0, 0, 0x0800, 6, 0, 0, 0, 0}, ALONE},
	{"padding is no UDP header", ETH_IPV4 IPV4("0014", "0000", "11") "0000000000000000",
		{L2() | L3(IPV4), 14, 20, 0, 0, 0x0800, 17, 0, 0, 0, 0}, ALONE},
	{"total length beyond the frame", ETH_IPV4 IPV4("05dc", "4000", "06") TCP,
		{L2() | L3(IPV4) | L4(TCP), 14, 20, 34, 20, 0x0800, 6, 0, 0, 0, 0}, DPDK_TOO},
	{"BIG TCP: total length 0", ETH_IPV4 IPV4("0000", "4000", "06") TCP,
		{L2() | L3(IPV4) | L4(TCP), 14, 20, 34, 20, 0x0800, 6, 0, 0, 0, 0}, DPDK_TOO},
	{"TCP data offset 4",
		ETH_IPV4 IPV4("0028", "4000", "06") PORTS "00000001000000024010ffff00000000",
		{L2() | L3(IPV4), 14, 20, 0, 0, 0x0800, 6, 0, 0, 0, 0}, ALONE},
	{"first fragment", ETH_IPV4 IPV4("0028", "2000", "06") TCP,
		{L2() | L3(IPV4) | L4(FRAG), 14, 20, 0, 0, 0x0800, 6, 1, 0, 0, 0}, DPDK_TOO},
	{"last fragment", ETH_IPV4 IPV4("0028", "00b9", "11") TCP,
		{L2() | L3(IPV4) | L4(FRAG), 14, 20, 0, 0, 0x0800, 17, 1, 0, 0, 0}, DPDK_TOO},
	/* ---- IPv6 ---- */
	{"payload length ends in the TCP header", ETH_IPV6 IPV6("0013", "06") TCP,
		{L2() | L3(IPV6), 14, 40, 0, 0, 0x86dd, 6, 0, 0, 0, 0}, ALONE},
	{"payload length 0", ETH_IPV6 IPV6("0000", "06") TCP,
		{L2() | L3(IPV6), 14, 40, 0, 0, 0x86dd, 6, 0, 0, 0, 0}, ALONE},
	{"no next header", ETH_IPV6 IPV6("0000", "3b") "000000000000",
		{L2() | L3(IPV6), 14, 40, 0, 0, 0x86dd, 59, 0, 0, 0, 0}, ALONE},
	{"hop by hop, routing, destination",
		ETH_IPV6 IPV6("0038", "00") "2b00"
					    "050200000100"
					    "3c01"
					    "040000000000"
					    "0000000000000000"
					    "0600"
					    "010400000000" TCP,
		{L2() | L3(IPV6_EXT) | L4(TCP), 14, 72, 86, 20, 0x86dd, 6, 0, 0, 0, 0}, DPDK_TOO},
	{"AH",
		ETH_IPV6 IPV6("0020", "33") "110400000000000100000001"
					    "000000000000000000000000" UDP("0035", "0008"),
		{L2() | L3(IPV6_EXT) | L4(UDP), 14, 64, 78, 8, 0x86dd, 17, 0, 1, 58, 0}, ALONE},
	{"IPv6 fragment", ETH_IPV6 IPV6("001c", "2c") "0600000100000001" TCP,
		{L2() | L3(IPV6_EXT) | L4(FRAG), 14, 48, 0, 0, 0x86dd, 6, 1, 0, 0, 0}, DPDK_TOO},
	{"extension beyond the packet", ETH_IPV6 IPV6("001c", "00") "0604050200000100" TCP,
		{L2() | L3(IPV6_EXT), 14, 40, 0, 0, 0x86dd, 0, 0, 0, 0, 0}, ALONE},
	{"BIG TCP: jumbogram",
		ETH_IPV6 IPV6("0000", "00") "0600"
					    "c20400010014" TCP,
		{L2() | L3(IPV6_EXT) | L4(TCP), 14, 48, 62, 20, 0x86dd, 6, 0, 0, 0, 0}, DPDK_TOO},
	{"jumbo length too small",
		ETH_IPV6 IPV6("0000", "00") "0600"
					    "c2040000001c" TCP,
		{L2() | L3(IPV6_EXT), 14, 40, 0, 0, 0x86dd, 0, 0, 0, 0, 0}, ALONE},
	{"jumbo option cut",
		ETH_IPV6 IPV6("0000", "00") "0600"
					    "000000c20400" TCP,
		{L2() | L3(IPV6_EXT), 14, 40, 0, 0, 0x86dd, 0, 0, 0, 0, 0}, ALONE},
	/* ---- tunnels ---- */
	{"VXLAN", ETH_IPV4 IPV4("0024", "0000", "11") UDP("12b5", "0010") "0800000000002a00",
		{L2() | L3(IPV4) | L4(UDP) | TUNNEL(VXLAN), 14, 20, 34, 8, 0x0800, 17, 0, 0, 0, 0},
		ALONE},
	{"GENEVE/IPv6", ETH_IPV6 IPV6("0010", "11") UDP("17c1", "0010") "0000655800002a00",
		{L2() | L3(IPV6) | L4(UDP) | TUNNEL(GENEVE), 14, 40, 54, 8, 0x86dd, 17, 0, 0, 0, 0},
		ALONE},
	{"GTP-U", ETH_IPV4 IPV4("0024", "0000", "11") UDP("0868", "0010") "30ff000000000001",
		{L2() | L3(IPV4) | L4(UDP) | TUNNEL(GTPU), 14, 20, 34, 8, 0x0800, 17, 0, 0, 0, 0},
		ALONE},
	{"GRE", ETH_IPV4 IPV4("002c", "0000", "2f") "00000800" IPV4("0014", "0000", "3b"),
		{L2() | L3(IPV4) | TUNNEL(GRE), 14, 20, 0, 0, 0x0800, 47, 0, 0, 0, 0}, ALONE},
	{"NVGRE", ETH_IPV4 IPV4("001c", "0000", "2f") "2000655800002a00",
		{L2() | L3(IPV4) | TUNNEL(NVGRE), 14, 20, 0, 0, 0x0800, 47, 0, 0, 0, 0}, ALONE},
	{"IPIP", ETH_IPV4 IPV4("003c", "0000", "04") IPV4("0028", "0000", "06") TCP,
		{L2() | L3(IPV4) | TUNNEL(IP), 14, 20, 0, 0, 0x0800, 4, 0, 0, 0, 0}, ALONE},
	{"6in4", ETH_IPV4 IPV4("003c", "0000", "29") IPV6("0000", "3b"),
		{L2() | L3(IPV4) | TUNNEL(IP), 14, 20, 0, 0, 0x0800, 41, 0, 0, 0, 0}, ALONE},
	{"ESP", ETH_IPV4 IPV4("001c", "0000", "32") "0000000100000001",
		{L2() | L3(IPV4) | TUNNEL(ESP), 14, 20, 0, 0, 0x0800, 50, 0, 0, 34, 0}, ALONE},
};
enum { FRAME_COUNT = sizeof(frames) / sizeof(frames[0]), FRAME_MAX = 2048 };

static unsigned read_hex(const char *hex, uint8_t bytes[FRAME_MAX])
{
	unsigned length = 0, value;

	for (; hex[0] != '\0'; hex += 2, length++) {
		assert_int_equal(sscanf(hex, "%2x", &value), 1);
		bytes[length] = (uint8_t)value;
	}
	return length;
}

/* In memory of exactly `length` bytes. */
static void parse_exact(const uint8_t *bytes, unsigned length, struct headers *ret_headers)
{
	uint8_t *exact = malloc(length > 0 ? length : 1);

	assert_non_null(exact);
	memcpy(exact, bytes, length);
	memset(ret_headers, 0xaa, sizeof(*ret_headers));
	parse_headers(exact, length, ret_headers);
	free(exact);
}

static void expect_headers(
	const char *name, const struct headers *found, const struct headers *expected)
{
	print_message("%s\n", name);
	assert_int_equal(found->packet_type, expected->packet_type);
	assert_int_equal(found->l3_offset, expected->l3_offset);
	assert_int_equal(found->l3_length, expected->l3_length);
	assert_int_equal(found->l4_offset, expected->l4_offset);
	assert_int_equal(found->l4_length, expected->l4_length);
	assert_int_equal(found->ether_type, expected->ether_type);
	assert_int_equal(found->ip_protocol, expected->ip_protocol);
	assert_int_equal(found->fragment, expected->fragment);
	assert_int_equal(found->authenticated, expected->authenticated);
	assert_int_equal(found->spi_offset, expected->spi_offset);
	assert_int_equal(found->vlan, expected->vlan);
}

static void expected_headers(void **state)
{
	uint8_t bytes[FRAME_MAX] = {0};
	struct headers found;

	(void)state;
	for (unsigned i = 0; i < FRAME_COUNT; i++) {
		parse_exact(bytes, read_hex(frames[i].hex, bytes), &found);
		expect_headers(frames[i].name, &found, &frames[i].expected);
	}
}

/* What is found in a frame cut short is right or absent, never elsewhere. */
static void cut_anywhere(void **state)
{
	uint8_t bytes[FRAME_MAX] = {0};
	struct headers found;

	(void)state;
	for (unsigned i = 0; i < FRAME_COUNT; i++) {
		const struct headers *whole = &frames[i].expected;
		unsigned length = read_hex(frames[i].hex, bytes);

		for (unsigned cut = 0; cut < length; cut++) {
			parse_exact(bytes, cut, &found);
			assert_true(found.l3_offset + found.l3_length <= cut);
			assert_true(found.l4_offset == 0 || found.l4_offset == whole->l4_offset);
			assert_true(found.l4_offset + found.l4_length <= cut);
			if (cut < 14)
				assert_int_equal(found.packet_type, 0);
			if (whole->l4_offset != 0 && cut < whole->l4_offset + whole->l4_length)
				assert_int_equal(found.l4_offset, 0);
			if (whole->l4_offset != 0 && cut >= whole->l4_offset + whole->l4_length)
				assert_memory_equal(&found, whole, sizeof(found));
		}
	}
}

static void dpdk_agrees(void **state)
{
	static uint8_t bytes[FRAME_MAX];
	struct headers found;

	(void)state;
	for (unsigned i = 0; i < FRAME_COUNT; i++) {
		struct rte_mbuf mbuf = {.buf_addr = bytes, .nb_segs = 1};
		struct rte_net_hdr_lens lengths;
		uint32_t type;

		if (frames[i].judge != DPDK_TOO)
			continue;
		mbuf.data_len = (uint16_t)read_hex(frames[i].hex, bytes);
		mbuf.pkt_len = mbuf.data_len;
		type = rte_net_get_ptype(
			&mbuf, &lengths, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK);
		parse_headers(bytes, mbuf.data_len, &found);
		print_message("%s\n", frames[i].name);
		assert_int_equal(found.packet_type, type);
		assert_int_equal(found.l3_offset, lengths.l2_len);
		assert_int_equal(found.l3_length, lengths.l3_len);
		assert_int_equal(found.l4_length, lengths.l4_len);
	}
}

/* Where the fast path says yes it says the same, and for the traffic it is made for it says yes. */
static void fast_path_agrees(void **state)
{
	unsigned fast_count = 0;
	uint8_t bytes[FRAME_MAX] = {0};
	struct fast_headers fast;

	(void)state;
	for (unsigned i = 0; i < FRAME_COUNT; i++) {
		const struct headers *expected = &frames[i].expected;

		if (!parse_fast(bytes, read_hex(frames[i].hex, bytes), &fast))
			continue;
		fast_count++;
		assert_int_equal(fast.packet_type, expected->packet_type);
		assert_int_equal(fast.l2_length, expected->l3_offset);
		assert_int_equal(fast.l3_length, expected->l3_length);
		assert_int_equal(fast.l4_length, expected->l4_length);
	}
	assert_int_equal(fast_count, 7); /* TCP x 2, UDP, TCP6, UDP6, VLAN, longer than the frame */
}

/* More headers than an mbuf's length fields can say: found as far as they can. */
static void limits(void **state)
{
	uint8_t bytes[FRAME_MAX] = {0};
	unsigned length = read_hex(MACS, bytes);
	struct headers found;

	(void)state;
	while (length < 14 + 40 * 4) {
		memcpy(bytes + length, "\x81\x00\x00\x01", 4);
		length += 4;
	}
	parse_exact(bytes, length, &found);
	assert_int_equal(found.packet_type, RTE_PTYPE_L2_ETHER_QINQ);
	assert_int_equal(found.l3_offset, 14 + 28 * 4);
	assert_int_equal(found.l3_length, 0);

	/* Destination options of 520 bytes. */
	memset(bytes, 0, sizeof(bytes));
	length = read_hex(ETH_IPV6 IPV6("0230", "3c") "0640"
						      "01",
		bytes);
	bytes[54 + 520 + 12] = 0x50;
	parse_exact(bytes, 54 + 520 + 40, &found);
	assert_int_equal(found.packet_type, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT);
	assert_int_equal(found.l3_length, 40);
	assert_int_equal(found.l4_offset, 0);
	assert_int_equal(found.ip_protocol, 60);
	/* Those of 464 bytes are within. */
	bytes[55] = 57;
	bytes[54 + 464 + 12] = 0x50;
	parse_exact(bytes, 54 + 464 + 40, &found);
	assert_int_equal(found.l3_length, 40 + 464);
	assert_int_equal(found.l4_offset, 54 + 464);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expected_headers),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(dpdk_agrees),
		cmocka_unit_test(fast_path_agrees),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
