/* SPDX-License-Identifier: BSD-3-Clause */
/* XPS: which tx queue each worker sends through. Four workers on CPUs 10..13, port 1 sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "placement/plan.h"

static struct config config;
static struct plan plan;
static uint16_t queues[CONFIG_WORKERS_MAX];

static int setup(void **state)
{
	(void)state;
	memset(&config, 0, sizeof(config));
	memset(&plan, 0, sizeof(plan));
	config.port_count = 2;
	config.pipeline_count = 1;
	config.pipelines[0].from_port = 0;
	config.pipelines[0].to_port = 1;
	plan.worker_count = 4;
	for (uint16_t w = 0; w < 4; w++) {
		plan.workers[w].cpu = (uint16_t)(10 + w);
		plan.rx_worker[0][w] = w;
	}
	plan.rx_queues[0] = 4;
	plan.tx_queues[1] = 4;
	return 0;
}

static void name(struct queue_masks *masks, unsigned queue, unsigned bit)
{
	masks->masks[queue].words[bit / 64] |= UINT64_C(1) << (bit % 64);
	if (masks->count <= queue)
		masks->count = (uint16_t)(queue + 1);
}

static void expect(uint16_t q0, uint16_t q1, uint16_t q2, uint16_t q3)
{
	const uint16_t wanted[4] = {q0, q1, q2, q3};

	plan_tx_queues(&config, &plan, 1, queues);
	for (unsigned w = 0; w < 4; w++)
		assert_int_equal(queues[w], wanted[w]);
}

static void test_one_each(void **state)
{
	(void)state;
	expect(0, 1, 2, 3);
}

static void test_fewer_queues_take_turns(void **state)
{
	(void)state;
	plan.tx_queues[1] = 2;
	expect(0, 1, 0, 1);
	plan.tx_queues[1] = 1;
	expect(0, 0, 0, 0);
}

static void test_by_cpu(void **state)
{
	(void)state;
	name(&config.ports[1].xps_cpus, 3, 10);
	name(&config.ports[1].xps_cpus, 3, 11);
	expect(3, 3, 0, 1); /* who is not named takes what is least used */
}

static void test_of_several_the_least_used(void **state)
{
	(void)state;
	for (unsigned cpu = 10; cpu < 14; cpu++)
		for (unsigned queue = 1; queue < 3; queue++)
			name(&config.ports[1].xps_cpus, queue, cpu);
	expect(1, 2, 1, 2);
}

static void test_one_list_for_all_queues(void **state)
{
	(void)state;
	name(&config.ports[1].xps_cpus, 0, 12);
	config.ports[1].xps_cpus.all = true;
	expect(1, 2, 0, 3); /* worker 2 is named first, and may have any */
}

static void test_by_rx_queue_comes_first(void **state)
{
	(void)state;
	name(&config.ports[1].xps_rxqs, 0, 2); /* what worker 2 polls */
	for (unsigned cpu = 10; cpu < 14; cpu++)
		name(&config.ports[1].xps_cpus, 1, cpu);
	expect(1, 1, 0, 1);
	/* emulated queue 2 is worker 1's */
	plan.emulated_queues[0] = 8;
	plan.emulated_worker[0][2] = 1;
	expect(1, 0, 1, 1);
}

static void test_rx_queues_of_another_way(void **state)
{
	(void)state;
	config.pipelines[0].to_port = 0;
	name(&config.ports[1].xps_rxqs, 3, 0);
	expect(0, 1, 2, 3);
}

static void test_queues_that_are_not_there(void **state)
{
	(void)state;
	plan.tx_queues[1] = 2;
	name(&config.ports[1].xps_cpus, 5, 10);
	expect(0, 1, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_each, setup),
		cmocka_unit_test_setup(test_fewer_queues_take_turns, setup),
		cmocka_unit_test_setup(test_by_cpu, setup),
		cmocka_unit_test_setup(test_of_several_the_least_used, setup),
		cmocka_unit_test_setup(test_one_list_for_all_queues, setup),
		cmocka_unit_test_setup(test_by_rx_queue_comes_first, setup),
		cmocka_unit_test_setup(test_rx_queues_of_another_way, setup),
		cmocka_unit_test_setup(test_queues_that_are_not_there, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
