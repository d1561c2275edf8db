/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers turned in a random order, with short backlogs and queues that take what they like. After
 * each step all packets are accounted for: in = out + held + drops. At the end each has arrived
 * once, in its flow's order.
 */
#include <string.h>

#include "worker_fixture.h"

enum { STEPS = 4000, BACKLOG = 40, PACKETS = SENT_MAX };

struct model {
	struct worker_fixture *fixture;
	uint64_t seed;
	uint32_t in;
};

/* The flow of a packet is where it goes to. */
static uint32_t hash_of(uint32_t sequence)
{
	return sequence * 2654435761u >> 7;
}

static uint64_t held(const struct model *model)
{
	uint64_t waiting = 0;

	for (unsigned from = 0; from < WORKERS; from++)
		for (unsigned to = 0; to < WORKERS; to++)
			if (from != to)
				waiting += batch_ring_waiting(model->fixture->rings[from][to]);
	return waiting;
}

static void assert_accounted(const struct model *model)
{
	uint64_t out = 0, bytes = 0, drops = 0, taken = 0;

	for (unsigned w = 0; w < WORKERS; w++) {
		drops += worker_drops(model->fixture->workers[w]);
		for (unsigned p = 0; p < PORTS; p++) {
			out += model->fixture->workers[w]->transmits[p].counters->packets;
			bytes += model->fixture->workers[w]->transmits[p].counters->bytes;
			taken += model->fixture->queues[w][p].count;
		}
	}
	assert_int_equal(out, taken);
	assert_int_equal(bytes, out * 60);
	assert_int_equal(model->in, out + held(model) + drops);
	assert_int_equal(buffers_out(), out + held(model));
}

/* A burst comes in at worker `from`, for one of the pipelines. */
static void step_receive(struct model *model, unsigned from)
{
	struct worker *worker = model->fixture->workers[from];
	struct rx_poll *poll = &model->fixture->polls[from];
	unsigned count = 1 + draw(&model->seed, BURST_SIZE);
	struct burst burst = burst_make(from, model->in, count);
	uint32_t hashes[BURST_SIZE];

	for (unsigned i = 0; i < count; i++)
		hashes[i] = hash_of(model->in + i);
	model->in += count;
	poll->pipeline = &worker->pipelines[draw(&model->seed, PIPELINES)];
	spread_hashed(worker, poll, &burst, hashes);
	pipeline_run(poll->pipeline, &burst);
}

static void step(struct model *model)
{
	unsigned w = draw(&model->seed, WORKERS);
	struct fake_queue *queue = &model->fixture->queues[w][draw(&model->seed, PORTS)];

	switch (draw(&model->seed, 4)) {
	case 0: queue->takes = draw(&model->seed, 2 * BURST_SIZE); break;
	case 1:
		if (model->in + BURST_SIZE <= PACKETS)
			step_receive(model, w);
		break;
	default: handoff_receive(model->fixture->workers[w], 0);
	}
}

static void assert_each_once_in_order(const struct model *model)
{
	static uint8_t seen[PACKETS];

	memset(seen, 0, sizeof(seen));
	for (unsigned w = 0; w < WORKERS; w++)
		for (unsigned p = 0; p < PORTS; p++) {
			const struct fake_queue *queue = &model->fixture->queues[w][p];
			int64_t last[WORKERS][WORKERS];

			memset(last, 0xff, sizeof(last));
			for (unsigned i = 0; i < queue->count; i++) {
				struct label label = packet_label(queue->packets[i]);
				unsigned flow = (hash_of(label.sequence) & 127) % WORKERS;

				assert_int_equal(seen[label.sequence]++, 0);
				assert_true((int64_t)label.sequence > last[label.source][flow]);
				last[label.source][flow] = label.sequence;
				/* Port 1 has but one queue. */
				assert_int_equal(w, p == 1 ? 0 : flow);
			}
		}
}

static void test_random(void **state)
{
	struct model model = {.fixture = fixture_create(BACKLOG), .seed = test_seed()};

	(void)state;
	for (unsigned w = 1; w < WORKERS; w++) {
		struct transmit *transmit = &model.fixture->workers[w]->transmits[1];

		transmit->queue.send = NULL;
		transmit->owner = model.fixture->workers[0];
		transmit->owner_ring = model.fixture->rings[w][0];
	}
	for (unsigned i = 0; i < STEPS; i++) {
		step(&model);
		assert_accounted(&model);
	}
	/* Packets may go one worker further: by way of a queue's owner. */
	while (held(&model) > 0)
		for (unsigned w = 0; w < WORKERS; w++)
			handoff_receive(model.fixture->workers[w], 0);
	assert_accounted(&model);
	assert_each_once_in_order(&model);
	assert_true(model.in > PACKETS / 2);
	fixture_destroy(model.fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name(
		"handoff at random", tests, fixture_group_setup, fixture_group_teardown);
}
