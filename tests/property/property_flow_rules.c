/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For random sets of flow rules and random packets, a lookup gives what looking at one rule after
 * the other gives. Values are few, so that most packets match several rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "steering/flow_rules.h"

enum { ROUNDS = 400, BURSTS = 8 };

static unsigned seed;

static unsigned random_below(unsigned limit)
{
	return (unsigned)(rand_r(&seed) >> 5) % limit;
}

static void random_address(uint8_t address[16], bool ipv6)
{
	static const uint8_t few[] = {0, 1, 0x80, 0xff, 10};

	memset(address, 0, 16);
	for (unsigned i = 0; i < (ipv6 ? 16u : 4u); i++)
		address[i] = few[random_below(sizeof(few))];
}

static struct flow_rule random_rule(uint32_t target)
{
	static const uint8_t prefixes4[] = {0, 1, 7, 8, 9, 24, 31, 32};
	static const uint8_t prefixes6[] = {0, 3, 8, 33, 64, 127, 128};
	bool ipv6 = random_below(2);
	struct flow_rule rule = {
		.match = random_below(FLOW_RULE_ALL_BITS + 1) & random_below(64),
		.priority = random_below(4),
		.vlan = (uint16_t)(1 + random_below(3)),
		.source_port = (uint16_t)random_below(3),
		.destination_port = (uint16_t)random_below(3),
		.ip_version = ipv6 ? 6 : 4,
		.protocol = (uint8_t)random_below(3),
		.target = target,
	};

	rule.source_prefix = ipv6 ? prefixes6[random_below(7)] : prefixes4[random_below(8)];
	rule.destination_prefix = ipv6 ? prefixes6[random_below(7)] : prefixes4[random_below(8)];
	random_address(rule.source, ipv6);
	random_address(rule.destination, ipv6);
	return rule;
}

static struct flow_fields random_packet(void)
{
	struct flow_fields fields = {.vlan = (uint16_t)random_below(4)};

	if (random_below(8) == 0)
		return fields;
	fields.kind = FLOW_KIND_IP | (random_below(2) ? FLOW_KIND_IPV6 : 0);
	fields.protocol = (uint8_t)random_below(3);
	random_address(fields.source, fields.kind & FLOW_KIND_IPV6);
	random_address(fields.destination, fields.kind & FLOW_KIND_IPV6);
	if (random_below(4) != 0) {
		fields.kind |= FLOW_KIND_PORTS;
		fields.source_port = (uint16_t)random_below(3);
		fields.destination_port = (uint16_t)random_below(3);
	}
	return fields;
}

static bool bits_equal(const uint8_t *one, const uint8_t *other, unsigned bits)
{
	for (unsigned bit = 0; bit < bits; bit++)
		if (((one[bit / 8] ^ other[bit / 8]) >> (7 - bit % 8) & 1) != 0)
			return false;
	return true;
}

static bool address_matches(const struct flow_rule *rule, const struct flow_fields *packet,
	const uint8_t *wanted, unsigned bits, const uint8_t *found)
{
	unsigned version = (packet->kind & FLOW_KIND_IP) == 0 ? 0
		: (packet->kind & FLOW_KIND_IPV6) != 0	      ? 6
							      : 4;

	return version == rule->ip_version && bits_equal(wanted, found, bits);
}

static bool matches(const struct flow_rule *rule, const struct flow_fields *packet)
{
	bool ports = (packet->kind & FLOW_KIND_PORTS) != 0;

	if ((rule->match & FLOW_RULE_VLAN) && rule->vlan != packet->vlan)
		return false;
	if ((rule->match & FLOW_RULE_SOURCE) &&
		!address_matches(rule, packet, rule->source, rule->source_prefix, packet->source))
		return false;
	if ((rule->match & FLOW_RULE_DESTINATION) &&
		!address_matches(rule, packet, rule->destination, rule->destination_prefix,
			packet->destination))
		return false;
	if ((rule->match & FLOW_RULE_PROTOCOL) &&
		((packet->kind & FLOW_KIND_IP) == 0 || rule->protocol != packet->protocol))
		return false;
	if ((rule->match & FLOW_RULE_SOURCE_PORT) &&
		(!ports || rule->source_port != packet->source_port))
		return false;
	return (rule->match & FLOW_RULE_DESTINATION_PORT) == 0 ||
		(ports && rule->destination_port == packet->destination_port);
}

static unsigned bits_of(const struct flow_rule *rule)
{
	unsigned bits = 0;

	if (rule->match & FLOW_RULE_SOURCE)
		bits += rule->source_prefix;
	if (rule->match & FLOW_RULE_DESTINATION)
		bits += rule->destination_prefix;
	return bits;
}

static uint32_t oracle(
	const struct flow_rule rules[], unsigned count, const struct flow_fields *packet)
{
	const struct flow_rule *best = NULL;

	for (unsigned i = 0; i < count; i++)
		if (matches(&rules[i], packet) &&
			(best == NULL || rules[i].priority < best->priority ||
				(rules[i].priority == best->priority &&
					bits_of(&rules[i]) > bits_of(best))))
			best = &rules[i];
	return best == NULL ? FLOW_RULES_NONE : best->target;
}

static void test_lookup_is_linear_search(void **state)
{
	static struct flow_rule rules[FLOW_RULES_MAX];
	struct flow_fields packets[FLOW_RULES_BURST];
	uint32_t found[FLOW_RULES_BURST];
	unsigned hits = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned count = random_below(round % 50 == 0 ? FLOW_RULES_MAX + 1 : 20);
		struct error error = {0};
		struct flow_rules *set;

		for (unsigned i = 0; i < count; i++) {
			rules[i] = random_rule(1000 + i);
			assert_int_equal(flow_rule_check(&rules[i], &error), 0);
		}
		set = flow_rules_create(rules, count);
		assert_non_null(set);
		for (unsigned burst = 0; burst < BURSTS; burst++) {
			unsigned size = random_below(FLOW_RULES_BURST + 1);
			uint32_t target;

			for (unsigned i = 0; i < size; i++)
				packets[i] = random_packet();
			flow_rules_find(set, packets, size, found);
			for (unsigned i = 0; i < size; i++) {
				uint32_t expected = oracle(rules, count, &packets[i]);

				assert_int_equal(found[i], expected);
				if (flow_rules_one_target(set, &target))
					assert_int_equal(target, expected);
				hits += expected != FLOW_RULES_NONE;
			}
		}
		flow_rules_destroy(set);
	}
	assert_true(hits > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lookup_is_linear_search)};
	const char *wanted = getenv("WEIR_SEED");

	seed = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 0) : (unsigned)time(NULL);
	printf("seed %u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
