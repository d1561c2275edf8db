/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be known of ports before EAL starts: the NUMA node of a device from sysfs, and how
 * many queues a virtual device's arguments give it. Lets `weir check` plan without touching
 * devices. The engine asks the devices themselves.
 */
#ifndef WEIR_PLACEMENT_DEVICE_H
#define WEIR_PLACEMENT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "placement/plan.h"

enum { DEVICE_ADDRESS_BYTES = 16 }; /* "0000:21:00.0" */

/* Whether a DPDK device string ("0000:21:00.0,arg=1", "pci:21:00.0") names a PCI device; fills its
 * full address in sysfs's form. */
bool device_pci_address(const char *device, char ret_address[DEVICE_ADDRESS_BYTES]);

/* The node of a port's device, or of the device behind its interface, or -1: virtual, not there, or
 * the firmware does not say. */
int device_numa_node(const char *root, const struct config_port *port);

/* Fills ports[0..config->port_count). Queues of devices that only EAL knows are UINT16_MAX. What a
 * port asks for is taken as granted. */
void device_plan_ports(const struct config *config, const char *root, struct plan_port ports[]);

#endif
