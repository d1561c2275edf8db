/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steering of a running engine, as others may see and change it. Packets come in at receiving
 * workers; each has one `struct steer` (steering/steer.h) for each port it receives from.
 *
 * Threads: views may be read by any thread while the engine exists: numbers are as of some moment a
 * little ago, one newer than another. Changes are made by one thread at a time (a lock inside sees
 * to it) and return when all receiving workers use what is new.
 */
#ifndef WEIR_ENGINE_STEERING_H
#define WEIR_ENGINE_STEERING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "engine/engine.h"
#include "steering/balancer.h"
#include "steering/heavy_hitters.h"
#include "steering/steer.h"
#include "steering/tuple.h"

/* ---- softnet: what /proc/net/softnet_stat tells of a CPU, of a worker ---- */

struct softnet_view {
	int cpu;
	uint64_t processed; /* packets run through a pipeline */
	uint64_t dropped; /* its backlog was full, whoever handed over */
	uint64_t time_squeeze; /* turns that left packets waiting in a backlog */
	uint64_t received_rps; /* times another worker woke it */
	uint64_t flow_limit_count; /* dropped by the flow limit in front of its backlog */
	uint64_t backlog_len; /* packets waiting now */
	uint64_t input_qlen, process_qlen; /* not yet looked at; taken and not yet finished */
};

void engine_softnet_view(
	const struct engine *engine, uint16_t worker, struct softnet_view *ret_view);

/* ---- steering of one port at one receiving worker ---- */

struct steering_view {
	uint16_t port, rx_queue; /* rx_queue: the port's own */
	uint16_t worker; /* the receiving one */
	bool active; /* else packets stay where they are received */
	uint16_t reta_size, queue_count;
	bool balanced, has_rps, has_rfs;
	const struct steer_counters *counters;
	const struct steer_route *routes; /* [reta_size] */
	const uint64_t *bucket_packets; /* [reta_size], since the start */
	const struct heavy_hitters *flows; /* biggest flows; NULL: not kept */
	const struct steer_table *table; /* in force; valid until the next change */
	uint32_t parked, park_slots, moves_now;
	uint32_t flow_entries; /* of the RFS flows table; 0: none */
};

unsigned engine_steering_count(const struct engine *engine);
void engine_steering_view(
	const struct engine *engine, unsigned index, struct steering_view *ret_view);

struct rfs_view {
	uint32_t consumer_entries; /* rps_sock_flow_entries; 0: no RFS */
	uint32_t consumers_used; /* counted when asked */
};
void engine_rfs_view(const struct engine *engine, struct rfs_view *ret_view);

/* NULL: it is off. */
bool engine_balancer_view(const struct engine *engine, struct balancer_state *ret_state);

/* ---- explain ---- */

struct steering_explanation {
	uint32_t hash;
	uint16_t port, receiver; /* receiver: the receiving worker asked about */
	uint16_t bucket;
	uint8_t queue, queue_worker; /* RSS: the bucket's queue, and the worker it belongs to */
	bool moving; /* the bucket is parked while its old worker drains */
	bool balanced; /* the balancer placed the bucket: `bucket_worker` */
	uint8_t bucket_worker;
	struct rps_map rps; /* count 0: none */
	uint8_t rps_worker; /* where there is a map and a hash, and the bucket is not balanced */
	bool has_rfs;
	int consumer_cpu; /* -1: not known */
	uint8_t consumer_worker; /* the nearest to that CPU */
	int flow_worker; /* -1: no entry; else where its packets went last */
	uint64_t flow_position, flow_drained; /* of that worker's backlog: it may move at >= */
	uint8_t worker; /* where a packet would go now */
	int tx_port, tx_queue, tx_owner; /* through which it would leave; -1: it does not */
};

/* -ENOENT: the port has no steering in software (its packets stay where they are received). */
int engine_explain(const struct engine *engine, uint16_t port, const struct tuple *tuple,
	struct steering_explanation *ret_explanation, struct error *error);

/* ---- change ---- */

/*
 * Makes the engine's configuration and its workers follow `wanted`: a complete configuration that
 * differs from the present one in live fields only (config/change.h). The receiving workers finish
 * what they handed over, then use the new tables: nothing is dropped, nothing overtakes. `wanted`
 * stays the caller's. 0, -EINVAL (cannot be), -ENOMEM, what a device says; `error` says, and
 * nothing has changed. Waits as long as that takes; after a second it tells so.
 */
int engine_change(struct engine *engine, const struct config *wanted, struct error *error);

#endif
