/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir perf: what its files share. A measurement is one or several runs; in each the client says
 * what is measured, both sides open an endpoint of the transport, tell each other where it is,
 * connect and go.
 *
 *   perf.c            the command: who is client and who is server
 *   perf_options.c    the command line
 *   perf_exchange.c   the connection on which both sides agree
 *   perf_settings.c   which runs there are
 *   perf_pair.c       one run, seen from either side; both sides in one command
 *   perf_loop.h       ping-pong and stream, written once and compiled into each transport
 *   perf_socket.c     TCP, UDP, UNIX
 *   perf_weir*.c      the verbs
 *   perf_raw.c        packets of a port
 *   perf_result.c     samples to numbers
 *   perf_report.c     numbers to tables, CSV and JSON
 */
#ifndef WEIR_APP_PERF_H
#define WEIR_APP_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/histogram.h"

enum perf_measure { PERF_LATENCY, PERF_BANDWIDTH };

enum perf_verb { PERF_SEND, PERF_WRITE, PERF_READ, PERF_ATOMIC, PERF_RAW, PERF_VERBS };

enum perf_transport { PERF_WEIR, PERF_UNIX, PERF_TCP, PERF_TCP_NODELAY, PERF_UDP, PERF_TRANSPORTS };

enum perf_connection { PERF_RC, PERF_UC, PERF_UD, PERF_CONNECTIONS };

extern const char *const perf_measure_names[],
	*const perf_verb_names[], *const perf_transport_names[], *const perf_connection_names[];

/* One run. Travels to the server as it stands: both are the same version, which is checked. */
struct perf_settings {
	uint32_t measure, verb, transport, connection; /* enum perf_... */
	uint64_t bytes; /* of a message */
	uint64_t iterations; /* messages; of each queue pair */
	uint64_t duration_ns; /* instead of iterations; 0: none */
	uint64_t rate_per_second; /* messages fall due so often; 0: as soon as the last is back */
	uint32_t qps, tx_depth, rx_depth, post_list, cq_mod;
	uint32_t inline_bytes; /* messages up to so many are sent inline; PERF_INLINE_DEFAULT */
	uint8_t bidirectional, peak, events, verify, compare_swap, reserved[3];
};

enum { PERF_INLINE_DEFAULT = UINT32_MAX, PERF_WARM_UP = 100 };

enum { PERF_QPS_MAX = 1024, PERF_DEPTH_MAX = 16384, PERF_LIST_MAX = 1024 };

#define PERF_BYTES_MAX (1ull << 30)

/* Samples of latency, in cycles, of whole round trips: each of them, or a histogram where they are
 * too many. Writer: the client. */
struct perf_samples {
	uint64_t *values; /* NULL: histogram */
	uint64_t count, room;
	struct histogram *histogram;
	double sum, square_sum;
	uint64_t min;
};

int perf_samples_init(struct perf_samples *samples, const struct perf_settings *settings);
void perf_samples_fini(struct perf_samples *samples);

static inline void perf_samples_add(struct perf_samples *samples, uint64_t cycles)
{
	if (samples->values != NULL) {
		if (samples->count < samples->room)
			samples->values[samples->count++] = cycles;
		return;
	}
	samples->count++;
	samples->sum += (double)cycles;
	samples->square_sum += (double)cycles * (double)cycles;
	if (cycles < samples->min)
		samples->min = cycles;
	histogram_record(samples->histogram, cycles, 1);
}

/* When messages had been completed: at most PERF_STAMPS + 1 points of a run, for its peak. */
enum { PERF_STAMPS = 1000 };

struct perf_stamps {
	uint64_t step; /* messages between two points; 0: none are kept */
	uint32_t count;
	struct {
		uint64_t messages, tsc;
	} at[PERF_STAMPS + 1];
};

static inline void perf_stamp(struct perf_stamps *stamps, uint64_t messages, uint64_t tsc)
{
	uint32_t count = stamps->count;

	if (stamps->step == 0 || count > PERF_STAMPS ||
		(count > 0 && messages < stamps->at[count - 1].messages + stamps->step))
		return;
	stamps->at[count].messages = messages;
	stamps->at[count].tsc = tsc;
	stamps->count++;
}

/* What one side saw of a stream. */
struct perf_flow {
	uint64_t sent, received; /* messages */
	uint64_t sent_ns, received_ns; /* from the start to the last of them */
	double peak; /* messages a second: received, else sent; 0: not looked for */
};

/* One run, on one side. */
struct perf_run {
	struct perf_settings settings;
	bool client;
	int exchange; /* the connection to the other side */
	double tsc_hz;
	struct perf_samples samples; /* client, latency */
	struct perf_stamps stamps;
	struct perf_flow flow, peer_flow; /* bandwidth */
	struct error *error;
};

/* Where an endpoint can be reached; shown to the other side. */
enum { PERF_PLACE_MAX = 4160 };

struct perf_place {
	uint32_t length;
	uint8_t bytes[PERF_PLACE_MAX];
};

/* An endpoint of a way begins with it: what a stream has done so far, in messages. */
struct perf_progress {
	uint64_t started, completed, received;
};

/* A way to move messages. Each returns 0 or -errno, with run->error said. */
struct perf_way {
	void *(*open)(struct perf_run *run, struct perf_place *ret_place);
	int (*connect)(void *endpoint, const struct perf_place *peer);
	int (*latency)(void *endpoint);
	int (*bandwidth)(void *endpoint);
	void (*close)(void *endpoint);
};

extern const struct perf_way perf_socket_way, perf_weir_way;

/* ---- results ---- */

enum { PERF_POINTS = 8 };
extern const double perf_points[PERF_POINTS]; /* per cent */

struct perf_latency {
	uint64_t count;
	bool exact;
	double min, max, typical, average, deviation; /* us; typical: the median */
	double at[PERF_POINTS]; /* by perf_points */
};

struct perf_bandwidth {
	uint64_t count; /* messages that arrived, both directions together */
	uint64_t lost;
	double peak, average; /* MiB/s; peak 0: not looked for */
	double rate; /* million messages a second */
};

struct perf_result {
	struct perf_settings settings;
	char missing[256]; /* why there is none; else empty */
	struct perf_latency latency;
	struct perf_bandwidth bandwidth;
	struct perf_samples samples; /* kept for --report-histogram */
};

/* Sends and writes are shown as half of the round trip; who reads or adds has the whole one. */
static inline double perf_trips(const struct perf_settings *settings)
{
	return settings->verb == PERF_SEND || settings->verb == PERF_WRITE ? 2.0 : 1.0;
}

/* Sorts the samples, unless `keep_order`. */
int perf_latency_result(const struct perf_samples *samples, const struct perf_settings *settings,
	double tsc_hz, struct perf_latency *ret_latency);
/* Of the fastest tenth of what was stamped, in messages a second. */
double perf_peak(
	const struct perf_stamps *stamps, const struct perf_settings *settings, double tsc_hz);
void perf_bandwidth_result(const struct perf_run *run, struct perf_bandwidth *ret_bandwidth);

#endif
