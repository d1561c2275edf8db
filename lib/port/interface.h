/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel knows of one of its network interfaces, asked by its index, since it may be
 * renamed. `fd`: any socket of the interface's network namespace. Any thread.
 * Sources: netdevice(7), rtnetlink(7), Linux net/core/dev.c (gso_features_check).
 */
#ifndef WEIR_PORT_INTERFACE_H
#define WEIR_PORT_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "base/error.h"

struct interface {
	int index;
	uint32_t mtu; /* bytes */
	struct rte_ether_addr address;
};

/* -ENODEV, -EMEDIUMTYPE (it is not Ethernet), ...: says what to do. */
int interface_find(int fd, const char *name, struct interface *ret_interface, struct error *error);

/* Up, and with a carrier. */
bool interface_is_up(int fd, int index);

/* 0: not known. */
uint32_t interface_speed_mbps(int fd, int index);

/* The longest super-packet it takes whole, Ethernet header included (gso_max_size and
 * gso_ipv4_max_size of ip-link(8) are the first that it does not): the kernel itself cuts what is
 * longer. 65535 where it does not tell, the limit of old. */
uint32_t interface_whole_bytes_max(int index);

#endif
