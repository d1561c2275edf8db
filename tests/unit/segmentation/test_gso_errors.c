/* SPDX-License-Identifier: BSD-3-Clause */
/* What GSO refuses and leaves as it was, and what happens when buffers run out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_tcp.h>

#include "gso_fixture.h"

static const struct shape plain = {
	.segment_bytes = 1000, .payload_bytes = 5300, .tcp_flags = RTE_TCP_ACK_FLAG};

static void check_refused(struct rte_mbuf *packet)
{
	static uint8_t before[FRAME_MAX_BYTES], after[FRAME_MAX_BYTES];
	struct gso gso = {.pool = header_pool, .mtu = 1500};
	uint64_t flags = packet->ol_flags;
	struct gso_cut cut;
	uint32_t length = 0;

	if (packet->pkt_len < FRAME_MAX_BYTES)
		length = packet->data_len;
	memcpy(before, rte_pktmbuf_mtod(packet, uint8_t *), length);
	assert_int_equal(gso_begin(&gso, packet, &cut), -EINVAL);
	assert_null(cut.packet);
	assert_int_equal(gso_next(&gso, &cut, NULL, 8), 0);
	gso_abandon(&gso, &cut);
	assert_int_equal(gso.counters.failed, 1);
	assert_int_equal(gso.counters.super_packets, 0);
	assert_int_equal(packet->ol_flags, flags);
	memcpy(after, rte_pktmbuf_mtod(packet, uint8_t *), length);
	assert_memory_equal(before, after, length);
	rte_pktmbuf_free(packet);
}

static void test_flags(void **state)
{
	struct rte_mbuf *packet;
	struct shape shape = plain;

	(void)state;
	packet = make_super(&plain, SEGMENTS);
	packet->ol_flags &= ~RTE_MBUF_F_TX_TCP_SEG;
	check_refused(packet);
	packet = make_super(&plain, SEGMENTS);
	packet->ol_flags |= RTE_MBUF_F_TX_UDP_SEG;
	check_refused(packet);
	packet = make_super(&plain, SEGMENTS);
	packet->tso_segsz = 0;
	check_refused(packet);
	packet = make_super(&plain, SEGMENTS);
	packet->ol_flags ^= RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_TCP_SEG;
	check_refused(packet);
	shape.udp = true;
	packet = make_super(&shape, SEGMENTS);
	packet->ol_flags ^= RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_TCP_SEG;
	check_refused(packet);
	shape.tunnel = VXLAN;
	packet = make_super(&shape, SEGMENTS);
	packet->tso_segsz = 0; /* UFO in a tunnel */
	check_refused(packet);
}

/* Changes one byte of the headers. */
static void check_byte_refused(const struct shape *shape, uint32_t offset, uint8_t value)
{
	struct rte_mbuf *packet = make_super(shape, SEGMENTS);

	rte_pktmbuf_mtod(packet, uint8_t *)[offset] = value;
	check_refused(packet);
}

static void test_headers(void **state)
{
	struct shape shape = plain;
	struct rte_mbuf *packet;

	(void)state;
	check_byte_refused(&shape, 12, 0x12); /* EtherType */
	check_byte_refused(&shape, 14, 0x44); /* IHL */
	check_byte_refused(&shape, 16, 0xff); /* total length: more than there is */
	check_byte_refused(&shape, 20, 0x20); /* a fragment */
	check_byte_refused(&shape, 23, 50); /* ESP */
	check_byte_refused(&shape, 46, 0x40); /* TCP's header length */
	shape.payload_bytes = 5128 - 40;
	check_byte_refused(&shape, 16, 0); /* 8 bytes: less than the headers */
	shape.tunnel = GRE;
	check_byte_refused(&shape, 34, 0x10); /* a sequence number */
	check_byte_refused(&shape, 40, 2); /* the packet inside ends before the tunnel */
	shape.tunnel = PLAIN;
	shape.ipv6 = true;
	check_byte_refused(&shape, 18, 0xff); /* payload length */
	check_byte_refused(&shape, 20, 51); /* AH */
	packet = make_super(&plain, CRUMBS);
	packet->pkt_len += 100; /* and no buffer has them */
	check_refused(packet);
	packet = make_super(&plain, LARGE);
	packet->pkt_len -= 100;
	check_refused(packet);
	packet = make_packet((const uint8_t *)"short", 5, 5, 0, LARGE);
	packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	packet->tso_segsz = 100;
	check_refused(packet);
}

static void test_segment_too_long(void **state)
{
	struct shape shape = plain;

	(void)state;
	shape.payload_bytes = 65530; /* and a header: more than an IP packet can have */
	shape.segment_bytes = 65530;
	check_refused(make_super(&shape, LARGE));
	shape.payload_bytes = 66000;
	shape.segment_bytes = 1;
	check_refused(make_super(&shape, LARGE));
}

/* More than 65535 bytes: lengths are 0, all there is counts. */
static void test_big_tcp(void **state)
{
	struct gso gso = {.pool = header_pool};
	struct shape shape = plain;

	(void)state;
	shape.payload_bytes = 69000;
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		shape.ipv6 = ipv6 != 0;
		check_cut(&gso, &shape, SEGMENTS, 64);
		check_cut(&gso, &shape, LARGE, 64);
		check_cut(&gso, &shape, SEGMENTS_NOTED, 64);
	}
}

/* The hop-by-hop header of older kernels goes away. */
static void test_jumbogram(void **state)
{
	static const uint8_t jumbo[8] = {6, 0, 0xc2, 4, 0, 1, 0x0d, 0xa4}; /* 69000 + 20 + 8 */
	static uint8_t frame[FRAME_MAX_BYTES], want[FRAME_MAX_BYTES];
	struct gso gso = {.pool = header_pool};
	struct shape shape = plain;
	struct rte_mbuf *packet, *segments[70];
	struct gso_cut cut;
	uint32_t header_bytes, length;

	(void)state;
	shape.ipv6 = true;
	shape.payload_bytes = 69000;
	for (unsigned tags = 0; tags < 2; tags++) {
		shape.tags = tags;
		length = shape_super(&shape, frame, &header_bytes);
		memmove(frame + header_bytes - 12, frame + header_bytes - 20,
			length - header_bytes + 20);
		memcpy(frame + header_bytes - 20, jumbo, sizeof(jumbo));
		frame[header_bytes - 60 + 6] = 0; /* hop-by-hop options follow */
		packet = make_packet(frame, length + 8, header_bytes + 8, 1000, SEGMENTS);
		packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV6;
		packet->tso_segsz = 1000;
		assert_int_equal(gso_begin(&gso, packet, &cut), 69);
		assert_int_equal(gso_next(&gso, &cut, segments, 70), 69);
		for (unsigned i = 0; i < 69; i++) {
			check_frame(segments[i], want, shape_segment(&shape, i, want));
			assert_int_equal(segments[i]->l3_len, 40);
			assert_int_equal(
				segments[i]->packet_type & RTE_PTYPE_L3_MASK, RTE_PTYPE_L3_IPV6);
		}
		rte_pktmbuf_free_bulk(segments, 69);
	}
}

/* Takes all buffers of the pool but so many. */
static unsigned drain(struct rte_mbuf *taken[], unsigned leave)
{
	unsigned count = rte_mempool_avail_count(header_pool) - leave;

	assert_int_equal(rte_pktmbuf_alloc_bulk(header_pool, taken, count), 0);
	return count;
}

static void test_no_buffers(void **state)
{
	static struct rte_mbuf *taken[POOL_BUFFERS];
	static uint8_t want[FRAME_MAX_BYTES];
	static const enum layout layouts[] = {LARGE, CRUMBS, SEGMENTS_SHARED};
	struct gso gso = {.pool = header_pool};
	struct rte_mbuf *segments[64];
	struct gso_cut cut;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(layouts); i++) {
		for (unsigned leave = 0; leave < 40; leave++) {
			unsigned count = drain(taken, leave), made = 0;
			int result;

			assert_int_equal(gso_begin(&gso, make_super(&plain, layouts[i]), &cut), 6);
			while ((result = gso_next(&gso, &cut, &segments[made], 64)) > 0)
				made += (unsigned)result;
			assert_true(made == 6 || result == -ENOMEM);
			assert_true(made <= leave / 2);
			rte_pktmbuf_free_bulk(taken, count);
			/* Half of them are finished, the others not. */
			while (leave % 2 == 0 &&
				(result = gso_next(&gso, &cut, &segments[made], 64)) > 0)
				made += (unsigned)result;
			gso_abandon(&gso, &cut);
			assert_true(leave % 2 == 1 || made == 6);
			for (unsigned k = 0; k < made; k++)
				check_frame(segments[k], want, shape_segment(&plain, k, want));
			rte_pktmbuf_free_bulk(segments, made);
			shared_free();
			assert_int_equal(rte_mempool_avail_count(header_pool), POOL_BUFFERS);
		}
	}
	assert_true(gso.counters.failed > 0);
}

static void test_abandon(void **state)
{
	struct gso gso = {.pool = header_pool};
	struct rte_mbuf *segments[64];
	struct gso_cut cut;

	(void)state;
	for (unsigned layout = 0; layout < LAYOUTS; layout++)
		for (unsigned made = 0; made < 6; made++) {
			assert_int_equal(gso_begin(&gso, make_super(&plain, layout), &cut), 6);
			assert_int_equal(gso_next(&gso, &cut, segments, made), made);
			gso_abandon(&gso, &cut);
			assert_int_equal(gso_next(&gso, &cut, segments, 64), 0);
			rte_pktmbuf_free_bulk(segments, made);
		}
}

/* 65481 segments of one byte, of which all refer to one buffer: its references are counted in 16
 * bits. */
static void test_most_segments(void **state)
{
	static struct rte_mbuf *segments[POOL_BUFFERS];
	struct gso gso = {.pool = header_pool};
	struct shape shape = plain;
	struct gso_cut cut;
	unsigned made = 0;
	int count;

	(void)state;
	shape.segment_bytes = 1;
	shape.payload_bytes = 65535 - 40;
	assert_int_equal(gso_begin(&gso, make_super(&shape, LARGE), &cut), 65495);
	while ((count = gso_next(&gso, &cut, segments, POOL_BUFFERS / 2)) > 0) {
		made += (unsigned)count;
		rte_pktmbuf_free_bulk(segments, (unsigned)count);
	}
	assert_int_equal(made, 65495);
}

/* Somebody has nearly all references that there can be. */
static void test_references_run_out(void **state)
{
	struct gso gso = {.pool = header_pool};
	struct rte_mbuf *packet = make_super(&plain, LARGE), *segments[8];
	struct gso_cut cut;

	(void)state;
	rte_mbuf_refcnt_set(packet, UINT16_MAX - 3);
	assert_int_equal(gso_begin(&gso, packet, &cut), 6);
	assert_int_equal(gso_next(&gso, &cut, segments, 8), -ENOMEM);
	rte_mbuf_refcnt_set(packet, 1);
	assert_int_equal(gso_next(&gso, &cut, segments, 8), 6);
	rte_pktmbuf_free_bulk(segments, 6);
}

/* The buffers of the packet refer to other memory themselves. */
static void test_indirect_source(void **state)
{
	static uint8_t want[FRAME_MAX_BYTES];
	struct gso gso = {.pool = header_pool};
	struct rte_mbuf *packet = make_super(&plain, LARGE), *clone, *segments[8];
	struct gso_cut cut;

	(void)state;
	clone = rte_pktmbuf_clone(packet, packet_pool);
	rte_pktmbuf_free(packet);
	assert_int_equal(gso_begin(&gso, clone, &cut), 6);
	assert_int_equal(gso_next(&gso, &cut, segments, 8), 6);
	for (unsigned i = 0; i < 6; i++)
		check_frame(segments[i], want, shape_segment(&plain, i, want));
	rte_pktmbuf_free_bulk(segments, 6);
}

static void external_free(void *address, void *freed)
{
	(void)address;
	(*(unsigned *)freed)++;
}

static void test_external_source(void **state)
{
	static uint8_t want[FRAME_MAX_BYTES], memory[FRAME_MAX_BYTES];
	struct rte_mbuf_ext_shared_info info = {.free_cb = external_free};
	struct gso gso = {.pool = header_pool};
	struct rte_mbuf *packet, *segments[8];
	uint32_t header_bytes, length = shape_super(&plain, memory, &header_bytes);
	unsigned freed = 0;
	struct gso_cut cut;

	(void)state;
	info.fcb_opaque = &freed;
	rte_mbuf_ext_refcnt_set(&info, 1);
	packet = rte_pktmbuf_alloc(packet_pool);
	rte_pktmbuf_attach_extbuf(packet, memory, 0, 65535, &info);
	packet->data_len = (uint16_t)length;
	packet->pkt_len = length;
	packet->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	packet->tso_segsz = 1000;
	assert_int_equal(gso_begin(&gso, packet, &cut), 6);
	assert_int_equal(gso_next(&gso, &cut, segments, 8), 6);
	assert_int_equal(freed, 0);
	for (unsigned i = 0; i < 6; i++)
		check_frame(segments[i], want, shape_segment(&plain, i, want));
	rte_pktmbuf_free_bulk(segments, 6);
	assert_int_equal(freed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_flags, gso_test_teardown),
		cmocka_unit_test_teardown(test_headers, gso_test_teardown),
		cmocka_unit_test_teardown(test_segment_too_long, gso_test_teardown),
		cmocka_unit_test_teardown(test_big_tcp, gso_test_teardown),
		cmocka_unit_test_teardown(test_jumbogram, gso_test_teardown),
		cmocka_unit_test_teardown(test_no_buffers, gso_test_teardown),
		cmocka_unit_test_teardown(test_abandon, gso_test_teardown),
		cmocka_unit_test_teardown(test_most_segments, gso_test_teardown),
		cmocka_unit_test_teardown(test_references_run_out, gso_test_teardown),
		cmocka_unit_test_teardown(test_indirect_source, gso_test_teardown),
		cmocka_unit_test_teardown(test_external_source, gso_test_teardown),
	};

	return cmocka_run_group_tests(tests, gso_group_setup, gso_group_teardown);
}
