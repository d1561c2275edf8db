/* SPDX-License-Identifier: BSD-3-Clause */
/* fragment: there and back again, and what it refuses. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "stage_fragments.h"

enum { ROUNDS = 400 };

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

static void shuffle(struct rte_mbuf *packets[], unsigned count, uint64_t *seed)
{
	for (unsigned i = count; i > 1; i--) {
		unsigned other = (unsigned)(frame_random(seed) % i);
		struct rte_mbuf *packet = packets[other];

		packets[other] = packets[i - 1];
		packets[i - 1] = packet;
	}
}

static void there_and_back(void **state)
{
	struct stage_fixture *fixture = *state;
	uint64_t seed = test_seed(), in = 0;

	fragments_create(fixture, "reassemble", &fragments_reassemble);
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
		fragments_build(&spec, &seed);
		count = fragments_cut(frame_packet(&frame), mtu, fragments);
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

				assert_null(fragments_pass(fixture, copy));
				in++;
			}
			whole = fragments_pass(fixture, fragments[f]);
			in++;
			assert_int_equal(fixture->counters.held, whole != NULL ? 0 : f + 1);
		}
		fragments_check_whole(whole);
		fragments_account(fixture, in, i + 1);
	}
	fixture_destroy(fixture);
}

static void check_refused(const struct frame_spec *spec, const uint8_t *edit_at, uint8_t value,
	enum drop_reason reason)
{
	const struct config_stage config = {.type = "fragment", .mtu = 1280};
	struct stage_fixture *fixture = aligned_alloc(64, (sizeof(*fixture) + 63) & ~(size_t)63);
	uint64_t seed = 2;

	assert_non_null(fixture);
	fragments_create(fixture, "fragment", &config);
	fragments_build(spec, &seed);
	frame.bytes[edit_at - frame.bytes] = value;
	assert_null(fragments_pass(fixture, frame_packet(&frame)));
	assert_int_equal(fixture->drops[reason], 1);
	fragments_account(fixture, 1, 0);
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
	fragments_build(&spec, &seed);
	assert_int_equal(fragments_cut(frame_packet(&frame), 1000, out), 1);
	assert_int_equal(out[0]->pkt_len, frame.length);
	rte_pktmbuf_free(out[0]);
	assert_int_equal(fragments_cut(frame_packet(&frame), 999, out), 2);
	rte_pktmbuf_free_bulk(out, 2);
	fragments_build(&cut_off, &seed);
	packet = frame_packet(&frame);
	rte_pktmbuf_trim(packet, 5);
	assert_int_equal(fragments_cut(packet, 1000, out), 1);
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

	fragments_create(fixture, "reassemble", &fragments_reassemble);
	fragments_build(&spec, &seed);
	packet = frame_packet(&frame);
	rte_pktmbuf_mtod(packet, uint8_t *)[14 + 20 + 6] ^= 0x5a;
	packet->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	assert_int_equal(fragments_cut(packet, 1000, out), 2);
	assert_int_equal(out[0]->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
	assert_null(fragments_pass(fixture, out[0]));
	whole = fragments_pass(fixture, out[1]);
	fragments_check_whole(whole);
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

	fragments_create(fixture, "fragment", &config);
	fragments_build(&spec, &seed);
	packet = frame_packet(&frame);
	while (rte_mempool_avail_count(test_pool) > 3)
		all[count++] = rte_pktmbuf_alloc(test_pool);
	assert_null(fragments_pass(fixture, packet));
	assert_int_equal(fixture->drops[DROP_no_mbuf], 1);
	assert_int_equal(rte_mempool_avail_count(test_pool), 4);
	fragments_account(fixture, 1, 0);
	rte_pktmbuf_free_bulk(all, count);
	fixture_destroy(fixture);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_and_back),
		TEST(some_may_not_be_cut),
		TEST(short_ones_stay_whole),
		TEST(asked_checksums_are_made),
		TEST(without_buffers_packets_drop),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
