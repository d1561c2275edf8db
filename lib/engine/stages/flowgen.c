/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flowgen: sends UDP packets of many flows, whose destination addresses go up, and frees what it
 * receives. Addresses and ports are testpmd's.
 */
#include "engine/stages/udp_packet.h"

enum { FLOWS_DEFAULT = 1024 };

static int flowgen_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	const struct udp_packet_fields fields = {
		.ethernet = {.destination = {0x00, 0x01, 0x02, 0x03, 0x04, 0x01},
			.source = {0x00, 0x01, 0x02, 0x03, 0x04, 0x00}},
		.source = 0x0afe0000, /* 10.254.0.0 */
		.destination = 0x0afd0000, /* 10.253.0.0 */
		.source_port = 1000,
		.destination_port = 1001,
		.source_varies = false,
		.flows = config->flows ? config->flows : FLOWS_DEFAULT,
	};

	return udp_source_create(stage, config, &fields, numa_node, error);
}

const struct stage_ops flowgen_stage = {
	.name = "flowgen",
	.help = "send UDP packets of many flows; what is received is freed",
	.flags = STAGE_SOURCE,
	.create = flowgen_create,
	.process = udp_source_process,
	.destroy = stage_state_free,
};
