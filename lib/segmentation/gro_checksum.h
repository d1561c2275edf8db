/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the payload of a segment adds up to, from its headers alone: the sender's checksum is the
 * complement of the sum of pseudo header, header and payload, so what is missing to it is the
 * payload's. Of all those words only the length, and of TCP the sequence number and the flags,
 * differ between segments that merge; the rest, which they have in common, is the base.
 */
#ifndef WEIR_SEGMENTATION_GRO_CHECKSUM_H
#define WEIR_SEGMENTATION_GRO_CHECKSUM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "packet/checksum.h"
#include "segmentation/gro_hash.h"
#include "segmentation/gro_shape.h"

static inline uint32_t gro_pseudo_sum(
	const uint8_t *headers, const union gro_layout *layout, uint32_t l4_bytes)
{
	const uint8_t protocol = layout->kind & GRO_KIND_TCP ? IPPROTO_TCP : IPPROTO_UDP;

	if (layout->kind & GRO_KIND_IPV6)
		return checksum_pseudo_ipv6(headers + layout->ip, protocol, l4_bytes);
	return checksum_pseudo_ipv4(headers + layout->ip, protocol, l4_bytes);
}

/* The words of the layer 4 header that are not of the base, with `l4_bytes` in all. */
static inline uint32_t gro_own_sum(const uint8_t *l4, bool tcp, uint32_t l4_bytes)
{
	if (tcp)
		return checksum_add(gro_load32(l4 + 4),
			gro_load16(l4 + 12) + (uint32_t)gro_load16(l4 + 16) +
				htons((uint16_t)l4_bytes));
	return gro_load16(l4 + 6) + 2u * htons((uint16_t)l4_bytes);
}

static inline uint16_t gro_base_sum(const uint8_t *headers, const union gro_layout *layout)
{
	const uint8_t *l4 = headers + layout->l4;
	const bool tcp = layout->kind & GRO_KIND_TCP;
	const uint32_t all = checksum_partial(
		l4, layout->header_bytes - layout->l4, gro_pseudo_sum(headers, layout, 0));
	uint32_t own = gro_own_sum(l4, tcp, 0);

	if (!tcp)
		own += gro_load16(l4 + 4); /* its length is in `all` */
	return checksum_fold(checksum_add(all, ~own));
}

static inline uint16_t gro_payload_sum(const uint8_t *l4, bool tcp, uint32_t l4_header_bytes,
	uint16_t base_sum, uint32_t payload_bytes)
{
	return checksum_finish(
		checksum_add(base_sum, gro_own_sum(l4, tcp, l4_header_bytes + payload_bytes)));
}

#endif
