/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir perf over the verbs: an endpoint. One region holds what is sent, what comes in, and results
 * of atomics; the other side gets its keys with the numbers of the queue pairs.
 */
#ifndef WEIR_APP_PERF_WEIR_H
#define WEIR_APP_PERF_WEIR_H

#include "perf_loop.h"
#include "verbs/weir.h"

enum { PERF_UD_HEADER = 40, PERF_UD_KEY = 0x11111111 };

struct perf_weir_place {
	uint64_t in, out; /* addresses of its memory */
	uint32_t key, count;
	uint32_t numbers[PERF_QPS_MAX];
};

struct perf_weir_queue { /* a queue pair */
	struct weir_qp *qp;
	uint64_t started, completed; /* sends */
	uint8_t *in; /* its slots; of one-sided verbs its only one */
	uint64_t remote; /* where a one-sided verb of it goes */
	uint32_t unsignaled; /* sends since the last whose completion is asked for */
	/* [slots]: each slot's receive, all of them one list. */
	struct weir_recv_wr *receives;
	struct weir_sge *places;
};

struct perf_weir {
	struct perf_progress progress;
	struct perf_run *run;
	struct weir_device *device;
	struct weir_pd *pd;
	struct weir_mr *mr;
	struct weir_comp_channel *channel; /* settings.events */
	struct weir_cq *send_cq, *recv_cq;
	struct weir_ah *ah; /* UD */
	struct perf_weir_queue *queues; /* [settings.qps] */
	uint8_t *memory, *out, *in;
	uint64_t memory_bytes, slot_bytes;
	uint32_t slots, rx_depth; /* of a queue pair */
	uint32_t header_bytes; /* in front of a received message */
	uint32_t inline_bytes; /* what goes inline */
	uint32_t peer_key;
	bool armed;
	struct weir_sge out_sge;
	struct weir_send_wr wr;
	struct weir_send_wr list[PERF_LIST_MAX]; /* bandwidth: as many of it */
	/* Latency. */
	struct weir_sge in_sge;
	struct weir_recv_wr receive;
	uint32_t signal_every, since_signal, signaled, owed, empty_polls;
};

/* Both return 0 or -errno with the run's error said. */
int perf_weir_failed(struct perf_weir *endpoint, const char *what);
int perf_weir_completed(struct perf_weir *endpoint, const struct weir_wc *wc);
/* Fills `wr` and `out_sge` with the request that is the same each time, towards the first queue
 * pair's memory. What is fetched goes to `in`: nobody reads both. */
void perf_weir_prepare(struct perf_weir *endpoint);
/* Posts receives into the slots of a queue pair, `first` to `first + count`, as one list. */
int perf_weir_post_receives(
	struct perf_weir *endpoint, uint32_t queue, uint32_t first, uint32_t count);
/* Sleeps until there is a completion. Arms first and returns: what came meanwhile is to be polled
 * for before it sleeps. */
int perf_weir_wait(void *endpoint, uint64_t timeout_ns);

int perf_weir_latency(void *endpoint);
int perf_weir_bandwidth(void *endpoint);

#endif
