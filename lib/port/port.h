/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port: something packets come from or go to. Six kinds behind one face: an ethdev (any DPDK
 * device), a network interface of the kernel, a replay of capture files, a generator, a capture
 * file that takes what is sent, and an application's ring.
 *
 * A worker reads and writes a port through an rx_queue or tx_queue, so the poll loop does not know
 * the kinds: the ethdev's queue, or a function and its argument. A queue is used by one worker
 * only.
 *
 * Life: port_open -> port_configure -> port_start -> ... -> port_stop -> port_close, all on the
 * controlling thread. EAL must be up.
 */
#ifndef WEIR_PORT_PORT_H
#define WEIR_PORT_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/error.h"
#include "config/config.h"

/* Takes up to `count` packets; returns how many. */
typedef uint16_t (*rx_burst_function)(void *queue, struct rte_mbuf **packets, uint16_t count);
/* Sends the first packets that fit; returns how many. Those are no longer the caller's. */
typedef uint16_t (*tx_burst_function)(void *queue, struct rte_mbuf **packets, uint16_t count);

struct rx_queue {
	rx_burst_function receive; /* NULL: the ethdev's own */
	void *argument;
	uint16_t ethdev, queue;
};

/* Of what a tx queue took, what it could not send after all, and freed. Writer: who sends. */
struct tx_refused {
	uint64_t packets, bytes;
};

struct tx_queue {
	tx_burst_function send; /* NULL: the ethdev's own */
	void *argument;
	const struct tx_refused *refused; /* NULL: all it took is sent */
	uint16_t ethdev, queue;
};

static inline uint16_t rx_queue_receive(
	const struct rx_queue *rx, struct rte_mbuf **packets, uint16_t count)
{
	if (rx->receive == NULL)
		return rte_eth_rx_burst(rx->ethdev, rx->queue, packets, count);
	return rx->receive(rx->argument, packets, count);
}

static inline uint16_t tx_queue_send(
	const struct tx_queue *tx, struct rte_mbuf **packets, uint16_t count)
{
	if (tx->send == NULL)
		return rte_eth_tx_burst(tx->ethdev, tx->queue, packets, count);
	return tx->send(tx->argument, packets, count);
}

enum { PORT_RSS_KEY_MAX = 64 }; /* bytes; drivers have 40 or 52 */
enum port_rss { PORT_RSS_OFF, PORT_RSS_SOFTWARE, PORT_RSS_HARDWARE };

/* Super-packets that a port takes as they are: to cut them itself, or for whoever takes them from
 * it. */
enum {
	PORT_WHOLE_TCP = 1 << 0,
	PORT_WHOLE_UDP = 1 << 1, /* into datagrams of one size */
	PORT_WHOLE_UFO = 1 << 2, /* into IP fragments */
	PORT_WHOLE_TUNNEL = 1 << 3, /* in a tunnel */
	/* Those of a port without limit of length. */
	PORT_WHOLE_ALL = PORT_WHOLE_TCP | PORT_WHOLE_UDP | PORT_WHOLE_UFO | PORT_WHOLE_TUNNEL,
	PORT_WHOLE_MARKED = 1 << 4, /* with the flags of segmentation/super_packet.h, unfinished */
};

struct application; /* port/application.h */
struct packet_socket; /* port/packet_socket.h */
struct replay; /* port/replay.h */
struct sink; /* port/sink.h */

struct port {
	const struct config_port *config;
	uint16_t index; /* in the configuration */
	uint16_t ethdev; /* PORT_DEVICE: DPDK's port id */
	bool probed; /* we attached the device, so we detach it */
	bool started;
	bool rx_interrupts; /* its rx queues can wake a sleeping worker */
	bool memif; /* its driver is net_memif: port/memif.h */
	bool keeps_buffers; /* its driver does not give back all packet buffers when it is closed */
	bool patient; /* a source that can wait (replay, generate): never dropped for a full
			 backlog, only put off */
	int numa_node; /* -1: none of its own */
	uint16_t rx_queues_max, tx_queues_max;
	uint16_t rx_queue_count, tx_queue_count;
	enum port_rss rss;
	bool rss_unable; /* "auto", and the device cannot hash as it is asked to */
	/* PORT_RSS_HARDWARE: what the device was told */
	bool rss_spreads_twice; /* software spreads on from the device's queues */
	uint8_t rss_key_bytes;
	uint8_t rss_key[PORT_RSS_KEY_MAX];
	uint64_t rss_types; /* RTE_ETH_RSS_* */
	uint32_t mtu;
	uint32_t tx_length_max; /* longest frame the port can send, bytes; UINT32_MAX: any */
	uint16_t tx_segments_max; /* most segments; UINT16_MAX: any */
	uint64_t rx_offloads, tx_offloads; /* RTE_ETH_{RX,TX}_OFFLOAD_* switched on */
	uint64_t tx_capable; /* RTE_ETH_TX_OFFLOAD_* that could have been */
	uint32_t tx_whole; /* PORT_WHOLE_* it can take, */
	uint32_t tx_whole_bytes_max; /* frames of so many bytes at most; UINT32_MAX: any */
	bool super_packets_come; /* a pipeline that leads here may bring some; before configuring */
	struct rte_ether_addr address;
	struct application *application; /* PORT_APPLICATION */
	struct packet_socket *socket; /* PORT_INTERFACE */
	struct replay *replay; /* PORT_REPLAY, PORT_GENERATE */
	struct sink *sink; /* PORT_FILE, or a device whose departures are written to a file */
	/* Atomic. Writers: EAL's interrupt thread; for an interface whoever notices. Readers:
	 * workers, stats */
	uint32_t removed;
};

/* Finds or attaches the device and asks what it can do. Fills *port. */
int port_open(
	struct port *port, const struct config_port *config, uint16_t index, struct error *error);

/* Sets queues, descriptors, MTU and offloads up. pools[q]: packet memory of rx queue q. Says by
 * name what the device cannot do. */
int port_configure(struct port *port, uint16_t rx_queues, uint16_t tx_queues,
	struct rte_mempool *const pools[], struct error *error);

int port_start(struct port *port, struct error *error);
void port_stop(struct port *port);
/* Also closes a file written to: -errno with `error` when not all could be written. */
int port_close(struct port *port, struct error *error);

/* Gives the device's RSS a new indirection table, while packets flow too: of the hash's bucket in a
 * table of `size` (a power of two, at most 512), the queue; stretched or folded to the device's
 * size. On the controlling thread. -ENOTSUP: RSS is not the device's; -EINVAL: no such queue or
 * size; or what the driver says. */
int port_set_reta(struct port *port, const uint8_t queues[], uint16_t size);

/* Gives the device another key, other fields and the table that `rss` asks for, while packets flow
 * too. On the controlling thread. -ENOTSUP: RSS is not the device's, or it cannot do that; nothing
 * has changed then. Or what the driver says. */
int port_set_rss(struct port *port, const struct config_rss *rss, struct error *error);

/* Whether what is sent now could leave. A removed one's is down. Any thread. */
bool port_link_is_up(const struct port *port);

struct rx_queue port_rx_queue(struct port *port, uint16_t queue);
struct tx_queue port_tx_queue(struct port *port, uint16_t queue);

#endif
