/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <unistd.h>

#include "load_text.h"
#include "steering/toeplitz.h"

static void test_defaults(void **state)
{
	struct config *config = load_good("{" TWO_PORTS ", " A_TO_B "}");
	const struct config_port *port = &config->ports[0];

	(void)state;
	assert_int_equal(config->memory.mode, MEMORY_AUTO);
	assert_int_equal(config->memory.size_bytes, 0);
	assert_int_equal(config->memory.packet_data_bytes, 2048);
	assert_null(config->memory.eal_args);
	assert_int_equal(config->port_count, 2);
	assert_string_equal(port->name, "a");
	assert_int_equal(port->kind, PORT_DEVICE);
	assert_string_equal(port->device, "net_null0");
	assert_int_equal(port->queues, 0);
	assert_int_equal(port->rx_descriptors, 1024);
	assert_int_equal(port->mtu, 0);
	assert_int_equal(port->tx_retry_ns, 100000);
	assert_int_equal(port->rss.mode, RSS_AUTO);
	assert_int_equal(port->rss.reta_size, 128);
	assert_memory_equal(port->rss.key, toeplitz_key_microsoft, CONFIG_RSS_KEY_BYTES);
	assert_int_equal(port->features.scatter_gather, FEATURE_AUTO);
	assert_int_equal(config->workers.cpus.count, 0);
	assert_int_equal(config->workers.idle, IDLE_POLL);
	assert_int_equal(config->steering.netdev_max_backlog, 1024);
	assert_string_equal(config->pipelines[0].name, "a->b");
	assert_int_equal(config->pipelines[0].from_port, 0);
	assert_int_equal(config->pipelines[0].to_port, 1);
	assert_int_equal(config->pipelines[0].stage_count, 0);
	assert_int_equal(config->stats.interval_ns, 1000000000);
	assert_true(config->stats.table);
	assert_null(config->stats.json_lines);
	assert_null(config->control.socket);
	config_destroy(config);
}

static void test_everything_given(void **state)
{
	struct config *config = load_good(
		"{\"memory\": {\"mode\": \"no-huge\", \"size\": \"1.5GiB\", \"packets\": 1e5,"
		" \"packet_data\": \"9KiB\", \"eal_args\": [\"--log-level=8\", \"-v\"]},"
		"\"ports\": {"
		" \"nic\": {\"device\": \"0000:21:00.0\", \"queues\": 4, \"mtu\": 9000, "
		"\"tx_retry\": \"0\","
		"  \"rss\": {\"mode\": \"off\", \"queues\": 128, \"reta_size\": 512, \"key\": "
		"\"symmetric\"},"
		"  \"features\": {\"rx-checksumming\": true, \"tx-checksumming\": false}},"
		" \"old\": {\"replay\": {\"files\": [\"a.pcap\", \"b.pcap\"], \"speed\": \"x2.5\","
		"  \"loop\": \"forever\", \"duration\": \"1.5s\", \"rewrite\": true, \"load\": "
		"\"stream\","
		"  \"snapped\": \"skip\"}},"
		" \"gen\": {\"generate\": {\"seed\": 9, \"flows\": \"1k\", \"zipf\": 1.25, "
		"\"packets\": 5,"
		"  \"size\": \"imix\", \"ip\": \"mixed\", \"protocol\": \"tcp\", \"vlan\": 7, "
		"\"loss\": 0.1,"
		"  \"speed\": \"10Gbps\"}},"
		" \"out\": {\"file\": \"x.pcap\"}},"
		"\"workers\": {\"cpus\": \"2-3,8\", \"count\": 5, \"nodes\": 1, \"idle\": "
		"\"adaptive\","
		" \"scheduler\": \"rr\", \"priority\": 10},"
		"\"pipelines\": ["
		" {\"from\": \"gen\", \"stages\": [\"mac\", \"rxonly\"]},"
		" {\"name\": \"n\", \"from\": \"old\", \"to\": \"out\", \"stages\": ["
		"  {\"type\": \"mac\", \"ethernet_peer\": \"02:00:00:00:00:07\"},"
		"  {\"type\": \"noisy\", \"buffer\": 8, \"flush\": \"5ms\", \"memory\": \"1MiB\","
		"   \"reads\": 1, \"writes\": 2, \"read_writes\": 3},"
		"  {\"type\": \"flowgen\", \"size\": 100}, \"txonly\", {\"type\": \"drop\", "
		"\"share\": 0.25}]}],"
		"\"stats\": {\"interval\": 0, \"table\": false, \"json_lines\": \"s.jsonl\"},"
		"\"control\": {\"socket\": \"\"}}");
	const struct config_stage *stages = config->pipelines[1].stages;

	(void)state;
	assert_int_equal(config->memory.mode, MEMORY_NO_HUGE);
	assert_int_equal(config->memory.size_bytes, 1610612736);
	assert_int_equal(config->memory.packets, 100000);
	assert_int_equal(config->memory.packet_data_bytes, 9216);
	assert_string_equal(config->memory.eal_args[1], "-v");
	assert_null(config->memory.eal_args[2]);
	assert_int_equal(config->ports[0].mtu, 9000);
	assert_int_equal(config->ports[0].tx_retry_ns, 0);
	assert_int_equal(config->ports[0].rss.mode, RSS_OFF);
	assert_int_equal(config->ports[0].rss.reta_size, 512);
	assert_memory_equal(config->ports[0].rss.key, toeplitz_key_symmetric, CONFIG_RSS_KEY_BYTES);
	assert_int_equal(config->ports[0].features.rx_checksumming, FEATURE_ON);
	assert_int_equal(config->ports[0].features.tx_checksumming, FEATURE_OFF);
	assert_int_equal(config->ports[1].kind, PORT_REPLAY);
	assert_string_equal(config->ports[1].replay.files[1], "b.pcap");
	assert_int_equal(config->ports[1].replay.speed.kind, SPEED_MULTIPLE);
	assert_int_equal(config->ports[1].replay.loop, 0);
	assert_int_equal(config->ports[1].replay.duration_ns, 1500000000);
	assert_true(config->ports[1].replay.rewrite);
	assert_int_equal(config->ports[1].replay.snapped, REPLAY_SNAPPED_SKIP);
	assert_int_equal(config->ports[2].generate.flows, 1000);
	assert_true(config->ports[2].generate.zipf == 1.25);
	assert_true(config->ports[2].generate.imix);
	assert_int_equal(config->ports[2].generate.ip, GENERATE_MIXED);
	assert_true(config->ports[2].generate.speed.value == 1e10);
	assert_int_equal(config->ports[3].kind, PORT_FILE);
	assert_string_equal(config->ports[3].file, "x.pcap");
	assert_int_equal(config->workers.cpus.count, 3);
	assert_int_equal(config->workers.nodes.cpus[0], 1);
	assert_int_equal(config->workers.scheduler, SCHEDULER_RR);
	assert_int_equal(config->workers.priority, 10);
	assert_int_equal(config->pipelines[0].to_port, UINT16_MAX);
	assert_null(config->pipelines[0].to);
	assert_string_equal(config->pipelines[0].name, "gen");
	assert_int_equal(config->pipelines[0].stage_count, 2);
	assert_string_equal(config->pipelines[0].stages[1].type, "rxonly");
	assert_string_equal(config->pipelines[1].name, "n");
	assert_int_equal(stages[0].ethernet_peer[5], 7);
	assert_int_equal(stages[1].buffer_packets, 8);
	assert_int_equal(stages[1].flush_ns, 5000000);
	assert_int_equal(stages[1].memory_bytes, 1 << 20);
	assert_int_equal(stages[1].read_writes, 3);
	assert_int_equal(stages[2].packet_bytes, 100);
	assert_int_equal(stages[2].flows, 1024);
	assert_int_equal(stages[3].flows, 1);
	assert_int_equal(stages[3].burst, 32);
	assert_true(stages[4].share == 0.25);
	assert_int_equal(config->stats.interval_ns, 0);
	assert_string_equal(config->stats.json_lines, "s.jsonl");
	assert_string_equal(config->control.socket, "");
	config_destroy(config);
}

static void test_negative_nice(void **state)
{
	struct config *config =
		load_good("{" TWO_PORTS ", " A_TO_B ", \"workers\": {\"nice\": -20}}");

	(void)state;
	assert_int_equal(config->workers.nice, -20);
	config_destroy(config);
}

static void test_workers_by_a_word(void **state)
{
	struct config *config = load_good("{" TWO_PORTS ", " A_TO_B ", \"workers\": \"auto\"}");

	(void)state;
	assert_int_equal(config->workers.count, 0);
	config_destroy(config);
}

static void test_files_that_cannot_be_read(void **state)
{
	struct config_problems problems;
	struct config *config;

	(void)state;
	assert_int_equal(config_load_file("/nonexistent/weir.json", &config, &problems), -ENOENT);
	assert_null(config);
	assert_int_equal(problems.count, 1);
	assert_int_equal(problems.list[0].line, 0);
	config_problems_fini(&problems);
	assert_int_equal(config_load_file("/", &config, &problems), -EISDIR);
	config_problems_fini(&problems);
	assert_int_equal(config_load_file("/dev/zero", &config, &problems), -EFBIG);
	config_problems_fini(&problems);
	assert_int_equal(config_load_file("/dev/null", &config, &problems), -EINVAL);
	assert_int_equal(problems.count, 1);
	config_problems_fini(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything_given),
		cmocka_unit_test(test_negative_nice),
		cmocka_unit_test(test_workers_by_a_word),
		cmocka_unit_test(test_files_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
