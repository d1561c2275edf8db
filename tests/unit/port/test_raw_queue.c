/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's end of an application's packet queue, with the test as the application: what it
 * reads, what it sends, and what it can do wrong. After each test every packet buffer is back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "port/raw_queue.h"
#include "segmentation/super_packet.h"
#include "verbs/layout.h"

enum { POOL = 1023, DEPTH = 16, AREA = 2 * 16384, HALF = AREA / 2, ROOM = 512 };

static struct rte_mempool *pool, *other_pool;
static struct raw_share share, other_share;
static struct raw_memory lends;
static uint32_t told_broken, told_times;
static uint8_t *memory;
static struct verbs_packet_places places;
static struct verbs_packet_header *header;
static struct verbs_descriptor *received, *sent;
static struct raw_queue *queue;
static int event_fd;

static int group_setup(void **state)
{
	static char words[][16] = {"test", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};
	struct error error = {0};

	(void)state;
	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	if (rte_eal_init(COUNT, arguments) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create(
		"test", POOL, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	other_pool = rte_pktmbuf_pool_create(
		"other", POOL, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (pool == NULL || other_pool == NULL || super_note_register(&error) != 0)
		return -1;
	share.pool = pool;
	other_share.pool = other_pool;
	if (raw_memory_add(&lends, &share, &error) != 0)
		return -1;
	return raw_memory_add(&lends, &other_share, &error);
}

static int group_teardown(void **state)
{
	(void)state;
	raw_memory_fini(&lends);
	rte_mempool_free(pool);
	rte_mempool_free(other_pool);
	return rte_eal_cleanup();
}

static void ring(void *argument)
{
	const uint64_t one = 1;

	assert_int_equal(write(*(const int *)argument, &one, sizeof(one)), sizeof(one));
}

static void broke(void *argument, uint32_t reason)
{
	assert_ptr_equal(argument, &event_fd);
	told_broken = reason;
	told_times++;
}

static void begin(bool lent)
{
	struct raw_queue_config config = {.area_bytes = AREA,
		.receive_depth = DEPTH,
		.send_depth = DEPTH,
		.lends = lent ? &lends : NULL};

	places = verbs_packet_places(DEPTH, DEPTH, AREA);
	memory = mmap(NULL, places.total_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	config.memory = memory;
	event_fd = eventfd(0, EFD_NONBLOCK);
	config.ring = ring;
	config.broke = broke;
	told_broken = told_times = 0;
	config.argument = &event_fd;
	header = (struct verbs_packet_header *)memory;
	received = (struct verbs_descriptor *)(memory + places.received);
	sent = (struct verbs_descriptor *)(memory + places.sent);
	share.lent_max = other_share.lent_max = POOL;
	queue = raw_queue_create(&config);
	assert_non_null(queue);
}

static void end(void)
{
	raw_queue_destroy(queue);
	munmap(memory, places.total_bytes);
	close(event_fd);
	assert_int_equal(rte_mempool_avail_count(pool), POOL);
	assert_int_equal(rte_mempool_avail_count(other_pool), POOL);
	assert_int_equal(share.lent + other_share.lent, 0);
}

/* A packet of `parts` buffers with `bytes` each, all of them `value` and up. */
static struct rte_mbuf *packet_from(
	struct rte_mempool *from, unsigned parts, unsigned bytes, uint8_t value)
{
	struct rte_mbuf *packet = rte_pktmbuf_alloc(from);

	assert_non_null(packet);
	for (unsigned part = 0; part < parts; part++) {
		struct rte_mbuf *more = part == 0 ? packet : rte_pktmbuf_alloc(from);

		assert_non_null(more);
		memset(rte_pktmbuf_append(more, (uint16_t)bytes), value + part, bytes);
		if (part > 0)
			assert_int_equal(rte_pktmbuf_chain(packet, more), 0);
	}
	return packet;
}

static struct rte_mbuf *packet_of(unsigned parts, unsigned bytes, uint8_t value)
{
	return packet_from(pool, parts, bytes, value);
}

static void deliver(struct rte_mbuf *packet)
{
	assert_int_equal(raw_queue_deliver(queue, &packet, 1, 77), 1);
}

/* As the application finds them. */
static const uint8_t *bytes_of(const struct verbs_descriptor *descriptor)
{
	unsigned part = (unsigned)(descriptor->place >> VERBS_PLACE_PART_SHIFT);
	uint64_t offset = descriptor->place & ((UINT64_C(1) << VERBS_PLACE_PART_SHIFT) - 1);

	if (part == VERBS_PLACE_AREA) {
		assert_true(offset + descriptor->bytes <= HALF);
		return memory + places.area + offset;
	}
	assert_true(part < lends.span_count);
	assert_true(offset + descriptor->bytes <= lends.spans[part].bytes);
	return lends.spans[part].base + offset;
}

static void expect_bytes(const struct verbs_descriptor *descriptor, unsigned count, uint8_t value)
{
	const uint8_t *bytes = bytes_of(descriptor);

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(bytes[i], value);
}

static void test_lent_packets_come_back(void **state)
{
	struct rte_mbuf *packet = packet_of(1, 100, 7);

	(void)state;
	begin(true);
	packet->hash.rss = 0x1234;
	packet->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH;
	deliver(packet);
	assert_int_equal(received[0].sequence, 1);
	assert_int_equal(received[0].bytes, 100);
	assert_int_equal(received[0].hash, 0x1234);
	assert_int_equal(received[0].flags, VERBS_DESCRIPTOR_CHECKSUM_GOOD);
	assert_int_equal(received[0].arrived_ns, 77);
	assert_ptr_equal(bytes_of(&received[0]), rte_pktmbuf_mtod(packet, uint8_t *));
	assert_int_equal(received[1].sequence, 0);
	assert_int_equal(raw_queue_lent(queue), 1);
	assert_int_equal(rte_mempool_avail_count(pool), POOL - 1);
	header->released = 1;
	raw_queue_take_back(queue);
	assert_int_equal(raw_queue_lent(queue), 0);
	assert_int_equal(rte_mempool_avail_count(pool), POOL);
	deliver(packet_of(1, 100, 8));
	end(); /* held: back all the same */
}

static void test_chain_is_parts(void **state)
{
	struct rte_mbuf *packet = packet_of(3, 50, 1);

	(void)state;
	begin(true);
	packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	packet->tso_segsz = 50;
	deliver(packet);
	for (unsigned part = 0; part < 3; part++) {
		assert_int_equal(received[part].sequence, part + 1);
		assert_int_equal(received[part].flags, part < 2 ? VERBS_DESCRIPTOR_MORE : 0);
		assert_int_equal(received[part].bytes, 50);
		assert_int_equal(received[part].mss, 50);
		expect_bytes(&received[part], 50, (uint8_t)(1 + part));
	}
	assert_int_equal(raw_queue_lent(queue), 3);
	/* All of it, or nothing: 13 places are left. */
	packet = packet_of(14, 20, 0);
	deliver(packet); /* copied instead, in one piece */
	assert_int_equal(received[3].bytes, 280);
	assert_int_equal(received[3].place >> VERBS_PLACE_PART_SHIFT, VERBS_PLACE_AREA);
	assert_int_equal(bytes_of(&received[3])[21], 1);
	end();
}

static void test_no_room(void **state)
{
	struct rte_mbuf *packets[DEPTH + 1];

	(void)state;
	begin(true);
	for (unsigned i = 0; i <= DEPTH; i++)
		packets[i] = packet_of(1, 60, (uint8_t)i);
	assert_int_equal(raw_queue_deliver(queue, packets, DEPTH + 1, 0), DEPTH);
	rte_pktmbuf_free(packets[DEPTH]);
	raw_queue_dropped(queue, 1);
	assert_int_equal(header->dropped, 1);
	header->released = 3;
	for (unsigned i = 0; i < 3; i++)
		deliver(packet_of(1, 60, (uint8_t)(100 + i)));
	assert_int_equal(received[2].sequence, DEPTH + 3);
	expect_bytes(&received[2], 60, 102);
	end();
}

static void test_lending_has_a_limit(void **state)
{
	(void)state;
	begin(true);
	share.lent_max = 2;
	for (unsigned i = 0; i < 4; i++)
		deliver(packet_of(1, 60, (uint8_t)i));
	assert_int_equal(raw_queue_lent(queue), 2);
	for (unsigned i = 0; i < 4; i++) {
		expect_bytes(&received[i], 60, (uint8_t)i);
		assert_int_equal(
			received[i].place >> VERBS_PLACE_PART_SHIFT == VERBS_PLACE_AREA, i >= 2);
	}
	header->released = 1;
	deliver(packet_of(1, 60, 9));
	assert_int_not_equal(received[4].place >> VERBS_PLACE_PART_SHIFT, VERBS_PLACE_AREA);
	end();
}

/* What came from one pool takes nothing of another's limit; a packet of both is copied. */
static void test_each_pool_has_its_limit(void **state)
{
	struct rte_mbuf *mixed = packet_from(pool, 1, 60, 0), *packets[6];

	(void)state;
	begin(true);
	share.lent_max = 2;
	for (unsigned i = 0; i < 6; i++)
		packets[i] = packet_from(i < 4 ? pool : other_pool, 1, 60, (uint8_t)i);
	assert_int_equal(raw_queue_deliver(queue, packets, 6, 0), 6);
	assert_int_equal(share.lent, 2);
	assert_int_equal(other_share.lent, 2);
	assert_int_equal(raw_queue_lent(queue), 4);
	for (unsigned i = 0; i < 6; i++) {
		expect_bytes(&received[i], 60, (uint8_t)i);
		assert_int_equal(received[i].place >> VERBS_PLACE_PART_SHIFT == VERBS_PLACE_AREA,
			i == 2 || i == 3);
	}
	header->released = 6;
	raw_queue_take_back(queue);
	assert_int_equal(share.lent + other_share.lent, 0);
	rte_pktmbuf_chain(mixed, packet_from(other_pool, 1, 60, 0));
	deliver(mixed);
	assert_int_equal(received[6].bytes, 120);
	assert_int_equal(raw_queue_lent(queue), 0);
	end();
}

/* Somebody else refers to it still: it goes back when both are done with it. */
static void test_lent_packet_that_is_shared(void **state)
{
	struct rte_mbuf *packet = packet_of(1, 60, 1);

	(void)state;
	begin(true);
	rte_mbuf_refcnt_update(packet, 1);
	deliver(packet);
	header->released = 1;
	raw_queue_take_back(queue);
	assert_int_equal(rte_mempool_avail_count(pool), POOL - 1);
	rte_pktmbuf_free(packet);
	end();
}

static void test_copies_go_around(void **state)
{
	const unsigned parts = 12, bytes = 500; /* 6000: two fit into the half */
	uint32_t released = 0;

	(void)state;
	begin(false);
	for (unsigned i = 0; i < 50; i++) {
		struct rte_mbuf *packet = packet_of(parts, bytes, (uint8_t)i);
		unsigned outstanding = i - released;
		uint16_t taken = raw_queue_deliver(queue, &packet, 1, 0);

		if (outstanding < 2)
			assert_int_equal(taken, 1);
		if (taken == 0) {
			rte_pktmbuf_free(packet);
			header->released = ++released;
			packet = packet_of(parts, bytes, (uint8_t)i);
			if (raw_queue_deliver(queue, &packet, 1, 0) == 0) {
				rte_pktmbuf_free(packet);
				header->released = ++released;
				deliver(packet_of(parts, bytes, (uint8_t)i));
			}
		}
		/* What is there of older ones is as it was. */
		for (uint32_t p = released; p <= i; p++) {
			const struct verbs_descriptor *slot = &received[p % DEPTH];

			assert_int_equal(slot->sequence, p + 1);
			assert_int_equal(slot->bytes, parts * bytes);
			for (unsigned part = 0; part < parts; part++)
				assert_int_equal(
					bytes_of(slot)[part * bytes + 3], (uint8_t)(p + part));
		}
	}
	end();
}

static void test_wakes_once_when_armed(void **state)
{
	uint64_t count;

	(void)state;
	begin(true);
	deliver(packet_of(1, 60, 0));
	assert_int_equal(read(event_fd, &count, sizeof(count)), -1);
	header->armed = 1;
	deliver(packet_of(1, 60, 0));
	deliver(packet_of(1, 60, 0));
	assert_int_equal(read(event_fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	assert_int_equal(header->armed, 0);
	end();
}

static void expect_broken(uint32_t reason)
{
	struct rte_mbuf *packet = packet_of(1, 60, 0);

	assert_int_equal(raw_queue_broken(queue), reason);
	assert_int_equal(told_broken, reason);
	assert_int_equal(told_times, 1);
	assert_int_equal(header->condition, VERBS_PEER_BROKEN);
	assert_int_equal(raw_queue_deliver(queue, &packet, 1, 0), 0);
	assert_int_equal(raw_queue_collect(queue, pool, &packet, 1), 0);
	rte_pktmbuf_free(packet);
	end();
}

static void test_released_more_than_came(void **state)
{
	(void)state;
	begin(true);
	deliver(packet_of(1, 60, 0));
	header->released = 2;
	raw_queue_take_back(queue);
	expect_broken(VERBS_REASON_BAD_SEQUENCE);
	begin(true);
	deliver(packet_of(1, 60, 0));
	header->released = 1;
	raw_queue_take_back(queue);
	header->released = 0; /* back again */
	raw_queue_take_back(queue);
	expect_broken(VERBS_REASON_BAD_SEQUENCE);
}

/* ---- sending ---- */

static void post(uint32_t position, uint64_t offset, uint32_t bytes, uint16_t mss)
{
	sent[position % DEPTH] = (struct verbs_descriptor){.sequence = position + 1,
		.bytes = bytes,
		.place = (uint64_t)VERBS_PLACE_AREA << VERBS_PLACE_PART_SHIFT | offset,
		.mss = mss};
}

static void test_sent_packets_are_copied(void **state)
{
	struct rte_mbuf *packets[4];
	uint8_t *area;

	(void)state;
	begin(true);
	area = memory + places.area;
	for (unsigned i = 0; i < 1200; i++)
		area[HALF + i] = (uint8_t)(i * 7);
	assert_false(raw_queue_has_sent(queue));
	post(0, HALF, 60, 0);
	post(1, HALF, 1200, 0);
	assert_true(raw_queue_has_sent(queue));
	assert_int_equal(raw_queue_collect(queue, pool, packets, 4), 2);
	assert_int_equal(header->sent, 2);
	memset(area, 0, AREA); /* too late */
	assert_int_equal(packets[0]->pkt_len, 60);
	assert_int_equal(packets[1]->pkt_len, 1200);
	assert_int_equal(packets[1]->nb_segs, 3);
	for (unsigned i = 0; i < 1200; i++) {
		uint8_t byte;

		assert_int_equal(*(const uint8_t *)rte_pktmbuf_read(packets[1], i, 1, &byte),
			(uint8_t)(i * 7));
	}
	rte_pktmbuf_free_bulk(packets, 2);
	end();
}

/* One call takes as much work as the caller asks for, however long packets are. */
static void test_collecting_has_an_end(void **state)
{
	struct rte_mbuf *packets[DEPTH];

	(void)state;
	begin(true);
	for (uint32_t i = 0; i < DEPTH; i++)
		post(i, HALF, 16000, 0);
	assert_int_equal(raw_queue_collect(queue, pool, packets, DEPTH), 2);
	rte_pktmbuf_free_bulk(packets, 2);
	for (uint32_t i = 2; i < DEPTH; i++)
		post(i, HALF, 60, 0);
	assert_int_equal(raw_queue_collect(queue, pool, packets, DEPTH), DEPTH - 2);
	rte_pktmbuf_free_bulk(packets, DEPTH - 2);
	end();
}

static const uint8_t tcp4[54] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0, 0, 0, 0,
	1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x0a, 0xea, 0x06, 0xe6, 0, 0, 0, 1, 0, 0,
	0, 2, 0x50, 0x10, 0xff, 0xff, 0xab, 0xcd, 0, 0};

static void test_super_packet_is_marked(void **state)
{
	struct rte_mbuf *packets[DEPTH];
	uint8_t *frame;

	(void)state;
	begin(true);
	frame = memory + places.area + HALF;
	memcpy(frame, tcp4, sizeof(tcp4));
	frame[16] = (40 + 4000) >> 8;
	frame[17] = (40 + 4000) & 0xff;
	post(0, HALF, 4054, 1000);
	memcpy(frame + 8192, tcp4, sizeof(tcp4));
	frame[8192 + 17] = 40 + 20;
	post(1, HALF + 8192, 74, 1000); /* one segment: only its checksum */
	assert_int_equal(raw_queue_collect(queue, pool, packets, DEPTH), 2);
	/* Headers in the first of several buffers. */
	assert_true(super_packet_is(packets[0]));
	assert_int_equal(packets[0]->tso_segsz, 1000);
	assert_int_equal(super_packet_segments(packets[0]), 4);
	assert_false(super_packet_is(packets[1]));
	assert_memory_not_equal(rte_pktmbuf_mtod_offset(packets[1], uint8_t *, 50), "\xab\xcd", 2);
	rte_pktmbuf_free_bulk(packets, 2);
	end();
}

static void test_forward_takes_the_packet_itself(void **state)
{
	struct rte_mbuf *packet = packet_of(2, 60, 3), *out[2];

	(void)state;
	begin(true);
	deliver(packet_of(1, 60, 1));
	deliver(packet);
	sent[0] = (struct verbs_descriptor){
		.sequence = 1, .place = 1, .flags = VERBS_DESCRIPTOR_FORWARD};
	sent[1] = sent[0]; /* twice: it is gone */
	sent[1].sequence = 2;
	sent[2] = sent[0]; /* not there */
	sent[2].sequence = 3;
	sent[2].place = 9;
	assert_int_equal(raw_queue_collect(queue, pool, out, 2), 1);
	assert_ptr_equal(out[0], packet);
	assert_int_equal(raw_queue_lent(queue), 1);
	assert_int_equal(raw_queue_collect(queue, pool, out, 2), 0);
	assert_int_equal(raw_queue_broken(queue), VERBS_REASON_NONE);
	header->released = 3;
	raw_queue_take_back(queue);
	rte_pktmbuf_free(packet);
	end();
}

static void expect_bad_request(uint64_t place, uint32_t bytes)
{
	struct rte_mbuf *packet;

	begin(true);
	sent[0] = (struct verbs_descriptor){.sequence = 1, .place = place, .bytes = bytes};
	assert_int_equal(raw_queue_collect(queue, pool, &packet, 1), 0);
	expect_broken(VERBS_REASON_BAD_REQUEST);
}

static void test_bad_descriptors(void **state)
{
	const uint64_t area = (uint64_t)VERBS_PLACE_AREA << VERBS_PLACE_PART_SHIFT;
	struct rte_mbuf *packet;

	(void)state;
	expect_bad_request(area | 0, 60); /* the engine's half */
	expect_bad_request(area | (HALF - 1), 60);
	expect_bad_request(area | (AREA - 59), 60);
	expect_bad_request(area | AREA, 60);
	expect_bad_request(area | 0xffffffffffff, 60);
	expect_bad_request(HALF, 60); /* packet memory */
	expect_bad_request(area | HALF, 13);
	expect_bad_request(area | HALF, 65550);
	expect_bad_request(area | HALF, UINT32_MAX);
	/* That many segments of one packet would keep a worker for long. */
	begin(true);
	post(0, HALF, 16000, 16);
	post(1, HALF, 16000, 15);
	assert_int_equal(raw_queue_collect(queue, pool, &packet, 1), 1);
	rte_pktmbuf_free(packet);
	assert_int_equal(raw_queue_collect(queue, pool, &packet, 1), 0);
	expect_broken(VERBS_REASON_BAD_REQUEST);
}

/* Everything that is shared holds rubbish, at every step. */
static void test_scribbling(void **state)
{
	const char *wanted = getenv("WEIR_SEED");
	unsigned seed = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 0) : (unsigned)time(NULL);

	(void)state;
	printf("seed %u\n", seed);
	for (unsigned round = 0; round < 3000; round++) {
		begin(rand_r(&seed) % 2);
		for (unsigned step = 0; step < 20; step++) {
			struct rte_mbuf *packets[8];
			uint16_t count = (uint16_t)(rand_r(&seed) % 8), done;

			for (unsigned i = 0; i < 64; i++) {
				uint64_t at = (uint64_t)rand_r(&seed) % (places.total_bytes / 4);

				((uint32_t *)memory)[at] = (uint32_t)rand_r(&seed);
			}
			sent[step % DEPTH].sequence = step + 1;
			if (rand_r(&seed) % 2)
				post(step, HALF + (uint64_t)rand_r(&seed) % HALF,
					(uint32_t)rand_r(&seed) % 9000, (uint16_t)rand_r(&seed));
			if (rand_r(&seed) % 4)
				header->released = step;
			for (unsigned i = 0; i < count; i++)
				packets[i] = packet_of(1 + (unsigned)rand_r(&seed) % 3, 60, 0);
			done = raw_queue_deliver(queue, packets, count, 0);
			rte_pktmbuf_free_bulk(packets + done, count - done);
			done = raw_queue_collect(queue, pool, packets, 8);
			for (unsigned i = 0; i < done; i++)
				rte_mbuf_sanity_check(packets[i], 1);
			rte_pktmbuf_free_bulk(packets, done);
			raw_queue_take_back(queue);
		}
		end();
	}
}

/* ---- what applications map ---- */

static void test_memory_is_read_only_files(void **state)
{
	struct rte_mbuf *packet = packet_of(1, 100, 42);
	const struct raw_part *part = &lends.parts[0];
	unsigned hint = 0;
	uint64_t place = raw_memory_place(&lends, rte_pktmbuf_mtod(packet, uint8_t *), 100, &hint);
	uint64_t offset = place & ((UINT64_C(1) << VERBS_PLACE_PART_SHIFT) - 1);
	const uint8_t *mapped;
	int fd = raw_memory_open(part, false);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(place >> VERBS_PLACE_PART_SHIFT, part->span);
	assert_true(offset >= part->offset && offset + 100 <= part->offset + part->bytes);
	assert_ptr_equal(
		mmap(NULL, part->bytes, PROT_WRITE, MAP_SHARED, fd, (off_t)part->fd_offset),
		MAP_FAILED);
	assert_int_equal(errno, EACCES);
	mapped = mmap(NULL, part->bytes, PROT_READ, MAP_SHARED, fd, (off_t)part->fd_offset);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(mapped[offset - part->offset + i], 42);
	munmap((void *)(uintptr_t)mapped, part->bytes);
	close(fd);
	rte_pktmbuf_free(packet);
	assert_int_equal(
		raw_memory_place(&lends, (const uint8_t *)&offset, 8, &hint), RAW_NO_PLACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lent_packets_come_back),
		cmocka_unit_test(test_chain_is_parts),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_lending_has_a_limit),
		cmocka_unit_test(test_each_pool_has_its_limit),
		cmocka_unit_test(test_lent_packet_that_is_shared),
		cmocka_unit_test(test_collecting_has_an_end),
		cmocka_unit_test(test_copies_go_around),
		cmocka_unit_test(test_wakes_once_when_armed),
		cmocka_unit_test(test_released_more_than_came),
		cmocka_unit_test(test_sent_packets_are_copied),
		cmocka_unit_test(test_super_packet_is_marked),
		cmocka_unit_test(test_forward_takes_the_packet_itself),
		cmocka_unit_test(test_bad_descriptors),
		cmocka_unit_test(test_scribbling),
		cmocka_unit_test(test_memory_is_read_only_files),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
