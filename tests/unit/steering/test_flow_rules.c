/* SPDX-License-Identifier: BSD-3-Clause */
/* What flow rules see of a packet, and what is no rule. Which rule wins: property_flow_rules.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "steering/flow_rules.h"
#include "steering/receive.h"

static uint8_t tcp4_tagged[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0x20, 0x05, 0x08,
	0x00, /* priority 1, VLAN 5 */
	0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 1, 2, 3, 10, 9, 8, 7, /* IPv4 */
	0x0a, 0xea, 0x06, 0xe6, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0};

/* Hop-by-hop options before UDP. */
static uint8_t udp6_options[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, /* Ethernet */
	0x60, 0, 0, 0, 0, 16, 0, 64, 0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x20, 2, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, /* IPv6 */
	17, 0, 1, 4, 0, 0, 0, 0, 0x0a, 0xea, 0x06, 0xe6, 0, 8, 0, 0};

static uint8_t arp[] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 0x08, 0x06, 0, 1, 8, 0, 6,
	4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};

static struct flow_fields read_fields(uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf packet = {.buf_addr = bytes,
		.buf_len = (uint16_t)length,
		.data_len = (uint16_t)length,
		.pkt_len = length,
		.nb_segs = 1};
	struct rte_mbuf *packets[] = {&packet};
	struct flow_fields fields;

	receive_parse(packets, 1);
	flow_fields_read(&packet, &fields);
	return fields;
}

static void test_fields(void **state)
{
	struct flow_fields fields = read_fields(tcp4_tagged, sizeof(tcp4_tagged));
	const uint8_t source[16] = {10, 1, 2, 3}, destination[16] = {10, 9, 8, 7};

	(void)state;
	assert_int_equal(fields.vlan, 5);
	assert_int_equal(fields.kind, FLOW_KIND_IP | FLOW_KIND_PORTS);
	assert_int_equal(fields.protocol, 6);
	assert_int_equal(fields.source_port, 2794);
	assert_int_equal(fields.destination_port, 1766);
	assert_memory_equal(fields.source, source, 16);
	assert_memory_equal(fields.destination, destination, 16);
	fields = read_fields(udp6_options, sizeof(udp6_options));
	assert_int_equal(fields.vlan, 0);
	assert_int_equal(fields.kind, FLOW_KIND_IP | FLOW_KIND_IPV6 | FLOW_KIND_PORTS);
	assert_int_equal(fields.protocol, 17);
	assert_int_equal(fields.source[15], 7);
	assert_int_equal(fields.destination[1], 2);
	assert_int_equal(fields.destination_port, 1766);
	fields = read_fields(arp, sizeof(arp));
	assert_int_equal(fields.kind, 0);
	assert_int_equal(fields.protocol, 0);
}

static void test_stripped_tag(void **state)
{
	struct rte_mbuf packet = {.buf_addr = arp,
		.data_len = sizeof(arp),
		.pkt_len = sizeof(arp),
		.nb_segs = 1,
		.vlan_tci = 0x6007,
		.ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN};
	struct flow_fields fields;

	(void)state;
	flow_fields_read(&packet, &fields);
	assert_int_equal(fields.vlan, 7);
}

static void expect_wrong(struct flow_rule rule, const char *word)
{
	struct error error = {0};

	assert_int_equal(flow_rule_check(&rule, &error), -EINVAL);
	assert_non_null(strstr(error.message, word));
}

static void test_wrong_rules(void **state)
{
	(void)state;
	expect_wrong((struct flow_rule){.match = 1 << 6}, "match");
	expect_wrong((struct flow_rule){.match = FLOW_RULE_VLAN, .vlan = 4095}, "4095");
	expect_wrong((struct flow_rule){.match = FLOW_RULE_VLAN}, "VLAN 0");
	expect_wrong((struct flow_rule){.match = FLOW_RULE_SOURCE}, "ip_version 0");
	expect_wrong(
		(struct flow_rule){
			.match = FLOW_RULE_DESTINATION, .ip_version = 4, .destination_prefix = 33},
		"33");
}

static void test_no_rules(void **state)
{
	struct flow_rules *set = flow_rules_create(NULL, 0);
	struct flow_fields fields = {0};
	uint32_t target;

	(void)state;
	flow_rules_find(set, &fields, 1, &target);
	assert_int_equal(target, FLOW_RULES_NONE);
	assert_false(flow_rules_one_target(set, &target));
	flow_rules_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_stripped_tag),
		cmocka_unit_test(test_wrong_rules),
		cmocka_unit_test(test_no_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
