/* SPDX-License-Identifier: BSD-3-Clause */
#include "placement/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "placement/plan_parts.h"

void plan_warn(struct plan *plan, const char *format, ...)
{
	va_list arguments;

	if (plan->warning_count == PLAN_WARNINGS_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(plan->warnings[plan->warning_count++], sizeof(plan->warnings[0]), format,
		arguments);
	va_end(arguments);
}

/* A port far from every worker that polls it: each packet crosses between the sockets. */
static void warn_of_far_ports(
	const struct config *config, const struct plan_port ports[], struct plan *plan)
{
	for (unsigned port = 0; port < config->port_count; port++) {
		bool near = plan->rx_queues[port] == 0 || ports[port].numa_node < 0;

		for (unsigned queue = 0; queue < plan->rx_queues[port]; queue++) {
			near |= plan->workers[plan->rx_worker[port][queue]].node ==
				ports[port].numa_node;
		}
		if (!near)
			plan_warn(plan,
				"port %s is on node %d, but no worker is: each of its packets "
				"crosses between nodes; give workers.cpus or workers.nodes there",
				config->ports[port].name, ports[port].numa_node);
	}
}

static void warn_of_idle_workers(const struct config *config, struct plan *plan)
{
	bool has_work[CONFIG_WORKERS_MAX] = {false};
	unsigned idle = 0;

	for (unsigned port = 0; port < config->port_count; port++) {
		for (unsigned queue = 0; queue < plan->rx_queues[port]; queue++)
			has_work[plan->rx_worker[port][queue]] = true;
		for (unsigned queue = 0; queue < plan->emulated_queues[port]; queue++)
			has_work[plan->emulated_worker[port][queue]] = true;
	}
	for (unsigned worker = 0; worker < plan->worker_count; worker++)
		idle += has_work[worker] ? 0 : 1;
	if (idle > 0 && !config->verbs.on)
		plan_warn(plan,
			"%u of %u workers have no queue: give the ports more queues, let rss.mode "
			"be "
			"auto, or take fewer workers",
			idle, plan->worker_count);
}

int plan_make(const struct config *config, const struct topology *topology,
	const struct plan_port ports[], struct plan *ret_plan, struct error *error)
{
	int status;

	memset(ret_plan, 0, sizeof(*ret_plan));
	status = plan_cpus(config, topology, ports, ret_plan, error);
	if (status < 0)
		return status;
	status = plan_queues(config, ports, ret_plan, error);
	if (status < 0)
		return status;
	plan_memory(config, topology, ret_plan);
	warn_of_far_ports(config, ports, ret_plan);
	warn_of_idle_workers(config, ret_plan);
	return 0;
}
