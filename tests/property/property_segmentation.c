/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Laws of GRO and GSO, on random flows (segments_generator.h):
 *
 *  1. Lossless: GSO(GRO(x)) = x byte for byte, in the order of each flow; nothing is lost, doubled
 *     or left over, and what is held is counted right at every moment.
 *  2. What merges, and what leaves in which call, is what the naive oracle says (segments_model.h).
 *  3. Each super-packet has right lengths, checksums, segment sizes and counts.
 *
 * WEIR_SEED: another seed. WEIR_STEPS: packets, 1e9 for example; some million a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_mbuf.h>

#include "segments_round_trip.h"

enum { STEPS = 2000000, RUN_PACKETS = 4000, POOL_PACKETS = 8191, SLOTS = 8192, BURST = 64 };

struct run {
	struct generator generator;
	struct model model;
	struct gro *gro;
	struct gso gso;
	uint64_t random, serial, now_tsc;
};

/* The bytes of packets as they came, for as long as any can be on its way. */
static struct segment slots[SLOTS];

static uint32_t below(struct run *run, uint32_t limit)
{
	return (uint32_t)((generator_random(&run->random) >> 32) * limit >> 32);
}

static bool one_in(struct run *run, uint32_t count)
{
	return below(run, count) == 0;
}

static void run_begin(struct run *run, uint64_t seed)
{
	static const uint32_t flows[] = {1, 2, 3, 8, 16, 64, 64, MODEL_HELD_MAX};
	static const uint32_t buffers[] = {1, 2, 5, 20, 100, 500, 2000, 2000};
	static const uint32_t timeouts[] = {0, 0, 1, 100, 10000};
	struct gro_settings settings = {.verify = true};
	struct error error;

	run->random = seed;
	run->serial = run->now_tsc = 0;
	settings.flows = flows[below(run, 8)];
	settings.buffers = buffers[below(run, 8)];
	settings.timeout_tsc = timeouts[below(run, 5)];
	settings.rules = one_in(run, 2) ? GRO_RULES_CLASSIC : GRO_RULES_CURRENT;
	settings.tcp = !one_in(run, 16);
	settings.udp = !one_in(run, 4);
	settings.tunnels = !one_in(run, 4);
	settings.verify = !one_in(run, 8);
	generator_init(&run->generator, generator_random(&run->random), settings.verify);
	run->model = (struct model){.settings = settings};
	run->gso = (struct gso){.pool = round_trip_pool, .mtu = 1500};
	run->gro = gro_create(&settings, SOCKET_ID_ANY, &error);
	if (run->gro == NULL)
		round_trip_fail(NULL, "%s", error.message);
	snprintf(round_trip_story, sizeof(round_trip_story),
		"WEIR_SEED=0x%" PRIx64 " (flows %u, buffers %u, timeout %" PRIu64
		", %s, udp %d, tunnels %d, verify %d)",
		seed, settings.flows, settings.buffers, settings.timeout_tsc,
		settings.rules == GRO_RULES_CLASSIC ? "classic" : "current", settings.udp,
		settings.tunnels, settings.verify);
}

/* Whether `one` may not leave after `other`, which came later. */
static bool ordered(const struct model_packet *one, const struct model_packet *other)
{
	if (one->kind == MODEL_ALIEN || other->kind == MODEL_ALIEN)
		return false;
	if (one->kind == MODEL_PORTLESS || other->kind == MODEL_PORTLESS)
		return one->addresses_hash == other->addresses_hash;
	return one->key_hash == other->key_hash;
}

/* What came out of a call has left the model too, in its order where there is one. */
static void check_out(
	struct run *run, struct rte_mbuf *packets[], unsigned count, bool oldest_first)
{
	struct model *model = &run->model;

	for (unsigned i = 0; i < count; i++) {
		struct model_packet *packet = round_trip_origin(packets[i]);
		uint32_t at = 0;

		while (at < model->left_count && model->left[at] != packet) {
			if (oldest_first || ordered(model->left[at], packet))
				round_trip_fail(
					packet, "it overtook packet %lu", model->left[at]->serial);
			at++;
		}
		if (at == model->left_count)
			round_trip_fail(packet, "it should not have left, or not as a first one");
		memmove(&model->left[at], &model->left[at + 1],
			(--model->left_count - at) * sizeof(model->left[0]));
		round_trip_check(
			&run->gso, packets[i], (unsigned)(generator_random(&run->random) >> 40));
	}
}

static void check_counts(struct run *run, unsigned count, unsigned room)
{
	const struct model *model = &run->model;
	uint64_t due = UINT64_MAX;
	uint32_t held = model->packets;

	for (uint32_t i = 0; i < model->left_count; i++)
		held += model->left[i]->segments;
	if (model->left_count > 0 && count < room)
		round_trip_fail(model->left[0], "it should have left");
	if (gro_held(run->gro) != held)
		round_trip_fail(NULL, "%u held instead of %u", gro_held(run->gro), held);
	if (model->left_count > 0)
		due = 0;
	else if (model->count > 0)
		due = model->held[0]->since_tsc + model->settings.timeout_tsc;
	if (gro_due_tsc(run->gro) != due)
		round_trip_fail(NULL, "due at %lu instead of %lu", gro_due_tsc(run->gro), due);
}

static struct rte_mbuf *next_packet(struct run *run)
{
	struct segment *segment = &slots[run->serial % SLOTS];
	struct model_packet *origin;
	struct rte_mbuf *packet;

	generator_next(&run->generator, segment);
	packet = round_trip_packet(segment->bytes, segment->length, segment->pieces);
	origin = round_trip_origin(packet);
	origin->partial = segment->partial;
	origin->trusted = segment->trusted;
	origin->stripped = segment->stripped;
	origin->tag = segment->tag;
	origin->serial = run->serial++;
	if (segment->partial)
		packet->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	else if (segment->trusted)
		packet->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (segment->stripped) {
		packet->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		packet->vlan_tci = segment->tag;
	}
	model_look(&run->model.settings, origin);
	return packet;
}

static void step_receive(struct run *run)
{
	struct rte_mbuf *packets[BURST], *out[GRO_OUT_FACTOR * BURST];
	const unsigned count = 1 + below(run, one_in(run, 2) ? BURST : 4);
	const bool holds = run->model.settings.timeout_tsc != 0;
	unsigned left;

	for (unsigned i = 0; i < count; i++) {
		packets[i] = next_packet(run);
		model_receive(&run->model, round_trip_origin(packets[i]), run->now_tsc);
	}
	if (!holds)
		model_flush(&run->model, run->now_tsc, true, UINT32_MAX);
	left = gro_receive(run->gro, packets, count, run->now_tsc, out);
	check_out(run, out, left, false);
	check_counts(run, left, (holds ? GRO_OUT_FACTOR : 1) * count);
}

/* Returns how many left. */
static unsigned step_flush(struct run *run, bool all)
{
	struct rte_mbuf *out[BURST];
	const unsigned room = 1 + below(run, BURST);
	const bool none_waits = run->model.left_count == 0;
	unsigned left;

	model_flush(&run->model, run->now_tsc, all, room);
	left = gro_flush(run->gro, run->now_tsc, all, out, room);
	check_out(run, out, left, none_waits);
	check_counts(run, left, room);
	return left;
}

/* A packet of the slot that comes next must be long gone. */
static void make_room(struct run *run)
{
	const struct model *model = &run->model;
	uint64_t oldest = model->count > 0 ? model->held[0]->serial : run->serial;

	if (model->left_count > 0)
		oldest = RTE_MIN(oldest, model->left[0]->serial);
	if (run->serial - oldest > SLOTS / 2)
		while (step_flush(run, true) > 0)
			;
}

static void check_counters(struct run *run)
{
	const struct gro_counters *counters = gro_counters(run->gro);

	if (counters->packets != run->serial || counters->merged != run->model.merged ||
		counters->super_packets != run->model.supers ||
		counters->bad_checksums != run->model.bad)
		round_trip_fail(NULL, "counted %lu packets, %lu merged into %lu, %lu bad",
			counters->packets, counters->merged, counters->super_packets,
			counters->bad_checksums);
}

static uint64_t run_all(uint64_t seed, uint64_t packets)
{
	static struct run run;

	run_begin(&run, seed);
	while (run.serial < packets) {
		run.now_tsc += one_in(&run, 3) ? below(&run, 200) : 0;
		make_room(&run);
		if (!one_in(&run, 8))
			step_receive(&run);
		else
			step_flush(&run, one_in(&run, 16));
	}
	while (step_flush(&run, true) > 0)
		;
	check_counters(&run);
	if (gro_held(run.gro) != 0)
		round_trip_fail(NULL, "%u are held for ever", gro_held(run.gro));
	gro_destroy(run.gro);
	round_trip_check_pool("after a run");
	return run.serial;
}

int main(void)
{
	const char *seed_text = getenv("WEIR_SEED"), *steps_text = getenv("WEIR_STEPS");
	const uint64_t first =
		seed_text != NULL ? strtoull(seed_text, NULL, 0) : (uint64_t)time(NULL);
	const uint64_t steps = steps_text != NULL ? (uint64_t)strtod(steps_text, NULL) : STEPS;
	const time_t start = time(NULL);
	uint64_t done = 0, seed = first, told = 0;

	printf("WEIR_SEED=0x%" PRIx64 ", %" PRIu64 " packets\n", first, steps);
	round_trip_init(POOL_PACKETS, SEGMENT_BYTES_MAX);
	for (; done < steps; seed++) {
		done += run_all(seed, RUN_PACKETS);
		if (done / 100000000 > told) {
			told = done / 100000000;
			printf("%" PRIu64 " packets, %ld s\n", done, (long)(time(NULL) - start));
			fflush(stdout);
		}
	}
	printf("%" PRIu64 " packets in %" PRIu64 " runs: %" PRIu64 " merged into %" PRIu64
	       " super-packets, of which %" PRIu64 " were cut by reference; 0 mismatches\n",
		done, seed - first, round_trip_counts.merged, round_trip_counts.super_packets,
		round_trip_counts.cut_by_reference);
	round_trip_fini();
	return EXIT_SUCCESS;
}
