/* SPDX-License-Identifier: BSD-3-Clause */
/* What leaves when, and before what: limits, time, and packets that merge with nothing. */
#include <string.h>

#include "gro_fixture.h"

enum { PAYLOAD = 100 };

static struct packet segment(unsigned flow, unsigned n)
{
	return (struct packet){.source = (uint16_t)flow,
		.id = (uint16_t)n,
		.sequence = n * PAYLOAD,
		.payload = PAYLOAD};
}

static void give(struct gro_trial *trial, unsigned flow, unsigned n)
{
	const struct packet packet = segment(flow, n);

	gro_give(trial, &packet);
}

/* Port of what came out. */
static unsigned flow_of(const struct rte_mbuf *packet)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);

	return frame[34] * 256u + frame[35] - 1000;
}

static void alone_untouched(void **state)
{
	uint8_t before[FRAME_MAX];
	const struct packet packet = segment(1, 0);
	struct rte_mbuf *mbuf = gro_make(&packet), copy;
	struct gro_trial trial;

	(void)state;
	mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH;
	memcpy(before, rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len);
	copy = *mbuf;
	gro_begin(&trial, &gro_ordinary);
	trial.free_before++;
	gro_give_mbufs(&trial, &mbuf, 1);
	assert_int_equal(trial.count, 0);
	assert_int_equal(gro_held(trial.gro), 1);
	gro_drain(&trial);
	assert_ptr_equal(trial.out[0], mbuf);
	assert_memory_equal(before, rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len);
	assert_memory_equal(&copy, mbuf, sizeof(copy));
	gro_end(&trial);
}

static void fields_of_the_whole(void **state)
{
	struct gro_trial trial;
	struct rte_mbuf *packet;
	const uint8_t *frame;

	(void)state;
	gro_begin(&trial, &gro_ordinary);
	give(&trial, 1, 0);
	give(&trial, 1, 1);
	gro_drain(&trial);
	packet = trial.out[0];
	frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	assert_int_equal(packet->pkt_len, 66 + 2 * PAYLOAD);
	assert_int_equal(packet->nb_segs, 2);
	assert_int_equal(packet->tso_segsz, PAYLOAD);
	assert_int_equal(packet->l2_len, 14);
	assert_int_equal(packet->l3_len, 20);
	assert_int_equal(packet->l4_len, 32);
	assert_int_equal(frame[16] * 256 + frame[17], 52 + 2 * PAYLOAD);
	assert_true(packet->ol_flags & super_note_flag);
	assert_int_equal(packet->ol_flags &
			(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IPV4 |
				RTE_MBUF_F_TX_IP_CKSUM),
		RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 |
			RTE_MBUF_F_TX_IP_CKSUM);
	assert_int_equal(super_note(packet)->segments, 2);
	assert_true(super_note(packet)->flags & SUPER_SUMS);
	/* In front of the second payload there is room for the headers it came with. */
	assert_int_equal(packet->next->data_off, RTE_PKTMBUF_HEADROOM + 66);
	assert_int_equal(packet->next->data_len, PAYLOAD);
	gro_end(&trial);
}

static void end_of_burst(void **state)
{
	struct gro_settings settings = gro_ordinary;
	struct rte_mbuf *burst[64];
	struct gro_trial trial;

	(void)state;
	settings.timeout_tsc = 0;
	gro_begin(&trial, &settings);
	for (unsigned i = 0; i < 64; i++) {
		const struct packet packet = segment(i % 3, i / 3);

		burst[i] = gro_make(&packet);
	}
	gro_give_mbufs(&trial, burst, 64);
	gro_expect(&trial, "22 21 21");
	assert_int_equal(flow_of(trial.out[0]), 0);
	assert_int_equal(flow_of(trial.out[2]), 2);
	assert_int_equal(gro_held(trial.gro), 0);
	gro_end(&trial);
	assert_int_equal(trial.counters.flushes[GRO_FLUSH_end_of_burst], 3);
	assert_int_equal(trial.counters.candidates, 64);
	assert_int_equal(trial.counters.merged, 61);
	assert_int_equal(trial.counters.super_packets, 3);
}

static void timeout(void **state)
{
	struct rte_mbuf *out[8];
	struct gro_trial trial;

	(void)state;
	gro_begin(&trial, &gro_ordinary);
	assert_true(gro_due_tsc(trial.gro) == UINT64_MAX);
	give(&trial, 1, 0);
	trial.now += 10;
	give(&trial, 2, 0);
	give(&trial, 1, 1); /* does not make it younger */
	assert_int_equal(gro_due_tsc(trial.gro), 5000 + 1000);
	assert_int_equal(gro_flush(trial.gro, 5999, false, out, 8), 0);
	assert_int_equal(gro_held(trial.gro), 3);
	assert_int_equal(gro_flush(trial.gro, 6000, false, out, 8), 1);
	assert_int_equal(flow_of(out[0]), 1);
	assert_int_equal(super_packet_segments(out[0]), 2);
	assert_int_equal(gro_due_tsc(trial.gro), 6010);
	assert_int_equal(gro_flush(trial.gro, 9999, false, out + 1, 0), 0);
	assert_int_equal(gro_flush(trial.gro, 9999, false, out + 1, 1), 1);
	memcpy(trial.out, out, sizeof(out));
	trial.count = 2;
	gro_end(&trial);
	assert_int_equal(trial.counters.flushes[GRO_FLUSH_timeout], 2);
}

static void limits(void **state)
{
	struct gro_settings settings = gro_ordinary;
	struct gro_trial trial;

	(void)state;
	settings.flows = 3;
	gro_begin(&trial, &settings);
	for (unsigned i = 0; i < 4; i++)
		give(&trial, i, 0);
	assert_int_equal(trial.count, 1);
	assert_int_equal(flow_of(trial.out[0]), 0);
	gro_end(&trial);
	assert_int_equal(trial.counters.flushes[GRO_FLUSH_full], 1);
	settings.flows = 8;
	settings.buffers = 5;
	gro_begin(&trial, &settings);
	give(&trial, 1, 0);
	for (unsigned i = 0; i < 5; i++)
		give(&trial, 2, i);
	assert_int_equal(trial.count, 1);
	assert_int_equal(flow_of(trial.out[0]), 1);
	give(&trial, 2, 5);
	gro_drain(&trial);
	gro_expect(&trial, "1 6");
	gro_end(&trial);
}

/* Each is found again. */
static void many(void **state)
{
	struct gro_settings settings = gro_ordinary;
	struct gro_trial trial;
	enum { FLOWS = 2000 };

	(void)state;
	settings.flows = GRO_FLOWS_MAX;
	settings.buffers = 3 * FLOWS;
	gro_begin(&trial, &settings);
	for (unsigned n = 0; n < 3; n++)
		for (unsigned i = 0; i < FLOWS; i++)
			give(&trial, i, n);
	assert_int_equal(trial.count, 0);
	assert_int_equal(gro_held(trial.gro), 3 * FLOWS);
	gro_drain(&trial);
	assert_int_equal(trial.count, FLOWS);
	for (unsigned i = 0; i < FLOWS; i++) {
		assert_int_equal(super_packet_segments(trial.out[i]), 3);
		assert_int_equal(flow_of(trial.out[i]), i);
	}
	gro_end(&trial);
}

/* A fragment, or what has no ports, may be of any flow of its addresses; others stay. */
static void portless(void **state)
{
	struct packet packets[] = {{.fragment = 0x2000, .payload = 64},
		{.fragment = 0x0010, .payload = 64}, {.protocol = 1, .payload = 64},
		{.protocol = 50, .payload = 64}, {.fragment = 0x2000, .udp = true}};
	struct gro_trial trial;

	(void)state;
	for (unsigned i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct packet other = segment(9, 0);

		gro_begin(&trial, &gro_ordinary);
		other.address = 77;
		gro_give(&trial, &other);
		give(&trial, 1, 0);
		give(&trial, 2, 0);
		give(&trial, 1, 1);
		gro_give(&trial, &packets[i]);
		assert_int_equal(trial.count, 3);
		assert_int_equal(super_packet_segments(trial.out[2]), 1);
		assert_int_equal(gro_held(trial.gro), 1);
		gro_drain(&trial);
		assert_int_equal(flow_of(trial.out[3]), 9);
		gro_end(&trial);
		assert_int_equal(trial.counters.flushes[GRO_FLUSH_not_mergeable], 2);
	}
}

/* More has to leave than there is room for: the rest waits, in order, and is due at once. */
static void no_room(void **state)
{
	const struct packet fragment = {.fragment = 0x2000, .payload = 8};
	struct gro_trial trial;
	enum { FLOWS = 40 };

	(void)state;
	gro_begin(&trial, &gro_ordinary);
	for (unsigned i = 0; i < FLOWS; i++)
		give(&trial, i, 0);
	gro_give(&trial, &fragment);
	assert_int_equal(trial.count, GRO_OUT_FACTOR);
	assert_int_equal(gro_held(trial.gro), FLOWS + 1 - GRO_OUT_FACTOR);
	assert_int_equal(gro_due_tsc(trial.gro), 0);
	give(&trial, 1, 1);
	assert_int_equal(trial.count, 2 * GRO_OUT_FACTOR);
	gro_drain(&trial);
	assert_int_equal(trial.count, FLOWS + 2);
	assert_int_equal(flow_of(trial.out[FLOWS + 1]), 1);
	gro_end(&trial);
}

static void other_packets(void **state)
{
	struct packet packet = segment(1, 0);
	struct rte_mbuf *chain = gro_make(&packet), *arp = rte_pktmbuf_alloc(gro_pool), *rest;
	struct gro_trial trial;

	(void)state;
	gro_begin(&trial, &gro_ordinary);
	trial.free_before += 2;
	give(&trial, 1, 7);
	memset(rte_pktmbuf_append(arp, 60), 0, 60);
	gro_give_mbufs(&trial, &arp, 1);
	assert_int_equal(gro_held(trial.gro), 1);
	/* Headers that lie in two buffers: no candidate, but of the flow. */
	rest = rte_pktmbuf_alloc(gro_pool);
	memcpy(rte_pktmbuf_append(rest, PAYLOAD + 26), rte_pktmbuf_mtod_offset(chain, void *, 40),
		PAYLOAD + 26);
	rte_pktmbuf_trim(chain, PAYLOAD + 26);
	rte_pktmbuf_chain(chain, rest);
	gro_give_mbufs(&trial, &chain, 1);
	gro_expect(&trial, "1 1 1");
	assert_ptr_equal(trial.out[2], chain);
	gro_end(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_untouched),
		cmocka_unit_test(fields_of_the_whole),
		cmocka_unit_test(end_of_burst),
		cmocka_unit_test(timeout),
		cmocka_unit_test(limits),
		cmocka_unit_test(many),
		cmocka_unit_test(portless),
		cmocka_unit_test(no_room),
		cmocka_unit_test(other_packets),
	};

	return cmocka_run_group_tests(tests, gro_group_setup, gro_group_teardown);
}
