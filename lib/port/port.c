/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/port.h"

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "port/application.h"
#include "port/ethdev.h"
#include "port/features.h"
#include "port/memif.h"
#include "port/packet_socket.h"
#include "port/replay.h"
#include "port/sink.h"

/* It takes super-packets as they are. */
static int open_application(struct port *port, struct error *error)
{
	port->application = application_create(port->config, error);
	if (port->application == NULL)
		return -error->code;
	port->rx_queues_max = 1;
	port->tx_queues_max = 1;
	port->tx_whole = PORT_WHOLE_ALL | PORT_WHOLE_MARKED;
	return 0;
}

int port_open(
	struct port *port, const struct config_port *config, uint16_t index, struct error *error)
{
	memset(port, 0, sizeof(*port));
	port->config = config;
	port->index = index;
	port->ethdev = RTE_MAX_ETHPORTS;
	port->numa_node = -1;
	port->mtu = RTE_ETHER_MTU;
	port->tx_length_max = UINT32_MAX;
	port->tx_whole_bytes_max = UINT32_MAX;
	port->tx_segments_max = UINT16_MAX;
	port->address = (struct rte_ether_addr){{0x02, 0, 0, 0, 0, (uint8_t)index}};
	switch (config->kind) {
	case PORT_DEVICE: return ethdev_open(port, error);
	case PORT_REPLAY:
	case PORT_GENERATE:
		port->patient = true;
		port->rx_queues_max = 1;
		return 0;
	case PORT_FILE:
		port->tx_queues_max = 1;
		port->tx_whole = PORT_WHOLE_ALL;
		return 0;
	case PORT_INTERFACE: return packet_socket_open(port, error);
	case PORT_APPLICATION: return open_application(port, error);
	}
	return error_set(error, EINVAL, "port %s: unknown kind", config->name);
}

static struct tx_queue device_tx_queue(const struct port *port, uint16_t queue)
{
	if (port->memif)
		return memif_tx_queue(port->ethdev, queue);
	return (struct tx_queue){.ethdev = port->ethdev, .queue = queue};
}

static int check_features(const struct port *port, struct error *error)
{
	struct feature_abilities abilities;
	struct feature_state states[FEATURE_COUNT];

	port_feature_abilities(port, &abilities);
	features_resolve(&abilities, &port->config->features, port->super_packets_come, states);
	return features_check(port->config->name, states, error);
}

int port_configure(struct port *port, uint16_t rx_queues, uint16_t tx_queues,
	struct rte_mempool *const pools[], struct error *error)
{
	const struct config_port *config = port->config;
	const char *path = config->kind == PORT_FILE ? config->file : config->mirror;
	int result;

	if (config->kind == PORT_DEVICE)
		result = ethdev_configure(port, rx_queues, tx_queues, pools, error);
	else if (config->kind == PORT_INTERFACE)
		result = packet_socket_configure(port, rx_queues, pools[0], error);
	else
		result = 0;
	if (port->application != NULL && rx_queues > 0)
		application_set_pool(port->application, pools[0]);
	if (result != 0)
		return result;
	port->rx_queue_count = rx_queues;
	port->tx_queue_count = tx_queues;
	result = check_features(port, error);
	if (result != 0)
		return result;
	if (path == NULL || tx_queues == 0)
		return 0;
	port->sink = sink_create(path, rte_get_tsc_hz(), error);
	if (port->sink == NULL)
		return error_prefix(error, "port %s", config->name);
	if (config->kind == PORT_DEVICE)
		sink_set_next(port->sink, device_tx_queue(port, 0));
	return 0;
}

int port_start(struct port *port, struct error *error)
{
	switch (port->config->kind) {
	case PORT_DEVICE: return ethdev_start(port, error);
	case PORT_INTERFACE: return packet_socket_start(port, error);
	default: return 0;
	}
}

void port_stop(struct port *port)
{
	if (port->config->kind == PORT_DEVICE)
		ethdev_stop(port);
}

int port_close(struct port *port, struct error *error)
{
	int result;

	port->application = application_destroy(port->application);
	port->socket = packet_socket_destroy(port->socket);
	port->replay = replay_destroy(port->replay);
	if (port->config->kind == PORT_DEVICE)
		ethdev_close(port);
	result = sink_destroy(port->sink, error);
	port->sink = NULL;
	return result;
}

bool port_link_is_up(const struct port *port)
{
	struct rte_eth_link link = {.link_status = RTE_ETH_LINK_UP};

	if (__atomic_load_n(&port->removed, __ATOMIC_RELAXED))
		return false;
	if (port->config->kind == PORT_INTERFACE)
		return packet_socket_link_is_up(port->socket);
	if (port->application != NULL)
		return application_is_bound(port->application);
	if (port->config->kind == PORT_DEVICE)
		rte_eth_link_get_nowait(port->ethdev, &link);
	return link.link_status == RTE_ETH_LINK_UP;
}

struct rx_queue port_rx_queue(struct port *port, uint16_t queue)
{
	if (port->socket != NULL)
		return (struct rx_queue){
			.receive = packet_socket_receive, .argument = port->socket};
	if (port->application != NULL)
		return (struct rx_queue){
			.receive = application_receive, .argument = port->application};
	if (port->memif)
		return memif_rx_queue(port->ethdev, queue);
	if (port->config->kind == PORT_DEVICE)
		return (struct rx_queue){.ethdev = port->ethdev, .queue = queue};
	return (struct rx_queue){.receive = replay_receive, .argument = port->replay};
}

struct tx_queue port_tx_queue(struct port *port, uint16_t queue)
{
	if (port->sink != NULL)
		return (struct tx_queue){.send = sink_send, .argument = port->sink};
	if (port->socket != NULL)
		return (struct tx_queue){.send = packet_socket_send,
			.argument = port->socket,
			.refused = packet_socket_refused(port->socket)};
	if (port->application != NULL)
		return (struct tx_queue){.send = application_send, .argument = port->application};
	return device_tx_queue(port, queue);
}
