/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles a packet of hashing and of the whole receive step (headers + hash + RETA), next to DPDK's
 * scalar Toeplitz over the same inputs. Each case alternates with its peer, so that a change of the
 * machine's mood hits both; medians are of the alternations.
 *
 *     bench_steering [--json]
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_thash.h>

#include "base/clock.h"
#include "steering/receive.h"
#include "steering/reta.h"
#include "steering/toeplitz.h"

enum { BURST = 32, PACKETS = 512, ROUNDS = 11, REPEATS = 40, BUFFER_BYTES = 2048 };
enum { HEADROOM = RTE_PKTMBUF_HEADROOM };

struct packet_memory { /* as a pool lays them out: the mbuf and its data are neighbours */
	struct rte_mbuf mbuf;
	uint8_t data[BUFFER_BYTES];
} __attribute__((aligned(64)));

static struct packet_memory *memory;
static struct rte_mbuf *packets[PACKETS];
static const uint8_t *inputs[PACKETS];
static uint32_t words[PACKETS][TOEPLITZ_INPUT_MAX / 4]; /* host order, as rte_softrss wants them */
static uint32_t hashes[PACKETS];
static uint8_t queues[PACKETS];
static uint32_t key_be[TOEPLITZ_KEY_BYTES / 4];
static struct rss_hash hash;
static struct reta reta;
static volatile uint32_t sink;

enum frames { FRAMES_TCP4, FRAMES_TCP6, FRAMES_UDP4_VLAN, FRAMES_MIX };

static void write_frame(unsigned index, enum frames frames)
{
	struct rte_mbuf *mbuf = packets[index];
	uint8_t *bytes = rte_pktmbuf_mtod(mbuf, uint8_t *), *ip;
	bool udp = frames == FRAMES_UDP4_VLAN;
	bool ipv6 = frames == FRAMES_TCP6;
	unsigned l2 = udp ? 18 : 14, l3 = ipv6 ? 40 : 20, l4 = udp ? 8 : 20, length = l2 + l3 + l4;

	memset(bytes, 0, 128);
	memcpy(bytes + 12,
		udp	       ? "\x81\x00\x00\x05\x08\x00"
			: ipv6 ? "\x86\xdd"
			       : "\x08\x00",
		udp ? 6 : 2);
	ip = bytes + l2;
	for (unsigned i = ipv6 ? 8 : 12; i < l3 + 4; i++)
		ip[i] = (uint8_t)rand();
	if (ipv6) {
		ip[0] = 0x60;
		ip[5] = (uint8_t)l4;
		ip[6] = IPPROTO_TCP;
	} else {
		ip[0] = 0x45;
		ip[3] = (uint8_t)(l3 + l4);
		ip[9] = udp ? IPPROTO_UDP : IPPROTO_TCP;
	}
	if (udp)
		ip[l3 + 2] = 0x80; /* no tunnel's port */
	else
		ip[l3 + 12] = 0x50;
	mbuf->data_len = (uint16_t)(length > 60 ? length : 60);
	mbuf->pkt_len = mbuf->data_len;
	inputs[index] = ip + (ipv6 ? 8 : 12);
	for (unsigned i = 0; i < (ipv6 ? 9u : 3u); i++) {
		memcpy(&words[index][i], inputs[index] + 4 * i, 4);
		words[index][i] = __builtin_bswap32(words[index][i]);
	}
}

static void write_frames(enum frames frames)
{
	for (unsigned i = 0; i < PACKETS; i++)
		write_frame(i, frames == FRAMES_MIX ? (enum frames)(rand() % 3) : frames);
}

/* ---- what is measured: one pass over all packets, burst by burst ---- */

static unsigned working_set; /* packets that a pass goes round and round over */

static void weir_toeplitz_ipv4(unsigned at)
{
	toeplitz_hash_ipv4(&hash.key, inputs + at, BURST, hashes);
}

static void weir_toeplitz_ipv6(unsigned at)
{
	toeplitz_hash_ipv6(&hash.key, inputs + at, BURST, hashes);
}

static void weir_receive(unsigned at)
{
	receive_parse_rss(&hash, false, packets + at, BURST, hashes);
	for (unsigned i = 0; i < BURST; i++)
		queues[i] = (uint8_t)reta_queue(&reta, hashes[i]);
}

static void weir_parse(unsigned at)
{
	receive_parse(packets + at, BURST);
}

static void softrss_be_12(unsigned at)
{
	for (unsigned i = 0; i < BURST; i++)
		hashes[i] = rte_softrss_be(words[at + i], 3, (const uint8_t *)key_be);
}

static void softrss_be_36(unsigned at)
{
	for (unsigned i = 0; i < BURST; i++)
		hashes[i] = rte_softrss_be(words[at + i], 9, (const uint8_t *)key_be);
}

static void softrss_12(unsigned at)
{
	for (unsigned i = 0; i < BURST; i++)
		hashes[i] = rte_softrss(words[at + i], 3, hash.key.bytes);
}

static void softrss_36(unsigned at)
{
	for (unsigned i = 0; i < BURST; i++)
		hashes[i] = rte_softrss(words[at + i], 9, hash.key.bytes);
}

/* Cycles a packet. */
static double measure(void (*pass)(unsigned at))
{
	uint64_t start = tsc_now();

	for (unsigned repeat = 0; repeat < REPEATS; repeat++) {
		for (unsigned at = 0; at < PACKETS; at += BURST) {
			pass(at % working_set);
			sink ^= hashes[0] ^ queues[BURST - 1];
		}
	}
	return (double)(tsc_now() - start) / (REPEATS * PACKETS);
}

struct samples {
	double values[ROUNDS];
};

static int compare_doubles(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static double median(struct samples *samples)
{
	qsort(samples->values, ROUNDS, sizeof(double), compare_doubles);
	return samples->values[ROUNDS / 2];
}

struct bench_case {
	const char *name;
	enum frames frames;
	unsigned working_set;
	void (*weir)(unsigned at);
	const char *peer_name;
	void (*peer)(unsigned at);
	const char *goal;
	const struct toeplitz_variant *variant; /* NULL: the fastest */
	enum rss_transform transform;
};

static void run_case(const struct bench_case *bench, bool json, bool first)
{
	struct samples weir, peer;
	double weir_median, peer_median;

	srand(1);
	write_frames(bench->frames);
	rss_hash_init(&hash, toeplitz_key_microsoft, NULL, bench->transform, false);
	toeplitz_key_init(&hash.key, toeplitz_key_microsoft, bench->variant);
	working_set = bench->working_set;
	measure(bench->weir);
	for (unsigned round = 0; round < ROUNDS; round++) {
		weir.values[round] = measure(bench->weir);
		peer.values[round] = measure(bench->peer);
	}
	weir_median = median(&weir);
	peer_median = median(&peer);
	if (json)
		printf("%s{\"case\":\"%s\",\"weir\":%.2f,\"weir_min\":%.2f,\"weir_max\":%.2f,"
		       "\"peer\":\"%s\",\"peer_value\":%.2f,\"ratio\":%.2f,"
		       "\"unit\":\"cycles/packet\",\"goal\":\"%s\"}",
			first ? "" : ",", bench->name, weir_median, weir.values[0],
			weir.values[ROUNDS - 1], bench->peer_name, peer_median,
			peer_median / weir_median, bench->goal);
	else
		printf("%-40s %7.1f [%5.1f-%6.1f]  %-18s %7.1f [%5.1f-%6.1f] %6.1fx  %s\n",
			bench->name, weir_median, weir.values[0], weir.values[ROUNDS - 1],
			bench->peer_name, peer_median, peer.values[0], peer.values[ROUNDS - 1],
			peer_median / weir_median, bench->goal);
}

static const struct bench_case cases[] = {
	{"toeplitz 12 B", FRAMES_TCP4, 32, weir_toeplitz_ipv4, "rte_softrss_be", softrss_be_12,
		">= 25x", NULL, RSS_TRANSFORM_NONE},
	{"toeplitz 12 B, against rte_softrss", FRAMES_TCP4, 32, weir_toeplitz_ipv4, "rte_softrss",
		softrss_12, "", NULL, RSS_TRANSFORM_NONE},
	{"toeplitz 36 B", FRAMES_TCP6, 32, weir_toeplitz_ipv6, "rte_softrss_be", softrss_be_36,
		">= 25x", NULL, RSS_TRANSFORM_NONE},
	{"toeplitz 36 B, against rte_softrss", FRAMES_TCP6, 32, weir_toeplitz_ipv6, "rte_softrss",
		softrss_36, "", NULL, RSS_TRANSFORM_NONE},
	{"parse+toeplitz+reta TCP/IPv4 (L1)", FRAMES_TCP4, 32, weir_receive, "rte_softrss_be",
		softrss_be_12, "<= 30 cycles", NULL, RSS_TRANSFORM_NONE},
	{"parse+toeplitz+reta TCP/IPv4 (L2)", FRAMES_TCP4, PACKETS, weir_receive, "rte_softrss_be",
		softrss_be_12, "<= 30 cycles", NULL, RSS_TRANSFORM_NONE},
	{"parse+toeplitz+reta TCP/IPv6 (L1)", FRAMES_TCP6, 32, weir_receive, "rte_softrss_be",
		softrss_be_36, "<= 45 cycles", NULL, RSS_TRANSFORM_NONE},
	{"parse+toeplitz+reta TCP/IPv6 (L2)", FRAMES_TCP6, PACKETS, weir_receive, "rte_softrss_be",
		softrss_be_36, "<= 45 cycles", NULL, RSS_TRANSFORM_NONE},
	{"parse+toeplitz+reta UDP/IPv4/VLAN (L2)", FRAMES_UDP4_VLAN, PACKETS, weir_receive,
		"rte_softrss_be", softrss_be_12, "", NULL, RSS_TRANSFORM_NONE},
	{"parse+toeplitz+reta random mix (L2)", FRAMES_MIX, PACKETS, weir_receive, "rte_softrss_be",
		softrss_be_12, "", NULL, RSS_TRANSFORM_NONE},
	{"parse+symmetric-xor+reta TCP/IPv4 (L2)", FRAMES_TCP4, PACKETS, weir_receive,
		"rte_softrss_be", softrss_be_12, "", NULL, RSS_TRANSFORM_SYMMETRIC_XOR},
	{"parse+symmetric-sort+reta TCP/IPv6 (L2)", FRAMES_TCP6, PACKETS, weir_receive,
		"rte_softrss_be", softrss_be_36, "", NULL, RSS_TRANSFORM_SYMMETRIC_SORT},
	{"parse only TCP/IPv4 (L2)", FRAMES_TCP4, PACKETS, weir_parse, "rte_softrss_be",
		softrss_be_12, "", NULL, RSS_TRANSFORM_NONE},
};

static void run_variants(bool json)
{
	char name[64];

	for (unsigned i = 0; i < TOEPLITZ_VARIANT_COUNT; i++) {
		const struct toeplitz_variant *variant = toeplitz_variants[i];
		struct bench_case bench = {name, FRAMES_TCP4, 32, weir_toeplitz_ipv4,
			"rte_softrss_be", softrss_be_12, "", variant, RSS_TRANSFORM_NONE};

		if (!variant->supported())
			continue;
		snprintf(name, sizeof(name), "toeplitz 12 B, variant %s", variant->name);
		run_case(&bench, json, false);
		snprintf(name, sizeof(name), "toeplitz 36 B, variant %s", variant->name);
		bench.frames = FRAMES_TCP6;
		bench.weir = weir_toeplitz_ipv6;
		bench.peer = softrss_be_36;
		run_case(&bench, json, false);
	}
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

	memory = aligned_alloc(64, PACKETS * sizeof(*memory));
	if (memory == NULL)
		return EXIT_FAILURE;
	memset(memory, 0, PACKETS * sizeof(*memory));
	for (unsigned i = 0; i < PACKETS; i++) {
		packets[i] = &memory[i].mbuf;
		packets[i]->buf_addr = memory[i].data;
		packets[i]->data_off = HEADROOM;
		packets[i]->nb_segs = 1;
	}
	rte_convert_rss_key(
		(const uint32_t *)(const void *)toeplitz_key_microsoft, key_be, TOEPLITZ_KEY_BYTES);
	reta_fill_equal(&reta, 128, 8);
	if (json)
		printf("{\"name\":\"steering\",\"rows\":[");
	else
		printf("cycles a packet, burst %d: median [min-max] of %d alternations\n", BURST,
			ROUNDS);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i], json, i == 0);
	run_variants(json);
	if (json)
		printf("]}\n");
	free(memory);
	return EXIT_SUCCESS;
}
