/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * csum: makes checksums right, in software or, where the sending port does it, by asking for it in
 * the mbuf: segmentation/packet_checksum.h. The Ethernet addresses are set as by the mac stage.
 */
#include <errno.h>

#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"
#include "segmentation/packet_checksum.h"

static int csum_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct ethernet_addresses *addresses =
		stage_state(stage, sizeof(*addresses), numa_node, error);

	if (addresses == NULL)
		return -ENOMEM;
	ethernet_addresses_init(addresses, stage, config);
	return 0;
}

static void csum_process(struct stage *stage, struct burst *burst)
{
	const struct ethernet_addresses addresses =
		*(const struct ethernet_addresses *)stage->state;

	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];

		burst_prefetch(burst, i);
		if (likely(packet->data_len >= sizeof(struct rte_ether_hdr)))
			ethernet_write(rte_pktmbuf_mtod(packet, uint8_t *), &addresses);
	}
	packet_checksum_fill(burst->packets, burst->count, stage->tx_offloads);
}

const struct stage_ops csum_stage = {
	.name = "csum",
	.help = "make IPv4, TCP, UDP, SCTP and ICMP checksums right; set Ethernet addresses as mac "
		"does",
	.flags = STAGE_WRITES | STAGE_PARSES,
	.create = csum_create,
	.process = csum_process,
	.destroy = stage_state_free,
};
