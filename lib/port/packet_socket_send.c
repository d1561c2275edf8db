/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "port/packet_socket_parts.h"
#include "port/vnet_header.h"

static uint16_t pieces_of(const struct rte_mbuf *packet)
{
	return (uint16_t)(packet->nb_segs + 1);
}

static void make_message(struct packet_sender *sender, unsigned index,
	const struct rte_mbuf *packet, struct iovec *pieces)
{
	struct iovec *piece = pieces;

	*piece++ = (struct iovec){&sender->headers[index], sizeof(sender->headers[index])};
	for (const struct rte_mbuf *m = packet; m != NULL; m = m->next)
		*piece++ = (struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
	sender->messages[index] = (struct mmsghdr){
		.msg_hdr = {.msg_iov = pieces, .msg_iovlen = (size_t)(piece - pieces)},
	};
}

/* Messages of the first packets that fit; stops before one that cannot be said. */
static unsigned make_messages(
	struct packet_socket *socket, struct rte_mbuf *const packets[], unsigned count)
{
	struct packet_sender *sender = &socket->sender;
	unsigned made = 0, pieces = 0;

	while (made < count && made < SEND_MESSAGES) {
		const struct rte_mbuf *packet = packets[made];

		if (pieces_of(packet) > PACKET_PIECES_MAX ||
			pieces + pieces_of(packet) > RTE_DIM(sender->pieces) ||
			!vnet_header_write(packet, socket->interface.mtu, &sender->headers[made]))
			break;
		make_message(sender, made++, packet, &sender->pieces[pieces]);
		pieces += pieces_of(packet);
	}
	return made;
}

static void refuse(struct packet_sender *sender, const struct rte_mbuf *packet)
{
	counter_add(&sender->refused.packets, 1);
	counter_add(&sender->refused.bytes, packet->pkt_len);
}

/* Whether it may be different later, with this packet: buffers or a queue are full, or the
 * interface is down. */
static bool is_for_now(const struct packet_socket *socket, int code)
{
	switch (code) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
	case ENOMEM: return true;
	case ENETDOWN:
	case ENODEV:
	case ENXIO: packet_socket_present(socket); return true;
	default: return false; /* EMSGSIZE, EINVAL: the packet */
	}
}

/* Returns how many are dealt with: sent, or refused. */
static unsigned send_messages(
	struct packet_socket *socket, struct rte_mbuf *const packets[], unsigned count)
{
	struct packet_sender *sender = &socket->sender;
	unsigned sent = 0;

	while (sent < count) {
		int now = sendmmsg(socket->fd, &sender->messages[sent], count - sent, MSG_DONTWAIT);

		if (now > 0) {
			sent += (unsigned)now;
			continue;
		}
		if (is_for_now(socket, errno))
			break;
		refuse(sender, packets[sent++]);
	}
	return sent;
}

uint16_t packet_socket_send(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct packet_socket *socket = argument;
	uint16_t done = 0;

	while (done < count) {
		unsigned made = make_messages(socket, &packets[done], (unsigned)(count - done));
		unsigned sent = send_messages(socket, &packets[done], made);

		done += (uint16_t)sent;
		if (sent < made)
			break;
		if (made == 0)
			refuse(&socket->sender, packets[done++]);
	}
	rte_pktmbuf_free_bulk(packets, done);
	return done;
}
