/* SPDX-License-Identifier: BSD-3-Clause */
/* Steering, flows and softnet as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats/render.h"
#include "stats/table.h"

static char *rendered(const json_t *json, unsigned flags)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	render(out, json, RENDER_WHATEVER, flags);
	fclose(out);
	return text;
}

static json_t *parsed(const char *json_text)
{
	json_error_t error;
	json_t *json = json_loads(json_text, 0, &error);

	if (json == NULL)
		fail_msg("%s: %s", error.text, json_text);
	return json;
}

static void expect_json(json_t *json, unsigned flags, const char *expected)
{
	char *text = rendered(json, flags);

	if (strcmp(text, expected) != 0)
		fail_msg("rendered:\n%s\nexpected:\n%s", text, expected);
	free(text);
	json_decref(json);
}

static void expect(const char *json_text, unsigned flags, const char *expected)
{
	expect_json(parsed(json_text), flags, expected);
}

/* Buckets i % 4, their loads i % 8 thousand packets a second. */
static json_t *buckets(unsigned count, unsigned workers, unsigned load)
{
	json_t *object =
		json_pack("{s:[], s:[], s:[], s:[i]}", "queue", "worker", "pps", "moving", 6);

	for (unsigned i = 0; i < count; i++) {
		json_array_append_new(json_object_get(object, "queue"), json_integer(i % 4));
		json_array_append_new(json_object_get(object, "worker"),
			i == 5 || i == 6 ? json_null() : json_integer(i % workers));
		/* One so small that only its being there shows. */
		json_array_append_new(json_object_get(object, "pps"),
			json_integer(i == 33 && load > 0 ? 1 : i % 8 * load));
	}
	return object;
}

static json_t *with_buckets(const char *json_text, json_t *more)
{
	json_t *json = parsed(json_text);
	json_t *ports = json_object_get(json_object_get(json, "steering"), "ports");

	json_object_set_new(json_array_get(ports, 0), "buckets", more);
	return json;
}

/* ---- softnet ---- */

static const char two_workers[] =
	"{\"softnet\": [{\"worker\": 0, \"cpu\": 5, \"processed\": 1234567, \"dropped\": 2,"
	" \"time_squeeze\": 3, \"received_rps\": 4, \"flow_limit_count\": 255,"
	" \"backlog_len\": 26, \"input_qlen\": 16, \"process_qlen\": 10},"
	" {\"worker\": 1, \"cpu\": 2, \"processed\": 4294967297}]}";

static void softnet(void **state)
{
	(void)state;
	expect(two_workers, 0,
		"worker  cpu      processed  dropped  time_squeeze  received_rps  flow_limit_count "
		" "
		"backlog_len  input_qlen  process_qlen\n"
		"     0    5      1,234,567        2             3             4               255 "
		" "
		"         26          16            10\n"
		"     1    2  4,294,967,297        0             0             0                 0 "
		" "
		"          0           0             0\n");
	expect("{\"softnet\": []}", 0, "");
}

/* Lines by CPU; counters 32 bits wide, as the kernel's. */
static void softnet_raw(void **state)
{
	(void)state;
	expect(two_workers, RENDER_RAW,
		"00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
		"00000000 00000000 00000000 00000002 00000000 00000000\n"
		"0012d687 00000002 00000003 00000000 00000000 00000000 00000000 00000000 00000000 "
		"00000004 000000ff 0000001a 00000005 00000010 0000000a\n");
	expect("{\"softnet\": []}", RENDER_RAW, "");
	expect("{\"softnet\": 7, \"time\": \"now\"}", RENDER_RAW, "");
	expect("{\"softnet\": [{\"worker\": 3, \"cpu\": -1}]}", RENDER_RAW,
		"00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
		"00000000 00000000 00000000 00000003 00000000 00000000\n");
}

static void softnet_explained(void **state)
{
	json_t *json = parsed("{\"softnet\": [{}]}");
	char *text = rendered(json, RENDER_DETAILS);

	(void)state;
	assert_non_null(strstr(text,
		"\ntime_squeeze      turns that ended with packets still waiting in a backlog\n"));
	assert_non_null(strstr(text, "\nprocess_qlen      of these, taken and not yet finished\n"));
	free(text);
	json_decref(json);
}

static void softnet_of_64_workers(void **state)
{
	json_t *json = json_pack("{s:[]}", "softnet"), *first;
	char *text;

	(void)state;
	for (int i = 0; i < 64; i++)
		json_array_append_new(json_object_get(json, "softnet"),
			json_pack("{s:i, s:i}", "worker", i, "cpu", 64 + i * 37 % 64));
	text = rendered(json, RENDER_RAW);
	assert_int_equal(strlen(text), 64 * 15 * 9);
	assert_memory_equal(text + 12 * 9, "00000040", 8);
	assert_memory_equal(text + 63 * 15 * 9 + 12 * 9, "0000007f", 8);
	free(text);
	first = json_array_get(json_object_get(json, "softnet"), 0);
	json_object_set_new(first, "processed", json_integer(INT64_MAX));
	text = rendered(json, 0);
	assert_non_null(strstr(text, "9,223,372,036,854,775,807"));
	free(text);
	json_decref(json);
}

/* ---- steering ---- */

static void nothing_steered(void **state)
{
	(void)state;
	expect("{\"steering\": {\"balancer\": null, \"ports\": []}}", 0, "");
	expect("{\"steering\": {\"balancer\": null, \"rfs\": null, \"workers\": [],"
	       " \"ports\": []}}",
		0, "no steering in software: packets stay where they are received\n");
}

/* In the periodic table: a line, and only while the balancer is on. */
static void balancer_in_a_line(void **state)
{
	(void)state;
	expect("{\"steering\": {\"balancer\": {\"max_over_mean\": 1.04,"
	       " \"max_over_mean_expected\": 1.01, \"tick_ns\": 4000000, \"steps\": 2500,"
	       " \"moves\": 12345, \"moves_per_s\": 70, \"active_workers\": 3}, \"ports\": []}}",
		0,
		"balancer: max/mean 1.04, 1.01 expected; 3 workers active; 12,345 moves in 2,500 "
		"steps, 70 moves/s; tick 4 ms\n");
}

static const char one_port[] =
	"{\"steering\": {\"balancer\": null,"
	" \"rfs\": {\"consumer_entries\": 32768, \"consumers_used\": 1200},"
	" \"workers\": [{\"worker\": 0, \"cpu\": 2, \"numa_node\": 0, \"busy_percent\": 99.6,"
	"  \"pps\": 1500000, \"share_percent\": 100.0, \"cycles_per_packet\": 812.4,"
	"  \"backlog_len\": 1024}],"
	" \"ports\": [{\"port\": \"lan\", \"receiver\": 0, \"reta_size\": 128,"
	"  \"queue_count\": 2, \"rps\": true, \"rfs\": true, \"balanced\": false,"
	"  \"bucket_moves\": 1200, \"bucket_moves_per_s\": 3, \"moves_cancelled\": 1,"
	"  \"moves_now\": 2, \"parked\": 40, \"park_slots\": 4096, \"parked_packets\": 98765,"
	"  \"park_longest_ns\": 12300, \"flow_entries\": 4096, \"flows_used\": 900,"
	"  \"rfs_hits_per_s\": 600000, \"rfs_moves\": 12, \"rfs_moves_per_s\": 1,"
	"  \"rfs_kept_per_s\": 30,"
	"  \"queues\": [{\"queue\": 0, \"worker\": 0, \"buckets\": 64, \"pps\": 900000,"
	"    \"share_percent\": 60.0, \"rps_workers\": []},"
	"   {\"queue\": 1, \"worker\": 0, \"buckets\": 64, \"pps\": 600000,"
	"    \"share_percent\": 40.0, \"rps_workers\": [0, 1, 2, 5, 7, 8]}]}]}}";

static const char one_port_head[] =
	"RFS: 1,200 of 32,768 entries of rps_sock_flow_entries name a consumer\n"
	"\n"
	"worker  cpu  node  busy              packets/s  share  cyc/pkt  backlog\n"
	"     0    2     0  100%  ##########     1.50 M   100%      812    1,024\n"
	"\n"
	"port lan, rx queue 0 at worker 0: 128 buckets, 2 queues; RSS, RPS, RFS\n"
	"  moves:  1,200 buckets, 3/s; 2 under way; 1 given up\n"
	"  parked: 40 packets now, room for 4,096; 98,765 in all; longest 12.3 us\n"
	"  RFS:    900 of 4,096 flow entries used; 600 k hits/s (not below); 12 flows moved, "
	"1/s; 30/s kept\n"
	"\n"
	"queue  worker  buckets  share              packets/s  RPS workers\n"
	"    0       0       64  60.0%  ######....      900 k  -\n"
	"    1       0       64  40.0%  ####......      600 k  0-2,5,7-8\n"
	"\n";

static void steering_of_a_port(void **state)
{
	char expected[4096];

	(void)state;
	snprintf(expected, sizeof(expected), "%s%s", one_port_head,
		"  0  0· 1▁ 2▂ 3▃ 4▅ *▆ >▇ 7█  8· 9▁10▂ 0▃ 1▅ 2▆ 3▇ 4█  5· 6▁ 7▂ 8▃ 9▅10▆ 0▇ 1█"
		"  2· 3▁ 4▂ 5▃ 6▅ 7▆ 8▇ 9█\n"
		" 32 10· 0▁ 1▂ 2▃ 3▅ 4▆ 5▇ 6█\n"
		"worker and load of each bucket: · none, █ 7.00 kpps, mean 3.48 kpps; > moving, * "
		"by "
		"RPS map\n");
	expect_json(with_buckets(one_port, buckets(40, 11, 1000)), 0, expected);
}

/* All load gone: who would get what stays to be seen. */
static void no_load(void **state)
{
	(void)state;
	expect_json(with_buckets("{\"steering\": {\"workers\": [], \"ports\": [{}]}}",
			    buckets(10, 4, 0)),
		0,
		"\n"
		"port , rx queue 0 at worker 0: 0 buckets, 0 queues; RSS\n"
		"\n"
		"  0  0· 1· 2· 3· 0· *· >· 3·  0· 1·\n"
		"worker and load of each bucket: · none, █ 0 pps, mean 0 pps; > moving, * by RPS "
		"map\n");
}

static void grids_fit_the_screen(void **state)
{
	static const unsigned sizes[] = {128, 256, 512}, workers[] = {1, 2, 16, 64};

	(void)state;
	for (unsigned n = 0; n < 12; n++) {
		json_t *json =
			with_buckets(one_port, buckets(sizes[n % 3], workers[n / 3], 1000000));
		char *text = rendered(json, RENDER_DETAILS), *save = NULL;
		unsigned lines = 0;

		for (char *line = strtok_r(text, "\n", &save); line != NULL;
			line = strtok_r(NULL, "\n", &save)) {
			unsigned width = 0;

			lines++;
			for (; *line != '\0'; line++)
				width += ((unsigned char)*line & 0xc0) != 0x80;
			assert_in_range(width, 1, 103);
		}
		assert_int_equal(lines, 11 + sizes[n % 3] / 32);
		free(text);
		json_decref(json);
	}
}

/* ---- flows ---- */

static void flows_now(void **state)
{
	(void)state;
	expect("{\"flows\": ["
	       "{\"rank\": 1, \"port\": \"lan\", \"flow\": \"10.0.0.1:80 10.0.0.2:1234 tcp\","
	       " \"share_percent\": 42.04, \"packets\": 1000000, \"bytes\": 64000000,"
	       " \"error\": 300, \"pps\": 420000, \"bps\": 215000000, \"receiver\": 0,"
	       " \"bucket\": 17, \"worker\": 3, \"by\": \"RFS\"},"
	       "{\"rank\": 2, \"port\": \"lan\","
	       " \"flow\": \"[2001:db8:1111:2222:3333:4444:5555:6666]:65535"
	       " [2001:db8:1111:2222:3333:4444:5555:7777]:65535 sctp\","
	       " \"share_percent\": 1.0, \"packets\": 10, \"bytes\": 640, \"error\": 0,"
	       " \"pps\": 10000, \"bps\": 5120000, \"bucket\": 127, \"worker\": null,"
	       " \"by\": \"moving\"}]}",
		0,
		"#  share  packets/s   bit/s  error  port  bucket  worker  by      flow\n"
		"1  42.0%      420 k   215 M    300  lan       17       3  RFS     10.0.0.1:80 "
		"10.0.0.2:1234 tcp\n"
		"2   1.0%     10.0 k  5.12 M      0  lan      127       -  moving  "
		"[2001:db8:1111:2222:3333:4444:5555:6666]:65535 [2001:~\n");
}

/* Nothing flows any more, as after a run: the totals. */
static void flows_in_all(void **state)
{
	(void)state;
	expect("{\"flows\": [{\"rank\": 1, \"port\": \"lan\", \"flow\": \"10.0.0.1 10.0.0.2 ip\","
	       " \"share_percent\": 0.0, \"packets\": 1000000, \"bytes\": 64000000, \"pps\": 0,"
	       " \"bucket\": 17, \"worker\": 3, \"by\": \"RSS\"}]}",
		0,
		"#  share  packets   bytes  error  port  bucket  worker  by   flow\n"
		"1   0.0%   1.00 M  64.0 M      0  lan       17       3  RSS  10.0.0.1 10.0.0.2 "
		"ip\n");
	expect("{\"flows\": []}", RENDER_DETAILS, "flows: none seen\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(softnet),
		cmocka_unit_test(softnet_raw),
		cmocka_unit_test(softnet_explained),
		cmocka_unit_test(softnet_of_64_workers),
		cmocka_unit_test(nothing_steered),
		cmocka_unit_test(balancer_in_a_line),
		cmocka_unit_test(steering_of_a_port),
		cmocka_unit_test(no_load),
		cmocka_unit_test(grids_fit_the_screen),
		cmocka_unit_test(flows_now),
		cmocka_unit_test(flows_in_all),
	};

	return cmocka_run_group_tests_name("stats/render_steering", tests, NULL, NULL);
}
