/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread of a capture: takes what the workers copied, in the order of time, and writes it. When
 * the capture ends (told to, limit reached, reader gone, disk full) it takes the taps away itself.
 */
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "engine/capture_internal.h"

enum { BUSY_SLEEP_NS = 500000, IDLE_SLEEP_NS = 5000000 };
/* Copies of one worker are in order. Those of others may come so much later than their time says,
 * without being written too late. */
enum { SORT_NS = 2000000 };

static const struct capture_record *lane_peek(struct capture_lane *lane)
{
	uint64_t length;

	return byte_ring_peek(lane->ring, &length);
}

/* The lane with the oldest record that is from before `until_tsc`; NULL: none. */
static struct capture_lane *oldest_lane(struct capture *capture, uint64_t until_tsc)
{
	struct capture_lane *oldest = NULL;
	uint64_t oldest_tsc = until_tsc;

	for (unsigned i = 0; i < capture->lane_count; i++) {
		const struct capture_record *record = lane_peek(&capture->lanes[i]);

		if (record != NULL && record->tsc < oldest_tsc) {
			oldest = &capture->lanes[i];
			oldest_tsc = record->tsc;
		}
	}
	return oldest;
}

static bool enough(const struct capture *capture)
{
	return capture->failure != 0 ||
		(capture->packets_max > 0 && capture->written_all >= capture->packets_max);
}

/* Writes what is older than `until_tsc`. Returns whether there was anything. */
static bool write_records(struct capture *capture, uint64_t until_tsc)
{
	struct capture_lane *lane;
	bool any = false;

	while (!enough(capture) && (lane = oldest_lane(capture, until_tsc)) != NULL) {
		capture_output_record(capture, lane_peek(lane));
		byte_ring_take(lane->ring);
		byte_ring_release(lane->ring);
		any = true;
	}
	return any;
}

static void rest(bool busy)
{
	nanosleep(&(struct timespec){.tv_nsec = busy ? BUSY_SLEEP_NS : IDLE_SLEEP_NS}, NULL);
}

static void run(struct capture *capture)
{
	uint64_t sort_cycles = ns_to_tsc(SORT_NS, capture->engine->tsc_hz);

	while (!__atomic_load_n(&capture->stop, __ATOMIC_RELAXED) && !enough(capture) &&
		!capture_output_reader_ended(capture)) {
		bool busy = write_records(capture, tsc_now() - sort_cycles);

		capture_output_flush(capture);
		capture_clock_follow(&capture->clock);
		rest(busy);
	}
}

/* From here on no worker knows of the capture. */
static void take_taps_away(struct capture *capture)
{
	struct engine *engine = capture->engine;
	struct error ignored = {0};
	bool was_running;

	__atomic_store_n(&capture->over, true, __ATOMIC_RELEASE);
	pthread_mutex_lock(&engine->steering_lock);
	was_running = engine_pause(engine);
	/* What was there is only linked anew: that needs no memory. */
	capture_taps_set(engine, &ignored);
	if (was_running)
		engine_resume(engine);
	pthread_mutex_unlock(&engine->steering_lock);
}

void *capture_main(void *argument)
{
	struct capture *capture = argument;

	pthread_setname_np(pthread_self(), "weir-capture");
	capture_clock_begin(&capture->clock, capture->engine->tsc_hz);
	capture_output_begin(capture);
	capture_output_flush(capture);
	run(capture);
	take_taps_away(capture);
	write_records(capture, UINT64_MAX);
	capture_output_statistics(capture);
	capture_output_flush(capture);
	if (capture->socket >= 0) /* the reader sees the end at once */
		shutdown(capture->socket, SHUT_RDWR);
	__atomic_store_n(&capture->done, true, __ATOMIC_RELEASE);
	return NULL;
}
