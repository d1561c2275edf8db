/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/replay_stream.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_mempool.h>

#include "packet/parse.h"
#include "packet/rewrite.h"
#include "port/frame_source.h"
#include "port/schedule.h"
#include "ring/batch_ring.h"

enum { STREAM_WAIT_NS = 50000, STREAM_BATCH_PACKETS = 32 };

struct replay_stream {
	const struct replay_plan *plan;
	struct frame_source *source;
	struct rte_mempool *pool;
	struct batch_ring *ring; /* items in pairs: packet, due */
	struct schedule schedule;
	pthread_t thread;
	bool running;
	/* the worker's: the batch it is taking from */
	void *batch[2 * STREAM_BATCH_PACKETS];
	unsigned batch_count, batch_next;
	/* the reading thread's */
	long double base_cycles; /* start of this loop */
	struct capture_counts passes; /* of the passes done */
	struct error error;
	void *ready[2 * STREAM_BATCH_PACKETS];
	unsigned ready_count;
	/* between threads */
	uint32_t stop; /* writer: controller; reader: reading thread */
	uint32_t ended; /* writer: reading thread; readers: all */
	pthread_mutex_t lock; /* guards `counts` */
	struct capture_counts counts; /* writer: reading thread; reader: any */
};

struct replay_stream *replay_stream_create(
	const struct replay_plan *plan, int numa_node, uint64_t tsc_hz, struct error *error)
{
	struct replay_stream *stream = calloc(1, sizeof(*stream));
	char name[RTE_MEMPOOL_NAMESIZE];

	if (stream == NULL) {
		error_set(error, ENOMEM, "no memory to stream port %s", plan->config->name);
		return NULL;
	}
	pthread_mutex_init(&stream->lock, NULL);
	stream->plan = plan;
	schedule_init(&stream->schedule, plan->play.speed, tsc_hz);
	/* Not the port's name: two may begin alike. */
	snprintf(name, sizeof(name), "stream %p", (void *)stream);
	stream->pool = rte_pktmbuf_pool_create(name, STREAM_POOL_PACKETS, 0, 0,
		REPLAY_SEGMENT_BYTES + RTE_PKTMBUF_HEADROOM, numa_node);
	stream->ring =
		aligned_alloc(64, (batch_ring_bytes(2 * STREAM_AHEAD_PACKETS) + 63) & ~(size_t)63);
	if (stream->ring != NULL)
		batch_ring_init(stream->ring, 2 * STREAM_AHEAD_PACKETS);
	if (stream->pool == NULL || stream->ring == NULL) {
		error_set(error, ENOMEM, "port %s: no packet memory to read %u packets ahead",
			plan->config->name, STREAM_AHEAD_PACKETS);
		return replay_stream_destroy(stream);
	}
	stream->source = frame_source_open(plan->config, error);
	if (stream->source == NULL)
		return replay_stream_destroy(stream);
	return stream;
}

struct replay_stream *replay_stream_destroy(struct replay_stream *stream)
{
	struct rte_mbuf *packet;
	uint64_t due;

	if (stream == NULL)
		return NULL;
	replay_stream_stop(stream);
	while (stream->ring != NULL && replay_stream_peek(stream, &packet, &due)) {
		rte_pktmbuf_free(packet);
		replay_stream_take(stream);
	}
	for (unsigned i = 0; i < stream->ready_count; i += 2)
		rte_pktmbuf_free(stream->ready[i]);
	frame_source_close(stream->source);
	rte_mempool_free(stream->pool);
	free(stream->ring);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
	return NULL;
}

/* ---- the reading thread ---- */

static void stream_wait(void)
{
	nanosleep(&(struct timespec){.tv_nsec = STREAM_WAIT_NS}, NULL);
}

static bool stream_stopped(const struct replay_stream *stream)
{
	return __atomic_load_n(&stream->stop, __ATOMIC_ACQUIRE) != 0;
}

static void stream_publish_counts(struct replay_stream *stream)
{
	struct capture_counts pass;
	uint64_t *sum = (uint64_t *)&pass;
	const uint64_t *passes = (const uint64_t *)&stream->passes;

	frame_source_counts(stream->source, &pass);
	for (unsigned i = 0; i < sizeof(pass) / sizeof(*sum); i++)
		sum[i] += passes[i];
	pthread_mutex_lock(&stream->lock);
	stream->counts = pass;
	pthread_mutex_unlock(&stream->lock);
}

/* All that is ready, waiting for room. */
static void stream_push(struct replay_stream *stream)
{
	while (stream->ready_count > 0 && !stream_stopped(stream)) {
		if (batch_ring_room(stream->ring, stream->ready_count) < stream->ready_count) {
			stream_wait();
			continue;
		}
		batch_ring_push(stream->ring, 0, 0, stream->ready, stream->ready_count);
		stream->ready_count = 0;
	}
	stream_publish_counts(stream);
}

static struct rte_mbuf *stream_segment(struct replay_stream *stream)
{
	struct rte_mbuf *segment;

	while ((segment = rte_pktmbuf_alloc(stream->pool)) == NULL) {
		if (stream_stopped(stream))
			return NULL;
		/* Packets that are ready must go on, or nobody will give any back. */
		if (stream->ready_count > 0)
			stream_push(stream);
		else
			stream_wait();
	}
	return segment;
}

/* NULL: stopped. */
static struct rte_mbuf *stream_packet(struct replay_stream *stream, const struct frame *frame)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t done = 0; done < frame->length || head == NULL;) {
		uint32_t length = RTE_MIN(frame->length - done, (uint32_t)REPLAY_SEGMENT_BYTES);
		struct rte_mbuf *segment = stream_segment(stream);

		if (segment == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		memcpy(rte_pktmbuf_mtod(segment, void *), frame->bytes + done, length);
		segment->data_len = (uint16_t)length;
		segment->pkt_len = length;
		if (head == NULL)
			head = segment;
		else
			rte_pktmbuf_chain(head, segment);
		done += length;
	}
	return head;
}

static void stream_rewrite(struct rte_mbuf *packet, uint64_t loop)
{
	uint8_t *bytes = rte_pktmbuf_mtod(packet, uint8_t *);
	struct headers headers;

	parse_headers(bytes, packet->data_len, &headers);
	rewrite_flow(bytes, packet->data_len, &headers, loop);
}

/* One pass over the frames. 0, or -errno. */
static int stream_pass(struct replay_stream *stream, uint64_t loop)
{
	struct rte_mbuf *packet;
	struct frame frame;
	uint64_t due;
	int result = 0;

	while (!stream_stopped(stream) &&
		(result = frame_source_next(stream->source, &frame, &stream->error)) == 1) {
		due = (uint64_t)stream->base_cycles + schedule_add(&stream->schedule, &frame);
		packet = stream_packet(stream, &frame);
		if (packet == NULL)
			return 0;
		if (stream->plan->play.rewrite && loop > 0)
			stream_rewrite(packet, loop);
		stream->ready[stream->ready_count++] = packet;
		stream->ready[stream->ready_count++] = (void *)(uintptr_t)due;
		/* From a live pipe the next packet may be long in coming: a worker that has nothing
		 * gets this one now. */
		if (stream->ready_count == 2 * STREAM_BATCH_PACKETS ||
			batch_ring_room(stream->ring, 2 * STREAM_AHEAD_PACKETS) ==
				2 * STREAM_AHEAD_PACKETS)
			stream_push(stream);
	}
	stream_push(stream);
	return result < 0 ? result : 0;
}

static void *stream_main(void *argument)
{
	struct replay_stream *stream = argument;
	uint64_t loops = stream->plan->play.loop;

	for (uint64_t loop = 0; (loops == 0 || loop < loops) && !stream_stopped(stream); loop++) {
		if (stream_pass(stream, loop) != 0 || stream->schedule.packets == 0)
			break;
		if (stream_stopped(stream) || (loops != 0 && loop + 1 == loops))
			break;
		stream->base_cycles += schedule_span(&stream->schedule);
		schedule_restart(&stream->schedule);
		stream->passes = stream->counts;
		if (frame_source_rewind(stream->source, &stream->error) != 0)
			break;
	}
	__atomic_store_n(&stream->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* ---- the controlling thread ---- */

int replay_stream_start(struct replay_stream *stream, int cpu, struct error *error)
{
	cpu_set_t cpus;
	int result = pthread_create(&stream->thread, NULL, stream_main, stream);

	if (result != 0)
		return error_set(error, result, "port %s: no thread to read ahead: %s",
			stream->plan->config->name, strerror(result));
	stream->running = true;
	pthread_setname_np(stream->thread, "weir-stream");
	if (cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((size_t)cpu, &cpus);
		pthread_setaffinity_np(stream->thread, sizeof(cpus), &cpus);
	}
	return 0;
}

void replay_stream_stop(struct replay_stream *stream)
{
	if (!stream->running)
		return;
	__atomic_store_n(&stream->stop, 1, __ATOMIC_RELEASE);
	pthread_join(stream->thread, NULL);
	stream->running = false;
}

/* ---- the worker ---- */

bool replay_stream_peek(
	struct replay_stream *stream, struct rte_mbuf **ret_packet, uint64_t *ret_due)
{
	uint64_t header;

	if (stream->batch_next == stream->batch_count) {
		if (!batch_ring_peek(stream->ring, &header))
			return false;
		batch_ring_take(stream->ring, header, stream->batch);
		batch_ring_release(stream->ring);
		stream->batch_count = header & BATCH_RING_COUNT_MASK;
		stream->batch_next = 0;
	}
	*ret_packet = stream->batch[stream->batch_next];
	*ret_due = (uint64_t)(uintptr_t)stream->batch[stream->batch_next + 1];
	return true;
}

void replay_stream_take(struct replay_stream *stream)
{
	stream->batch_next += 2;
}

bool replay_stream_ended(struct replay_stream *stream)
{
	uint64_t header;

	/* `ended` first: nothing is pushed after it. */
	return __atomic_load_n(&stream->ended, __ATOMIC_ACQUIRE) != 0 &&
		stream->batch_next == stream->batch_count &&
		!batch_ring_peek(stream->ring, &header);
}

void replay_stream_counts(const struct replay_stream *stream, struct capture_counts *ret_counts)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&stream->lock;

	pthread_mutex_lock(lock);
	*ret_counts = stream->counts;
	pthread_mutex_unlock(lock);
}

const struct error *replay_stream_error(const struct replay_stream *stream)
{
	return &stream->error;
}
