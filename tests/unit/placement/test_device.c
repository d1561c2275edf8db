/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_machine.h"
#include "placement/device.h"

static void test_pci_addresses(void **state)
{
	static const struct {
		const char *device, *address;
	} cases[] = {
		{"0000:21:00.0", "0000:21:00.0"},
		{"21:00.1", "0000:21:00.1"},
		{"pci:0000:AF:1f.7,arg=1", "0000:af:1f.7"},
		{"0000:21:00.0x", NULL},
		{"0000:21:00", NULL},
		{"net_null0", NULL},
		{"eth_ring0", NULL}, /* begins with a hex digit */
		{"", NULL},
	};
	char address[DEVICE_ADDRESS_BYTES];

	(void)state;
	for (size_t index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
		bool is_pci = device_pci_address(cases[index].device, address);

		if (is_pci != (cases[index].address != NULL) ||
			(is_pci && strcmp(address, cases[index].address) != 0))
			fail_msg("%s", cases[index].device);
	}
}

static int node_of(const char *root, enum port_kind kind, const char *name)
{
	char copy[32];
	struct config_port port = {.kind = kind, .device = copy, .interface = copy, .file = copy};

	snprintf(copy, sizeof(copy), "%s", name);
	return device_numa_node(root, &port);
}

static void test_numa_nodes(void **state)
{
	char *root =
		fake_machine_create(&(struct fake_machine){.nodes = 2, .cores = 1, .threads = 1});

	(void)state;
	fake_file(root, "1", "sys/bus/pci/devices/0000:21:00.0/numa_node");
	fake_file(root, "-1", "sys/bus/pci/devices/0000:22:00.0/numa_node");
	fake_file(root, "1", "sys/class/net/eth1/device/numa_node");
	fake_file(root, "-1", "sys/class/net/eth2/device/numa_node");
	assert_int_equal(node_of(root, PORT_DEVICE, "21:00.0,x=1"), 1);
	assert_int_equal(node_of(root, PORT_DEVICE, "0000:22:00.0"), -1);
	assert_int_equal(node_of(root, PORT_DEVICE, "0000:23:00.0"), -1);
	assert_int_equal(node_of(root, PORT_DEVICE, "net_null0"), -1);
	assert_int_equal(node_of(root, PORT_INTERFACE, "eth1"), 1);
	assert_int_equal(node_of(root, PORT_INTERFACE, "eth2"), -1);
	assert_int_equal(node_of(root, PORT_INTERFACE, "veth1"), -1);
	assert_int_equal(node_of(root, PORT_FILE, "eth1"), -1);
	fake_machine_destroy(root);
}

static void test_queues(void **state)
{
	static struct config config;
	static struct plan_port ports[CONFIG_PORTS_MAX];
	static struct {
		char device[64];
		uint16_t asked, rx_queues_max;
	} cases[] = {
		{"0000:21:00.0", 0, UINT16_MAX},
		{"net_null0", 0, UINT16_MAX},
		{"net_af_packet0,iface=eth0", 0, 1},
		{"net_af_packet0,iface=eth0,qpairs=4", 0, 4},
		{"net_af_packet0,iface=eth0", 2, 2},
		{"net_pcap0,rx_pcap=a,rx_pcap=b,tx_pcap=c", 0, 2},
		{"net_pcap0,iface=eth0", 0, 1},
		{"net_vhost0,iface=/tmp/s,queues=2", 0, 2},
		{"net_tap0", 0, 16},
	};

	(void)state;
	config.port_count = 1;
	for (size_t index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
		config.ports[0] = (struct config_port){
			.device = cases[index].device, .queues = cases[index].asked};
		device_plan_ports(&config, "", ports);
		if (ports[0].rx_queues_max != cases[index].rx_queues_max)
			fail_msg("%s: %u", cases[index].device, ports[0].rx_queues_max);
	}
	config.ports[0] = (struct config_port){.kind = PORT_FILE};
	device_plan_ports(&config, "", ports);
	assert_int_equal(ports[0].rx_queues_max, 0);
	assert_int_equal(ports[0].tx_queues_max, 1);
	config.ports[0] = (struct config_port){.kind = PORT_REPLAY};
	device_plan_ports(&config, "", ports);
	assert_int_equal(ports[0].rx_queues_max, 1);
	assert_int_equal(ports[0].tx_queues_max, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pci_addresses),
		cmocka_unit_test(test_numa_nodes),
		cmocka_unit_test(test_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
