/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queues of a net_memif device, whose peer may come and go at any instant. Called by port.c
 * only; see port.h for the meanings.
 *
 * In DPDK 22.11 the driver maps and unmaps what it shares with its peer in EAL's interrupt thread,
 * and asks nobody whether a worker is just reading there: a peer that left took the whole process
 * with it (drivers/net/memif: memif_disconnect() and memif_connect() against eth_memif_rx() and
 * _tx(), which look once, before their first packet, whether there is a peer). So through these
 * queues workers and that thread keep out of each other's way: a worker is not in the driver while
 * that thread handles anything.
 */
#ifndef WEIR_PORT_MEMIF_H
#define WEIR_PORT_MEMIF_H

#include "port/port.h"

/* While a peer comes or goes nothing is received, and a send waits a little. */
struct rx_queue memif_rx_queue(uint16_t ethdev, uint16_t queue);
struct tx_queue memif_tx_queue(uint16_t ethdev, uint16_t queue);

#endif
