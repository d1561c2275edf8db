/* SPDX-License-Identifier: BSD-3-Clause */
/* From worker to worker: three workers, turned by hand. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "generate/generate.h"
#include "worker_fixture.h"

/* Each worker receives bursts whose packets go everywhere; each arrives once, in its source's
 * order. */
static void test_all_arrive_in_order(void **state)
{
	struct worker_fixture *fixture = fixture_create(1024);
	uint32_t next[WORKERS] = {0}, seen[WORKERS][WORKERS];
	uint32_t arrived = 0;

	(void)state;
	for (unsigned round = 0; round < 20; round++)
		for (unsigned from = 0; from < WORKERS; from++) {
			struct burst burst = burst_make(from, next[from], BURST_SIZE - round % 5);
			uint32_t hashes[BURST_SIZE];
			uint16_t count = burst.count;

			for (unsigned i = 0; i < count; i++)
				hashes[i] = (next[from] + i) * 2654435761u;
			next[from] += count;
			spread_hashed(
				fixture->workers[from], &fixture->polls[from], &burst, hashes);
			/* What stays is for this worker, and its bytes are right. */
			assert_int_equal(burst.bytes, 60 * burst.count);
			for (unsigned i = 0; i < burst.count; i++)
				assert_int_equal(packet_label(burst.packets[i]).source, from);
			pipeline_run(&fixture->workers[from]->pipelines[0], &burst);
			for (unsigned w = 0; w < WORKERS; w++)
				handoff_receive(fixture->workers[w], 0);
		}
	for (unsigned w = 0; w < WORKERS; w++) {
		const struct fake_queue *queue = &fixture->queues[w][0];

		memset(seen, 0xff, sizeof(seen));
		for (unsigned i = 0; i < queue->count; i++, arrived++) {
			struct label label = packet_label(queue->packets[i]);
			uint32_t *last = &seen[w][label.source];
			uint32_t hash = label.sequence * 2654435761u;

			assert_int_equal((hash & 127) % WORKERS, w);
			if (*last != UINT32_MAX && label.sequence <= *last)
				fail_msg("worker %u: %u of source %u came after %u", w,
					label.sequence, label.source, *last);
			*last = label.sequence;
		}
		assert_int_equal(worker_drops(fixture->workers[w]), 0);
	}
	assert_int_equal(arrived, next[0] + next[1] + next[2]);
	fixture_destroy(fixture);
}

static void test_counters(void **state)
{
	struct worker_fixture *fixture = fixture_create(1024);
	struct worker_counters *from = &fixture->workers[0]->counters;
	struct worker_counters *to = &fixture->workers[1]->counters;
	struct burst burst = burst_make(0, 0, 20);

	(void)state;
	hand_over(fixture, 0, 1, &burst);
	assert_int_equal(burst.count, 0);
	assert_int_equal(burst.bytes, 0);
	burst = burst_make(0, 20, 7);
	hand_over(fixture, 0, 1, &burst);
	burst = burst_make(2, 0, 5);
	hand_over(fixture, 2, 1, &burst);
	assert_int_equal(from->handoff_out, 27);
	assert_int_equal(fixture->workers[2]->counters.handoff_out, 5);
	assert_int_equal(queue_sum(&fixture->steerings[0], 1).packets, 27);
	assert_int_equal(queue_sum(&fixture->steerings[0], 1).bytes, 27 * 60);
	assert_int_equal(queue_sum(&fixture->steerings[0], 0).packets, 0);
	assert_int_equal(handoff_receive(fixture->workers[1], 0), 32);
	assert_int_equal(handoff_receive(fixture->workers[1], 0), 0);
	assert_int_equal(to->handoff_in, 32);
	assert_int_equal(to->handoff_batches, 2); /* one from each ring */
	assert_int_equal(to->backlog_high, 32);
	assert_int_equal(to->handoff_out, 0);
	assert_int_equal(fixture->workers[1]->transmits[0].counters->packets, 32);
	assert_int_equal(fixture->workers[1]->transmits[0].counters->bytes, 32 * 60);
	fixture_destroy(fixture);
}

static void test_backlog_full(void **state)
{
	struct worker_fixture *fixture = fixture_create(40);
	struct burst burst = burst_make(0, 0, 32);

	(void)state;
	hand_over(fixture, 0, 1, &burst);
	burst = burst_make(0, 32, 32);
	hand_over(fixture, 0, 1, &burst);
	assert_int_equal(burst.count, 0);
	assert_int_equal(fixture->workers[0]->counters.handoff_out, 40);
	assert_int_equal(fixture->workers[0]->counters.drops[DROP_backlog_full], 24);
	assert_int_equal(buffers_out(), 40);
	/* The other's backlog is another's. */
	burst = burst_make(0, 64, 10);
	hand_over(fixture, 0, 2, &burst);
	assert_int_equal(fixture->workers[0]->counters.drops[DROP_backlog_full], 24);
	assert_int_equal(handoff_receive(fixture->workers[1], 0), 40);
	assert_int_equal(handoff_receive(fixture->workers[2], 0), 10);
	/* The first ones got through. */
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(packet_label(fixture->queues[1][0].packets[i]).sequence, i);
	fixture_destroy(fixture);
}

enum { QUARTER = BURST_SIZE / 4, LARGE = BURST_SIZE * 5 / 8, TOGETHER = 5 * QUARTER + 2 * LARGE };

static void test_has_room(void **state)
{
	struct worker_fixture *fixture = fixture_create(2 * BURST_SIZE);
	struct worker *worker = fixture->workers[0];
	struct burst burst = burst_make(0, 0, BURST_SIZE);

	(void)state;
	assert_true(handoff_has_room(worker));
	hand_over(fixture, 0, 2, &burst);
	assert_true(handoff_has_room(worker)); /* for just one burst */
	burst = burst_make(0, BURST_SIZE, 1);
	hand_over(fixture, 0, 2, &burst);
	assert_false(handoff_has_room(worker)); /* for one packet less */
	assert_true(handoff_has_room(fixture->workers[1]));
	assert_int_equal(handoff_receive(fixture->workers[2], 0), BURST_SIZE + 1);
	assert_true(handoff_has_room(worker));
	fixture_destroy(fixture);
}

static void test_batches_run_together(void **state)
{
	struct worker_fixture *fixture = fixture_create(1024);
	struct fake_queue *queues = fixture->queues[1];
	struct worker *to = fixture->workers[1];
	struct burst burst;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		burst = burst_make(0, i * QUARTER, QUARTER);
		hand_over(fixture, 0, 1, &burst);
	}
	assert_int_equal(handoff_receive(to, 0), 5 * QUARTER);
	assert_int_equal(queues[0].calls, 2);
	assert_int_equal(queues[0].sizes[0], BURST_SIZE);
	assert_int_equal(queues[0].sizes[1], QUARTER);
	assert_int_equal(to->counters.handoff_batches, 2);
	/* Two of these do not fit in a burst; a batch is not split. */
	for (unsigned i = 0; i < 2; i++) {
		burst = burst_make(0, 5 * QUARTER + i * LARGE, LARGE);
		hand_over(fixture, 0, 1, &burst);
	}
	handoff_receive(to, 0);
	assert_int_equal(queues[0].calls, 4);
	assert_int_equal(queues[0].sizes[2], LARGE);
	assert_int_equal(queues[0].sizes[3], LARGE);
	/* Packets of another pipeline do not go along. */
	for (unsigned i = 0; i < 3; i++) {
		fixture->polls[0].pipeline = &fixture->workers[0]->pipelines[i % 2];
		burst = burst_make(0, TOGETHER + i, 1);
		hand_over(fixture, 0, 1, &burst);
	}
	handoff_receive(to, 0);
	assert_int_equal(queues[0].calls, 6);
	assert_int_equal(queues[1].calls, 1);
	assert_int_equal(packet_label(queues[1].packets[0]).sequence, TOGETHER + 1);
	for (unsigned i = 0; i < TOGETHER; i++)
		assert_int_equal(packet_label(queues[0].packets[i]).sequence, i);
	fixture_destroy(fixture);
}

/* However many small batches wait in one backlog, the others have their turn. */
static void test_no_backlog_starves(void **state)
{
	struct worker_fixture *fixture = fixture_create(1024);
	struct worker *to = fixture->workers[1];
	struct burst burst;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		burst = burst_make(0, i, 1);
		hand_over(fixture, 0, 1, &burst);
	}
	burst = burst_make(2, 0, 1);
	hand_over(fixture, 2, 1, &burst);
	assert_in_range(handoff_receive(to, 0), 2, 1000);
	assert_int_equal(batch_ring_waiting(fixture->rings[2][1]), 0);
	assert_true(batch_ring_waiting(fixture->rings[0][1]) > 0);
	while (handoff_receive(to, 0) > 0)
		;
	assert_int_equal(fixture->queues[1][0].count, 1001);
	assert_int_equal(to->counters.backlog_high, 1001);
	fixture_destroy(fixture);
}

enum { MOST = BURST_SIZE * 3 / 4 };

/* At the moment of sending, the producer still sees the packets in the ring. */
static void look_for_room(struct fake_queue *queue)
{
	assert_int_equal(batch_ring_room(queue->argument, UINT64_MAX), 1024 - 2 * MOST);
}

static void test_room_comes_back_after_the_run(void **state)
{
	struct worker_fixture *fixture = fixture_create(1024);
	struct fake_queue *queue = &fixture->queues[1][0];
	struct burst burst;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		burst = burst_make(0, i * MOST, MOST);
		hand_over(fixture, 0, 1, &burst);
	}
	queue->look = look_for_room;
	queue->argument = fixture->rings[0][1];
	assert_int_equal(handoff_receive(fixture->workers[1], 0), 2 * MOST);
	assert_int_equal(queue->calls, 2);
	assert_int_equal(batch_ring_room(fixture->rings[0][1], UINT64_MAX), 1024);
	fixture_destroy(fixture);
}

/* What rx_tsc comes out as, of a packet received at `rx_tsc` and taken at `now_tsc`. */
static uint64_t tsc_through_ring(uint64_t rx_tsc, uint64_t now_tsc)
{
	struct worker_fixture *fixture = fixture_create(64);
	struct worker *to = fixture->workers[1];
	struct burst burst = burst_make(0, 0, 1);
	uint64_t came;

	burst.rx_tsc = rx_tsc;
	to->latency_on = true;
	hand_over(fixture, 0, 1, &burst);
	handoff_receive(to, now_tsc);
	assert_int_equal(to->latency_count, 1);
	assert_int_equal(to->latency[0].packets, 1);
	came = to->latency[0].rx_tsc;
	fixture_destroy(fixture);
	return came;
}

static void test_time_of_reception(void **state)
{
	const uint64_t wrap = 1ull << 48, day = 86400ull * 1000000000; /* at 1 GHz */

	(void)state;
	assert_int_equal(tsc_through_ring(1000, 1500), 1000);
	assert_int_equal(tsc_through_ring(1000, 1000), 1000);
	assert_int_equal(tsc_through_ring(wrap - 5, wrap + 10), wrap - 5);
	assert_int_equal(tsc_through_ring(77 * wrap - 5, 77 * wrap + 10), 77 * wrap - 5);
	assert_int_equal(tsc_through_ring(77 * wrap + 5, 77 * wrap + 10), 77 * wrap + 5);
	assert_int_equal(tsc_through_ring(UINT64_MAX - 9, 20), UINT64_MAX - 9);
	assert_int_equal(tsc_through_ring(0xffff, 0x10000), 0xffff);
	assert_int_equal(tsc_through_ring(wrap / 2, wrap / 2 + day), wrap / 2);
	/* Stamped after this turn began: no age, never a negative one. */
	assert_int_equal(tsc_through_ring(1001, 1000), 1000);
	assert_int_equal(tsc_through_ring(wrap + 3, wrap - 3), wrap - 3);
}

/* Worker 2 has no tx queue at port 1: worker 0 sends for it. */
static void test_send_by_way_of_the_owner(void **state)
{
	struct worker_fixture *fixture = fixture_create(64);
	struct transmit *transmit = &fixture->workers[2]->transmits[1];
	struct transmit *owner = &fixture->workers[0]->transmits[1];
	struct burst burst = burst_make(2, 0, 10);

	(void)state;
	transmit->queue.send = NULL;
	transmit->owner = fixture->workers[0];
	transmit->owner_ring = fixture->rings[2][0];
	burst.rx_tsc = 900;
	fixture->workers[0]->latency_on = fixture->workers[2]->latency_on = true;
	transmit_burst(fixture->workers[2], transmit, &burst);
	assert_int_equal(burst.count, 0);
	/* Not out yet, so not counted as sent. */
	assert_int_equal(transmit->counters->packets, 0);
	assert_int_equal(fixture->workers[2]->latency_count, 0);
	assert_int_equal(fixture->workers[2]->counters.handoff_out, 10);
	assert_int_equal(handoff_receive(fixture->workers[0], 1000), 10);
	assert_int_equal(fixture->queues[0][1].count, 10);
	assert_int_equal(fixture->queues[0][0].count, 0);
	assert_int_equal(owner->counters->packets, 10);
	assert_int_equal(owner->counters->bytes, 600);
	assert_int_equal(fixture->workers[0]->latency[0].rx_tsc, 900);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(packet_label(fixture->queues[0][1].packets[i]).sequence, i);
	fixture_destroy(fixture);
}

/* Parked in the middle of telling what is through, then given a tx queue of its own: it tells. */
static void test_parked_with_a_mark(void **state)
{
	struct worker_fixture *fixture = fixture_create(64);
	struct worker *worker = fixture->workers[1];
	struct batch_ring *ring = fixture->rings[0][1];
	struct burst burst = burst_make(0, 0, 2);

	(void)state;
	worker->holds = true;
	hand_over(fixture, 0, 1, &burst);
	handoff_receive(worker, 0);
	handoff_publish(worker, 1); /* a stage keeps a packet: no mark yet */
	assert_int_equal(ring->popped.drained, 0);
	worker->mark->set = true; /* of before these two */
	handoff_publish(worker, 0);
	assert_int_equal(ring->popped.drained, 0);
	worker->holds = false;
	handoff_publish(worker, 0);
	assert_int_equal(ring->popped.drained, 0); /* the next batch would tell, if it came */
	handoff_all_through(worker);
	assert_int_equal(ring->popped.drained, 2);
	fixture_destroy(fixture);
}

static void test_wakes_who_sleeps(void **state)
{
	struct worker_fixture *fixture = fixture_create(64);
	struct worker *to = fixture->workers[1];
	struct burst burst;
	uint64_t told;

	(void)state;
	to->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (unsigned asleep = 0; asleep < 2; asleep++)
		for (unsigned adaptive = 0; adaptive < 2; adaptive++) {
			to->asleep = asleep;
			to->adaptive = adaptive != 0;
			burst = burst_make(0, 0, 1);
			hand_over(fixture, 0, 1, &burst);
			if (asleep && adaptive) {
				assert_int_equal(
					read(to->wake_fd, &told, sizeof(told)), sizeof(told));
			} else {
				assert_int_equal(read(to->wake_fd, &told, sizeof(told)), -1);
				assert_int_equal(errno, EAGAIN);
			}
		}
	close(to->wake_fd);
	handoff_receive(to, 0);
	fixture_destroy(fixture);
}

/* With real headers: each packet goes to the queue that its hash says. */
static void test_steer(void **state)
{
	const struct config_generate config = {.seed = 5,
		.flows = 50,
		.packets = 320,
		.size_min = 100,
		.size_max = 100,
		.speed = {.kind = SPEED_TOP},
		.ip = GENERATE_MIXED};
	struct worker_fixture *fixture = fixture_create(1024);
	struct generator *generator = generator_create(&config, NULL);
	uint8_t key[CONFIG_RSS_KEY_BYTES];
	struct burst burst = {0};
	struct frame frame;
	unsigned arrived = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 59 + 7);
	rss_hash_init(&fixture->tables.hash, key, NULL, RSS_TRANSFORM_NONE, false);
	while (generator_next(generator, &frame) == 1) {
		struct rte_mbuf *packet = rte_pktmbuf_alloc(test_pool);

		memcpy(rte_pktmbuf_append(packet, (uint16_t)frame.length), frame.bytes,
			frame.length);
		burst_add(&burst, packet);
		if (burst.count < BURST_SIZE)
			continue;
		spread_received(fixture->workers[0], &fixture->polls[0], &burst);
		pipeline_run(fixture->polls[0].pipeline, &burst);
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		while (handoff_receive(fixture->workers[w], 0) > 0)
			;
		for (unsigned i = 0; i < fixture->queues[w][0].count; i++, arrived++) {
			const struct rte_mbuf *packet = fixture->queues[w][0].packets[i];

			assert_true(packet->packet_type != 0);
			assert_int_equal(
				reta_queue(&fixture->tables.table.reta, packet->hash.rss), w);
		}
		assert_true(fixture->queues[w][0].count > 0);
		assert_int_equal(
			queue_sum(&fixture->steerings[0], w).packets, fixture->queues[w][0].count);
		assert_int_equal(queue_sum(&fixture->steerings[0], w).bytes,
			100 * fixture->queues[w][0].count);
	}
	assert_int_equal(arrived, 320);
	generator_destroy(generator);
	fixture_destroy(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_arrive_in_order),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_backlog_full),
		cmocka_unit_test(test_has_room),
		cmocka_unit_test(test_batches_run_together),
		cmocka_unit_test(test_no_backlog_starves),
		cmocka_unit_test(test_room_comes_back_after_the_run),
		cmocka_unit_test(test_time_of_reception),
		cmocka_unit_test(test_send_by_way_of_the_owner),
		cmocka_unit_test(test_parked_with_a_mark),
		cmocka_unit_test(test_wakes_who_sleeps),
		cmocka_unit_test(test_steer),
	};

	return cmocka_run_group_tests_name(
		"handoff", tests, fixture_group_setup, fixture_group_teardown);
}
