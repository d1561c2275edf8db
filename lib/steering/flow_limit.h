/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's flow limit (net/core/dev.c, skb_flow_limit): while a backlog is more than half full,
 * a flow that makes up more than half of the recent packets to it is dropped, so that small flows
 * get through. Flows that share a bucket count as one.
 * Threads: of one receiving worker, one for each worker it hands packets to. No EAL.
 */
#ifndef WEIR_STEERING_FLOW_LIMIT_H
#define WEIR_STEERING_FLOW_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOW_LIMIT_HISTORY = 256 }; /* recent packets that are looked at; a power of two */

struct flow_limit {
	uint32_t mask; /* buckets - 1; flow_limit_table_len buckets, a power of two */
	uint32_t head;
	uint64_t count; /* packets it said true for. Readers: any */
	uint16_t history[FLOW_LIMIT_HISTORY]; /* buckets of the recent packets */
	uint16_t buckets[]; /* of the recent packets, how many each has */
};

enum { FLOW_LIMIT_BUCKETS_MAX = 1 << 16 };

size_t flow_limit_bytes(uint32_t buckets);
void flow_limit_init(struct flow_limit *limit, uint32_t buckets);

/* Called for each packet that comes while the backlog is more than half full: true: drop it. */
bool flow_limit_exceeds(struct flow_limit *limit, uint32_t hash);

#endif
