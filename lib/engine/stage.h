/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stage is one step of a pipeline over a burst of packets. Each worker has its own instance of
 * each stage, so a stage's state has one writer: the worker.
 *
 *     pipeline:  burst -> stage 0 -> stage 1 -> ... -> transmit
 *
 * `process` works on the burst in place: it may change packets, remove some (stage_drop), or empty
 * the burst. A stage that makes more packets than it got, or that held some back, sends bursts on
 * with stage_emit(). What a stage counts as dropped, held or made is how the engine can show that
 * in = out + held + drops.
 */
#ifndef WEIR_ENGINE_STAGE_H
#define WEIR_ENGINE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "base/error.h"
#include "config/config.h"
#include "packet/drop.h"

enum { BURST_SIZE = 64 }; /* packets taken from a queue at a time, and the most in a burst */

struct burst {
	uint16_t count;
	uint64_t bytes; /* sum of pkt_len of packets[0..count) */
	uint64_t rx_tsc; /* when the packets (or the oldest of them) were received */
	struct rte_mbuf *packets[BURST_SIZE];
};

/* Writer: the worker. Reader: the stats thread. */
struct stage_counters {
	uint64_t packets; /* that entered */
	uint64_t bytes;
	uint64_t batches;
	uint64_t made; /* created by the stage (txonly, flowgen, copies, what gso cut) */
	uint64_t merged; /* that became part of another one (gro, reassemble) */
	uint64_t sampled_cycles; /* cycles and packets of the sampled batches: cycles a packet */
	uint64_t sampled_packets;
	uint64_t held; /* gauge: packets kept in the stage now, as they came */
	uint64_t bad_checksums; /* that it found (rx-checksum, gro), whatever became of them */
	uint64_t reordered; /* that it put in order again (gro) */
	uint64_t delivered, delivered_bytes; /* given to applications: they have left */
} __attribute__((aligned(64)));

struct rfs_consumers;

/* Who looks at packets before they are dropped: captures (capture_tap.h). Changed while workers are
 * parked only. */
struct drop_watch {
	void (*dropped)(const struct drop_watch *watch, struct rte_mbuf *const packets[],
		unsigned count, enum drop_reason reason);
};

struct stage {
	const struct stage_ops *ops;
	void *state; /* the stage's own, made by create() */
	struct stage_counters *counters;
	uint64_t *drops; /* [DROP_REASON_COUNT] of the worker */
	const struct drop_watch *watch; /* NULL: nobody looks at what is dropped */
	struct stage *next; /* NULL: transmit */
	struct pipeline *pipeline; /* this worker's instance; opaque to stages */
	struct rte_mempool *pool; /* of the worker's node, for packets a stage makes */
	struct rfs_consumers *const *consumers; /* atomic: steering/rfs.h; NULL there: no RFS */
	uint64_t tsc_hz;
	uint16_t port_index; /* the pipeline's `to` port in the configuration, or UINT16_MAX */
	uint16_t worker;
	struct rte_ether_addr tx_address; /* MAC address of the `to` port */
	uint64_t tx_offloads; /* RTE_ETH_TX_OFFLOAD_* the `to` port does */
	uint32_t tx_mtu; /* of the `to` port; 65535: none */
	uint32_t tx_whole; /* while created: PORT_WHOLE_*, what the `to` port takes as it is, */
	uint32_t tx_whole_bytes_max; /* where it is no longer than this, */
	uint16_t tx_segments_max; /* in no more buffers than these */
	const struct config_port *from; /* while created: the port the pipeline begins at */
};

enum {
	STAGE_WRITES = 1 << 0, /* changes packet bytes: the source may not lend read-only packets */
	STAGE_PARSES = 1 << 1, /* wants packet_type, l2_len, l3_len, l4_len set in each mbuf */
	STAGE_TERMINAL = 1 << 2, /* nothing comes out: the pipeline needs no `to` port */
	STAGE_SOURCE = 1 << 3, /* makes packets: is called each poll, with an empty burst too */
};

struct stage_ops {
	const char *name; /* as in stage_types[] */
	const char *help; /* one line */
	unsigned flags;
	/* Makes the worker's instance. `stage` is filled but for `state`. 0 or -errno with `error`.
	 */
	int (*create)(struct stage *stage, const struct config_stage *config, int numa_node,
		struct error *error); /* NULL: stateless */
	void (*process)(struct stage *stage, struct burst *burst);
	/* Called between polls where not NULL: emits what was held too long; all of it if `all`. */
	void (*flush)(struct stage *stage, uint64_t now_tsc, bool all);
	void (*destroy)(struct stage *stage); /* frees state; nothing is held by then */
};

/* NULL: no such stage. */
const struct stage_ops *stage_find(const char *name);

/* Runs the stages after `stage`, then transmits. Empties the burst. Worker thread only. */
void stage_emit(struct stage *stage, struct burst *burst);

/* Shows packets that are about to be freed. */
static inline void drop_tell(const struct drop_watch *watch, struct rte_mbuf *const packets[],
	unsigned count, enum drop_reason reason)
{
	if (unlikely(watch != NULL) && count > 0)
		watch->dropped(watch, packets, count, reason);
}

/* Frees a packet and counts it. The caller takes it out of its burst (count and bytes). */
static inline void stage_drop(struct stage *stage, struct rte_mbuf *packet, enum drop_reason reason)
{
	stage->drops[reason]++;
	drop_tell(stage->watch, &packet, 1, reason);
	rte_pktmbuf_free(packet);
}

#endif
