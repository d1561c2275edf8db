/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of decisions: each outcome has its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats/explanation.h"

static const char config_text[] =
	"{\"ports\": {\"in\": {\"device\": \"net_null0\"}, \"out\": {\"device\": \"net_null1\"}},"
	" \"pipelines\": [{\"from\": \"in\", \"to\": \"out\"}]}";

static struct config *config;
static struct plan plan;
static struct tuple tuple;
static struct steering_explanation decision;

static int setup(void **state)
{
	struct config_problems problems;

	(void)state;
	plan.worker_count = 3;
	for (uint16_t i = 0; i < 3; i++)
		plan.workers[i].cpu = i + 10;
	decision = (struct steering_explanation){.hash = 0x80000000,
		.queue = 1,
		.queue_worker = 1,
		.rps_worker = 1,
		.bucket_worker = 1,
		.consumer_cpu = -1,
		.flow_worker = -1,
		.worker = 1,
		.tx_port = -1};
	if (tuple_parse("10.0.0.1:1", "10.0.0.2:2", "tcp", &tuple, NULL) < 0)
		return -1;
	return config_load_text(config_text, strlen(config_text), &config, &problems);
}

static int teardown(void **state)
{
	(void)state;
	config = config_destroy(config);
	return 0;
}

/* The decision as text, line ends and runs of blanks as one blank. malloc'ed. */
static char *told(bool live)
{
	const struct explained explained = {.config = config,
		.plan = &plan,
		.tuple = &tuple,
		.decision = &decision,
		.rss = "software",
		.queue_count = 4,
		.live = live};
	json_t *object = explanation_json(&explained);
	char *text = NULL, *out;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(object);
	assert_non_null(stream);
	explanation_print(stream, object);
	fclose(stream);
	json_decref(object);
	out = text;
	for (const char *in = text; *in != '\0'; in++)
		if (*in != '\n' && (*in != ' ' || (out > text && out[-1] != ' ')))
			*out++ = *in;
		else if (*in == '\n' && out > text && out[-1] != ' ')
			*out++ = ' ';
	*out = '\0';
	return text;
}

static void expect(bool live, const char *part)
{
	char *text = told(live);

	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in: %s", part, text);
	free(text);
}

static void plain_rss(void **state)
{
	(void)state;
	expect(true,
		"queue 1 of 4 entry % 4: entries are given to queues in turn; queue 1 is "
		"worker 1's (queue % 3");
	expect(true, "worker 1 of 3 its queue's; on CPU 11");
	expect(true, "handed over by worker 0");
	expect(true, "tx queue none");
}

static void rps_shows_its_arithmetic(void **state)
{
	(void)state;
	decision.rps = (struct rps_map){.count = 2, .workers = {0, 2}};
	decision.rps_worker = decision.worker = 2;
	expect(false, "(hash * 2) >> 32 = (2147483648 * 2) >> 32 = 1, which is worker 2");
	expect(false, "/sys/class/net/DEV/queues/rx-1/rps_cpus");
	expect(false, "worker 2 of 3 RPS says so; on CPU 12");
	decision.hash = 0;
	decision.worker = 1;
	expect(false, "RPS not asked");
	expect(false, "a packet without a hash stays with its queue's worker");
}

static void rfs_moves_or_stays(void **state)
{
	(void)state;
	decision.has_rfs = true;
	expect(false, "RFS not known");
	expect(true, "nobody has consumed this flow yet");
	expect(true, "flow new");
	decision.consumer_cpu = 12;
	decision.consumer_worker = 2;
	decision.flow_worker = 0;
	decision.flow_position = 100;
	decision.flow_drained = 97;
	decision.worker = 0;
	expect(true, "the nearest worker (same core, else same cache, else same node) is 2");
	expect(true, "until the other 3 have, it stays, or it would be reordered");
	expect(true, "not yet the consumer's: the flow still has packets here");
	decision.flow_drained = 100;
	decision.worker = 2;
	expect(true, "nothing of it is outstanding, so it may move");
	expect(true, "worker 2 of 3 the consumer's; on CPU 12");
	decision.consumer_worker = 0xff;
	decision.worker = 1;
	expect(true, "no worker runs on that CPU's node");
}

static void balancer_and_moves(void **state)
{
	(void)state;
	decision.balanced = true;
	decision.bucket_worker = decision.worker = 2;
	expect(true, "the balancer moved it here from worker 1");
	expect(true, "worker 2 of 3 where the balancer has its entry");
	decision.moving = true;
	expect(true, "its packets are parked, in order, until");
	expect(true, "once its entry has moved");
	decision.moving = false;
	expect(false, "goes wherever the load wants it; --live tells where it is");
}

static void transmit_queue(void **state)
{
	(void)state;
	decision.tx_port = 1;
	decision.tx_queue = 2;
	decision.tx_owner = 0;
	expect(true,
		"tx queue 2 of port out, in turn: neither xps_cpus nor xps_rxqs is given; "
		"worker 0 writes it, and this one hands its packets over");
	expect(true, "/sys/class/net/DEV/queues/tx-2/xps_cpus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain_rss, setup, teardown),
		cmocka_unit_test_setup_teardown(rps_shows_its_arithmetic, setup, teardown),
		cmocka_unit_test_setup_teardown(rfs_moves_or_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(balancer_and_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(transmit_queue, setup, teardown),
	};

	return cmocka_run_group_tests_name("stats/explanation", tests, NULL, NULL);
}
