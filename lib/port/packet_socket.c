/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <rte_cycles.h>
#include <rte_ether.h>

#include "port/packet_socket_parts.h"
#include "segmentation/super_packet.h"

enum {
	BLOCK_BYTES = 1 << 16,
	SLOTS_A_BLOCK = BLOCK_BYTES / PACKET_SLOT_BYTES,
	/* Of long frames that wait, and of sent ones that the interface has not taken yet. */
	QUEUE_BYTES = 32 << 20,
	LOOKS_PER_SECOND = 20,
};

static int fail(const struct port *port, struct error *error, const char *what)
{
	int code = errno;

	return error_set(error, code, "port %s: interface \"%s\": %s: %s", port->config->name,
		port->config->interface, what, strerror(code));
}

/* ---- open ---- */

static int open_socket(const struct port *port, struct error *error)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0)
		return fd;
	if (errno == EPERM || errno == EACCES)
		return error_set(error, errno,
			"port %s: interface \"%s\": a packet socket needs the capability "
			"CAP_NET_RAW; run as root, or `setcap cap_net_raw,cap_net_admin+ep` the "
			"program",
			port->config->name, port->config->interface);
	return fail(port, error, "no packet socket");
}

/* UDP super-packets came into the header of packet sockets with Linux 6.2. */
static bool kernel_takes_udp(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
		(major > 6 || (major == 6 && minor >= 2));
}

int packet_socket_open(struct port *port, struct error *error)
{
	struct packet_socket *socket = aligned_alloc(64, sizeof(*socket));
	int result;

	if (socket == NULL)
		return error_set(
			error, ENOMEM, "port %s: no memory for its socket", port->config->name);
	memset(socket, 0, sizeof(*socket));
	port->socket = socket;
	socket->port = port->index;
	socket->removed = &port->removed;
	socket->fd = open_socket(port, error);
	if (socket->fd < 0)
		return socket->fd;
	result = interface_find(socket->fd, port->config->interface, &socket->interface, error);
	if (result != 0)
		return error_prefix(error, "port %s", port->config->name);
	port->address = socket->interface.address;
	port->rx_queues_max = 1;
	port->tx_queues_max = 1;
	port->tx_whole = PORT_WHOLE_TCP | PORT_WHOLE_MARKED;
	if (kernel_takes_udp())
		port->tx_whole |= PORT_WHOLE_UDP;
	port->tx_whole_bytes_max = interface_whole_bytes_max(socket->interface.index);
	return super_note_register(error);
}

/* ---- configure ---- */

static int set(const struct packet_socket *socket, int option, int value)
{
	return setsockopt(socket->fd, SOL_PACKET, option, &value, sizeof(value));
}

/* Beyond what /proc/sys/net/core says, if this process may. */
static void set_queues(const struct packet_socket *socket)
{
	const int bytes = QUEUE_BYTES;

	if (setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int make_ring(struct port *port, struct packet_socket *socket, struct error *error)
{
	struct packet_receiver *receiver = &socket->receiver;
	uint32_t blocks = (port->config->rx_descriptors + SLOTS_A_BLOCK - 1u) / SLOTS_A_BLOCK;
	struct tpacket_req request = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = blocks,
		.tp_frame_size = PACKET_SLOT_BYTES,
		.tp_frame_nr = blocks * SLOTS_A_BLOCK,
	};
	void *ring;

	if (set(socket, PACKET_VERSION, TPACKET_V2) != 0 || set(socket, PACKET_COPY_THRESH, 1) != 0)
		return fail(port, error, "the kernel has no TPACKET_V2");
	if (setsockopt(socket->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0)
		return fail(port, error, "no memory for a receive ring; take fewer rx_descriptors");
	socket->ring_bytes = (size_t)blocks * BLOCK_BYTES;
	ring = mmap(NULL, socket->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		socket->fd, 0);
	if (ring == MAP_FAILED)
		return fail(port, error, "its receive ring cannot be mapped");
	receiver->ring = ring;
	receiver->slots = request.tp_frame_nr;
	receiver->look_every_tsc = rte_get_tsc_hz() / LOOKS_PER_SECOND;
	return 0;
}

static int check_wishes(
	const struct port *port, const struct packet_socket *socket, struct error *error)
{
	const struct config_port *config = port->config;

	if (config->rss.mode == RSS_HARDWARE)
		return error_set(error, ENOTSUP,
			"port %s: /ports/%s/rss/mode is \"hardware\", but a packet socket has one "
			"queue; use \"software\"",
			config->name, config->name);
	if (config->mtu > socket->interface.mtu)
		return error_set(error, ENOTSUP,
			"port %s: /ports/%s/mtu: %u asked for, interface \"%s\" has %u; `ip link "
			"set dev %s mtu %u` raises it",
			config->name, config->name, config->mtu, config->interface,
			socket->interface.mtu, config->interface, config->mtu);
	return 0;
}

int packet_socket_configure(
	struct port *port, uint16_t rx_queues, struct rte_mempool *pool, struct error *error)
{
	struct packet_socket *socket = port->socket;
	int result = check_wishes(port, socket, error);

	if (result != 0)
		return result;
	if (port->config->mtu != 0)
		socket->interface.mtu = port->config->mtu;
	port->mtu = socket->interface.mtu;
	/* The kernel allows for one tag. */
	port->tx_length_max = port->mtu + RTE_ETHER_HDR_LEN + sizeof(struct rte_vlan_hdr);
	port->tx_segments_max = PACKET_PIECES_MAX - 1;
	if (set(socket, PACKET_VNET_HDR, 1) != 0)
		return fail(port, error, "the kernel has no PACKET_VNET_HDR");
	if (set(socket, PACKET_IGNORE_OUTGOING, 1) != 0)
		return fail(port, error, "the kernel has no PACKET_IGNORE_OUTGOING (Linux 4.20)");
	set_queues(socket);
	if (rx_queues == 0)
		return 0;
	socket->receiver.pool = pool;
	socket->receiver.room_bytes =
		(uint16_t)(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM);
	return make_ring(port, socket, error);
}

/* ---- start ---- */

static int become_promiscuous(struct port *port, struct error *error)
{
	const struct packet_socket *socket = port->socket;
	const struct packet_mreq request = {
		.mr_ifindex = socket->interface.index,
		.mr_type = PACKET_MR_PROMISC,
	};

	if (port->config->features.promiscuous == FEATURE_OFF || socket->receiver.ring == NULL ||
		setsockopt(socket->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request,
			sizeof(request)) == 0)
		return 0;
	return fail(port, error, "it refuses promiscuous mode");
}

int packet_socket_start(struct port *port, struct error *error)
{
	const struct packet_socket *socket = port->socket;
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = socket->receiver.ring != NULL ? htons(ETH_P_ALL) : 0,
		.sll_ifindex = socket->interface.index,
	};

	if (bind(socket->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return fail(port, error, "a packet socket cannot be bound to it");
	return become_promiscuous(port, error);
}

struct packet_socket *packet_socket_destroy(struct packet_socket *socket)
{
	if (socket == NULL)
		return NULL;
	if (socket->receiver.ring != NULL)
		munmap(socket->receiver.ring, socket->ring_bytes);
	if (socket->fd >= 0)
		close(socket->fd);
	free(socket);
	return NULL;
}

/* ---- what the kernel knows ---- */

bool packet_socket_wake(struct packet_socket *socket, bool on)
{
	if (on)
		socket->wake = (struct rte_epoll_event){.epdata.event = EPOLLIN};
	return rte_epoll_ctl(RTE_EPOLL_PER_THREAD, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, socket->fd,
		       &socket->wake) == 0;
}

bool packet_socket_present(const struct packet_socket *socket)
{
	struct sockaddr_ll address = {0};
	socklen_t length = sizeof(address), error_length = sizeof(int);
	int error;

	/* That it went down: as long as nobody reads this, no sleep is one. */
	getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &error_length);

	/* A socket whose interface was deleted is bound to none. */
	if (getsockname(socket->fd, (struct sockaddr *)&address, &length) == 0 &&
		address.sll_ifindex == socket->interface.index)
		return true;
	__atomic_store_n(socket->removed, 1, __ATOMIC_RELEASE);
	return false;
}

bool packet_socket_link_is_up(const struct packet_socket *socket)
{
	return interface_is_up(socket->fd, socket->interface.index);
}

void packet_socket_state(struct packet_socket *socket, struct packet_socket_state *ret_state)
{
	const struct packet_receiver *receiver = &socket->receiver;
	struct tpacket_stats counted;
	socklen_t length = sizeof(counted);

	*ret_state = (struct packet_socket_state){0};
	if (packet_socket_present(socket)) {
		ret_state->link_up = packet_socket_link_is_up(socket);
		ret_state->link_mbps = interface_speed_mbps(socket->fd, socket->interface.index);
	}
	if (getsockopt(socket->fd, SOL_PACKET, PACKET_STATISTICS, &counted, &length) == 0)
		__atomic_fetch_add(&socket->dropped, counted.tp_drops, __ATOMIC_RELAXED);
	ret_state->missed = __atomic_load_n(&socket->dropped, __ATOMIC_RELAXED) +
		__atomic_load_n(&receiver->missed, __ATOMIC_RELAXED);
	ret_state->errors = __atomic_load_n(&receiver->errors, __ATOMIC_RELAXED);
	ret_state->no_mbuf = __atomic_load_n(&receiver->no_mbuf, __ATOMIC_RELAXED);
}

const struct tx_refused *packet_socket_refused(const struct packet_socket *socket)
{
	return &socket->sender.refused;
}
