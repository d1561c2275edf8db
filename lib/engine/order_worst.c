/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/order_worst.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>
#include <rte_mbuf_ptype.h>

#include "steering/tuple.h"

static void format_ethernet(const uint8_t *bytes, char text[ORDER_FLOW_TEXT_BYTES])
{
	snprintf(text, ORDER_FLOW_TEXT_BYTES,
		"%02x:%02x:%02x:%02x:%02x:%02x %02x:%02x:%02x:%02x:%02x:%02x ethernet", bytes[6],
		bytes[7], bytes[8], bytes[9], bytes[10], bytes[11], bytes[0], bytes[1], bytes[2],
		bytes[3], bytes[4], bytes[5]);
}

static void format_flow(const struct flow_key *key, char text[ORDER_FLOW_TEXT_BYTES])
{
	uint32_t l4 = key->kind & RTE_PTYPE_L4_MASK;
	struct tuple tuple = {.ipv6 = RTE_ETH_IS_IPV6_HDR(key->kind), .has_ports = l4 != 0};
	unsigned address_bytes = tuple.ipv6 ? 16 : 4;

	_Static_assert((int)TUPLE_TEXT_BYTES <= (int)ORDER_FLOW_TEXT_BYTES, "room for a tuple");
	if (!RTE_ETH_IS_IPV4_HDR(key->kind) && !tuple.ipv6) {
		format_ethernet(key->addresses, text);
		return;
	}
	memcpy(tuple.source, key->addresses, address_bytes);
	memcpy(tuple.destination, key->addresses + address_bytes, address_bytes);
	tuple.source_port = (uint16_t)(key->ports[0] << 8 | key->ports[1]);
	tuple.destination_port = (uint16_t)(key->ports[2] << 8 | key->ports[3]);
	tuple.protocol = l4 == RTE_PTYPE_L4_TCP ? IPPROTO_TCP
		: l4 == RTE_PTYPE_L4_UDP	? IPPROTO_UDP
		: l4 == RTE_PTYPE_L4_SCTP	? IPPROTO_SCTP
						: 0;
	tuple_format(&tuple, text);
}

static bool is_worse(const struct order_worst *one, const struct order_worst *other)
{
	uint64_t wrong = (uint64_t)one->reordered + one->duplicated;
	uint64_t other_wrong = (uint64_t)other->reordered + other->duplicated;

	return wrong != other_wrong ? wrong > other_wrong : one->lost > other->lost;
}

static inline uint32_t read_field(const uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

void order_worst_offer(struct order_result *result, const struct order_table *table, uint32_t slot)
{
	const struct order_flow *flow = &table->flows[slot];
	const struct order_info *info = &table->infos[slot];
	struct order_worst found = {
		.reordered = read_field(&flow->reordered),
		.duplicated = read_field(&flow->duplicated),
		.extent_max = read_field(&flow->extent_max),
	};
	unsigned place = result->worst_count;

	if (found.extent_max > result->extent_max)
		result->extent_max = found.extent_max;
	result->extent_at_least |= read_field(&flow->extent_at_least) != 0;
	found.received = read_field(&table->entries[info->entry].sent);
	if (result->exact)
		found.lost = found.received - read_field(&flow->arrived);
	if (found.reordered == 0 && found.duplicated == 0 && found.lost == 0)
		return;
	while (place > 0 && is_worse(&found, &result->worst[place - 1]))
		place--;
	if (place == ORDER_WORST_MAX)
		return;
	format_flow(&info->key, found.flow);
	if (result->worst_count < ORDER_WORST_MAX)
		result->worst_count++;
	memmove(&result->worst[place + 1], &result->worst[place],
		(result->worst_count - 1 - place) * sizeof(found));
	result->worst[place] = found;
}
