/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of an engine, with one worker and with more: every packet accounted for at every stop.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "capture/reader.h"
#include "engine_run.h"

#define MEMORY "'memory': {'mode': 'no-huge', 'packets': 8191}, 'stats': {'interval': 'never'},"
#define WORKERS "'workers': {'count': %u, 'idle': 'adaptive'},"

static unsigned workers; /* of the scenario to run */

static void each_worker_count(void (*scenario)(void))
{
	for (workers = 1; workers <= 3; workers++)
		run_scenario(scenario);
}

/* ---- sources that end ---- */

static void scenario_generate(void)
{
	struct config *config =
		config_of("{" MEMORY WORKERS
			  "'ports': {'g': {'generate': {'packets': 50000, 'size': '64-1500'}},"
			  "          'n': {'device': 'net_null0'}},"
			  "'pipelines': [{'from': 'g', 'to': 'n', 'stages': ['io', 'macswap']}]}",
			workers);
	struct engine *engine = engine_of(config);
	struct engine_account account;

	CHECK_EQUAL(engine_worker_count(engine), workers);
	CHECK_EQUAL(weir_threads(), workers);
	CHECK_EQUAL(account_of(engine).in, 0);
	run_start(engine);
	run_to_end(engine);
	engine_stop(engine);
	account = account_of(engine);
	CHECK_EQUAL(account.in, 50000);
	CHECK_EQUAL(account.out, 50000);
	CHECK_EQUAL(account.bytes_out, account.bytes_in);
	CHECK(account.bytes_in > 50000 * 64);
	run_destroy(engine, config);
}

static void test_generate(void **state)
{
	(void)state;
	each_worker_count(scenario_generate);
}

/* ---- stopped and started again ---- */

static void scenario_twice(void)
{
	struct config *config = config_of(
		"{" MEMORY WORKERS "'ports': {'g': {'generate': {}}, 'n': {'device': 'net_null0'}},"
		"'pipelines': [{'from': 'g', 'to': 'n', 'stages': ['csum']}]}",
		workers);
	struct engine *engine = engine_of(config);
	struct engine_account account;
	uint64_t before = 0;

	engine_stop(engine); /* not started: nothing happens */
	for (unsigned round = 0; round < 3; round++) {
		run_start(engine);
		CHECK(engine_running(engine));
		run_until(engine, before + 20000);
		engine_stop(engine);
		account = account_of(engine);
		CHECK_EQUAL(account.held, 0);
		CHECK(account.in >= before + 20000);
		CHECK_EQUAL(account.in, account.out + drops_of(&account));
		CHECK_EQUAL(account.drops[DROP_backlog_full], 0); /* the source is patient */
		/* Nothing moves while it is stopped. */
		usleep(3000);
		CHECK_EQUAL(account_of(engine).in, account.in);
		CHECK_EQUAL(account_of(engine).out, account.out);
		before = account.in;
		engine_stop(engine); /* once more: nothing happens */
	}
	run_destroy(engine, config);
}

static void test_start_stop_start_stop(void **state)
{
	(void)state;
	each_worker_count(scenario_twice);
}

static void scenario_never_started(void)
{
	struct config *config = config_of(
		"{" MEMORY WORKERS "'ports': {'g': {'generate': {}}, 'n': {'device': 'net_null0'}},"
		"'pipelines': [{'from': 'g', 'to': 'n'}]}",
		workers);
	struct engine *engine = engine_of(config);

	CHECK_EQUAL(engine_duration_ns(engine), 0);
	run_destroy(engine, config);
}

static void scenario_destroyed_while_it_runs(void)
{
	struct config *config =
		config_of("{" MEMORY WORKERS
			  "'ports': {'n': {'device': 'net_null0'}, 'm': {'device': 'net_null1'}},"
			  "'pipelines': [{'from': 'n', 'to': 'm', 'stages': ['noisy']},"
			  "              {'from': 'm', 'to': 'n', 'stages': ['5tswap']}]}",
			workers);
	struct engine *engine = engine_of(config);

	run_start(engine);
	run_until(engine, 5000);
	run_destroy(engine, config);
}

static void scenario_stopped_at_once(void)
{
	struct config *config =
		config_of("{" MEMORY WORKERS
			  "'ports': {'n': {'device': 'net_null0'}, 'm': {'device': 'net_null1'}},"
			  "'pipelines': [{'from': 'n', 'to': 'm'}]}",
			workers);
	struct engine *engine = engine_of(config);

	for (unsigned i = 0; i < 20; i++) {
		run_start(engine);
		if (i % 3 == 0)
			usleep(i * 100);
		engine_stop(engine);
		account_of(engine);
	}
	run_destroy(engine, config);
}

static void test_other_lives(void **state)
{
	(void)state;
	each_worker_count(scenario_never_started);
	each_worker_count(scenario_destroyed_while_it_runs);
	each_worker_count(scenario_stopped_at_once);
}

/* ---- stages that hold, lose and make ---- */

/* Held packets leave at the stop, or the account says where they are. */
static void scenario_noisy(void)
{
	struct config *config = config_of(
		"{" MEMORY WORKERS
		"'ports': {'g': {'generate': {'packets': 10000}}, 'n': {'device': 'net_null0'}},"
		"'pipelines': [{'from': 'g', 'to': 'n', 'stages': ["
		"  {'type': 'noisy', 'buffer': 300, 'flush': 'never'}]}]}",
		workers);
	struct engine *engine = engine_of(config);
	struct engine_account account;

	run_start(engine);
	run_to_end(engine);
	do { /* each worker's FIFO is full before anything leaves */
		engine_account(engine, &account);
	} while (account.out < 10000 - 300 * workers);
	CHECK(account.held > 0);
	CHECK(account.held <= 300 * workers);
	engine_stop(engine);
	account = account_of(engine);
	CHECK_EQUAL(account.held, 0);
	CHECK_EQUAL(account.in, 10000);
	CHECK_EQUAL(account.out, 10000);
	run_destroy(engine, config);
}

static void test_held_packets_leave(void **state)
{
	(void)state;
	each_worker_count(scenario_noisy);
}

static void scenario_drop(void)
{
	struct config *config = config_of(
		"{" MEMORY WORKERS
		"'ports': {'g': {'generate': {'packets': 20000}}, 'n': {'device': 'net_null0'}},"
		"'pipelines': [{'from': 'g', 'to': 'n', 'stages': ["
		"  {'type': 'drop', 'share': 0.25}, 'mac', {'type': 'drop', 'share': 0.25}]}]}",
		workers);
	struct engine *engine = engine_of(config);
	struct engine_account account;

	run_start(engine);
	run_to_end(engine);
	engine_stop(engine);
	account = account_of(engine);
	CHECK_EQUAL(account.in, 20000);
	CHECK_EQUAL(account.out, 20000 - account.drops[DROP_discarded]);
	CHECK(account.drops[DROP_discarded] > 8000 && account.drops[DROP_discarded] < 9500);
	run_destroy(engine, config);
}

static void scenario_made(void)
{
	struct config *config =
		config_of("{" MEMORY WORKERS
			  "'ports': {'n': {'device': 'net_null0'}, 'm': {'device': 'net_null1'}},"
			  "'pipelines': [{'from': 'n', 'to': 'm', 'stages': ['txonly']},"
			  "              {'from': 'm', 'stages': ['rxonly']}]}",
			workers);
	struct engine *engine = engine_of(config);
	struct engine_account account;

	run_start(engine);
	do {
		engine_account(engine, &account);
	} while (account.made < 20000 || account.in < 20000);
	engine_stop(engine);
	account = account_of(engine);
	CHECK(account.out > 0);
	CHECK_EQUAL(account.drops[DROP_consumed], account.in);
	run_destroy(engine, config);
}

static void test_lost_and_made(void **state)
{
	(void)state;
	each_worker_count(scenario_drop);
	each_worker_count(scenario_made);
}

/* ---- fewer tx queues than workers: one worker sends for the others ---- */

static uint64_t frames_in_file(const char *name)
{
	struct error error = {0};
	struct capture_reader *reader;
	struct frame frame;
	uint64_t count = 0;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	reader = capture_reader_open(path, &error);
	CHECK(reader != NULL);
	while (capture_reader_next(reader, &frame, &error) == 1)
		count++;
	CHECK_EQUAL(capture_reader_counts(reader)->read, count);
	capture_reader_close(reader);
	return count;
}

static void scenario_file(void)
{
	struct config *config =
		config_of("{" MEMORY WORKERS
			  "'ports': {'g': {'generate': {'packets': 20000, 'size': '64-9000'}},"
			  "          'f': {'file': '@/out.pcap'}},"
			  "'pipelines': [{'from': 'g', 'to': 'f', 'stages': ['macswap']}]}",
			workers);
	struct engine *engine = engine_of(config);
	struct engine_account account;

	CHECK_EQUAL(engine_tx_count(engine), 1);
	run_start(engine);
	run_to_end(engine);
	engine_stop(engine);
	account = account_of(engine);
	/* The owner's backlog may have been full for longer than tx_retry: then it says so. */
	CHECK_EQUAL(account.in, 20000);
	CHECK_EQUAL(account.out, 20000 - account.drops[DROP_tx_full]);
	run_destroy(engine, config);
	CHECK_EQUAL(frames_in_file("out.pcap"), account.out);
}

/* Out through a ring device and in again, and out of one queue where a mirror is. What is still in
 * the ring device at the stop has left, and its buffers are found. */
static void scenario_ring(void)
{
	struct config *config =
		config_of("{" MEMORY WORKERS
			  "'ports': {'g': {'generate': {'packets': 20000, 'speed': '400kpps'}},"
			  "          'r': {'device': 'net_ring0', 'tx_retry': '1s'},"
			  "          'n': {'device': 'net_null0', 'mirror': '@/mirror.pcapng'}},"
			  "'pipelines': [{'from': 'g', 'to': 'r'}, {'from': 'r', 'to': 'n', "
			  "'stages': ['mac']}]}",
			workers);
	struct engine *engine = engine_of(config);
	uint64_t sent[3] = {0}, received[3] = {0};
	struct engine_account account;
	struct tx_view tx;
	struct rx_view rx;

	run_start(engine);
	run_until(engine, 30000);
	engine_stop(engine);
	account = account_of(engine);
	for (unsigned i = 0; i < engine_tx_count(engine); i++) {
		engine_tx_view(engine, i, &tx);
		sent[tx.port] += tx.counters->packets;
	}
	for (unsigned i = 0; i < engine_rx_count(engine); i++) {
		engine_rx_view(engine, i, &rx);
		received[rx.port] += rx.counters->packets;
	}
	CHECK_EQUAL(account.in, received[0] + received[1]);
	CHECK_EQUAL(account.out, sent[1] + sent[2]);
	CHECK(received[1] <= sent[1]);
	CHECK(received[1] > 0);
	run_destroy(engine, config);
	CHECK_EQUAL(frames_in_file("mirror.pcapng"), sent[2]);
}

/* Nobody reads the device: what left through it is still there at the end. */
static void scenario_left_in_the_device(void)
{
	struct config *config =
		config_of("{" MEMORY WORKERS "'ports': {'g': {'generate': {'packets': 500}},"
			  "          'r': {'device': 'net_ring0'}},"
			  "'pipelines': [{'from': 'g', 'to': 'r', 'stages': ['mac']}]}",
			workers);
	struct engine *engine = engine_of(config);

	run_start(engine);
	run_to_end(engine);
	engine_stop(engine);
	CHECK_EQUAL(account_of(engine).out, 500);
	run_destroy(engine, config);
}

static void test_few_tx_queues(void **state)
{
	(void)state;
	each_worker_count(scenario_file);
	each_worker_count(scenario_ring);
	each_worker_count(scenario_left_in_the_device);
}

/* ---- replays ---- */

static const char *load; /* "preload" or "stream" */

static void scenario_replay(void)
{
	struct config *config;
	struct engine *engine;
	struct engine_account account;
	int status = -1;
	pid_t child;

	/* Another engine, another process, writes the file. */
	fflush(NULL);
	child = fork();
	if (child == 0) {
		scenario_file();
		exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	config = config_of(
		"{" MEMORY WORKERS
		"'ports': {'g': {'replay': {'files': ['@/out.pcap'], 'loop': 3, 'speed': 'top',"
		"          'load': '%s', 'rewrite': true}}, 'n': {'device': 'net_null0'}},"
		"'pipelines': [{'from': 'g', 'to': 'n', 'stages': ['5tswap']}]}",
		workers, load);
	engine = engine_of(config);
	run_start(engine);
	/* A pause in the midst of it. */
	run_until(engine, 5000);
	engine_stop(engine);
	account_of(engine);
	run_start(engine);
	run_to_end(engine);
	engine_stop(engine);
	account = account_of(engine);
	CHECK_EQUAL(account.in, 3 * frames_in_file("out.pcap"));
	CHECK_EQUAL(account.out, account.in - drops_of(&account));
	CHECK_EQUAL(account.drops[DROP_backlog_full], 0);
	run_destroy(engine, config);
}

static void test_replay(void **state)
{
	(void)state;
	load = "preload";
	each_worker_count(scenario_replay);
	load = "stream";
	each_worker_count(scenario_replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_start_stop_start_stop),
		cmocka_unit_test(test_other_lives),
		cmocka_unit_test(test_held_packets_leave),
		cmocka_unit_test(test_lost_and_made),
		cmocka_unit_test(test_few_tx_queues),
		cmocka_unit_test(test_replay),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
