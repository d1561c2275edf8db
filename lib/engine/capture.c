/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures begin and end here; what they do meanwhile: capture_tap.c, capture_thread.c. */
#include "engine/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/capture_internal.h"

enum { RING_BYTES = 4 << 20 }; /* of each worker */

static void capture_free(struct capture *capture)
{
	capture_output_close(capture, NULL);
	for (unsigned i = 0; capture->lanes != NULL && i < capture->lane_count; i++)
		byte_ring_destroy(capture->lanes[i].ring);
	free(capture->lanes);
	free(capture->filter_text);
	capture_filter_free(&capture->filter);
	free(capture);
}

/* ---- making ---- */

static int make_lanes(struct capture *capture, struct error *error)
{
	struct tap_stamp stamp = {0};
	size_t bytes = capture->engine->worker_count * sizeof(*capture->lanes);

	if (capture->trace > 0 && tap_stamp_register("weir_trace_number", &stamp, error) != 0)
		return -error->code;
	capture->lane_count = capture->engine->worker_count;
	capture->lanes = aligned_alloc(64, bytes);
	if (capture->lanes == NULL)
		return error_set(error, ENOMEM, "no memory for a capture");
	memset(capture->lanes, 0, bytes);
	for (unsigned i = 0; i < capture->lane_count; i++) {
		capture->lanes[i] = (struct capture_lane){
			.filter = &capture->filter,
			.ring = byte_ring_create(RING_BYTES),
			.snap_bytes = capture->snap_bytes,
			.worker = (uint16_t)i,
			.traces = capture->trace > 0,
			.stamp = stamp,
			.numbers_left = &capture->numbers_left,
			.numbers = capture->trace,
			.over = &capture->over,
		};
		if (capture->lanes[i].ring == NULL)
			return error_set(error, ENOMEM, "no memory for what is captured");
	}
	return 0;
}

static int check_trace(const struct capture *capture, struct error *error)
{
	bool has_rx = false;

	for (unsigned i = 0; i < capture->point_count; i++)
		has_rx |= capture->points[i].place == CAPTURE_RX;
	if (capture->trace > 0 && !has_rx)
		return error_set(error, EINVAL, "a trace begins at rx");
	return 0;
}

static int fill(
	struct capture *capture, const struct capture_settings *settings, struct error *error)
{
	bool whole = settings->snap_bytes == 0 || settings->snap_bytes > PCAPNG_SNAP_MAX;

	capture->snap_bytes = whole ? PCAPNG_SNAP_MAX : settings->snap_bytes;
	capture->packets_max = settings->packets;
	capture->trace = capture->numbers_left = settings->trace;
	if (capture_points_parse(capture, settings->at, error) != 0 ||
		check_trace(capture, error) != 0 ||
		capture_filter_make(&capture->filter, settings->filter, error) != 0 ||
		make_lanes(capture, error) != 0)
		return -error->code;
	if (settings->filter != NULL && settings->filter[0] != '\0') {
		capture->filter_text = strdup(settings->filter);
		if (capture->filter_text == NULL)
			return error_set(error, ENOMEM, "no memory for a capture");
	}
	return capture_output_open(capture, settings, error);
}

/* NULL with `error`. */
static struct capture *capture_make(
	struct engine *engine, const struct capture_settings *settings, struct error *error)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (capture == NULL) {
		if (settings->socket >= 0)
			close(settings->socket);
		error_set(error, ENOMEM, "no memory for a capture");
		return NULL;
	}
	capture->engine = engine;
	capture->socket = settings->socket;
	if (fill(capture, settings, error) == 0)
		return capture;
	capture_free(capture);
	return NULL;
}

/* ---- the engine's captures; under its lock ---- */

/* A free place. Those that ended by themselves give theirs up, if nobody holds them. */
static struct capture **find_place(struct engine *engine, struct error *error)
{
	for (unsigned i = 0; i < CAPTURES_MAX; i++) {
		struct capture *there = engine->captures[i];

		if (there != NULL && !there->held &&
			__atomic_load_n(&there->done, __ATOMIC_ACQUIRE)) {
			pthread_join(there->thread, NULL);
			capture_free(there);
			engine->captures[i] = NULL;
		}
	}
	for (unsigned i = 0; i < CAPTURES_MAX; i++)
		if (engine->captures[i] == NULL)
			return &engine->captures[i];
	error_set(error, EBUSY, "%d captures are on: end one first", CAPTURES_MAX);
	return NULL;
}

/* One writes numbers into packets at a time. */
static bool traces_already(const struct engine *engine)
{
	for (unsigned i = 0; i < CAPTURES_MAX; i++)
		if (engine->captures[i] != NULL && engine->captures[i]->trace > 0 &&
			!__atomic_load_n(&engine->captures[i]->over, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* After an error all is as it was. */
static int attach(struct capture *capture, struct error *error)
{
	struct engine *engine = capture->engine;
	struct error ignored = {0};
	struct capture **place;
	bool was_running;
	int result;

	if (capture->trace > 0 && traces_already(engine))
		return error_set(error, EBUSY, "another trace is on");
	place = find_place(engine, error);
	if (place == NULL)
		return -EBUSY;
	*place = capture;
	was_running = engine_pause(engine);
	result = capture_taps_set(engine, error);
	if (result == 0)
		result = engine_thread_start(
			engine, &capture->thread, capture_main, capture, "the capture", error);
	if (result != 0) {
		*place = NULL;
		capture_taps_set(engine, &ignored);
	}
	if (was_running)
		engine_resume(engine);
	return result;
}

int engine_capture_start(struct engine *engine, const struct capture_settings *settings,
	struct capture **ret_capture, struct error *error)
{
	struct capture *capture = capture_make(engine, settings, error);
	int result;

	if (capture == NULL)
		return -error->code;
	capture->held = ret_capture != NULL;
	pthread_mutex_lock(&engine->steering_lock);
	result = attach(capture, error);
	pthread_mutex_unlock(&engine->steering_lock);
	if (result != 0)
		capture_free(capture);
	else if (ret_capture != NULL)
		*ret_capture = capture;
	return result;
}

static int failure_of(struct capture *capture, struct error *error)
{
	if (capture->failure == 0)
		return 0;
	return error_set(error, capture->failure, "capture to %s: %s", capture->file,
		strerror(capture->failure));
}

/* Its thread has ended: closes what it wrote, and frees it. */
static int capture_end(struct capture *capture, struct error *error)
{
	int failed = failure_of(capture, error);
	int result = capture_output_close(capture, failed == 0 ? error : NULL);

	capture_free(capture);
	return failed != 0 ? failed : result;
}

static void wait_for_end(struct engine *engine, struct capture *capture)
{
	__atomic_store_n(&capture->stop, true, __ATOMIC_RELEASE);
	pthread_join(capture->thread, NULL);
	pthread_mutex_lock(&engine->steering_lock);
	for (unsigned i = 0; i < CAPTURES_MAX; i++)
		if (engine->captures[i] == capture)
			engine->captures[i] = NULL;
	pthread_mutex_unlock(&engine->steering_lock);
}

int engine_capture_stop(struct engine *engine, struct capture *capture, struct error *error)
{
	wait_for_end(engine, capture);
	return capture_end(capture, error);
}

/* ---- views ---- */

bool engine_capture_running(const struct capture *capture)
{
	return !__atomic_load_n(&capture->over, __ATOMIC_ACQUIRE);
}

unsigned engine_capture_point_count(const struct capture *capture)
{
	return capture->point_count;
}

const char *engine_capture_point_name(const struct capture *capture, unsigned point)
{
	return capture->points[point].name;
}

void engine_capture_counters(
	const struct capture *capture, unsigned point, struct capture_point_counters *ret_counters)
{
	memset(ret_counters, 0, sizeof(*ret_counters));
	for (unsigned i = 0; i < capture->lane_count; i++) {
		const struct capture_point_counters *lane = &capture->lanes[i].counters[point];

		ret_counters->packets += __atomic_load_n(&lane->packets, __ATOMIC_RELAXED);
		ret_counters->filtered += __atomic_load_n(&lane->filtered, __ATOMIC_RELAXED);
		ret_counters->captured += __atomic_load_n(&lane->captured, __ATOMIC_RELAXED);
		ret_counters->lost += __atomic_load_n(&lane->lost, __ATOMIC_RELAXED);
	}
}

/* ---- those of the configuration ---- */

int captures_begin(struct engine *engine, struct error *error)
{
	const struct config *config = engine->config;

	for (unsigned i = 0; i < config->capture_count; i++) {
		const struct config_capture *wanted = &config->captures[i];
		struct capture_settings settings = {
			.at = (const char *const *)wanted->at,
			.filter = wanted->filter,
			.snap_bytes = wanted->snap_bytes,
			.packets = wanted->packets,
			.socket = -1,
			.file = wanted->file,
			.file_bytes = wanted->file_bytes,
			.files = wanted->files,
		};

		if (engine_capture_start(engine, &settings, NULL, error) != 0)
			return error_prefix(error, "captures, %s", wanted->file);
	}
	return 0;
}

static void say_end(struct engine *engine, const struct capture *capture)
{
	uint64_t lost = 0;

	if (capture->files == NULL)
		return;
	for (unsigned i = 0; i < capture->point_count; i++) {
		struct capture_point_counters counters;

		engine_capture_counters(capture, i, &counters);
		lost += counters.lost;
	}
	engine_say(engine, lost > 0, "%s: %llu packets captured, %llu lost to it (slow disk)",
		capture->file, (unsigned long long)capture->written_all, (unsigned long long)lost);
}

int captures_end(struct engine *engine, struct error *error)
{
	int result = 0;

	for (unsigned i = 0; i < CAPTURES_MAX; i++) {
		struct capture *capture = engine->captures[i];
		bool is_file;

		if (capture == NULL)
			continue;
		is_file = capture->files != NULL;
		wait_for_end(engine, capture);
		say_end(engine, capture);
		/* A reader that went away is no failure of the run. */
		if (capture_end(capture, is_file ? error : NULL) != 0 && is_file)
			result = -EIO;
	}
	capture_taps_free(engine);
	return result;
}
