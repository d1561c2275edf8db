/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <linux/if_packet.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_memcpy.h>

#include "base/clock.h"
#include "port/packet_socket_parts.h"
#include "port/vnet_header.h"

enum { ADDRESSES_BYTES = 2 * RTE_ETHER_ADDR_LEN, TAG_BYTES = sizeof(struct rte_vlan_hdr) };

/* What became of a slot. */
enum taken { TAKEN, TAKEN_BAD, LEFT };

/* A frame on its way from a slot into a packet. */
struct frame_in {
	const struct tpacket2_hdr *slot;
	uint32_t bytes; /* as the kernel has it */
	uint32_t tag_bytes; /* of the VLAN tag that the kernel took out */
	bool queued; /* longer than the slot: in the socket's queue */
};

static struct tpacket2_hdr *slot_at(const struct packet_receiver *receiver, uint32_t index)
{
	return (struct tpacket2_hdr *)(receiver->ring + (size_t)index * PACKET_SLOT_BYTES);
}

static uint32_t slot_after(const struct packet_receiver *receiver, uint32_t index)
{
	return index + 1 == receiver->slots ? 0 : index + 1;
}

static uint32_t slot_status(const struct tpacket2_hdr *slot)
{
	return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
}

/* How many are ready from `next` on, `most` at most. */
static uint16_t slots_ready(const struct packet_receiver *receiver, uint16_t most)
{
	uint32_t index = receiver->next;
	uint16_t ready = 0;

	while (ready < most && (slot_status(slot_at(receiver, index)) & TP_STATUS_USER)) {
		index = slot_after(receiver, index);
		ready++;
	}
	return ready;
}

/* Up to `count` buffers; as many as there are. */
static uint16_t buffers_take(
	struct packet_receiver *receiver, struct rte_mbuf **buffers, uint16_t count)
{
	uint16_t taken = 0;

	if (likely(rte_pktmbuf_alloc_bulk(receiver->pool, buffers, count) == 0))
		return count;
	while (taken < count && (buffers[taken] = rte_pktmbuf_alloc(receiver->pool)) != NULL)
		taken++;
	counter_add(&receiver->no_mbuf, 1);
	return taken;
}

/* ---- one frame ---- */

/* Makes `packet` as long as the frame, with further buffers where it takes some. */
static enum taken make_room(
	struct packet_receiver *receiver, struct rte_mbuf *packet, uint32_t length)
{
	const uint32_t room = receiver->room_bytes;
	uint32_t further = (length - 1) / room;
	struct rte_mbuf *last = packet;

	packet->pkt_len = length;
	packet->data_len = (uint16_t)RTE_MIN(length, room);
	if (likely(further == 0))
		return TAKEN;
	if (further >= PACKET_BUFFERS_MAX)
		return TAKEN_BAD;
	if (rte_pktmbuf_alloc_bulk(receiver->pool, receiver->chain, further) != 0) {
		counter_add(&receiver->no_mbuf, 1);
		return LEFT;
	}
	for (uint32_t i = 0; i < further; i++) {
		length -= room;
		receiver->chain[i]->data_len = (uint16_t)RTE_MIN(length, room);
		last->next = receiver->chain[i];
		last = last->next;
	}
	packet->nb_segs = (uint16_t)(further + 1);
	return TAKEN;
}

static void piece_add(struct packet_receiver *receiver, unsigned *count, void *bytes, size_t length)
{
	if (length > 0)
		receiver->pieces[(*count)++] = (struct iovec){bytes, length};
}

/* Where the frame's bytes go, behind pieces[0]. Leaves the place of the VLAN tag out. Returns the
 * number of pieces. */
static unsigned make_pieces(
	struct packet_receiver *receiver, const struct rte_mbuf *packet, uint32_t tag_bytes)
{
	uint8_t *bytes = rte_pktmbuf_mtod(packet, uint8_t *);
	uint32_t skip = 0;
	unsigned count = 1;

	if (tag_bytes > 0) {
		piece_add(receiver, &count, bytes, ADDRESSES_BYTES);
		skip = ADDRESSES_BYTES + tag_bytes;
	}
	piece_add(receiver, &count, bytes + skip, packet->data_len - skip);
	for (const struct rte_mbuf *m = packet->next; m != NULL; m = m->next)
		piece_add(receiver, &count, rte_pktmbuf_mtod(m, void *), m->data_len);
	return count;
}

static void copy_pieces(const struct packet_receiver *receiver, unsigned count, const uint8_t *from)
{
	for (unsigned i = 1; i < count; i++) {
		rte_memcpy(receiver->pieces[i].iov_base, from, receiver->pieces[i].iov_len);
		from += receiver->pieces[i].iov_len;
	}
}

/* From the socket's queue: its next frame is the one this slot has the beginning of. An interface
 * that went down is told once, instead of a frame. */
static enum taken receive_pieces(
	struct packet_socket *socket, unsigned count, uint32_t bytes, struct virtio_net_hdr *header)
{
	struct msghdr message = {.msg_iov = socket->receiver.pieces, .msg_iovlen = count};
	ssize_t got;

	socket->receiver.pieces[0] = (struct iovec){header, sizeof(*header)};
	got = recvmsg(socket->fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	if (got < 0 && (errno == ENETDOWN || errno == EINTR))
		return LEFT;
	return got == (ssize_t)(bytes + sizeof(*header)) ? TAKEN : TAKEN_BAD;
}

static void put_tag(struct rte_mbuf *packet, const struct tpacket2_hdr *slot)
{
	bool typed = (slot->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
	uint16_t tag[] = {
		rte_cpu_to_be_16(typed ? slot->tp_vlan_tpid : RTE_ETHER_TYPE_VLAN),
		rte_cpu_to_be_16(slot->tp_vlan_tci),
	};

	memcpy(rte_pktmbuf_mtod_offset(packet, uint8_t *, ADDRESSES_BYTES), tag, sizeof(tag));
}

/* The frame is lost: so that the next slot does not get it. */
static enum taken lose(struct packet_socket *socket, bool queued, uint64_t *counter)
{
	struct virtio_net_hdr header;

	while (queued && recv(socket->fd, &header, sizeof(header), MSG_DONTWAIT) < 0 &&
		(errno == ENETDOWN || errno == EINTR))
		;
	counter_add(counter, 1);
	return TAKEN_BAD;
}

/* The bytes, and what the kernel says of them. Leaves pieces behind when it fails. */
static enum taken fill(struct packet_socket *socket, struct rte_mbuf *packet,
	const struct frame_in *frame, struct virtio_net_hdr *ret_header)
{
	struct packet_receiver *receiver = &socket->receiver;
	const uint8_t *bytes = (const uint8_t *)frame->slot + frame->slot->tp_mac;
	unsigned count;

	if (likely(!frame->queued)) {
		memcpy(ret_header, bytes - sizeof(*ret_header), sizeof(*ret_header));
		if (likely(packet->nb_segs == 1 && frame->tag_bytes == 0)) {
			rte_memcpy(rte_pktmbuf_mtod(packet, void *), bytes, frame->bytes);
			return TAKEN;
		}
	}
	count = make_pieces(receiver, packet, frame->tag_bytes);
	if (frame->queued)
		return receive_pieces(socket, count, frame->bytes, ret_header);
	copy_pieces(receiver, count, bytes);
	return TAKEN;
}

static enum taken take_frame(
	struct packet_socket *socket, struct rte_mbuf *packet, const struct frame_in *frame)
{
	struct packet_receiver *receiver = &socket->receiver;
	struct virtio_net_hdr header;
	enum taken taken = make_room(receiver, packet, frame->bytes + frame->tag_bytes);

	if (unlikely(taken == TAKEN_BAD))
		return lose(socket, frame->queued, &receiver->errors);
	if (likely(taken == TAKEN))
		taken = fill(socket, packet, frame, &header);
	if (unlikely(taken != TAKEN)) {
		rte_pktmbuf_free(packet->next);
		packet->next = NULL;
		packet->nb_segs = 1;
		if (taken == TAKEN_BAD)
			counter_add(&receiver->errors, 1);
		return taken;
	}
	if (frame->tag_bytes > 0)
		put_tag(packet, frame->slot);
	packet->port = socket->port;
	/* A header that contradicts the packet makes it an ordinary one. */
	if (unlikely(!vnet_header_read(packet, &header, frame->tag_bytes)))
		counter_add(&receiver->errors, 1);
	return TAKEN;
}

/* TAKEN_BAD: the frame is lost, and counted. */
static enum taken take_slot(
	struct packet_socket *socket, struct rte_mbuf *packet, const struct tpacket2_hdr *slot)
{
	const uint32_t status = slot->tp_status;
	struct frame_in frame = {
		.slot = slot,
		.bytes = slot->tp_len,
		.tag_bytes = status & TP_STATUS_VLAN_VALID ? TAG_BYTES : 0,
		.queued = (status & TP_STATUS_COPY) != 0,
	};

	if (unlikely(!frame.queued && slot->tp_snaplen < slot->tp_len))
		return lose(socket, false, &socket->receiver.missed);
	if (unlikely(frame.bytes < RTE_ETHER_HDR_LEN))
		return lose(socket, frame.queued, &socket->receiver.errors);
	return take_frame(socket, packet, &frame);
}

/* Nobody tells a reader of the ring that the interface was deleted: it just stays empty. */
static __rte_noinline uint16_t nothing_came(struct packet_socket *socket)
{
	struct packet_receiver *receiver = &socket->receiver;
	uint64_t now = tsc_now();

	if (now - receiver->looked_tsc > receiver->look_every_tsc) {
		receiver->looked_tsc = now;
		packet_socket_present(socket);
	}
	return 0;
}

uint16_t packet_socket_receive(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct packet_socket *socket = argument;
	struct packet_receiver *receiver = &socket->receiver;
	uint16_t ready = slots_ready(receiver, count), received = 0;
	enum taken taken = TAKEN;

	if (ready == 0)
		return nothing_came(socket);
	count = buffers_take(receiver, packets, ready);
	for (uint16_t i = 0; i < ready && received < count; i++) {
		struct tpacket2_hdr *slot = slot_at(receiver, receiver->next);

		rte_prefetch0(slot_at(receiver, slot_after(receiver, receiver->next)));
		taken = take_slot(socket, packets[received], slot);
		if (unlikely(taken == LEFT))
			break;
		__atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		receiver->next = slot_after(receiver, receiver->next);
		received += taken == TAKEN;
	}
	if (unlikely(received < count))
		rte_pktmbuf_free_bulk(&packets[received], count - received);
	return received;
}
