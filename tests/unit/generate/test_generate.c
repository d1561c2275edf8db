/* SPDX-License-Identifier: BSD-3-Clause */
/* The generator's promises: the same again, right checksums, sizes, shares, times and impairments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "generate/generate.h"
#include "packet/bytes.h"
#include "packet/checksum.h"

static uint64_t seed;

static struct config_generate udp_config(void)
{
	return (struct config_generate){
		.seed = seed,
		.flows = 50,
		.packets = 20000,
		.size_min = 64,
		.size_max = 64,
		.speed.kind = SPEED_TOP,
	};
}

static struct generator *create(const struct config_generate *config)
{
	struct error error = {0};
	struct generator *generator = generator_create(config, &error);

	if (generator == NULL)
		fail_msg("%s", error.message);
	return generator;
}

/* Where layer 3 begins; checks what is in front of it. */
static uint32_t layer3_of(const struct frame *frame, const struct config_generate *config)
{
	if (config->vlan == 0)
		return 14;
	assert_int_equal(load_be16(frame->bytes + 12), 0x8100);
	assert_int_equal(load_be16(frame->bytes + 14), config->vlan);
	return 18;
}

static bool is_valid(const struct frame *frame, const struct config_generate *config)
{
	uint32_t l3 = layer3_of(frame, config), l4_bytes = frame->length - l3;
	const uint8_t *ip = frame->bytes + l3;

	if (load_be16(ip - 2) == 0x86dd) {
		l4_bytes -= 40;
		return load_be16(ip + 4) == l4_bytes &&
			checksum_l4_ipv6_valid(ip, ip[6], ip + 40, l4_bytes);
	}
	l4_bytes -= 20;
	return load_be16(ip - 2) == 0x0800 && load_be16(ip + 2) == l4_bytes + 20 &&
		checksum_ipv4_header(ip, 20) == 0 &&
		checksum_l4_ipv4_valid(ip, ip[9], ip + 20, l4_bytes);
}

static void check_valid(const struct config_generate *config)
{
	struct generator *generator = create(config);
	struct frame frame;
	uint64_t packets = 0;

	while (generator_next(generator, &frame) == 1) {
		packets++;
		assert_int_equal(frame.length, frame.original_length);
		assert_true(frame.length >= 60);
		assert_true(is_valid(&frame, config));
	}
	assert_int_equal(packets, config->packets);
	generator_destroy(generator);
}

static void test_valid(void **state)
{
	(void)state;
	for (int i = 0; i < 24; i++) {
		struct config_generate config = udp_config();

		config.ip = (enum generate_ip)(i % 3);
		config.protocol = i / 3 & 1 ? GENERATE_TCP : GENERATE_UDP;
		config.vlan = i / 6 & 1 ? 4094 : 0;
		config.imix = i / 12 & 1;
		config.size_max = 1514;
		config.packets = 3000;
		check_valid(&config);
	}
}

static void test_every_length(void **state)
{
	struct config_generate config = udp_config();

	(void)state;
	config.ip = GENERATE_MIXED;
	config.packets = 4;
	for (uint32_t size = 1; size < 1600; size++) {
		config.size_min = config.size_max = size;
		config.protocol = GENERATE_UDP;
		check_valid(&config);
		config.protocol = GENERATE_TCP;
		check_valid(&config);
	}
	config.size_min = config.size_max = 65535;
	check_valid(&config);
}

/* One number for all that a generator gives: every byte, length and time. */
static uint64_t digest(struct generator *generator)
{
	uint64_t value = 14695981039346656037u; /* FNV-1a */
	struct frame frame;

	while (generator_next(generator, &frame) == 1) {
		value = (value ^ frame.time_ns) * 1099511628211u;
		for (uint32_t i = 0; i < frame.length; i++)
			value = (value ^ frame.bytes[i]) * 1099511628211u;
	}
	return value;
}

static struct config_generate everything(void)
{
	struct config_generate config = udp_config();

	config.protocol = GENERATE_TCP;
	config.ip = GENERATE_MIXED;
	config.zipf = 1.1;
	config.size_max = 1514;
	config.loss = config.duplicate = config.reorder = 0.05;
	return config;
}

static void test_same_again(void **state)
{
	struct config_generate config = everything();
	struct generator *one = create(&config), *other = create(&config);
	uint64_t first = digest(one);

	(void)state;
	assert_int_equal(digest(other), first);
	generator_rewind(one);
	assert_int_equal(digest(one), first);
	generator_destroy(other);
	config.seed++;
	other = create(&config);
	assert_int_not_equal(digest(other), first);
	generator_destroy(one);
	generator_destroy(other);
}

/* The same on every machine and in every build: these bytes were made once and must stay. */
static void test_same_everywhere(void **state)
{
	struct config_generate config = everything();
	struct generator *generator;

	(void)state;
	config.seed = 1;
	generator = create(&config);
	assert_int_equal(digest(generator), 0xc1da6f096b83f4d);
	generator_destroy(generator);
	config.protocol = GENERATE_UDP;
	config.imix = true;
	generator = create(&config);
	assert_int_equal(digest(generator), 0xbaec639f10b288d3);
	generator_destroy(generator);
}

static void test_imix(void **state)
{
	struct config_generate config = udp_config();
	unsigned counts[1515] = {0};
	struct generator *generator;
	struct frame frame;

	(void)state;
	config.imix = true;
	config.packets = 120000;
	generator = create(&config);
	while (generator_next(generator, &frame) == 1)
		counts[frame.length]++;
	generator_destroy(generator);
	assert_int_equal(counts[60] + counts[590] + counts[1514], 120000);
	assert_true(abs((int)counts[60] - 70000) < 1000);
	assert_true(abs((int)counts[590] - 40000) < 1000);
	assert_true(abs((int)counts[1514] - 10000) < 500);
}

static void test_range_of_sizes(void **state)
{
	struct config_generate config = udp_config();
	unsigned counts[101] = {0};
	struct generator *generator;
	struct frame frame;

	(void)state;
	config.size_min = 64;
	config.size_max = 100;
	generator = create(&config);
	while (generator_next(generator, &frame) == 1) {
		assert_in_range(frame.length, 64, 100);
		counts[frame.length]++;
	}
	generator_destroy(generator);
	for (int size = 64; size <= 100; size++)
		assert_true(counts[size] > 20000 / 37 / 2);
}

static int compare_ends(const void *one, const void *other)
{
	return memcmp(one, other, 12);
}

static void test_as_many_flows_as_asked(void **state)
{
	struct config_generate config = udp_config();
	uint8_t(*ends)[12] = calloc(200000, sizeof(*ends));
	struct generator *generator;
	unsigned flows = 1, given = 0;
	struct frame frame;

	(void)state;
	assert_non_null(ends);
	config.flows = 5000;
	config.packets = 200000;
	generator = create(&config);
	while (generator_next(generator, &frame) == 1)
		memcpy(ends[given++], frame.bytes + 26, 12);
	generator_destroy(generator);
	qsort(ends, given, sizeof(*ends), compare_ends);
	for (unsigned i = 1; i < given; i++)
		flows += memcmp(ends[i], ends[i - 1], 12) != 0;
	free(ends);
	assert_int_equal(flows, 5000);
}

static void test_times(void **state)
{
	static const struct {
		struct speed speed;
		uint64_t last_ns; /* of 1001 packets of 125 bytes */
	} cases[] = {
		{{SPEED_TOP, 0}, 1000000},
		{{SPEED_ORIGINAL, 0}, 1000000},
		{{SPEED_MULTIPLE, 2}, 500000},
		{{SPEED_PPS, 1e6}, 1000000},
		{{SPEED_PPS, 2.5}, 400000000000},
		{{SPEED_BPS, 1e9}, 1000000},
	};
	struct config_generate config = udp_config();

	(void)state;
	config.size_min = config.size_max = 125;
	config.packets = 1001;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct generator *generator;
		uint64_t before = 0;
		struct frame frame;

		config.speed = cases[i].speed;
		generator = create(&config);
		assert_int_equal(generator_next(generator, &frame), 1);
		assert_int_equal(frame.time_ns, 0);
		while (generator_next(generator, &frame) == 1) {
			assert_true(frame.time_ns > before);
			before = frame.time_ns;
		}
		assert_int_equal(before, cases[i].last_ns);
		generator_destroy(generator);
	}
}

static void test_duration(void **state)
{
	struct config_generate config = udp_config();
	struct generator *generator;
	unsigned packets = 0;
	struct frame frame;

	(void)state;
	config.packets = 0;
	config.duration_ns = 250000;
	generator = create(&config);
	while (generator_next(generator, &frame) == 1)
		packets++;
	assert_int_equal(packets, 250);
	generator_destroy(generator);
}

/* Of one UDP flow, by the IPv4 identification, which numbers its packets. */
struct order {
	unsigned packets, missing, repeated, backward;
};

static struct order order_of(const struct config_generate *config)
{
	struct generator *generator = create(config);
	uint8_t *seen = calloc(65536, 1);
	struct order order = {0};
	uint16_t highest = 0;
	struct frame frame;

	assert_non_null(seen);
	while (generator_next(generator, &frame) == 1) {
		uint16_t id = load_be16(frame.bytes + 18);

		order.packets++;
		order.repeated += seen[id];
		order.backward += id < highest && !seen[id];
		seen[id] = 1;
		highest = id > highest ? id : highest;
	}
	for (uint32_t id = 0; id <= highest; id++)
		order.missing += !seen[id];
	free(seen);
	generator_destroy(generator);
	return order;
}

static void check_near(unsigned found, double share, unsigned packets)
{
	double wanted = share * packets;

	if (fabs(found - wanted) > 5 * sqrt(wanted))
		fail_msg("%u of %u packets, but %g were to be expected", found, packets, wanted);
}

static void test_impairments(void **state)
{
	struct config_generate config = udp_config();
	struct order order;

	(void)state;
	config.flows = 1;
	config.packets = 30000;
	order = order_of(&config);
	assert_int_equal(order.missing + order.repeated + order.backward, 0);

	config.loss = 0.1;
	order = order_of(&config);
	check_near(order.missing, 0.1, order.packets + order.missing);
	assert_int_equal(order.repeated + order.backward, 0);

	config.loss = 0;
	config.duplicate = 0.1;
	order = order_of(&config);
	check_near(order.repeated, 0.1, order.packets - order.repeated);
	assert_int_equal(order.missing + order.backward, 0);

	config.duplicate = 0;
	config.reorder = 0.1;
	order = order_of(&config);
	/* Two packets are used up where one goes back. */
	check_near(order.backward, 0.1 / 1.1, order.packets);
	assert_int_equal(order.repeated, 0);
	assert_true(
		order.missing <= 1); /* the last one, when its time would have been after the end */

	config.loss = config.duplicate = config.reorder = 0.9;
	assert_int_equal(order_of(&config).packets, 30000);
}

static void check_refused(struct config_generate config, const char *word)
{
	struct error error = {0};

	assert_null(generator_create(&config, &error));
	assert_int_equal(error.code, EINVAL);
	if (strstr(error.message, word) == NULL)
		fail_msg("\"%s\" says nothing of \"%s\"", error.message, word);
}

#define WITH(member, value)                                                                        \
	({                                                                                         \
		struct config_generate changed = udp_config();                                     \
		changed.member = value;                                                            \
		changed;                                                                           \
	})

static void test_contradictions(void **state)
{
	(void)state;
	check_refused(WITH(flows, 0), "flows");
	check_refused(WITH(flows, (1 << 24) + 1), "flows");
	check_refused(WITH(size_min, 65), "sizes");
	check_refused(WITH(size_max, 70000), "sizes");
	check_refused(WITH(zipf, -1), "Zipf");
	check_refused(WITH(zipf, NAN), "Zipf");
	check_refused(WITH(vlan, 4095), "VLAN");
	check_refused(WITH(loss, 1), "loss");
	check_refused(WITH(loss, NAN), "loss");
	check_refused(WITH(duplicate, 1.1), "duplicate");
	check_refused(WITH(reorder, -0.1), "reorder");
	check_refused(WITH(speed, ((struct speed){SPEED_PPS, 0})), "speed");
	assert_null(generator_destroy(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_same_everywhere),
		cmocka_unit_test(test_imix),
		cmocka_unit_test(test_range_of_sizes),
		cmocka_unit_test(test_as_many_flows_as_asked),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_impairments),
		cmocka_unit_test(test_contradictions),
	};
	const char *text = getenv("WEIR_SEED");

	seed = text != NULL ? strtoull(text, NULL, 0) : 20260103;
	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
