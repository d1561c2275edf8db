/* SPDX-License-Identifier: BSD-3-Clause */
#include "placement/device.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placement/sysfs.h"

/* Virtual drivers with fewer queues than anyone asks for, and the argument that sets their number.
 * Source: DPDK 22.11's guide of network drivers, and their arguments' tables. */
static const struct {
	const char *driver; /* what the device string begins with */
	const char *argument;
	bool each; /* the argument is given once a queue, not as a number */
	uint16_t queues; /* without the argument */
} queue_arguments[] = {
	{"net_af_packet", "qpairs=", false, 1},
	{"eth_af_packet", "qpairs=", false, 1},
	{"net_af_xdp", "queue_count=", false, 1},
	{"net_vhost", "queues=", false, 1},
	{"eth_vhost", "queues=", false, 1},
	{"net_virtio_user", "queues=", false, 1},
	{"virtio_user", "queues=", false, 1},
	{"net_pcap", "rx_", true, 1},
	{"eth_pcap", "rx_", true, 1},
	{"net_tap", NULL, false, 16},
	{"net_ring", NULL, false, 16},
};

static bool parse_address(const char *text, unsigned parts[4], int *ret_used)
{
	*ret_used = 0;
	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &parts[0], &parts[1], &parts[2], &parts[3],
		    ret_used) == 4 &&
		*ret_used > 0)
		return true;
	parts[0] = 0;
	return sscanf(text, "%2x:%2x.%1x%n", &parts[1], &parts[2], &parts[3], ret_used) == 3 &&
		*ret_used > 0;
}

bool device_pci_address(const char *device, char ret_address[DEVICE_ADDRESS_BYTES])
{
	unsigned parts[4];
	int used;

	if (strncmp(device, "pci:", 4) == 0)
		device += 4;
	if (!isxdigit((unsigned char)device[0]) || !parse_address(device, parts, &used) ||
		(device[used] != '\0' && device[used] != ','))
		return false;
	snprintf(ret_address, DEVICE_ADDRESS_BYTES, "%04x:%02x:%02x.%x", parts[0] & 0xffff,
		parts[1] & 0xff, parts[2] & 0xff, parts[3] & 0xf);
	return true;
}

int device_numa_node(const char *root, const struct config_port *port)
{
	char address[DEVICE_ADDRESS_BYTES];
	int64_t node = -1;

	if (port->kind == PORT_INTERFACE)
		sysfs_read_number(
			root, &node, "sys/class/net/%s/device/numa_node", port->interface);
	else if (port->kind == PORT_DEVICE && device_pci_address(port->device, address))
		sysfs_read_number(root, &node, "sys/bus/pci/devices/%s/numa_node", address);
	return node >= 0 && node < TOPOLOGY_CPUS_MAX ? (int)node : -1;
}

static uint16_t count_arguments(const char *device, const char *argument)
{
	uint16_t count = 0;

	for (const char *comma = strchr(device, ','); comma != NULL; comma = strchr(comma + 1, ','))
		count += strncmp(comma + 1, argument, strlen(argument)) == 0 ? 1 : 0;
	return count;
}

static uint16_t numeric_argument(const char *device, const char *argument)
{
	for (const char *comma = strchr(device, ','); comma != NULL;
		comma = strchr(comma + 1, ',')) {
		if (strncmp(comma + 1, argument, strlen(argument)) == 0)
			return (uint16_t)strtoul(comma + 1 + strlen(argument), NULL, 10);
	}
	return 0;
}

static uint16_t queues_of_device(const char *device)
{
	for (size_t index = 0; index < sizeof(queue_arguments) / sizeof(queue_arguments[0]);
		index++) {
		const char *driver = queue_arguments[index].driver;
		const char *argument = queue_arguments[index].argument;
		uint16_t queues = 0;

		if (strncmp(device, driver, strlen(driver)) != 0)
			continue;
		if (argument != NULL)
			queues = queue_arguments[index].each ? count_arguments(device, argument)
							     : numeric_argument(device, argument);
		return queues > 0 ? queues : queue_arguments[index].queues;
	}
	return UINT16_MAX;
}

void device_plan_ports(const struct config *config, const char *root, struct plan_port ports[])
{
	for (unsigned index = 0; index < config->port_count; index++) {
		const struct config_port *port = &config->ports[index];
		uint16_t queues;

		ports[index] = (struct plan_port){.numa_node = device_numa_node(root, port)};
		switch (port->kind) {
		case PORT_DEVICE:
			queues = queues_of_device(port->device);
			queues = queues < port->queues ? port->queues : queues;
			ports[index].rx_queues_max = queues;
			ports[index].tx_queues_max = queues;
			break;
		case PORT_REPLAY:
		case PORT_GENERATE:
			ports[index].rx_queues_max = 1;
			ports[index].tx_queues_max = 0;
			break;
		case PORT_FILE: ports[index].tx_queues_max = 1; break;
		case PORT_INTERFACE:
		case PORT_APPLICATION:
			ports[index].rx_queues_max = 1;
			ports[index].tx_queues_max = 1;
			break;
		}
	}
}
