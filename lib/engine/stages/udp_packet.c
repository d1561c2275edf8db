/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/stages/udp_packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "base/clock.h"
#include "packet/checksum.h"

enum { TIME_TO_LIVE = 64 };

static void template_write(
	uint8_t *bytes, const struct udp_packet_fields *fields, uint16_t frame_bytes)
{
	uint16_t ip_bytes = (uint16_t)(frame_bytes - sizeof(struct rte_ether_hdr));
	uint16_t udp_bytes = (uint16_t)(ip_bytes - sizeof(struct rte_ipv4_hdr));
	const uint16_t ether_type = htons(RTE_ETHER_TYPE_IPV4);
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = htons(ip_bytes),
		.time_to_live = TIME_TO_LIVE,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = htonl(fields->source),
		.dst_addr = htonl(fields->destination),
	};
	const struct rte_udp_hdr udp = {
		.src_port = htons(fields->source_port),
		.dst_port = htons(fields->destination_port),
		.dgram_len = htons(udp_bytes),
	};

	ip.hdr_checksum = checksum_ipv4_header(&ip, sizeof(ip));
	memset(bytes, 0, UDP_TEMPLATE_BYTES);
	ethernet_write(bytes, &fields->ethernet);
	memcpy(bytes + sizeof(fields->ethernet), &ether_type, sizeof(ether_type));
	memcpy(bytes + sizeof(struct rte_ether_hdr), &ip, sizeof(ip));
	memcpy(bytes + sizeof(struct rte_ether_hdr) + sizeof(ip), &udp, sizeof(udp));
}

int udp_template_init(struct udp_template *packet, const struct stage *stage,
	const struct udp_packet_fields *fields, uint32_t frame_bytes, uint16_t burst,
	struct error *error)
{
	uint32_t room = rte_pktmbuf_data_room_size(stage->pool);

	room = room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0;
	/* The template is copied whole, into the smallest packet too. */
	if (room < UDP_TEMPLATE_BYTES)
		return error_set(error, EINVAL,
			"stage %s: packet buffers hold %u bytes, at least %d are needed; "
			"raise memory.packet_data_bytes",
			stage->ops->name, room, UDP_TEMPLATE_BYTES);
	if (frame_bytes < UDP_PACKET_BYTES_MIN || frame_bytes > room)
		return error_set(error, EINVAL,
			"stage %s: a frame of %u bytes, must be %d to %u (what a packet buffer "
			"holds; raise memory.packet_data_bytes for more)",
			stage->ops->name, frame_bytes, UDP_PACKET_BYTES_MIN, room);
	packet->frame_bytes = (uint16_t)frame_bytes;
	packet->burst = burst != 0 ? burst : BURST_SIZE;
	template_write(packet->bytes, fields, packet->frame_bytes);
	return 0;
}

static inline void packet_fill(struct rte_mbuf *mbuf, const struct udp_template *packet)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	mbuf->data_len = packet->frame_bytes;
	mbuf->pkt_len = packet->frame_bytes;
	/* As the engine leaves it for received packets: a later stage may look there. */
	mbuf->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP;
	mbuf->l2_len = sizeof(struct rte_ether_hdr);
	mbuf->l3_len = sizeof(struct rte_ipv4_hdr);
	mbuf->l4_len = sizeof(struct rte_udp_hdr);
	memcpy(frame, packet->bytes, UDP_TEMPLATE_BYTES);
	/* The buffer held another packet before: what that said is not for this receiver. */
	if (packet->frame_bytes > UDP_TEMPLATE_BYTES)
		memset(frame + UDP_TEMPLATE_BYTES, 0, packet->frame_bytes - UDP_TEMPLATE_BYTES);
}

/* Fills an empty burst with up to `wanted` packets, as many as the pool has. */
static void burst_make(struct stage *stage, struct burst *burst, const struct udp_template *packet,
	unsigned wanted)
{
	while (wanted > 0 && rte_pktmbuf_alloc_bulk(stage->pool, burst->packets, wanted) != 0)
		wanted /= 2;
	for (unsigned i = 0; i < wanted; i++)
		packet_fill(burst->packets[i], packet);
	burst->count = (uint16_t)wanted;
	burst->bytes = (uint64_t)wanted * packet->frame_bytes;
	burst->rx_tsc = tsc_now();
	stage->counters->made += wanted;
}

void udp_source_process(struct stage *stage, struct burst *burst, const struct udp_template *packet,
	void (*finish)(struct stage *, struct burst *))
{
	unsigned left = packet->burst;

	burst_drop(stage, burst, DROP_consumed);
	for (;;) {
		unsigned wanted = RTE_MIN(left, (unsigned)BURST_SIZE);

		burst_make(stage, burst, packet, wanted);
		if (finish != NULL)
			finish(stage, burst);
		left -= burst->count;
		if (left == 0 || burst->count < wanted)
			return;
		stage_emit(stage, burst);
	}
}
