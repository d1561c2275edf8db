/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum: RFC 1071 (sum), RFC 1624 (incremental update), RFC 768 and RFC 8200
 * section 8.1 (pseudo headers, UDP's zero).
 *
 * Sums and checksums are in the byte order of the packet: 16-bit words are added as they lie in
 * memory, so a result is stored into the header as it is, on any machine. A "sum" is 32 bits wide
 * and not yet folded or inverted; a "checksum" is what the header field holds.
 *
 * Any bytes, any alignment, any length. Pure; any thread.
 */
#ifndef WEIR_PACKET_CHECKSUM_H
#define WEIR_PACKET_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Adds `length` bytes to `sum`. An odd last byte counts as if a zero followed it. Runs the fastest
 * variant the CPU has; they may differ in the 32 bits, but not in what checksum_fold() makes of
 * them. */
uint32_t checksum_partial(const void *bytes, uint32_t length, uint32_t sum);

/* Adds two sums with end-around carry. */
static inline uint32_t checksum_add(uint32_t sum, uint32_t other)
{
	sum += other;
	return sum + (sum < other);
}

/* A folded sum: 16 bits, not inverted. */
static inline uint16_t checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Continues `sum`, which covers `offset` bytes, with `part`, the sum of the bytes that follow
 * (partial of 0). After an odd number of bytes the halves of each word have changed places. */
static inline uint32_t checksum_append(uint32_t sum, uint32_t part, uint32_t offset)
{
	if (offset & 1)
		part = __builtin_bswap16(checksum_fold(part));
	return checksum_add(sum, part);
}

/* What a header field holds for `sum`. */
static inline uint16_t checksum_finish(uint32_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

/* UDP's field: 0 there means "none", so a computed 0 is sent as 0xffff (RFC 768). */
static inline uint16_t checksum_finish_udp(uint32_t sum)
{
	uint16_t checksum = checksum_finish(sum);

	return checksum != 0 ? checksum : 0xffff;
}

/* The change when a word goes from `before` to `after`: add up the changes of all words, then
 * checksum_update(). 32-bit values as they lie in memory, at an even offset of what is summed. */
static inline uint32_t checksum_change16(uint16_t before, uint16_t after)
{
	return (uint32_t)(uint16_t)~before + after;
}

static inline uint32_t checksum_change32(uint32_t before, uint32_t after)
{
	return checksum_add(~before, after);
}

/* RFC 1624 equation 3. A checksum that was wrong stays wrong by the same difference. */
static inline uint16_t checksum_update(uint16_t checksum, uint32_t change)
{
	return checksum_finish(checksum_add((uint16_t)~checksum, change));
}

/* For UDP: no checksum stays no checksum, and a new 0 becomes 0xffff. */
static inline uint16_t checksum_update_udp(uint16_t checksum, uint32_t change)
{
	if (checksum == 0)
		return 0;
	checksum = checksum_update(checksum, change);
	return checksum != 0 ? checksum : 0xffff;
}

/* Sum of a 20-byte IPv4 header, options apart. */
static inline uint32_t checksum_ipv4_fixed(const void *header)
{
	uint64_t first, second;
	uint32_t third;

	memcpy(&first, header, 8);
	memcpy(&second, (const char *)header + 8, 8);
	memcpy(&third, (const char *)header + 16, 4);
	first += second;
	first += first < second;
	first = (first & 0xffffffff) + (first >> 32) + third;
	return checksum_add((uint32_t)first, (uint32_t)(first >> 32));
}

/* The checksum of an IPv4 header of `length` bytes (a multiple of 4, at least 20) whose checksum
 * field is 0; over a header as received, 0 when it is right. */
static inline uint16_t checksum_ipv4_header(const void *header, uint32_t length)
{
	uint32_t sum = checksum_ipv4_fixed(header);

	if (length > 20)
		sum = checksum_partial((const char *)header + 20, length - 20, sum);
	return checksum_finish(sum);
}

/* Sums of the pseudo headers. `l4_length`: bytes of layer 4 header and payload. `protocol`: of the
 * layer 4 header. The addresses are those of the header: with an IPv6 routing header that still
 * has segments left the caller has to exchange the destination. */
uint32_t checksum_pseudo_ipv4(const void *ipv4_header, uint8_t protocol, uint32_t l4_length);
uint32_t checksum_pseudo_ipv6(const void *ipv6_header, uint8_t protocol, uint32_t l4_length);

/* The checksum of a layer 4 packet of TCP, UDP (never 0), ICMP (no pseudo header) or ICMPv6, whose
 * checksum field is 0. All of it must be readable at `l4`; for segmented packets put partial,
 * append and pseudo together. */
uint16_t checksum_l4_ipv4(
	const void *ipv4_header, uint8_t protocol, const void *l4, uint32_t l4_length);
uint16_t checksum_l4_ipv6(
	const void *ipv6_header, uint8_t protocol, const void *l4, uint32_t l4_length);

/* Whether a packet as received carries the right checksum. UDP's 0 ("none") counts as right over
 * IPv4 and as wrong over IPv6 (RFC 8200; tunnels that use RFC 6935 have to say so). */
bool checksum_l4_ipv4_valid(
	const void *ipv4_header, uint8_t protocol, const void *l4, uint32_t l4_length);
bool checksum_l4_ipv6_valid(
	const void *ipv6_header, uint8_t protocol, const void *l4, uint32_t l4_length);

/* The variants of checksum_partial(), scalar (the oracle) first, for tests and benchmarks. */
struct checksum_variant {
	const char *name;
	uint32_t (*partial)(const void *bytes, uint32_t length, uint32_t sum);
	bool (*supported)(void); /* by this CPU */
};

enum { CHECKSUM_VARIANT_COUNT = 4 };
extern const struct checksum_variant checksum_variants[CHECKSUM_VARIANT_COUNT];

#endif
