/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The application kind of port: what an application sends on the raw-packet queue pair that is
 * bound to it is received from this port, and what is sent to the port the application receives.
 * Super-packets go both ways as they are. While none is bound the port's link is down.
 *
 * Threads: bound and unbound on one thread; a worker that receives or sends may use the queue that
 * it saw until its next turn.
 */
#ifndef WEIR_PORT_APPLICATION_H
#define WEIR_PORT_APPLICATION_H

#include <stdbool.h>

#include "port/port.h"
#include "port/raw_queue.h"

struct application;
struct rfs_consumers;

struct application *application_create(const struct config_port *config, struct error *error);
struct application *application_destroy(struct application *application); /* takes NULL */
/* Where flows are consumed: the application's CPU is recorded at *consumers, which may change to
 * another table or none (NULL) at any time. */
void application_set_consumers(
	struct application *application, struct rfs_consumers *const *consumers);
/* Buffers for what is received. */
void application_set_pool(struct application *application, struct rte_mempool *pool);
void application_bind(struct application *application, struct raw_queue *queue);
void application_unbind(struct application *application);
bool application_is_bound(const struct application *application);

uint16_t application_receive(void *application, struct rte_mbuf **packets, uint16_t count);
uint16_t application_send(void *application, struct rte_mbuf **packets, uint16_t count);

#endif
