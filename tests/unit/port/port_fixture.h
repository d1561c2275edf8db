/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A replay port without an engine: EAL without hugepages, a scratch directory with a capture in it,
 * and the frames it was made of. Every packet pool must be whole when it is freed.
 */
#ifndef PORT_FIXTURE_H
#define PORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/replay.h"

enum { FRAMES_MAX = 20000, POOL_PACKETS = 1023, GAP_NS = 1000 };

struct test_frame {
	uint64_t time_ns;
	uint32_t length;
	uint8_t *bytes;
};

struct port_fixture {
	char directory[64];
	char path[128]; /* of the capture */
	char *files[3];
	struct config_port config; /* replays the file once, at top speed */
	struct replay_plan plan;
	struct rte_mempool *pool;
	unsigned frame_count;
	struct test_frame frames[FRAMES_MAX];
};

int fixture_group_setup(void **state); /* starts EAL */
int fixture_group_teardown(void **state);
int fixture_setup(void **state); /* *state: a struct port_fixture */
int fixture_teardown(void **state); /* fails when a buffer is missing in any pool */
#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

/* Frames of chance, GAP_NS apart; added to those there are. */
void frames_add(
	struct port_fixture *fixture, unsigned count, uint32_t length_min, uint32_t length_max);
/* Frames with true headers and checksums, as the generator makes them. */
void frames_generate(struct port_fixture *fixture, unsigned count);
void frames_clear(struct port_fixture *fixture);
/* The frames as a capture file; it is overwritten. */
void file_write(struct port_fixture *fixture, const char *name);
/* Leaves the first `bytes` of it. */
void file_cut(struct port_fixture *fixture, long bytes);
long file_length(const struct port_fixture *fixture);

/* Writes the file, plans without a limit, and creates. */
struct replay *replay_begin(struct port_fixture *fixture);

/* Asserts that a packet has these bytes. */
void assert_packet(const struct rte_mbuf *packet, const struct test_frame *frame);
/* The bytes of `frame` as the `loop`th loop with rewriting has them. */
struct test_frame frame_rewritten(const struct test_frame *frame, uint64_t loop);
/* Receives, waiting for a stream, until `count` packets came or the replay is over. */
unsigned receive(struct replay *replay, struct rte_mbuf **packets, unsigned count);
/* Receives to the end, comparing each packet with the frames of each loop; returns packets. */
uint64_t receive_all(struct port_fixture *fixture, struct replay *replay);

#endif
