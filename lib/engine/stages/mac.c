/* SPDX-License-Identifier: BSD-3-Clause */
/* mac: destination becomes the peer, source the port that sends, as a router's next hop would. */
#include <errno.h>

#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"

static int mac_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct ethernet_addresses *addresses =
		stage_state(stage, sizeof(*addresses), numa_node, error);

	if (addresses == NULL)
		return -ENOMEM;
	ethernet_addresses_init(addresses, stage, config);
	return 0;
}

static void mac_process(struct stage *stage, struct burst *burst)
{
	/* A copy on the stack: the compiler may then keep it in registers across the stores. */
	const struct ethernet_addresses addresses =
		*(const struct ethernet_addresses *)stage->state;

	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];

		burst_prefetch(burst, i);
		if (likely(packet->data_len >= sizeof(struct rte_ether_hdr)))
			ethernet_write(rte_pktmbuf_mtod(packet, uint8_t *), &addresses);
	}
}

const struct stage_ops mac_stage = {
	.name = "mac",
	.help = "set Ethernet addresses: destination the peer's, source the sending port's",
	.flags = STAGE_WRITES,
	.create = mac_create,
	.process = mac_process,
	.destroy = stage_state_free,
};
