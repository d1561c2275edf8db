/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues to workers; the rules stand in plan.h. */
#include <errno.h>
#include <string.h>

#include "placement/plan_parts.h"

static uint16_t smaller(uint16_t one, uint16_t other)
{
	return one < other ? one : other;
}

static int count_rx_queues(const struct config_port *port, const struct plan_port *device,
	uint16_t worker_count, uint16_t *ret_queues, struct error *error)
{
	uint16_t limit = smaller(device->rx_queues_max, CONFIG_RSS_QUEUES_MAX);

	if (device->rx_queues_max == 0)
		*ret_queues = 0;
	else if (port->queues > limit)
		return error_set(error, EINVAL,
			"port %s: %u queues asked for, its device has at most %u; take fewer, and "
			"rss.queues to spread packets further in software",
			port->name, port->queues, limit);
	else if (port->queues > 0)
		*ret_queues = port->queues;
	else if (port->rss.mode == RSS_OFF || port->rss.mode == RSS_SOFTWARE || device->rss_unable)
		*ret_queues = 1;
	else
		*ret_queues = smaller(worker_count, limit);
	return 0;
}

static uint16_t count_emulated_queues(const struct config_rss *rss, const struct plan_port *device,
	uint16_t rx_queues, uint16_t worker_count)
{
	if (rx_queues == 0 || rss->mode == RSS_OFF || rss->mode == RSS_HARDWARE)
		return 0;
	if (rss->queues > 0)
		return smaller(rss->queues, CONFIG_RSS_QUEUES_MAX);
	if (worker_count == 1)
		return 0;
	return rss->mode == RSS_SOFTWARE || device->rss_unable || worker_count > rx_queues
		? worker_count
		: 0;
}

static bool pipeline_reads(const struct config *config, unsigned port)
{
	for (unsigned index = 0; index < config->pipeline_count; index++) {
		if (config->pipelines[index].from_port == port)
			return true;
	}
	return false;
}

static bool node_has_worker(const struct plan *plan, int node)
{
	for (unsigned worker = 0; worker < plan->worker_count; worker++) {
		if (plan->workers[worker].node == node)
			return true;
	}
	return false;
}

/* The worker for a port's next queue, of `node`'s only unless `any_node`: the one with the fewest
 * queues of this port, then the fewest of all. */
static unsigned choose_worker(const struct plan *plan, int node, bool any_node,
	const unsigned of_port[], const unsigned load[])
{
	bool found = false;
	unsigned best = 0;

	for (unsigned worker = 0; worker < plan->worker_count; worker++) {
		if (!any_node && plan->workers[worker].node != node)
			continue;
		if (!found || of_port[worker] < of_port[best] ||
			(of_port[worker] == of_port[best] && load[worker] < load[best]))
			best = worker;
		found = true;
	}
	return best;
}

/* `load` counts the queues of all ports each worker has so far. */
static void assign_rx_queues(struct plan *plan, unsigned port, int node, unsigned load[])
{
	unsigned of_port[CONFIG_WORKERS_MAX] = {0};
	bool any_node = !node_has_worker(plan, node);

	for (unsigned queue = 0; queue < plan->rx_queues[port]; queue++) {
		unsigned worker = choose_worker(plan, node, any_node, of_port, load);

		plan->rx_worker[port][queue] = (uint16_t)worker;
		of_port[worker]++;
		load[worker]++;
	}
}

int plan_queues(const struct config *config, const struct plan_port ports[], struct plan *plan,
	struct error *error)
{
	unsigned load[CONFIG_WORKERS_MAX] = {0};
	uint16_t workers = plan->worker_count;

	if (workers == 0)
		return error_set(error, EINVAL, "no worker to poll queues");
	for (unsigned port = 0; port < config->port_count; port++) {
		int status = count_rx_queues(
			&config->ports[port], &ports[port], workers, &plan->rx_queues[port], error);

		if (status < 0)
			return status;
		plan->tx_queues[port] = smaller(workers, ports[port].tx_queues_max);
		plan->emulated_queues[port] = count_emulated_queues(
			&config->ports[port].rss, &ports[port], plan->rx_queues[port], workers);
		for (unsigned queue = 0; queue < plan->emulated_queues[port]; queue++)
			plan->emulated_worker[port][queue] = (uint16_t)(queue % workers);
	}
	for (unsigned read = 0; read < 2; read++) { /* ports that a pipeline reads first */
		for (unsigned port = 0; port < config->port_count; port++) {
			if (pipeline_reads(config, port) == (read == 0))
				assign_rx_queues(plan, port, ports[port].numa_node, load);
		}
	}
	return 0;
}
