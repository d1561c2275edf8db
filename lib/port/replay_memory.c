/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/replay_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_mempool.h>

#include "port/frame_source.h"
#include "port/schedule.h"

/* A NIC reads the arena page by page: no segment may cross the edge of a hugepage. */
enum { ARENA_PAGE_BYTES = 2 * 1024 * 1024 };

#define FRAMES_CHANGED "port %s: its frames changed while they were loaded"

struct loader {
	struct replay_memory *memory;
	const struct replay_plan *plan;
	uint64_t arena_bytes, used_bytes;
	struct schedule schedule;
};

static void keep_buffer(void *address, void *argument)
{
	/* The arena is freed as a whole, after all mbufs came home. */
	(void)address;
	(void)argument;
}

static int memory_allocate(struct replay_memory *memory, const struct replay_plan *plan,
	uint64_t arena_bytes, int numa_node, struct error *error)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	/* Not the port's name: two may begin alike. */
	snprintf(name, sizeof(name), "replay %p", (void *)memory);
	memory->packets =
		rte_malloc_socket(NULL, plan->packets * sizeof(*memory->packets), 64, numa_node);
	memory->due = rte_malloc_socket(NULL, plan->packets * sizeof(*memory->due), 64, numa_node);
	memory->arena = rte_malloc_socket(NULL, arena_bytes, RTE_CACHE_LINE_SIZE, numa_node);
	memory->pool = rte_pktmbuf_pool_create(name, (unsigned)plan->segments, 0, 0, 0, numa_node);
	if (memory->packets == NULL || memory->due == NULL || memory->arena == NULL ||
		memory->pool == NULL)
		return error_set(error, ENOMEM,
			"port %s: no packet memory to preload %llu packets (%.1f MiB); stream them "
			"(\"load\": \"stream\"), or give more memory (/memory/size)",
			plan->config->name, (unsigned long long)plan->packets,
			(double)plan->memory_bytes / 1048576);
	return 0;
}

/* Room in the arena for one segment; NULL: the frames grew since they were counted. */
static uint8_t *arena_take(struct loader *loader, uint32_t length)
{
	uint8_t *arena = loader->memory->arena;
	uintptr_t start = (uintptr_t)arena + loader->used_bytes;

	if (start / ARENA_PAGE_BYTES != (start + length - 1) / ARENA_PAGE_BYTES)
		start = RTE_ALIGN_CEIL(start, ARENA_PAGE_BYTES);
	if (start + length > (uintptr_t)arena + loader->arena_bytes)
		return NULL;
	loader->used_bytes = RTE_ALIGN_CEIL(start + length - (uintptr_t)arena, 16);
	return (uint8_t *)start;
}

static struct rte_mbuf *load_segment(struct loader *loader, const uint8_t *bytes, uint32_t length)
{
	uint8_t *place = arena_take(loader, length);
	struct rte_mbuf *segment;

	if (place == NULL)
		return NULL;
	segment = rte_pktmbuf_alloc(loader->memory->pool);
	if (segment == NULL)
		return NULL;
	memcpy(place, bytes, length);
	rte_pktmbuf_attach_extbuf(segment, place, rte_mem_virt2iova(place), (uint16_t)length,
		&loader->memory->shared);
	segment->data_len = (uint16_t)length;
	segment->pkt_len = length;
	return segment;
}

static int load_frame(struct loader *loader, const struct frame *frame)
{
	struct replay_memory *memory = loader->memory;
	struct rte_mbuf *head = NULL, *segment;

	for (uint32_t done = 0; done < frame->length || head == NULL;) {
		uint32_t length = RTE_MIN(frame->length - done, (uint32_t)REPLAY_SEGMENT_BYTES);

		segment = load_segment(loader, frame->bytes + done, length);
		if (segment == NULL) {
			rte_pktmbuf_free(head);
			return -ENOMEM;
		}
		if (head == NULL)
			head = segment;
		else
			rte_pktmbuf_chain(head, segment);
		done += length;
	}
	memory->due[memory->packet_count] = schedule_add(&loader->schedule, frame);
	memory->packets[memory->packet_count++] = head;
	return 0;
}

static int load_frames(struct loader *loader, struct error *error)
{
	const struct replay_plan *plan = loader->plan;
	struct frame_source *source = frame_source_open(plan->config, error);
	struct frame frame;
	int result = 0;

	if (source == NULL)
		return error_prefix(error, "port %s", plan->config->name);
	while (result == 0 && loader->memory->packet_count < plan->packets &&
		(result = frame_source_next(source, &frame, error)) == 1) {
		result = load_frame(loader, &frame);
		if (result != 0)
			error_set(error, -result, FRAMES_CHANGED, plan->config->name);
	}
	if (result == 0 && loader->memory->packet_count < plan->packets)
		result = error_set(error, EIO, FRAMES_CHANGED, plan->config->name);
	frame_source_close(source);
	return result;
}

int replay_memory_load(struct replay_memory *memory, const struct replay_plan *plan, int numa_node,
	uint64_t tsc_hz, struct error *error)
{
	struct loader loader = {.memory = memory, .plan = plan};
	int result;

	memset(memory, 0, sizeof(*memory));
	if (plan->packets == 0)
		return 0;
	memory->shared.free_cb = keep_buffer;
	rte_mbuf_ext_refcnt_set(&memory->shared, 1);
	/* 16 bytes a segment for alignment, and what is left at the end of each hugepage. */
	loader.arena_bytes = plan->bytes + plan->segments * 16;
	loader.arena_bytes += (loader.arena_bytes / ARENA_PAGE_BYTES + 2) * REPLAY_SEGMENT_BYTES;
	schedule_init(&loader.schedule, plan->play.speed, tsc_hz);
	result = memory_allocate(memory, plan, loader.arena_bytes, numa_node, error);
	if (result == 0)
		result = load_frames(&loader, error);
	memory->loop_cycles = schedule_span(&loader.schedule);
	if (result != 0)
		replay_memory_free(memory);
	return result;
}

void replay_memory_free(struct replay_memory *memory)
{
	for (uint64_t i = 0; i < memory->packet_count; i++)
		rte_pktmbuf_free(memory->packets[i]);
	rte_mempool_free(memory->pool);
	rte_free(memory->arena);
	rte_free(memory->due);
	rte_free(memory->packets);
	memset(memory, 0, sizeof(*memory));
}
