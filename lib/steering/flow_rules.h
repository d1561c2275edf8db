/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which packets go to which target, as ibv_create_flow() says it: rules of VLAN, addresses with
 * prefixes, protocol and ports. Of the rules that match a packet the one with the lowest priority
 * number wins, then the one with the longest prefixes (both added up), then the oldest.
 *
 * Tuple space search (Srinivasan, Suri, Varghese, 1999): rules that look at the same bits share a
 * hash table, and there are few such tables: whoever adds rules limits that. They are looked at in
 * the order of the best rule in each, so that most packets are decided by the first.
 *
 * A set of rules never changes: whoever wants another one makes it and swaps the pointer.
 * Threads: any number may read. No EAL.
 */
#ifndef WEIR_STEERING_FLOW_RULES_H
#define WEIR_STEERING_FLOW_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "base/error.h"

enum { FLOW_RULES_MAX = 1024 }; /* in a set */
#define FLOW_RULES_NONE UINT32_MAX /* no rule matches */

enum flow_rule_match { /* members of struct flow_rule that count; as enum weir_flow_match */
	FLOW_RULE_VLAN = 1 << 0,
	FLOW_RULE_SOURCE = 1 << 1,
	FLOW_RULE_DESTINATION = 1 << 2,
	FLOW_RULE_PROTOCOL = 1 << 3,
	FLOW_RULE_SOURCE_PORT = 1 << 4,
	FLOW_RULE_DESTINATION_PORT = 1 << 5,
	FLOW_RULE_ALL_BITS = (1 << 6) - 1,
};

struct flow_rule {
	uint32_t match; /* enum flow_rule_match; 0: every packet */
	uint32_t priority;
	uint16_t vlan; /* 1..4094: of the outermost tag */
	uint16_t source_port, destination_port; /* host order */
	uint8_t ip_version; /* 4 or 6, with addresses */
	uint8_t protocol; /* IPPROTO_* */
	uint8_t source_prefix, destination_prefix; /* bits */
	uint8_t source[16], destination[16]; /* IPv4 in the first 4 */
	uint32_t target; /* what a lookup gives */
};

/* What rules look at in a packet. All bytes are compared: what is not there is 0. */
struct flow_fields {
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port; /* host order */
	uint16_t vlan;
	uint8_t kind; /* FLOW_KIND_* */
	uint8_t protocol;
};
enum { FLOW_KIND_IP = 1 << 0, FLOW_KIND_IPV6 = 1 << 1, FLOW_KIND_PORTS = 1 << 2 };

_Static_assert(sizeof(struct flow_fields) == 40, "five words, without holes");

/* 0, or -EINVAL with what is wrong. */
int flow_rule_check(const struct flow_rule *rule, struct error *error);
/* The bits it looks at. Each different one in a set costs packets a lookup. */
void flow_rule_mask(const struct flow_rule *rule, struct flow_fields *ret_mask);

struct flow_rules;

/* Of rules that flow_rule_check() finds right, the oldest first. NULL: no memory. */
struct flow_rules *flow_rules_create(const struct flow_rule rules[], unsigned count);
struct flow_rules *flow_rules_destroy(struct flow_rules *rules); /* takes NULL; returns NULL */
/* Every packet has this target, and none needs to be looked at. */
bool flow_rules_one_target(const struct flow_rules *rules, uint32_t *ret_target);

/* Of a packet with headers as receive_parse() sets them. */
void flow_fields_read(const struct rte_mbuf *packet, struct flow_fields *ret_fields);

enum { FLOW_RULES_BURST = 64 };
/* ret_targets[i]: that of the rule that wins, or FLOW_RULES_NONE. count <= FLOW_RULES_BURST. */
void flow_rules_find(const struct flow_rules *rules, const struct flow_fields fields[],
	unsigned count, uint32_t ret_targets[]);

#endif
