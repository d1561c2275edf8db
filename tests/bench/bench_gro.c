/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GRO against rte_gro, in cycles a packet: TCP over IPv4 in order, 1448 bytes with timestamps, in
 * bursts of 64 from 1 to 4096 interleaved flows; merged within each burst
 * (rte_gro_reassemble_burst) or held beyond it (rte_gro_reassemble). As many packets in each case,
 * so that the caches hold as little of them. Packets are as new in each round; making them so is
 * not measured, and nobody frees or allocates. rte_gro looks at no checksum: so beside ours with
 * and without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_gro.h>

#include "segment_packets.h"
#include "segmentation/gro.h"
#include "steering/receive.h"

enum { PACKETS = 32768, PAYLOAD_BYTES = 1448, FRAME_BYTES = 66 + PAYLOAD_BYTES, FLOWS_MAX = 4096 };
enum { HELD_A_FLOW = 8 };

static struct rte_mempool *pool;
static struct rte_mbuf *packets[PACKETS], *out[PACKETS + 4 * BURST];
static uint8_t headers[PACKETS][66];
static unsigned flows, out_count;
static unsigned held; /* packets until all are flushed; 0: in bursts */
static bool verify;

static void make_packets(void)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t *frame = (uint8_t *)packets[i]->buf_addr + RTE_PKTMBUF_HEADROOM;

		segment_headers(frame, false, i % flows, i / flows, PAYLOAD_BYTES, true);
		memcpy(headers[i], frame, sizeof(headers[i]));
	}
}

static void arrive(unsigned first)
{
	for (unsigned i = first; i < first + BURST; i++) {
		segment_describe(packets[i], false, 66, FRAME_BYTES);
		memcpy(rte_pktmbuf_mtod(packets[i], void *), headers[i], sizeof(headers[i]));
	}
	receive_parse(&packets[first], BURST);
}

/* Whatever was merged, all bytes came out. */
static void check(void)
{
	uint64_t payload = 0;

	for (unsigned i = 0; i < out_count; i++)
		payload += out[i]->pkt_len - 66;
	if (payload != (uint64_t)PACKETS * PAYLOAD_BYTES) {
		fprintf(stderr, "%u packets out, %lu bytes\n", out_count, payload);
		exit(EXIT_FAILURE);
	}
}

static double weir(void)
{
	struct gro_settings settings = {.flows = FLOWS_MAX,
		.buffers = PACKETS + BURST,
		.timeout_tsc = held ? UINT64_MAX / 2 : 0,
		.tcp = true,
		.verify = verify,
		.rules = GRO_RULES_CURRENT};
	struct gro *gro = gro_create(&settings, SOCKET_ID_ANY, NULL);
	unsigned count;

	out_count = 0;
	segment_time_begin();
	for (unsigned i = 0; i < PACKETS; i += BURST) {
		arrive(i);
		segment_time_start();
		out_count += gro_receive(gro, &packets[i], BURST, 1, &out[out_count]);
		segment_time_step();
		if (held && (i + BURST) % held == 0)
			while ((count = gro_flush(gro, 1, true, &out[out_count], BURST)) > 0) {
				out_count += count;
				segment_time_step();
			}
	}
	check();
	gro_destroy(gro);
	return segment_time_end() / PACKETS;
}

static double dpdk(void)
{
	const struct rte_gro_param settings = {.gro_types = RTE_GRO_TCP_IPV4,
		.max_flow_num = FLOWS_MAX,
		.max_item_per_flow = 8,
		.socket_id = 0};
	void *context = rte_gro_ctx_create(&settings);
	struct rte_mbuf *burst[BURST];
	unsigned count;

	if (context == NULL)
		exit(EXIT_FAILURE);
	out_count = 0;
	segment_time_begin();
	for (unsigned i = 0; i < PACKETS; i += BURST) {
		arrive(i);
		memcpy(burst, &packets[i], sizeof(burst));
		segment_time_start();
		count = held ? rte_gro_reassemble(burst, BURST, context)
			     : rte_gro_reassemble_burst(burst, BURST, &settings);
		segment_time_step();
		memcpy(&out[out_count], burst, count * sizeof(burst[0]));
		out_count += count;
		if (held && (i + BURST) % held == 0)
			while ((count = rte_gro_timeout_flush(context, 0, RTE_GRO_TCP_IPV4,
					&out[out_count], BURST)) > 0) {
				out_count += count;
				segment_time_step();
			}
	}
	check();
	rte_gro_ctx_destroy(context);
	return segment_time_end() / PACKETS;
}

static double weir_eight(void)
{
	double cycles;

	flows = 8;
	held = flows * HELD_A_FLOW;
	make_packets();
	cycles = weir();
	flows = FLOWS_MAX;
	held = flows * HELD_A_FLOW;
	make_packets();
	return cycles;
}

static void run(unsigned count, bool beyond_burst, const char *goal)
{
	const char *peer = beyond_burst ? "rte_gro_reassemble" : "rte_gro_reassemble_burst";
	char name[80];

	flows = count;
	held = beyond_burst ? count * HELD_A_FLOW : 0;
	make_packets();
	verify = false;
	snprintf(name, sizeof(name), "GRO, %u flow%s, %s", count, count > 1 ? "s" : "",
		held ? "held" : "in bursts");
	segment_row(name, weir, peer, dpdk, goal, false);
	verify = true;
	snprintf(name, sizeof(name), "GRO, %u flow%s, %s, verified", count, count > 1 ? "s" : "",
		held ? "held" : "in bursts");
	segment_row(name, weir, peer, dpdk, "", false);
}

int main(int argc, char **argv)
{
	segment_init(argv[0]);
	pool = segment_pool("packets", PACKETS, FRAME_BYTES);
	if (rte_pktmbuf_alloc_bulk(pool, packets, PACKETS) != 0)
		return EXIT_FAILURE;
	segment_rows_begin("gro", argc > 1 && strcmp(argv[1], "--json") == 0);
	run(1, false, ">= 2 x");
	run(8, false, "");
	run(8, true, "");
	run(64, true, ">= 6 x");
	run(FLOWS_MAX, true, ">= 20 x");
	verify = false;
	segment_row("GRO, 4096 flows beside 8, held", weir, "weir, 8 flows", weir_eight, "<= 1.5 x",
		true);
	segment_rows_end();
	return EXIT_SUCCESS;
}
