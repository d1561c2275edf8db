/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a packet in any chain of buffers, marked as a super-packet: cut, finished whole or
 * adopted. Each buffer is memory of just its size, so that the sanitizer sees each byte too much.
 * What comes out must be whole and right, and all buffers come back.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include "packet/checksum.h"
#include "segmentation/gso.h"
#include "segmentation/super_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { BUFFERS = 2047, HEADER_BUFFERS = 127, ROOM = 64, PACKET_MAX_BYTES = 200000 };

/* The first bytes of the input. */
struct choices {
	uint8_t kind; /* RTE_MBUF_F_TX_*_SEG and checksum flags */
	uint8_t action;
	uint8_t note; /* 0x80: there is one */
	uint8_t room, made_max;
	uint8_t layout; /* buffers of so many bytes more or less; 0: one */
	uint8_t lie; /* of pkt_len */
	uint8_t headroom;
	uint16_t segment_bytes, mtu;
	uint16_t stretch; /* bytes of payload behind the input's */
	uint8_t offloads, reserved;
};

enum action { CUT, CUT_SOME, FINISH, ADOPT, ACTIONS };

static struct rte_mempool *packets, *headers;
static unsigned blocks; /* of memory that buffers refer to */

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void start(void)
{
	static char words[][16] = {"fuzz", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};
	struct error error;

	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	require(rte_eal_init(COUNT, arguments) >= 0 && super_note_register(&error) == 0);
	packets = rte_pktmbuf_pool_create("packets", BUFFERS, 0, 0, 0, SOCKET_ID_ANY);
	headers = rte_pktmbuf_pool_create(
		"headers", HEADER_BUFFERS, 0, 0, 256 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	require(packets != NULL && headers != NULL);
}

struct block {
	struct rte_mbuf_ext_shared_info info;
	uint8_t bytes[];
};

static void block_free(void *address, void *block)
{
	(void)address;
	free(block);
	blocks--;
}

static struct rte_mbuf *make_buffer(uint32_t headroom, uint32_t bytes)
{
	struct block *block = malloc(sizeof(*block) + headroom + bytes);
	struct rte_mbuf *buffer = rte_pktmbuf_alloc(packets);

	require(block != NULL && buffer != NULL);
	block->info.free_cb = block_free;
	block->info.fcb_opaque = block;
	rte_mbuf_ext_refcnt_set(&block->info, 1);
	rte_pktmbuf_attach_extbuf(
		buffer, block->bytes, 0, (uint16_t)(headroom + bytes), &block->info);
	buffer->data_off = (uint16_t)headroom;
	buffer->data_len = (uint16_t)bytes;
	blocks++;
	return buffer;
}

/* The bytes that follow the input's are zeros. */
static void fill(struct rte_mbuf *buffer, const uint8_t *bytes, size_t length, uint32_t offset)
{
	uint8_t *to = rte_pktmbuf_mtod(buffer, uint8_t *);
	size_t from_input =
		offset < length ? RTE_MIN(length - offset, (size_t)buffer->data_len) : 0;

	memcpy(to, bytes + offset, from_input);
	memset(to + from_input, 0, buffer->data_len - from_input);
}

/* How many bytes the next buffer has. As GRO's chains, if the first one is as long as it should. */
static uint32_t buffer_bytes(const struct choices *choices, uint32_t offset, uint32_t header_bytes)
{
	if (choices->layout == 0)
		return 60000;
	if (choices->layout < 128)
		return offset == 0 ? choices->segment_bytes + header_bytes : choices->segment_bytes;
	return (choices->layout - 128u) * (offset * 7 % 31);
}

static struct rte_mbuf *make_packet(
	const struct choices *choices, const uint8_t *bytes, size_t length)
{
	uint32_t total = (uint32_t)length + choices->stretch, offset = 0, share;
	struct rte_mbuf *packet = NULL, **next = &packet, *buffer;
	unsigned count = 0;

	while (offset < total || packet == NULL) {
		share = RTE_MIN(buffer_bytes(choices, offset, choices->layout), total - offset);
		if (++count > BUFFERS / 2)
			share = total - offset;
		share = RTE_MIN(share, 60000u);
		buffer = make_buffer(choices->headroom, share);
		fill(buffer, bytes, length, offset);
		super_note(buffer)->payload_sum = (uint16_t)offset;
		offset += share;
		*next = buffer;
		next = &buffer->next;
	}
	packet->nb_segs = (uint16_t)RTE_MIN(count, (unsigned)UINT16_MAX);
	packet->pkt_len = total + choices->lie / 250u * choices->lie;
	return packet;
}

static void mark(const struct choices *choices, struct rte_mbuf *packet)
{
	static const uint64_t checksums[] = {
		0, RTE_MBUF_F_TX_TCP_CKSUM, RTE_MBUF_F_TX_UDP_CKSUM, RTE_MBUF_F_TX_SCTP_CKSUM};

	packet->ol_flags |= (choices->kind & 1 ? RTE_MBUF_F_TX_TCP_SEG : 0) |
		(choices->kind & 2 ? RTE_MBUF_F_TX_UDP_SEG : 0) | checksums[choices->kind >> 6];
	packet->tso_segsz = choices->segment_bytes;
	if (choices->note & 0x80) {
		packet->ol_flags |= super_note_flag;
		super_note(packet)->flags = choices->note & 15;
	}
}

/* Plain TCP and UDP without options: all checksums are right. */
static void check_checksums(const uint8_t *frame, uint32_t length)
{
	struct headers found;
	const uint8_t *ip, *l4;
	uint32_t l4_bytes;

	parse_headers(frame, length, &found);
	if (found.l4_offset == 0 || (found.packet_type & RTE_PTYPE_TUNNEL_MASK) != 0)
		return;
	ip = frame + found.l3_offset;
	l4 = frame + found.l4_offset;
	l4_bytes = length - found.l4_offset;
	require(parse_ip_end(frame, length, &found) == length);
	if (found.ether_type == RTE_ETHER_TYPE_IPV4) {
		require(checksum_ipv4_header(ip, found.l3_length) == 0);
		require(found.l3_length != 20 ||
			checksum_l4_ipv4_valid(ip, found.ip_protocol, l4, l4_bytes));
	} else if (found.l3_length == 40 &&
		!(found.ip_protocol == IPPROTO_UDP && l4[6] == 0 && l4[7] == 0)) {
		require(checksum_l4_ipv6_valid(ip, found.ip_protocol, l4, l4_bytes));
	}
}

static void check_segment(const struct rte_mbuf *segment, bool checksums)
{
	static uint8_t frame[PACKET_MAX_BYTES];
	uint32_t length = 0;
	unsigned count = 0;

	require(!super_packet_is(segment) && (segment->ol_flags & super_note_flag) == 0);
	for (const struct rte_mbuf *buffer = segment; buffer != NULL; buffer = buffer->next) {
		memcpy(frame + length, rte_pktmbuf_mtod(buffer, const uint8_t *), buffer->data_len);
		length += buffer->data_len;
		count++;
	}
	require(length == segment->pkt_len && count == segment->nb_segs);
	if (checksums)
		check_checksums(frame, length);
}

static void cut(const struct choices *choices, struct rte_mbuf *packet)
{
	struct gso gso = {.pool = headers,
		.mtu = choices->mtu,
		.tx_offloads = choices->offloads & 1
			? RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM
			: 0};
	bool noted = (packet->ol_flags & super_note_flag) != 0;
	unsigned most = choices->action == CUT ? UINT32_MAX : choices->made_max, made = 0;
	struct rte_mbuf *segments[ROOM];
	struct gso_cut state;
	int expected = gso_begin(&gso, packet, &state), count = 0;

	if (expected < 0) {
		require(expected == -EINVAL && gso.counters.failed == 1);
		rte_pktmbuf_free(packet);
		return;
	}
	while (made < most &&
		(count = gso_next(&gso, &state, segments, choices->room % ROOM + 1)) > 0) {
		made += (unsigned)count;
		require((unsigned)count <= choices->room % ROOM + 1u);
		for (int i = 0; i < count; i++)
			check_segment(segments[i], !noted && gso.tx_offloads == 0);
		rte_pktmbuf_free_bulk(segments, (unsigned)count);
	}
	require(count != 0 || made == 0 || made == (unsigned)expected);
	require(count != -ENOMEM || gso.counters.failed > 0);
	gso_abandon(&gso, &state);
	require(gso_next(&gso, &state, segments, ROOM) == 0);
}

static void act(const struct choices *choices, struct rte_mbuf *packet)
{
	switch (choices->action) {
	case CUT:
	case CUT_SOME:
		mark(choices, packet);
		cut(choices, packet);
		break;
	case FINISH:
		mark(choices, packet);
		gso_finish_whole(packet);
		require(!super_packet_is(packet));
		rte_pktmbuf_free(packet);
		break;
	default:
		if (gso_adopt(packet, choices->mtu)) {
			require(super_packet_is(packet) && packet->tso_segsz > 0);
			cut(choices, packet);
		} else {
			rte_pktmbuf_free(packet);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct choices choices;

	if (packets == NULL)
		start();
	if (length < sizeof(choices))
		return 0;
	memcpy(&choices, bytes, sizeof(choices));
	choices.action %= ACTIONS;
	act(&choices, make_packet(&choices, bytes + sizeof(choices), length - sizeof(choices)));
	require(rte_mempool_avail_count(packets) == BUFFERS);
	require(rte_mempool_avail_count(headers) == HEADER_BUFFERS);
	require(blocks == 0);
	return 0;
}
