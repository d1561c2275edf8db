/* SPDX-License-Identifier: BSD-3-Clause */
/* Which settings make a run: what a transport does not have, and what a client may ask for. */
#include <errno.h>

#include "perf_pair.h"

enum { DATAGRAM_MAX = 65507, UD_MAX = 4096 };

const char *perf_unfit(const struct perf_settings *settings)
{
	bool socket = settings->transport != PERF_WEIR;

	if (settings->transport == PERF_UDP && settings->bytes > DATAGRAM_MAX)
		return "longer than a datagram";
	if (socket && settings->bytes == 0)
		return "a socket has no empty messages";
	if (socket && settings->verb == PERF_ATOMIC && settings->measure == PERF_BANDWIDTH)
		return "a socket has no atomics";
	if (!socket && settings->connection == PERF_UD && settings->bytes > UD_MAX)
		return "longer than a UD message";
	if (!socket && settings->events && settings->verb == PERF_WRITE &&
		settings->measure == PERF_LATENCY)
		return "a write has no events: who waits for it polls its last byte";
	return NULL;
}

int perf_settings_check(const struct perf_settings *settings, struct error *error)
{
	const struct {
		const char *name;
		uint64_t value, min, max;
	} bounds[] = {
		{"measure", settings->measure, 0, PERF_BANDWIDTH},
		{"verb", settings->verb, 0, PERF_RAW - 1},
		{"transport", settings->transport, 0, PERF_TRANSPORTS - 1},
		{"connection", settings->connection, 0, PERF_CONNECTIONS - 1},
		{"bytes", settings->bytes, 0, PERF_BYTES_MAX},
		{"qps", settings->qps, 1, PERF_QPS_MAX},
		{"tx_depth", settings->tx_depth, 1, PERF_DEPTH_MAX},
		{"rx_depth", settings->rx_depth, 1, PERF_DEPTH_MAX},
		{"post_list", settings->post_list, 1, PERF_LIST_MAX},
		/* More would never fit, or never be signaled: the queue would stay full. */
		{"post_list", settings->post_list, 1, settings->tx_depth},
		{"cq_mod", settings->cq_mod, 1, settings->tx_depth},
	};
	const char *unfit;

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		if (bounds[i].value < bounds[i].min || bounds[i].value > bounds[i].max)
			return error_set(error, EPROTO,
				"the client wants a %s of %llu: expected %llu to %llu",
				bounds[i].name, (unsigned long long)bounds[i].value,
				(unsigned long long)bounds[i].min,
				(unsigned long long)bounds[i].max);
	unfit = perf_unfit(settings);
	if (unfit != NULL)
		return error_set(error, EPROTO, "the client wants what there is not: %s", unfit);
	return 0;
}
