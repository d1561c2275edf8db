/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives packets to applications, by the rules of the port that the pipeline begins at: what no rule
 * matches goes on. In no configuration: linked once applications asked for flows (engine/raw.h).
 *
 * An application's CPU is where the flows it receives are consumed: RFS steers them to the worker
 * that is nearest.
 */
#include "base/clock.h"
#include "engine/raw.h"
#include "engine/stages/stages.h"
#include "engine/worker.h"
#include "steering/receive.h"

static uint64_t arrived_ns(const struct stage *stage, const struct burst *burst)
{
	int64_t ago = (int64_t)(tsc_now() - burst->rx_tsc);

	return clock_monotonic_ns() - (ago > 0 ? tsc_to_ns((uint64_t)ago, stage->tsc_hz) : 0);
}

/* All of them leave the burst, one way or the other. */
static void give(struct stage *stage, struct raw_queue *queue, struct rte_mbuf *packets[],
	uint16_t count, uint64_t bytes, uint64_t when_ns)
{
	struct rfs_consumers *consumers = __atomic_load_n(stage->consumers, __ATOMIC_ACQUIRE);
	uint16_t given;

	if (consumers != NULL)
		raw_queue_consumed(queue, consumers, packets, count);
	given = raw_queue_deliver(queue, packets, count, when_ns);
	if (unlikely(given < count)) {
		raw_queue_dropped(queue, (uint16_t)(count - given));
		for (uint16_t i = given; i < count; i++) {
			bytes -= packets[i]->pkt_len;
			stage_drop(stage, packets[i], DROP_application_full);
		}
	}
	stage->counters->delivered += given;
	stage->counters->delivered_bytes += bytes;
}

/* Those of one target, in their order. Returns how many are left. */
static uint16_t give_target(struct stage *stage, const struct raw_rules *rules, struct burst *burst,
	uint32_t targets[], uint32_t target, uint64_t when_ns)
{
	struct rte_mbuf *packets[BURST_SIZE];
	uint16_t count = 0, left = 0;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];

		if (targets[i] == target) {
			bytes += packet->pkt_len;
			packets[count++] = packet;
		} else {
			targets[left] = targets[i];
			burst->packets[left++] = packet;
		}
	}
	burst->bytes -= bytes;
	give(stage, rules->queues[target], packets, count, bytes, when_ns);
	return left;
}

static void raw_deliver_process(struct stage *stage, struct burst *burst)
{
	struct raw_rules *const *place = stage->state;
	const struct raw_rules *rules = __atomic_load_n(place, __ATOMIC_ACQUIRE);
	struct flow_fields fields[BURST_SIZE];
	uint32_t targets[BURST_SIZE];
	uint64_t when_ns;
	uint32_t target;

	if (burst->count == 0)
		return;
	if (rules == NULL) {
		if (stage->pipeline->parses_left)
			receive_parse(burst->packets, burst->count);
		return;
	}
	when_ns = arrived_ns(stage, burst);
	if (flow_rules_one_target(rules->flows, &target)) {
		give(stage, rules->queues[target], burst->packets, burst->count, burst->bytes,
			when_ns);
		burst->count = 0;
		burst->bytes = 0;
		return;
	}
	/* Where all go to one application none is looked at: so it is not said of the stage. What
	 * is left has its headers found for the stages that follow, too. */
	if (!stage->pipeline->parses)
		receive_parse(burst->packets, burst->count);
	for (uint16_t i = 0; i < burst->count; i++)
		flow_fields_read(burst->packets[i], &fields[i]);
	flow_rules_find(rules->flows, fields, burst->count, targets);
	for (uint16_t i = 0; i < burst->count;) {
		if (targets[i] == FLOW_RULES_NONE)
			i++;
		else /* this one leaves: another is at its place then */
			burst->count =
				give_target(stage, rules, burst, targets, targets[i], when_ns);
	}
}

_Static_assert((int)BURST_SIZE == (int)FLOW_RULES_BURST, "a burst is looked up at once");

const struct stage_ops raw_deliver_stage = {
	.name = "deliver",
	.help = "give packets to applications, by the rules of their flows",
	.process = raw_deliver_process,
};
