/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of the way: a tx queue of the worker's own, or the worker that has one. */
#include <rte_ethdev.h>
#include <rte_pause.h>

#include "base/clock.h"
#include "engine/capture_tap.h"
#include "engine/worker.h"
#include "segmentation/super_packet.h"

/* Each driver wants something else in the checksum fields of what its device cuts. */
static bool device_accepts(const struct transmit *transmit, struct rte_mbuf *packet)
{
	return transmit->owner != NULL || transmit->port->config->kind != PORT_DEVICE ||
		rte_eth_tx_prepare(transmit->queue.ethdev, transmit->queue.queue, &packet, 1) == 1;
}

/* Drops what the port could not carry, before a driver drops it without a word. */
static __rte_noinline void transmit_check(
	struct worker *worker, const struct transmit *transmit, struct burst *burst)
{
	for (uint16_t i = 0; i < burst->count;) {
		struct rte_mbuf *packet = burst->packets[i];

		/* A super-packet that is still one here is to be cut by the port. */
		if (unlikely(packet->pkt_len > transmit->length_max) && !super_packet_is(packet))
			burst_drop(worker, burst, i, DROP_tx_too_long);
		else if (unlikely(packet->nb_segs > transmit->segments_max))
			burst_drop(worker, burst, i, DROP_tx_segments);
		else if (unlikely(super_packet_is(packet)) && !device_accepts(transmit, packet))
			burst_drop(worker, burst, i, DROP_tx_refused);
		else
			i++;
	}
}

static inline uint16_t transmit_try(
	struct worker *worker, struct transmit *transmit, struct burst *burst, uint16_t first)
{
	if (unlikely(transmit->tap != NULL) && transmit->owner == NULL)
		return capture_send(transmit, &burst->packets[first], burst->count - first);
	if (transmit->owner == NULL)
		return tx_queue_send(
			&transmit->queue, &burst->packets[first], burst->count - first);
	return handoff_transmit(worker, transmit, burst, first);
}

static enum drop_reason transmit_reason(const struct port *port)
{
	return port_link_is_up(port) ? DROP_tx_full : DROP_tx_no_port;
}

/* Off the fast path: the queue did not take all at once. It is tried again for retry_cycles. If it
 * took nothing at all in that time it is stuck: until it takes something again, packets drop
 * without delay, and why is not asked again (it may take a system call). Returns how many it took.
 */
static __rte_noinline uint16_t transmit_retry(
	struct worker *worker, struct transmit *transmit, struct burst *burst, uint16_t sent)
{
	uint64_t retry_cycles = __atomic_load_n(&transmit->retry_cycles, __ATOMIC_RELAXED);
	uint64_t start = tsc_now();

	while (sent < burst->count && !(transmit->stuck && sent == 0) &&
		tsc_now() - start < retry_cycles &&
		!__atomic_load_n(&transmit->port->removed, __ATOMIC_RELAXED)) {
		rte_pause();
		sent += transmit_try(worker, transmit, burst, sent);
	}
	if (sent > 0) {
		transmit->stuck = false;
		transmit->reason = DROP_tx_full;
	} else if (!transmit->stuck) {
		transmit->stuck = true;
		transmit->reason = transmit_reason(transmit->port);
	}
	if (__atomic_load_n(&transmit->port->removed, __ATOMIC_RELAXED))
		transmit->reason = DROP_tx_no_port;
	return sent;
}

static __rte_noinline void transmit_drop_rest(
	struct worker *worker, const struct transmit *transmit, struct burst *burst, uint16_t sent)
{
	while (burst->count > sent)
		burst_drop(worker, burst, burst->count - 1, transmit->reason);
}

/* What the queue took and could not send has left the burst after all. Returns how many. */
static __rte_noinline uint16_t transmit_refused(struct worker *worker, const struct tx_refused *now,
	const struct tx_refused *before, struct burst *burst)
{
	uint64_t packets = now->packets - before->packets;

	burst->bytes -= now->bytes - before->bytes;
	worker->counters.drops[DROP_tx_refused] += packets;
	return (uint16_t)packets;
}

void transmit_burst(struct worker *worker, struct transmit *transmit, struct burst *burst)
{
	const struct tx_refused *refused = transmit->owner == NULL ? transmit->queue.refused : NULL;
	struct tx_refused before = {0};
	uint16_t sent;

	if (transmit->checked)
		transmit_check(worker, transmit, burst);
	if (burst->count == 0)
		return;
	if (refused != NULL)
		before = *refused;
	sent = transmit_try(worker, transmit, burst, 0);
	if (unlikely(sent < burst->count)) {
		sent = transmit_retry(worker, transmit, burst, sent);
		if (sent < burst->count)
			transmit_drop_rest(worker, transmit, burst, sent);
	}
	if (refused != NULL && unlikely(refused->packets != before.packets))
		sent -= transmit_refused(worker, refused, &before, burst);
	if (transmit->owner == NULL && sent > 0) {
		transmit->counters->packets += sent;
		transmit->counters->bytes += burst->bytes;
		transmit->counters->batches++;
		latency_note(worker, burst->rx_tsc, sent);
	}
	burst->count = 0;
	burst->bytes = 0;
}
