/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_text.h"

static void test_six_mistakes(void **state)
{
	(void)state;
	expect_problems("{\n"
			"  \"ports\": {\n"
			"    \"a\": {\"device\": \"net_null0\", \"quues\": 4},\n"
			"    \"b\": {\"device\": \"net_null1\", \"mtu\": 9000, \"mtu\": 1500}\n"
			"  },\n"
			"  \"workers\": {\"idle\": \"adaptve\"},\n"
			"  \"stats\": {\"interval\": 10},\n"
			"  \"pipelines\": [{\"from\": \"a\", \"to\": \"bb\",\n"
			"    \"stages\": [\"mac\", {\"type\": \"drop\", \"share\": 1.5}]}]\n"
			"}\n",
		"f:3:34: /ports/a/quues: unknown key \"quues\"; did you mean \"queues\"?\n"
		"f:4:47: /ports/b/mtu: this key is given twice, first at line 4, column 34\n"
		"f:6:23: /workers/idle: found \"adaptve\", expected \"poll\" or \"adaptive\"; did "
		"you mean "
		"\"adaptive\"?\n"
		"f:7:25: /stats/interval: found 10, expected a duration with its unit (ns, us, ms, "
		"s, min, "
		"h, d), such as \"10ms\", from 1ms to 365d, or \"never\"\n"
		"f:8:37: /pipelines/0/to: there is no port \"bb\"; did you mean \"b\"?\n"
		"f:9:49: /pipelines/0/stages/1/share: found 1.5, expected a number from 0 to 1\n");
}

static void test_syntax(void **state)
{
	(void)state;
	expect_problems("{\n  \"ports\": {,}\n}",
		"f:2:13: not valid JSON: string or '}' expected near ','\n");
	expect_problems("", "f:1:1: not valid JSON: '[' or '{' expected near end of file\n");
	expect_problems("[]", "f:1:1: found a list, expected an object\n");
}

static void test_nul_byte(void **state)
{
	static const char text[] = "{\n\"\xc3\xa4\": 9\0}";
	struct config_problems problems;
	struct config *config;

	(void)state;
	assert_int_not_equal(config_load_text(text, sizeof(text) - 1, &config, &problems), 0);
	assert_int_equal(problems.count, 1);
	assert_int_equal(problems.list[0].line, 2);
	assert_int_equal(problems.list[0].column, 7);
	config_problems_fini(&problems);
}

static void test_empty(void **state)
{
	(void)state;
	expect_problems("{}",
		"f:1:1: \"ports\" is missing: What packets come from and go to, by a name of your "
		"choice.\n"
		"f:1:1: \"pipelines\" is missing: Which port's packets go to which port, through "
		"which "
		"stages.\n");
}

static void test_port_kinds(void **state)
{
	(void)state;
	expect_problems("{\"ports\": {\"a\": {\"device\": \"x\", \"file\": \"y\"}, \"b\": "
			"{\"mtu\": 1500}},\n"
			"\"pipelines\": [{\"from\": \"a\", \"to\": \"b\"}]}",
		"f:1:17: /ports/a: found \"device\" and \"file\", expected exactly one of "
		"\"device\", "
		"\"replay\", \"generate\" and \"file\": what the port is\n"
		"f:1:52: /ports/b: found none, expected exactly one of \"device\", \"replay\", "
		"\"generate\" "
		"and \"file\": what the port is\n"
		"f:2:24: /pipelines/0/from: port \"a\" is a file to write: nothing comes from it; "
		"expected a "
		"device, replay or generate port\n");
	expect_problems("{\"ports\": {\"a b\": {\"file\": \"y\", \"mtu\": 1500}, \"c\": 7},\n"
			"\"pipelines\": [{\"from\": \"c\", \"to\": \"a b\"}]}",
		"f:1:12: /ports/a b: a port's name has 1 to 31 letters, digits, or characters of "
		"\"_.:-\"\n"
		"f:1:33: /ports/a b/mtu: \"mtu\" has no meaning here; expected one of: file, "
		"xps_cpus, xps_rxqs, features\n"
		"f:1:52: /ports/c: found 7, expected an object that describes a port\n");
}

static void test_two_writers_of_a_file(void **state)
{
	(void)state;
	expect_problems(
		"{\"ports\": {\"a\": {\"file\": \"y\"}, \"b\": {\"file\": \"y\"},\n"
		" \"s\": {\"generate\": {}}}, \"pipelines\": [{\"from\": \"s\", \"to\": \"a\"}]}",
		"f:1:46: /ports/b/file: port \"a\" writes \"y\" already\n");
}

static void test_pipelines(void **state)
{
	(void)state;
	expect_problems(
		"{\"ports\": {\"g\": {\"generate\": {}}, \"r\": {\"replay\": {\"files\": \"x\"}},\n"
		"  \"d\": {\"device\": \"x\"}},\n"
		"\"pipelines\": [\n"
		" {\"from\": \"g\", \"to\": \"r\", \"name\": \"one\"},\n"
		" {\"from\": \"g\", \"to\": \"d\", \"name\": \"one\"},\n"
		" {\"from\": \"r\"},\n"
		" {\"from\": \"d\", \"stages\": [\"rxonly\", \"drop\"]},\n"
		" {\"to\": \"zebra\"}, 5]}",
		"f:4:22: /pipelines/0/to: port \"r\" is a source (replay): nothing can be sent to "
		"it; "
		"expected a device or file port\n"
		"f:5:11: /pipelines/1/from: port \"g\" feeds /pipelines/0 already; a port's "
		"packets go one "
		"way\n"
		"f:5:35: /pipelines/1/name: /pipelines/0 is called \"one\" already\n"
		"f:6:2: /pipelines/2: packets have nowhere to go: expected \"to\" with a port, or "
		"a last "
		"stage that lets nothing out (\"rxonly\", \"drop\")\n"
		"f:7:37: /pipelines/3/stages/1: no packet gets here: stage 0 (rxonly) lets nothing "
		"out\n"
		"f:8:2: /pipelines/4: \"from\" is missing: The port packets come from.\n"
		"f:8:9: /pipelines/4/to: there is no port \"zebra\" in /ports\n"
		"f:8:19: /pipelines/5: found 5, expected an object\n");
}

static void test_stages(void **state)
{
	(void)state;
	expect_problems("{" TWO_PORTS
			",\n\"pipelines\": [{\"from\": \"a\", \"to\": \"b\", \"stages\":\n"
			"[\"macswop\", 5, {\"share\": 1}, {\"type\": \"mac\", \"share\": 1},\n"
			" {\"type\": \"noisy\", \"buffer\": \"lots\"}]}]}",
		"f:3:2: /pipelines/0/stages/0: found \"macswop\", expected \"io\", \"mac\", "
		"\"macswap\", "
		"\"5tswap\", \"csum\", \"icmpecho\", \"rxonly\", \"txonly\", \"flowgen\", "
		"\"noisy\", \"drop\", \"consume\", \"work\", "
		"\"gro\", \"gso\", \"reassemble\" or \"fragment\"; did "
		"you mean \"macswap\"?\n"
		"f:3:13: /pipelines/0/stages/1: found 5, expected the name of a stage, or an "
		"object with "
		"its \"type\"\n"
		"f:3:16: /pipelines/0/stages/2: \"type\" is missing: Which stage. Modes have "
		"testpmd's names "
		"and do what they do there.\n"
		"f:3:46: /pipelines/0/stages/3/share: \"share\" has no meaning here; expected one "
		"of: type, "
		"ethernet_peer\n"
		"f:4:30: /pipelines/0/stages/4/buffer: found \"lots\", expected a whole number "
		"from 1 to "
		"1048576, or \"none\"\n");
}

static void test_priorities(void **state)
{
	(void)state;
	expect_problems("{" TWO_PORTS ", " A_TO_B
			",\n\"workers\": {\"scheduler\": \"fifo\", \"nice\": 5}}",
		"f:2:26: /workers/scheduler: \"fifo\" needs \"priority\", a whole number from 1 to "
		"99\n"
		"f:2:42: /workers/nice: found 5, but \"fifo\" and \"rr\" know no nice values; did "
		"you mean "
		"\"priority\"?\n");
	expect_problems("{" TWO_PORTS ", " A_TO_B ",\n\"workers\": {\"priority\": 5}}",
		"f:2:25: /workers/priority: found 5, but only the schedulers \"fifo\" and \"rr\" "
		"have "
		"priorities; did you mean \"nice\"?\n");
}

static void test_every_kind_of_value(void **state)
{
	(void)state;
	expect_problems(
		"{" A_TO_B ", \"ports\": {\"b\": {\"device\": \"\",\n"
		"\"rss\": {\"reta_size\": 100, \"key\": \"6d5a\"},\n"
		"\"features\": {\"promiscuous\": \"maybe\"}},\n"
		"\"a\": {\"generate\": {\"size\": 20, \"speed\": \"original\",\n"
		"\"zipf\": -1, \"flows\": 1.5}}},\n"
		"\"stats\": {\"table\": 1},\n"
		"\"memory\": {\"packet_data\": \"64K\", \"eal_args\": [\"\"], \"mode\": null},\n"
		"\"workers\": {\"cpus\": \"1-\", \"nodes\": 64}}",
		"f:1:69: /ports/b/device: found \"\", expected a string of 1 to 4095 characters\n"
		"f:2:22: /ports/b/rss/reta_size: found 100, expected 128, 256 or 512\n"
		"f:2:34: /ports/b/rss/key: found \"6d5a\", expected \"microsoft\", "
		"\"symmetric\", \"random\" or 40 bytes in hexadecimal\n"
		"f:3:29: /ports/b/features/promiscuous: found \"maybe\", expected true, false or "
		"\"auto\"\n"
		"f:4:28: /ports/a/generate/size: found 20, expected frame bytes from 60 to 9600, a "
		"range of "
		"them such as \"64-1500\", or \"imix\"\n"
		"f:4:41: /ports/a/generate/speed: found \"original\", expected \"top\", packets a "
		"second such "
		"as \"1.5Mpps\" or bits a second such as \"10Gbps\"\n"
		"f:5:9: /ports/a/generate/zipf: found -1, expected a number from 0 to 10\n"
		"f:5:22: /ports/a/generate/flows: found 1.5, expected a whole number from 1 to "
		"16777216\n"
		"f:6:20: /stats/table: found 1, expected true or false\n"
		"f:7:27: /memory/packet_data: found \"64K\", expected a size in bytes or with a "
		"unit (B, KiB, "
		"MiB, GiB, TiB, kB, MB, GB, TB), such as \"64KiB\", from 256 to 65280\n"
		"f:7:46: /memory/eal_args: found a list, expected a string, or a list of 0 to 64 "
		"non-empty "
		"strings\n"
		"f:7:60: /memory/mode: found null, expected \"auto\", \"huge\", \"in-memory\" or "
		"\"no-huge\"\n"
		"f:8:21: /workers/cpus: found \"1-\", expected a list of numbers from 0 to 1023, "
		"such as "
		"\"2-5,8\", or \"auto\"\n"
		"f:8:36: /workers/nodes: found 64, expected a list of numbers from 0 to 63, such "
		"as "
		"\"2-5,8\", or \"auto\"\n");
}

static void test_control_characters_stay_out(void **state)
{
	(void)state;
	expect_problems("{" TWO_PORTS ", " A_TO_B ",\n\"\\u001b[31mred\\n\": 1}",
		"f:2:1: /?[31mred?: unknown key \"?[31mred?\"; expected one of: memory, ports, "
		"workers, "
		"steering, pipelines, captures, stats, control, verbs\n");
}

static void test_very_many(void **state)
{
	struct config_problems problems;
	struct config *config;
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	assert_non_null(stream);
	fprintf(stream, "{" TWO_PORTS ", " A_TO_B);
	for (unsigned i = 0; i < 1000; i++)
		fprintf(stream, ",\n\"zzz%u\": 1", i);
	fprintf(stream, "}");
	fclose(stream);
	assert_int_not_equal(config_load_text(text, size, &config, &problems), 0);
	assert_int_equal(problems.count, 100);
	assert_string_equal(problems.list[99].message, "and 901 more problems, not shown");
	config_problems_fini(&problems);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_six_mistakes),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_port_kinds),
		cmocka_unit_test(test_two_writers_of_a_file),
		cmocka_unit_test(test_pipelines),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_every_kind_of_value),
		cmocka_unit_test(test_control_characters_stay_out),
		cmocka_unit_test(test_very_many),
	};

	return cmocka_run_group_tests_name("mistakes", tests, NULL, NULL);
}
