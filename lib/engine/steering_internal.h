/* SPDX-License-Identifier: BSD-3-Clause */
/* How steering is made, changed and balanced. Inside engine/ only; the control side's threads. */
#ifndef WEIR_ENGINE_STEERING_INTERNAL_H
#define WEIR_ENGINE_STEERING_INTERNAL_H

#include "engine/engine_internal.h"
#include "engine/steering.h"

/* Packets that moves may park, at least; and one packet in so many is looked at for the biggest
 * flows. */
enum { STEERING_PARK_MIN = 1024, STEERING_HITTERS_EVERY = 128 };

/* steering_tables.c */
int steering_tables_make(const struct engine *engine, const struct config *config,
	const struct rx_poll *poll, const struct rfs_consumers *consumers,
	struct steering_tables **ret_tables, struct error *error);
void steering_tables_free(struct steering_tables *tables); /* takes NULL */
/* Sets poll->steering, which steering_destroy() frees, after an error too. */
int steering_create(struct engine *engine, struct rx_poll *poll, struct error *error);
void steering_destroy(struct steering *steering); /* takes NULL */
/* NULL: no RFS. */
int steering_consumers_make(
	const struct config *config, struct rfs_consumers **ret_consumers, struct error *error);
void steering_consumers_free(struct rfs_consumers *consumers); /* takes NULL */
/* ret_limits[worker_count]; NULL where there is none. */
int steering_limits_make(const struct engine *engine, const struct config *config,
	const struct worker *worker, struct flow_limit *ret_limits[], struct error *error);
void steering_limit_free(struct flow_limit *limit); /* takes NULL */

/* balance.c: the balancer's thread. */
/* The lock is held, or no worker runs: begins anew by the configuration and what steers now. */
int balance_reset(struct engine *engine, struct error *error);
void balance_end(struct engine *engine);

/* The poll of an index over all workers, or NULL. */
struct rx_poll *steering_poll(const struct engine *engine, unsigned index);

#endif
