/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * noisy: a stand-in for a network function that keeps packets for a while and walks through memory
 * for each of them.
 *
 * Packets go through a FIFO: once it is full, as many leave as come, the oldest
 * first. When none has left for flush_ns, all leave. For each packet that comes in, `reads` +
 * `read_writes` cache lines of memory_bytes are read and `writes` + `read_writes` are written, each
 * chosen by chance.
 */
#include <errno.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "base/clock.h"
#include "engine/stages/splitmix.h"
#include "engine/stages/stages.h"

struct held_packet {
	struct rte_mbuf *packet;
	uint64_t rx_tsc;
};

struct noisy_state {
	struct held_packet *fifo; /* a circle; NULL when capacity is 0 */
	uint32_t capacity, oldest, held;
	uint64_t flush_cycles; /* 0: never flushed by time */
	uint64_t still_since; /* tsc: last packet left, or the FIFO began to fill */
	volatile uint64_t *memory;
	uint64_t lines; /* of memory */
	uint32_t reads, writes; /* a packet */
	struct splitmix sequence;
};

enum { WORDS_A_LINE = RTE_CACHE_LINE_SIZE / sizeof(uint64_t) };

static void noisy_destroy(struct stage *stage)
{
	struct noisy_state *state = stage->state;

	if (state == NULL)
		return;
	rte_free(state->fifo);
	rte_free((void *)(uintptr_t)state->memory);
	stage_state_free(stage);
}

static int memory_create(struct noisy_state *state, const struct config_stage *config,
	int numa_node, struct error *error)
{
	state->reads = (uint32_t)config->reads + config->read_writes;
	state->writes = (uint32_t)config->writes + config->read_writes;
	if (state->reads + state->writes == 0)
		return 0;
	state->lines = config->memory_bytes / RTE_CACHE_LINE_SIZE;
	if (state->lines == 0)
		return error_set(error, EINVAL, "reads and writes need memory of at least %d bytes",
			RTE_CACHE_LINE_SIZE);
	state->memory = rte_zmalloc_socket(
		"noisy memory", config->memory_bytes, RTE_CACHE_LINE_SIZE, numa_node);
	if (state->memory == NULL)
		return error_set(error, ENOMEM,
			"no memory of %llu bytes on node %d; lower the stage's memory or "
			"raise memory.size",
			(unsigned long long)config->memory_bytes, numa_node);
	return 0;
}

static int fifo_create(struct noisy_state *state, const struct config_stage *config, int numa_node,
	struct error *error)
{
	state->capacity = config->buffer_packets;
	state->flush_cycles = ns_to_tsc(config->flush_ns, rte_get_tsc_hz());
	if (state->capacity == 0)
		return 0;
	state->fifo = rte_zmalloc_socket("noisy fifo",
		(size_t)state->capacity * sizeof(*state->fifo), RTE_CACHE_LINE_SIZE, numa_node);
	if (state->fifo == NULL)
		return error_set(error, ENOMEM,
			"no memory for a FIFO of %u packets on node %d; "
			"lower buffer or raise memory.size",
			state->capacity, numa_node);
	return 0;
}

static int noisy_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct noisy_state *state = stage_state(stage, sizeof(*state), numa_node, error);
	int code;

	if (state == NULL)
		return -ENOMEM;
	splitmix_init(&state->sequence, stage->worker);
	code = memory_create(state, config, numa_node, error);
	if (code == 0)
		code = fifo_create(state, config, numa_node, error);
	if (code != 0)
		noisy_destroy(stage);
	return code;
}

static void memory_touch(struct noisy_state *state)
{
	for (uint32_t i = 0; i < state->writes; i++) {
		uint64_t line = splitmix_below(&state->sequence, state->lines);

		state->memory[line * WORDS_A_LINE] = state->sequence.state;
	}
	for (uint32_t i = 0; i < state->reads; i++) {
		uint64_t line = splitmix_below(&state->sequence, state->lines);

		(void)state->memory[line * WORDS_A_LINE];
	}
}

/* Puts the burst into the FIFO and leaves in it what had to give way. */
static void fifo_pass(struct noisy_state *state, struct burst *burst)
{
	uint64_t rx_tsc = burst->rx_tsc, bytes = 0;
	unsigned out = 0;

	for (unsigned i = 0; i < burst->count; i++) {
		struct held_packet in = {burst->packets[i], rx_tsc};

		if (state->held < state->capacity) {
			uint32_t slot = state->oldest + state->held++;

			state->fifo[slot < state->capacity ? slot : slot - state->capacity] = in;
			continue;
		}
		if (out == 0) /* the first to leave is the oldest of the burst */
			burst->rx_tsc = state->fifo[state->oldest].rx_tsc;
		burst->packets[out++] = state->fifo[state->oldest].packet;
		bytes += state->fifo[state->oldest].packet->pkt_len;
		state->fifo[state->oldest] = in; /* a full circle: its end is its beginning */
		if (++state->oldest == state->capacity)
			state->oldest = 0;
	}
	burst->count = (uint16_t)out;
	burst->bytes = bytes;
}

static void noisy_process(struct stage *stage, struct burst *burst)
{
	struct noisy_state *state = stage->state;
	bool was_empty = state->held == 0;

	for (unsigned i = 0; i < burst->count; i++)
		memory_touch(state);
	if (state->capacity == 0 || burst->count == 0)
		return;
	fifo_pass(state, burst);
	if (was_empty || burst->count > 0)
		state->still_since = tsc_now();
	stage->counters->held = state->held;
}

/* Takes up to a burst of the oldest out. */
static void fifo_take(struct noisy_state *state, struct burst *burst)
{
	burst->count = (uint16_t)RTE_MIN(state->held, (uint32_t)BURST_SIZE);
	burst->bytes = 0;
	burst->rx_tsc = state->fifo[state->oldest].rx_tsc;
	for (unsigned i = 0; i < burst->count; i++) {
		burst->packets[i] = state->fifo[state->oldest].packet;
		burst->bytes += burst->packets[i]->pkt_len;
		if (++state->oldest == state->capacity)
			state->oldest = 0;
	}
	state->held -= burst->count;
}

static void noisy_flush(struct stage *stage, uint64_t now_tsc, bool all)
{
	struct noisy_state *state = stage->state;
	struct burst burst;

	if (state->held == 0)
		return;
	/* As signed: `now_tsc` may have been read before the last burst came. */
	if (!all &&
		(state->flush_cycles == 0 ||
			(int64_t)(now_tsc - state->still_since) < (int64_t)state->flush_cycles))
		return;
	while (state->held > 0) {
		fifo_take(state, &burst);
		stage->counters->held = state->held;
		stage_emit(stage, &burst);
	}
}

const struct stage_ops noisy_stage = {
	.name = "noisy",
	.help = "hold packets in a FIFO and touch memory for each, as a busy network function does",
	.create = noisy_create,
	.process = noisy_process,
	.flush = noisy_flush,
	.destroy = noisy_destroy,
};
