/* SPDX-License-Identifier: BSD-3-Clause */
#include "vnet_frames.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/checksum.h"

enum { TCP_BYTES = 32 /* with timestamps */, VXLAN_BYTES = 8 };

static uint32_t put_ethernet(uint8_t *bytes, bool tagged, uint16_t type)
{
	uint32_t at = 2 * RTE_ETHER_ADDR_LEN;

	memset(bytes, 2, at);
	if (tagged) {
		memcpy(bytes + at, "\x81\x00\x20\x07", 4);
		at += 4;
	}
	bytes[at] = (uint8_t)(type >> 8);
	bytes[at + 1] = (uint8_t)type;
	return at + 2;
}

static uint32_t put_ip(uint8_t *bytes, bool ipv6, uint8_t protocol, uint32_t l4_bytes)
{
	if (ipv6) {
		struct rte_ipv6_hdr ip = {.vtc_flow = rte_cpu_to_be_32(6u << 28),
			.payload_len = rte_cpu_to_be_16((uint16_t)l4_bytes),
			.proto = protocol,
			.hop_limits = 64,
			.src_addr = {0xfd, 1},
			.dst_addr = {0xfd, 2}};
		memcpy(bytes, &ip, sizeof(ip));
		return sizeof(ip);
	}
	struct rte_ipv4_hdr ip = {.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16((uint16_t)(l4_bytes + sizeof(ip))),
		.time_to_live = 64,
		.next_proto_id = protocol,
		.src_addr = 0x0100000a,
		.dst_addr = 0x0200000a};
	ip.hdr_checksum = checksum_ipv4_header(&ip, sizeof(ip));
	memcpy(bytes, &ip, sizeof(ip));
	return sizeof(ip);
}

/* The innermost packet from layer 3 on, its checksum left open; returns its length. */
static uint32_t put_inner(const struct vnet_frame_plan *plan, uint32_t at, struct vnet_frame *made)
{
	uint8_t *bytes = made->bytes + at;
	uint32_t l4_header = plan->udp ? sizeof(struct rte_udp_hdr) : TCP_BYTES;
	uint32_t l4_bytes = l4_header + plan->payload_bytes, l3_bytes, sum;
	uint8_t protocol = plan->udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint16_t pseudo;

	l3_bytes = put_ip(bytes, plan->ipv6, protocol, l4_bytes);
	made->l3 = at;
	made->l4 = at + l3_bytes;
	made->headers = made->l4 + l4_header;
	memset(bytes + l3_bytes, 0, l4_header);
	for (uint32_t i = 0; i < plan->payload_bytes; i++)
		bytes[l3_bytes + l4_header + i] = (uint8_t)rand();
	if (plan->udp) {
		memcpy(bytes + l3_bytes, "\x10\x00\x20\x00", 4);
		bytes[l3_bytes + 4] = (uint8_t)(l4_bytes >> 8);
		bytes[l3_bytes + 5] = (uint8_t)l4_bytes;
	} else {
		bytes[l3_bytes + 12] = TCP_BYTES / 4 << 4;
		bytes[l3_bytes + 13] = RTE_TCP_ACK_FLAG;
		memcpy(bytes + l3_bytes + 20, "\x01\x01\x08\x0a", 4);
	}
	sum = plan->ipv6 ? checksum_pseudo_ipv6(bytes, protocol, l4_bytes)
			 : checksum_pseudo_ipv4(bytes, protocol, l4_bytes);
	pseudo = checksum_fold(sum);
	made->header = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (uint16_t)made->l4,
		.csum_offset = plan->udp ? 6 : 16,
	};
	memcpy(bytes + l3_bytes + made->header.csum_offset, &pseudo, sizeof(pseudo));
	return l3_bytes + l4_bytes;
}

void vnet_frame_make(const struct vnet_frame_plan *plan, struct vnet_frame *made)
{
	uint16_t type = plan->ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;
	uint32_t inner, at = 0;

	if (plan->tunnel) {
		uint32_t outer = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr);
		uint32_t inside = VXLAN_BYTES + RTE_ETHER_HDR_LEN + (plan->ipv6 ? 40 : 20) +
			(plan->udp ? 8 : TCP_BYTES) + plan->payload_bytes;
		uint8_t *udp = made->bytes + RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr);

		put_ethernet(made->bytes, false, RTE_ETHER_TYPE_IPV4);
		put_ip(made->bytes + RTE_ETHER_HDR_LEN, false, IPPROTO_UDP, inside + 8);
		memcpy(udp, "\xc0\x00\x12\xb5", 4);
		udp[4] = (uint8_t)((inside + 8) >> 8);
		udp[5] = (uint8_t)(inside + 8);
		memcpy(udp + 6, "\x00\x00\x08\x00\x00\x00\x00\x00\x07\x00", 10);
		at = RTE_ETHER_HDR_LEN + outer + VXLAN_BYTES;
	}
	at += put_ethernet(made->bytes + at, plan->tagged, type);
	inner = put_inner(plan, at, made);
	made->length = at + inner;
}

void vnet_frame_make_super(
	const struct vnet_frame_plan *plan, uint16_t size, bool congested, struct vnet_frame *made)
{
	vnet_frame_make(plan, made);
	made->header.gso_type = plan->udp ? VNET_GSO_UDP_L4
		: plan->ipv6		  ? VIRTIO_NET_HDR_GSO_TCPV6
					  : VIRTIO_NET_HDR_GSO_TCPV4;
	made->header.gso_size = size;
	made->header.hdr_len = (uint16_t)made->headers;
	if (congested) {
		made->header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		made->bytes[made->l4 + 13] |= RTE_TCP_CWR_FLAG;
	}
}
