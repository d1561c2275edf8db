/* SPDX-License-Identifier: BSD-3-Clause */
/* The less frequent parts: options, extension headers, chains, SCTP. */
#include "segmentation/layer4.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_LOOSE_ROUTE = 131, OPTION_STRICT_ROUTE = 137 };

bool layer4_ipv4_source_routed(const uint8_t *ip, uint32_t header_bytes)
{
	uint32_t at = sizeof(struct rte_ipv4_hdr);

	while (at + 2 < header_bytes && ip[at] != OPTION_END) {
		uint32_t length = ip[at] == OPTION_NOP ? 1 : ip[at + 1];

		if (length == 0)
			return false;
		/* The pointer, from 1, to the next address; beyond the last: it has arrived. */
		if (ip[at] == OPTION_LOOSE_ROUTE || ip[at] == OPTION_STRICT_ROUTE)
			return ip[at + 2] <= length;
		at += length;
	}
	return false;
}

bool layer4_ipv6_source_routed(const uint8_t *ip, uint32_t headers_bytes)
{
	uint8_t protocol = ip[offsetof(struct rte_ipv6_hdr, proto)];
	uint32_t at = sizeof(struct rte_ipv6_hdr);

	while (at + 8 <= headers_bytes) {
		const uint8_t *header = ip + at;

		if (protocol == IPPROTO_ROUTING && header[3] != 0)
			return true;
		at += protocol == IPPROTO_AH	       ? (header[1] + 2u) * 4
			: protocol == IPPROTO_FRAGMENT ? 8
						       : (header[1] + 1u) * 8;
		protocol = header[0];
	}
	return false;
}

uint32_t layer4_segments_sum(const struct layer4 *layer4, uint32_t pseudo)
{
	const struct rte_mbuf *segment = layer4->packet;
	uint32_t sum = pseudo, offset = layer4->offset, done = 0;

	for (; done < layer4->bytes && segment != NULL; segment = segment->next) {
		uint32_t part;

		if (offset >= segment->data_len) {
			offset -= segment->data_len;
			continue;
		}
		part = RTE_MIN((uint32_t)segment->data_len - offset, layer4->bytes - done);
		sum = checksum_append(sum,
			checksum_partial(
				rte_pktmbuf_mtod_offset(segment, const uint8_t *, offset), part, 0),
			done);
		done += part;
		offset = 0;
	}
	return sum;
}

/* Bytes from..to of the packet. */
static uint32_t segments_crc32c(
	const struct rte_mbuf *segment, uint32_t from, uint32_t to, uint32_t crc)
{
	uint32_t start = 0; /* of the segment in the packet */

	for (; segment != NULL && start < to; start += segment->data_len, segment = segment->next) {
		uint32_t first = RTE_MAX(from, start) - start;
		uint32_t end = RTE_MIN(to - start, (uint32_t)segment->data_len);

		if (first < end)
			crc = crc32c_partial(
				rte_pktmbuf_mtod_offset(segment, const uint8_t *, first),
				end - first, crc);
	}
	return crc;
}

uint32_t layer4_crc32c(const struct layer4 *layer4)
{
	static const uint8_t zeros[4];
	const uint32_t field = offsetof(struct rte_sctp_hdr, cksum);
	uint32_t crc = crc32c_partial(layer4->header, field, CRC32C_START);

	crc = crc32c_partial(zeros, sizeof(zeros), crc);
	return crc32c_field(
		segments_crc32c(layer4->packet, layer4->offset + field + (uint32_t)sizeof(zeros),
			layer4->offset + layer4->bytes, crc));
}
