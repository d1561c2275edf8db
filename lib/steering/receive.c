/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two passes over a few packets at a time: parse each and note where the bytes to hash stand, then
 * hash all IPv4 and all IPv6 inputs together. Those of ordinary packets are hashed where they stand
 * in the packet: addresses and ports are neighbours there when the IP header has no options. Others
 * are put together in a copy.
 */
#include "steering/receive.h"

#include <string.h>

#include "packet/parse.h"
#include "packet/parse_fast.h"

enum { CHUNK = 32, PREFETCH_AHEAD = 6 };

/* Of one IP version: inputs to hash, and which packets of the chunk they are. */
struct inputs {
	unsigned count;
	uint8_t packets[CHUNK];
	const uint8_t *bytes[CHUNK];
};

struct chunk {
	struct rte_mbuf *const *packets;
	uint32_t *hashes;
	struct inputs ipv4, ipv6;
	/* Made by hand; toeplitz_hash_ipv4() wants 4 readable bytes before its 12. */
	uint8_t copies[CHUNK][4 + TOEPLITZ_INPUT_MAX];
};

static inline void add_input(struct inputs *inputs, unsigned index, const uint8_t *bytes)
{
	inputs->bytes[inputs->count] = bytes;
	inputs->packets[inputs->count++] = (uint8_t)index;
}

static inline void set_lengths(struct rte_mbuf *packet, uint64_t l2, uint64_t l3, uint64_t l4)
{
	packet->tx_offload = rte_mbuf_tx_offload(l2, l3, l4, 0, 0, 0, 0);
}

static bool has_ports(const struct headers *headers)
{
	uint32_t l4 = headers->packet_type & RTE_PTYPE_L4_MASK;

	return headers->l4_offset != 0 &&
		(l4 == RTE_PTYPE_L4_TCP || l4 == RTE_PTYPE_L4_UDP || l4 == RTE_PTYPE_L4_SCTP);
}

/* Addresses and ports of a packet of any shape, one after the other; zeros for no ports. */
static void copy_input(
	struct chunk *chunk, unsigned index, const uint8_t *bytes, const struct headers *headers)
{
	const bool ipv6 = headers->ether_type == RTE_ETHER_TYPE_IPV6;
	const unsigned addresses_bytes = ipv6 ? 32 : 8;
	uint8_t *copy = chunk->copies[index] + 4;

	memcpy(copy, bytes + headers->l3_offset + (ipv6 ? 8 : 12), addresses_bytes);
	if (has_ports(headers))
		memcpy(copy + addresses_bytes, bytes + headers->l4_offset, 4);
	else
		memset(copy + addresses_bytes, 0, 4);
	add_input(ipv6 ? &chunk->ipv6 : &chunk->ipv4, index, copy);
}

/* Any packet. The bytes of its headers, in one piece, are at the pointer returned: in the packet
 * or in `buffer`. */
static const uint8_t *parse_any(
	struct rte_mbuf *packet, uint8_t buffer[PARSE_MAX_BYTES], struct headers *ret_headers)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(packet, const uint8_t *);
	uint32_t length = packet->data_len;

	if (length < PARSE_MAX_BYTES && packet->nb_segs > 1) {
		length = packet->pkt_len < PARSE_MAX_BYTES ? packet->pkt_len : PARSE_MAX_BYTES;
		bytes = rte_pktmbuf_read(packet, 0, length, buffer);
	}
	parse_headers(bytes, length, ret_headers);
	packet->packet_type = ret_headers->packet_type;
	set_lengths(packet, ret_headers->l3_offset, ret_headers->l3_length, ret_headers->l4_length);
	return bytes;
}

static __attribute__((noinline)) void receive_any(
	struct chunk *chunk, unsigned index, bool want_hash)
{
	struct rte_mbuf *packet = chunk->packets[index];
	uint8_t buffer[PARSE_MAX_BYTES];
	struct headers headers;
	const uint8_t *bytes = parse_any(packet, buffer, &headers);

	if (!want_hash)
		return;
	if (headers.l3_length != 0) {
		copy_input(chunk, index, bytes, &headers);
		return;
	}
	chunk->hashes[index] = 0;
	packet->hash.rss = 0;
	packet->ol_flags &= ~RTE_MBUF_F_RX_RSS_HASH;
}

static inline __attribute__((always_inline)) void receive_one(
	struct chunk *chunk, unsigned index, bool hash, bool keep_nic_hash)
{
	struct rte_mbuf *packet = chunk->packets[index];
	const uint8_t *bytes = rte_pktmbuf_mtod(packet, const uint8_t *);
	bool want_hash = hash;
	struct fast_headers headers;

	if (keep_nic_hash && (packet->ol_flags & RTE_MBUF_F_RX_RSS_HASH)) {
		chunk->hashes[index] = packet->hash.rss;
		want_hash = false;
	}
	if (unlikely(!parse_fast(bytes, packet->data_len, &headers))) {
		receive_any(chunk, index, want_hash);
		return;
	}
	packet->packet_type = headers.packet_type;
	set_lengths(packet, headers.l2_length, headers.l3_length, headers.l4_length);
	if (!want_hash)
		return;
	if (headers.l3_length == 20)
		add_input(&chunk->ipv4, index, bytes + headers.l2_length + 12);
	else
		add_input(&chunk->ipv6, index, bytes + headers.l2_length + 8);
}

static inline void put_hashes(
	struct chunk *chunk, const struct inputs *inputs, const uint32_t hashes[])
{
	for (unsigned i = 0; i < inputs->count; i++) {
		struct rte_mbuf *packet = chunk->packets[inputs->packets[i]];

		chunk->hashes[inputs->packets[i]] = hashes[i];
		packet->hash.rss = hashes[i];
		packet->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	}
}

/* `hash` and `keep_nic_hash` are constants in the callers below. */
static inline __attribute__((always_inline)) void parse_chunk(
	struct chunk *chunk, unsigned count, bool hash, bool keep_nic_hash)
{
	chunk->ipv4.count = chunk->ipv6.count = 0;
	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(chunk->packets[i + PREFETCH_AHEAD], void *));
		receive_one(chunk, i, hash, keep_nic_hash);
	}
}

static inline void hash_chunk(const struct toeplitz_key *key, struct chunk *chunk)
{
	uint32_t hashes[CHUNK];

	if (chunk->ipv4.count > 0) {
		toeplitz_hash_ipv4(key, chunk->ipv4.bytes, chunk->ipv4.count, hashes);
		put_hashes(chunk, &chunk->ipv4, hashes);
	}
	if (chunk->ipv6.count > 0) {
		toeplitz_hash_ipv6(key, chunk->ipv6.bytes, chunk->ipv6.count, hashes);
		put_hashes(chunk, &chunk->ipv6, hashes);
	}
}

void receive_parse(struct rte_mbuf *const packets[], unsigned count)
{
	struct chunk chunk;

	for (unsigned done = 0; done < count; done += CHUNK) {
		chunk.packets = packets + done;
		parse_chunk(&chunk, RTE_MIN(count - done, (unsigned)CHUNK), false, false);
	}
}

void receive_parse_hash(const struct toeplitz_key *key, bool keep_nic_hash,
	struct rte_mbuf *const packets[], unsigned count, uint32_t hashes[])
{
	struct chunk chunk;

	for (unsigned done = 0; done < count; done += CHUNK) {
		unsigned part = RTE_MIN(count - done, (unsigned)CHUNK);

		chunk.packets = packets + done;
		chunk.hashes = hashes + done;
		if (keep_nic_hash)
			parse_chunk(&chunk, part, true, true);
		else
			parse_chunk(&chunk, part, true, false);
		hash_chunk(key, &chunk);
	}
}
