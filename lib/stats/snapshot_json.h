/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The JSON form of a snapshot, the one source of all that is shown:
 *
 *     time            ISO 8601, UTC
 *     interval_ns     the time that rates and shares are taken over
 *     ports[]         port, driver, device, numa_node, link, link_mbps, mtu, rss, rx_queues,
 *                     tx_queues, emulated_queues, rx{FLOW}, tx{FLOW}, missed, errors, no_mbuf
 *     queues[]        kind (rx, emulated or tx), port, queue, worker, FLOW
 *     workers[]       worker, cpu, numa_node, tid, packets, pps, share_percent, busy_percent,
 *                     idle_percent, sleep_percent, packets_per_batch, cycles_per_packet, each
 * counter of WORKER_COUNTERS, burst_sizes{}, drops, drop_reasons{}, latency_ns{LATENCY},
 *                     latency_interval_ns{LATENCY}
 *     stages[]        pipeline, position, stage, FLOW, cycles_per_packet, made, held, workers[]
 *     latency         unit (ns), since_start{LATENCY}, interval{LATENCY}
 *     drops{}         by reason: packets, pps, severity, description
 *     memory[]        pool, numa_node, size, free, free_min, used, buffer_bytes, bytes
 *     softnet[]       worker, cpu, and the kernel's columns (softnet.h)
 *     steering        balancer{BALANCER} or null, ports[]{STEERING}; when asked for, as well:
 *                     rfs{consumer_entries, consumers_used} or null, and workers[]: worker, cpu,
 *                     numa_node, busy_percent, cycles_per_packet, share_percent, packets, pps,
 *                     backlog_len
 *     flows[]         when asked for, the biggest first: rank, port, flow, source, destination,
 *                     protocol, share_percent, packets, bytes, error (packets that may be another
 *                     flow's), pps, bps, hash, rx_queue, receiver, bucket, worker it goes to, by
 * (RSS, RPS, RFS or balancer: what decides so; moving: worker is null) account         in, made,
 * out, held, drops, unaccounted, bytes_in, bytes_out order           where it is on
 * (engine/order.h): good, exact, flows, received, checked, reordered, reordered_ratio, extent_max,
 * extent_at_least, duplicated, lost, dropped, untracked, unknown, worst[flow, received, reordered,
 * extent_max, duplicated, lost]
 *
 *     FLOW            packets, bytes, batches; of the interval: packets_per_batch, pps, bps
 *     BALANCER        max_over_mean, max_over_mean_expected, tick_ns, steps, moves, moves_per_s,
 *                     active_workers
 *     STEERING        of an rx queue at its worker: port, rx_queue, receiver, packets,
 *                     pps (received), reta_size, queue_count, rps,
 *                     rfs, balanced (booleans), each of STEER_COUNTERS and how much a second it
 *                     grew (*_per_s), park_longest_ns, parked, park_slots, moves_now, flow_entries;
 *                     when asked for, as well: flows_used, queues[]: queue, worker, buckets, pps,
 *                     share_percent, rps_workers[]; buckets: arrays queue, worker (null: the RPS
 *                     map of the queue decides, or the bucket moves), packets, pps; and
 *                     moving[]: which buckets move now
 *     LATENCY         count, p50, p90, p99, p99_9, max
 *
 * Counters are since the start; `pps`, `bps`, `*_percent`, `*_per_*` are of the interval. `bps` is
 * bits a second of frame bytes, without preamble and FCS.
 */
#ifndef WEIR_STATS_SNAPSHOT_JSON_H
#define WEIR_STATS_SNAPSHOT_JSON_H

#include <jansson.h>

#include "stats/snapshot.h"

/* `before` is an earlier snapshot, or one that is all zero: the interval is then interval_ns of
 * the whole run. Returns a new reference; NULL: out of memory. */
json_t *snapshot_json(const struct engine *engine, const struct snapshot *now,
	const struct snapshot *before, uint64_t interval_ns);

/* Into what snapshot_json() made of the same: the whole of "steering", and "flows". They are long,
 * so only who asks for them gets them. */
void snapshot_json_steering(json_t *object, const struct engine *engine, const struct snapshot *now,
	const struct snapshot *before, uint64_t interval_ns, unsigned flows);

#endif
