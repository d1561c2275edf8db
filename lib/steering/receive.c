/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two passes over a few packets at a time: parse each and note where the bytes to hash stand, then
 * hash all short (12 bytes, IPv4) and all long inputs (36) together. Those of ordinary packets
 * under ordinary rules are hashed where they stand in the packet: addresses and ports are
 * neighbours there when the IP header has no options. Others are put together in a copy.
 */
#include "steering/receive.h"

#include <string.h>

#include "packet/parse.h"
#include "packet/parse_fast.h"
#include "packet/parse_inner.h"

enum { VLAN_ID_MASK = 0xfff, ETHER_BYTES = 14 };
enum { CHUNK = 32, PREFETCH_AHEAD = 6 };

/* Of one length: inputs to hash, and which packets of the chunk they are. */
struct inputs {
	unsigned count;
	uint8_t packets[CHUNK];
	const uint8_t *bytes[CHUNK];
};

struct chunk {
	struct rte_mbuf *const *packets;
	uint32_t *hashes;
	const struct rss_rules *rules;
	struct inputs ipv4, ipv6; /* short and long */
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
	uint64_t segment_bytes = 0;

	/* A kernel interface gives super-packets (segmentation/super_packet.h). */
	if (unlikely(packet->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)))
		segment_bytes = packet->tso_segsz;
	packet->tx_offload = rte_mbuf_tx_offload(l2, l3, l4, segment_bytes, 0, 0, 0);
}

/* Layer 4 of a packet that is not a fragment: its type, for IPv4, and the bytes that f and n are.
 */
static enum rss_type type_of_l4(
	const uint8_t *bytes, const struct headers *headers, const uint8_t **ret_l4)
{
	const uint32_t l4 = headers->packet_type & RTE_PTYPE_L4_MASK;

	*ret_l4 = headers->spi_offset != 0 ? bytes + headers->spi_offset : NULL;
	if (headers->authenticated)
		return RSS_TYPE_AH4;
	if (headers->spi_offset != 0)
		return RSS_TYPE_ESP4;
	if (headers->l4_offset == 0 ||
		(l4 != RTE_PTYPE_L4_TCP && l4 != RTE_PTYPE_L4_UDP && l4 != RTE_PTYPE_L4_SCTP))
		return RSS_TYPE_IP4;
	*ret_l4 = bytes + headers->l4_offset;
	return l4 == RTE_PTYPE_L4_TCP	 ? RSS_TYPE_TCP4
		: l4 == RTE_PTYPE_L4_UDP ? RSS_TYPE_UDP4
					 : RSS_TYPE_SCTP4;
}

/* What of a packet of any shape may be hashed. A packet without Ethernet (of a tunnel) has layer 3
 * at 0. */
static struct rss_packet describe(const uint8_t *bytes, const struct headers *headers)
{
	const bool ipv6 = headers->ether_type == RTE_ETHER_TYPE_IPV6;
	struct rss_packet described = {
		.type = RSS_TYPE_ETHER,
		.mac = headers->l3_offset != 0 ? bytes : NULL,
		.vlan = headers->vlan,
		.protocol = headers->ether_type,
	};

	if (headers->l3_length == 0)
		return described;
	described.addresses = bytes + headers->l3_offset + (ipv6 ? 8 : 12);
	described.protocol = headers->ip_protocol;
	described.type = RSS_TYPE_IP4;
	if (headers->fragment)
		described.fragment = true;
	else
		described.type = type_of_l4(bytes, headers, &described.l4);
	if (ipv6)
		described.type += RSS_TYPE_TCP6 - RSS_TYPE_TCP4;
	return described;
}

static void no_hash(struct chunk *chunk, unsigned index)
{
	chunk->hashes[index] = 0;
	chunk->packets[index]->hash.rss = 0;
	chunk->packets[index]->ol_flags &= ~RTE_MBUF_F_RX_RSS_HASH;
}

static void add_copy(struct chunk *chunk, unsigned index, const struct rss_packet *described)
{
	uint8_t *copy = chunk->copies[index] + 4;
	unsigned bytes = rss_compose(chunk->rules, described, copy);

	if (bytes == 0)
		no_hash(chunk, index);
	else
		add_input(bytes == TOEPLITZ_IPV4_BYTES ? &chunk->ipv4 : &chunk->ipv6, index, copy);
}

/* Some drivers put the tag beside the packet. */
static uint16_t outermost_vlan(const struct rte_mbuf *packet, uint16_t in_packet)
{
	return packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED ? packet->vlan_tci & VLAN_ID_MASK
							      : in_packet;
}

/* The first `limit` bytes of a packet in one piece, or all it has: where they stand, or, when they
 * lie in several segments, in `buffer`. */
static const uint8_t *first_bytes(
	const struct rte_mbuf *packet, uint32_t limit, uint8_t *buffer, uint32_t *ret_length)
{
	*ret_length = packet->data_len;
	if (packet->data_len >= limit || packet->nb_segs == 1)
		return rte_pktmbuf_mtod(packet, const uint8_t *);
	*ret_length = packet->pkt_len < limit ? packet->pkt_len : limit;
	return rte_pktmbuf_read(packet, 0, *ret_length, buffer);
}

/* false: not a tunnel with IP inside. */
static __attribute__((noinline)) bool add_inner(
	struct chunk *chunk, unsigned index, const struct headers *outer)
{
	uint8_t buffer[PARSE_INNER_MAX_BYTES];
	struct rss_packet described;
	struct headers inner;
	uint32_t length;
	const uint8_t *bytes =
		first_bytes(chunk->packets[index], PARSE_INNER_MAX_BYTES, buffer, &length);
	uint32_t start = parse_inner(bytes, length, outer, &inner);

	if (start == 0 || inner.l3_length == 0)
		return false;
	described = describe(bytes + start, &inner);
	add_copy(chunk, index, &described);
	return true;
}

/* Any packet. The bytes of its headers, in one piece, are at the pointer returned: in the packet
 * or in `buffer`. */
static const uint8_t *parse_any(
	struct rte_mbuf *packet, uint8_t buffer[PARSE_MAX_BYTES], struct headers *ret_headers)
{
	uint32_t length;
	const uint8_t *bytes = first_bytes(packet, PARSE_MAX_BYTES, buffer, &length);

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
	struct rss_packet described;
	struct headers headers;
	const uint8_t *bytes = parse_any(packet, buffer, &headers);

	if (!want_hash)
		return;
	if (chunk->rules->inner && (headers.packet_type & RTE_PTYPE_TUNNEL_MASK) &&
		add_inner(chunk, index, &headers))
		return;
	described = describe(bytes, &headers);
	described.vlan = outermost_vlan(packet, headers.vlan);
	add_copy(chunk, index, &described);
}

/* A packet that the fast path parsed, under rules that are not ordinary. */
static void receive_by_rules(
	struct chunk *chunk, unsigned index, const struct fast_headers *headers)
{
	const struct rte_mbuf *packet = chunk->packets[index];
	const uint8_t *bytes = rte_pktmbuf_mtod(packet, const uint8_t *);
	const bool tcp = (headers->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP;
	const bool ipv6 = headers->l3_length != 20;
	const bool tag = headers->l2_length > ETHER_BYTES;
	struct rss_packet described = {
		.addresses = bytes + headers->l2_length + (ipv6 ? 8 : 12),
		.l4 = bytes + headers->l2_length + headers->l3_length,
		.mac = bytes,
		.vlan = outermost_vlan(
			packet, tag ? load_be16(bytes + ETHER_BYTES) & VLAN_ID_MASK : 0),
		.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
	};

	if (ipv6)
		described.type = tcp ? RSS_TYPE_TCP6 : RSS_TYPE_UDP6;
	else
		described.type = tcp ? RSS_TYPE_TCP4 : RSS_TYPE_UDP4;
	add_copy(chunk, index, &described);
}

static inline __attribute__((always_inline)) void receive_one(
	struct chunk *chunk, unsigned index, bool hash, bool keep_nic_hash, bool ordinary)
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
	if (!ordinary)
		receive_by_rules(chunk, index, &headers);
	else if (headers.l3_length == 20)
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

/* The last three are constants in the callers below. */
static inline __attribute__((always_inline)) void parse_chunk(
	struct chunk *chunk, unsigned count, bool hash, bool keep_nic_hash, bool ordinary)
{
	chunk->ipv4.count = chunk->ipv6.count = 0;
	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(chunk->packets[i + PREFETCH_AHEAD], void *));
		receive_one(chunk, i, hash, keep_nic_hash, ordinary);
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
		parse_chunk(&chunk, RTE_MIN(count - done, (unsigned)CHUNK), false, false, true);
	}
}

static void parse_by_rules(struct chunk *chunk, unsigned count, bool keep_nic_hash)
{
	if (!chunk->rules->ordinary)
		parse_chunk(chunk, count, true, keep_nic_hash, false);
	else if (keep_nic_hash)
		parse_chunk(chunk, count, true, true, true);
	else
		parse_chunk(chunk, count, true, false, true);
}

void receive_parse_rss(const struct rss_hash *hash, bool keep_nic_hash,
	struct rte_mbuf *const packets[], unsigned count, uint32_t hashes[])
{
	struct chunk chunk;

	chunk.rules = &hash->rules;
	for (unsigned done = 0; done < count; done += CHUNK) {
		unsigned part = RTE_MIN(count - done, (unsigned)CHUNK);

		chunk.packets = packets + done;
		chunk.hashes = hashes + done;
		parse_by_rules(&chunk, part, keep_nic_hash);
		hash_chunk(&hash->key, &chunk);
	}
}
