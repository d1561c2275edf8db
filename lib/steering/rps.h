/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive Packet Steering: which worker the hash of a packet chooses among those that a queue's
 * rps_cpus name, as Linux does it (net/core/dev.c, get_rps_cpu).
 * Threads: read-only once made. No EAL.
 */
#ifndef WEIR_STEERING_RPS_H
#define WEIR_STEERING_RPS_H

#include <stdint.h>

enum { STEERING_WORKERS_MAX = 64, STEERING_CPUS_MAX = 1024 };

struct rps_map {
	uint8_t count; /* 0: no RPS on this queue */
	uint8_t workers[STEERING_WORKERS_MAX]; /* in the order of their CPUs */
};

/* A map with at least one worker. The kernel does not ask it for a packet without a hash (0). */
static inline unsigned rps_worker(const struct rps_map *map, uint32_t hash)
{
	return map->workers[(uint64_t)hash * map->count >> 32];
}

#endif
