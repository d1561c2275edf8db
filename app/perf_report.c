/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir perf: tables in perftest's columns, with weir's own to their right; several transports side
 * by side in a narrower one. CSV and JSON have everything.
 */
#include "perf_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct perf_report {
	const struct perf_options *options;
	FILE *out;
	json_t *rows;
	double first; /* of this size: weir's latency, or bandwidth; 0: there is none */
	uint64_t bytes; /* which size that is */
	bool titled;
};

static const char LINE[] =
	"-----------------------------------------------------------------------------------------";

static bool is_latency(const struct perf_report *report)
{
	return report->options->settings.measure == PERF_LATENCY;
}

/* How many times weir's: of what is better small, or large. 0: not known. */
static double ratio(struct perf_report *report, const struct perf_result *result)
{
	double value = is_latency(report) ? result->latency.typical : result->bandwidth.average;

	if (result->settings.transport == PERF_WEIR) {
		report->first = value;
		report->bytes = result->settings.bytes;
	}
	if (report->first <= 0 || value <= 0 || report->bytes != result->settings.bytes)
		return 0;
	return is_latency(report) ? value / report->first : report->first / value;
}

/* ---- the table ---- */

static void table_settings(struct perf_report *report)
{
	static const char *const titles[] = {"Send", "RDMA_Write", "RDMA_Read", "Atomic", "Raw"};
	const struct perf_settings *settings = &report->options->settings;
	FILE *out = report->out;

	fprintf(out, "%s\n", LINE);
	fprintf(out, "                    %s %s%s Test\n", titles[settings->verb],
		settings->bidirectional ? "Bidirectional " : "",
		is_latency(report) ? "Latency" : "BW");
	fprintf(out, " Transport       : %-12s Connection type : %s\n",
		report->options->compare ? "all" : perf_transport_names[settings->transport],
		perf_connection_names[settings->connection]);
	fprintf(out, " Number of qps   : %-12u TX depth        : %u\n", settings->qps,
		is_latency(report) && settings->rate_per_second == 0 ? 1 : settings->tx_depth);
	fprintf(out, " Completion      : %-12s RX depth        : %u\n",
		settings->events ? "events" : "polling", settings->rx_depth);
	if (settings->rate_per_second != 0)
		fprintf(out, " Schedule        : %" PRIu64 " messages/s, from when each was due\n",
			settings->rate_per_second);
	if (settings->verify)
		fprintf(out, " Verified        : every message\n");
	fprintf(out, "%s\n", LINE);
}

static void table_title(struct perf_report *report)
{
	FILE *out = report->out;
	const struct perf_settings *settings = &report->options->settings;

	table_settings(report);
	if (report->options->compare && is_latency(report))
		fprintf(out, " %-12s %-9s %9s %9s %9s %9s %9s %9s %9s %8s   [usec, %s]\n",
			"transport", "#bytes", "t_min", "t_typical", "t_avg", "99%", "99.9%",
			"99.99%", "t_max", "x weir",
			perf_trips(settings) > 1 ? "half the round trip" : "round trip");
	else if (report->options->compare)
		fprintf(out, " %-12s %-9s %11s %16s %19s %16s %8s\n", "transport", "#bytes",
			"#iterations", "BW peak[MB/sec]", "BW average[MB/sec]", "MsgRate[Mpps]",
			"weir x");
	else if (is_latency(report))
		fprintf(out,
			" #bytes     #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    "
			"t_avg[usec]    t_stdev[usec]   99%% percentile[usec]   99.9%% "
			"percentile[usec]   99.99%% percentile[usec]\n");
	else
		fprintf(out,
			" #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   "
			"MsgRate[Mpps]\n");
}

static void table_ratio(FILE *out, double times)
{
	if (times > 0)
		fprintf(out, " %8.2f", times);
	fputc('\n', out);
}

static void table_compared(struct perf_report *report, const struct perf_result *result)
{
	const struct perf_latency *latency = &result->latency;
	const struct perf_bandwidth *bandwidth = &result->bandwidth;
	FILE *out = report->out;

	fprintf(out, " %-12s %-9" PRIu64, perf_transport_names[result->settings.transport],
		result->settings.bytes);
	if (result->missing[0] != '\0') {
		fprintf(out, " not measured: %s\n", result->missing);
		return;
	}
	if (is_latency(report))
		fprintf(out, " %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f", latency->min,
			latency->typical, latency->average, latency->at[4], latency->at[5],
			latency->at[6], latency->max);
	else
		fprintf(out, " %11" PRIu64 " %16.2f %19.2f %16.6f", bandwidth->count,
			bandwidth->peak, bandwidth->average, bandwidth->rate);
	table_ratio(out, ratio(report, result));
}

static void table_row(struct perf_report *report, const struct perf_result *result)
{
	const struct perf_latency *latency = &result->latency;
	const struct perf_bandwidth *bandwidth = &result->bandwidth;
	FILE *out = report->out;

	if (result->missing[0] != '\0') {
		fprintf(out, " %-10" PRIu64 " not measured: %s\n", result->settings.bytes,
			result->missing);
		return;
	}
	if (is_latency(report))
		fprintf(out,
			" %-10" PRIu64 " %-14" PRIu64
			" %-14.3f %-13.3f %-18.3f %-14.3f %-15.3f %-22.3f %-24.3f %.3f\n",
			result->settings.bytes, latency->count, latency->min, latency->max,
			latency->typical, latency->average, latency->deviation, latency->at[4],
			latency->at[5], latency->at[6]);
	else
		fprintf(out, " %-10" PRIu64 " %-14" PRIu64 " %-18.2f %-20.2f %.6f\n",
			result->settings.bytes, bandwidth->count, bandwidth->peak,
			bandwidth->average, bandwidth->rate);
	if (!is_latency(report) && bandwidth->lost > 0)
		fprintf(out, "            %" PRIu64 " messages were lost\n", bandwidth->lost);
}

/* ---- CSV ---- */

static void csv_title(struct perf_report *report)
{
	if (is_latency(report))
		fprintf(report->out,
			"transport,bytes,iterations,min_us,max_us,typical_us,avg_us,stdev_us,"
			"p99_us,p99.9_us,p99.99_us,times_weir,not_measured\n");
	else
		fprintf(report->out,
			"transport,bytes,iterations,peak_MiB_s,avg_MiB_s,rate_Mpps,"
			"lost,weir_times,not_measured\n");
}

static void csv_quoted(FILE *out, const char *text)
{
	if (*text == '\0')
		return;
	fputc('"', out);
	for (; *text != '\0'; text++)
		fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
	fputc('"', out);
}

static void csv_row(struct perf_report *report, const struct perf_result *result)
{
	const struct perf_latency *latency = &result->latency;
	const struct perf_bandwidth *bandwidth = &result->bandwidth;
	double times = result->missing[0] == '\0' ? ratio(report, result) : 0;
	FILE *out = report->out;

	fprintf(out, "%s,%" PRIu64 ",", perf_transport_names[result->settings.transport],
		result->settings.bytes);
	if (result->missing[0] != '\0')
		fputs(is_latency(report) ? ",,,,,,,," : ",,,,", out);
	else if (is_latency(report))
		fprintf(out, "%" PRIu64 ",%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f", latency->count,
			latency->min, latency->max, latency->typical, latency->average,
			latency->deviation, latency->at[4], latency->at[5], latency->at[6]);
	else
		fprintf(out, "%" PRIu64 ",%.3f,%.3f,%.6f,%" PRIu64, bandwidth->count,
			bandwidth->peak, bandwidth->average, bandwidth->rate, bandwidth->lost);
	fputc(',', out);
	if (times > 0)
		fprintf(out, "%.3f", times);
	fputc(',', out);
	csv_quoted(out, result->missing);
	fputc('\n', out);
}

/* ---- JSON ---- */

static json_t *settings_json(const struct perf_settings *settings)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, "
				   "s:b, s:b}",
		"measure", perf_measure_names[settings->measure], "verb",
		perf_verb_names[settings->verb], "connection",
		perf_connection_names[settings->connection], "iterations",
		(json_int_t)settings->iterations, "duration_ns", (json_int_t)settings->duration_ns,
		"rate_per_second", (json_int_t)settings->rate_per_second, "qps",
		(json_int_t)settings->qps, "tx_depth", (json_int_t)settings->tx_depth, "rx_depth",
		(json_int_t)settings->rx_depth, "post_list", (json_int_t)settings->post_list,
		"cq_mod", (json_int_t)settings->cq_mod, "bidirectional", settings->bidirectional,
		"events", settings->events, "verify", settings->verify);

	if (settings->inline_bytes != PERF_INLINE_DEFAULT)
		json_object_set_new(object, "inline_bytes", json_integer(settings->inline_bytes));
	return object;
}

static json_t *latency_object(const struct perf_latency *latency)
{
	json_t *percentiles = json_object();
	char name[16];

	for (int i = 0; i < PERF_POINTS; i++) {
		snprintf(name, sizeof(name), "%g", perf_points[i]);
		json_object_set_new(percentiles, name, json_real(latency->at[i]));
	}
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:b, s:o}", "min", latency->min, "max",
		latency->max, "typical", latency->typical, "avg", latency->average, "stdev",
		latency->deviation, "exact", latency->exact, "percentiles", percentiles);
}

/* Of exact samples all of them, in us; else the histogram's, as [us, count]. */
static json_t *samples_json(const struct perf_result *result, double us)
{
	const struct perf_samples *samples = &result->samples;
	json_t *list = json_array();

	for (uint64_t i = 0; samples->values != NULL && i < samples->count; i++)
		json_array_append_new(list, json_real((double)samples->values[i] * us));
	for (unsigned i = 0; samples->histogram != NULL && i < HISTOGRAM_BUCKETS; i++)
		if (samples->histogram->buckets[i] != 0)
			json_array_append_new(list,
				json_pack("[f, I]", (double)histogram_bucket_floor(i) * us,
					(json_int_t)samples->histogram->buckets[i]));
	return list;
}

static void json_row(struct perf_report *report, const struct perf_result *result, double us)
{
	const struct perf_bandwidth *bandwidth = &result->bandwidth;
	json_t *row = json_pack("{s:s, s:I}", "transport",
		perf_transport_names[result->settings.transport], "bytes",
		(json_int_t)result->settings.bytes);
	double times;

	json_array_append_new(report->rows, row);
	if (result->missing[0] != '\0') {
		json_object_set_new(row, "not_measured", json_string(result->missing));
		return;
	}
	json_object_set_new(row, "iterations",
		json_integer((json_int_t)(is_latency(report) ? result->latency.count
							     : bandwidth->count)));
	times = ratio(report, result);
	if (report->options->compare && times > 0)
		json_object_set_new(
			row, is_latency(report) ? "times_weir" : "weir_times", json_real(times));
	if (is_latency(report))
		json_object_set_new(row, "latency_us", latency_object(&result->latency));
	else
		json_object_set_new(row, "bandwidth",
			json_pack("{s:f, s:f, s:f, s:I}", "peak_mib_per_second", bandwidth->peak,
				"average_mib_per_second", bandwidth->average,
				"million_messages_per_second", bandwidth->rate, "lost",
				(json_int_t)bandwidth->lost));
	if (is_latency(report) && report->options->histogram)
		json_object_set_new(row, "samples", samples_json(result, us));
}

/* ---- all results ---- */

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void list_samples(struct perf_report *report, const struct perf_result *result, double us)
{
	const struct perf_samples *samples = &result->samples;
	FILE *out = report->out;

	fprintf(out, "#, %s\n", samples->values != NULL ? "usec" : "usec, count");
	for (uint64_t i = 0; samples->values != NULL && i < samples->count; i++)
		fprintf(out, "%" PRIu64 ", %.4f\n", i + 1, (double)samples->values[i] * us);
	for (unsigned i = 0, number = 1; samples->histogram != NULL && i < HISTOGRAM_BUCKETS; i++)
		if (samples->histogram->buckets[i] != 0)
			fprintf(out, "%u, %.4f, %" PRIu64 "\n", number++,
				(double)histogram_bucket_floor(i) * us,
				samples->histogram->buckets[i]);
}

/* ---- the report ---- */

struct perf_report *perf_report_begin(const struct perf_options *options, FILE *out)
{
	struct perf_report *report = calloc(1, sizeof(*report));

	if (report == NULL)
		return NULL;
	report->options = options;
	report->out = out;
	report->rows = json_array();
	return report;
}

void perf_report_row(struct perf_report *report, const struct perf_result *result, double tsc_hz)
{
	const struct perf_options *options = report->options;
	double us = 1e6 / tsc_hz / perf_trips(&result->settings);

	if (options->histogram && !options->unsorted && result->samples.values != NULL)
		qsort(result->samples.values, result->samples.count,
			sizeof(*result->samples.values), compare_values);
	if (options->format == PERF_JSON) {
		json_row(report, result, us);
		return;
	}
	if (!report->titled) {
		report->titled = true;
		(options->format == PERF_CSV ? csv_title : table_title)(report);
	}
	if (options->format == PERF_CSV)
		csv_row(report, result);
	else
		(options->compare ? table_compared : table_row)(report, result);
	if (options->histogram && result->missing[0] == '\0')
		list_samples(report, result, us);
	fflush(report->out);
}

void perf_report_end(struct perf_report *report)
{
	json_t *object;

	if (report->options->format == PERF_JSON) {
		object = json_pack("{s:s, s:o, s:O}", "version", WEIR_VERSION, "settings",
			settings_json(&report->options->settings), "rows", report->rows);
		json_dumpf(object, report->out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		fputc('\n', report->out);
		json_decref(object);
	} else if (report->options->format == PERF_TABLE && report->titled) {
		fprintf(report->out, "%s\n", LINE);
	}
	json_decref(report->rows);
	free(report);
}
