/* SPDX-License-Identifier: BSD-3-Clause */
/* UFO: fragments that make up the datagram again. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>

#include "gso_fixture.h"
#include "packet/bytes.h"

enum { MTU = 1500, L2_BYTES = 14, FRAGMENT_BYTES = 8 };

static const struct shape plain = {
	.udp = true, .segment_bytes = 65535, .payload_bytes = 9001, .id = 77};

/* What fragments are made of, and where the next one starts. */
struct datagram {
	const struct shape *shape;
	uint8_t whole[FRAME_MAX_BYTES]; /* as without fragmentation */
	uint32_t length, header_bytes; /* of the IP header that each fragment has */
	uint32_t offset; /* what the next one has to begin with */
	uint32_t id;
};

static void check_ipv4_header(const struct datagram *datagram, const uint8_t *ip, bool more)
{
	uint8_t want[60];
	uint32_t bytes = datagram->header_bytes;
	uint16_t field = (uint16_t)(datagram->offset / 8 | (more ? 0x2000 : 0));

	memcpy(want, datagram->whole + L2_BYTES, bytes);
	assert_int_equal(load_be16(ip + 6), field);
	assert_int_equal(rte_raw_cksum(ip, bytes), 0xffff);
	memcpy(want + 2, ip + 2, 2);
	memcpy(want + 6, ip + 6, 2);
	memcpy(want + 10, ip + 10, 2);
	assert_memory_equal(ip, want, bytes); /* router alert is in all of them */
}

static void check_ipv6_header(struct datagram *datagram, const uint8_t *ip, bool more)
{
	const uint8_t *whole = datagram->whole + L2_BYTES, *fragment = ip + 40;
	uint32_t id = load_be32(fragment + 4);

	assert_memory_equal(ip, whole, 4);
	assert_int_equal(ip[6], IPPROTO_FRAGMENT);
	assert_memory_equal(ip + 7, whole + 7, 33);
	assert_int_equal(fragment[0], datagram->shape->extension ? IPPROTO_DSTOPTS : IPPROTO_UDP);
	assert_int_equal(fragment[1], 0);
	assert_int_equal(load_be16(fragment + 2), datagram->offset | more);
	assert_true(datagram->offset == 0 || id == datagram->id);
	datagram->id = id;
}

static void check_fragment(struct datagram *datagram, const struct rte_mbuf *fragment)
{
	static uint8_t bytes[FRAME_MAX_BYTES];
	const uint8_t *ip = bytes + L2_BYTES;
	uint32_t length = copy_out(fragment, bytes), start, payload;
	bool ipv6 = datagram->shape->ipv6, more;

	start = L2_BYTES + datagram->header_bytes + (ipv6 ? FRAGMENT_BYTES : 0);
	assert_true(length > start && length - L2_BYTES <= MTU);
	payload = length - start;
	more = L2_BYTES + datagram->header_bytes + datagram->offset + payload < datagram->length;
	assert_true(!more || (payload % 8 == 0 && length - L2_BYTES + 8 > MTU));
	assert_memory_equal(bytes, datagram->whole, L2_BYTES);
	if (ipv6) {
		assert_int_equal(load_be16(ip + 4), length - L2_BYTES - 40);
		check_ipv6_header(datagram, ip, more);
	} else {
		assert_int_equal(load_be16(ip + 2), length - L2_BYTES);
		check_ipv4_header(datagram, ip, more);
	}
	assert_memory_equal(bytes + start,
		datagram->whole + L2_BYTES + datagram->header_bytes + datagram->offset, payload);
	assert_true((fragment->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_FRAG);
	assert_int_equal(fragment->l3_len, start - L2_BYTES);
	assert_int_equal(fragment->l4_len, 0);
	datagram->offset += payload;
}

static void check_datagram(const struct shape *shape, enum layout layout, unsigned room)
{
	static struct datagram datagram;
	struct gso gso = {.pool = header_pool, .mtu = MTU};
	struct rte_mbuf *packet = make_super(shape, layout), *fragments[64];
	struct gso_cut cut;
	int expected, count;

	datagram.shape = shape;
	datagram.length = shape_whole(shape, datagram.whole);
	datagram.header_bytes = shape->ipv6 ? 40 : 20 + (shape->extension ? 8 : 0);
	datagram.offset = 0;
	if (!shape->ipv6) /* "do not fragment" makes no sense here */
		memset(datagram.whole + L2_BYTES + 6, 0, 2);
	packet->tso_segsz = 0;
	expected = gso_begin(&gso, packet, &cut);
	assert_true(expected > 0);
	while ((count = gso_next(&gso, &cut, fragments, room)) > 0) {
		for (int i = 0; i < count; i++)
			check_fragment(&datagram, fragments[i]);
		expected -= count;
		rte_pktmbuf_free_bulk(fragments, (unsigned)count);
	}
	assert_int_equal(expected, 0);
	assert_int_equal(L2_BYTES + datagram.header_bytes + datagram.offset, datagram.length);
}

static void test_fragments(void **state)
{
	static const enum layout layouts[] = {LARGE, CRUMBS, PADDED};
	static const uint32_t sizes[] = {1473, 1481, 2952, 2953, 9001, 65000};
	struct shape shape = plain;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(layouts) * RTE_DIM(sizes); i++) {
		shape.payload_bytes = sizes[i / RTE_DIM(layouts)];
		for (unsigned variant = 0; variant < 8; variant++) {
			shape.ipv6 = (variant & 1) != 0;
			shape.extension = (variant & 2) != 0;
			shape.no_sum = (variant & 4) != 0;
			check_datagram(&shape, layouts[i % RTE_DIM(layouts)], 1);
			check_datagram(&shape, layouts[i % RTE_DIM(layouts)], 64);
		}
	}
}

/* No fragments where none are needed: the datagram as it is. */
static void test_fits(void **state)
{
	static uint8_t want[FRAME_MAX_BYTES];
	struct gso gso = {.pool = header_pool, .mtu = MTU};
	struct rte_mbuf *packet, *segments[2];
	struct shape shape = plain;
	struct gso_cut cut;

	(void)state;
	shape.payload_bytes = 1472;
	packet = make_super(&shape, LARGE);
	packet->tso_segsz = 0;
	assert_int_equal(gso_begin(&gso, packet, &cut), 1);
	assert_int_equal(gso_next(&gso, &cut, segments, 2), 1);
	check_frame(segments[0], want, shape_whole(&shape, want));
	assert_ptr_equal(segments[0], packet);
	rte_pktmbuf_free(packet);
}

/* Options that are not to be copied are in the first fragment alone. */
static void test_options(void **state)
{
	struct gso gso = {.pool = header_pool, .mtu = MTU};
	struct rte_mbuf *packet, *fragments[16];
	struct shape shape = plain;
	struct gso_cut cut;
	uint8_t *options;
	int count;

	(void)state;
	shape.extension = true;
	packet = make_super(&shape, LARGE);
	packet->tso_segsz = 0;
	options = rte_pktmbuf_mtod_offset(packet, uint8_t *, 34);
	memcpy(options, (const uint8_t[]){1, 7, 3, 4, 0x83, 3, 4, 0}, 8);
	count = gso_begin(&gso, packet, &cut);
	assert_true(count > 1);
	assert_int_equal(gso_next(&gso, &cut, fragments, 16), count);
	for (int i = 0; i < count; i++) {
		options = rte_pktmbuf_mtod_offset(fragments[i], uint8_t *, 34);
		assert_memory_equal(options,
			i == 0 ? ((const uint8_t[]){1, 7, 3, 4, 0x83, 3, 4, 0})
			       : ((const uint8_t[]){1, 1, 1, 1, 0x83, 3, 4, 0}),
			8);
		assert_int_equal(rte_raw_cksum(options - 20, 28), 0xffff);
	}
	rte_pktmbuf_free_bulk(fragments, (unsigned)count);
}

static void check_refused(const struct shape *shape, uint32_t mtu)
{
	struct gso gso = {.pool = header_pool, .mtu = mtu};
	struct rte_mbuf *packet = make_super(shape, LARGE);
	struct gso_cut cut;

	packet->tso_segsz = 0;
	assert_int_equal(gso_begin(&gso, packet, &cut), -EINVAL);
	rte_pktmbuf_free(packet);
}

static void test_refused(void **state)
{
	struct shape shape = plain;

	(void)state;
	check_refused(&shape, 0);
	check_refused(&shape, 27);
	shape.ipv6 = true;
	check_refused(&shape, 55);
	shape.extension = true;
	check_refused(&shape, 63); /* extension and UDP header have to be in the first one */
	shape.extension = false;
	shape.tunnel = GRE;
	check_refused(&shape, MTU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_fragments, gso_test_teardown),
		cmocka_unit_test_teardown(test_fits, gso_test_teardown),
		cmocka_unit_test_teardown(test_options, gso_test_teardown),
		cmocka_unit_test_teardown(test_refused, gso_test_teardown),
	};

	return cmocka_run_group_tests(tests, gso_group_setup, gso_group_teardown);
}
