/* SPDX-License-Identifier: BSD-3-Clause */
/* A TCP stream against a strict receiver on either side, that knows only what the segments say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generate/stream.h"
#include "packet/bytes.h"

enum { MSS = 1460, PAYLOAD_MAX = 1448, PACKETS = 100000 };

struct side { /* what one end knows */
	bool open, closed;
	uint32_t next; /* sequence number it sends next */
	uint32_t expected; /* of the other */
	uint32_t unacknowledged; /* segments with data from the other */
	uint16_t ip_id;
	uint32_t last_clock, heard_clock;
};

struct watch {
	struct side side[2];
	unsigned connections, wraps, data_segments, requests;
	uint64_t bytes[2];
};

static uint64_t seed;

/* The timestamps of a segment; checks where its options must be. */
static void check_options(struct watch *watch, const struct tcp_segment *segment)
{
	const uint8_t *options = segment->options, *stamps;
	struct side *from = &watch->side[segment->from], *to = &watch->side[!segment->from];
	uint32_t clock;

	if (segment->flags & TCP_SYN) {
		assert_int_equal(segment->option_bytes, 20);
		assert_int_equal(options[0], 2);
		assert_int_equal(load_be16(options + 2), MSS);
		assert_int_equal(options[4], 4);
		assert_int_equal(options[17], 3);
		stamps = options + 6;
	} else {
		assert_int_equal(segment->option_bytes, STREAM_OPTION_BYTES);
		stamps = options + 2;
	}
	assert_int_equal(stamps[0], 8);
	assert_int_equal(stamps[1], 10);
	clock = load_be32(stamps + 2);
	if (!(segment->flags & TCP_SYN))
		assert_true((int32_t)(clock - from->last_clock) >= 0);
	from->last_clock = clock;
	if (segment->flags == TCP_SYN)
		assert_int_equal(load_be32(stamps + 6), 0);
	else /* no older than the last but one it can have heard */
		assert_true(from->heard_clock - load_be32(stamps + 6) <= 2);
	to->heard_clock = clock;
}

static void check_flags(struct watch *watch, const struct tcp_segment *segment)
{
	struct side *from = &watch->side[segment->from], *to = &watch->side[!segment->from];

	if (segment->flags == TCP_SYN) {
		assert_int_equal(segment->from, FLOW_CLIENT);
		assert_true(watch->connections == 0 || (from->closed && to->closed));
		watch->connections++;
		*from = (struct side){.next = segment->sequence, .ip_id = from->ip_id};
		*to = (struct side){.next = 0, .ip_id = to->ip_id};
		from->open = true;
		return;
	}
	assert_true(segment->flags & TCP_ACK);
	if (segment->flags & TCP_SYN) {
		assert_int_equal(segment->from, FLOW_SERVER);
		assert_false(from->open);
		from->open = true;
		from->next = segment->sequence;
		from->expected = to->next;
	} else if (to->expected == 0 && !to->closed && segment->from == FLOW_CLIENT) {
		from->expected = to->next;
	}
	assert_true(from->open);
	assert_int_equal(segment->acknowledgement, to->next);
}

static void check_segment(struct watch *watch, const struct tcp_segment *segment, uint16_t ip_id)
{
	struct side *from = &watch->side[segment->from], *to = &watch->side[!segment->from];
	bool first = watch->connections == 0 || (watch->connections == 1 && !from->open);
	uint32_t after;

	check_flags(watch, segment);
	check_options(watch, segment);
	if (!first)
		assert_int_equal(ip_id, (uint16_t)(from->ip_id + 1));
	from->ip_id = ip_id;
	assert_int_equal(segment->sequence, from->next);
	assert_true(segment->payload_bytes == 0 || !from->closed);
	assert_true(segment->payload_bytes <= PAYLOAD_MAX);
	after = from->next + segment->payload_bytes + !!(segment->flags & TCP_SYN) +
		!!(segment->flags & TCP_FIN);
	watch->wraps += after < from->next;
	from->next = after;
	from->closed |= !!(segment->flags & TCP_FIN);
	watch->bytes[segment->from] += segment->payload_bytes;
	/* An ACK answers two segments at most. */
	from->unacknowledged = 0;
	if (segment->payload_bytes != 0) {
		watch->requests += segment->from == FLOW_CLIENT;
		watch->data_segments += segment->from == FLOW_SERVER;
		assert_true(++to->unacknowledged <= 2);
	}
}

static void test_strict_receiver(void **state)
{
	uint64_t random = seed;
	struct stream stream = {0};
	struct watch watch = {0};
	struct tcp_segment segment;

	(void)state;
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct stream_context context = {&random, 4294967000u + i, MSS, PAYLOAD_MAX};
		bool is_new = stream_is_new(&stream);
		uint32_t connection = stream.connection;
		uint16_t ip_id = stream_next(&stream, &context, &segment);

		assert_int_equal(is_new, segment.flags == TCP_SYN);
		if (is_new)
			assert_int_equal(connection, watch.connections);
		check_segment(&watch, &segment, ip_id);
	}
	assert_true(watch.connections > PACKETS / 400);
	assert_true(watch.requests > watch.connections);
	assert_true(watch.data_segments > PACKETS / 2);
	assert_true(watch.bytes[FLOW_SERVER] > 20 * watch.bytes[FLOW_CLIENT]);
	assert_true(watch.wraps > watch.connections / 20);
}

/* However small the segments, it goes on. */
static void test_one_byte_segments(void **state)
{
	uint64_t random = seed;
	struct stream stream = {0};
	struct tcp_segment segment;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct stream_context context = {&random, i, MSS, 1};

		stream_next(&stream, &context, &segment);
		assert_true(segment.payload_bytes <= 1);
	}
	assert_true(stream.connection > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict_receiver),
		cmocka_unit_test(test_one_byte_segments),
	};
	const char *text = getenv("WEIR_SEED");

	seed = text != NULL ? strtoull(text, NULL, 0) : 20260104;
	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
