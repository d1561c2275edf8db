/* SPDX-License-Identifier: BSD-3-Clause */
/* fragment and reassemble: there and back again, and what hostile fragments do. */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "engine/stages/stages.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "segmentation/reassembly.h"
#include "stage_fixture.h"
#include "stage_frames.h"
#include "steering/receive.h"

enum { ROUNDS = 400, DATAGRAMS = 16, HZ = 1000000 };

static const struct config_stage reassemble = {
	.type = "reassemble", .timeout_ns = 1000000000, .datagrams = DATAGRAMS};

static struct built_frame frame;

/* A second stage beside the fixture's. */
static void create(
	struct stage_fixture *fixture, const char *name, const struct config_stage *config)
{
	assert_int_equal(fixture_create(fixture, name, config, NULL), 0);
	fixture_destroy(fixture);
	fixture->stage.tsc_hz = HZ;
	assert_int_equal(
		fixture->stage.ops->create(&fixture->stage, config, SOCKET_ID_ANY, NULL), 0);
}

/* In = out + held + drops + merged, with what was made. */
static void check_account(const struct stage_fixture *fixture, uint64_t in, uint64_t out)
{
	uint64_t drops = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		drops += fixture->drops[i];
	assert_int_equal(in + fixture->counters.made,
		out + fixture->counters.held + fixture->counters.merged + drops);
}

/* All that came out so far, in order: what was emitted, then what is left in the burst. */
static unsigned take_output(struct stage_fixture *fixture, struct rte_mbuf *packets[])
{
	unsigned count = emitted_count;

	memcpy(packets, emitted, count * sizeof(packets[0]));
	memcpy(packets + count, fixture->burst.packets, fixture->burst.count * sizeof(packets[0]));
	count += fixture->burst.count;
	emitted_count = fixture->burst.count = 0;
	fixture->burst.bytes = 0;
	return count;
}

/* A packet into the stage; NULL: nothing came out. At most one does. */
static struct rte_mbuf *pass(struct stage_fixture *fixture, struct rte_mbuf *packet)
{
	struct rte_mbuf *out[EMITTED_MAX];
	unsigned count;

	receive_parse(&packet, 1);
	fixture_add(fixture, packet);
	fixture_process(fixture);
	count = take_output(fixture, out);
	assert_in_range(count, 0, 1);
	return count == 1 ? out[0] : NULL;
}

static void check_fragment(const struct rte_mbuf *packet, uint32_t mtu)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(packet, const uint8_t *, frame.l2);
	uint32_t ip_bytes = packet->pkt_len - frame.l2;

	assert_in_range(ip_bytes, 1, mtu);
	assert_int_equal(packet->packet_type & RTE_PTYPE_L4_MASK, RTE_PTYPE_L4_FRAG);
	assert_int_equal(packet->l2_len, frame.l2);
	assert_memory_equal(ip - frame.l2, frame.bytes, frame.l2);
	if (frame.spec.ip == 4) {
		assert_int_equal(load_be16(ip + 2), ip_bytes);
		assert_int_equal(checksum_ipv4_header(ip, (ip[0] & 15u) * 4), 0);
	} else {
		assert_int_equal(load_be16(ip + 4), ip_bytes - 40);
		assert_memory_equal(ip + 8, frame.bytes + frame.l2 + 8, 32);
	}
}

static unsigned cut(struct rte_mbuf *packet, uint32_t mtu, struct rte_mbuf *fragments[])
{
	struct stage_fixture *fixture = aligned_alloc(64, (sizeof(*fixture) + 63) & ~(size_t)63);
	const struct config_stage config = {.type = "fragment", .mtu = mtu};
	unsigned count;

	assert_non_null(fixture);
	create(fixture, "fragment", &config);
	receive_parse(&packet, 1);
	fixture_add(fixture, packet);
	fixture_process(fixture);
	count = take_output(fixture, fragments);
	check_account(fixture, 1, count);
	fixture_destroy(fixture);
	free(fixture);
	return count;
}

static void shuffle(struct rte_mbuf *packets[], unsigned count, uint64_t *seed)
{
	for (unsigned i = count; i > 1; i--) {
		unsigned other = (unsigned)(frame_random(seed) % i);
		struct rte_mbuf *packet = packets[other];

		packets[other] = packets[i - 1];
		packets[i - 1] = packet;
	}
}

/* Right checksums, no DF, no extension headers that must be in each fragment. */
static void build(const struct frame_spec *spec, uint64_t *seed)
{
	frame_build(&frame, spec, seed);
	if (spec->ip == 4)
		frame.bytes[frame.l2 + 6] = 0;
	frame_checksums(&frame, frame.bytes);
}

static void check_whole(struct rte_mbuf *whole)
{
	uint32_t length;
	const uint8_t *bytes;

	assert_non_null(whole);
	bytes = packet_bytes(whole, &length);
	assert_int_equal(length, frame.length - frame.spec.padding);
	assert_memory_equal(bytes, frame.bytes, length);
	assert_int_equal(whole->l2_len, frame.l2);
	assert_int_equal(whole->l3_len, frame.l3);
	assert_int_not_equal(whole->packet_type & RTE_PTYPE_L4_MASK, RTE_PTYPE_L4_FRAG);
	rte_pktmbuf_free(whole);
}

static void there_and_back(void **state)
{
	struct stage_fixture *fixture = *state;
	uint64_t seed = test_seed(), in = 0;

	create(fixture, "reassemble", &reassemble);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct rte_mbuf *fragments[EMITTED_MAX], *whole = NULL;
		struct frame_spec spec;
		unsigned count;
		uint32_t mtu;

		frame_spec_random(&spec, &seed);
		spec.ip = i % 2 ? 6 : 4;
		spec.fragment = false;
		spec.fragment_place = 0;
		spec.payload = 1700 + (unsigned)(frame_random(&seed) % 6000);
		spec.first = spec.first != 0 ? spec.first + 100 : 2000;
		spec.rest = 500 + (unsigned)(frame_random(&seed) % 1500);
		mtu = (spec.ip == 6 ? 1280 : 68 + 20) + (uint32_t)(frame_random(&seed) % 400);
		build(&spec, &seed);
		count = cut(frame_packet(&frame), mtu, fragments);
		assert_in_range(count, 2, EMITTED_MAX);
		for (unsigned f = 0; f < count; f++)
			check_fragment(fragments[f], mtu);
		if (frame_random(&seed) % 2)
			shuffle(fragments, count, &seed);
		for (unsigned f = 0; f < count; f++) {
			assert_null(whole);
			if (f + 1 < count && frame_random(&seed) % 8 == 0) {
				/* a duplicate goes, and does no harm */
				struct rte_mbuf *copy =
					rte_pktmbuf_copy(fragments[f], test_pool, 0, UINT32_MAX);

				assert_null(pass(fixture, copy));
				in++;
			}
			whole = pass(fixture, fragments[f]);
			in++;
			assert_int_equal(fixture->counters.held, whole != NULL ? 0 : f + 1);
		}
		check_whole(whole);
		check_account(fixture, in, i + 1);
	}
	fixture_destroy(fixture);
}

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
	check_account(fixture, in, 0);
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
			create(fixture, "reassemble", &reassemble);
			assert_null(pass(fixture, piece(ip, 0, 24, true, 0)));
			assert_null(pass(fixture, piece(ip, 32, 8, true, 0)));
			assert_int_equal(fixture->counters.held, 2);
			assert_null(pass(fixture,
				piece(ip, overlaps[i].offset, overlaps[i].bytes, true, 0)));
			expect_all_dropped(fixture, 3);
			assert_null(pass(fixture, piece(ip, 24, 8, true, 0)));
			assert_null(pass(fixture, piece(ip, 0, 24, true, 0)));
			assert_null(pass(fixture, piece(ip, 40, 8, false, 0)));
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
			create(fixture, "reassemble", &reassemble);
			assert_null(pass(fixture, piece(ip, 24, 8, false, 0)));
			assert_null(pass(fixture,
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

		create(fixture, "reassemble", &reassemble);
		for (uint32_t offset = 0; offset < 65535; offset += 1984, in++) {
			uint32_t bytes = RTE_MIN(1984u, 65535 - offset);

			assert_null(whole);
			whole = pass(fixture, piece(ip, offset, bytes, offset + bytes < 65535, 0));
		}
		if (ip == 4) {
			assert_null(whole);
			assert_int_equal(fixture->drops[DROP_reassembly], 1);
			check_account(fixture, in, 0);
		} else {
			assert_non_null(whole);
			assert_int_equal(whole->pkt_len, 14 + 40 + 65535);
			check_account(fixture, in, 1);
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
		create(fixture, "reassemble", &reassemble);
		assert_null(pass(fixture, piece(ip, 0, 24, true, 0)));
		assert_null(pass(fixture, piece(ip, 24, 7, true, 0))); /* not of 8 */
		packet = piece(ip, 24, 16, true, 0);
		rte_pktmbuf_trim(packet, 1); /* snapped */
		assert_null(pass(fixture, packet));
		assert_null(pass(fixture, piece(ip, 24, 0, true, 0))); /* nothing */
		assert_int_equal(fixture->counters.held, 1);
		packet = pass(fixture, piece(ip, 24, 7, false, 0));
		assert_non_null(packet);
		assert_int_equal(packet->pkt_len, (ip == 4 ? 34 : 54) + 31);
		rte_pktmbuf_free(packet);
		assert_int_equal(fixture->drops[DROP_reassembly], 3);
		check_account(fixture, 5, 1);
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

		create(fixture, "reassemble", &reassemble);
		assert_null(pass(fixture, piece(ip, 0, 24, true, 2)));
		whole = pass(fixture, piece(ip, 24, 8, false, 3));
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

	create(fixture, "reassemble", &reassemble);
	rte_pktmbuf_mtod(packet, uint8_t *)[24] ^= 0x55;
	assert_null(pass(fixture, packet));
	packet = pass(fixture, piece(4, 24, 8, false, 0));
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

	create(fixture, "reassemble", &reassemble);
	packet = pass(fixture, piece(6, 0, 30, false, 0));
	assert_non_null(packet);
	assert_int_equal(packet->pkt_len, 54 + 30);
	assert_int_equal(rte_pktmbuf_mtod(packet, uint8_t *)[14 + 6], IPPROTO_UDP);
	assert_int_equal(load_be16(rte_pktmbuf_mtod(packet, uint8_t *) + 14 + 4), 30);
	rte_pktmbuf_free(packet);
	check_account(fixture, 1, 1);
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

	create(fixture, "reassemble", &reassemble);
	build(&spec, &seed);
	assert_int_equal(cut(frame_packet(&frame), 1280, one), 2);
	frame.bytes[15] ^= 1;
	assert_int_equal(cut(frame_packet(&frame), 1280, other), 2);
	assert_null(pass(fixture, one[0]));
	assert_null(pass(fixture, other[1]));
	assert_int_equal(fixture->counters.held, 2);
	check_whole(pass(fixture, other[0]));
	rte_pktmbuf_free(pass(fixture, one[1]));
	check_account(fixture, 4, 2);
	fixture_destroy(fixture);
}

static void what_waits_too_long_goes(void **state)
{
	struct stage_fixture *fixture = *state;

	create(fixture, "reassemble", &reassemble);
	fixture->burst.rx_tsc = 1000;
	assert_null(pass(fixture, piece(4, 0, 24, true, 0)));
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

	create(fixture, "reassemble", &reassemble);
	assert_null(pass(fixture, piece(4, 0, 24, true, 0)));
	assert_null(pass(fixture, piece(4, 8, 8, true, 0)));
	expect_all_dropped(fixture, 2);
	fixture->stage.ops->flush(&fixture->stage, HZ, false);
	fixture->burst.rx_tsc = HZ;
	assert_null(pass(fixture, piece(4, 0, 24, true, 0)));
	rte_pktmbuf_free(pass(fixture, piece(4, 24, 8, false, 0)));
	check_account(fixture, 4, 1);
	fixture_destroy(fixture);
}

/* Drained, fragments leave as they came. */
static void drained_fragments_are_not_lost(void **state)
{
	struct stage_fixture *fixture = *state;
	const uint8_t *bytes;
	uint32_t length;

	create(fixture, "reassemble", &reassemble);
	assert_null(pass(fixture, piece(6, 24, 100, false, 0)));
	assert_null(pass(fixture, piece(6, 0, 16, true, 0)));
	fixture->stage.ops->flush(&fixture->stage, 0, true);
	assert_int_equal(emitted_count, 2);
	assert_int_equal(fixture->counters.held, 0);
	check_account(fixture, 2, 2);
	bytes = packet_bytes(emitted[0], &length);
	assert_int_equal(length, frame.length);
	assert_memory_equal(bytes, frame.bytes, length);
	fixture_destroy(fixture);
}

/* Of another datagram each: the oldest makes room. */
static void the_oldest_makes_room(void **state)
{
	struct stage_fixture *fixture = *state;

	create(fixture, "reassemble", &reassemble);
	for (unsigned i = 0; i < DATAGRAMS + 5; i++) {
		struct rte_mbuf *packet = piece(4, 0, 24, true, 0);

		rte_pktmbuf_mtod(packet, uint8_t *)[14 + 5] = (uint8_t)i;
		assert_null(pass(fixture, packet));
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

	create(fixture, "reassemble", &reassemble);
	for (; i <= REASSEMBLY_FRAGMENTS_MAX; i++)
		assert_null(pass(fixture, piece(4, 16 * i, 8, true, 0)));
	expect_all_dropped(fixture, i);
	fixture_destroy(fixture);
}

static void others_pass(void **state)
{
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 700};
	struct stage_fixture *fixture = *state;
	uint64_t seed = 1;

	create(fixture, "reassemble", &reassemble);
	build(&spec, &seed);
	check_whole(pass(fixture, frame_packet(&frame)));
	check_account(fixture, 1, 1);
	fixture_destroy(fixture);
}

static void check_refused(const struct frame_spec *spec, const uint8_t *edit_at, uint8_t value,
	enum drop_reason reason)
{
	const struct config_stage config = {.type = "fragment", .mtu = 1280};
	struct stage_fixture *fixture = aligned_alloc(64, (sizeof(*fixture) + 63) & ~(size_t)63);
	uint64_t seed = 2;

	assert_non_null(fixture);
	create(fixture, "fragment", &config);
	build(spec, &seed);
	frame.bytes[edit_at - frame.bytes] = value;
	assert_null(pass(fixture, frame_packet(&frame)));
	assert_int_equal(fixture->drops[reason], 1);
	check_account(fixture, 1, 0);
	fixture_destroy(fixture);
	free(fixture);
}

static void some_may_not_be_cut(void **state)
{
	const struct frame_spec ipv4 = {.ip = 4, .protocol = IPPROTO_UDP, .payload = 1400};
	const struct frame_spec ipv6 = {
		.ip = 6, .protocol = IPPROTO_UDP, .payload = 1400, .options = 8};

	(void)state;
	check_refused(&ipv4, frame.bytes + 14 + 6, 0x40, DROP_too_big); /* DF */
	check_refused(&ipv6, frame.bytes + 14 + 6, IPPROTO_HOPOPTS, DROP_too_big);
	check_refused(&ipv6, frame.bytes + 14 + 6, IPPROTO_FRAGMENT, DROP_too_big);
}

/* Just the MTU goes whole, padding not counted; and so does what is not all there. */
static void short_ones_stay_whole(void **state)
{
	const struct frame_spec spec = {
		.ip = 4, .protocol = IPPROTO_UDP, .payload = 1000 - 28, .padding = 6};
	const struct frame_spec cut_off = {.ip = 4, .protocol = IPPROTO_UDP, .payload = 1600};
	struct rte_mbuf *out[EMITTED_MAX], *packet;
	uint64_t seed = 2;

	(void)state;
	build(&spec, &seed);
	assert_int_equal(cut(frame_packet(&frame), 1000, out), 1);
	assert_int_equal(out[0]->pkt_len, frame.length);
	rte_pktmbuf_free(out[0]);
	assert_int_equal(cut(frame_packet(&frame), 999, out), 2);
	rte_pktmbuf_free_bulk(out, 2);
	build(&cut_off, &seed);
	packet = frame_packet(&frame);
	rte_pktmbuf_trim(packet, 5);
	assert_int_equal(cut(packet, 1000, out), 1);
	rte_pktmbuf_free(out[0]);
}

/* Layer 4 was to be summed by a device, which cannot with fragments: it is done before. */
static void asked_checksums_are_made(void **state)
{
	const struct frame_spec spec = {
		.ip = 4, .protocol = IPPROTO_UDP, .payload = 1600, .first = 1642};
	struct stage_fixture *fixture = *state;
	struct rte_mbuf *out[EMITTED_MAX], *packet, *whole;
	uint64_t seed = 2;

	create(fixture, "reassemble", &reassemble);
	build(&spec, &seed);
	packet = frame_packet(&frame);
	rte_pktmbuf_mtod(packet, uint8_t *)[14 + 20 + 6] ^= 0x5a;
	packet->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	assert_int_equal(cut(packet, 1000, out), 2);
	assert_int_equal(out[0]->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
	assert_null(pass(fixture, out[0]));
	whole = pass(fixture, out[1]);
	check_whole(whole);
	fixture_destroy(fixture);
}

static void without_buffers_packets_drop(void **state)
{
	const struct frame_spec spec = {
		.ip = 4, .protocol = IPPROTO_UDP, .payload = 1600, .first = 1642};
	const struct config_stage config = {.type = "fragment", .mtu = 576};
	struct stage_fixture *fixture = *state;
	static struct rte_mbuf *all[POOL_PACKETS];
	struct rte_mbuf *packet;
	unsigned count = 0;
	uint64_t seed = 2;

	create(fixture, "fragment", &config);
	build(&spec, &seed);
	packet = frame_packet(&frame);
	while (rte_mempool_avail_count(test_pool) > 3)
		all[count++] = rte_pktmbuf_alloc(test_pool);
	assert_null(pass(fixture, packet));
	assert_int_equal(fixture->drops[DROP_no_mbuf], 1);
	assert_int_equal(rte_mempool_avail_count(test_pool), 4);
	check_account(fixture, 1, 0);
	rte_pktmbuf_free_bulk(all, count);
	fixture_destroy(fixture);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_and_back),
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
		TEST(some_may_not_be_cut),
		TEST(short_ones_stay_whole),
		TEST(asked_checksums_are_made),
		TEST(without_buffers_packets_drop),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
