/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flowgen: sends UDP packets whose destination address goes round, one flow after the other, and
 * frees what it receives. Addresses, ports and sizes are testpmd's; as there, the packet size
 * counts the FCS, so that the frame is 4 bytes shorter.
 */
#include <errno.h>
#include <netinet/in.h>
#include <rte_ip.h>

#include "engine/stages/udp_packet.h"
#include "packet/checksum.h"

#define FLOWGEN_SOURCE RTE_IPV4(10, 254, 0, 0)
#define FLOWGEN_DESTINATION RTE_IPV4(10, 253, 0, 0) /* the first flow's */

enum { FLOWS_DEFAULT = 1024 };
enum { IP_OFFSET = sizeof(struct rte_ether_hdr) };

struct flowgen_state {
	struct udp_template packet;
	uint32_t sum; /* of the IPv4 header without destination and checksum */
	uint32_t flows, next;
};

static void flowgen_prepare(struct flowgen_state *state)
{
	struct rte_ipv4_hdr ip;

	memcpy(&ip, state->packet.bytes + IP_OFFSET, sizeof(ip));
	ip.hdr_checksum = 0;
	ip.dst_addr = 0;
	state->sum = checksum_ipv4_fixed(&ip);
}

static int flowgen_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	static const struct udp_packet_fields fields = {
		.ethernet = {.destination = {0x00, 0x01, 0x02, 0x03, 0x04, 0x01},
			.source = {0x00, 0x01, 0x02, 0x03, 0x04, 0x00}},
		.source = FLOWGEN_SOURCE,
		.destination = FLOWGEN_DESTINATION,
		.source_port = 1000,
		.destination_port = 1001,
	};
	struct flowgen_state *state = stage_state(stage, sizeof(*state), numa_node, error);
	uint32_t bytes = config->packet_bytes ? config->packet_bytes : UDP_PACKET_BYTES_DEFAULT;
	uint32_t frame_bytes = bytes > RTE_ETHER_CRC_LEN ? bytes - RTE_ETHER_CRC_LEN : 0;
	int code;

	if (state == NULL)
		return -ENOMEM;
	state->flows = config->flows != 0 ? config->flows : FLOWS_DEFAULT;
	code = udp_template_init(&state->packet, stage, &fields, frame_bytes, config->burst, error);
	if (code != 0)
		stage_state_free(stage);
	else
		flowgen_prepare(state);
	return code;
}

static void flowgen_finish(struct stage *stage, struct burst *burst)
{
	struct flowgen_state *state = stage->state;
	uint32_t next = state->next;

	for (unsigned i = 0; i < burst->count; i++) {
		uint8_t *ip = rte_pktmbuf_mtod_offset(burst->packets[i], uint8_t *, IP_OFFSET);
		uint32_t destination = htonl(FLOWGEN_DESTINATION + next);
		uint16_t checksum = checksum_finish(checksum_add(state->sum, destination));

		memcpy(ip + offsetof(struct rte_ipv4_hdr, hdr_checksum), &checksum,
			sizeof(checksum));
		memcpy(ip + offsetof(struct rte_ipv4_hdr, dst_addr), &destination,
			sizeof(destination));
		if (++next == state->flows)
			next = 0;
	}
	state->next = next;
}

static void flowgen_process(struct stage *stage, struct burst *burst)
{
	const struct flowgen_state *state = stage->state;

	udp_source_process(stage, burst, &state->packet, flowgen_finish);
}

const struct stage_ops flowgen_stage = {
	.name = "flowgen",
	.help = "send UDP packets of many flows; what is received is freed",
	.flags = STAGE_SOURCE,
	.create = flowgen_create,
	.process = flowgen_process,
	.destroy = stage_state_free,
};
