/* SPDX-License-Identifier: BSD-3-Clause */
/* The ethdev kind of port: any DPDK device. Called by port.c only; see port.h for the meanings. */
#ifndef WEIR_PORT_ETHDEV_H
#define WEIR_PORT_ETHDEV_H

#include "port/port.h"

int ethdev_open(struct port *port, struct error *error);
int ethdev_configure(struct port *port, uint16_t rx_queues, uint16_t tx_queues,
	struct rte_mempool *const pools[], struct error *error);
int ethdev_start(struct port *port, struct error *error);
void ethdev_stop(struct port *port);
void ethdev_close(struct port *port);

#endif
