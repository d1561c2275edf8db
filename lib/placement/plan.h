/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decides which worker runs on which CPU and polls which queues, where main and the stats thread
 * run, and how much packet memory each node needs. A pure function of the configuration, the
 * topology and what is known of the ports, so that `weir check` shows what `weir run` will do.
 */
#ifndef WEIR_PLACEMENT_PLAN_H
#define WEIR_PLACEMENT_PLAN_H

#include "base/error.h"
#include "config/config.h"
#include "placement/topology.h"

struct plan_port {
	int numa_node;       /* -1: no node of its own (virtual devices) */
	uint16_t rx_queues_max, tx_queues_max; /* what the device can; UINT16_MAX: not known yet */
};

struct plan_worker {
	uint16_t cpu;
	uint16_t node;
	bool shared; /* its CPU also runs another worker, or main/stats */
};

struct plan {
	uint16_t worker_count;
	struct plan_worker workers[CONFIG_WORKERS_MAX];
	uint16_t main_cpu;  /* main, stats and control threads */
	/* [port][queue] -> worker that polls it; rx_queues[port] many */
	uint16_t rx_queues[CONFIG_PORTS_MAX];
	uint16_t tx_queues[CONFIG_PORTS_MAX];
	uint16_t rx_worker[CONFIG_PORTS_MAX][CONFIG_RSS_QUEUES_MAX];
	/* emulated queues of each port; 0: no software RSS */
	uint16_t emulated_queues[CONFIG_PORTS_MAX];
	uint16_t emulated_worker[CONFIG_PORTS_MAX][CONFIG_RSS_QUEUES_MAX];
	/* packet buffers and bytes needed, by topology.nodes[] index */
	uint32_t packets[TOPOLOGY_NODES_MAX];
	uint64_t memory_bytes[TOPOLOGY_NODES_MAX];
	unsigned warning_count;
	char warnings[8][256];
};

int plan_make(const struct config *config, const struct topology *topology,
	const struct plan_port ports[], struct plan *ret_plan, struct error *error);

#endif
