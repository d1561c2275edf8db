/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf raw: packets of a port through a raw-packet queue pair. */
#include "perf_raw.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "perf_pair.h"
#include "verbs/weir.h"

/* Looking at the clock takes as long as looking for packets: with none, not each time. */
enum { BURST = 64, QUEUE_DEPTH = 1024, POLLS_A_LOOK = 256 };

struct raw {
	const struct perf_options *options;
	struct weir_device *device;
	struct weir_pd *pd;
	struct weir_cq *cq;
	struct weir_qp *qp;
	struct weir_flow *flow;
	struct perf_samples samples; /* lat: ns from arrival to reception */
	uint64_t packets, bytes, super_packets, echoed, not_echoed;
	uint64_t elapsed_ns; /* from the first packet to the last */
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static int fail(struct error *error, const char *what)
{
	return error_set(error, errno != 0 ? errno : EIO, "%s: %s", what, weir_error_text());
}

static int raw_open(struct raw *raw, struct error *error)
{
	struct weir_qp_init_attr attributes = {
		.cap = {.max_send_wr = QUEUE_DEPTH,
			.max_recv_wr = QUEUE_DEPTH,
			.max_send_sge = 1,
			.max_recv_sge = 1},
		.qp_type = WEIR_QPT_RAW_PACKET,
	};
	const struct weir_flow_attr flow = {.port = raw->options->raw_port};

	raw->device = weir_open(NULL);
	if (raw->device == NULL)
		return fail(error,
			"no engine; `weir run` starts one, with \"verbs\" in its configuration");
	raw->pd = weir_alloc_pd(raw->device);
	if (raw->pd == NULL)
		return fail(error, "protection domain");
	raw->cq = weir_create_cq(raw->device, 1, NULL, NULL);
	if (raw->cq == NULL)
		return fail(error, "completion queue");
	attributes.send_cq = attributes.recv_cq = raw->cq;
	raw->qp = weir_create_qp(raw->pd, &attributes);
	if (raw->qp == NULL)
		return fail(error, "raw-packet queue pair");
	raw->flow = weir_create_flow(raw->qp, &flow);
	if (raw->flow == NULL)
		return fail(error, "flow");
	return 0;
}

static void raw_close(struct raw *raw)
{
	if (raw->flow != NULL)
		weir_destroy_flow(raw->flow);
	if (raw->qp != NULL)
		weir_destroy_qp(raw->qp);
	if (raw->cq != NULL)
		weir_destroy_cq(raw->cq);
	if (raw->pd != NULL)
		weir_dealloc_pd(raw->pd);
	if (raw->device != NULL)
		weir_close(raw->device);
}

static void take(struct raw *raw, const struct weir_packet *parts, int count)
{
	bool begins = true, aged = raw->options->settings.measure == PERF_LATENCY;
	uint64_t now_ns = aged ? clock_monotonic_ns() : 0;

	for (int i = 0; i < count; i++) {
		raw->bytes += parts[i].length;
		if (begins) {
			raw->packets++;
			raw->super_packets += parts[i].mss != 0;
			if (aged)
				perf_samples_add(&raw->samples,
					now_ns > parts[i].arrived_ns ? now_ns - parts[i].arrived_ns
								     : 0);
			if (raw->options->echo && weir_forward(raw->qp, &parts[i]) == 0)
				raw->echoed++;
			else if (raw->options->echo)
				raw->not_echoed++;
		}
		begins = (parts[i].flags & WEIR_PACKET_MORE) == 0;
	}
}

static bool is_over(const struct perf_settings *settings, uint64_t start_ns)
{
	return start_ns != 0 && settings->duration_ns != 0 &&
		clock_monotonic_ns() - start_ns >= settings->duration_ns;
}

static int receive_all(struct raw *raw, struct error *error)
{
	const struct perf_settings *settings = &raw->options->settings;
	struct weir_packet parts[BURST];
	uint64_t start_ns = 0, now_ns;
	unsigned empty = 0;
	int count;

	while (!stopped) {
		count = weir_receive(raw->qp, parts, BURST);
		if (count < 0)
			return fail(error, "receive");
		if (count == 0) {
			if (settings->events)
				weir_packet_wait(raw->qp, 100);
			if ((settings->events || ++empty % POLLS_A_LOOK == 0) &&
				is_over(settings, start_ns))
				break;
			continue;
		}
		if (start_ns == 0)
			start_ns = clock_monotonic_ns();
		take(raw, parts, count);
		if (raw->options->echo)
			weir_flush(raw->qp);
		weir_release(raw->qp, count);
		now_ns = clock_monotonic_ns();
		raw->elapsed_ns = now_ns - start_ns;
		if (settings->duration_ns != 0 ? raw->elapsed_ns >= settings->duration_ns
					       : raw->packets >= settings->iterations)
			break;
	}
	return 0;
}

/* ---- what is shown ---- */

static void print_json(
	const struct raw *raw, double rate, double bits, const struct perf_latency *latency)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I}",
		"version", WEIR_VERSION, "port", raw->options->raw_port, "mode",
		weir_packet_mode(raw->qp), "packets", (json_int_t)raw->packets, "bytes",
		(json_int_t)raw->bytes, "super_packets", (json_int_t)raw->super_packets,
		"elapsed_ns", (json_int_t)raw->elapsed_ns, "packets_per_second", rate,
		"bits_per_second", bits, "echoed", (json_int_t)raw->echoed, "not_echoed",
		(json_int_t)raw->not_echoed);

	if (raw->options->settings.measure == PERF_LATENCY)
		json_object_set_new(object, "age_us",
			json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "min", latency->min, "max",
				latency->max, "typical", latency->typical, "avg", latency->average,
				"99", latency->at[4], "99.9", latency->at[5], "99.99",
				latency->at[6]));
	json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fputc('\n', stdout);
	json_decref(object);
}

static void print_text(
	const struct raw *raw, double rate, double bits, const struct perf_latency *latency)
{
	bool csv = raw->options->format == PERF_CSV;

	if (raw->options->settings.measure == PERF_LATENCY) {
		printf(csv ? "packets,min_us,max_us,typical_us,avg_us,stdev_us,p99_us,p99.9_us,p99."
			     "99_us\n"
			     "%" PRIu64 ",%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f\n"
			   : " #packets      t_min[usec]    t_max[usec]    t_typical[usec] "
			     "t_avg[usec]  "
			     "  t_stdev[usec]  99%%[usec]     99.9%%[usec]   99.99%%[usec]\n"
			     " %-13" PRIu64
			     " %-14.3f %-14.3f %-15.3f %-14.3f %-14.3f %-14.3f %-14.3f "
			     "%.3f\n",
			latency->count, latency->min, latency->max, latency->typical,
			latency->average, latency->deviation, latency->at[4], latency->at[5],
			latency->at[6]);
		return;
	}
	printf(csv ? "packets,bytes_each,super_packets,mode,MiB_s,Gbit_s,rate_Mpps\n"
		     "%" PRIu64 ",%.1f,%" PRIu64 ",%s,%.2f,%.3f,%.6f\n"
		   : " #packets      #bytes each    super-packets  mode         BW average[MB/sec] "
		     "  "
		     "Gbit/s     MsgRate[Mpps]\n"
		     " %-13" PRIu64 " %-14.1f %-14" PRIu64 " %-12s %-20.2f %-10.3f %.6f\n",
		raw->packets, (double)raw->bytes / (double)raw->packets, raw->super_packets,
		weir_packet_mode(raw->qp), bits / 8 / (1 << 20), bits / 1e9, rate / 1e6);
}

static int show(const struct raw *raw, struct error *error)
{
	const struct perf_settings *settings = &raw->options->settings;
	double seconds = (double)raw->elapsed_ns / 1e9;
	struct perf_latency latency = {0};
	double rate = 0, bits = 0;

	if (raw->packets == 0)
		return error_set(
			error, ENODATA, "no packet of port \"%s\" came", raw->options->raw_port);
	if (raw->elapsed_ns > 0) {
		rate = (double)raw->packets / seconds;
		bits = (double)raw->bytes * 8 / seconds;
	}
	/* Ages are nanoseconds, and of one way. */
	if (settings->measure == PERF_LATENCY &&
		perf_latency_result(&raw->samples, settings, 1e9, &latency) != 0)
		return error_set(error, ENOMEM, "no memory for the result");
	(raw->options->format == PERF_JSON ? print_json : print_text)(raw, rate, bits, &latency);
	return 0;
}

int perf_raw(const struct perf_options *options)
{
	struct raw raw = {.options = options};
	struct error error = {0};
	int ret = perf_pin(options->cpus[0], &error);

	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	if (ret == 0 && perf_samples_init(&raw.samples, &options->settings) != 0)
		ret = error_set(&error, ENOMEM, "no memory for the samples");
	if (ret == 0)
		ret = raw_open(&raw, &error);
	if (ret == 0)
		ret = receive_all(&raw, &error);
	if (ret == 0)
		ret = show(&raw, &error);
	raw_close(&raw);
	perf_samples_fini(&raw.samples);
	if (ret == 0)
		return EXIT_OK;
	fprintf(stderr, "weir perf: %s\n", error.message);
	return EXIT_FAILED;
}
