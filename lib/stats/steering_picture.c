/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/steering_picture.h"

#include <stdlib.h>
#include <string.h>

#include "stats/json_read.h"

/* Room for the text beside each, so that none overlaps. */
enum { FLOW_SLOT = 46, QUEUE_SLOT = 18, WORKER_SLOT = 62, BANDS = 320, HEIGHT_MIN = 560 };

static double number_at(const json_t *array, size_t index)
{
	double value = json_number_value(json_array_get(array, index));

	return value > 0 ? value : 0;
}

/* -1: not given, or beyond `count`. */
static int index_in(const json_t *value, unsigned count)
{
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;

	return number >= 0 && number < (json_int_t)count ? (int)number : -1;
}

static unsigned at_most(size_t count, unsigned most)
{
	return count < most ? (unsigned)count : most;
}

/* ---- reading ---- */

static void read_queues(struct picture *picture, const json_t *queues)
{
	picture->queue_count = at_most(json_array_size(queues), PICTURE_QUEUES);
	for (unsigned i = 0; i < picture->queue_count; i++) {
		const json_t *queue = json_array_get(queues, i);

		picture->queues[i] = (struct picture_queue){.number = i,
			.worker = index_in(json_object_get(queue, "worker"), picture->worker_count),
			.pps = (double)read_count(queue, "pps")};
	}
}

/* Where a bucket's packets go: to its worker, or evenly to those of its queue's RPS map. */
static void add_weights(struct picture *picture, const struct picture_bucket *bucket,
	const json_t *queue, double weight)
{
	const json_t *map = json_object_get(queue, "rps_workers"), *worker;
	struct picture_queue *to = &picture->queues[bucket->queue];
	size_t i;

	if (bucket->worker >= 0) {
		to->weights[bucket->worker] += weight;
		return;
	}
	json_array_foreach (map, i, worker) {
		int number = index_in(worker, picture->worker_count);

		if (number >= 0)
			to->weights[number] += weight / (double)json_array_size(map);
	}
	if (json_array_size(map) == 0 && to->worker >= 0)
		to->weights[to->worker] += weight;
}

static void read_buckets(struct picture *picture, const json_t *port)
{
	const json_t *buckets = json_object_get(port, "buckets");
	const json_t *rates = json_object_get(buckets, "pps");
	const json_t *queues = json_object_get(port, "queues");
	double all = 0;

	picture->bucket_count = at_most(json_array_size(rates), PICTURE_BUCKETS);
	for (unsigned i = 0; i < picture->bucket_count; i++)
		all += number_at(rates, i);
	for (unsigned i = 0; i < picture->bucket_count; i++) {
		struct picture_bucket *bucket = &picture->buckets[i];
		int queue = index_in(
			json_array_get(json_object_get(buckets, "queue"), i), picture->queue_count);

		*bucket = (struct picture_bucket){.number = i,
			.queue = queue >= 0 ? (unsigned)queue : 0,
			.worker = index_in(json_array_get(json_object_get(buckets, "worker"), i),
				picture->worker_count),
			.pps = number_at(rates, i)};
		if (bucket->pps > picture->busiest_pps)
			picture->busiest_pps = bucket->pps;
		picture->queues[bucket->queue].buckets++;
		/* With nothing flowing, the picture still shows who would get what. */
		add_weights(picture, bucket, json_array_get(queues, bucket->queue),
			all > 0 ? bucket->pps : 1);
	}
}

/* Those that came in here, and what is left for all others. */
static void read_flows(struct picture *picture, const json_t *port, const json_t *flows)
{
	double others = (double)read_count(port, "pps");
	const json_t *flow;
	size_t i;

	json_array_foreach (flows, i, flow) {
		if (strcmp(read_text(flow, "port"), read_text(port, "port")) != 0 ||
			read_count(flow, "rx_queue") != read_count(port, "rx_queue") ||
			picture->flow_count == PICTURE_FLOWS)
			continue;
		picture->flows[picture->flow_count++] = (struct picture_flow){.json = flow,
			.worker = index_in(json_object_get(flow, "worker"), picture->worker_count),
			.bucket = index_in(json_object_get(flow, "bucket"), picture->bucket_count),
			.pps = (double)read_count(flow, "pps")};
		others -= (double)read_count(flow, "pps");
	}
	picture->flows[picture->flow_count++] =
		(struct picture_flow){.worker = -1, .bucket = -1, .pps = others > 0 ? others : 0};
}

/* ---- order: what belongs together stands together ---- */

static int queue_order(const void *a, const void *b)
{
	const struct picture_queue *x = a, *y = b;

	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* `queue` is here the place of its queue. */
static int bucket_order(const void *a, const void *b)
{
	const struct picture_bucket *x = a, *y = b;

	if (x->queue != y->queue)
		return x->queue < y->queue ? -1 : 1;
	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void put_in_order(struct picture *picture)
{
	unsigned queue_places[PICTURE_QUEUES] = {0}, bucket_places[PICTURE_BUCKETS] = {0};

	for (unsigned i = 0; i < picture->queue_count; i++) {
		struct picture_queue *queue = &picture->queues[i];

		for (unsigned w = 0; w < picture->worker_count; w++)
			if (queue->worker < 0 || queue->weights[w] > queue->weights[queue->worker])
				queue->worker = (int)w;
	}
	qsort(picture->queues, picture->queue_count, sizeof(picture->queues[0]), queue_order);
	for (unsigned i = 0; i < picture->queue_count; i++)
		queue_places[picture->queues[i].number] = i;
	for (unsigned i = 0; i < picture->bucket_count; i++)
		picture->buckets[i].queue = queue_places[picture->buckets[i].queue];
	qsort(picture->buckets, picture->bucket_count, sizeof(picture->buckets[0]), bucket_order);
	for (unsigned i = 0; i < picture->bucket_count; i++)
		bucket_places[picture->buckets[i].number] = i;
	for (unsigned i = 0; i < picture->flow_count; i++)
		if (picture->flows[i].bucket >= 0)
			picture->flows[i].bucket = (int)bucket_places[picture->flows[i].bucket];
}

/* ---- places ---- */

/* A span of at least `least`, in the middle of a slot. */
static struct svg_span in_middle(const struct svg_span *slot, double size, double least)
{
	double middle = (slot->top + slot->bottom) / 2;
	double half = (size > least ? size : least) / 2;

	return (struct svg_span){middle - half, middle + half};
}

static void place_flows(struct picture *picture, double top)
{
	double all = 0, used = 0, gap;
	double bands = picture->height - (double)picture->flow_count * FLOW_SLOT;

	for (unsigned i = 0; i < picture->flow_count; i++)
		all += picture->flows[i].pps;
	for (unsigned i = 0; i < picture->flow_count; i++) {
		struct picture_flow *flow = &picture->flows[i];
		double size = all > 0 ? flow->pps / all * bands : 0;

		flow->slot.top = used;
		flow->slot.bottom = used + (size + 8 > FLOW_SLOT ? size + 8 : FLOW_SLOT);
		flow->span = in_middle(&flow->slot, size, 1.5);
		used = flow->slot.bottom;
	}
	/* Big flows need no room beside their band: what that leaves is spread evenly. */
	gap = (picture->height - used) / picture->flow_count;
	for (unsigned i = 0; i < picture->flow_count; i++) {
		double down = top + (i + 0.5) * gap;

		picture->flows[i].slot.top += down;
		picture->flows[i].slot.bottom += down;
		picture->flows[i].span.top += down;
		picture->flows[i].span.bottom += down;
	}
}

static void place_queues(struct picture *picture, double top)
{
	double slot_size = picture->height / picture->queue_count, most = 0;

	for (unsigned i = 0; i < picture->queue_count; i++)
		if (picture->queues[i].pps > most)
			most = picture->queues[i].pps;
	for (unsigned i = 0; i < picture->queue_count; i++) {
		struct picture_queue *queue = &picture->queues[i];
		struct svg_span slot = {top + i * slot_size, top + (i + 1) * slot_size};

		queue->span =
			in_middle(&slot, most > 0 ? queue->pps / most * (slot_size - 4) : 0, 14);
	}
}

static void place_workers(struct picture *picture, double top)
{
	double slot_size = picture->height / picture->worker_count, most = 0;

	for (unsigned w = 0; w < picture->worker_count; w++) {
		for (unsigned i = 0; i < picture->queue_count; i++)
			picture->workers[w].weight += picture->queues[i].weights[w];
		if (picture->workers[w].weight > most)
			most = picture->workers[w].weight;
	}
	for (unsigned w = 0; w < picture->worker_count; w++) {
		struct picture_worker *worker = &picture->workers[w];

		worker->slot = (struct svg_span){top + w * slot_size, top + (w + 1) * slot_size};
		worker->span = in_middle(
			&worker->slot, most > 0 ? worker->weight / most * (slot_size - 10) : 0, 4);
	}
}

static void place_all(struct picture *picture, double top)
{
	double wanted[] = {HEIGHT_MIN, picture->flow_count * FLOW_SLOT + BANDS,
		picture->queue_count * QUEUE_SLOT, picture->worker_count * WORKER_SLOT};

	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (wanted[i] > picture->height)
			picture->height = wanted[i];
	for (unsigned i = 0; i < picture->bucket_count; i++) {
		double size = picture->height / picture->bucket_count;

		picture->buckets[i].span = (struct svg_span){top + i * size, top + (i + 1) * size};
	}
	place_flows(picture, top);
	place_queues(picture, top);
	place_workers(picture, top);
}

bool picture_read(struct picture *picture, const json_t *port, const json_t *steering,
	const json_t *flows, double top)
{
	const json_t *workers = json_object_get(steering, "workers");

	*picture = (struct picture){
		.worker_count = at_most(json_array_size(workers), PICTURE_WORKERS)};
	for (unsigned i = 0; i < picture->worker_count; i++)
		picture->workers[i].json = json_array_get(workers, i);
	read_queues(picture, json_object_get(port, "queues"));
	if (picture->worker_count == 0 || picture->queue_count == 0)
		return false;
	read_buckets(picture, port);
	read_flows(picture, port, flows);
	put_in_order(picture);
	place_all(picture, top);
	return picture->bucket_count > 0;
}
