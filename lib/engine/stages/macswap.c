/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * macswap: Ethernet source and destination change places. One shuffle a packet; nothing of the mbuf
 * is written, and only its first cache line is read.
 */
#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"

static void macswap_process(struct stage *stage, struct burst *burst)
{
	(void)stage;
	for (unsigned i = 0; i < burst->count; i++) {
		burst_prefetch(burst, i);
		ethernet_swap(burst->packets[i]);
	}
}

const struct stage_ops macswap_stage = {
	.name = "macswap",
	.help = "swap Ethernet source and destination",
	.flags = STAGE_WRITES,
	.process = macswap_process,
};
