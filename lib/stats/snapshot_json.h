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
 *     account         in, made, out, held, drops, unaccounted, bytes_in, bytes_out
 *     order           where it is on (engine/order.h): good, exact, flows, received, checked,
 *                     reordered, reordered_ratio, extent_max, extent_at_least, duplicated, lost,
 *                     dropped, untracked, unknown, worst[flow, received, reordered, extent_max,
 *                     duplicated, lost]
 *
 *     FLOW            packets, bytes, batches; of the interval: packets_per_batch, pps, bps
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

#endif
