/* SPDX-License-Identifier: BSD-3-Clause */
/* What flow rules look at, read from a packet. */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "packet/bytes.h"
#include "packet/parse.h"
#include "steering/flow_rules.h"

enum {
	ETHER_TYPE_OFFSET = 12,
	TAG_OFFSET = 14,
	IPV4_PROTOCOL = 9,
	IPV4_ADDRESSES = 12,
	IPV6_NEXT_HEADER = 6,
	IPV6_ADDRESSES = 8,
	IPV6_HEADER_BYTES = 40,
	VLAN_ID_MASK = 0xfff,
};

static uint16_t vlan_of(const struct rte_mbuf *packet, const uint8_t *bytes, uint32_t length)
{
	uint16_t type;

	if ((packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0)
		return packet->vlan_tci & VLAN_ID_MASK;
	if (length < TAG_OFFSET + 2)
		return 0;
	type = load_be16(bytes + ETHER_TYPE_OFFSET);
	if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)
		return 0;
	return load_be16(bytes + TAG_OFFSET) & VLAN_ID_MASK;
}

static void read_ports(const struct rte_mbuf *packet, const uint8_t *bytes, uint32_t length,
	struct flow_fields *fields)
{
	uint32_t l4 = packet->packet_type & RTE_PTYPE_L4_MASK;
	uint32_t offset = (uint32_t)packet->l2_len + packet->l3_len;

	if ((l4 != RTE_PTYPE_L4_TCP && l4 != RTE_PTYPE_L4_UDP && l4 != RTE_PTYPE_L4_SCTP) ||
		offset + 4 > length)
		return;
	fields->source_port = load_be16(bytes + offset);
	fields->destination_port = load_be16(bytes + offset + 2);
	fields->kind |= FLOW_KIND_PORTS;
}

/* Behind extension headers it is what was found there. */
static uint8_t ipv6_protocol(const struct rte_mbuf *packet, const uint8_t *bytes, uint32_t length)
{
	struct headers headers;

	if (packet->l3_len == IPV6_HEADER_BYTES)
		return bytes[packet->l2_len + IPV6_NEXT_HEADER];
	parse_headers(bytes, length, &headers);
	return headers.ip_protocol;
}

void flow_fields_read(const struct rte_mbuf *packet, struct flow_fields *fields)
{
	uint8_t scratch[PARSE_MAX_BYTES];
	const uint8_t *bytes = rte_pktmbuf_mtod(packet, const uint8_t *);
	uint32_t length = packet->data_len;
	const uint8_t *ip;

	memset(fields, 0, sizeof(*fields));
	if (length < packet->pkt_len && length < PARSE_MAX_BYTES) {
		length = RTE_MIN(packet->pkt_len, (uint32_t)PARSE_MAX_BYTES);
		bytes = rte_pktmbuf_read(packet, 0, length, scratch);
	}
	fields->vlan = vlan_of(packet, bytes, length);
	if (packet->l3_len == 0 || (uint32_t)packet->l2_len + packet->l3_len > length)
		return;
	ip = bytes + packet->l2_len;
	if (RTE_ETH_IS_IPV4_HDR(packet->packet_type)) {
		fields->kind = FLOW_KIND_IP;
		fields->protocol = ip[IPV4_PROTOCOL];
		memcpy(fields->source, ip + IPV4_ADDRESSES, 4);
		memcpy(fields->destination, ip + IPV4_ADDRESSES + 4, 4);
	} else if (RTE_ETH_IS_IPV6_HDR(packet->packet_type)) {
		fields->kind = FLOW_KIND_IP | FLOW_KIND_IPV6;
		fields->protocol = ipv6_protocol(packet, bytes, length);
		memcpy(fields->source, ip + IPV6_ADDRESSES, 16);
		memcpy(fields->destination, ip + IPV6_ADDRESSES + 16, 16);
	} else {
		return;
	}
	read_ports(packet, bytes, length, fields);
}
