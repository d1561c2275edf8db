/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf over sockets: an endpoint. */
#ifndef WEIR_APP_PERF_SOCKET_H
#define WEIR_APP_PERF_SOCKET_H

#include "perf_loop.h"

enum { PERF_TAKE_BYTES = 1 << 20 }; /* received at a time */

struct perf_socket {
	struct perf_progress progress;
	struct perf_run *run;
	int fd, listener;
	bool datagrams;
	int flags; /* of send and recv */
	uint8_t *out, *in, *pattern;
	uint64_t out_bytes, in_bytes; /* of a message */
	uint64_t out_done, in_done; /* of the one that is on its way */
};

/* Of errno. */
int perf_socket_failed(struct perf_socket *endpoint, const char *what);

int perf_socket_latency(void *endpoint);
int perf_socket_bandwidth(void *endpoint);

#endif
