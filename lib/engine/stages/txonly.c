/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * txonly: sends UDP packets, as testpmd does: from 198.18.0.1 to 198.18.0.2 (RFC 2544's addresses
 * for benchmarks), discard port to discard port (RFC 863). With more than one flow the source
 * address goes up.
 */
#include "engine/stages/udp_packet.h"

enum { PORT_DISCARD = 9 };

static int txonly_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct udp_packet_fields fields = {
		.source = 0xc6120001, /* 198.18.0.1 */
		.destination = 0xc6120002, /* 198.18.0.2 */
		.source_port = PORT_DISCARD,
		.destination_port = PORT_DISCARD,
		.source_varies = true,
		.flows = config->flows ? config->flows : 1,
	};

	ethernet_addresses_init(&fields.ethernet, stage, config);
	return udp_source_create(stage, config, &fields, numa_node, error);
}

const struct stage_ops txonly_stage = {
	.name = "txonly",
	.help = "send UDP packets; what is received is freed",
	.flags = STAGE_SOURCE,
	.create = txonly_create,
	.process = udp_source_process,
	.destroy = stage_state_free,
};
