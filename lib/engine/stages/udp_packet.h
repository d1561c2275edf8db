/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source of UDP over IPv4 packets made from a template, for the stages txonly and flowgen. Its
 * flows differ in one address, which goes up from flow to flow, packet by packet, and round.
 */
#ifndef WEIR_ENGINE_STAGES_UDP_PACKET_H
#define WEIR_ENGINE_STAGES_UDP_PACKET_H

#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"

enum { UDP_TEMPLATE_BYTES = 64 };
enum { UDP_PACKET_BYTES_DEFAULT = 64, UDP_PACKET_BYTES_MIN = 14 + 20 + 8 };

/* What packets are made of; addresses and ports in host order. */
struct udp_packet_fields {
	struct ethernet_addresses ethernet;
	uint32_t source, destination; /* IPv4, of the first flow */
	uint16_t source_port, destination_port;
	bool source_varies; /* else the destination does */
	uint32_t flows;
};

struct udp_source {
	uint8_t template[UDP_TEMPLATE_BYTES]; /* headers, then zeros: copied whole */
	uint16_t frame_bytes; /* without FCS */
	uint16_t burst; /* packets a call */
	uint16_t address_offset; /* of the address that varies, in the frame */
	uint32_t sum; /* of the IPv4 header without that address */
	uint32_t first; /* that address of the first flow */
	uint32_t gap; /* from this flow on addresses are one higher: none is the other end's */
	uint32_t flows, next;
};

/*
 * create() of such a stage: its state becomes a struct udp_source. `config` says packet_bytes, from
 * UDP_PACKET_BYTES_MIN to what one packet buffer of the pool holds (-EINVAL otherwise), and burst.
 * No UDP checksum; time to live 64.
 */
int udp_source_create(struct stage *stage, const struct config_stage *config,
	const struct udp_packet_fields *fields, int numa_node, struct error *error);

/* process(): frees what was in the burst as consumed, and fills it with new packets. When the pool
 * runs out there are fewer: nothing entered, so nothing counts as dropped. */
void udp_source_process(struct stage *stage, struct burst *burst);

#endif
