/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf: the parts of its loops that run seldom. */
#include "perf_loop.h"

/* A datagram that is not there by then was lost. */
static const double LOST_SECONDS = 3.0;
/* So long nothing came after all was sent: the rest was lost. */
static const double QUIET_SECONDS = 0.1;
/* And so long where nothing may be lost. */
static const double STUCK_SECONDS = 10;

int perf_idle_look(struct perf_run *run, struct perf_idle *idle)
{
	const struct perf_settings *settings = &run->settings;
	uint64_t now = tsc_now();
	int ret;

	if (!idle->told && perf_exchange_waits(run->exchange)) {
		ret = perf_exchange_receive(
			run->exchange, PERF_SENT, &idle->sent, sizeof(idle->sent), run->error);
		idle->told = ret == 0;
		return ret;
	}
	if (idle->since_tsc == 0)
		idle->since_tsc = now;
	if (run->client && settings->measure == PERF_LATENCY &&
		(settings->transport == PERF_UDP || settings->connection != PERF_RC) &&
		(double)(now - idle->since_tsc) > LOST_SECONDS * run->tsc_hz)
		return error_set(run->error, ETIMEDOUT,
			"message lost: %s does not send it again, and a ping-pong ends there",
			settings->transport == PERF_WEIR
				? perf_connection_names[settings->connection]
				: "UDP");
	return 0;
}

int perf_stream_begin(struct perf_stream *stream, struct perf_run *run,
	struct perf_progress *progress, const struct perf_roles *roles)
{
	const struct perf_settings *settings = &run->settings;

	*stream = (struct perf_stream){.run = run,
		.progress = progress,
		.roles = *roles,
		.duration_tsc = (uint64_t)((double)settings->duration_ns / 1e9 * run->tsc_hz),
		.target = settings->duration_ns != 0 ? UINT64_MAX
						     : settings->iterations * settings->qps,
		.sent_all = !roles->sends,
		.received_all = !roles->receives};
	run->stamps.step = 0;
	run->stamps.count = 0;
	if (settings->peak && settings->duration_ns == 0)
		run->stamps.step = stream->target / PERF_STAMPS + 1;
	stream->start_tsc = stream->last_tsc = tsc_now();
	return 0;
}

static uint64_t since_start_ns(const struct perf_stream *stream, uint64_t tsc)
{
	return (uint64_t)((double)(tsc - stream->start_tsc) / stream->run->tsc_hz * 1e9);
}

static int sending(struct perf_stream *stream, uint64_t now)
{
	struct perf_progress *progress = stream->progress;
	struct perf_run *run = stream->run;

	if (!stream->roles.receives)
		perf_stamp(&run->stamps, progress->completed, now);
	if (stream->duration_tsc != 0 && now - stream->start_tsc >= stream->duration_tsc)
		stream->target = 0; /* what was started is brought to an end */
	if (progress->completed != progress->started || progress->completed < stream->target)
		return 0;
	stream->sent_all = true;
	run->flow.sent = progress->completed;
	run->flow.sent_ns = since_start_ns(stream, now);
	return perf_exchange_send(
		run->exchange, PERF_SENT, &run->flow.sent, sizeof(run->flow.sent), run->error);
}

static int receiving(struct perf_stream *stream, uint64_t now)
{
	const struct perf_settings *settings = &stream->run->settings;
	struct perf_flow *flow = &stream->run->flow;
	uint64_t received = stream->progress->received;
	double seconds = (double)(now - stream->last_tsc) / stream->run->tsc_hz;

	if (received != flow->received) {
		flow->received = received;
		flow->received_ns = since_start_ns(stream, now);
		perf_stamp(&stream->run->stamps, received, now);
	}
	if (settings->duration_ns == 0 && received >= settings->iterations * settings->qps)
		stream->received_all = true;
	else if (stream->idle.told)
		stream->received_all = received >= stream->idle.sent ||
			(stream->roles.lossy && seconds > QUIET_SECONDS);
	if (stream->idle.told && !stream->received_all && seconds > STUCK_SECONDS)
		return error_set(stream->run->error, ETIMEDOUT, "of %llu messages %llu never came",
			(unsigned long long)stream->idle.sent,
			(unsigned long long)(stream->idle.sent - received));
	return 0;
}

int perf_stream_turn(struct perf_stream *stream, bool moved)
{
	uint64_t now = tsc_now();
	int ret = 0;

	if (moved)
		stream->last_tsc = now;
	if (!stream->sent_all)
		ret = sending(stream, now);
	if (ret == 0 && !stream->received_all)
		ret = receiving(stream, now);
	if (ret == 0 && !moved)
		ret = perf_idle(stream->run, &stream->idle);
	return ret;
}

int perf_stream_end(struct perf_stream *stream)
{
	struct perf_run *run = stream->run;

	run->flow.peak = perf_peak(&run->stamps, &run->settings, run->tsc_hz);
	if (!stream->roles.peer_sends || stream->idle.told)
		return 0;
	return perf_exchange_receive(run->exchange, PERF_SENT, &stream->idle.sent,
		sizeof(stream->idle.sent), run->error);
}
