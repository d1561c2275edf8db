/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in the file is what was sent, no more and no less. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "base/clock.h"
#include "capture/reader.h"
#include "port/sink.h"
#include "port_fixture.h"

/* A packet with the bytes of a frame, in segments of at most `part` bytes. */
static struct rte_mbuf *packet_of(
	struct port_fixture *fixture, const struct test_frame *frame, uint32_t part)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t done = 0; done < frame->length; done += part) {
		uint32_t length = RTE_MIN(part, frame->length - done);
		struct rte_mbuf *segment = rte_pktmbuf_alloc(fixture->pool);

		assert_non_null(segment);
		memcpy(rte_pktmbuf_append(segment, (uint16_t)length), frame->bytes + done, length);
		if (head == NULL)
			head = segment;
		else
			assert_int_equal(rte_pktmbuf_chain(head, segment), 0);
	}
	return head;
}

/* The file holds these frames and nothing else, stamped from `after_ns` to now. */
static void assert_file(
	const char *path, const struct test_frame *frames, unsigned count, uint64_t after_ns)
{
	struct error error = {0};
	struct capture_reader *reader = capture_reader_open(path, &error);
	uint64_t before_ns = after_ns;
	struct frame frame;

	assert_non_null(reader);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(capture_reader_next(reader, &frame, &error), 1);
		assert_int_equal(frame.length, frames[i].length);
		assert_int_equal(frame.original_length, frames[i].length);
		assert_memory_equal(frame.bytes, frames[i].bytes, frame.length);
		assert_true(frame.time_ns >= before_ns);
		before_ns = frame.time_ns;
	}
	/* TSC and clock differ by as much as the frequency was measured wrong. */
	assert_true(before_ns <= clock_wall_ns() + NS_PER_SECOND);
	assert_int_equal(capture_reader_next(reader, &frame, &error), 0);
	assert_int_equal(capture_reader_counts(reader)->skipped[SKIP_damaged], 0);
	capture_reader_close(reader);
}

static struct sink *sink_begin(struct port_fixture *fixture, const char *name)
{
	struct error error = {0};
	struct sink *sink;

	snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->directory, name);
	sink = sink_create(fixture->path, rte_get_tsc_hz(), &error);
	assert_non_null(sink);
	return sink;
}

static unsigned buffers_out(const struct port_fixture *fixture)
{
	return POOL_PACKETS - rte_mempool_avail_count(fixture->pool);
}

static void test_written_is_sent(void **state)
{
	static const char *const names[] = {"out.pcap", "out.pcapng"};
	struct port_fixture *fixture = *state;
	uint64_t begin = clock_wall_ns();
	struct rte_mbuf *packets[32];
	struct error error = {0};
	struct sink *sink;

	frames_add(fixture, 92, 60, 2000);
	frames_add(fixture, 3, 9000, 40000);
	frames_add(fixture, 1, 81920, 81920);
	for (unsigned f = 0; f < 2; f++) {
		sink = sink_begin(fixture, names[f]);
		for (unsigned i = 0; i < 96; i += 32) {
			for (unsigned k = 0; k < 32; k++)
				packets[k] = packet_of(fixture, &fixture->frames[i + k],
					fixture->frames[i + k].length > 9000 ? 2048 : 77);
			assert_int_equal(sink_send(sink, packets, 32), 32);
			assert_int_equal(buffers_out(fixture), 0);
		}
		assert_int_equal(sink_lost(sink), 0);
		assert_int_equal(sink_destroy(sink, &error), 0);
		assert_file(fixture->path, fixture->frames, 96, begin - NS_PER_SECOND);
	}
}

struct next_queue {
	unsigned takes;
	unsigned count;
	bool frees; /* as a driver does that sends at once; else they stay in its ring */
	struct rte_mbuf *packets[256];
};

static uint16_t next_send(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct next_queue *queue = argument;
	uint16_t taken = (uint16_t)RTE_MIN(queue->takes, count);

	for (uint16_t i = 0; i < taken; i++) {
		queue->packets[queue->count++] = packets[i];
		if (queue->frees)
			rte_pktmbuf_free(packets[i]);
	}
	return taken;
}

/* The next queue takes 5 of 12 each time; the rest is sent again, as a worker does. */
static void check_mirror(struct port_fixture *fixture, bool frees)
{
	struct next_queue queue = {.takes = 5, .frees = frees};
	uint64_t begin = clock_wall_ns();
	struct rte_mbuf *packets[12];
	struct error error = {0};
	struct sink *sink = sink_begin(fixture, "mirror.pcap");
	unsigned sent = 0;

	sink_set_next(sink, (struct tx_queue){.send = next_send, .argument = &queue});
	for (unsigned i = 0; i < 12; i++)
		packets[i] = packet_of(fixture, &fixture->frames[i], 700);
	queue.takes = 0;
	assert_int_equal(sink_send(sink, packets, 12), 0);
	queue.takes = 5;
	while (sent < 12) {
		uint16_t now = sink_send(sink, packets + sent, (uint16_t)(12 - sent));

		assert_int_equal(now, RTE_MIN(5u, 12 - sent));
		sent += now;
		/* What it did not take is the caller's alone. */
		for (unsigned i = sent; i < 12; i++)
			for (const struct rte_mbuf *m = packets[i]; m != NULL; m = m->next)
				assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	}
	assert_int_equal(queue.count, 12);
	for (unsigned i = 0; i < 12; i++) {
		assert_ptr_equal(queue.packets[i], packets[i]);
		if (!frees) {
			assert_packet(packets[i], &fixture->frames[i]);
			rte_pktmbuf_free(packets[i]);
		}
	}
	assert_int_equal(buffers_out(fixture), 0);
	assert_int_equal(sink_destroy(sink, &error), 0);
	assert_file(fixture->path, fixture->frames, 12, begin - NS_PER_SECOND);
}

static void test_mirror(void **state)
{
	struct port_fixture *fixture = *state;

	frames_add(fixture, 12, 60, 3000);
	check_mirror(fixture, false);
	check_mirror(fixture, true);
}

/* The tail of a burst that is dropped after the retries is not in the mirror. */
static void test_mirror_has_no_drops(void **state)
{
	struct port_fixture *fixture = *state;
	struct next_queue queue = {.takes = 3, .frees = true};
	uint64_t begin = clock_wall_ns();
	struct rte_mbuf *packets[8];
	struct error error = {0};
	struct sink *sink = sink_begin(fixture, "mirror.pcap");

	frames_add(fixture, 8, 60, 100);
	sink_set_next(sink, (struct tx_queue){.send = next_send, .argument = &queue});
	for (unsigned i = 0; i < 8; i++)
		packets[i] = packet_of(fixture, &fixture->frames[i], 700);
	assert_int_equal(sink_send(sink, packets, 8), 3);
	rte_pktmbuf_free_bulk(packets + 3, 5);
	assert_int_equal(sink_destroy(sink, &error), 0);
	assert_file(fixture->path, fixture->frames, 3, begin - NS_PER_SECOND);
}

static void test_disk_full(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	struct error error = {0};
	struct sink *sink = sink_create("/dev/full", rte_get_tsc_hz(), &error);

	assert_non_null(sink);
	frames_add(fixture, 32, 9000, 9000);
	for (unsigned round = 0; round < 400; round++) { /* 115 MB: no buffer holds it */
		for (unsigned i = 0; i < 32; i++)
			packets[i] = packet_of(fixture, &fixture->frames[i], 2048);
		/* They left all the same. */
		assert_int_equal(sink_send(sink, packets, 32), 32);
		assert_int_equal(buffers_out(fixture), 0);
	}
	assert_in_range(sink_lost(sink), 1, 400 * 32);
	assert_int_equal(sink_destroy(sink, &error), -ENOSPC);
	assert_non_null(strstr(error.message, "/dev/full"));
}

/* Little enough to stay in the buffer: told at the end. */
static void test_disk_full_at_the_end(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packet;
	struct error error = {0};
	struct sink *sink = sink_create("/dev/full", rte_get_tsc_hz(), &error);

	frames_add(fixture, 1, 60, 60);
	packet = packet_of(fixture, &fixture->frames[0], 2048);
	assert_int_equal(sink_send(sink, &packet, 1), 1);
	assert_int_equal(sink_destroy(sink, &error), -ENOSPC);
	assert_int_equal(error.code, ENOSPC);
}

static void test_no_such_directory(void **state)
{
	struct error error = {0};

	(void)state;
	assert_null(sink_create("/nowhere/to/be.pcap", rte_get_tsc_hz(), &error));
	assert_int_equal(error.code, ENOENT);
	assert_non_null(strstr(error.message, "/nowhere/to/be.pcap"));
	assert_int_equal(sink_destroy(NULL, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_written_is_sent),
		PORT_TEST(test_mirror),
		PORT_TEST(test_mirror_has_no_drops),
		PORT_TEST(test_disk_full),
		PORT_TEST(test_disk_full_at_the_end),
		PORT_TEST(test_no_such_directory),
	};

	return cmocka_run_group_tests_name(
		"sink", tests, fixture_group_setup, fixture_group_teardown);
}
