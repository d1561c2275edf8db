/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets for the laws of segmentation: a few flows that differ in little, in plain Ethernet, VLANs
 * and tunnels, each counting on as a sender would; and mutations of everything that a rule of
 * merging looks at. The same seed makes the same packets.
 */
#ifndef WEIR_SEGMENTS_GENERATOR_H
#define WEIR_SEGMENTS_GENERATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { SEGMENT_BYTES_MAX = 2000, GENERATOR_FLOWS_MAX = 32, GENERATOR_HEADERS_MAX = 256 };

struct segment {
	uint32_t length;
	uint8_t pieces; /* buffers it is to be put in */
	bool stripped; /* the device took a tag out of it */
	bool partial; /* the device says that its checksum is still to be made */
	bool trusted; /* the device found its checksums right, which they are */
	uint16_t tag;
	uint8_t bytes[SEGMENT_BYTES_MAX];
};

/* What a flow's packets are made of. */
struct segment_spec {
	uint8_t mac, tags, tunnel, outer_ipv6, outer_addresses, key, outer_checksum, inner_tags;
	uint8_t ipv6, ipv4_options, extension, addresses, ports, protocol, tcp_options, stripped;
};

struct segment_made { /* its headers, and where in them */
	uint8_t headers[GENERATOR_HEADERS_MAX];
	uint8_t header_bytes, outer_ip, outer_udp, ip, l4;
	bool tcp, udp, ipv6, outer_ipv6;
};

struct generator_flow {
	struct segment_spec spec;
	struct segment_made made;
	uint32_t sequence;
	uint16_t id, outer_id, id_step, outer_id_step;
	uint16_t segment_bytes;
};

struct generator {
	uint64_t random;
	unsigned flows, current;
	unsigned mutate_one_in, stay_one_in; /* one packet in so many is mutated; changes flow */
	bool tunnels, large; /* segments of some 1448 bytes */
	bool wrong_checksums;
	struct generator_flow flow[GENERATOR_FLOWS_MAX];
};

void generator_init(struct generator *generator, uint64_t seed, bool wrong_checksums);
void generator_next(struct generator *generator, struct segment *ret_segment);

/* splitmix64 */
static inline uint64_t generator_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Ones' complement sum of 16-bit words as they stand in memory, RFC 1071, folded. */
static inline uint16_t plain_sum(const uint8_t *bytes, uint32_t length, uint64_t sum)
{
	uint32_t word;
	uint16_t last;

	for (; length >= 4; bytes += 4, length -= 4) {
		memcpy(&word, bytes, 4);
		sum += word;
	}
	if (length >= 2) {
		memcpy(&last, bytes, 2);
		sum += last;
		bytes += 2;
		length -= 2;
	}
	if (length > 0)
		sum += bytes[0];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of addresses, protocol and length. */
static inline uint16_t plain_pseudo_sum(
	const uint8_t *ip, bool ipv6, uint8_t protocol, uint32_t l4_bytes)
{
	const uint8_t tail[8] = {(uint8_t)(l4_bytes >> 24), (uint8_t)(l4_bytes >> 16),
		(uint8_t)(l4_bytes >> 8), (uint8_t)l4_bytes, 0, 0, 0, protocol};
	uint16_t addresses = ipv6 ? plain_sum(ip + 8, 32, 0) : plain_sum(ip + 12, 8, 0);

	return plain_sum(tail, 8, addresses);
}

#endif
