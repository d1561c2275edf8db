/* SPDX-License-Identifier: BSD-3-Clause */
/* Transmit packet steering: which of a port's tx queues each worker sends through. */
#include "placement/plan.h"

enum { NO_QUEUE = UINT16_MAX };

/* Whether the worker processes what an rx queue of that number brings to the port. */
static bool serves_rx_queue(const struct config *config, const struct plan *plan, unsigned worker,
	uint16_t to_port, unsigned queue)
{
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		uint16_t from = config->pipelines[i].from_port;
		uint16_t emulated = plan->emulated_queues[from];

		if (config->pipelines[i].to_port != to_port)
			continue;
		if (emulated > 0 && queue < emulated &&
			plan->emulated_worker[from][queue] == worker)
			return true;
		if (emulated == 0 && queue < plan->rx_queues[from] &&
			plan->rx_worker[from][queue] == worker)
			return true;
	}
	return false;
}

static bool names_worker(const struct config *config, const struct plan *plan, uint16_t port,
	const struct cpu_mask *mask, bool rxqs, unsigned worker)
{
	if (!rxqs)
		return cpu_mask_has(mask, plan->workers[worker].cpu);
	for (unsigned queue = 0; queue < CONFIG_RSS_QUEUES_MAX; queue++)
		if (cpu_mask_has(mask, queue) && serves_rx_queue(config, plan, worker, port, queue))
			return true;
	return false;
}

/* The queue named for the worker that the fewest workers have so far. */
static uint16_t named_queue(const struct config *config, const struct plan *plan, uint16_t port,
	bool rxqs, unsigned worker, const unsigned users[])
{
	const struct queue_masks *masks =
		rxqs ? &config->ports[port].xps_rxqs : &config->ports[port].xps_cpus;
	uint16_t best = NO_QUEUE;

	for (uint16_t q = 0; q < plan->tx_queues[port]; q++) {
		const struct cpu_mask *mask = queue_mask(masks, q);

		if (mask == NULL || !names_worker(config, plan, port, mask, rxqs, worker))
			continue;
		if (best == NO_QUEUE || users[q] < users[best])
			best = q;
	}
	return best;
}

static uint16_t free_queue(const struct plan *plan, uint16_t port, const unsigned users[])
{
	uint16_t best = 0;

	for (uint16_t q = 1; q < plan->tx_queues[port]; q++)
		if (users[q] < users[best])
			best = q;
	return best;
}

void plan_tx_queues(
	const struct config *config, const struct plan *plan, uint16_t port, uint16_t ret_queues[])
{
	unsigned users[CONFIG_WORKERS_MAX] = {0};

	for (unsigned w = 0; w < plan->worker_count; w++) {
		ret_queues[w] = named_queue(config, plan, port, true, w, users);
		if (ret_queues[w] == NO_QUEUE)
			ret_queues[w] = named_queue(config, plan, port, false, w, users);
		if (ret_queues[w] != NO_QUEUE)
			users[ret_queues[w]]++;
	}
	for (unsigned w = 0; w < plan->worker_count; w++) {
		if (ret_queues[w] != NO_QUEUE)
			continue;
		ret_queues[w] = free_queue(plan, port, users);
		users[ret_queues[w]]++;
	}
}
