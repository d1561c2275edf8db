/* SPDX-License-Identifier: BSD-3-Clause */
/* reassemble: what hostile fragments do, and what waits. */
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "segmentation/reassembly.h"
#include "stage_fragments.h"

/* A fragment of an own making: `bytes` of 'a' + where they are. */
static struct rte_mbuf *piece(unsigned ip, uint32_t offset, uint32_t bytes, bool more, uint8_t ecn)
{
	static const struct frame_spec ipv4 = {
		.ip = 4, .protocol = IPPROTO_UDP, .payload = 2000, .fragment = true};
	static const struct frame_spec ipv6 = {
		.ip = 6, .protocol = IPPROTO_UDP, .payload = 2000, .fragment = true, .options = 8};
	uint64_t seed = 7;
	uint8_t *header;

	frame_build(&frame, ip == 4 ? &ipv4 : &ipv6, &seed);
	header = frame.bytes + frame.l2;
	memset(header + frame.l3, 'a' + (int)(offset / 8 % 26), bytes);
	frame.length = frame.l2 + frame.l3 + bytes;
	if (ip == 4) {
		header[1] = ecn;
		header[2] = (uint8_t)((20 + bytes) >> 8);
		header[3] = (uint8_t)(20 + bytes);
		header[6] = (uint8_t)(offset >> 11 | (more ? 0x20 : 0));
		header[7] = (uint8_t)(offset >> 3);
	} else {
		header[1] = (uint8_t)(ecn << 4);
		header[4] = (uint8_t)((8 + bytes) >> 8);
		header[5] = (uint8_t)(8 + bytes);
		header[42] = (uint8_t)(offset >> 8);
		header[43] = (uint8_t)((offset & 0xf8) | more);
	}
	frame_checksums(&frame, frame.bytes);
	return frame_packet(&frame);
}

static void expect_all_dropped(struct stage_fixture *fixture, unsigned in)
{
	assert_int_equal(fixture->counters.held, 0);
	assert_int_equal(fixture->drops[DROP_reassembly], in);
	fragments_account(fixture, in, 0);
}

/* The whole datagram goes, and what comes later of it. */
static void overlaps_take_all(void **state)
{
	static const struct {
		uint32_t offset, bytes;
	} overlaps[] = {{8, 16}, {16, 8}, {0, 16}, {24, 16}, {0, 64}, {16, 16}};
	struct stage_fixture *fixture = *state;

	for (unsigned ip = 4; ip <= 6; ip += 2)
		for (unsigned i = 0; i < sizeof(overlaps) / sizeof(overlaps[0]); i++) {
			fragments_create(fixture, "reassemble", &fragments_reassemble);
			assert_null(fragments_pass(fixture, piece(ip, 0, 24, true, 0)));
			assert_null(fragments_pass(fixture, piece(ip, 32, 8, true, 0)));
			assert_int_equal(fixture->counters.held, 2);
			assert_null(fragments_pass(fixture,
				piece(ip, overlaps[i].offset, overlaps[i].bytes, true, 0)));
			expect_all_dropped(fixture, 3);
			assert_null(fragments_pass(fixture, piece(ip, 24, 8, true, 0)));
			assert_null(fragments_pass(fixture, piece(ip, 0, 24, true, 0)));
			assert_null(fragments_pass(fixture, piece(ip, 40, 8, false, 0)));
			expect_all_dropped(fixture, 6);
			fixture_destroy(fixture);
		}
}

/* Two ends, more beyond the end, beyond 65535, ECN on some only. */
static void contradictions_take_all(void **state)
{
	static const struct {
		uint32_t offset, bytes;
		bool more;
		uint8_t ecn;
	} second[] = {{16, 8, false, 0}, {40, 8, false, 0}, {40, 8, true, 0}, {65528, 16, true, 0},
		{65520, 1000, false, 0}, {8, 8, true, 2}};
	struct stage_fixture *fixture = *state;

	for (unsigned ip = 4; ip <= 6; ip += 2)
		for (unsigned i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
			fragments_create(fixture, "reassemble", &fragments_reassemble);
			assert_null(fragments_pass(fixture, piece(ip, 24, 8, false, 0)));
			assert_null(fragments_pass(fixture,
				piece(ip, second[i].offset, second[i].bytes, second[i].more,
					second[i].ecn)));
			expect_all_dropped(fixture, 2);
			fixture_destroy(fixture);
		}
}

/* 65535 bytes of payload fit IPv6, but not IPv4 behind its header. */
static void whole_packets_have_a_limit(void **state)
{
	struct stage_fixture *fixture = *state;

	for (unsigned ip = 4; ip <= 6; ip += 2) {
		struct rte_mbuf *whole = NULL;
		unsigned in = 0;

		fragments_create(fixture, "reassemble", &fragments_reassemble);
		for (uint32_t offset = 0; offset < 65535; offset += 1984, in++) {
			uint32_t bytes = RTE_MIN(1984u, 65535 - offset);

			assert_null(whole);
			whole = fragments_pass(
				fixture, piece(ip, offset, bytes, offset + bytes < 65535, 0));
		}
		if (ip == 4) {
			assert_null(whole);
			assert_int_equal(fixture->drops[DROP_reassembly], 1);
			fragments_account(fixture, in, 0);
		} else {
			assert_non_null(whole);
			assert_int_equal(whole->pkt_len, 14 + 40 + 65535);
			fragments_account(fixture, in, 1);
			rte_pktmbuf_free(whole);
		}
		fixture_destroy(fixture);
	}
}

static void malformed_fragments_go_alone(void **state)
{
	struct stage_fixture *fixture = *state;
	struct rte_mbuf *packet;

	for (unsigned ip = 4; ip <= 6; ip += 2) {
		fragments_create(fixture, "reassemble", &fragments_reassemble);
		assert_null(fragments_pass(fixture, piece(ip, 0, 24, true, 0)));
		assert_null(fragments_pass(fixture, piece(ip, 24, 7, true, 0))); /* not of 8 */
		packet = piece(ip, 24, 16, true, 0);
		rte_pktmbuf_trim(packet, 1); /* snapped */
		assert_null(fragments_pass(fixture, packet));
		assert_null(fragments_pass(fixture, piece(ip, 24, 0, true, 0))); /* nothing */
		assert_int_equal(fixture->counters.held, 1);
		packet = fragments_pass(fixture, piece(ip, 24, 7, false, 0));
		assert_non_null(packet);
		assert_int_equal(packet->pkt_len, (ip == 4 ? 34 : 54) + 31);
		rte_pktmbuf_free(packet);
		assert_int_equal(fixture->drops[DROP_reassembly], 3);
		fragments_account(fixture, 5, 1);
		fixture_destroy(fixture);
	}
}

/* Congestion that one fragment saw is the packet's (RFC 3168). */
static void congestion_is_kept(void **state)
{
	struct stage_fixture *fixture = *state;

	for (unsigned ip = 4; ip <= 6; ip += 2) {
		struct rte_mbuf *whole;
		const uint8_t *header;

		fragments_create(fixture, "reassemble", &fragments_reassemble);
		assert_null(fragments_pass(fixture, piece(ip, 0, 24, true, 2)));
		whole = fragments_pass(fixture, piece(ip, 24, 8, false, 3));
		assert_non_null(whole);
		header = rte_pktmbuf_mtod_offset(whole, const uint8_t *, 14);
		assert_int_equal(ip == 4 ? header[1] & 3 : header[1] >> 4 & 3, 3);
		if (ip == 4)
			assert_int_equal(checksum_ipv4_header(header, 20), 0);
		rte_pktmbuf_free(whole);
		fixture_destroy(fixture);
	}
}

/* A header that was wrong is wrong afterwards. */
static void a_wrong_checksum_stays_wrong(void **state)
{
	struct stage_fixture *fixture = *state;
	struct rte_mbuf *packet = piece(4, 0, 24, true, 0);
	const uint8_t *header;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	rte_pktmbuf_mtod(packet, uint8_t *)[24] ^= 0x55;
	assert_null(fragments_pass(fixture, packet));
	packet = fragments_pass(fixture, piece(4, 24, 8, false, 0));
	assert_non_null(packet);
	header = rte_pktmbuf_mtod_offset(packet, const uint8_t *, 14);
	assert_int_not_equal(checksum_ipv4_header(header, 20), 0);
	rte_pktmbuf_free(packet);
	fixture_destroy(fixture);
}

/* RFC 6946: they wait for nobody. */
static void atomic_fragments_lose_their_header(void **state)
{
	struct stage_fixture *fixture = *state;
	struct rte_mbuf *packet;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	packet = fragments_pass(fixture, piece(6, 0, 30, false, 0));
	assert_non_null(packet);
	assert_int_equal(packet->pkt_len, 54 + 30);
	assert_int_equal(rte_pktmbuf_mtod(packet, uint8_t *)[14 + 6], IPPROTO_UDP);
	assert_int_equal(load_be16(rte_pktmbuf_mtod(packet, uint8_t *) + 14 + 4), 30);
	rte_pktmbuf_free(packet);
	fragments_account(fixture, 1, 1);
	fixture_destroy(fixture);
}

/* The same addresses and id in another VLAN are another packet. */
static void vlans_are_apart(void **state)
{
	const struct frame_spec spec = {.ip = 4,
		.protocol = IPPROTO_UDP,
		.payload = 2000,
		.vlan_tags = 1,
		.first = 1500,
		.rest = 1500};
	struct stage_fixture *fixture = *state;
	struct rte_mbuf *one[4], *other[4];
	uint64_t seed = 3;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	fragments_build(&spec, &seed);
	assert_int_equal(fragments_cut(frame_packet(&frame), 1280, one), 2);
	frame.bytes[15] ^= 1;
	assert_int_equal(fragments_cut(frame_packet(&frame), 1280, other), 2);
	assert_null(fragments_pass(fixture, one[0]));
	assert_null(fragments_pass(fixture, other[1]));
	assert_int_equal(fixture->counters.held, 2);
	fragments_check_whole(fragments_pass(fixture, other[0]));
	rte_pktmbuf_free(fragments_pass(fixture, one[1]));
	fragments_account(fixture, 4, 2);
	fixture_destroy(fixture);
}

static void what_waits_too_long_goes(void **state)
{
	struct stage_fixture *fixture = *state;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	fixture->burst.rx_tsc = 1000;
	assert_null(fragments_pass(fixture, piece(4, 0, 24, true, 0)));
	fixture->stage.ops->flush(&fixture->stage, 1000 + HZ - 1, false);
	assert_int_equal(fixture->counters.held, 1);
	fixture->stage.ops->flush(&fixture->stage, 500, false); /* read before it came */
	assert_int_equal(fixture->counters.held, 1);
	fixture->stage.ops->flush(&fixture->stage, 1000 + HZ, false);
	expect_all_dropped(fixture, 1);
	fixture_destroy(fixture);
}

/* A rejected datagram is forgotten in time, even if nothing is held. */
static void rejection_ends(void **state)
{
	struct stage_fixture *fixture = *state;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	assert_null(fragments_pass(fixture, piece(4, 0, 24, true, 0)));
	assert_null(fragments_pass(fixture, piece(4, 8, 8, true, 0)));
	expect_all_dropped(fixture, 2);
	fixture->stage.ops->flush(&fixture->stage, HZ, false);
	fixture->burst.rx_tsc = HZ;
	assert_null(fragments_pass(fixture, piece(4, 0, 24, true, 0)));
	rte_pktmbuf_free(fragments_pass(fixture, piece(4, 24, 8, false, 0)));
	fragments_account(fixture, 4, 1);
	fixture_destroy(fixture);
}

/* Drained, fragments leave as they came. */
static void drained_fragments_are_not_lost(void **state)
{
	struct stage_fixture *fixture = *state;
	const uint8_t *bytes;
	uint32_t length;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	assert_null(fragments_pass(fixture, piece(6, 24, 100, false, 0)));
	assert_null(fragments_pass(fixture, piece(6, 0, 16, true, 0)));
	fixture->stage.ops->flush(&fixture->stage, 0, true);
	assert_int_equal(emitted_count, 2);
	assert_int_equal(fixture->counters.held, 0);
	fragments_account(fixture, 2, 2);
	bytes = packet_bytes(emitted[0], &length);
	assert_int_equal(length, frame.length);
	assert_memory_equal(bytes, frame.bytes, length);
	fixture_destroy(fixture);
}

/* Of another datagram each: the oldest makes room. */
static void the_oldest_makes_room(void **state)
{
	struct stage_fixture *fixture = *state;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	for (unsigned i = 0; i < DATAGRAMS + 5; i++) {
		struct rte_mbuf *packet = piece(4, 0, 24, true, 0);

		rte_pktmbuf_mtod(packet, uint8_t *)[14 + 5] = (uint8_t)i;
		assert_null(fragments_pass(fixture, packet));
		assert_int_equal(fixture->counters.held, RTE_MIN(i + 1, (unsigned)DATAGRAMS));
	}
	assert_int_equal(fixture->drops[DROP_reassembly], 5);
	fixture->stage.ops->flush(&fixture->stage, HZ, false);
	expect_all_dropped(fixture, DATAGRAMS + 5);
	fixture_destroy(fixture);
}

/* Tiny ones: a datagram in too many pieces is none. */
static void pieces_are_limited(void **state)
{
	struct stage_fixture *fixture = *state;
	unsigned i = 0;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	for (; i <= REASSEMBLY_FRAGMENTS_MAX; i++)
		assert_null(fragments_pass(fixture, piece(4, 16 * i, 8, true, 0)));
	expect_all_dropped(fixture, i);
	fixture_destroy(fixture);
}

static void others_pass(void **state)
{
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 700};
	struct stage_fixture *fixture = *state;
	uint64_t seed = 1;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	fragments_build(&spec, &seed);
	fragments_check_whole(fragments_pass(fixture, frame_packet(&frame)));
	fragments_account(fixture, 1, 1);
	fixture_destroy(fixture);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(overlaps_take_all),
		TEST(contradictions_take_all),
		TEST(whole_packets_have_a_limit),
		TEST(malformed_fragments_go_alone),
		TEST(congestion_is_kept),
		TEST(a_wrong_checksum_stays_wrong),
		TEST(atomic_fragments_lose_their_header),
		TEST(vlans_are_apart),
		TEST(what_waits_too_long_goes),
		TEST(rejection_ends),
		TEST(drained_fragments_are_not_lost),
		TEST(the_oldest_makes_room),
		TEST(pieces_are_limited),
		TEST(others_pass),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
