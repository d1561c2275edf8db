/* SPDX-License-Identifier: BSD-3-Clause */
/* What cannot be had is refused at create, by name, and nothing of the engine is left. */
#include <string.h>

#include "engine_run.h"

static const char *text; /* the configuration, for config_of() */
static const char *word[2]; /* the message has both */

static void scenario(void)
{
	struct config *config = config_of("%s", text);
	struct engine *engine = (void *)&config;
	struct error error = {0};
	int result = engine_create(config, NULL, NULL, &engine, &error);

	if (result == 0)
		fprintf(stderr, "not refused: %s\n", text);
	CHECK(result < 0);
	CHECK(engine == NULL);
	CHECK_EQUAL((uint64_t)error.code, (uint64_t)-result);
	for (unsigned i = 0; i < 2; i++)
		if (strstr(error.message, word[i]) == NULL) {
			fprintf(stderr, "\"%s\" does not say \"%s\"\n", error.message, word[i]);
			exit(1);
		}
	CHECK_EQUAL(weir_threads(), 0);
	config_destroy(config);
}

static void refused(const char *refused_text, const char *first, const char *second)
{
	text = refused_text;
	word[0] = first;
	word[1] = second;
	run_scenario(scenario);
}

#define BEGIN "{'memory': {'mode': 'no-huge', 'packets': 2047}, 'workers': {'count': 2},"
#define TO_NULL "'n': {'device': 'net_null0'}}, 'pipelines': [{'from': 'p', 'to': 'n'}]}"

static void test_device(void **state)
{
	(void)state;
	refused(BEGIN "'ports': {'p': {'device': 'net_nothing0'}," TO_NULL, "port p",
		"net_nothing0");
	refused(BEGIN "'ports': {'p': {'device': 'net_pcap0,rx_pcap=/nowhere/in.pcap'}," TO_NULL,
		"port p", "net_pcap0");
	refused(BEGIN "'ports': {'p': {'device': '0000:ff:1f.7'}," TO_NULL, "port p",
		"0000:ff:1f.7");
}

static void test_queues(void **state)
{
	(void)state;
	/* A ring device has 16. */
	refused(BEGIN "'ports': {'p': {'device': 'net_ring0', 'queues': 17}," TO_NULL, "port p",
		"17 queues");
	refused(BEGIN
		"'ports': {'p': {'device': 'net_ring0', 'rss': {'mode': 'hardware'}}," TO_NULL,
		"port p", "RSS");
}

static void test_mtu(void **state)
{
	(void)state;
	refused(BEGIN "'ports': {'p': {'device': 'net_pcap0,tx_pcap=@/out.pcap', 'mtu': 68},"
		      "'n': {'device': 'net_af_packet0,iface=lo', 'mtu': 65535}},"
		      "'pipelines': [{'from': 'n', 'to': 'p'}]}",
		"port n", "65535");
}

static void test_features(void **state)
{
	(void)state;
	refused(BEGIN "'ports': {'g': {'generate': {}}, 'n': {'device': 'net_af_packet0,iface=lo',"
		      "'features': {'tso': true}}},"
		      "'pipelines': [{'from': 'g', 'to': 'n'}]}",
		"port n", "tcp-segmentation-offload");
}

static void test_files(void **state)
{
	(void)state;
	refused(BEGIN "'ports': {'g': {'generate': {}}, 'p': {'file': '@/no/such/out.pcap'}},"
		      "'pipelines': [{'from': 'g', 'to': 'p'}]}",
		"port p", "no/such/out.pcap");
	refused(BEGIN "'ports': {'g': {'generate': {}}, 'p': {'device': 'net_null0',"
		      "'mirror': '@/no/such/out.pcap'}}, 'pipelines': [{'from': 'g', 'to': 'p'}]}",
		"port p", "no/such/out.pcap");
	refused(BEGIN "'ports': {'p': {'replay': {'files': ['@/none.pcap']}}," TO_NULL, "port p",
		"none.pcap");
}

static void test_memory(void **state)
{
	(void)state;
	refused("{'memory': {'mode': 'no-huge', 'size': '8MiB', 'packets': 65535},"
		"'ports': {'p': {'device': 'net_null1'}," TO_NULL,
		"memory", "packet buffers");
	refused("{'memory': {'mode': 'no-huge', 'size': '64MiB', 'packets': 2047},"
		"'ports': {'p': {'device': 'net_null1'}, 'n': {'device': 'net_null0'}},"
		"'pipelines': [{'from': 'p', 'to': 'n', 'stages': [{'type': 'noisy',"
		"'memory': '1GiB', 'reads': 1}]}]}",
		"noisy", "memory");
	refused("{'memory': {'mode': 'no-huge', 'eal_args': ['--no-such-argument']},"
		"'ports': {'p': {'device': 'net_null1'}," TO_NULL,
		"DPDK", "start");
}

static void test_workers(void **state)
{
	(void)state;
	refused("{'memory': {'mode': 'no-huge'}, 'workers': {'cpus': '1023'},"
		"'ports': {'p': {'device': 'net_null1'}," TO_NULL,
		"1023", "CPU");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_workers),
	};

	return cmocka_run_group_tests_name("engine refuses", tests, NULL, NULL);
}
