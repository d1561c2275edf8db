/* SPDX-License-Identifier: BSD-3-Clause */
#include "gso_fixture.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>

#include "packet/checksum.h"

struct rte_mempool *packet_pool, *large_pool, *header_pool;

static int stamp_offset;
uint64_t stamp_flag;

/* References that somebody else has. */
static struct rte_mbuf *shared[256];
static unsigned shared_count;

int gso_group_setup(void **state)
{
	static char words[][16] = {"test", "--no-huge", "--no-shconf", "-m", "128", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};
	static const struct rte_mbuf_dynfield field = {"test_stamp", 1, 1, 0};
	static const struct rte_mbuf_dynflag flag = {"test_stamp", 0};
	struct error error;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	if (rte_eal_init(COUNT, arguments) < 0 || super_note_register(&error) != 0)
		return -1;
	stamp_offset = rte_mbuf_dynfield_register(&field);
	stamp_flag = UINT64_C(1) << rte_mbuf_dynflag_register(&flag);
	packet_pool = rte_pktmbuf_pool_create(
		"packets", POOL_BUFFERS, 0, 0, BUFFER_BYTES + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	large_pool = rte_pktmbuf_pool_create(
		"large", LARGE_BUFFERS, 0, 0, LARGE_BYTES + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	header_pool = rte_pktmbuf_pool_create(
		"headers", POOL_BUFFERS, 64, 8, 256 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return packet_pool != NULL && large_pool != NULL && header_pool != NULL ? 0 : -1;
}

int gso_group_teardown(void **state)
{
	(void)state;
	rte_mempool_free(packet_pool);
	rte_mempool_free(large_pool);
	rte_mempool_free(header_pool);
	return rte_eal_cleanup();
}

void shared_free(void)
{
	for (unsigned i = 0; i < shared_count; i++)
		rte_pktmbuf_free_seg(shared[i]);
	shared_count = 0;
}

int gso_test_teardown(void **state)
{
	(void)state;
	shared_free();
	if (rte_mempool_avail_count(packet_pool) == POOL_BUFFERS &&
		rte_mempool_avail_count(large_pool) == LARGE_BUFFERS &&
		rte_mempool_avail_count(header_pool) == POOL_BUFFERS)
		return 0;
	fprintf(stderr, "buffers are missing: %u %u %u\n", rte_mempool_in_use_count(packet_pool),
		rte_mempool_in_use_count(large_pool), rte_mempool_in_use_count(header_pool));
	return -1;
}

uint32_t next_random(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

/* How much of the packet the next buffer gets. */
static uint32_t share_bytes(enum layout layout, uint32_t done, uint32_t header_bytes,
	uint32_t segment_bytes, uint32_t buffer_bytes)
{
	switch (layout) {
	case SEGMENTS:
	case SEGMENTS_NOTED:
	case SEGMENTS_SHARED:
	case SEGMENTS_LOW: return done == 0 ? header_bytes + segment_bytes : segment_bytes;
	case CRUMBS: return next_random() % 4 == 0 ? 0 : next_random() % 131;
	default: return buffer_bytes;
	}
}

struct rte_mbuf *make_packet(const uint8_t *bytes, uint32_t length, uint32_t header_bytes,
	uint32_t segment_bytes, enum layout layout)
{
	bool large = layout == LARGE || layout == PADDED;
	struct rte_mbuf *packet = NULL, **next = &packet, *buffer;
	uint32_t done = 0, share;

	do {
		buffer = rte_pktmbuf_alloc(large ? large_pool : packet_pool);
		assert_non_null(buffer);
		share = share_bytes(layout, done, header_bytes, segment_bytes,
			large ? LARGE_BYTES : BUFFER_BYTES);
		share = RTE_MIN(share, length - done);
		assert_true(share <= rte_pktmbuf_tailroom(buffer));
		if (layout != LARGE && layout != PADDED)
			buffer->data_off = layout == SEGMENTS_LOW ? 2 : HEADROOM_BYTES;
		buffer->data_len = (uint16_t)share;
		memcpy(rte_pktmbuf_mtod(buffer, uint8_t *), bytes + done, share);
		done += share;
		*next = buffer;
		next = &buffer->next;
		packet->nb_segs += buffer != packet;
		if (layout == SEGMENTS_SHARED) {
			assert_true(shared_count < RTE_DIM(shared));
			rte_mbuf_refcnt_update(buffer, 1);
			shared[shared_count++] = buffer;
		}
	} while (done < length);
	packet->pkt_len = length;
	return packet;
}

static void set_note(const struct shape *shape, uint32_t header_bytes, struct rte_mbuf *packet)
{
	uint32_t offset = header_bytes;

	for (struct rte_mbuf *buffer = packet; buffer != NULL; buffer = buffer->next) {
		super_note(buffer)->payload_sum = checksum_fold(
			checksum_partial(rte_pktmbuf_mtod_offset(buffer, uint8_t *, offset),
				buffer->data_len - offset, 0));
		offset = 0;
	}
	packet->ol_flags |= super_note_flag;
	super_note(packet)->segments = (uint16_t)shape_segments(shape);
	super_note(packet)->flags = SUPER_SUMS;
}

/* As something else marks packets: each buffer may have been one. */
static void set_stamps(struct rte_mbuf *packet)
{
	uint8_t number = 0;

	for (struct rte_mbuf *buffer = packet; buffer != NULL; buffer = buffer->next) {
		buffer->ol_flags |= stamp_flag;
		*RTE_MBUF_DYNFIELD(buffer, stamp_offset, uint8_t *) = number++;
	}
}

struct rte_mbuf *make_super(const struct shape *shape, enum layout layout)
{
	static uint8_t frame[FRAME_MAX_BYTES];
	bool ipv6 = shape->ipv6;
	uint32_t header_bytes, length = shape_super(shape, frame, &header_bytes);
	struct rte_mbuf *packet;

	if (layout == PADDED) {
		memset(frame + length, 0xee, 7);
		length += 7;
	}
	packet = make_packet(frame, length, header_bytes, shape->segment_bytes, layout);
	set_stamps(packet);
	if (layout == SEGMENTS_NOTED)
		set_note(shape, header_bytes, packet);
	if (shape->id_fixed || shape->outer_id_fixed || shape->cwr_each) {
		if (!(packet->ol_flags & super_note_flag))
			super_note(packet)->flags = 0;
		packet->ol_flags |= super_note_flag;
		super_note(packet)->flags |= (shape->id_fixed ? SUPER_ID_FIXED : 0) |
			(shape->outer_id_fixed ? SUPER_OUTER_ID_FIXED : 0) |
			(shape->cwr_each ? SUPER_CWR_EACH : 0);
	}
	packet->ol_flags |= (shape->udp ? RTE_MBUF_F_TX_UDP_SEG : RTE_MBUF_F_TX_TCP_SEG) |
		(ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM) |
		RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (!shape->no_sum)
		packet->ol_flags |= shape->udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;
	packet->tso_segsz = (uint16_t)shape->segment_bytes;
	packet->hash.rss = 0x12345678;
	packet->vlan_tci = 99;
	packet->port = 3;
	packet->packet_type = 0xabcd;
	return packet;
}

uint32_t copy_out(const struct rte_mbuf *packet, uint8_t *ret_bytes)
{
	uint32_t length = 0;
	unsigned count = 0;

	for (const struct rte_mbuf *buffer = packet; buffer != NULL; buffer = buffer->next) {
		memcpy(ret_bytes + length, rte_pktmbuf_mtod(buffer, const uint8_t *),
			buffer->data_len);
		length += buffer->data_len;
		count++;
	}
	assert_int_equal(packet->pkt_len, length);
	assert_int_equal(packet->nb_segs, count);
	return length;
}

void check_frame(const struct rte_mbuf *packet, const uint8_t *bytes, uint32_t length)
{
	static uint8_t got[FRAME_MAX_BYTES];

	assert_int_equal(copy_out(packet, got), length);
	assert_memory_equal(got, bytes, length);
}

/* Marks of a packet are on what was made of it only once, and stay with a buffer that was one. */
static void check_stamp(const struct rte_mbuf *segment, enum layout layout, unsigned index)
{
	bool own = layout == SEGMENTS || layout == SEGMENTS_NOTED;

	assert_int_equal((segment->ol_flags & stamp_flag) != 0, own || index == 0);
	if (own || index == 0)
		assert_int_equal(*RTE_MBUF_DYNFIELD(segment, stamp_offset, uint8_t *), index);
}

static void check_fields(const struct shape *shape, struct rte_mbuf *segment)
{
	bool ipv6 = shape->tunnel == PLAIN ? shape->ipv6 : shape->outer_ipv6;

	assert_false(super_packet_is(segment));
	assert_int_equal(
		segment->ol_flags & ~(RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT | stamp_flag),
		RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN);
	assert_int_equal(segment->packet_type, 0xabcd);
	assert_int_equal(segment->hash.rss, 0x12345678);
	assert_int_equal(segment->vlan_tci, 99);
	assert_int_equal(segment->port, 3);
	assert_int_equal(segment->tso_segsz, 0);
	assert_int_equal(segment->l2_len, 14 + shape->tags * 4);
	assert_true(segment->l3_len >= (ipv6 ? 40 : 20));
}

void check_cut(struct gso *gso, const struct shape *shape, enum layout layout, unsigned room)
{
	static uint8_t want[FRAME_MAX_BYTES];
	struct rte_mbuf *segments[256], *packet = make_super(shape, layout);
	unsigned total = shape_segments(shape), made = 0;
	struct gso_cut cut;
	uint32_t length;
	int count;

	count = gso_begin(gso, packet, &cut);
	if (count < 0)
		rte_pktmbuf_free(packet);
	assert_int_equal(count, total);
	while ((count = gso_next(gso, &cut, segments, room)) > 0) {
		assert_true((unsigned)count <= room);
		for (int i = 0; i < count; i++) {
			length = shape_segment(shape, made, want);
			check_frame(segments[i], want, length);
			check_fields(shape, segments[i]);
			check_stamp(segments[i], layout, made++);
		}
		rte_pktmbuf_free_bulk(segments, (unsigned)count);
	}
	assert_int_equal(count, 0);
	assert_int_equal(made, total);
	assert_null(cut.packet);
	shared_free();
}
