/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments of any kind, of a few datagrams at a time, and any bytes as frames: in buffers that are
 * just as large as what they hold, so that the sanitizer sees each byte too much. Every packet is
 * accounted for, what comes out whole has each byte at its place, and all buffers come back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "segmentation/reassembly.h"
#include "steering/receive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { BUFFERS = 2047, DATAGRAMS = 4, FRAGMENTS = 40, TIMEOUT = 100, FRAME_MAX = 4096 };

enum action { IPV4, IPV6, RAW, PASS_TIME, RELEASE, ACTIONS };

struct record {
	uint8_t action;
	uint8_t id; /* which of a few datagrams; how long to wait */
	uint8_t flags; /* 1: more follow, 2: VLAN; ECN: bits 4 and 5 */
	uint8_t cut; /* where the first buffer ends; 0: it holds all */
	uint16_t offset; /* in bytes; of RAW: unused */
	uint16_t bytes; /* of payload; of RAW: bytes of the input that follow */
};

static struct rte_mempool *pool;
static unsigned blocks; /* of memory that buffers refer to */
static uint64_t dropped;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void start(void)
{
	static char words[][16] = {"fuzz", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};

	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	require(rte_eal_init(COUNT, arguments) >= 0);
	pool = rte_pktmbuf_pool_create("packets", BUFFERS, 0, 0, 0, SOCKET_ID_ANY);
	require(pool != NULL);
}

struct block {
	struct rte_mbuf_ext_shared_info info;
	uint8_t bytes[];
};

static void block_free(void *address, void *block)
{
	(void)address;
	free(block);
	blocks--;
}

static struct rte_mbuf *make_buffer(const uint8_t *bytes, uint32_t count)
{
	struct block *block = malloc(sizeof(*block) + count);
	struct rte_mbuf *buffer = rte_pktmbuf_alloc(pool);

	require(block != NULL && buffer != NULL);
	block->info.free_cb = block_free;
	block->info.fcb_opaque = block;
	rte_mbuf_ext_refcnt_set(&block->info, 1);
	/* no device reads it: any address but 0 does */
	rte_pktmbuf_attach_extbuf(buffer, block->bytes, 1, (uint16_t)count, &block->info);
	blocks++;
	memcpy(block->bytes, bytes, count);
	buffer->data_off = 0;
	buffer->data_len = (uint16_t)count;
	buffer->pkt_len = count;
	return buffer;
}

static struct rte_mbuf *make_packet(const uint8_t *frame, uint32_t length, uint32_t cut)
{
	uint32_t first = cut != 0 && cut < length ? cut : length;
	struct rte_mbuf *packet = make_buffer(frame, first);

	if (first < length)
		require(rte_pktmbuf_chain(packet, make_buffer(frame + first, length - first)) == 0);
	receive_parse(&packet, 1);
	return packet;
}

/* What a datagram has at a place: which fragment it came with does not matter. */
static uint8_t byte_at(uint8_t id, uint32_t place)
{
	return (uint8_t)(place * 7 + (place >> 8) + id);
}

static void put_be16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static struct rte_mbuf *make_fragment(const struct record *record, bool ipv4)
{
	uint8_t frame[FRAME_MAX] = {0}, *ip;
	uint32_t bytes = record->bytes % 2048, header = ipv4 ? 20 : 48;
	uint32_t l2 = record->flags & 2 ? 18 : 14, offset = record->offset & ~7u;

	if (l2 == 18)
		memcpy(frame + 12, "\x81\x00\x00\x07", 4);
	ip = frame + l2;
	put_be16(ip - 2, ipv4 ? 0x0800 : 0x86dd);
	if (ipv4) {
		uint16_t checksum;

		ip[0] = 0x45;
		ip[1] = record->flags >> 4 & 3;
		put_be16(ip + 2, header + bytes);
		ip[5] = record->id % 3;
		put_be16(ip + 6, offset >> 3 | (record->flags & 1 ? 0x2000 : 0));
		ip[9] = 253; /* for experiments: no layer 4 */
		checksum = checksum_ipv4_header(ip, 20);
		memcpy(ip + 10, &checksum, 2);
	} else {
		put_be16(ip, 0x6000 | (record->flags & 0x30));
		put_be16(ip + 4, header - 40 + bytes);
		ip[6] = 44;
		ip[40] = 253;
		put_be16(ip + 42, offset | (record->flags & 1));
		ip[47] = record->id % 3;
	}
	for (uint32_t i = 0; i < bytes; i++)
		ip[header + i] = byte_at(record->id % 3, offset + i);
	return make_packet(frame, l2 + header + bytes, record->cut);
}

static void fragment_drop(void *context, struct rte_mbuf *fragment)
{
	(void)context;
	rte_mbuf_sanity_check(fragment, 1);
	rte_pktmbuf_free(fragment);
	dropped++;
}

/* A packet that became whole, of our own making. */
static void check_whole(const struct rte_mbuf *packet, uint8_t id)
{
	static uint8_t copy[1 << 17];
	const uint8_t *frame = rte_pktmbuf_read(packet, 0, packet->pkt_len, copy), *ip;
	uint32_t header = packet->l3_len, start = (uint32_t)packet->l2_len + header;

	require(frame != NULL);
	ip = frame + packet->l2_len;
	if (RTE_ETH_IS_IPV4_HDR(packet->packet_type)) {
		require(load_be16(ip + 2) == packet->pkt_len - packet->l2_len);
		require((load_be16(ip + 6) & 0x3fff) == 0);
		require(checksum_ipv4_header(ip, header) == 0);
	} else {
		require(load_be16(ip + 4) + 40u == packet->pkt_len - packet->l2_len);
		require(ip[6] == 253 && header == 40);
	}
	for (uint32_t i = 0; start + i < packet->pkt_len; i++)
		require(frame[start + i] == byte_at(id, i));
}

struct run {
	struct reassembly *reassembly;
	uint64_t now, in, out;
};

static void receive(struct run *run, struct rte_mbuf *packet, const struct record *record)
{
	uint64_t whole = reassembly_counters(run->reassembly)->whole;

	run->in++;
	packet = reassembly_receive(run->reassembly, packet, run->now);
	if (packet == NULL)
		return;
	run->out++;
	rte_mbuf_sanity_check(packet, 1);
	if (record->action % ACTIONS != RAW && reassembly_counters(run->reassembly)->whole > whole)
		check_whole(packet, record->id % 3);
	rte_pktmbuf_free(packet);
}

static void release(struct run *run, unsigned room)
{
	struct rte_mbuf *packets[FRAGMENTS];
	unsigned count = reassembly_release(run->reassembly, packets, room);

	for (unsigned i = 0; i < count; i++)
		rte_mbuf_sanity_check(packets[i], 1);
	rte_pktmbuf_free_bulk(packets, count);
	run->out += count;
}

/* Does what the record says, with the `room` bytes of input behind it; returns how many it took. */
static size_t step(struct run *run, const struct record *record, const uint8_t *rest, size_t room)
{
	uint32_t raw = (uint32_t)RTE_MIN(room, (size_t)(record->bytes % 512));

	switch (record->action % ACTIONS) {
	case IPV4:
	case IPV6:
		receive(run, make_fragment(record, record->action % ACTIONS == IPV4), record);
		return 0;
	case RAW:
		if (raw > 0)
			receive(run, make_packet(rest, raw, record->cut), record);
		return raw;
	case PASS_TIME:
		run->now += record->id;
		reassembly_expire(run->reassembly, run->now);
		return 0;
	default: release(run, record->id % FRAGMENTS); return 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct reassembly_settings settings = {.datagrams = DATAGRAMS,
		.fragments = FRAGMENTS,
		.timeout_tsc = TIMEOUT,
		.drop = fragment_drop};
	struct run run = {.now = 0};
	struct record record;

	if (pool == NULL)
		start();
	dropped = 0;
	run.reassembly = reassembly_create(&settings, SOCKET_ID_ANY, NULL);
	require(run.reassembly != NULL);
	while (length >= sizeof(record)) {
		size_t taken;

		memcpy(&record, bytes, sizeof(record));
		bytes += sizeof(record);
		length -= sizeof(record);
		taken = step(&run, &record, bytes, length);
		bytes += taken;
		length -= taken;
		require(run.in ==
			run.out + dropped + reassembly_held(run.reassembly) +
				reassembly_counters(run.reassembly)->merged);
	}
	while (reassembly_held(run.reassembly) > 0)
		release(&run, FRAGMENTS);
	reassembly_destroy(run.reassembly);
	require(rte_mempool_avail_count(pool) == BUFFERS && blocks == 0);
	return 0;
}
