/* SPDX-License-Identifier: BSD-3-Clause */
/* The judge, frame by frame: what is told apart by one byte, and what hostile frames say. */
#include "craft.h"

#include "capture/judge.h"
#include "packet/checksum.h"

enum { FRAME_MAX = 70000, HEADERS = 14 + 20 + 20 };

struct made {
	uint8_t bytes[FRAME_MAX];
	struct frame frame;
};

static void put_be16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void sums_put(struct made *made)
{
	uint8_t *ip = made->bytes + 14, *tcp = ip + 20;
	uint16_t sum;

	memset(ip + 10, 0, 2);
	memset(tcp + 16, 0, 2);
	sum = checksum_ipv4_header(ip, 20);
	memcpy(ip + 10, &sum, 2);
	sum = checksum_l4_ipv4(ip, 6, tcp, made->frame.length - 34);
	memcpy(tcp + 16, &sum, 2);
}

/* TCP from 10.0.0.1 to 10.0.0.2, or back, with right checksums. */
static struct made *make(uint32_t payload_bytes, bool back)
{
	struct made *made = calloc(1, sizeof(*made));
	uint8_t *ip = made->bytes + 14;

	made->frame = (struct frame){.time_ns = 1,
		.bytes = made->bytes,
		.length = HEADERS + payload_bytes,
		.original_length = HEADERS + payload_bytes};
	put_be16(made->bytes + 12, 0x0800);
	ip[0] = 0x45;
	put_be16(ip + 2, 40 + payload_bytes);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, (uint8_t[]){10, 0, 0, back ? 2 : 1, 10, 0, 0, back ? 1 : 2}, 8);
	put_be16(ip + 20, back ? 80 : 1000);
	put_be16(ip + 22, back ? 1000 : 80);
	ip[32] = 0x50;
	ip[33] = 0x10;
	sums_put(made);
	return made;
}

static void unfinish(struct made *made)
{
	uint8_t *ip = made->bytes + 14;
	uint16_t sum = checksum_fold(checksum_pseudo_ipv4(ip, 6, made->frame.length - 34));

	memcpy(ip + 36, &sum, 2);
}

static struct made *make_syn(uint16_t mss, bool back)
{
	struct made *made = make(4, back);
	uint8_t *tcp = made->bytes + 34;

	tcp[12] = 0x60;
	tcp[13] = back ? 0x12 : 0x02;
	memcpy(tcp + 20, (uint8_t[]){2, 4, (uint8_t)(mss >> 8), (uint8_t)mss}, 4);
	sums_put(made);
	return made;
}

static const struct capture_origin origin = {
	.number = 1, .interface_name = "", .link_type = 1, .timed = true};

static void learn(struct judge *judge, struct made *made)
{
	judge_learn(judge, &made->frame, &origin);
	free(made);
}

static uint32_t found(struct judge *judge, struct made *made)
{
	struct judge_example shown;
	uint32_t kinds = judge_frame(judge, &made->frame, &origin, &shown);

	free(made);
	return kinds & ~(1u << JUDGE_KIND_burst);
}

static uint32_t found_alone(struct made *made)
{
	struct judge *judge = judge_create(0, NULL);
	uint32_t kinds = found(judge, made);

	judge_destroy(judge);
	return kinds;
}

#define BIT(name) (1u << JUDGE_KIND_##name)

static void sizes_at_the_edge(void **state)
{
	struct judge *judge = judge_create(0, NULL);

	(void)state;
	assert_int_equal(found(judge, make(1460, false)), 0);
	assert_int_equal(found(judge, make(1461, false)), BIT(gro));
	assert_int_equal(judge_point(judge, 0)->findings[JUDGE_KIND_gro].frames, 1);
	assert_int_equal(judge_point(judge, 0)->impossible, 1);
	judge_destroy(judge);
}

static void mss_of_the_receiver_only(void **state)
{
	struct judge *judge = judge_create(0, NULL);

	(void)state;
	learn(judge, make_syn(1200, false));
	assert_int_equal(found(judge, make(1300, false)), 0);
	assert_int_equal(found(judge, make(1200, true)), 0);
	assert_int_equal(found(judge, make(1201, true)), BIT(gro));
	judge_destroy(judge);
}

static void mtu_is_the_smaller_end(void **state)
{
	struct judge *judge = judge_create(0, NULL);

	(void)state;
	learn(judge, make_syn(8960, false));
	assert_int_equal(found(judge, make(0, false)), BIT(short));
	assert_int_equal(judge_point(judge, 0)->mtu_bytes, 9000);
	assert_int_equal(judge_point(judge, 0)->mtu_source, JUDGE_MTU_SYN);
	judge_destroy(judge);

	judge = judge_create(0, NULL);
	learn(judge, make_syn(8960, false));
	learn(judge, make_syn(4000, true));
	assert_int_equal(found(judge, make(4001, true)), BIT(gro)); /* the MTU is 4040 */
	assert_int_equal(judge_point(judge, 0)->mtu_bytes, 4040);
	assert_int_equal(judge_point(judge, 0)->mtu_source, JUDGE_MTU_HANDSHAKE);
	judge_destroy(judge);
}

static void cause_by_small_frames(void **state)
{
	for (int unfinished = 0; unfinished < 2; unfinished++) {
		struct judge *judge = judge_create(0, NULL);
		struct made *small = make(100, false), *large = make(2920, false);

		(void)state;
		if (unfinished)
			unfinish(small);
		learn(judge, small);
		unfinish(large);
		assert_int_equal(found(judge, large), unfinished ? BIT(tso) : BIT(gro));
		judge_destroy(judge);
	}
}

static void checksums(void **state)
{
	struct made *made = make(100, false);

	(void)state;
	assert_int_equal(found_alone(made), 0);
	made = make(100, false);
	unfinish(made);
	assert_int_equal(found_alone(made), BIT(unfinished));
	made = make(100, false);
	made->bytes[100] ^= 1;
	assert_int_equal(found_alone(made), BIT(bad_sum));
	made = make(100, false);
	made->bytes[24] ^= 1;
	assert_int_equal(found_alone(made), BIT(bad_ip_sum));
	made = make(100, false);
	memset(made->bytes + 24, 0, 2);
	assert_int_equal(found_alone(made), BIT(ip_sum_zero));
	/* Snapped: only the unfinished one can be told. */
	made = make(100, false);
	made->bytes[60] ^= 1;
	made->frame.length = 80;
	assert_int_equal(found_alone(made), BIT(snapped));
	made = make(100, false);
	unfinish(made);
	made->frame.length = 80;
	assert_int_equal(found_alone(made), BIT(snapped) | BIT(unfinished));
}

static void lengths(void **state)
{
	struct made *made = make(2920, false);

	(void)state;
	put_be16(made->bytes + 16, 0);
	assert_int_equal(found_alone(made) & ~BIT(bad_ip_sum), BIT(gro) | BIT(length_zero));
	made = make(100, false);
	made->frame.original_length = 100000;
	assert_int_equal(found_alone(made), BIT(snapped) | BIT(length_claimed));
	made = make(6, false);
	put_be16(made->bytes + 16, 40); /* padded to 60 bytes */
	sums_put(made);
	assert_int_equal(found_alone(made) & (BIT(trailer) | BIT(short)), 0);
}

static void forgets_nothing_that_matters(void **state)
{
	struct judge_table table;
	uint8_t key[JUDGE_KEY_BYTES] = {0};
	uint64_t *value;

	(void)state;
	assert_int_equal(judge_table_init(&table, 64, 8), 0);
	assert_null(judge_table_find(&table, key, false));
	value = judge_table_find(&table, key, true);
	assert_int_equal(*value, 0);
	*value = 7;
	/* Used again and again, it outlives a thousand others. */
	for (uint32_t other = 1; other < 1000; other++) {
		uint8_t other_key[JUDGE_KEY_BYTES] = {1};

		memcpy(other_key + 1, &other, 4);
		assert_int_equal(*(uint64_t *)judge_table_find(&table, other_key, true), 0);
		value = judge_table_find(&table, key, false);
		assert_non_null(value);
		assert_int_equal(*value, 7);
	}
	judge_table_fini(&table);
}

/* Every cut and every single wrong byte of a frame with all headers is judged without harm. */
static void any_bytes(void **state)
{
	struct judge *judge = judge_create(0, NULL);
	struct judge_example shown;

	(void)state;
	for (uint32_t length = 14; length < HEADERS + 60; length++) {
		for (uint32_t at = 12; at < length; at++) {
			struct made *made = make(60, false);
			uint8_t *exact = malloc(length); /* its end is where reading must stop */

			made->bytes[at] ^= (uint8_t)(at * 37 + length) | 1;
			memcpy(exact, made->bytes, length);
			made->frame.bytes = exact;
			made->frame.length = length;
			judge_learn(judge, &made->frame, &origin);
			judge_frame(judge, &made->frame, &origin, &shown);
			free(exact);
			free(made);
		}
	}
	judge_destroy(judge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_at_the_edge),
		cmocka_unit_test(mss_of_the_receiver_only),
		cmocka_unit_test(mtu_is_the_smaller_end),
		cmocka_unit_test(cause_by_small_frames),
		cmocka_unit_test(checksums),
		cmocka_unit_test(lengths),
		cmocka_unit_test(forgets_nothing_that_matters),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
