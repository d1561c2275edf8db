/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP over IPv4 packets made from a template, for the stages that are sources: txonly and flowgen.
 */
#ifndef WEIR_ENGINE_STAGES_UDP_PACKET_H
#define WEIR_ENGINE_STAGES_UDP_PACKET_H

#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"

enum { UDP_TEMPLATE_BYTES = 64 };
enum { UDP_PACKET_BYTES_DEFAULT = 64, UDP_PACKET_BYTES_MIN = 14 + 20 + 8 };

/* What a template is made of; addresses and ports in host order. */
struct udp_packet_fields {
	struct ethernet_addresses ethernet;
	uint32_t source, destination; /* IPv4 */
	uint16_t source_port, destination_port;
};

struct udp_template {
	uint8_t bytes[UDP_TEMPLATE_BYTES]; /* headers, then zeros: copied whole into each packet */
	uint16_t frame_bytes; /* without FCS */
	uint16_t burst; /* packets a call */
};

/* `frame_bytes`: from UDP_PACKET_BYTES_MIN to what one packet buffer of stage->pool holds (-EINVAL
 * otherwise). No UDP checksum, time to live 64. `burst` 0: BURST_SIZE. */
int udp_template_init(struct udp_template *packet, const struct stage *stage,
	const struct udp_packet_fields *fields, uint32_t frame_bytes, uint16_t burst,
	struct error *error);

/*
 * Makes the packets of one call: what was in `burst` is freed as consumed, then bursts of new ones
 * are emitted and the last is left in `burst`. `finish` (or NULL) may change each burst before it
 * goes on. When the pool runs out there are fewer: nothing entered, so nothing counts as dropped.
 */
void udp_source_process(struct stage *stage, struct burst *burst, const struct udp_template *packet,
	void (*finish)(struct stage *, struct burst *));

#endif
