/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a picture of steering shows of one port at one receiving worker, read from JSON, and where
 * each thing stands in it. Inside stats/ only.
 */
#ifndef WEIR_STATS_STEERING_PICTURE_H
#define WEIR_STATS_STEERING_PICTURE_H

#include <stdbool.h>

#include <jansson.h>

#include "stats/svg.h"

enum { PICTURE_BUCKETS = 512, PICTURE_QUEUES = 128, PICTURE_WORKERS = 64, PICTURE_FLOWS = 256 };

struct picture_bucket {
	unsigned number, queue;
	int worker; /* -1: no one worker */
	double pps;
	struct svg_span span;
};

struct picture_queue {
	unsigned number;
	int worker; /* of most of its packets */
	unsigned buckets;
	double pps;
	struct svg_span span;
	double weights[PICTURE_WORKERS]; /* how much of it goes to each worker */
};

struct picture_flow {
	const json_t *json; /* NULL: all others */
	int worker;
	int bucket; /* index into buckets[]; -1: none */
	double pps;
	struct svg_span slot, span;
};

struct picture_worker {
	const json_t *json;
	double weight;
	struct svg_span slot, span;
};

struct picture {
	unsigned bucket_count, queue_count, worker_count, flow_count;
	double height, busiest_pps;
	struct picture_bucket buckets[PICTURE_BUCKETS]; /* from top to bottom */
	struct picture_queue queues[PICTURE_QUEUES]; /* from top to bottom */
	struct picture_worker workers[PICTURE_WORKERS];
	struct picture_flow flows[PICTURE_FLOWS + 1]; /* the last: all others */
};

/* `port`: one of "steering"."ports". All below `top`; picture->height says how far. Returns false
 * where there are no buckets to draw. */
bool picture_read(struct picture *picture, const json_t *port, const json_t *steering,
	const json_t *flows, double top);

#endif
