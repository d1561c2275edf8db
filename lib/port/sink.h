/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What leaves a port, written to a capture file: either the file is the port, or it mirrors what a
 * device took. Packets are written with the time they left. One worker uses a sink; writing may
 * wait for the disk, which is why a sink is for replays and tests and not for an appliance.
 */
#ifndef WEIR_PORT_SINK_H
#define WEIR_PORT_SINK_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "base/error.h"
#include "port/port.h"

struct sink;

struct sink *sink_create(const char *path, uint64_t tsc_hz, struct error *error);
/* Mirrors what `next` takes. Before packets flow. */
void sink_set_next(struct sink *sink, struct tx_queue next);
/* A tx_burst_function. */
uint16_t sink_send(void *sink, struct rte_mbuf **packets, uint16_t count);
/* Packets that could not be written. Any thread. */
uint64_t sink_lost(const struct sink *sink);
/* Closes the file; takes NULL. 0 or -errno when not all could be written. */
int sink_destroy(struct sink *sink, struct error *error);

#endif
