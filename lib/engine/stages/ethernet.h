/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet addresses of a packet: swapped, or written over. Pure functions on the 12 bytes a frame
 * begins with (destination, then source), which may lie at any alignment.
 */
#ifndef WEIR_ENGINE_STAGES_ETHERNET_H
#define WEIR_ENGINE_STAGES_ETHERNET_H

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#include <tmmintrin.h>

#include "engine/stage.h"

/* How many packets ahead a loop over a burst asks for bytes: about the time of a miss in L2. */
enum { PREFETCH_AHEAD = 8 };

struct ethernet_addresses {
	uint8_t destination[RTE_ETHER_ADDR_LEN];
	uint8_t source[RTE_ETHER_ADDR_LEN];
};

_Static_assert(sizeof(struct ethernet_addresses) == 12, "as in the frame");

/* Destination: the peer the configuration names, else testpmd's default peer of the `to` port,
 * 02:00:00:00:00:<index>. Source: the address of the `to` port. */
static inline void ethernet_addresses_init(struct ethernet_addresses *addresses,
	const struct stage *stage, const struct config_stage *config)
{
	static const uint8_t none[RTE_ETHER_ADDR_LEN];
	const uint8_t peer[RTE_ETHER_ADDR_LEN] = {
		RTE_ETHER_LOCAL_ADMIN_ADDR, 0, 0, 0, 0, (uint8_t)stage->port_index};
	bool given = memcmp(config->ethernet_peer, none, sizeof(none)) != 0;

	memcpy(addresses->destination, given ? config->ethernet_peer : peer, sizeof(peer));
	memcpy(addresses->source, stage->tx_address.addr_bytes, sizeof(addresses->source));
}

static inline void ethernet_write(uint8_t *frame, const struct ethernet_addresses *addresses)
{
	memcpy(frame, addresses, sizeof(*addresses));
}

/* Touches 16 bytes: the caller has checked that there are so many. */
static inline void ethernet_swap16(uint8_t *frame)
{
	const __m128i order = _mm_setr_epi8(6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15);
	__m128i header = _mm_loadu_si128((const __m128i *)frame);

	_mm_storeu_si128((__m128i *)frame, _mm_shuffle_epi8(header, order));
}

static inline void ethernet_swap12(uint8_t *frame)
{
	struct ethernet_addresses addresses;

	memcpy(addresses.destination, frame + RTE_ETHER_ADDR_LEN, RTE_ETHER_ADDR_LEN);
	memcpy(addresses.source, frame, RTE_ETHER_ADDR_LEN);
	ethernet_write(frame, &addresses);
}

/* Leaves a frame alone whose first segment does not hold an Ethernet header. */
static inline void ethernet_swap(struct rte_mbuf *packet)
{
	uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);

	if (likely(packet->data_len >= sizeof(__m128i)))
		ethernet_swap16(frame);
	else if (packet->data_len >= sizeof(struct rte_ether_hdr))
		ethernet_swap12(frame);
}

/* Asks for the bytes of the packet PREFETCH_AHEAD after the i-th, so that they are there in time.
 */
static inline void burst_prefetch(const struct burst *burst, unsigned i)
{
	if (likely(i + PREFETCH_AHEAD < burst->count))
		rte_prefetch0(rte_pktmbuf_mtod(burst->packets[i + PREFETCH_AHEAD], const void *));
}

#endif
