/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/stages/udp_packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "base/clock.h"
#include "packet/checksum.h"

enum { TIME_TO_LIVE = 64 };
enum { IP_OFFSET = sizeof(struct rte_ether_hdr) };

static void template_write(struct udp_source *source, const struct udp_packet_fields *fields)
{
	uint16_t ip_bytes = (uint16_t)(source->frame_bytes - sizeof(struct rte_ether_hdr));
	uint16_t udp_bytes = (uint16_t)(ip_bytes - sizeof(struct rte_ipv4_hdr));
	const uint16_t ether_type = htons(RTE_ETHER_TYPE_IPV4);
	const struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = htons(ip_bytes),
		.time_to_live = TIME_TO_LIVE,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = fields->source_varies ? 0 : htonl(fields->source),
		.dst_addr = fields->source_varies ? htonl(fields->destination) : 0,
	};
	const struct rte_udp_hdr udp = {
		.src_port = htons(fields->source_port),
		.dst_port = htons(fields->destination_port),
		.dgram_len = htons(udp_bytes),
	};
	uint8_t *bytes = source->template;

	ethernet_write(bytes, &fields->ethernet);
	memcpy(bytes + sizeof(fields->ethernet), &ether_type, sizeof(ether_type));
	memcpy(bytes + IP_OFFSET, &ip, sizeof(ip));
	memcpy(bytes + IP_OFFSET + sizeof(ip), &udp, sizeof(udp));
	source->sum = checksum_ipv4_fixed(&ip);
}

static void flows_init(struct udp_source *source, const struct udp_packet_fields *fields)
{
	uint32_t other = fields->source_varies ? fields->destination : fields->source;

	source->first = fields->source_varies ? fields->source : fields->destination;
	source->gap = other - source->first;
	source->flows = fields->flows;
	source->address_offset = IP_OFFSET +
		(fields->source_varies ? offsetof(struct rte_ipv4_hdr, src_addr)
				       : offsetof(struct rte_ipv4_hdr, dst_addr));
}

static int size_check(const struct stage *stage, uint32_t frame_bytes, struct error *error)
{
	uint32_t room = rte_pktmbuf_data_room_size(stage->pool);

	room = room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0;
	/* The template is copied whole, into the smallest packet too. */
	if (room >= UDP_TEMPLATE_BYTES && frame_bytes >= UDP_PACKET_BYTES_MIN &&
		frame_bytes <= room)
		return 0;
	return error_set(error, EINVAL,
		"size is %u bytes, must be %d to %u, what a packet buffer holds; "
		"raise memory.packet_data for more",
		frame_bytes, UDP_PACKET_BYTES_MIN, room);
}

int udp_source_create(struct stage *stage, const struct config_stage *config,
	const struct udp_packet_fields *fields, int numa_node, struct error *error)
{
	uint32_t bytes = config->packet_bytes ? config->packet_bytes : UDP_PACKET_BYTES_DEFAULT;
	uint16_t burst = config->burst ? config->burst : BURST_SIZE;
	struct udp_source *source;
	int code = size_check(stage, bytes, error);

	if (code != 0)
		return code;
	source = stage_state(stage, sizeof(*source), numa_node, error);
	if (source == NULL)
		return -ENOMEM;
	source->frame_bytes = (uint16_t)bytes;
	source->burst = RTE_MIN(burst, (uint16_t)BURST_SIZE);
	flows_init(source, fields);
	template_write(source, fields);
	return 0;
}

static inline void flow_write(struct udp_source *source, uint8_t *frame)
{
	uint32_t flow = source->next;
	uint32_t address = htonl(source->first + flow + (flow >= source->gap));
	uint16_t checksum = checksum_finish(checksum_add(source->sum, address));

	memcpy(frame + source->address_offset, &address, sizeof(address));
	memcpy(frame + IP_OFFSET + offsetof(struct rte_ipv4_hdr, hdr_checksum), &checksum,
		sizeof(checksum));
	source->next = flow + 1 == source->flows ? 0 : flow + 1;
}

static inline void packet_write(struct udp_source *source, struct rte_mbuf *packet)
{
	uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);

	packet->data_len = source->frame_bytes;
	packet->pkt_len = source->frame_bytes;
	/* As the engine leaves it for received packets: a later stage may look there. */
	packet->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP;
	packet->tx_offload = rte_mbuf_tx_offload(sizeof(struct rte_ether_hdr),
		sizeof(struct rte_ipv4_hdr), sizeof(struct rte_udp_hdr), 0, 0, 0, 0);
	memcpy(frame, source->template, UDP_TEMPLATE_BYTES);
	/* The buffer held another packet before: what that said is not for this receiver. */
	if (source->frame_bytes > UDP_TEMPLATE_BYTES)
		memset(frame + UDP_TEMPLATE_BYTES, 0, source->frame_bytes - UDP_TEMPLATE_BYTES);
	flow_write(source, frame);
}

void udp_source_process(struct stage *stage, struct burst *burst)
{
	struct udp_source *source = stage->state;
	unsigned count = source->burst;

	stage_drop_burst(stage, burst, DROP_consumed);
	while (count > 0 && rte_pktmbuf_alloc_bulk(stage->pool, burst->packets, count) != 0)
		count /= 2;
	for (unsigned i = 0; i < count; i++)
		packet_write(source, burst->packets[i]);
	burst->count = (uint16_t)count;
	burst->bytes = (uint64_t)count * source->frame_bytes;
	burst->rx_tsc = tsc_now();
	stage->counters->made += count;
}
