/* SPDX-License-Identifier: BSD-3-Clause */
/* One JSON object holds all there is to say; the text is printed from it. */
#include "replay_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/units.h"
#include "command.h"
#include "engine/verify.h"
#include "port/replay.h"
#include "stats/stats.h"

enum { REPLAY_PORT = 0 };

/* Since this process was started (exec), as the kernel remembers: to 10 ms. */
static uint64_t process_age_ns(void)
{
	unsigned long long start_ticks = 0;
	char line[1024], *rest;
	FILE *file = fopen("/proc/self/stat", "r");
	struct timespec now;

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL && (rest = strrchr(line, ')')) != NULL)
		for (int field = 3; field <= 22 && rest != NULL; field++)
			rest = strchr(rest + 1, ' ');
	else
		rest = NULL;
	fclose(file);
	if (rest != NULL)
		start_ticks = strtoull(rest + 1, NULL, 10);
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec -
		start_ticks * (NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

static json_t *skipped_json(const struct replay *replay, uint64_t passes, uint64_t *ret_total)
{
	json_t *skipped = json_object();
	struct capture_counts counts;

	*ret_total = 0;
	replay_read_counts(replay, &counts);
	for (unsigned r = 0; r < SKIP_REASON_COUNT; r++) {
		uint64_t count = counts.skipped[r] * passes;

		if (count == 0)
			continue;
		*ret_total += count;
		json_object_set_new(
			skipped, skip_reason_infos[r].name, json_integer((json_int_t)count));
	}
	return skipped;
}

static json_t *dropped_json(const struct engine_account *account)
{
	json_t *dropped = json_object();

	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		if (account->drops[r] != 0)
			json_object_set_new(dropped, drop_reason_infos[r].name,
				json_integer((json_int_t)account->drops[r]));
	return dropped;
}

/* Files that were read once are skipped from again in each loop; a stream counts as it reads. */
static json_t *packets_json(const struct session *session, const struct replay *replay)
{
	const struct replay_counters *counters = replay_counters(replay);
	const struct replay_plan *plan = replay_plan(replay);
	uint64_t passes = 1, skipped_total;
	struct engine_account account;
	json_t *skipped;

	if (plan->preload && counters->loops > 0)
		passes = counters->loops + (counters->packets % plan->packets != 0);
	skipped = skipped_json(replay, passes, &skipped_total);
	engine_account(session->engine, &account);
	return json_pack("{s:I, s:I, s:o, s:o}", "read",
		(json_int_t)(counters->packets + skipped_total), "sent", (json_int_t)account.out,
		"skipped", skipped, "dropped", dropped_json(&account));
}

static json_t *timing_json(const struct replay_counters *counters)
{
	const struct histogram *error = &counters->error_ns;

	if (error->count == 0) /* top speed: no packet has a time of its own */
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "p50",
		(json_int_t)histogram_quantile(error, 0.5), "p99",
		(json_int_t)histogram_quantile(error, 0.99), "max", (json_int_t)error->max, "late",
		(json_int_t)counters->late, "late_after", (json_int_t)REPLAY_LATE_NS);
}

static const char *speed_text(const struct speed *speed, char *text, size_t size)
{
	switch (speed->kind) {
	case SPEED_ORIGINAL: return "original";
	case SPEED_TOP: return "top";
	case SPEED_MULTIPLE: snprintf(text, size, "x%g", speed->value); return text;
	case SPEED_PPS: return units_format_rate_exact(text, size, speed->value, "pps");
	case SPEED_BPS: return units_format_rate_exact(text, size, speed->value, "bps");
	}
	return "";
}

/* Asked for and achieved: a schedule's length is known, so is how long it really took. */
static json_t *rate_json(
	const struct session *session, const struct replay *replay, uint64_t duration_ns)
{
	const struct replay_counters *counters = replay_counters(replay);
	uint64_t gaps = counters->packets > 1 ? counters->packets - 1 : counters->packets;
	double seconds = (double)duration_ns / NS_PER_SECOND;
	char text[UNITS_TEXT_MAX];
	json_t *rate;

	rate = json_pack("{s:f, s:f, s:s}", "pps", seconds > 0 ? (double)gaps / seconds : 0, "bps",
		seconds > 0 ? (double)counters->bytes * 8 / seconds : 0, "requested",
		speed_text(&replay_plan(replay)->play.speed, text, sizeof(text)));
	if (counters->error_ns.count > 1) {
		uint64_t due_ns = tsc_to_ns(counters->last_due_tsc - counters->first_due_tsc,
			engine_tsc_hz(session->engine));

		json_object_set_new(rate, "scheduled_ns", json_integer((json_int_t)due_ns));
	}
	return rate;
}

static json_t *report_json(const struct session *session)
{
	const struct replay *replay = engine_replay(session->engine, REPLAY_PORT);
	const struct replay_counters *counters = replay_counters(replay);
	uint64_t hz = engine_tsc_hz(session->engine);
	uint64_t duration_ns = tsc_to_ns(counters->last_tsc - counters->first_tsc, hz);
	json_t *summary = stats_summary_json(session->stats);
	uint64_t since_first_ns = tsc_to_ns(tsc_now() - counters->first_tsc, hz);
	json_t *report;

	if (duration_ns == 0)
		duration_ns = engine_duration_ns(session->engine);
	report = json_pack("{s:o, s:I, s:o, s:o, s:I, s:I, s:I}", "packets",
		packets_json(session, replay), "duration_ns", (json_int_t)duration_ns, "rate",
		rate_json(session, replay, duration_ns), "timing_error_ns", timing_json(counters),
		"bytes", (json_int_t)counters->bytes, "loops", (json_int_t)counters->loops,
		"startup_ns",
		counters->packets ? (json_int_t)(process_age_ns() - since_first_ns) : 0);
	if (report != NULL && summary != NULL) {
		json_object_set(report, "workers", json_object_get(summary, "workers"));
		json_object_set(report, "summary", summary);
		json_object_set(report, "order", json_object_get(summary, "order"));
	}
	json_decref(summary);
	return report;
}

static json_t *verify_json(const struct session *session, bool *ret_good)
{
	struct engine_account account;
	struct verify_result result;
	uint64_t dropped = 0;

	if (engine_verify_result(session->engine, &result) != 0)
		return NULL;
	engine_account(session->engine, &account);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		dropped += account.drops[r];
	*ret_good = result.complete && result.reordered == 0 && result.duplicated == 0 &&
		result.unknown == 0 && result.lost == dropped &&
		(result.changed == 0 || engine_writes(session->engine));
	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:{s:I, s:I, s:I}}",
		"good", *ret_good, "complete", result.complete, "in", (json_int_t)result.in, "out",
		(json_int_t)result.out, "flows", (json_int_t)result.flows, "lost",
		(json_int_t)result.lost, "duplicated", (json_int_t)result.duplicated, "reordered",
		(json_int_t)result.reordered, "changed", (json_int_t)result.changed, "stages_write",
		engine_writes(session->engine), "gap_error_ns", "p50",
		(json_int_t)histogram_quantile(&result.gap_error_ns, 0.5), "p99",
		(json_int_t)histogram_quantile(&result.gap_error_ns, 0.99), "max",
		(json_int_t)result.gap_error_ns.max);
}

/* ---- text ---- */

static json_int_t sum_of(const json_t *object)
{
	json_int_t sum = 0;
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value)
		sum += json_integer_value(value);
	return sum;
}

static void print_reasons(const char *title, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value)
		printf("          %s %s: %" JSON_INTEGER_FORMAT "\n", title, name,
			json_integer_value(value));
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void print_verify(const json_t *verify)
{
	const json_t *gaps = json_object_get(verify, "gap_error_ns");

	if (!json_is_object(verify))
		return;
	printf("verify    %s: %lld flows, %lld lost, %lld duplicated, %lld reordered, %lld with "
	       "other "
	       "bytes%s%s\n          gaps kept to p50 %lld ns, p99 %lld ns, max %lld ns\n",
		json_is_true(json_object_get(verify, "good")) ? "good" : "DIFFERENT",
		(long long)number_of(verify, "flows"), (long long)number_of(verify, "lost"),
		(long long)number_of(verify, "duplicated"),
		(long long)number_of(verify, "reordered"), (long long)number_of(verify, "changed"),
		json_is_true(json_object_get(verify, "stages_write"))
			? " (stages write into packets)"
			: "",
		json_is_true(json_object_get(verify, "complete"))
			? ""
			: "; no memory to compare the rest",
		(long long)number_of(gaps, "p50"), (long long)number_of(gaps, "p99"),
		(long long)number_of(gaps, "max"));
}

static void print_text(const json_t *report)
{
	const json_t *packets = json_object_get(report, "packets");
	const json_t *rate = json_object_get(report, "rate");
	const json_t *timing = json_object_get(report, "timing_error_ns");
	double seconds = (double)json_integer_value(json_object_get(report, "duration_ns")) / 1e9;
	char pps[UNITS_TEXT_MAX], bps[UNITS_TEXT_MAX];

	printf("packets   %" JSON_INTEGER_FORMAT " read = %" JSON_INTEGER_FORMAT
	       " sent + %" JSON_INTEGER_FORMAT " skipped + %" JSON_INTEGER_FORMAT " dropped\n",
		json_integer_value(json_object_get(packets, "read")),
		json_integer_value(json_object_get(packets, "sent")),
		sum_of(json_object_get(packets, "skipped")),
		sum_of(json_object_get(packets, "dropped")));
	print_reasons("skipped,", json_object_get(packets, "skipped"));
	print_reasons("dropped,", json_object_get(packets, "dropped"));
	units_format_rate(pps, sizeof(pps), json_real_value(json_object_get(rate, "pps")), "pps");
	units_format_rate(bps, sizeof(bps), json_real_value(json_object_get(rate, "bps")), "bit/s");
	printf("rate      %s, %s for %.6g s; asked for: %s\n", pps, bps, seconds,
		json_string_value(json_object_get(rate, "requested")));
	if (!json_is_object(timing))
		return;
	printf("timing    error p50 %" JSON_INTEGER_FORMAT " ns, p99 %" JSON_INTEGER_FORMAT
	       " ns, max %" JSON_INTEGER_FORMAT " ns; %" JSON_INTEGER_FORMAT
	       " late (by over %d us); span %.6g s, scheduled %.6g s\n",
		json_integer_value(json_object_get(timing, "p50")),
		json_integer_value(json_object_get(timing, "p99")),
		json_integer_value(json_object_get(timing, "max")),
		json_integer_value(json_object_get(timing, "late")), REPLAY_LATE_NS / 1000, seconds,
		(double)json_integer_value(json_object_get(rate, "scheduled_ns")) / 1e9);
}

int replay_report(const struct session *session, bool as_json)
{
	const struct error *error = replay_error(engine_replay(session->engine, REPLAY_PORT));
	json_t *report = report_json(session);
	bool good = true;

	if (report != NULL && session->verify)
		json_object_set_new(report, "verify", verify_json(session, &good));
	if (report == NULL) {
		fprintf(stderr, "weir replay: no memory for the report\n");
		return EXIT_FAILED;
	}
	if (as_json) {
		json_dumpf(report, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		stats_summary(session->stats, stdout);
		print_text(report);
		print_verify(json_object_get(report, "verify"));
	}
	json_decref(report);
	if (error->code != 0) {
		fprintf(stderr, "weir replay: %s\n", error->message);
		return EXIT_FAILED;
	}
	return good ? EXIT_OK : EXIT_FAILED;
}
