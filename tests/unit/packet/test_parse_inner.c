/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the packet in a tunnel starts, and when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <rte_mbuf_ptype.h>

#include "packet/parse_inner.h"

enum { FRAME_MAX = 512, L4 = 34, TUNNEL = 42, GRE = 34 };

static uint8_t frame[FRAME_MAX];
static unsigned length;

static void add(const char *bytes, unsigned count)
{
	memcpy(frame + length, bytes, count);
	length += count;
}

/* Ethernet and IPv4; the total length is put in by look(). */
static void outer(uint8_t protocol)
{
	length = 0;
	memset(frame, 0xee, sizeof(frame));
	add("\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 14);
	add("\x45\0\0\0\0\0\x40\0\x40\0\0\0\xc0\0\2\1\xc0\0\2\2", 20);
	frame[14 + 9] = protocol;
}

static void outer_udp(uint16_t port)
{
	outer(IPPROTO_UDP);
	add("\x30\x39\0\0\0\0\0\0", 8);
	frame[L4 + 2] = (uint8_t)(port >> 8);
	frame[L4 + 3] = (uint8_t)port;
}

static void inner_ethernet(void)
{
	add("\2\0\0\0\0\3\2\0\0\0\0\4\x81\0\0\7\x08\0", 18);
}

/* UDP over IPv4 */
static void inner_ipv4(void)
{
	add("\x45\0\0\x20\0\0\x40\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2", 20);
	add("\0\1\0\2\0\x0c\0\0abcd", 12);
}

static void inner_ipv6(void)
{
	add("\x60\0\0\0\0\x08\x11\x40", 8);
	add("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 32);
	add("\0\1\0\2\0\x08\0\0", 8);
}

static uint32_t look(struct headers *inner)
{
	struct headers found;

	frame[16] = (uint8_t)((length - 14) >> 8);
	frame[17] = (uint8_t)(length - 14);
	parse_headers(frame, length, &found);
	return parse_inner(frame, length, &found, inner);
}

static void expect(unsigned start, unsigned l3_offset, uint32_t type, uint16_t vlan)
{
	struct headers inner;

	assert_int_equal(look(&inner), start);
	assert_int_equal(inner.l3_offset, l3_offset);
	assert_int_equal(inner.packet_type & (RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK), type);
	assert_int_equal(inner.vlan, vlan);
	assert_int_equal(inner.l4_offset, inner.l3_offset + inner.l3_length);
}

static void expect_none(void)
{
	struct headers inner;

	assert_int_equal(look(&inner), 0);
}

#define UDP4 (RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP)
#define UDP6 (RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_UDP)

static void vxlan(void **state)
{
	(void)state;
	outer_udp(PARSE_PORT_VXLAN);
	add("\x08\0\0\0\0\1\2\0", 8);
	inner_ethernet();
	inner_ipv4();
	expect(TUNNEL + 8, 18, UDP4, 7);
	frame[TUNNEL] = 0; /* no network id: not VXLAN */
	expect_none();
	outer_udp(PARSE_PORT_VXLAN);
	add("\x08\0\0\0\0\1\2", 7); /* cut */
	expect_none();
	outer_udp(PARSE_PORT_VXLAN_GPE);
	add("\x0c\0\0\2\0\1\2\0", 8);
	inner_ipv6();
	expect(TUNNEL + 8, 0, UDP6, 0);
	frame[TUNNEL + 3] = 4; /* NSH */
	expect_none();
	frame[TUNNEL + 3] = 1; /* IPv4, says the header; but it is not */
	expect_none();
}

static void geneve(void **state)
{
	(void)state;
	outer_udp(PARSE_PORT_GENEVE);
	add("\2\0\x65\x58\0\0\1\0abcdefgh", 16);
	inner_ethernet();
	inner_ipv4();
	expect(TUNNEL + 16, 18, UDP4, 7);
	frame[TUNNEL] = 0x42; /* version 1 */
	expect_none();
	frame[TUNNEL] = 63; /* options beyond the packet */
	expect_none();
}

static void gre(void **state)
{
	(void)state;
	outer(IPPROTO_GRE);
	add("\xb0\0\x08\0cccckkkkssss", 16);
	inner_ipv4();
	expect(GRE + 16, 0, UDP4, 0);
	frame[GRE + 1] = 1; /* PPTP's version */
	expect_none();
	frame[GRE + 1] = 0;
	frame[GRE] = 0x40; /* source routes */
	expect_none();
	outer(IPPROTO_GRE);
	add("\x20\0\x65\x58kkkk", 8); /* NVGRE */
	inner_ethernet();
	inner_ipv6();
	frame[GRE + 8 + 16] = 0x86;
	frame[GRE + 8 + 17] = 0xdd;
	expect(GRE + 8, 18, UDP6, 7);
	frame[GRE + 2] = 0x88; /* something else */
	expect_none();
}

static void ip_in_ip(void **state)
{
	(void)state;
	outer(IPPROTO_IPV6);
	inner_ipv6();
	expect(GRE, 0, UDP6, 0);
	outer(IPPROTO_IPIP);
	inner_ipv4();
	expect(GRE, 0, UDP4, 0);
	frame[GRE] = 0x55;
	expect_none();
	outer(IPPROTO_IPIP); /* nothing inside */
	expect_none();
}

static void gtp_u(void **state)
{
	(void)state;
	outer_udp(PARSE_PORT_GTPU);
	add("\x30\xff\0\0\0\0\0\7", 8);
	inner_ipv4();
	expect(TUNNEL + 8, 0, UDP4, 0);
	frame[TUNNEL + 1] = 1; /* an echo request */
	expect_none();
	outer_udp(PARSE_PORT_GTPU);
	add("\x34\xff\0\0\0\0\0\7\0\0\0\x85\1\0\0\x40\2\0\0\0\0\0\0\0", 24);
	inner_ipv6();
	expect(TUNNEL + 24, 0, UDP6, 0);
	frame[TUNNEL + 12] = 0; /* an extension without length would never end */
	expect_none();
	frame[TUNNEL + 12] = 1;
	frame[TUNNEL + 16] = 255; /* beyond the packet */
	expect_none();
}

/* What lies behind the outer IP packet is not inside of it; fragments have no inside. */
static void limits(void **state)
{
	struct headers found, inner;

	(void)state;
	outer(IPPROTO_IPIP);
	inner_ipv4();
	look(&inner);
	frame[17] = 20 + 30; /* the outer packet ends in the inner payload */
	parse_headers(frame, length, &found);
	assert_int_equal(parse_inner(frame, length, &found, &inner), GRE);
	assert_int_equal(inner.l4_offset, 20);
	frame[17] = 20 + 27; /* in the inner UDP header */
	assert_int_equal(parse_inner(frame, length, &found, &inner), GRE);
	assert_int_equal(inner.l4_offset, 0);
	frame[17] = 20 + 19; /* in the inner IP header */
	assert_int_equal(parse_inner(frame, length, &found, &inner), 0);
	frame[20] = 0x20; /* more fragments */
	look(&inner);
	parse_headers(frame, length, &found);
	assert_int_equal(parse_inner(frame, length, &found, &inner), 0);
	outer_udp(5000); /* no tunnel's port */
	inner_ipv4();
	expect_none();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vxlan),
		cmocka_unit_test(geneve),
		cmocka_unit_test(gre),
		cmocka_unit_test(ip_in_ip),
		cmocka_unit_test(gtp_u),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
