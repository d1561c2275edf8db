/* SPDX-License-Identifier: BSD-3-Clause */
/* From the application: its descriptors are copied once, checked, and what they name is copied into
 * packet buffers before anybody looks into it. */
#include <netinet/in.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_memcpy.h>
#include <rte_udp.h>

#include "packet/checksum.h"
#include "port/raw_queue.h"
#include "port/raw_queue_parts.h"
#include "segmentation/gso.h"
#include "segmentation/super_packet.h"
#include "steering/receive.h"

enum { UDP_CHECKSUM_OFFSET = offsetof(struct rte_udp_hdr, dgram_cksum) };

/* ---- super-packets ---- */

static uint64_t ip_flags(const struct rte_mbuf *packet)
{
	return RTE_ETH_IS_IPV4_HDR(packet->packet_type)
		? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
		: RTE_MBUF_F_TX_IPV6;
}

/* UDP datagrams of one size, as UDP_SEGMENT: the pseudo header's sum is ours. */
static void mark_udp(struct rte_mbuf *packet, uint16_t mss)
{
	uint32_t offset = (uint32_t)packet->l2_len + packet->l3_len;
	uint32_t payload = packet->pkt_len - offset - packet->l4_len;
	uint32_t l4_bytes = packet->pkt_len - offset, sum;
	const uint8_t *ip;
	uint16_t field;

	if (offset + packet->l4_len > packet->data_len || payload <= mss)
		return;
	ip = rte_pktmbuf_mtod_offset(packet, const uint8_t *, packet->l2_len);
	sum = RTE_ETH_IS_IPV4_HDR(packet->packet_type) ? checksum_pseudo_ipv4(ip, IPPROTO_UDP, 0)
						       : checksum_pseudo_ipv6(ip, IPPROTO_UDP, 0);
	sum = checksum_add(sum, rte_cpu_to_be_32(l4_bytes));
	field = checksum_fold(sum);
	memcpy(rte_pktmbuf_mtod_offset(packet, void *, offset + UDP_CHECKSUM_OFFSET), &field,
		sizeof(field));
	packet->tso_segsz = mss;
	packet->ol_flags |= RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM | ip_flags(packet);
	if (super_note_offset < 0)
		return;
	packet->ol_flags |= super_note_flag;
	*super_note(packet) =
		(struct super_note){.segments = (uint16_t)((payload + mss - 1) / mss)};
}

/* As GRO would leave it; a packet that fits into one segment only gets its checksum. */
static void mark_super(struct rte_mbuf *packet, uint16_t mss)
{
	uint32_t l4;

	receive_parse(&packet, 1);
	l4 = packet->packet_type & (RTE_PTYPE_L4_MASK | RTE_PTYPE_TUNNEL_MASK);
	if (l4 == RTE_PTYPE_L4_UDP)
		mark_udp(packet, mss);
	else
		gso_adopt(packet, (uint32_t)packet->l3_len + packet->l4_len + mss);
	if (super_packet_is(packet) || (l4 != RTE_PTYPE_L4_UDP && l4 != RTE_PTYPE_L4_TCP))
		return;
	packet->ol_flags |= ip_flags(packet) |
		(l4 == RTE_PTYPE_L4_UDP ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM);
	gso_finish_whole(packet);
}

/* ---- packets ---- */

/* A chain of as many buffers as `bytes` take; NULL: none free. */
static struct rte_mbuf *copy_in(struct rte_mempool *pool, const uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf *packet = rte_pktmbuf_alloc(pool), *last = packet;

	for (uint32_t done = 0; last != NULL;) {
		uint32_t piece = RTE_MIN(length - done, (uint32_t)rte_pktmbuf_tailroom(last));

		rte_memcpy(rte_pktmbuf_mtod(last, void *), bytes + done, piece);
		last->data_len = (uint16_t)piece;
		done += piece;
		if (done == length) {
			packet->pkt_len = length;
			return packet;
		}
		last->next = rte_pktmbuf_alloc(pool);
		last = last->next;
		packet->nb_segs++;
	}
	/* The last one of the chain is missing. */
	if (packet != NULL) {
		packet->nb_segs--;
		rte_pktmbuf_free(packet);
	}
	return NULL;
}

static bool is_in_area(const struct raw_queue *queue, const struct verbs_descriptor *descriptor)
{
	uint64_t offset = descriptor->place & ((UINT64_C(1) << VERBS_PLACE_PART_SHIFT) - 1);

	return descriptor->place >> VERBS_PLACE_PART_SHIFT == VERBS_PLACE_AREA &&
		descriptor->bytes >= RAW_FRAME_MIN && descriptor->bytes <= RAW_FRAME_MAX &&
		offset >= queue->half_bytes && offset < 2 * queue->half_bytes &&
		descriptor->bytes <= 2 * queue->half_bytes - offset;
}

/* One descriptor is not to keep a worker for long. */
static bool is_short_work(const struct verbs_descriptor *descriptor)
{
	return descriptor->mss == 0 ||
		descriptor->bytes / descriptor->mss <= VERBS_PACKET_SEGMENTS_MAX;
}

/* false: nothing can be taken now; *ret_packet NULL: it was no packet. */
static bool collect_one(struct raw_queue *queue, struct rte_mempool *pool,
	const struct verbs_descriptor *descriptor, struct rte_mbuf **ret_packet)
{
	uint64_t offset = descriptor->place & ((UINT64_C(1) << VERBS_PLACE_PART_SHIFT) - 1);

	*ret_packet = NULL;
	if ((descriptor->flags & VERBS_DESCRIPTOR_FORWARD) != 0) {
		*ret_packet = raw_queue_forward(queue, (uint32_t)descriptor->place);
		queue->refused += *ret_packet == NULL;
		return true;
	}
	if (!is_in_area(queue, descriptor) || !is_short_work(descriptor)) {
		raw_queue_break(queue, VERBS_REASON_BAD_REQUEST);
		return false;
	}
	*ret_packet = copy_in(pool, queue->area + offset, descriptor->bytes);
	if (*ret_packet == NULL)
		return false;
	if (descriptor->mss > 0)
		mark_super(*ret_packet, descriptor->mss);
	return true;
}

enum { BYTES_A_PACKET = 2048 };

static uint32_t work_of(const struct rte_mbuf *packet)
{
	uint32_t piece = super_packet_is(packet) ? packet->tso_segsz : 0;

	return 1 + packet->pkt_len / (piece > 0 ? piece : BYTES_A_PACKET);
}

bool raw_queue_has_sent(const struct raw_queue *queue)
{
	const struct verbs_descriptor *slot = &queue->sent[queue->collected & queue->send_mask];

	return __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) == queue->collected + 1 &&
		raw_queue_broken(queue) == VERBS_REASON_NONE;
}

uint16_t raw_queue_collect(struct raw_queue *queue, struct rte_mempool *pool,
	struct rte_mbuf *packets[], uint16_t count)
{
	uint32_t before = queue->collected, work = 0;
	uint16_t made = 0;

	if (raw_queue_broken(queue) != VERBS_REASON_NONE)
		return 0;
	while (work < count && queue->collected - before < count) {
		struct verbs_descriptor *slot = &queue->sent[queue->collected & queue->send_mask];
		struct verbs_descriptor descriptor;

		if (__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != queue->collected + 1)
			break;
		/* Not read again, whatever it says by then. */
		descriptor = *(volatile struct verbs_descriptor *)slot;
		if (!collect_one(queue, pool, &descriptor, &packets[made]))
			break;
		queue->collected++;
		if (packets[made] == NULL)
			continue;
		work += work_of(packets[made]);
		queue->collected_bytes += packets[made++]->pkt_len;
	}
	queue->collected_packets += made;
	if (queue->collected != before)
		__atomic_store_n(&queue->header->sent, queue->collected, __ATOMIC_RELEASE);
	return made;
}

void raw_queue_sleeps(struct raw_queue *queue, bool sleeps)
{
	__atomic_store_n(&queue->header->engine_asleep, sleeps, __ATOMIC_RELAXED);
}
