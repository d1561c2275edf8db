/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's network interfaces as ports, by a packet socket of weir's own. Called by port.c
 * only; see port.h for the meanings. What DPDK's af_packet driver cannot: super-packets of 64 KiB
 * both ways, partial checksums, lone fragments, VLAN tags as they were on the wire.
 *
 * Receiving: a ring (TPACKET_V2) that the kernel writes frames into, so that a small packet costs
 * no system call: a copy of some 50 ns, where recvmmsg(2) takes 400 to 500 ns a packet. Its slots
 * are of 2 KiB. A longer frame waits in the socket's queue as well (PACKET_COPY_THRESH): the slot
 * says so, and one recvmsg(2) puts it where it belongs, into a chain of packet buffers. Through the
 * ring it would be copied twice, which costs a third more at 64 KiB. The slots themselves hold no
 * packet buffers.
 *
 * Sending: sendmmsg(2), through the interface's queueing discipline. PACKET_QDISC_BYPASS would drop
 * each super-packet that the kernel has to cut itself.
 *
 * One rx and one tx queue. The kernel still sees all packets too: an interface without addresses
 * leaves them to weir.
 *
 * Source: packet(7), Linux Documentation/networking/packet_mmap.rst, net/packet/af_packet.c.
 */
#ifndef WEIR_PORT_PACKET_SOCKET_H
#define WEIR_PORT_PACKET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "port/port.h"

/* Finds the interface. -ENODEV, -EPERM, ...: says what to do. */
int packet_socket_open(struct port *port, struct error *error);
/* rx_queues 0: nothing is received. `pool`: packet memory of what is. */
int packet_socket_configure(
	struct port *port, uint16_t rx_queues, struct rte_mempool *pool, struct error *error);
/* From here on packets come. */
int packet_socket_start(struct port *port, struct error *error);
/* Takes NULL, returns NULL. */
struct packet_socket *packet_socket_destroy(struct packet_socket *socket);

/* On the worker's thread: what comes wakes it from rte_epoll_wait(RTE_EPOLL_PER_THREAD), or no
 * longer does. */
bool packet_socket_wake(struct packet_socket *socket, bool on);

/* Of an rx_queue and a tx_queue. */
uint16_t packet_socket_receive(void *socket, struct rte_mbuf **packets, uint16_t count);
uint16_t packet_socket_send(void *socket, struct rte_mbuf **packets, uint16_t count);
/* Of what the send function took, what the kernel refused. */
const struct tx_refused *packet_socket_refused(const struct packet_socket *socket);

struct packet_socket_state {
	bool link_up;
	uint32_t link_mbps; /* 0: not known */
	uint64_t missed; /* the ring was full, or the queue of long frames */
	uint64_t errors; /* not to be received; or with a header that contradicts the packet */
	uint64_t no_mbuf; /* times that packets had to wait for a packet buffer */
};

bool packet_socket_link_is_up(const struct packet_socket *socket);

/* Asks the kernel; notices when the interface is gone. Any thread. */
void packet_socket_state(struct packet_socket *socket, struct packet_socket_state *ret_state);

#endif
