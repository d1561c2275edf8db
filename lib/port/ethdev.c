/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ethdev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "port/ethdev_rss.h"
#include "port/features.h"

/* What weir would use if the device does it. */
#define TX_CHECKSUM_OFFLOADS                                                                       \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |                            \
		RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

enum { VLAN_ROOM = 2 * sizeof(struct rte_vlan_hdr) };

/* "net_null0,copy=0" -> "net_null0" */
static void device_name(const char *device, char *name, size_t size)
{
	size_t length = strcspn(device, ",");

	if (length >= size)
		length = size - 1;
	memcpy(name, device, length);
	name[length] = '\0';
}

/* net_tap cuts in software, by rte_gso: IPv4 only, and weir does that better. */
static uint64_t tx_capable(const struct rte_eth_dev_info *info)
{
	const uint64_t cuts = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_UDP_TSO;

	return strcmp(info->driver_name, "net_tap") == 0 ? info->tx_offload_capa & ~cuts
							 : info->tx_offload_capa;
}

int ethdev_open(struct port *port, struct error *error)
{
	const char *device = port->config->device;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev_info info;
	struct rte_dev_iterator iterator;
	uint16_t id = RTE_MAX_ETHPORTS, found;
	int result;

	device_name(device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, &id) != 0) {
		result = rte_dev_probe(device);
		if (result < 0)
			return error_set(error, -result,
				"port %s: no driver attaches device \"%s\": %s. Check the name and "
				"the "
				"arguments (drivers: net_af_packet, net_af_xdp, net_tap, "
				"net_memif, net_null, "
				"net_ring, net_pcap, ...; a NIC by its PCI address, bound to "
				"vfio-pci)",
				port->config->name, device, rte_strerror(-result));
		port->probed = true;
		RTE_ETH_FOREACH_MATCHING_DEV(found, device, &iterator)
		if (id == RTE_MAX_ETHPORTS)
			id = found;
		if (id == RTE_MAX_ETHPORTS && rte_eth_dev_get_port_by_name(name, &id) != 0)
			return error_set(error, ENODEV,
				"port %s: device \"%s\" attached but has no "
				"Ethernet port",
				port->config->name, device);
	}
	port->ethdev = id;
	result = rte_eth_dev_info_get(id, &info);
	if (result != 0)
		return error_set(error, -result,
			"port %s: device \"%s\" does not tell what it is: %s", port->config->name,
			device, rte_strerror(-result));
	/* In DPDK 22.11 af_xdp keeps those in its fill ring, and memif without copies those its
	 * peer had not released yet. */
	port->memif = strcmp(info.driver_name, "net_memif") == 0;
	port->keeps_buffers = strcmp(info.driver_name, "net_af_xdp") == 0 ||
		(port->memif && strstr(device, "zero-copy=yes"));
	port->rx_queues_max = info.max_rx_queues;
	port->tx_queues_max = info.max_tx_queues;
	port->tx_capable = tx_capable(&info);
	port->rss_unable = ethdev_rss_unable(&port->config->rss, &info);
	port->numa_node = rte_eth_dev_socket_id(id);
	rte_eth_macaddr_get(id, &port->address);
	return 0;
}

/* How long a frame may be that the driver takes: a wire's MTU, or what its buffers hold. */
static uint32_t tx_length_limit(const char *driver, const char *device, uint32_t mtu)
{
	static const char *const unlimited[] = {"net_null", "net_ring", "net_memif"};
	uint32_t wire = mtu + RTE_ETHER_HDR_LEN + VLAN_ROOM;
	const char *frame_size;
	uint32_t room;

	for (unsigned i = 0; i < RTE_DIM(unlimited); i++)
		if (strcmp(driver, unlimited[i]) == 0)
			return UINT32_MAX;
	if (strcmp(driver, "net_pcap") == 0 && strstr(device, "iface=") == NULL)
		return UINT16_MAX; /* it would cut longer ones in the file */
	if (strcmp(driver, "net_af_packet") != 0)
		return wire;
	/* Frees longer ones without a word: 32 bytes of each ring frame are its header. */
	frame_size = strstr(device, "framesz=");
	room = (frame_size ? (uint32_t)strtoul(frame_size + 8, NULL, 10) : 2048) - 32;
	return room < wire ? room : wire;
}

/* A driver's simple transmit function may send the first segment only. net_ring and net_null pass
 * packets as they are. */
static uint16_t tx_segments_limit(const struct rte_eth_dev_info *info, uint64_t tx_offloads)
{
	if (!(tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) &&
		strcmp(info->driver_name, "net_ring") != 0 &&
		strcmp(info->driver_name, "net_null") != 0)
		return 1;
	return info->tx_desc_lim.nb_seg_max ? info->tx_desc_lim.nb_seg_max : UINT16_MAX;
}

/* What the device is to do, of what it can: as its features come to. Cutting only where something
 * to cut comes, unless it is asked for: a driver may have a faster way without. */
static void choose_offloads(
	const struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const struct config_features *wanted = &port->config->features;
	struct feature_abilities abilities;
	struct feature_state states[FEATURE_COUNT];

	port_feature_abilities(port, &abilities);
	abilities.rx_offloads = info->rx_offload_capa;
	abilities.tx_offloads = port->tx_capable;
	abilities.chains = abilities.chains_capable;
	abilities.cuts = abilities.cuts_capable;
	features_resolve(&abilities, wanted, port->super_packets_come, states);
	if (wanted->rx_checksumming != FEATURE_OFF)
		conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
	if (wanted->tx_checksumming != FEATURE_OFF)
		conf->txmode.offloads |= port->tx_capable & TX_CHECKSUM_OFFLOADS;
	if (wanted->scatter_gather != FEATURE_OFF)
		conf->txmode.offloads |= port->tx_capable & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (states[FEATURE_TCP_SEGMENTATION_OFFLOAD].on &&
		(port->super_packets_come || wanted->tcp_segmentation_offload == FEATURE_ON))
		conf->txmode.offloads |= port->tx_capable & RTE_ETH_TX_OFFLOAD_TCP_TSO;
	if (states[FEATURE_TX_UDP_SEGMENTATION].on &&
		(port->super_packets_come || wanted->tx_udp_segmentation == FEATURE_ON))
		conf->txmode.offloads |= port->tx_capable & RTE_ETH_TX_OFFLOAD_UDP_TSO;
}

static int check_wishes(const struct port *port, const struct rte_eth_dev_info *info,
	uint16_t rx_queues, uint16_t tx_queues, struct error *error)
{
	const struct config_port *config = port->config;

	if (rx_queues > info->max_rx_queues || tx_queues > info->max_tx_queues)
		return error_set(error, ENOTSUP,
			"port %s: /ports/%s/queues: %u rx and %u tx queues asked for, %s has %u "
			"and %u",
			config->name, config->name, rx_queues, tx_queues, info->driver_name,
			info->max_rx_queues, info->max_tx_queues);
	if (config->mtu != 0 && (config->mtu < info->min_mtu || config->mtu > info->max_mtu))
		return error_set(error, ENOTSUP,
			"port %s: /ports/%s/mtu: %u asked for, %s takes %u to %u", config->name,
			config->name, config->mtu, info->driver_name, info->min_mtu, info->max_mtu);
	return 0;
}

static int setup_queues(struct port *port, const struct rte_eth_dev_info *info,
	struct rte_mempool *const pools[], uint64_t tx_offloads, struct error *error)
{
	uint16_t rx_descriptors = port->config->rx_descriptors;
	uint16_t tx_descriptors = port->config->tx_descriptors;
	struct rte_eth_txconf tx_conf = info->default_txconf;
	unsigned socket = port->numa_node < 0 ? SOCKET_ID_ANY : (unsigned)port->numa_node;
	int result;

	rte_eth_dev_adjust_nb_rx_tx_desc(port->ethdev, &rx_descriptors, &tx_descriptors);
	tx_conf.offloads = tx_offloads;
	for (uint16_t q = 0; q < port->rx_queue_count; q++) {
		result = rte_eth_rx_queue_setup(
			port->ethdev, q, rx_descriptors, socket, NULL, pools[q]);
		if (result != 0)
			return error_set(error, -result, "port %s: %s refuses rx queue %u: %s%s",
				port->config->name, info->driver_name, q, rte_strerror(-result),
				result == -EINVAL || result == -ENOMEM
					? " (a longer /memory/packet_data may be needed)"
					: "");
	}
	for (uint16_t q = 0; q < port->tx_queue_count; q++) {
		result = rte_eth_tx_queue_setup(port->ethdev, q, tx_descriptors, socket, &tx_conf);
		if (result != 0)
			return error_set(error, -result, "port %s: %s refuses tx queue %u: %s",
				port->config->name, info->driver_name, q, rte_strerror(-result));
	}
	return 0;
}

/* Worker threads and the stats thread look at `removed`; the others go on. */
static int on_removed(uint16_t id, enum rte_eth_event_type event, void *argument, void *result)
{
	struct port *port = argument;

	(void)id;
	(void)event;
	(void)result;
	__atomic_store_n(&port->removed, 1, __ATOMIC_RELEASE);
	return 0;
}

int ethdev_configure(struct port *port, uint16_t rx_queues, uint16_t tx_queues,
	struct rte_mempool *const pools[], struct error *error)
{
	const struct config_port *config = port->config;
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	uint16_t mtu = RTE_ETHER_MTU;
	int result;

	rte_eth_dev_info_get(port->ethdev, &info);
	result = check_wishes(port, &info, rx_queues, tx_queues, error);
	if (result == 0)
		result = ethdev_rss_choose(port, &info, rx_queues, &conf, error);
	if (result != 0)
		return result;
	rte_eth_dev_get_mtu(port->ethdev, &mtu);
	if (mtu == 0)
		mtu = RTE_ETHER_MTU;
	port->mtu = config->mtu ? config->mtu : mtu;
	conf.rxmode.mtu = port->mtu;
	conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	choose_offloads(port, &info, &conf);
	/* Rx interrupts let an idle worker sleep; a driver without them refuses, and it polls. */
	conf.intr_conf.rxq = rx_queues > 0;
	conf.intr_conf.rmv = (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
	result = rte_eth_dev_configure(port->ethdev, rx_queues, tx_queues, &conf);
	if (result != 0 && conf.intr_conf.rxq) {
		conf.intr_conf.rxq = 0;
		result = rte_eth_dev_configure(port->ethdev, rx_queues, tx_queues, &conf);
	}
	if (result != 0)
		return error_set(error, -result,
			"port %s: %s refuses %u rx queues, %u tx queues, MTU %u: %s", config->name,
			info.driver_name, rx_queues, tx_queues, port->mtu, rte_strerror(-result));
	port->rx_interrupts = conf.intr_conf.rxq;
	port->rx_queue_count = rx_queues;
	port->tx_queue_count = tx_queues;
	port->rx_offloads = conf.rxmode.offloads;
	port->tx_offloads = conf.txmode.offloads;
	port->tx_length_max = tx_length_limit(info.driver_name, config->device, port->mtu);
	port->tx_segments_max = tx_segments_limit(&info, conf.txmode.offloads);
	port->tx_whole = port->tx_length_max == UINT32_MAX
		? PORT_WHOLE_ALL
		: features_device_cuts(port->tx_offloads);
	result = setup_queues(port, &info, pools, conf.txmode.offloads, error);
	if (result != 0)
		return result;
	rte_eth_dev_callback_register(port->ethdev, RTE_ETH_EVENT_INTR_RMV, on_removed, port);
	return 0;
}

int ethdev_start(struct port *port, struct error *error)
{
	int result = rte_eth_dev_start(port->ethdev);

	if (result != 0)
		return error_set(error, -result, "port %s: device \"%s\" does not start: %s",
			port->config->name, port->config->device, rte_strerror(-result));
	port->started = true;
	if (port->config->features.promiscuous != FEATURE_OFF) {
		result = rte_eth_promiscuous_enable(port->ethdev);
		/* A virtual device without the switch receives everything anyway. */
		if (result != 0 && result != -ENOTSUP &&
			port->config->features.promiscuous == FEATURE_ON)
			return error_set(error, -result,
				"port %s: /ports/%s/features/promiscuous is on, but the device "
				"refuses: %s",
				port->config->name, port->config->name, rte_strerror(-result));
	}
	if (port->rss == PORT_RSS_HARDWARE)
		return ethdev_rss_program(port, error);
	return 0;
}

/* A ring device may still hold packets that left through it; they are ours to free. */
static void drain_ring_device(const struct port *port)
{
	struct rte_mbuf *packets[32];
	struct rte_eth_dev_info info;
	uint16_t count;

	if (rte_eth_dev_info_get(port->ethdev, &info) != 0 || info.driver_name == NULL ||
		strcmp(info.driver_name, "net_ring") != 0)
		return;
	for (uint16_t q = 0; q < port->rx_queue_count; q++)
		while ((count = rte_eth_rx_burst(port->ethdev, q, packets, 32)) > 0)
			rte_pktmbuf_free_bulk(packets, count);
}

void ethdev_stop(struct port *port)
{
	if (!port->started)
		return;
	port->started = false;
	drain_ring_device(port);
	rte_eth_dev_stop(port->ethdev);
}

void ethdev_close(struct port *port)
{
	struct rte_eth_dev_info info;

	if (port->ethdev == RTE_MAX_ETHPORTS)
		return;
	rte_eth_dev_callback_unregister(port->ethdev, RTE_ETH_EVENT_INTR_RMV, on_removed, port);
	if (rte_eth_dev_info_get(port->ethdev, &info) == 0) {
		rte_eth_dev_close(port->ethdev);
		if (port->probed && info.device != NULL)
			rte_dev_remove(info.device);
	}
	port->ethdev = RTE_MAX_ETHPORTS;
}
