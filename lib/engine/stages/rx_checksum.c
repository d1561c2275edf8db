/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/stages/rx_checksum.h"

#include <errno.h>

#include "engine/stages/stages.h"
#include "segmentation/packet_checksum.h"

static int rx_checksum_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct rx_checksum_state *state = stage_state(stage, sizeof(*state), numa_node, error);

	(void)config;
	if (state == NULL)
		return -ENOMEM;
	state->drops = stage->from->drop_bad_checksums;
	return 0;
}

static inline bool ip_is_bad(uint64_t flags)
{
	return (flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD;
}

static inline bool l4_is_bad(uint64_t flags)
{
	return (flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

/* Some of the burst is bad: counts it, and takes it out if it is to be dropped. */
static __attribute__((noinline)) void bad_handle(struct stage *stage, struct burst *burst)
{
	struct rx_checksum_state *state = stage->state;
	unsigned kept = 0;

	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];
		bool bad_ip = ip_is_bad(packet->ol_flags), bad_l4 = l4_is_bad(packet->ol_flags);

		state->bad_ip += bad_ip;
		state->bad_l4 += bad_l4;
		stage->counters->bad_checksums += bad_ip || bad_l4;
		if ((bad_ip || bad_l4) && state->drops) {
			burst->bytes -= packet->pkt_len;
			stage_drop(stage, packet, DROP_bad_checksum);
			continue;
		}
		burst->packets[kept++] = packet;
	}
	burst->count = (uint16_t)kept;
}

static void rx_checksum_process(struct stage *stage, struct burst *burst)
{
	if (unlikely(packet_checksum_verify(burst->packets, burst->count) > 0))
		bad_handle(stage, burst);
}

const struct stage_ops rx_checksum_stage = {
	.name = "rx-checksum",
	.help = "verify IPv4, TCP, UDP, SCTP and ICMP checksums, as rx-checksumming does",
	.flags = STAGE_PARSES,
	.create = rx_checksum_create,
	.process = rx_checksum_process,
	.destroy = stage_state_free,
};
