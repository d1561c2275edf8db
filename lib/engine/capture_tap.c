/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/capture_tap.h"

#include "base/clock.h"
#include "engine/worker.h"
#include "segmentation/super_packet.h"

/* What is true of all packets of a burst at a tap. */
struct capture_where {
	uint64_t tsc;
	uint16_t queue;
	uint8_t port, pipeline, reason;
};

/* ---- a copy ---- */

/* Not rte_pktmbuf_read(): a packet that is dropped half cut may be shorter than it says. Returns
 * how many bytes there were. */
static uint32_t copy_bytes(uint8_t *to, const struct rte_mbuf *packet, uint32_t wanted)
{
	uint32_t done = 0;

	for (; packet != NULL && done < wanted; packet = packet->next) {
		uint32_t part = RTE_MIN((uint32_t)packet->data_len, wanted - done);

		rte_memcpy(to + done, rte_pktmbuf_mtod(packet, const void *), part);
		done += part;
	}
	return done;
}

/* Numbers of the traced packets that this one is, or is made of. */
static uint16_t find_numbers(const struct capture_lane *lane, const struct rte_mbuf *packet,
	uint64_t numbers[CAPTURE_PARTS_MAX])
{
	uint16_t count = 0;

	for (; packet != NULL && count < CAPTURE_PARTS_MAX; packet = packet->next) {
		uint64_t number = tap_stamp_get(&lane->stamp, packet, 0);

		/* Buffers of one packet that is no merged one may all have it. */
		if (number != 0 && (count == 0 || numbers[count - 1] != number))
			numbers[count++] = number;
	}
	return count;
}

static void fill_record(struct capture_record *record, const struct capture_taker *taker,
	const struct rte_mbuf *packet, const struct capture_where *where)
{
	bool super = super_packet_is(packet);

	*record = (struct capture_record){
		.tsc = where->tsc,
		.length = packet->pkt_len,
		.hash = packet->hash.rss,
		.hashed = (packet->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0,
		.queue = where->queue,
		.segments = (uint16_t)super_packet_segments(packet),
		.segment_bytes = super ? packet->tso_segsz : 0,
		.buffers = packet->nb_segs,
		.point = taker->point,
		.worker = (uint8_t)taker->lane->worker,
		.port = where->port,
		.pipeline = where->pipeline,
		.reason = where->reason,
	};
}

/* Stages a record with `parts` numbers. Returns where it ends; 0: there is no room. */
static uint64_t copy_packet(const struct capture_taker *taker, const struct rte_mbuf *packet,
	const struct capture_where *where, const uint64_t numbers[], uint16_t parts)
{
	struct capture_lane *lane = taker->lane;
	uint32_t wanted = RTE_MIN(packet->pkt_len, lane->snap_bytes);
	uint64_t length = sizeof(struct capture_record) + parts * sizeof(uint64_t);
	struct capture_record *record = byte_ring_reserve(lane->ring, length + wanted);

	if (record == NULL)
		return 0;
	fill_record(record, taker, packet, where);
	record->parts = parts;
	record->number = parts > 0 ? numbers[0] : 0;
	memcpy(record + 1, numbers, parts * sizeof(uint64_t));
	record->captured = copy_bytes((uint8_t *)record + length, packet, wanted);
	return byte_ring_stage(lane->ring, length + record->captured);
}

/* ---- who is wanted ---- */

/* At rx: a number for those that match, as long as there are any. */
static bool number_packet(struct capture_lane *lane, struct rte_mbuf *packet)
{
	uint64_t left;

	packet->ol_flags &= ~lane->stamp.flag;
	if (!capture_filter_matches(lane->filter, packet))
		return false;
	left = __atomic_load_n(lane->numbers_left, __ATOMIC_RELAXED);
	while (left > 0 &&
		!__atomic_compare_exchange_n(lane->numbers_left, &left, left - 1, true,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (left == 0)
		return false;
	tap_stamp_set(&lane->stamp, packet, lane->numbers - left + 1);
	return true;
}

static bool is_wanted(const struct capture_taker *taker, struct rte_mbuf *packet,
	uint64_t numbers[], uint16_t *ret_parts)
{
	struct capture_lane *lane = taker->lane;

	*ret_parts = 0;
	if (!lane->traces)
		return capture_filter_matches(lane->filter, packet);
	if (taker->numbers && !number_packet(lane, packet))
		return false;
	*ret_parts = find_numbers(lane, packet, numbers);
	return *ret_parts > 0;
}

enum capture_fate { CAPTURE_FILTERED, CAPTURE_COPIED, CAPTURE_LOST };

static enum capture_fate take_packet(const struct capture_taker *taker, struct rte_mbuf *packet,
	const struct capture_where *where, uint64_t *ret_end)
{
	uint64_t numbers[CAPTURE_PARTS_MAX], end;
	uint16_t parts;

	if (!is_wanted(taker, packet, numbers, &parts))
		return CAPTURE_FILTERED;
	end = copy_packet(taker, packet, where, numbers, parts);
	if (end == 0)
		return CAPTURE_LOST;
	*ret_end = end;
	return CAPTURE_COPIED;
}

static void count_fate(struct capture_point_counters *counters, enum capture_fate fate)
{
	counters->packets++;
	counters->filtered += fate == CAPTURE_FILTERED;
	counters->captured += fate == CAPTURE_COPIED;
	counters->lost += fate == CAPTURE_LOST;
}

static bool is_over(const struct capture_lane *lane)
{
	return __atomic_load_n(lane->over, __ATOMIC_RELAXED);
}

static void take_burst(const struct capture_tap *tap, struct rte_mbuf *const packets[],
	unsigned count, const struct capture_where *where)
{
	for (unsigned t = 0; t < tap->count; t++) {
		const struct capture_taker *taker = &tap->takers[t];
		struct byte_ring *ring = taker->lane->ring;
		uint64_t end = byte_ring_position(ring);

		if (is_over(taker->lane))
			continue;
		for (unsigned i = 0; i < count; i++)
			count_fate(&taker->lane->counters[taker->point],
				take_packet(taker, packets[i], where, &end));
		byte_ring_publish(ring, end);
	}
}

/* ---- the taps ---- */

static void capture_process(struct stage *stage, struct burst *burst)
{
	struct capture_where where = {
		.tsc = tsc_now(),
		.queue = CAPTURE_NO_QUEUE,
		.port = CAPTURE_NOWHERE,
		.pipeline = (uint8_t)stage->pipeline->index,
		.reason = DROP_REASON_COUNT,
	};

	take_burst(stage->state, burst->packets, burst->count, &where);
}

const struct stage_ops capture_stage = {
	.name = "capture",
	.help = "copy packets for captures",
	.process = capture_process,
};

void capture_dropped(const struct drop_watch *watch, struct rte_mbuf *const packets[],
	unsigned count, enum drop_reason reason)
{
	struct capture_where where = {
		.tsc = tsc_now(),
		.queue = CAPTURE_NO_QUEUE,
		.port = CAPTURE_NOWHERE,
		.pipeline = CAPTURE_NOWHERE,
		.reason = (uint8_t)reason,
	};

	take_burst((const struct capture_tap *)watch, packets, count, &where);
}

void capture_received(const struct rx_poll *poll, struct rte_mbuf *packets[], unsigned count)
{
	struct capture_where where = {
		.tsc = tsc_now(),
		.queue = poll->queue_index,
		.port = (uint8_t)poll->port->index,
		.pipeline = CAPTURE_NOWHERE,
		.reason = DROP_REASON_COUNT,
	};

	take_burst(poll->tap, packets, count, &where);
}

/* One capture's copies of a burst that may not be sent whole. */
struct capture_attempt {
	uint64_t ends[BURST_SIZE]; /* behind the record of each packet */
	uint8_t fates[BURST_SIZE];
};

static void attempt_copy(const struct capture_taker *taker, struct rte_mbuf **packets,
	uint16_t count, const struct capture_where *where, struct capture_attempt *attempt)
{
	uint64_t end = byte_ring_position(taker->lane->ring);

	for (uint16_t i = 0; i < count; i++) {
		attempt->fates[i] = (uint8_t)take_packet(taker, packets[i], where, &end);
		attempt->ends[i] = end;
	}
}

static void attempt_settle(
	const struct capture_taker *taker, uint16_t sent, const struct capture_attempt *attempt)
{
	struct byte_ring *ring = taker->lane->ring;

	for (uint16_t i = 0; i < sent; i++)
		count_fate(
			&taker->lane->counters[taker->point], (enum capture_fate)attempt->fates[i]);
	byte_ring_publish(ring, sent > 0 ? attempt->ends[sent - 1] : byte_ring_position(ring));
}

uint16_t capture_send(const struct transmit *transmit, struct rte_mbuf **packets, uint16_t count)
{
	const struct capture_tap *tap = transmit->tap;
	struct capture_attempt attempts[CAPTURE_TAKERS_MAX];
	struct capture_where where = {
		.tsc = tsc_now(),
		.queue = transmit->queue_index,
		.port = (uint8_t)transmit->port->index,
		.pipeline = CAPTURE_NOWHERE,
		.reason = DROP_REASON_COUNT,
	};
	bool taken[CAPTURE_TAKERS_MAX] = {false};
	uint16_t sent;

	for (unsigned t = 0; t < tap->count; t++) {
		taken[t] = !is_over(tap->takers[t].lane);
		if (taken[t])
			attempt_copy(&tap->takers[t], packets, count, &where, &attempts[t]);
	}
	sent = RTE_MIN(tx_queue_send(&transmit->queue, packets, count), count);
	for (unsigned t = 0; t < tap->count; t++)
		if (taken[t])
			attempt_settle(&tap->takers[t], sent, &attempts[t]);
	return sent;
}
