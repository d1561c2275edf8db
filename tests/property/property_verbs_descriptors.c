/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever stands in the memory of queue pairs, the executor touches no byte outside of regions
 * that may be touched. Requests, posted receives, shared receives and headers are mutated at
 * random, and while the executor reads them another thread changes them again. Regions end where
 * memory ends, and what they are not is watched.
 *
 * $WEIR_ITERATIONS says how many: 10^8 take some minutes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "verbs/reason.h"
#include "verbs/transfer.h"
#include "verbs/weir.h"

enum { PAGE = 4096, REGION_PAGES = 2, DEPTH = 8, SEGMENTS = 3, PD = 7, INITIATOR = 11, OWNER = 12 };
enum { LOW_KEY = 0x10001, HIGH_KEY = 0x10002, LOCKED_KEY = 0x10003, OTHER_PD_KEY = 0x10004 };
enum { STATUSES = 32, CHECK_EVERY = 4096, WATCH = 0xc3 };
#define ITERATIONS_DEFAULT 2000000ull
#define FAR_ADDRESS 0x7f0000000000ull /* the owners' addresses are none of ours */

static const struct verbs_geometry geometry = {
	.inbox_depth = 2 * DEPTH, .receive_depth = DEPTH, .receive_segments = SEGMENTS};

/* One side's memory: two pages of region at its lower end, two at its upper, between them and in
 * a region without rights bytes that must never change. Around all of it there is nothing. */
struct side {
	struct verbs_regions regions;
	struct verbs_region list[4];
	uint8_t *memory;
};

static struct side own, theirs;
static struct verbs_responder responder;
static struct verbs_srq srq;
static uint8_t *queue_memory, *srq_memory;
static size_t queue_bytes, srq_bytes;
static uint64_t random_state;
static uint64_t statuses[STATUSES], reasons[VERBS_REASON_COUNT], waits;
static bool stop_scribbling;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t below(uint64_t bound)
{
	return next_random(&random_state) % bound;
}

static const struct verbs_region *find(struct verbs_regions *regions, uint32_t key)
{
	struct side *side = (struct side *)regions;

	for (unsigned i = 0; i < 4; i++)
		if (side->list[i].key == key)
			return &side->list[i];
	return NULL;
}

/* Pages with nothing before and after. */
static uint8_t *island(size_t bytes)
{
	uint8_t *memory =
		mmap(NULL, bytes + 2 * (size_t)PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + PAGE, bytes, PROT_READ | PROT_WRITE), 0);
	return memory + PAGE;
}

static void side_init(struct side *side, uint64_t address)
{
	const uint32_t all = WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE |
		WEIR_ACCESS_REMOTE_READ | WEIR_ACCESS_REMOTE_ATOMIC;
	const uint64_t bytes = REGION_PAGES * PAGE;

	side->regions.find = find;
	side->memory = island(4 * bytes);
	memset(side->memory, WATCH, 4 * bytes);
	side->list[0] = (struct verbs_region){side->memory, address, bytes, LOW_KEY, all, PD};
	side->list[1] = (struct verbs_region){
		side->memory + 3 * bytes, address + 3 * bytes, bytes, HIGH_KEY, all, PD};
	side->list[2] = (struct verbs_region){
		side->memory + bytes, address + bytes, bytes, LOCKED_KEY, 0, PD};
	side->list[3] = (struct verbs_region){
		side->memory + 2 * bytes, address + 2 * bytes, bytes, OTHER_PD_KEY, all, PD + 1};
}

static void side_check(const struct side *side)
{
	const uint8_t *watched = side->memory + REGION_PAGES * PAGE;

	for (size_t i = 0; i < 2 * REGION_PAGES * PAGE; i++)
		if (watched[i] != WATCH)
			fail_msg("byte %zu outside of all regions was written", i);
}

/* ---- what is written where ---- */

/* Values near which mistakes are made. */
static uint64_t interesting(void)
{
	static const uint64_t values[] = {0, 1, 7, 8, 63, 64, 65, 96, 97, PAGE - 1, PAGE,
		REGION_PAGES * PAGE - 1, REGION_PAGES * PAGE, REGION_PAGES * PAGE + 1, INT32_MAX,
		UINT32_MAX, VERBS_MESSAGE_MAX, UINT64_MAX, UINT64_MAX - 7, 1ull << 63};

	switch (below(3)) {
	case 0: return values[below(sizeof(values) / sizeof(values[0]))];
	case 1: return FAR_ADDRESS + below(10 * PAGE) - PAGE;
	default: return next_random(&random_state);
	}
}

static struct verbs_segment good_segment(const struct side *side)
{
	const struct verbs_region *region = &side->list[below(2)];
	uint32_t bytes = (uint32_t)below(below(2) ? 128 : REGION_PAGES * PAGE + 1);

	return (struct verbs_segment){
		region->address + below(region->bytes - bytes + 1), bytes, region->key};
}

static void segment_mutate(struct verbs_segment *segment)
{
	switch (below(6)) {
	case 0: segment->address = interesting(); break;
	case 1: segment->bytes = (uint32_t)interesting(); break;
	case 2: segment->key = LOW_KEY + (uint32_t)below(5); break;
	case 3: segment->key = (uint32_t)interesting(); break;
	case 4: segment->address += below(2 * PAGE) - PAGE; break;
	default: segment->bytes += (uint32_t)below(PAGE); break;
	}
}

static void request_make(struct verbs_transfer *transfer)
{
	static uint8_t payload[VERBS_INLINE_MAX];
	struct verbs_request *request = &transfer->request;
	struct verbs_segment remote = good_segment(&theirs);

	memset(request, 0, sizeof(*request));
	request->sequence = 1;
	request->opcode = (uint8_t)below(below(8) == 0 ? 256 : 7);
	request->flags = (uint8_t)below(256);
	request->segment_count = (uint16_t)below(SEGMENTS + 1);
	request->remote_address = remote.address;
	request->remote_key = remote.key;
	request->compare_add = below(4);
	request->swap = below(4);
	for (unsigned i = 0; i < request->segment_count; i++) {
		transfer->segments[i] = good_segment(&own);
		if (below(8) == 0)
			segment_mutate(&transfer->segments[i]);
		request->bytes += transfer->segments[i].bytes;
	}
	transfer->payload = NULL;
	if (below(4) == 0) {
		request->bytes = (uint32_t)below(VERBS_INLINE_MAX + 1);
		transfer->payload = payload;
	}
	if (below(4) == 0)
		request->remote_address = interesting();
	if (below(8) == 0)
		request->remote_key = LOW_KEY + (uint32_t)below(6);
	/* As the engine checks before: the sum is right, or a smaller one is claimed. */
	if (below(16) == 0 && request->bytes > 0)
		request->bytes = (uint32_t)below(request->bytes);
	transfer->journal = below(2) ? responder.queue.header : NULL;
	verbs_transfer_begin(transfer);
}

static void receive_write(struct verbs_receive *receive, uint32_t tag)
{
	uint32_t bytes = 0, count = (uint32_t)below(SEGMENTS + 1);

	receive->tag = tag;
	receive->segment_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct verbs_segment segment = good_segment(&theirs);

		if (below(8) == 0)
			segment_mutate(&segment);
		receive->segments[i] = segment;
		bytes += segment.bytes;
	}
	receive->bytes = below(8) == 0 ? (uint32_t)interesting() : bytes;
	if (below(16) == 0)
		receive->segment_count = (uint32_t)interesting();
}

/* What an owner does, and what it should not do. */
static void owner_acts(void)
{
	struct verbs_queue *queue = &responder.queue;
	struct verbs_queue_header *header = queue->header;

	for (unsigned i = (unsigned)below(3); i > 0; i--) {
		uint32_t place = (responder.taken + (uint32_t)below(DEPTH)) & (DEPTH - 1);
		uint32_t turn = srq.header->next + (uint32_t)below(3);
		struct verbs_receive *shared = (struct verbs_receive *)(srq.receives +
			(turn & (DEPTH - 1)) * srq.receive_stride);

		receive_write(
			(struct verbs_receive *)(queue->receives + place * queue->receive_stride),
			place);
		receive_write(shared, turn);
		__atomic_store_n(&shared->claim, turn + 1, __ATOMIC_RELEASE);
	}
	header->received = responder.taken + (uint32_t)below(DEPTH + 1);
	header->consumed = responder.messages - (uint32_t)below(2 * DEPTH + 1);
	header->state = below(16) == 0 ? (uint32_t)below(4) : VERBS_QUEUE_OPEN;
	header->accepts_from = below(16) == 0 ? (uint32_t)interesting() : INITIATOR;
	header->access = below(16) == 0 ? (uint32_t)interesting() : ~0u;
	srq.header->posted = (uint32_t)interesting();
	if (below(16) == 0)
		header->received = (uint32_t)interesting();
	if (below(16) == 0)
		header->consumed = (uint32_t)interesting();
	if (below(16) == 0)
		srq.header->next = (uint32_t)interesting();
}

/* The owner of both queues, going mad beside. */
static void *scribble(void *argument)
{
	uint64_t state = (uint64_t)(uintptr_t)argument | 1;

	while (!__atomic_load_n(&stop_scribbling, __ATOMIC_RELAXED)) {
		uint64_t random = next_random(&state);
		uint8_t *memory = random & 1 ? queue_memory : srq_memory;
		size_t bytes = random & 1 ? queue_bytes : srq_bytes;
		uint64_t *word = (uint64_t *)(void *)(memory + (random >> 8) % (bytes / 8) * 8);

		__atomic_store_n(word,
			random & 2 ? next_random(&state) : FAR_ADDRESS + (random >> 40),
			__ATOMIC_RELAXED);
		if ((random & 0xff0) == 0)
			usleep(50); /* two CPUs, one of them for the test */
	}
	return NULL;
}

static void execute(struct verbs_transfer *transfer)
{
	enum verbs_step step = VERBS_AGAIN;

	for (int i = 0; i < 8 && step == VERBS_AGAIN; i++)
		step = verbs_transfer_step(transfer, &responder, &own.regions, PD, INITIATOR);
	if (step != VERBS_FINISHED) {
		waits++;
		return;
	}
	assert_true(transfer->status < STATUSES && transfer->reason < VERBS_REASON_COUNT);
	statuses[transfer->status]++;
	reasons[transfer->reason]++;
}

static void setup(void)
{
	side_init(&own, FAR_ADDRESS);
	side_init(&theirs, FAR_ADDRESS);
	queue_bytes = verbs_queue_places(&geometry).total_bytes;
	srq_bytes = verbs_srq_bytes(DEPTH, SEGMENTS);
	queue_memory = island(queue_bytes);
	srq_memory = island(srq_bytes);
	verbs_queue_attach(&responder.queue, queue_memory, OWNER, PD, &geometry);
	verbs_srq_attach(&srq, srq_memory, DEPTH, SEGMENTS);
	responder.regions = &theirs.regions;
}

static void print_counts(uint64_t iterations, uint64_t seed, double seconds)
{
	printf("seed %" PRIu64 ": %" PRIu64 " requests in %.0f s, %" PRIu64 " left waiting\n", seed,
		iterations, seconds, waits);
	for (unsigned i = 0; i < VERBS_REASON_COUNT; i++)
		if (reasons[i] > 0)
			printf("%12" PRIu64 "  %s\n", reasons[i], verbs_reason_name(i));
}

static uint64_t number_of(const char *variable, uint64_t fallback)
{
	const char *text = getenv(variable);

	return text == NULL ? fallback : strtoull(text, NULL, 0);
}

static void nothing_outside_is_touched(void **unused)
{
	static const enum verbs_reason must_occur[] = {VERBS_REASON_NONE, VERBS_REASON_LOCAL_KEY,
		VERBS_REASON_LOCAL_RANGE, VERBS_REASON_LOCAL_ACCESS, VERBS_REASON_REMOTE_KEY,
		VERBS_REASON_REMOTE_RANGE, VERBS_REASON_REMOTE_ACCESS, VERBS_REASON_REMOTE_PD,
		VERBS_REASON_MISALIGNED, VERBS_REASON_RECEIVE_TOO_SMALL, VERBS_REASON_RECEIVE_BAD,
		VERBS_REASON_BAD_OPCODE, VERBS_REASON_PEER_ERROR};
	static const uint32_t types[] = {WEIR_QPT_RC, WEIR_QPT_RC, WEIR_QPT_UC, WEIR_QPT_UD};
	uint64_t iterations = number_of("WEIR_ITERATIONS", ITERATIONS_DEFAULT);
	uint64_t seed = number_of("WEIR_SEED", (uint64_t)time(NULL));
	static struct verbs_transfer transfer;
	time_t begin = time(NULL);
	pthread_t scribbler;

	(void)unused;
	printf("seed %" PRIu64 "\n", seed);
	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
	setup();
	pthread_create(&scribbler, NULL, scribble, (void *)(uintptr_t)(seed + 1));
	for (uint64_t i = 0; i < iterations; i++) {
		responder.type = types[below(4)];
		responder.srq = below(2) ? &srq : NULL;
		owner_acts();
		request_make(&transfer);
		execute(&transfer);
		if (i % CHECK_EVERY == 0) {
			side_check(&own);
			side_check(&theirs);
		}
	}
	__atomic_store_n(&stop_scribbling, true, __ATOMIC_RELAXED);
	pthread_join(scribbler, NULL);
	side_check(&own);
	side_check(&theirs);
	print_counts(iterations, seed, difftime(time(NULL), begin));
	for (unsigned i = 0; i < sizeof(must_occur) / sizeof(must_occur[0]); i++)
		if (reasons[must_occur[i]] == 0)
			fail_msg("%s never occurred", verbs_reason_name(must_occur[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_outside_is_touched)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
