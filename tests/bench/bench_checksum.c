/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums in software against DPDK's: the Internet checksum of a TCP segment with its pseudo
 * header, each variant that the CPU has, and CRC32c. Bytes are in L1 and begin where those behind
 * Ethernet, IPv4 and TCP headers do. Then whole packets, verified as they are received.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "base/clock.h"
#include "packet/checksum.h"
#include "packet/crc32c.h"
#include "segmentation/packet_checksum.h"
#include "steering/receive.h"

enum {
	ROUNDS = 31,
	CALLS = 320,
	WARM_UP_CYCLES = 100000,
	BURST = 32,
	BYTES_MAX = 9216,
	HEADROOM = 128,
	L4_AT = 34
};

static uint8_t memory[BURST][HEADROOM + BYTES_MAX] __attribute__((aligned(64)));
static struct rte_mbuf mbufs[BURST], *packets[BURST];
static uint32_t l4_bytes;
static const struct checksum_variant *checksum; /* NULL: the one that is chosen */
static const struct crc32c_variant *crc;
static volatile uint32_t sink;

/* ---- what is measured: one call ---- */

static uint8_t *ip_of(unsigned packet)
{
	return memory[packet] + HEADROOM + 14;
}

static void weir_l4(unsigned call)
{
	const uint8_t *ip = ip_of(0), *l4 = ip + 20;

	(void)call;
	sink = checksum == NULL ? checksum_l4_ipv4(ip, IPPROTO_TCP, l4, l4_bytes)
				: checksum_finish(checksum->partial(l4, l4_bytes,
					  checksum_pseudo_ipv4(ip, IPPROTO_TCP, l4_bytes)));
}

static void dpdk_l4(unsigned call)
{
	const uint8_t *ip = ip_of(0);

	(void)call;
	sink = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(const void *)ip, ip + 20);
}

static void weir_crc(unsigned call)
{
	(void)call;
	sink = crc == NULL ? crc32c_partial(ip_of(0) + 20, l4_bytes, CRC32C_START)
			   : crc->partial(ip_of(0) + 20, l4_bytes, CRC32C_START);
}

static void dpdk_crc(unsigned call)
{
	(void)call;
	sink = rte_hash_crc(ip_of(0) + 20, l4_bytes, CRC32C_START);
}

/* One of each burst does the work of all. */
static void weir_verify(unsigned call)
{
	if (call % BURST != 0)
		return;
	for (unsigned i = 0; i < BURST; i++)
		packets[i]->ol_flags = 0;
	sink = packet_checksum_verify(packets, BURST);
}

static void dpdk_verify(unsigned call)
{
	const uint8_t *ip = ip_of(call % BURST);

	sink = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(const void *)ip);
	sink = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(const void *)ip, ip + 20);
}

/* ---- measuring ---- */

/* What came before may have left the widest vector units asleep; waking them takes some 10 us. */
static void warm_up(void (*function)(unsigned call))
{
	uint64_t start = tsc_now();

	for (unsigned call = 0; tsc_now() - start < WARM_UP_CYCLES; call++)
		function(call);
}

static double cycles(void (*function)(unsigned call))
{
	uint64_t start;

	warm_up(function);
	start = tsc_now();
	for (unsigned call = 0; call < CALLS; call++)
		function(call);
	return (double)(tsc_now() - start) / CALLS;
}

static int compare_doubles(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static void packets_make(uint32_t bytes)
{
	l4_bytes = bytes;
	for (unsigned i = 0; i < BURST; i++) {
		uint8_t *frame = memory[i] + HEADROOM, *ip = frame + 14;
		uint16_t sum;

		for (unsigned b = 0; b < L4_AT + bytes; b++)
			frame[b] = (uint8_t)rand();
		memcpy(frame + 12, "\x08\x00\x45", 3);
		ip[2] = (uint8_t)((20 + bytes) >> 8);
		ip[3] = (uint8_t)(20 + bytes);
		ip[6] = ip[7] = 0;
		ip[9] = IPPROTO_TCP;
		memset(ip + 10, 0, 2);
		ip[20 + 12] = 0x50;
		memset(ip + 20 + 16, 0, 2);
		sum = checksum_ipv4_header(ip, 20);
		memcpy(ip + 10, &sum, 2);
		sum = checksum_l4_ipv4(ip, IPPROTO_TCP, ip + 20, bytes);
		memcpy(ip + 20 + 16, &sum, 2);
		mbufs[i] = (struct rte_mbuf){.buf_addr = memory[i],
			.data_off = HEADROOM,
			.nb_segs = 1,
			.data_len = (uint16_t)(L4_AT + bytes),
			.pkt_len = L4_AT + bytes};
		packets[i] = &mbufs[i];
	}
	receive_parse(packets, BURST);
	if (packet_checksum_verify(packets, BURST) != 0)
		abort();
}

static void run(const char *name, void (*weir)(unsigned call), const char *peer_name,
	void (*peer)(unsigned call), const char *goal, bool json)
{
	static bool more;
	double ours[ROUNDS], theirs[ROUNDS], ratios[ROUNDS];

	for (unsigned round = 0; round < ROUNDS; round++) {
		ours[round] = cycles(weir);
		theirs[round] = cycles(peer);
		ratios[round] = theirs[round] / ours[round];
	}
	qsort(ours, ROUNDS, sizeof(double), compare_doubles);
	qsort(theirs, ROUNDS, sizeof(double), compare_doubles);
	qsort(ratios, ROUNDS, sizeof(double), compare_doubles);
	if (json)
		printf("%s{\"case\":\"%s\",\"weir\":%.2f,\"weir_min\":%.2f,\"weir_max\":%.2f,"
		       "\"peer\":\"%s\",\"peer_value\":%.2f,\"ratio\":%.2f,\"ratio_min\":%.2f,"
		       "\"ratio_max\":%.2f,\"unit\":\"cycles\",\"goal\":\"%s\"}",
			more ? "," : "", name, ours[ROUNDS / 2], ours[0], ours[ROUNDS - 1],
			peer_name, theirs[ROUNDS / 2], ratios[ROUNDS / 2], ratios[0],
			ratios[ROUNDS - 1], goal);
	else
		printf("%-44s %7.1f [%6.1f-%7.1f]  %-24s %7.1f %5.1fx  %s\n", name,
			ours[ROUNDS / 2], ours[0], ours[ROUNDS - 1], peer_name, theirs[ROUNDS / 2],
			ratios[ROUNDS / 2], goal);
	more = true;
}

static void run_size(uint32_t bytes, bool json)
{
	const char *goal = bytes == 1460 ? ">= 4 x" : "";
	char name[64];

	packets_make(bytes);
	checksum = NULL;
	snprintf(name, sizeof(name), "L4 checksum, %u B", bytes);
	run(name, weir_l4, "rte_ipv4_udptcp_cksum", dpdk_l4, goal, json);
	for (int i = 0; i < CHECKSUM_VARIANT_COUNT; i++) {
		checksum = &checksum_variants[i];
		if (!checksum->supported())
			continue;
		snprintf(name, sizeof(name), "L4 checksum, %u B, %s", bytes, checksum->name);
		run(name, weir_l4, "rte_ipv4_udptcp_cksum", dpdk_l4, "", json);
	}
	crc = NULL;
	snprintf(name, sizeof(name), "CRC32c, %u B", bytes);
	run(name, weir_crc, "rte_hash_crc", dpdk_crc, "", json);
	for (int i = 0; i < CRC32C_VARIANT_COUNT; i++) {
		crc = &crc32c_variants[i];
		if (!crc->supported())
			continue;
		snprintf(name, sizeof(name), "CRC32c, %u B, %s", bytes, crc->name);
		run(name, weir_crc, "rte_hash_crc", dpdk_crc, "", json);
	}
	snprintf(name, sizeof(name), "received packet verified, %u B of TCP", bytes);
	run(name, weir_verify, "rte_ipv4_cksum + udptcp", dpdk_verify, "", json);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {64, 1460, 9000};
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

	if (json)
		printf("{\"name\":\"checksum\",\"rows\":[");
	else
		printf("cycles: median [min-max] of %d alternations\n", ROUNDS);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		run_size(sizes[i], json);
	if (json)
		printf("]}\n");
	return EXIT_SUCCESS;
}
