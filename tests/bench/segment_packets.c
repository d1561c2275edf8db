/* SPDX-License-Identifier: BSD-3-Clause */
#include "segment_packets.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "base/clock.h"
#include "packet/checksum.h"
#include "segmentation/super_packet.h"

enum { HUGE_PAGES_MIN = 300, STEPS_MAX = 1 << 15 };

static bool as_json, more;
static uint64_t steps[STEPS_MAX], step_start;
static unsigned step_count;

static bool huge_pages(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned free_pages = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		sscanf(line, "HugePages_Free: %u", &free_pages);
	if (file != NULL)
		fclose(file);
	return free_pages >= HUGE_PAGES_MIN;
}

void segment_init(char *program)
{
	char *arguments[] = {program, (char[]){"-l0"}, (char[]){"-m512"}, (char[]){"--no-pci"},
		(char[]){"--no-telemetry"}, (char[]){"--log-level=*:critical"},
		huge_pages() ? (char[]){"--in-memory"} : (char[]){"--no-huge"},
		(char[]){"--no-shconf"}};
	/* --in-memory has --no-shconf in it. */
	int count = RTE_DIM(arguments) - huge_pages();

	if (rte_eal_init(count, arguments) < 0 || super_note_register(NULL) != 0)
		exit(EXIT_FAILURE);
}

struct rte_mempool *segment_pool(const char *name, unsigned buffers, unsigned bytes)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		name, buffers, 256, 0, (uint16_t)(RTE_PKTMBUF_HEADROOM + bytes), SOCKET_ID_ANY);

	if (pool == NULL)
		exit(EXIT_FAILURE);
	return pool;
}

/* ---- frames ---- */

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static unsigned put_ip(uint8_t *ip, bool ipv6, unsigned flow, unsigned index, unsigned l4_bytes)
{
	uint16_t sum;

	if (ipv6) {
		put32(ip, 0x60000000);
		put16(ip + 4, l4_bytes);
		ip[6] = IPPROTO_TCP;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		put32(ip + 20, flow);
		ip[39] = 1;
		return 40;
	}
	put16(ip, 0x4500);
	put16(ip + 2, 20 + l4_bytes);
	put16(ip + 4, index + 1);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	put32(ip + 12, 0x0a000000 + flow);
	put32(ip + 16, 0x0a800001);
	sum = checksum_ipv4_header(ip, 20);
	memcpy(ip + 10, &sum, 2);
	return 20;
}

unsigned segment_headers(uint8_t *frame, bool ipv6, unsigned flow, unsigned index,
	unsigned payload_bytes, bool timestamps)
{
	const unsigned tcp_bytes = timestamps ? 32 : 20;
	uint8_t *ip = frame + 14, *tcp;
	uint16_t sum;

	memset(frame, 0, SEGMENT_HEADERS_MAX);
	frame[0] = frame[6] = 2;
	put16(frame + 12, ipv6 ? 0x86dd : 0x0800);
	tcp = ip + put_ip(ip, ipv6, flow, index, tcp_bytes + payload_bytes);
	put16(tcp, 1024 + flow % 60000);
	put16(tcp + 2, 80);
	put32(tcp + 4, 1 + index * payload_bytes);
	put32(tcp + 8, 1);
	tcp[12] = (uint8_t)(tcp_bytes << 2);
	tcp[13] = 0x10;
	put16(tcp + 14, 500);
	if (timestamps) {
		put32(tcp + 20, 0x0101080a);
		put32(tcp + 24, 111);
		put32(tcp + 28, 222);
	}
	sum = ipv6 ? checksum_l4_ipv6(ip, IPPROTO_TCP, tcp, tcp_bytes + payload_bytes)
		   : checksum_l4_ipv4(ip, IPPROTO_TCP, tcp, tcp_bytes + payload_bytes);
	memcpy(tcp + 16, &sum, 2);
	return (unsigned)(tcp - frame) + tcp_bytes;
}

void segment_describe(struct rte_mbuf *packet, bool ipv6, unsigned header_bytes, unsigned bytes)
{
	packet->data_off = RTE_PKTMBUF_HEADROOM;
	packet->data_len = (uint16_t)bytes;
	packet->pkt_len = bytes;
	packet->nb_segs = 1;
	packet->next = NULL;
	packet->ol_flags = 0;
	packet->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L4_TCP |
		(ipv6 ? RTE_PTYPE_L3_IPV6 : RTE_PTYPE_L3_IPV4);
	packet->tx_offload = 0;
	packet->l2_len = 14;
	packet->l3_len = ipv6 ? 40 : 20;
	packet->l4_len = (header_bytes - 14 - packet->l3_len) & 0xff;
}

/* ---- time ---- */

static int compare_times(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

void segment_time_begin(void)
{
	step_count = 0;
	segment_time_start();
}

void segment_time_start(void)
{
	step_start = tsc_now();
}

void segment_time_step(void)
{
	uint64_t now = tsc_now();

	if (step_count < STEPS_MAX)
		steps[step_count++] = now - step_start;
	step_start = tsc_now();
}

double segment_time_end(void)
{
	uint64_t limit;
	double sum = 0;

	qsort(steps, step_count, sizeof(steps[0]), compare_times);
	limit = 8 * steps[step_count / 2];
	for (unsigned i = 0; i < step_count; i++)
		sum += (double)RTE_MIN(steps[i], limit);
	return sum;
}

/* ---- rows ---- */

static int compare_doubles(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static void print_row(const char *name, const char *unit, const double weir[3],
	const char *peer_name, double peer, const double ratio[3], const char *goal)
{
	if (!as_json) {
		printf("%-52s %8.1f [%7.1f-%8.1f] %s  %-28s %9.1f %6.2fx [%.2f-%.2f]  %s\n", name,
			weir[1], weir[0], weir[2], unit, peer_name, peer, ratio[1], ratio[0],
			ratio[2], goal);
		return;
	}
	printf("%s{\"case\":\"%s\",\"unit\":\"%s\",\"weir\":%.2f,\"weir_min\":%.2f,\"weir_max\":%."
	       "2f,"
	       "\"goal\":\"%s\"",
		more ? "," : "", name, unit, weir[1], weir[0], weir[2], goal);
	if (peer_name[0] != '\0')
		printf(",\"peer\":\"%s\",\"peer_value\":%.2f,\"ratio\":%.3f,\"ratio_min\":%.3f,"
		       "\"ratio_max\":%.3f",
			peer_name, peer, ratio[1], ratio[0], ratio[2]);
	printf("}");
	more = true;
}

void segment_row(const char *name, double (*weir)(void), const char *peer_name,
	double (*peer)(void), const char *goal, bool inverse)
{
	double ours[ROUNDS], theirs[ROUNDS], ratios[ROUNDS];

	for (unsigned round = 0; round < ROUNDS; round++) {
		ours[round] = weir();
		theirs[round] = peer != NULL ? peer() : ours[round];
		ratios[round] = inverse ? ours[round] / theirs[round] : theirs[round] / ours[round];
	}
	qsort(ours, ROUNDS, sizeof(double), compare_doubles);
	qsort(theirs, ROUNDS, sizeof(double), compare_doubles);
	qsort(ratios, ROUNDS, sizeof(double), compare_doubles);
	print_row(name, "cycles", (double[]){ours[0], ours[ROUNDS / 2], ours[ROUNDS - 1]},
		peer != NULL ? peer_name : "", theirs[ROUNDS / 2],
		(double[]){ratios[0], ratios[ROUNDS / 2], ratios[ROUNDS - 1]}, goal);
	fflush(stdout);
}

void segment_row_values(const char *name, const char *unit, double weir, const char *peer_name,
	double peer, const char *goal)
{
	print_row(name, unit, (double[]){weir, weir, weir}, peer_name, peer, (double[]){0, 0, 0},
		goal);
}

void segment_rows_begin(const char *group, bool json)
{
	as_json = json;
	if (json)
		printf("{\"name\":\"%s\",\"rows\":[", group);
	else
		printf("median [min-max] of %d alternations\n", ROUNDS);
}

void segment_rows_end(void)
{
	if (as_json)
		printf("]}\n");
}
