/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GSO against rte_gso with rte_ipv4_cksum and rte_ipv4_udptcp_cksum_mbuf a segment, which it leaves
 * to its callers: 64 KiB of TCP into segments of 1460 bytes, in cycles a segment; freeing them,
 * which both need, included. From a chain of 2 KiB buffers, as a socket or an application fills
 * them, and from one that GRO made. rte_gso knows no IPv6: ours beside IPv4.
 */
#define ALLOW_EXPERIMENTAL_API /* rte_ipv4_udptcp_cksum_mbuf() */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_gso.h>
#include <rte_ip.h>

#include "segment_packets.h"
#include "segmentation/gro.h"
#include "segmentation/gso.h"
#include "segmentation/super_packet.h"
#include "steering/receive.h"

enum { PACKETS = 64, SEGMENT_BYTES = 1460, SEGMENTS = 44, BUFFER_BYTES = 2048, IP_AT = 14 };

static struct rte_mempool *pool, *small_pool;
static bool ipv6, by_gro;

static struct rte_mbuf *new_buffer(unsigned bytes)
{
	struct rte_mbuf *buffer = rte_pktmbuf_alloc(pool);

	if (buffer == NULL)
		exit(EXIT_FAILURE);
	rte_pktmbuf_append(buffer, (uint16_t)bytes);
	return buffer;
}

static struct rte_mbuf *merged(void)
{
	static const struct gro_settings settings = {
		.flows = 1, .buffers = SEGMENTS, .timeout_tsc = 1, .tcp = true};
	struct gro *gro = gro_create(&settings, SOCKET_ID_ANY, NULL);
	struct rte_mbuf *packets[SEGMENTS], *out[GRO_OUT_FACTOR * SEGMENTS];
	unsigned header_bytes = ipv6 ? 74 : 54;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		packets[i] = new_buffer(header_bytes + SEGMENT_BYTES);
		segment_headers(
			rte_pktmbuf_mtod(packets[i], uint8_t *), ipv6, 0, i, SEGMENT_BYTES, false);
	}
	receive_parse(packets, SEGMENTS);
	if (gro_receive(gro, packets, SEGMENTS, 0, out) != 0 ||
		gro_flush(gro, 0, true, out, 1) != 1 || out[0]->nb_segs != SEGMENTS)
		exit(EXIT_FAILURE);
	gro_destroy(gro);
	return out[0];
}

/* A packet of TSO, in as few buffers as hold it. */
static struct rte_mbuf *sent(void)
{
	const unsigned header_bytes = ipv6 ? 74 : 54;
	uint32_t left = header_bytes + SEGMENTS * SEGMENT_BYTES;
	struct rte_mbuf *packet = NULL, *buffer;
	const uint8_t *ip;
	uint16_t *checksum;

	for (; left > 0; left -= buffer->data_len) {
		buffer = new_buffer(RTE_MIN(left, (uint32_t)BUFFER_BYTES));
		if (packet == NULL)
			packet = buffer;
		else
			rte_pktmbuf_chain(packet, buffer);
	}
	segment_headers(rte_pktmbuf_mtod(packet, uint8_t *), ipv6, 0, 0,
		BUFFER_BYTES - header_bytes, false);
	ip = rte_pktmbuf_mtod_offset(packet, const uint8_t *, IP_AT);
	packet->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
		(ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	packet->tso_segsz = SEGMENT_BYTES;
	packet->l2_len = 14;
	packet->l3_len = ipv6 ? 40 : 20;
	packet->l4_len = 20;
	if (ipv6)
		((struct rte_ipv6_hdr *)(uintptr_t)ip)->payload_len =
			rte_cpu_to_be_16((uint16_t)(packet->pkt_len - 54));
	else
		((struct rte_ipv4_hdr *)(uintptr_t)ip)->total_length =
			rte_cpu_to_be_16((uint16_t)(packet->pkt_len - IP_AT));
	checksum = rte_pktmbuf_mtod_offset(packet, uint16_t *, IP_AT + packet->l3_len + 16u);
	*checksum = ipv6 ? rte_ipv6_phdr_cksum((const void *)ip, 0)
			 : rte_ipv4_phdr_cksum((const void *)ip, 0);
	packet->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L4_TCP |
		(ipv6 ? RTE_PTYPE_L3_IPV6 : RTE_PTYPE_L3_IPV4);
	return packet;
}

static void check(unsigned count)
{
	if (count == SEGMENTS)
		return;
	fprintf(stderr, "%u segments\n", count);
	exit(EXIT_FAILURE);
}

static double weir(void)
{
	struct gso gso = {.pool = small_pool, .mtu = 1500};
	struct rte_mbuf *segments[BURST];
	struct gso_cut cut;
	int count;

	segment_time_begin();
	for (unsigned i = 0; i < PACKETS; i++) {
		struct rte_mbuf *packet = by_gro ? merged() : sent();

		segment_time_start();
		gso_begin(&gso, packet, &cut);
		count = gso_next(&gso, &cut, segments, BURST);
		rte_pktmbuf_free_bulk(segments, (unsigned)count);
		segment_time_step();
		check((unsigned)count);
	}
	return segment_time_end() / (PACKETS * SEGMENTS);
}

static void finish(struct rte_mbuf *segment)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(segment, struct rte_ipv4_hdr *, IP_AT);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum_mbuf(segment, ip, IP_AT + sizeof(*ip));
}

static double dpdk(void)
{
	const struct rte_gso_ctx context = {.direct_pool = small_pool,
		.indirect_pool = small_pool,
		.gso_types = RTE_ETH_TX_OFFLOAD_TCP_TSO,
		.gso_size = 54 + SEGMENT_BYTES};
	struct rte_mbuf *segments[BURST];
	int count;

	segment_time_begin();
	for (unsigned i = 0; i < PACKETS; i++) {
		struct rte_mbuf *packet = by_gro ? merged() : sent();

		segment_time_start();
		count = rte_gso_segment(packet, &context, segments, BURST);
		for (int s = 0; s < count; s++)
			finish(segments[s]);
		rte_pktmbuf_free(packet);
		rte_pktmbuf_free_bulk(segments, (unsigned)count);
		segment_time_step();
		check((unsigned)count);
	}
	return segment_time_end() / (PACKETS * SEGMENTS);
}

static double weir_ipv4(void)
{
	double cycles;

	ipv6 = false;
	cycles = weir();
	ipv6 = true;
	return cycles;
}

int main(int argc, char **argv)
{
	static const char *const peer = "rte_gso + rte_ipv4_udptcp_cksum";

	segment_init(argv[0]);
	pool = segment_pool("packets", 8191, BUFFER_BYTES);
	small_pool = segment_pool("headers", 8191, 128);
	segment_rows_begin("gso", argc > 1 && strcmp(argv[1], "--json") == 0);
	for (unsigned chain = 0; chain < 2; chain++) {
		const char *kind = chain == 0 ? "2 KiB buffers" : "a chain of GRO";
		char name[80];

		by_gro = chain == 1;
		ipv6 = false;
		snprintf(name, sizeof(name), "GSO of 64 KiB, IPv4, from %s", kind);
		segment_row(name, weir, peer, dpdk, ">= 2 x", false);
		ipv6 = true;
		snprintf(name, sizeof(name), "GSO of 64 KiB, IPv6, from %s", kind);
		segment_row(name, weir, "weir, IPv4", weir_ipv4, "<= 1.1 x", true);
	}
	segment_rows_end();
	return EXIT_SUCCESS;
}
