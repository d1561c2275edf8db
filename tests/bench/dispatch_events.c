/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's event devices: one atomic queue, a port that produces, a port that works.
 *
 * event_sw has a scheduler that wants a core. Here are two cores for each contender, so the
 * producer runs it between its bursts: it is then the steering core, which is what is compared.
 * event_dsw schedules in the ports' own calls.
 */
#include <rte_dev.h>
#include <rte_eventdev.h>
#include <rte_pause.h>
#include <rte_service.h>

#include "dispatch.h"

enum { QUEUE = 0, PRODUCER_PORT = 0, WORKER_PORT = 1, EVENTS_MAX = 4096 };

struct event_device {
	uint8_t id;
	uint32_t service;
};

static struct event_device sw, dsw;

static const char *ports_setup(uint8_t id, const struct rte_event_dev_info *info)
{
	struct rte_event_dev_config config = {
		.nb_event_queues = 1,
		.nb_event_ports = 2,
		.nb_events_limit = EVENTS_MAX,
		.nb_event_queue_flows = 1024,
		.nb_event_port_dequeue_depth = DISPATCH_BURST,
		.nb_event_port_enqueue_depth = DISPATCH_BURST,
		.dequeue_timeout_ns = info->min_dequeue_timeout_ns,
	};
	struct rte_event_queue_conf queue = {
		.nb_atomic_flows = 1024,
		.schedule_type = RTE_SCHED_TYPE_ATOMIC,
		.priority = RTE_EVENT_DEV_PRIORITY_NORMAL,
	};
	struct rte_event_port_conf port = {
		.new_event_threshold = EVENTS_MAX,
		.dequeue_depth = DISPATCH_BURST,
		.enqueue_depth = DISPATCH_BURST,
	};
	const uint8_t queues[] = {QUEUE};

	if (rte_event_dev_configure(id, &config) != 0)
		return "rte_event_dev_configure failed";
	if (rte_event_queue_setup(id, QUEUE, &queue) != 0)
		return "rte_event_queue_setup failed";
	if (rte_event_port_setup(id, PRODUCER_PORT, &port) != 0 ||
		rte_event_port_setup(id, WORKER_PORT, &port) != 0)
		return "rte_event_port_setup failed";
	if (rte_event_port_link(id, WORKER_PORT, queues, NULL, 1) != 1)
		return "rte_event_port_link failed";
	return NULL;
}

static const char *device_setup(const char *name, struct event_device *device)
{
	struct rte_event_dev_info info;
	const char *problem;
	int id;

	if (rte_eal_hotplug_add("vdev", name, "") != 0)
		return "its driver is not installed";
	id = rte_event_dev_get_dev_id(name);
	if (id < 0 || rte_event_dev_info_get((uint8_t)id, &info) != 0)
		return "the device was not made";
	device->id = (uint8_t)id;
	problem = ports_setup(device->id, &info);
	if (problem == NULL && rte_event_dev_service_id_get(device->id, &device->service) == 0) {
		/* No service core: the producer runs it. */
		rte_service_set_runstate_mapped_check(device->service, 0);
		rte_service_runstate_set(device->service, 1);
	}
	if (problem == NULL && rte_event_dev_start(device->id) != 0)
		problem = "rte_event_dev_start failed";
	return problem;
}

static void events_init(struct rte_event events[DISPATCH_BURST])
{
	for (unsigned i = 0; i < DISPATCH_BURST; i++)
		events[i] = (struct rte_event){
			.op = RTE_EVENT_OP_NEW,
			.queue_id = QUEUE,
			.sched_type = RTE_SCHED_TYPE_ATOMIC,
			.event_type = RTE_EVENT_TYPE_CPU,
			.priority = RTE_EVENT_DEV_PRIORITY_NORMAL,
		};
}

static void events_fill(struct rte_event events[DISPATCH_BURST], uint64_t done)
{
	unsigned first = done % DISPATCH_PACKETS;

	for (unsigned i = 0; i < DISPATCH_BURST; i++) {
		events[i].flow_id = dispatch_packets.hashes[first + i] & 0xfffff;
		events[i].mbuf = dispatch_packets.mbufs[first + i];
	}
}

/* Enqueues all, and calls serve() after each try, and until the worker has all. */
static inline void device_produce(
	struct dispatch_round *round, uint8_t id, void (*serve)(bool ended))
{
	struct rte_event events[DISPATCH_BURST];

	events_init(events);
	for (uint64_t done = 0; done < round->packets; done += DISPATCH_BURST) {
		unsigned given = 0;

		events_fill(events, done);
		while (given < DISPATCH_BURST) {
			given += rte_event_enqueue_new_burst(id, PRODUCER_PORT, events + given,
				(uint16_t)(DISPATCH_BURST - given));
			serve(false);
			if (given < DISPATCH_BURST && dispatch_expired(round))
				return;
		}
	}
	while (!dispatch_consumed(round))
		serve(true);
	serve(true); /* the last releases */
}

static void device_consume(struct dispatch_round *round, uint8_t id)
{
	struct rte_event events[DISPATCH_BURST];
	struct rte_mbuf *burst[DISPATCH_BURST];

	while (round->arrived < round->packets) {
		unsigned count =
			rte_event_dequeue_burst(id, WORKER_PORT, events, DISPATCH_BURST, 0);

		if (count == 0 && dispatch_expired(round))
			return;
		for (unsigned i = 0; i < count; i++)
			burst[i] = events[i].mbuf;
		dispatch_arrived(round, burst, count);
	}
	round->last_tsc = tsc_now();
	/* The next dequeue says that the last events are done with; there are no more. */
	dispatch_arrived(
		round, burst, rte_event_dequeue_burst(id, WORKER_PORT, events, DISPATCH_BURST, 0));
}

/* ---- event_sw ---- */

static inline void sw_serve(bool ended)
{
	(void)ended;
	rte_service_run_iter_on_app_lcore(sw.service, 0);
}

static void sw_produce(struct dispatch_round *round)
{
	device_produce(round, sw.id, sw_serve);
}

static void sw_consume(struct dispatch_round *round)
{
	device_consume(round, sw.id);
}

static const char *sw_setup(void)
{
	return device_setup("event_sw0", &sw);
}

const struct dispatch_contender dispatch_event_sw = {
	"event_sw, atomic, 1 worker", sw_setup, sw_produce, sw_consume};

/* ---- event_dsw ---- */

/* It keeps events back until there are enough for a burst; an empty burst sends them. */
static inline void dsw_serve(bool ended)
{
	if (ended)
		rte_event_enqueue_burst(dsw.id, PRODUCER_PORT, NULL, 0);
}

static void dsw_produce(struct dispatch_round *round)
{
	device_produce(round, dsw.id, dsw_serve);
}

static void dsw_consume(struct dispatch_round *round)
{
	device_consume(round, dsw.id);
}

static const char *dsw_setup(void)
{
	return device_setup("event_dsw0", &dsw);
}

const struct dispatch_contender dispatch_event_dsw = {
	"event_dsw, 1 worker", dsw_setup, dsw_produce, dsw_consume};
