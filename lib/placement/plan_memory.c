/* SPDX-License-Identifier: BSD-3-Clause */
/* How many packet buffers each node's pool must have, and the bytes they take. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "placement/plan_parts.h"
#include "ring/batch_ring.h"

enum {
	BURST_PACKETS = 64, /* engine/stage.h's BURST_SIZE */
	HEADROOM_BYTES = 128, /* RTE_PKTMBUF_HEADROOM */
	MBUF_BYTES = 128, /* struct rte_mbuf */
	POOL_HEADER_BYTES = 64, /* struct rte_mempool_objhdr, on a cache line of its own */
	CACHE_LINE_BYTES = 64,
	PAGE_BYTES = 4096,
	DESCRIPTOR_BYTES =
		64, /* the larger drivers' rx or tx descriptor and its software ring entry */
	PACKETS_MIN = 2048,
	SUPER_PACKET_BYTES = 65536 + 32, /* with its Ethernet header and tags */
	FRAGMENTS_TYPICAL = 4, /* of a packet that waits for the others */
	PARKED_PACKETS = 1024, /* engine's STEERING_PARK_MIN: what moves may park, an rx queue */
	RESTORED_PACKETS = 64 * BURST_PACKETS, /* engine/restore.c: bursts that others help with */
};

static const uint64_t hugepage_bytes = 2ull << 20, large_hugepage_bytes = 1ull << 30;
/* Room for EAL's, ethdev's and the engine's own structures. */
static const uint64_t fixed_bytes = 8ull << 20;

static uint64_t power_of_two_from(uint64_t number)
{
	uint64_t power = 1;

	while (power < number)
		power *= 2;
	return power;
}

static uint64_t buffer_bytes(uint32_t packet_data_bytes)
{
	uint64_t lines = ((uint64_t)POOL_HEADER_BYTES + MBUF_BYTES + HEADROOM_BYTES +
				 packet_data_bytes + CACHE_LINE_BYTES - 1) /
		CACHE_LINE_BYTES;

	/* rte_mempool spreads buffers over the memory channels: an odd number of lines */
	return (lines | 1) * CACHE_LINE_BYTES;
}

static uint64_t ring_bytes(uint32_t packets)
{
	return power_of_two_from((uint64_t)packets + 1) * sizeof(void *);
}

uint64_t plan_pool_bytes(uint32_t packets, uint32_t packet_data_bytes)
{
	return packets * buffer_bytes(packet_data_bytes) + ring_bytes(packets);
}

uint64_t plan_pool_bytes_small_pages(uint32_t packets, uint32_t packet_data_bytes)
{
	uint64_t bytes = buffer_bytes(packet_data_bytes), pages;

	if (bytes <= PAGE_BYTES)
		pages = ((uint64_t)packets + PAGE_BYTES / bytes - 1) / (PAGE_BYTES / bytes);
	else
		pages = packets * ((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
	return pages * PAGE_BYTES + ring_bytes(packets);
}

uint64_t plan_memory_total(const struct plan *plan, enum memory_mode mode)
{
	uint64_t bytes = 0;

	for (unsigned index = 0; index < TOPOLOGY_NODES_MAX; index++)
		bytes += mode == MEMORY_NO_HUGE ? plan->small_page_bytes[index]
						: plan->memory_bytes[index];
	return bytes;
}

static uint64_t whole_hugepages(uint64_t bytes)
{
	return (bytes + hugepage_bytes - 1) / hugepage_bytes * hugepage_bytes;
}

static bool is_stage(const struct config_stage *stage, const char *name)
{
	return strcmp(stage->type, name) == 0;
}

/* Whether the pipeline merges packets, as a stage or by a feature of the port it begins at. */
static bool merges(const struct config *config, const struct config_pipeline *pipeline)
{
	const struct config_features *features = &config->ports[pipeline->from_port].features;

	for (unsigned stage = 0; stage < pipeline->stage_count; stage++)
		if (is_stage(&pipeline->stages[stage], "gro"))
			return true;
	return features->generic_receive_offload == FEATURE_ON ||
		features->large_receive_offload == FEATURE_ON;
}

static uint64_t held_by_stages(const struct config *config)
{
	uint64_t packets = 0;

	for (unsigned index = 0; index < config->pipeline_count; index++) {
		const struct config_pipeline *pipeline = &config->pipelines[index];

		if (merges(config, pipeline))
			packets += config->ports[pipeline->from_port].gro.packets;
		for (unsigned stage = 0; stage < pipeline->stage_count; stage++)
			packets += pipeline->stages[stage].buffer_packets +
				(uint64_t)pipeline->stages[stage].datagrams * FRAGMENTS_TYPICAL;
	}
	return packets;
}

/* Made by somebody else than GRO. */
static bool brings_super_packets(const struct config *config, unsigned port)
{
	return config->ports[port].kind == PORT_INTERFACE ||
		config->ports[port].kind == PORT_APPLICATION;
}

/* Of what is cut each packet takes two buffers: its headers, and a reference to the payload. */
static uint64_t buffers_a_packet(const struct config *config, unsigned port)
{
	for (unsigned index = 0; index < config->pipeline_count; index++)
		if (config->pipelines[index].to_port == port &&
			(merges(config, &config->pipelines[index]) ||
				brings_super_packets(config, config->pipelines[index].from_port)))
			return 2;
	return 1;
}

static bool restores_order(const struct config *config, unsigned port)
{
	for (unsigned index = 0; index < config->pipeline_count; index++)
		if (config->pipelines[index].from_port == port &&
			config->pipelines[index].order == ORDER_RESTORE)
			return true;
	return false;
}

/* Packets of an rx queue that wait at the worker which received them. */
static uint64_t kept_by_steering(const struct config *config, unsigned port)
{
	uint64_t packets = restores_order(config, port) ? RESTORED_PACKETS : 0;

	if (config->steering.balance)
		packets += config->steering.netdev_max_backlog > PARKED_PACKETS
			? config->steering.netdev_max_backlog
			: PARKED_PACKETS;
	return packets;
}

/* A kernel interface or an application may bring a burst of super-packets, and its queue holds no
 * buffers. */
static uint64_t received_at_once(const struct config *config, unsigned port)
{
	const uint32_t data_bytes = config->memory.packet_data_bytes;

	if (!brings_super_packets(config, port))
		return config->ports[port].rx_descriptors;
	return BURST_PACKETS * ((SUPER_PACKET_BYTES + data_bytes - 1) / data_bytes);
}

/* Descriptors of the queues that the workers of each node fill, and what steering keeps. */
static void count_descriptors(const struct config *config, const struct topology *topology,
	const struct plan *plan, uint64_t descriptors[])
{
	for (unsigned port = 0; port < config->port_count; port++) {
		for (unsigned queue = 0; queue < plan->rx_queues[port]; queue++) {
			const struct plan_worker *worker =
				&plan->workers[plan->rx_worker[port][queue]];

			descriptors[topology_node_index(topology, worker->memory_node)] +=
				received_at_once(config, port) +
				(plan->worker_count > 1 ? kept_by_steering(config, port) : 0);
		}
		for (unsigned queue = 0; queue < plan->tx_queues[port]; queue++) {
			const struct plan_worker *worker = &plan->workers[queue];

			descriptors[topology_node_index(topology, worker->memory_node)] +=
				config->ports[port].tx_descriptors * buffers_a_packet(config, port);
		}
	}
}

/* 2^n - 1 is what a pool's ring holds without waste; large pools grow in finer steps. */
static uint32_t rounded(uint64_t packets)
{
	const uint64_t step = 65536;

	packets = packets < PACKETS_MIN ? PACKETS_MIN : packets;
	if (packets < step)
		return (uint32_t)(power_of_two_from(packets + 1) - 1);
	packets = (packets + step) / step * step - 1;
	return packets > UINT32_MAX ? UINT32_MAX : (uint32_t)packets;
}

static uint32_t chosen_packets(
	const struct config *config, uint64_t needed, unsigned node, struct plan *plan)
{
	if (config->memory.packets == 0)
		return rounded(needed + needed / 8);
	if (config->memory.packets < needed)
		plan_warn(plan,
			"memory.packets: %" PRIu32
			" buffers on node %u, but queues and backlogs can "
			"hold %" PRIu64 " at once: ports may run dry",
			config->memory.packets, node, needed);
	return config->memory.packets;
}

/* One ring from each other worker. */
static uint64_t backlog_bytes(const struct config *config, unsigned worker_count)
{
	return (worker_count - 1) * batch_ring_bytes(config->steering.netdev_max_backlog);
}

/* What each worker's instances of the stages allocate for themselves. */
static uint64_t memory_of_stages(const struct config *config)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < config->pipeline_count; i++)
		for (unsigned s = 0; s < config->pipelines[i].stage_count; s++)
			bytes += config->pipelines[i].stages[s].memory_bytes +
				config->pipelines[i].stages[s].buffer_packets * sizeof(void *);
	return bytes;
}

uint32_t plan_application_pool(const struct config *config, const struct plan *plan, unsigned port)
{
	const struct config_port *wanted = &config->ports[port];

	if (!wanted->application_pool || !config->verbs.on)
		return 0;
	return rounded((uint64_t)plan->rx_queues[port] * wanted->rx_descriptors +
		PLAN_APPLICATION_PACKETS +
		(uint64_t)plan->worker_count * (PLAN_MEMPOOL_CACHE + 2 * BURST_PACKETS));
}

/* Their data is elsewhere. */
static uint64_t memory_of_application_pools(const struct config *config, const struct plan *plan)
{
	uint64_t bytes = 0;

	for (unsigned port = 0; port < config->port_count; port++)
		bytes += (uint64_t)plan_application_pool(config, plan, port) *
			(POOL_HEADER_BYTES + MBUF_BYTES + 2 * CACHE_LINE_BYTES);
	return bytes;
}

void plan_memory(const struct config *config, const struct topology *topology, struct plan *plan)
{
	uint64_t descriptors[TOPOLOGY_NODES_MAX] = {0};
	uint64_t backlog = plan->worker_count > 1 ? config->steering.netdev_max_backlog : 0;
	uint64_t total_bytes = 0;
	uint32_t data_bytes = config->memory.packet_data_bytes;
	uint64_t by_worker =
		backlog + 2 * BURST_PACKETS + PLAN_MEMPOOL_CACHE + held_by_stages(config);
	const uint64_t lent =
		config->verbs.on && config->port_count > 0 ? PLAN_APPLICATION_PACKETS : 0;

	count_descriptors(config, topology, plan, descriptors);
	for (unsigned index = 0; index < topology->node_count; index++) {
		uint64_t workers = 0, besides;

		for (unsigned worker = 0; worker < plan->worker_count; worker++)
			workers += plan->workers[worker].memory_node == topology->nodes[index].node;
		if (workers == 0)
			continue;
		plan->packets[index] =
			chosen_packets(config, descriptors[index] + workers * by_worker + lent,
				topology->nodes[index].node, plan);
		besides = descriptors[index] * DESCRIPTOR_BYTES +
			workers * backlog_bytes(config, plan->worker_count) +
			workers * memory_of_stages(config) +
			memory_of_application_pools(config, plan) + fixed_bytes;
		plan->memory_bytes[index] = whole_hugepages(
			besides + plan_pool_bytes(plan->packets[index], data_bytes));
		plan->small_page_bytes[index] = whole_hugepages(
			besides + plan_pool_bytes_small_pages(plan->packets[index], data_bytes));
		total_bytes += plan->memory_bytes[index];
	}
	if (config->memory.size_bytes > 0 && config->memory.size_bytes < total_bytes)
		plan_warn(plan,
			"memory.size: %" PRIu64 " MiB, but the plan needs %" PRIu64
			" MiB: the start may "
			"fail for want of memory",
			config->memory.size_bytes >> 20, total_bytes >> 20);
}

static bool node_has_hugepages(const struct topology_node *node, uint64_t bytes)
{
	return node->hugepages_2m_free * hugepage_bytes >= bytes ||
		node->hugepages_1g_free * large_hugepage_bytes >= bytes;
}

enum memory_mode plan_memory_mode(
	const struct config *config, const struct topology *topology, const struct plan *plan)
{
	if (config->memory.mode != MEMORY_AUTO)
		return config->memory.mode;
	for (unsigned index = 0; index < topology->node_count; index++) {
		if (!node_has_hugepages(&topology->nodes[index], plan->memory_bytes[index]))
			return MEMORY_NO_HUGE;
	}
	return MEMORY_IN_MEMORY;
}

uint64_t plan_hugepages_missing(const struct topology *topology, const struct plan *plan,
	unsigned node_index, char *command, size_t command_size)
{
	const struct topology_node *node = &topology->nodes[node_index];
	uint64_t missing;

	command[0] = '\0';
	if (node_has_hugepages(node, plan->memory_bytes[node_index]))
		return 0;
	missing = plan->memory_bytes[node_index] / hugepage_bytes - node->hugepages_2m_free;
	if (topology->node_count == 1) /* there may be no folder for its only node */
		snprintf(command, command_size, "echo %" PRIu64 " > /proc/sys/vm/nr_hugepages",
			node->hugepages_2m + missing);
	else
		snprintf(command, command_size,
			"echo %" PRIu64 " > /sys/devices/system/node/node%u/hugepages/"
			"hugepages-2048kB/nr_hugepages",
			node->hugepages_2m + missing, node->node);
	return missing;
}
