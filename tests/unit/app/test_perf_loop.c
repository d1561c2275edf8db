/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops, over a way that answers when the test wants it to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "perf_loop.h"

static double tsc_hz;
static int ends[2];

struct answers {
	struct perf_progress progress;
	uint64_t posted, back;
	uint64_t stall_at; /* the answer to this one comes late, and so do all after it */
	uint64_t stall_until;
};

static int answer_post(void *endpoint, uint64_t index)
{
	struct answers *answers = endpoint;

	assert_int_equal(index, answers->posted++);
	if (index == answers->stall_at)
		answers->stall_until = tsc_now() + (uint64_t)(tsc_hz * 0.02);
	return 0;
}

static int answer_poll(void *endpoint, uint64_t index)
{
	struct answers *answers = endpoint;

	assert_int_equal(index, answers->back);
	if (answers->posted == answers->back ||
		(index >= answers->stall_at && tsc_now() < answers->stall_until))
		return 0;
	answers->back++;
	return 1;
}

static int no_wait(void *endpoint, uint64_t timeout_ns)
{
	(void)endpoint;
	(void)timeout_ns;
	return 0;
}

static unsigned late(const struct perf_samples *samples)
{
	unsigned count = 0;

	for (uint64_t i = 0; i < samples->count; i++)
		count += (double)samples->values[i] > 0.005 * tsc_hz;
	return count;
}

static void ping(struct perf_run *run, struct answers *answers)
{
	static const struct perf_ping_operations operations = {answer_post, answer_poll, no_wait};
	uint64_t sent;

	run->client = true;
	run->tsc_hz = tsc_hz;
	run->exchange = ends[0];
	assert_int_equal(perf_samples_init(&run->samples, &run->settings), 0);
	assert_int_equal(perf_ping(run, answers, &operations), 0);
	assert_int_equal(run->samples.count, run->settings.iterations);
	assert_int_equal(perf_exchange_receive(ends[1], PERF_SENT, &sent, sizeof(sent), NULL), 0);
	assert_int_equal(sent, run->settings.iterations + PERF_WARM_UP);
	assert_int_equal(answers->posted, sent);
	assert_int_equal(answers->back, sent);
}

/* One after the other, a stall of 20 ms is seen by one message; the others never left. */
static void closed(void **state)
{
	struct perf_run run = {.settings = {.iterations = 200}};
	struct answers answers = {.stall_at = PERF_WARM_UP + 50};

	(void)state;
	ping(&run, &answers);
	assert_int_equal(late(&run.samples), 1);
	perf_samples_fini(&run.samples);
}

/* On a schedule of one a ms it is seen by all that were due meanwhile: of 20 those that had to wait
 * longer than 5 ms, about 15; whether they could leave meanwhile or not. */
static void schedule(void **state)
{
	(void)state;
	for (uint32_t window = 1; window <= 64; window *= 64) {
		struct perf_run run = {
			.settings = {
				.iterations = 100, .rate_per_second = 1000, .tx_depth = window}};
		struct answers answers = {.stall_at = PERF_WARM_UP + 50};
		uint64_t start = clock_monotonic_ns();

		ping(&run, &answers);
		assert_in_range(clock_monotonic_ns() - start, 99000000, 10000000000ull);
		assert_in_range(late(&run.samples), 14, 100);
		perf_samples_fini(&run.samples);
	}
}

/* Messages that would fill the buffers between the two are not all on their way at once. */
static void windows(void **state)
{
	struct perf_settings settings = {.verb = PERF_SEND, .tx_depth = 128, .bytes = 64};

	(void)state;
	assert_int_equal(perf_window(&settings), 128);
	settings.bytes = 1024;
	assert_int_equal(perf_window(&settings), 64);
	settings.bytes = 1 << 20;
	assert_int_equal(perf_window(&settings), 1);
	settings.bytes = 0;
	assert_int_equal(perf_window(&settings), 128);
	settings.verb = PERF_WRITE;
	assert_int_equal(perf_window(&settings), 1);
}

/* ---- streams ---- */

static int send_some(void *endpoint, uint64_t target)
{
	struct answers *answers = endpoint;
	uint64_t each = answers->progress.started + 7;

	answers->progress.completed = answers->progress.started;
	while (answers->progress.started < target && answers->progress.started < each)
		answers->progress.started++;
	return 0;
}

static int receive_some(void *endpoint)
{
	struct answers *answers = endpoint;

	if (answers->progress.received < answers->back)
		answers->progress.received++;
	return 0;
}

static const struct perf_stream_operations stream_operations = {send_some, receive_some, no_wait};

static void sends(void **state)
{
	struct perf_run run = {.settings = {.iterations = 1000, .qps = 2, .peak = 1},
		.client = true,
		.exchange = ends[0],
		.tsc_hz = tsc_hz};
	struct perf_roles roles = {.sends = true};
	struct answers answers = {0};
	uint64_t sent;

	(void)state;
	assert_int_equal(perf_stream_run(&run, &answers.progress, &roles, &stream_operations), 0);
	assert_int_equal(run.flow.sent, 2000);
	assert_int_equal(perf_exchange_receive(ends[1], PERF_SENT, &sent, sizeof(sent), NULL), 0);
	assert_int_equal(sent, 2000);
	/* For a time: what was started is completed. */
	run = (struct perf_run){.settings = {.duration_ns = 20000000, .qps = 1},
		.client = true,
		.exchange = ends[0],
		.tsc_hz = tsc_hz};
	answers = (struct answers){0};
	assert_int_equal(perf_stream_run(&run, &answers.progress, &roles, &stream_operations), 0);
	assert_int_equal(run.flow.sent, answers.progress.started);
	assert_in_range(run.flow.sent_ns, 20000000, 10000000000ull);
	assert_int_equal(perf_exchange_receive(ends[1], PERF_SENT, &sent, sizeof(sent), NULL), 0);
}

/* Of 100 messages 60 arrive: where messages may get lost it ends, and says so. */
static void receives(void **state)
{
	struct perf_run run = {
		.settings = {.iterations = 100, .qps = 1}, .exchange = ends[0], .tsc_hz = tsc_hz};
	struct perf_roles roles = {.receives = true, .peer_sends = true, .lossy = true};
	struct answers answers = {.back = 60};
	uint64_t sent = 100;

	(void)state;
	assert_int_equal(perf_exchange_send(ends[1], PERF_SENT, &sent, sizeof(sent), NULL), 0);
	assert_int_equal(perf_stream_run(&run, &answers.progress, &roles, &stream_operations), 0);
	assert_int_equal(run.flow.received, 60);
	/* All arrive. */
	answers = (struct answers){.back = 100};
	assert_int_equal(perf_exchange_send(ends[1], PERF_SENT, &sent, sizeof(sent), NULL), 0);
	assert_int_equal(perf_stream_run(&run, &answers.progress, &roles, &stream_operations), 0);
	assert_int_equal(run.flow.received, 100);
}

/* The other side says why it can not go on. */
static void told(void **state)
{
	struct error error = {0}, theirs = {.code = 5, .message = "the cable is loose"};
	struct perf_run run = {.settings = {.iterations = 100, .qps = 1},
		.exchange = ends[0],
		.tsc_hz = tsc_hz,
		.error = &error};
	struct perf_roles roles = {.receives = true, .peer_sends = true};
	struct answers answers = {0};

	(void)state;
	perf_exchange_fail(ends[1], &theirs);
	assert_true(perf_stream_run(&run, &answers.progress, &roles, &stream_operations) < 0);
	assert_string_equal(error.message, "the other side: the cable is loose");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed),
		cmocka_unit_test(schedule),
		cmocka_unit_test(windows),
		cmocka_unit_test(sends),
		cmocka_unit_test(receives),
		cmocka_unit_test(told),
	};
	uint64_t ns = clock_monotonic_ns(), tsc = tsc_now();

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return 1;
	usleep(20000);
	tsc_hz = (double)(tsc_now() - tsc) * 1e9 / (double)(clock_monotonic_ns() - ns);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
