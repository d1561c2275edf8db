/* SPDX-License-Identifier: BSD-3-Clause */
/* What packet_socket.c (life), packet_socket_receive.c and packet_socket_send.c share. */
#ifndef WEIR_PORT_PACKET_SOCKET_PARTS_H
#define WEIR_PORT_PACKET_SOCKET_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

#include <rte_interrupts.h>

#include "port/interface.h"
#include "port/packet_socket.h"

enum {
	PACKET_SLOT_BYTES = 2048,
	/* Buffers of a received packet, or segments of a sent one: a message has IOV_MAX pieces, of
	 * which three at most are not whole buffers. */
	PACKET_PIECES_MAX = 1024,
	PACKET_BUFFERS_MAX = PACKET_PIECES_MAX - 3,
	SEND_MESSAGES = 64,
};

struct packet_receiver { /* writer: the worker that receives */
	uint8_t *ring; /* NULL: nothing is received */
	uint32_t slots, next;
	struct rte_mempool *pool;
	uint16_t room_bytes; /* of each buffer */
	uint64_t looked_tsc; /* when it last saw to it that the interface is there */
	uint64_t look_every_tsc;
	/* Readers: any thread */
	uint64_t missed, errors, no_mbuf;
	struct iovec pieces[PACKET_PIECES_MAX];
	struct rte_mbuf *chain[PACKET_BUFFERS_MAX];
} __attribute__((aligned(64)));

struct packet_sender { /* writer: the worker that sends */
	struct tx_refused refused; /* readers: any thread */
	struct mmsghdr messages[SEND_MESSAGES];
	struct virtio_net_hdr headers[SEND_MESSAGES];
	struct iovec pieces[2 * PACKET_PIECES_MAX];
} __attribute__((aligned(64)));

struct packet_socket {
	int fd;
	struct interface interface; /* as it was found; with a smaller mtu where that was wanted */
	uint16_t port; /* for mbuf->port */
	uint32_t *removed; /* the port's */
	size_t ring_bytes;
	struct rte_epoll_event wake; /* EAL keeps a pointer to it */
	struct packet_receiver receiver;
	struct packet_sender sender;
	/* Of the kernel's counter, which starts again at each look. Atomic. Any thread. */
	uint64_t dropped __attribute__((aligned(64)));
};

/* Whether the interface is still there; if not, *socket->removed is set. Any thread. */
bool packet_socket_present(const struct packet_socket *socket);

/* Written by one thread, read by others. */
static inline void counter_add(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

#endif
