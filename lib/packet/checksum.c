/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/checksum.h"

#include <netinet/in.h>

#include "packet/checksum_simd.h"

enum { SIMD_LENGTH_MIN = 64 }; /* below this, setting vectors up costs more than it saves */
enum { UDP_CHECKSUM_OFFSET = 6 };

static uint32_t partial_scalar(const void *bytes, uint32_t length, uint32_t sum)
{
	const uint8_t *at = bytes;
	uint64_t wide = sum;
	uint32_t word;

	/* 2^30 words of 32 bits cannot overflow 64. */
	for (; length >= 4; length -= 4, at += 4) {
		memcpy(&word, at, 4);
		wide += word;
	}
	return checksum_narrow(wide + checksum_tail(at, length));
}

static bool always(void)
{
	return true;
}

static bool has_avx2(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

static bool has_vnni(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

const struct checksum_variant checksum_variants[CHECKSUM_VARIANT_COUNT] = {
	{"scalar", partial_scalar, always},
	{"avx2", checksum_partial_avx2, has_avx2},
	{"avx512", checksum_partial_avx512, has_avx512},
	{"avx512-vnni", checksum_partial_vnni, has_vnni},
};

static uint32_t partial_choose(const void *bytes, uint32_t length, uint32_t sum);

/* Written once by whichever thread comes first; all of them write the same, so relaxed will do. */
static uint32_t (*partial_best)(const void *bytes, uint32_t length, uint32_t sum) = partial_choose;

static uint32_t partial_choose(const void *bytes, uint32_t length, uint32_t sum)
{
	int i = CHECKSUM_VARIANT_COUNT - 1;

	while (!checksum_variants[i].supported())
		i--;
	__atomic_store_n(&partial_best, checksum_variants[i].partial, __ATOMIC_RELAXED);
	return checksum_variants[i].partial(bytes, length, sum);
}

uint32_t checksum_partial(const void *bytes, uint32_t length, uint32_t sum)
{
	if (length < SIMD_LENGTH_MIN)
		return partial_scalar(bytes, length, sum);
	return __atomic_load_n(&partial_best, __ATOMIC_RELAXED)(bytes, length, sum);
}

uint32_t checksum_pseudo_ipv4(const void *ipv4_header, uint8_t protocol, uint32_t l4_length)
{
	uint32_t addresses[2];
	uint64_t sum;

	memcpy(addresses, (const char *)ipv4_header + 12, sizeof(addresses));
	sum = (uint64_t)addresses[0] + addresses[1] + htons(protocol) + htons((uint16_t)l4_length);
	return checksum_narrow(sum);
}

uint32_t checksum_pseudo_ipv6(const void *ipv6_header, uint8_t protocol, uint32_t l4_length)
{
	uint32_t words[8];
	uint64_t sum = (uint64_t)htonl(l4_length) + htonl(protocol);

	memcpy(words, (const char *)ipv6_header + 8, sizeof(words));
	for (int i = 0; i < 8; i++)
		sum += words[i];
	return checksum_narrow(sum);
}

static uint32_t l4_ipv4_sum(
	const void *ipv4_header, uint8_t protocol, const void *l4, uint32_t l4_length)
{
	uint32_t pseudo = 0;

	if (protocol != IPPROTO_ICMP)
		pseudo = checksum_pseudo_ipv4(ipv4_header, protocol, l4_length);
	return checksum_partial(l4, l4_length, pseudo);
}

static uint32_t l4_ipv6_sum(
	const void *ipv6_header, uint8_t protocol, const void *l4, uint32_t l4_length)
{
	return checksum_partial(
		l4, l4_length, checksum_pseudo_ipv6(ipv6_header, protocol, l4_length));
}

static uint16_t l4_finish(uint32_t sum, uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? checksum_finish_udp(sum) : checksum_finish(sum);
}

uint16_t checksum_l4_ipv4(
	const void *ipv4_header, uint8_t protocol, const void *l4, uint32_t l4_length)
{
	return l4_finish(l4_ipv4_sum(ipv4_header, protocol, l4, l4_length), protocol);
}

uint16_t checksum_l4_ipv6(
	const void *ipv6_header, uint8_t protocol, const void *l4, uint32_t l4_length)
{
	return l4_finish(l4_ipv6_sum(ipv6_header, protocol, l4, l4_length), protocol);
}

static bool udp_without_checksum(uint8_t protocol, const void *l4, uint32_t l4_length)
{
	uint16_t checksum;

	if (protocol != IPPROTO_UDP || l4_length < UDP_CHECKSUM_OFFSET + 2)
		return false;
	memcpy(&checksum, (const char *)l4 + UDP_CHECKSUM_OFFSET, 2);
	return checksum == 0;
}

bool checksum_l4_ipv4_valid(
	const void *ipv4_header, uint8_t protocol, const void *l4, uint32_t l4_length)
{
	if (udp_without_checksum(protocol, l4, l4_length))
		return true;
	return checksum_finish(l4_ipv4_sum(ipv4_header, protocol, l4, l4_length)) == 0;
}

bool checksum_l4_ipv6_valid(
	const void *ipv6_header, uint8_t protocol, const void *l4, uint32_t l4_length)
{
	if (udp_without_checksum(protocol, l4, l4_length))
		return false;
	return checksum_finish(l4_ipv6_sum(ipv6_header, protocol, l4, l4_length)) == 0;
}
