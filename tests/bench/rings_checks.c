/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The executor of requests, in one process: cycles of a SEND and a WRITE of 64 bytes from a region
 * into another. Built twice: as rings_checked, as it is; and as rings_unchecked with
 * VERBS_UNCHECKED, without looking at keys' domains, rights and bounds. Prints one JSON object: the
 * fastest of many rounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "verbs/transfer.h"
#include "verbs/weir.h"

enum {
	KEY = 0x10001,
	PD = 7,
	SOURCE = 11,
	DEPTH = 64,
	REGION_BYTES = 4096,
	BYTES = 64,
	ROUNDS = 400,
	MESSAGES = 4096
};

struct side {
	struct verbs_regions regions;
	const struct verbs_region *by_index[16];
	struct verbs_region region;
};

static const struct verbs_region *find(struct verbs_regions *regions, uint32_t key)
{
	const struct side *side = (const struct side *)regions;
	const struct verbs_region *region = side->by_index[key & 15];

	return region != NULL && region->key == key ? region : NULL;
}

static void make_side(struct side *side)
{
	memset(side, 0, sizeof(*side));
	side->regions.find = find;
	side->region.base = aligned_alloc(4096, REGION_BYTES);
	side->region.address = (uintptr_t)side->region.base;
	side->region.bytes = REGION_BYTES;
	side->region.key = KEY;
	side->region.pd = PD;
	side->region.access = WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE;
	side->by_index[KEY & 15] = &side->region;
	memset(side->region.base, 1, REGION_BYTES);
}

/* All receives are posted, and are again when their messages were taken. */
static void post_receives(struct verbs_responder *responder, const struct side *theirs)
{
	struct verbs_queue *queue = &responder->queue;

	for (uint32_t i = 0; i < DEPTH; i++) {
		struct verbs_receive *receive = (struct verbs_receive *)(queue->receives +
			(size_t)i * queue->receive_stride);

		receive->segment_count = 1;
		receive->bytes = BYTES;
		receive->segments[0] = (struct verbs_segment){
			.address = theirs->region.address, .bytes = BYTES, .key = KEY};
	}
}

static int once(struct verbs_responder *responder, struct side *own, uint16_t opcode)
{
	struct verbs_transfer transfer;
	struct verbs_queue_header *header = responder->queue.header;

	transfer =
		(struct verbs_transfer){.request = {.opcode = (uint8_t)opcode,
						.segment_count = 1,
						.bytes = BYTES,
						.remote_address = responder->queue.header->cookie,
						.remote_key = KEY}};
	transfer.segments[0] =
		(struct verbs_segment){.address = own->region.address, .bytes = BYTES, .key = KEY};
	header->received = responder->taken + DEPTH;
	header->consumed = responder->messages;
	return verbs_transfer_step(&transfer, responder, &own->regions, PD, SOURCE) ==
		VERBS_FINISHED &&
		transfer.status == WEIR_WC_SUCCESS;
}

int main(void)
{
	const struct verbs_geometry geometry = {
		.inbox_depth = DEPTH, .receive_depth = DEPTH, .receive_segments = 1};
	size_t bytes = verbs_queue_places(&geometry).total_bytes;
	struct verbs_responder responder = {.type = WEIR_QPT_RC};
	struct side own, theirs;
	uint64_t best = UINT64_MAX, start, cycles;
	void *memory = aligned_alloc(4096, bytes);

	if (memory == NULL)
		return 1;
	memset(memory, 0, bytes);
	make_side(&own);
	make_side(&theirs);
	verbs_queue_attach(&responder.queue, memory, 12, PD, &geometry);
	responder.regions = &theirs.regions;
	responder.queue.header->state = VERBS_QUEUE_OPEN;
	responder.queue.header->accepts_from = SOURCE;
	responder.queue.header->access = WEIR_ACCESS_REMOTE_WRITE;
	responder.queue.header->cookie = theirs.region.address; /* where a WRITE goes */
	post_receives(&responder, &theirs);
	for (int round = 0; round < ROUNDS; round++) {
		start = tsc_now();
		for (int i = 0; i < MESSAGES / 2; i++) {
			if (!once(&responder, &own, WEIR_WR_SEND) ||
				!once(&responder, &own, WEIR_WR_RDMA_WRITE)) {
				fprintf(stderr, "rings_checks: a request failed\n");
				return 1;
			}
		}
		cycles = tsc_now() - start;
		best = cycles < best ? cycles : best;
	}
	printf("{\"cycles\": %.2f}\n", (double)best / MESSAGES);
	return 0;
}
