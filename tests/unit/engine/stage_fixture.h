/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stage alone: EAL without hugepages, a pool, and a stage_emit() that collects what comes out.
 * Every test ends with all buffers back in the pool.
 */
#ifndef STAGE_FIXTURE_H
#define STAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/stage.h"

enum { POOL_PACKETS = 511, BUFFER_BYTES = 2048, EMITTED_MAX = 512 };

struct stage_fixture {
	struct stage stage;
	struct stage_counters counters;
	uint64_t drops[DROP_REASON_COUNT];
	struct burst burst; /* what goes in, and what stays in after process() */
};

/* What stage_emit() took, oldest first; freed by the test's teardown. */
extern struct rte_mbuf *emitted[EMITTED_MAX];
extern unsigned emitted_count, emitted_bursts;
extern uint64_t emitted_rx_tsc; /* of the last burst */
extern struct rte_mempool *test_pool;

int fixture_group_setup(void **state); /* starts EAL */
int fixture_group_teardown(void **state); /* stops it */
int fixture_setup(void **state); /* *state: a struct stage_fixture */
int fixture_teardown(void **state); /* fails when a buffer is missing */

/* A stage of worker 0 towards port 3 with address 02:aa:bb:cc:dd:ee, without offloads. Returns what
 * create() said. */
int fixture_create(struct stage_fixture *fixture, const char *name,
	const struct config_stage *config, struct error *error);
void fixture_destroy(struct stage_fixture *fixture);

/* Puts a packet into the burst. */
void fixture_add(struct stage_fixture *fixture, struct rte_mbuf *packet);
void fixture_process(struct stage_fixture *fixture);
/* Frees what the burst holds. */
void fixture_clear(struct stage_fixture *fixture);

/* A packet of these bytes: `first` of them in the first segment (0: all), the rest in segments of
 * `rest` bytes. */
struct rte_mbuf *packet_of(const uint8_t *bytes, uint32_t length, uint32_t first, uint32_t rest);
/* The packet's bytes, all segments of them; *ret_length of them. Valid until the next call. */
const uint8_t *packet_bytes(const struct rte_mbuf *packet, uint32_t *ret_length);

/* From WEIR_SEED, else from the clock; printed. */
uint64_t test_seed(void);

#endif
