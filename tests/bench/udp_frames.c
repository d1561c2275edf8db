/* SPDX-License-Identifier: BSD-3-Clause */
#include "udp_frames.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_BYTES = 64 };

struct packet_memory { /* as a pool lays them out: the mbuf and its data are neighbours */
	struct rte_mbuf mbuf;
	uint8_t data[RTE_PKTMBUF_HEADROOM + FRAME_BYTES];
} __attribute__((aligned(64)));

static void write_udp(uint8_t *frame)
{
	static const uint8_t ipv4[] = {0x45, 0, 0, FRAME_BYTES - 14, 0, 0, 0, 0, 64, 17};

	frame[12] = 8;
	memcpy(frame + 14, ipv4, sizeof(ipv4));
	for (unsigned i = 26; i < 38; i++) /* addresses and ports */
		frame[i] = (uint8_t)rand();
	frame[36] = 0x80; /* no tunnel's port */
	frame[39] = FRAME_BYTES - 34;
}

bool udp_frames_make(struct rte_mbuf *ret_mbufs[], unsigned count)
{
	struct packet_memory *memory = aligned_alloc(64, count * sizeof(*memory));

	if (memory == NULL)
		return false;
	memset(memory, 0, count * sizeof(*memory));
	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = &memory[i].mbuf;

		mbuf->buf_addr = memory[i].data;
		mbuf->data_off = RTE_PKTMBUF_HEADROOM;
		mbuf->nb_segs = 1;
		mbuf->data_len = FRAME_BYTES;
		mbuf->pkt_len = FRAME_BYTES;
		write_udp(rte_pktmbuf_mtod(mbuf, uint8_t *));
		ret_mbufs[i] = mbuf;
	}
	return true;
}
