/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf: samples and stamps become the numbers of a row. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perf.h"

const char *const perf_measure_names[] = {"lat", "bw"},
		  *const perf_verb_names[] = {"send", "write", "read", "atomic", "raw"},
		  *const perf_transport_names[] = {"weir", "unix", "tcp", "tcp-nodelay", "udp"},
		  *const perf_connection_names[] = {"RC", "UC", "UD"};

const double perf_points[PERF_POINTS] = {50, 75, 90, 95, 99, 99.9, 99.99, 99.999};

/* 128 MB of samples are exact; a longer run goes into a histogram. */
enum { SAMPLES_MAX = 1 << 24 };

int perf_samples_init(struct perf_samples *samples, const struct perf_settings *settings)
{
	size_t bytes = settings->iterations * sizeof(*samples->values);

	*samples = (struct perf_samples){.min = UINT64_MAX};
	if (settings->duration_ns != 0 || settings->iterations > SAMPLES_MAX) {
		samples->histogram = calloc(1, sizeof(*samples->histogram));
		return samples->histogram != NULL ? 0 : -ENOMEM;
	}
	samples->values = malloc(bytes);
	if (samples->values == NULL)
		return -ENOMEM;
	memset(samples->values, 1, bytes); /* no page fault while it is measured */
	samples->room = settings->iterations;
	return 0;
}

void perf_samples_fini(struct perf_samples *samples)
{
	free(samples->values);
	free(samples->histogram);
	*samples = (struct perf_samples){.min = UINT64_MAX};
}

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* The smallest value that `percent` of all are not above. */
static uint64_t exact_at(const uint64_t *sorted, uint64_t count, double percent)
{
	/* 99.9 % of 1000 are 999 of them, whatever the last bits of the product say. */
	uint64_t rank = (uint64_t)ceil((double)count * percent / 100 - 1e-6);

	return sorted[rank > 0 ? rank - 1 : 0];
}

static void from_values(uint64_t *sorted, uint64_t count, double us, struct perf_latency *latency)
{
	double sum = 0, squares = 0;

	for (uint64_t i = 0; i < count; i++)
		sum += (double)sorted[i];
	latency->average = sum / (double)count;
	for (uint64_t i = 0; i < count; i++)
		squares += ((double)sorted[i] - latency->average) *
			((double)sorted[i] - latency->average);
	latency->deviation = sqrt(squares / (double)count) * us;
	latency->average *= us;
	latency->min = (double)sorted[0] * us;
	latency->max = (double)sorted[count - 1] * us;
	for (int i = 0; i < PERF_POINTS; i++)
		latency->at[i] = (double)exact_at(sorted, count, perf_points[i]) * us;
}

static void from_histogram(
	const struct perf_samples *samples, double us, struct perf_latency *latency)
{
	double count = (double)samples->count, mean = samples->sum / count;
	double variance = samples->square_sum / count - mean * mean;

	latency->average = mean * us;
	latency->deviation = variance > 0 ? sqrt(variance) * us : 0;
	latency->min = (double)samples->min * us;
	latency->max = (double)samples->histogram->max * us;
	for (int i = 0; i < PERF_POINTS; i++)
		latency->at[i] =
			(double)histogram_quantile(samples->histogram, perf_points[i] / 100) * us;
}

int perf_latency_result(const struct perf_samples *samples, const struct perf_settings *settings,
	double tsc_hz, struct perf_latency *ret_latency)
{
	double us = 1e6 / tsc_hz / perf_trips(settings);
	uint64_t *sorted;

	*ret_latency =
		(struct perf_latency){.count = samples->count, .exact = samples->values != NULL};
	if (samples->count == 0)
		return -ENODATA;
	if (samples->values == NULL) {
		from_histogram(samples, us, ret_latency);
	} else {
		sorted = malloc(samples->count * sizeof(*sorted));
		if (sorted == NULL)
			return -ENOMEM;
		memcpy(sorted, samples->values, samples->count * sizeof(*sorted));
		qsort(sorted, samples->count, sizeof(*sorted), compare_values);
		from_values(sorted, samples->count, us, ret_latency);
		free(sorted);
	}
	ret_latency->typical = ret_latency->at[0];
	return 0;
}

/* ---- bandwidth ---- */

/* Of the fastest stretch of `window` messages or a little more, in messages a cycle. */
static double fastest(const struct perf_stamps *stamps, uint64_t window)
{
	double best = 0;
	uint32_t first = 0;

	for (uint32_t last = 1; last < stamps->count; last++) {
		/* The shortest stretch that ends here and is long enough. */
		while (first + 1 < last &&
			stamps->at[last].messages - stamps->at[first + 1].messages >= window)
			first++;
		uint64_t messages = stamps->at[last].messages - stamps->at[first].messages;
		uint64_t cycles = stamps->at[last].tsc - stamps->at[first].tsc;

		if (messages >= window && cycles > 0 && (double)messages / (double)cycles > best)
			best = (double)messages / (double)cycles;
	}
	return best;
}

double perf_peak(
	const struct perf_stamps *stamps, const struct perf_settings *settings, double tsc_hz)
{
	uint64_t tenth = settings->iterations * settings->qps / 10;
	uint64_t deep = 4ull * settings->tx_depth * settings->qps;

	/* Long enough that the depth of the queues does not show. */
	return fastest(stamps, tenth > deep ? tenth : deep) * tsc_hz;
}

static double seconds_of(uint64_t one_ns, uint64_t other_ns)
{
	return (double)(one_ns > other_ns ? one_ns : other_ns) / 1e9;
}

void perf_bandwidth_result(const struct perf_run *run, struct perf_bandwidth *ret_bandwidth)
{
	const struct perf_settings *settings = &run->settings;
	const struct perf_flow *here = &run->flow, *there = &run->peer_flow;
	bool two_sided = here->received + there->received > 0;
	uint64_t sent = here->sent + there->sent;
	uint64_t arrived = two_sided ? here->received + there->received : sent;
	double seconds, mib = (double)settings->bytes / (1 << 20), peak = 0;

	/* The later end: of who sent, and of who received it. */
	seconds = seconds_of(here->sent_ns, here->received_ns);
	seconds = fmax(seconds, seconds_of(there->sent_ns, there->received_ns));
	*ret_bandwidth = (struct perf_bandwidth){.count = arrived, .lost = sent - arrived};
	if (seconds <= 0)
		return;
	ret_bandwidth->average = (double)arrived * mib / seconds;
	ret_bandwidth->rate = (double)arrived / seconds / 1e6;
	/* What was sent and not received yet is not there: only receivers have a say, if any. */
	peak += !two_sided || here->received > 0 ? here->peak : 0;
	peak += !two_sided || there->received > 0 ? there->peak : 0;
	if (peak > 0)
		ret_bandwidth->peak = fmax(peak * mib, ret_bandwidth->average);
}
