/* SPDX-License-Identifier: BSD-3-Clause */
#include "segments_round_trip.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_hexdump.h>
#include <rte_mbuf.h>

#include "segmentation/super_packet.h"
#include "steering/receive.h"

enum { AT_A_TIME = 64, WAYS = 16 };
enum way { WAY_SHARED = 1, WAY_WHOLE = 2 }; /* else as it is */

struct rte_mempool *round_trip_pool;
struct round_trip_counts round_trip_counts;
char round_trip_story[256];

void round_trip_init(unsigned packets, unsigned buffer_bytes)
{
	static char words[][16] = {"test", "--no-huge", "--no-shconf", "-m", "512", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};

	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	if (rte_eal_init(COUNT, arguments) < 0 || super_note_register(NULL) != 0)
		exit(EXIT_FAILURE);
	round_trip_pool = rte_pktmbuf_pool_create("packets", packets, 256,
		(uint16_t)RTE_ALIGN_CEIL(sizeof(struct model_packet), RTE_MBUF_PRIV_ALIGN),
		(uint16_t)(RTE_PKTMBUF_HEADROOM + buffer_bytes), SOCKET_ID_ANY);
	if (round_trip_pool == NULL)
		exit(EXIT_FAILURE);
}

void round_trip_fini(void)
{
	rte_mempool_free(round_trip_pool);
	rte_eal_cleanup();
}

void round_trip_check_pool(const char *where)
{
	if (!rte_mempool_full(round_trip_pool))
		round_trip_fail(NULL, "%s: %u buffers are missing", where,
			rte_mempool_in_use_count(round_trip_pool));
}

struct model_packet *round_trip_origin(const struct rte_mbuf *packet)
{
	return (struct model_packet *)rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)packet);
}

void round_trip_fail(const struct model_packet *packet, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", round_trip_story);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	if (packet != NULL) {
		fprintf(stderr, "packet %lu, kind %d, %u segments\n", packet->serial, packet->kind,
			packet->segments);
		rte_hexdump(stderr, "as it came", packet->bytes, RTE_MIN(packet->length, 256u));
	}
	abort();
}

static struct rte_mbuf *buffer_of(const uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf *buffer = rte_pktmbuf_alloc(round_trip_pool);

	if (buffer == NULL)
		round_trip_fail(NULL, "no buffer is left");
	rte_memcpy(rte_pktmbuf_append(buffer, (uint16_t)length), bytes, length);
	return buffer;
}

struct rte_mbuf *round_trip_packet(const uint8_t *bytes, uint32_t length, unsigned pieces)
{
	const uint32_t piece = (length + pieces - 1) / pieces;
	struct rte_mbuf *packet = buffer_of(bytes, RTE_MIN(piece, length));
	struct model_packet *origin = round_trip_origin(packet);

	for (uint32_t done = piece; done < length; done += piece)
		rte_pktmbuf_chain(packet, buffer_of(bytes + done, RTE_MIN(piece, length - done)));
	receive_parse(&packet, 1);
	*origin = (struct model_packet){
		.bytes = bytes, .length = length, .one_piece = packet->nb_segs == 1};
	return packet;
}

/* ---- comparing ---- */

/* What it was made of, one after the other. */
static void show_chain(const struct rte_mbuf *packet)
{
	for (; packet != NULL; packet = packet->next) {
		const struct model_packet *origin = round_trip_origin(packet);

		fprintf(stderr, "packet %lu, kind %d\n", origin->serial, origin->kind);
		rte_hexdump(stderr, "merged", origin->bytes, RTE_MIN(origin->length, 100u));
	}
}

static void check_bytes(
	const struct model_packet *origin, const struct rte_mbuf *packet, const char *what)
{
	const struct rte_mbuf *buffer = packet;
	uint32_t done = 0, segments = 0;

	for (; buffer != NULL; buffer = buffer->next, segments++) {
		if (done + buffer->data_len > origin->length ||
			memcmp(rte_pktmbuf_mtod(buffer, void *), origin->bytes + done,
				buffer->data_len) != 0) {
			rte_hexdump(
				stderr, what, rte_pktmbuf_mtod(buffer, void *), buffer->data_len);
			round_trip_fail(origin, "%s differs in bytes %u to %u", what, done,
				done + buffer->data_len);
		}
		done += buffer->data_len;
	}
	if (done != origin->length || packet->pkt_len != done || packet->nb_segs != segments)
		round_trip_fail(origin, "%s has %u bytes in %u buffers; pkt_len %u, nb_segs %u",
			what, done, segments, packet->pkt_len, packet->nb_segs);
	if (origin->stripped != ((packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) ||
		(origin->stripped && packet->vlan_tci != origin->tag))
		round_trip_fail(origin, "%s has lost its tag", what);
	if (packet->ol_flags &
		(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_L4_MASK |
			super_note_flag))
		round_trip_fail(origin, "%s still has flags of a super-packet", what);
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint16_t raw16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
}

static void check_ip_length(
	const struct model_packet *first, const uint8_t *ip, bool ipv6, uint32_t bytes)
{
	if (bytes > UINT16_MAX)
		round_trip_fail(first, "an IP packet of %u bytes", bytes);
	if (get16(ip + (ipv6 ? 4 : 2)) + (ipv6 ? 40 : 0) != bytes)
		round_trip_fail(
			first, "IP length %u of %u bytes", get16(ip + (ipv6 ? 4 : 2)), bytes);
	if (!ipv6 && plain_sum(ip, 20, 0) != 0xffff)
		round_trip_fail(first, "a wrong IPv4 checksum");
}

/* Lengths, IPv4 checksums and sums of pseudo headers of a super-packet. */
static void check_super_headers(const struct model_packet *first, const struct rte_mbuf *packet)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const uint8_t *l4 = frame + first->l4;
	const uint32_t l4_bytes = packet->pkt_len - first->l4;
	const uint16_t sum = plain_pseudo_sum(
		frame + first->ip, first->ipv6, first->tcp ? IPPROTO_TCP : IPPROTO_UDP, l4_bytes);

	check_ip_length(first, frame + first->ip, first->ipv6, packet->pkt_len - first->ip);
	if (raw16(l4 + (first->tcp ? 16 : 6)) != sum)
		round_trip_fail(first, "another sum of its pseudo header");
	if (!first->tcp && get16(l4 + 4) != l4_bytes)
		round_trip_fail(first, "UDP length %u of %u", get16(l4 + 4), l4_bytes);
	if (first->tunnel)
		check_ip_length(first, frame + first->outer_ip, first->outer_ipv6,
			packet->pkt_len - first->outer_ip);
	if (first->outer_udp != 0) {
		const uint32_t bytes = packet->pkt_len - first->outer_udp;
		const uint8_t *udp = frame + first->outer_udp;

		if (get16(udp + 4) != bytes)
			round_trip_fail(first, "outer UDP length %u of %u", get16(udp + 4), bytes);
		if (raw16(first->bytes + first->outer_udp + 6) != 0 &&
			raw16(udp + 6) !=
				plain_pseudo_sum(frame + first->outer_ip, first->outer_ipv6,
					IPPROTO_UDP, bytes))
			round_trip_fail(first, "another sum of the outer pseudo header");
	}
}

static void check_super(const struct model_packet *first, const struct rte_mbuf *packet)
{
	const uint64_t wanted = super_note_flag |
		(first->tcp ? RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM
			    : RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM) |
		(first->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);

	if ((packet->ol_flags & wanted) != wanted)
		round_trip_fail(first, "flags %lx of a super-packet", packet->ol_flags);
	if (super_packet_segments(packet) != first->segments ||
		packet->nb_segs != first->segments || packet->tso_segsz != first->payload_bytes)
		round_trip_fail(first, "%u segments of %u in %u buffers",
			super_packet_segments(packet), packet->tso_segsz, packet->nb_segs);
	check_super_headers(first, packet);
}

/* Whole, for a port that carries it so: its checksum is finished. */
static void check_whole(const struct model_packet *first, struct rte_mbuf *packet)
{
	static uint8_t bytes[UINT16_MAX + GENERATOR_HEADERS_MAX];
	const uint32_t l4_bytes = packet->pkt_len - first->l4;

	gso_finish_whole(packet);
	if (packet->pkt_len > sizeof(bytes) || super_packet_is(packet))
		round_trip_fail(first, "%u bytes finished whole", packet->pkt_len);
	for (uint32_t done = 0; packet != NULL; done += packet->data_len, packet = packet->next)
		rte_memcpy(bytes + done, rte_pktmbuf_mtod(packet, void *), packet->data_len);
	if (plain_sum(bytes + first->l4, l4_bytes,
		    plain_pseudo_sum(bytes + first->ip, first->ipv6,
			    first->tcp ? IPPROTO_TCP : IPPROTO_UDP, l4_bytes)) != 0xffff)
		round_trip_fail(first, "finished whole with a wrong checksum");
}

static void check_cut(
	struct gso *gso, const struct model_packet *first, struct rte_mbuf *packet, bool shared)
{
	struct rte_mbuf *copy = shared ? rte_pktmbuf_clone(packet, round_trip_pool) : NULL;
	const struct model_packet *expected = first;
	struct rte_mbuf *segments[AT_A_TIME];
	struct gso_cut cut;
	int count = gso_begin(gso, packet, &cut);

	if (count != (int)first->segments)
		round_trip_fail(first, "cut into %d segments", count);
	while ((count = gso_next(gso, &cut, segments, AT_A_TIME)) > 0)
		for (int i = 0; i < count; i++) {
			const struct model_packet *next;

			if (expected == NULL)
				round_trip_fail(first, "cut into more than it was made of");
			/* What it was is in the very buffer that it is in again. */
			next = expected->next;
			check_bytes(expected, segments[i], "a segment");
			rte_pktmbuf_free(segments[i]);
			expected = next;
		}
	if (count < 0 || expected != NULL)
		round_trip_fail(first, "not all of it was cut: %d", count);
	rte_pktmbuf_free(copy);
	round_trip_counts.cut_by_reference += shared;
}

void round_trip_check(struct gso *gso, struct rte_mbuf *packet, unsigned way)
{
	const struct model_packet *first = round_trip_origin(packet), *each;

	round_trip_counts.packets += first->segments;
	if (first->segments == 1) {
		if (super_packet_is(packet))
			show_chain(packet);
		check_bytes(first, packet, "a packet that did not merge");
		rte_pktmbuf_free(packet);
		return;
	}
	round_trip_counts.merged += first->segments;
	round_trip_counts.super_packets++;
	each = first;
	for (const struct rte_mbuf *buffer = packet; buffer != NULL; buffer = buffer->next) {
		if (each != round_trip_origin(buffer))
			round_trip_fail(first, "another packet is in its chain");
		each = each->next;
	}
	if (each != NULL)
		round_trip_fail(first, "a packet is not in its chain");
	check_super(first, packet);
	if (way % WAYS == WAY_WHOLE) {
		check_whole(first, packet);
		rte_pktmbuf_free(packet);
	} else {
		check_cut(gso, first, packet, way % WAYS == WAY_SHARED);
	}
}
