/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * txonly: sends the same UDP packet for ever, as testpmd does: from 198.18.0.1 to 198.18.0.2
 * (RFC 2544's addresses for benchmarks), discard port to discard port (RFC 863).
 */
#include <errno.h>
#include <rte_ip.h>

#include "engine/stages/udp_packet.h"

enum { PORT_DISCARD = 9 };

static int txonly_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct udp_packet_fields fields = {
		.source = RTE_IPV4(198, 18, 0, 1),
		.destination = RTE_IPV4(198, 18, 0, 2),
		.source_port = PORT_DISCARD,
		.destination_port = PORT_DISCARD,
	};
	struct udp_template *packet = stage_state(stage, sizeof(*packet), numa_node, error);
	uint32_t bytes = config->packet_bytes ? config->packet_bytes : UDP_PACKET_BYTES_DEFAULT;
	int code;

	if (packet == NULL)
		return -ENOMEM;
	ethernet_addresses_init(&fields.ethernet, stage, config);
	code = udp_template_init(packet, stage, &fields, bytes, config->burst, error);
	if (code != 0)
		stage_state_free(stage);
	return code;
}

static void txonly_process(struct stage *stage, struct burst *burst)
{
	udp_source_process(stage, burst, stage->state, NULL);
}

const struct stage_ops txonly_stage = {
	.name = "txonly",
	.help = "send UDP packets of one flow; what is received is freed",
	.flags = STAGE_SOURCE,
	.create = txonly_create,
	.process = txonly_process,
	.destroy = stage_state_free,
};
