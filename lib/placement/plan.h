/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decides which worker runs on which CPU and polls which queues, where main and the stats thread
 * run, and how much packet memory each node needs. A pure function of the configuration, the
 * topology and what is known of the ports, so that `weir check` shows what `weir run` will do.
 *
 * Workers (plan_cpus.c)
 *   workers.cpus     those CPUs, in that order; workers.count, if given too, takes the first ones.
 *   workers.count    that many, from workers.nodes if given, else from the ports' nodes first.
 *   neither          one a free core of workers.nodes, or of the ports' nodes, or where no port has
 *                    a node, of the node with the most CPUs; only the isolated ones if there are
 * any. One CPU is kept for main, stats and control: not an isolated one and not a ports' node's
 * where there is a choice. Workers then take, in this order of preference: CPUs without a worker,
 * not main's, on the wanted nodes, isolated, on cores of their own (not beside main either), spread
 *   evenly over the nodes. Sharing comes last, and is warned of once.
 *
 * Queues (plan_queues.c)
 *   Hardware rx queues: what the port asks for, else one a worker as far as the device can; one if
 *   its RSS is off or made in software, since the device then has nothing to spread packets by.
 *   Each goes to a worker of the port's node if there is one: the one with the fewest queues of
 *   this port, then the fewest queues. Ports that a pipeline reads go first.
 *   Emulated queues: rss.queues if given; else one a worker where there are more workers than
 *   hardware queues (always, with mode software). None with mode off or hardware.
 *   Emulated queue q belongs to worker q modulo the number of workers.
 *   Tx queues: one a worker, as far as the device can.
 *
 * Memory (plan_memory.c)
 *   Each worker's packets come from its own node. A node needs what its workers' queues and
 * backlogs may hold all at once, and an eighth more; with "verbs" also what applications may hold.
 */
#ifndef WEIR_PLACEMENT_PLAN_H
#define WEIR_PLACEMENT_PLAN_H

#include "base/error.h"
#include "config/config.h"
#include "placement/topology.h"

/* Buffers of a node that are lent to applications. */
enum { PLAN_WARNINGS_MAX = 8, PLAN_MEMPOOL_CACHE = 512, PLAN_APPLICATION_PACKETS = 4096 };

struct plan_port {
	int numa_node; /* -1: no node of its own (virtual devices) */
	/* What the device can; UINT16_MAX: not known yet; 0: it has none in this direction. */
	uint16_t rx_queues_max, tx_queues_max;
	bool rss_unable; /* with rss.mode "auto": the device cannot hash as it is asked to */
};

struct plan_worker {
	uint16_t cpu;
	uint16_t node;
	uint16_t memory_node; /* its packets' node: `node`, unless that has no memory for us */
	bool shared; /* its CPU also runs another worker, or main/stats */
};

struct plan {
	uint16_t worker_count;
	struct plan_worker workers[CONFIG_WORKERS_MAX];
	uint16_t main_cpu; /* main, stats and control threads */
	/* [port][queue] -> worker that polls it; rx_queues[port] many */
	uint16_t rx_queues[CONFIG_PORTS_MAX];
	uint16_t tx_queues[CONFIG_PORTS_MAX];
	uint16_t rx_worker[CONFIG_PORTS_MAX][CONFIG_RSS_QUEUES_MAX];
	/* emulated queues of each port; 0: no software RSS */
	uint16_t emulated_queues[CONFIG_PORTS_MAX];
	uint16_t emulated_worker[CONFIG_PORTS_MAX][CONFIG_RSS_QUEUES_MAX];
	/* packet buffers and bytes needed, by topology.nodes[] index; 0: no worker's memory there
	 */
	uint32_t packets[TOPOLOGY_NODES_MAX];
	uint64_t memory_bytes[TOPOLOGY_NODES_MAX]; /* with hugepages */
	uint64_t small_page_bytes[TOPOLOGY_NODES_MAX]; /* without: see plan_pool_bytes_small_pages()
							*/
	unsigned warning_count;
	char warnings[PLAN_WARNINGS_MAX]
		     [256]; /* for a person: a sentence each, what and what to do */
};

/* 0, or -EINVAL when the configuration asks for what is not there: CPUs or nodes this process may
 * not use, more queues than the device has. `ports` has config->port_count members. */
/* Buffers of the pool that a port has of its own ("application_pool"); 0: it has none. */
uint32_t plan_application_pool(const struct config *config, const struct plan *plan, unsigned port);

int plan_make(const struct config *config, const struct topology *topology,
	const struct plan_port ports[], struct plan *ret_plan, struct error *error);

/* XPS: the tx queue of each worker at a port: one that xps_rxqs names for it, else one that
 * xps_cpus names, of several the one with the fewest workers so far; what is left takes queues in
 * turn. Several workers may have one queue: the lowest of them writes it. ret_queues[worker_count].
 */
void plan_tx_queues(
	const struct config *config, const struct plan *plan, uint16_t port, uint16_t ret_queues[]);

/* Bytes that a pool of `packets` buffers takes of hugepages. */
uint64_t plan_pool_bytes(uint32_t packets, uint32_t packet_data_bytes);

/* The same without hugepages: no buffer may straddle two pages of 4 KiB, since DPDK takes it that
 * they are not neighbours, so that a buffer of more than half a page takes a whole one. */
uint64_t plan_pool_bytes_small_pages(uint32_t packets, uint32_t packet_data_bytes);

/* Of all nodes together; `mode` is not MEMORY_AUTO. */
uint64_t plan_memory_total(const struct plan *plan, enum memory_mode mode);

/* What `auto` comes to: MEMORY_IN_MEMORY (hugepages that leave no files behind) when each node has
 * enough of them free, else MEMORY_NO_HUGE. A mode that was asked for is returned as it is. */
enum memory_mode plan_memory_mode(
	const struct config *config, const struct topology *topology, const struct plan *plan);

/*
 * What it takes to have enough hugepages on a node: how many 2 MiB pages are missing and the shell
 * command that provides them. Returns the number missing; 0: enough are free, `command` is "".
 */
uint64_t plan_hugepages_missing(const struct topology *topology, const struct plan *plan,
	unsigned node_index, char *command, size_t command_size);

#endif
