/* SPDX-License-Identifier: BSD-3-Clause */
/* A preloaded replay: the bytes, and who has the packets. */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "base/clock.h"
#include "port_fixture.h"

static void start(struct replay *replay)
{
	struct error error = {0};

	assert_int_equal(replay_start(replay, tsc_now(), -1, &error), 0);
}

static void test_bytes(void **state)
{
	struct port_fixture *fixture = *state;
	struct replay *replay;
	uint64_t bytes = 0;

	frames_add(fixture, 500, 14, 200);
	frames_add(fixture, 500, 60, 9000);
	frames_add(fixture, 3, 2047, 2049);
	for (unsigned i = 0; i < fixture->frame_count; i++)
		bytes += fixture->frames[i].length;
	replay = replay_begin(fixture);
	assert_true(fixture->plan.preload);
	start(replay);
	assert_int_equal(receive_all(fixture, replay), 1003);
	assert_true(replay_finished(replay));
	assert_int_equal(replay_counters(replay)->packets, 1003);
	assert_int_equal(replay_counters(replay)->bytes, bytes);
	assert_int_equal(replay_counters(replay)->copies, 0);
	assert_int_equal(replay_counters(replay)->waits, 0);
	assert_int_equal(replay_counters(replay)->loops, 1);
	assert_int_equal(replay_lent(replay), 0);
	replay_destroy(replay);
}

static void test_super_packets(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[4];
	struct replay *replay;

	frames_add(fixture, 1, 81920, 81920); /* 40 whole segments */
	frames_add(fixture, 1, 81921, 81921);
	frames_add(fixture, 1, 262144, 262144);
	frames_add(fixture, 1, 2048, 2048);
	fixture->config.replay.loop = 2;
	replay = replay_begin(fixture);
	assert_int_equal(fixture->plan.segments, 40 + 41 + 128 + 1);
	start(replay);
	assert_int_equal(replay_receive(replay, packets, 4), 4);
	assert_int_equal(packets[0]->nb_segs, 40);
	assert_int_equal(packets[1]->nb_segs, 41);
	assert_int_equal(packets[2]->nb_segs, 128);
	assert_int_equal(packets[3]->nb_segs, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_packet(packets[i], &fixture->frames[i]);
	/* Copies of chains: the first trip is not over. */
	assert_int_equal(replay_lent(replay), 4);
	rte_pktmbuf_free_bulk(packets, 4);
	assert_int_equal(replay_lent(replay), 0);
	replay_set_copy(replay, true);
	assert_int_equal(receive_all(fixture, replay), 4);
	assert_int_equal(replay_counters(replay)->copies, 4);
	replay_destroy(replay);
}

static void test_lent_and_home(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *first[10], *second[10], *third[10];
	struct replay *replay;

	frames_add(fixture, 10, 60, 5000);
	fixture->config.replay.loop = 3;
	replay = replay_begin(fixture);
	start(replay);
	assert_int_equal(replay_receive(replay, first, 10), 10);
	assert_int_equal(replay_lent(replay), 10);
	for (unsigned i = 0; i < 10; i++) {
		for (const struct rte_mbuf *m = first[i]; m != NULL; m = m->next)
			assert_int_equal(rte_mbuf_refcnt_read(m), 2);
		assert_true(RTE_MBUF_HAS_EXTBUF(first[i]));
	}
	/* Five come home; of the others, loop two gets copies with bytes of their own. */
	rte_pktmbuf_free_bulk(first, 5);
	assert_int_equal(replay_lent(replay), 5);
	assert_int_equal(replay_receive(replay, second, 10), 10);
	assert_int_equal(replay_counters(replay)->copies, 5);
	for (unsigned i = 0; i < 10; i++) {
		assert_packet(second[i], &fixture->frames[i]);
		assert_int_equal(first[i] == second[i], i < 5);
		if (i >= 5)
			assert_true(RTE_MBUF_DIRECT(second[i]) && second[i]->pool == fixture->pool);
	}
	rte_pktmbuf_free_bulk(second, 10);
	rte_pktmbuf_free_bulk(first + 5, 5);
	assert_int_equal(replay_lent(replay), 0);
	/* All at home again: lent again. */
	assert_int_equal(replay_receive(replay, third, 10), 10);
	assert_int_equal(replay_counters(replay)->copies, 5);
	assert_memory_equal(first, third, sizeof(first));
	rte_pktmbuf_free_bulk(third, 10);
	replay_destroy(replay);
}

/* What a stage or a driver left in a lent packet is not there on its next trip. */
static void test_trip_forgotten(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packet;
	struct replay *replay;

	frames_add(fixture, 1, 500, 500);
	fixture->config.replay.loop = 2;
	replay = replay_begin(fixture);
	start(replay);
	assert_int_equal(replay_receive(replay, &packet, 1), 1);
	packet->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_RX_RSS_HASH;
	packet->port = 77;
	rte_pktmbuf_free(packet);
	assert_int_equal(replay_receive(replay, &packet, 1), 1);
	assert_int_equal(packet->ol_flags, RTE_MBUF_F_EXTERNAL);
	assert_int_not_equal(packet->port, 77);
	rte_pktmbuf_free(packet);
	replay_destroy(replay);
}

/* One segment of a chain still out: the packet is not home. */
static void test_part_still_out(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packet, *copy, *part;
	struct replay *replay;

	frames_add(fixture, 1, 9000, 9000);
	fixture->config.replay.loop = 2;
	replay = replay_begin(fixture);
	start(replay);
	assert_int_equal(replay_receive(replay, &packet, 1), 1);
	part = packet->next->next;
	rte_mbuf_refcnt_update(part, 1);
	rte_pktmbuf_free(packet);
	assert_int_equal(replay_lent(replay), 1);
	assert_int_equal(replay_receive(replay, &copy, 1), 1);
	assert_ptr_not_equal(copy, packet);
	assert_packet(copy, &fixture->frames[0]);
	rte_pktmbuf_free(copy);
	rte_pktmbuf_free_seg(part);
	assert_int_equal(replay_lent(replay), 0);
	replay_destroy(replay);
}

/* Where the pipeline writes, the next loop must not see it. */
static void test_copies_may_be_written(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[20];
	struct replay *replay;

	frames_add(fixture, 20, 60, 5000);
	fixture->config.replay.loop = 5;
	replay = replay_begin(fixture);
	replay_set_copy(replay, true);
	start(replay);
	for (unsigned loop = 0; loop < 5; loop++) {
		assert_int_equal(replay_receive(replay, packets, 20), 20);
		for (unsigned i = 0; i < 20; i++) {
			assert_packet(packets[i], &fixture->frames[i]);
			for (struct rte_mbuf *m = packets[i]; m != NULL; m = m->next)
				memset(rte_pktmbuf_mtod(m, void *), 0xee, m->data_len);
		}
		rte_pktmbuf_free_bulk(packets, 20);
	}
	assert_true(replay_finished(replay));
	assert_int_equal(replay_counters(replay)->copies, 100);
	replay_destroy(replay);
}

static void test_rewrite(void **state)
{
	struct port_fixture *fixture = *state;
	struct test_frame rewritten;
	struct replay *replay;

	frames_generate(fixture, 100);
	frames_add(fixture, 20, 60, 9000);
	rewritten = frame_rewritten(&fixture->frames[0], 1);
	assert_memory_not_equal(rewritten.bytes, fixture->frames[0].bytes, rewritten.length);
	free(rewritten.bytes);
	fixture->config.replay.loop = 4;
	fixture->config.replay.rewrite = true;
	replay = replay_begin(fixture);
	/* Rewriting needs copies, whatever the pipeline does. */
	replay_set_copy(replay, false);
	start(replay);
	assert_int_equal(receive_all(fixture, replay), 480);
	replay_destroy(replay);
}

static void test_loops_are_exact(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	uint64_t total = 0;
	struct replay *replay;
	unsigned count;

	frames_add(fixture, 7, 60, 60);
	fixture->config.replay.loop = 100003;
	replay = replay_begin(fixture);
	start(replay);
	while ((count = replay_receive(replay, packets, 32)) > 0) {
		/* Loops follow each other within a burst. */
		assert_true(count == 32 || replay_finished(replay));
		total += count;
		rte_pktmbuf_free_bulk(packets, count);
	}
	assert_int_equal(total, 700021);
	assert_int_equal(replay_counters(replay)->packets, 700021);
	assert_int_equal(replay_counters(replay)->loops, 100003);
	assert_true(replay_finished(replay));
	replay_destroy(replay);
}

/* Without a free buffer nothing is skipped: the same packet comes when there is one. */
static void test_no_buffer_for_a_copy(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *taken[POOL_PACKETS], *packets[32];
	struct replay *replay;

	frames_add(fixture, 30, 60, 1500);
	replay = replay_begin(fixture);
	replay_set_copy(replay, true);
	start(replay);
	assert_int_equal(rte_pktmbuf_alloc_bulk(fixture->pool, taken, POOL_PACKETS), 0);
	assert_int_equal(replay_receive(replay, packets, 32), 0);
	assert_int_equal(replay_counters(replay)->waits, 1);
	assert_false(replay_finished(replay));
	rte_pktmbuf_free_bulk(taken, 10);
	assert_int_equal(replay_receive(replay, packets, 32), 10);
	assert_int_equal(replay_counters(replay)->waits, 2);
	rte_pktmbuf_free_bulk(taken + 10, POOL_PACKETS - 10);
	assert_int_equal(replay_receive(replay, packets + 10, 22), 20);
	for (unsigned i = 0; i < 30; i++)
		assert_packet(packets[i], &fixture->frames[i]);
	rte_pktmbuf_free_bulk(packets, 30);
	assert_int_equal(replay_counters(replay)->packets, 30);
	assert_int_equal(replay_counters(replay)->copies, 30);
	replay_destroy(replay);
}

static void test_empty(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packet;
	struct replay *replay;

	fixture->config.replay.loop = 0; /* for ever nothing is nothing */
	replay = replay_begin(fixture);
	assert_true(replay_finished(replay));
	start(replay);
	assert_int_equal(replay_receive(replay, &packet, 1), 0);
	assert_true(replay_finished(replay));
	assert_int_equal(replay_next_due(replay), 0);
	replay_destroy(replay);
}

/* Two ports whose long names begin alike. */
static void test_names_that_begin_alike(void **state)
{
	struct port_fixture *fixture = *state;
	struct config_port configs[2];
	struct replay_plan plans[2];
	struct replay *replays[2];
	struct error error = {0};

	frames_add(fixture, 10, 60, 60);
	file_write(fixture, "trace.pcap");
	for (unsigned stream = 0; stream < 2; stream++) {
		for (unsigned i = 0; i < 2; i++) {
			configs[i] = fixture->config;
			configs[i].replay.load = stream ? REPLAY_LOAD_STREAM : REPLAY_LOAD_PRELOAD;
			configs[i].name = i ? (char[]){"the-long-name-of-a-port-south"}
					    : (char[]){"the-long-name-of-a-port-north"};
			assert_int_equal(
				replay_plan_make(&configs[i], UINT64_MAX, &plans[i], &error), 0);
			replays[i] = replay_create(
				&plans[i], fixture->pool, SOCKET_ID_ANY, rte_get_tsc_hz(), &error);
			if (replays[i] == NULL)
				fail_msg("%s", error.message);
		}
		replay_destroy(replays[0]);
		replay_destroy(replays[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_bytes),
		PORT_TEST(test_super_packets),
		PORT_TEST(test_lent_and_home),
		PORT_TEST(test_trip_forgotten),
		PORT_TEST(test_part_still_out),
		PORT_TEST(test_copies_may_be_written),
		PORT_TEST(test_rewrite),
		PORT_TEST(test_loops_are_exact),
		PORT_TEST(test_no_buffer_for_a_copy),
		PORT_TEST(test_empty),
		PORT_TEST(test_names_that_begin_alike),
	};

	return cmocka_run_group_tests_name(
		"replay", tests, fixture_group_setup, fixture_group_teardown);
}
