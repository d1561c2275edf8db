/* SPDX-License-Identifier: BSD-3-Clause */
/* What is off by default: segments that wait for those before them, and LRO. */
#include <string.h>

#include "gro_fixture.h"
#include "packet/bytes.h"

enum { PAYLOAD = 500 };

static void give(struct gro_trial *trial, unsigned n, uint8_t flags)
{
	const struct packet packet = {
		.id = (uint16_t)n, .sequence = n * PAYLOAD, .payload = PAYLOAD, .flags = flags};

	gro_give(trial, &packet);
}

static uint32_t sequence_of(const struct rte_mbuf *packet)
{
	return load_be32(rte_pktmbuf_mtod_offset(packet, const uint8_t *, 34 + 4));
}

static void in_order(struct gro_trial *trial, const unsigned order[], unsigned count,
	uint8_t last_flags, const char *numbers, unsigned reordered)
{
	uint8_t sent[FRAME_MAX], back[FRAME_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		give(trial, order[i], order[i] == count - 1 ? last_flags : ACK);
	gro_drain(trial);
	gro_expect(trial, numbers);
	for (unsigned i = 0; i < trial->count; i++)
		for (unsigned j = 0; j < super_packet_segments(trial->out[i]); j++, n++) {
			const struct packet packet = {.id = (uint16_t)n,
				.sequence = n * PAYLOAD,
				.payload = PAYLOAD,
				.flags = n == count - 1 ? last_flags : ACK};
			unsigned length = gro_frame(&packet, sent);

			assert_int_equal(gro_cut(trial->out[i], j, back), length);
			assert_memory_equal(back, sent, length);
		}
	gro_end(trial);
	assert_int_equal(trial->counters.reordered, reordered);
	assert_int_equal(trial->counters.candidates, count);
}

static void reorder(void **state)
{
	struct gro_settings settings = gro_ordinary;
	struct gro_trial trial;

	(void)state;
	settings.reorder = true;
	gro_begin(&trial, &settings);
	in_order(&trial, (unsigned[]){0, 2, 1, 3}, 4, ACK, "4", 1);
	gro_begin(&trial, &settings);
	in_order(&trial, (unsigned[]){0, 4, 2, 3, 1, 5}, 6, ACK, "6", 3);
	gro_begin(&trial, &settings);
	in_order(&trial, (unsigned[]){0, 3, 2, 1}, 4, ACK | PSH, "4", 2);
	assert_int_equal(trial.counters.flushes[GRO_FLUSH_push], 1);
	/* Off: as they came. */
	gro_begin(&trial, &gro_ordinary);
	give(&trial, 0, ACK);
	give(&trial, 2, ACK);
	give(&trial, 1, ACK);
	gro_drain(&trial);
	gro_expect(&trial, "1 1 1");
	gro_end(&trial);
}

/* What a flow was held in when the burst came may keep a segment of another one that waits by the
 * time its next packet is looked at: that is not its flow. */
static void place_of_another(void **state)
{
	struct gro_settings settings = gro_ordinary;
	struct gro_trial trial;
	struct packet packets[] = {
		{.source = 1, .id = 1, .sequence = PAYLOAD}, /* no payload: the flow leaves */
		{.source = 2, .id = 5, .sequence = 5 * PAYLOAD, .payload = PAYLOAD},
		{.source = 1, .id = 1, .sequence = 5 * PAYLOAD, .payload = PAYLOAD},
	};
	struct rte_mbuf *mbufs[3];

	(void)state;
	settings.reorder = true;
	gro_begin(&trial, &settings);
	trial.free_before = rte_mempool_avail_count(gro_pool);
	gro_give(&trial, &(struct packet){.source = 1, .payload = PAYLOAD});
	gro_give(&trial, &(struct packet){.source = 2, .payload = PAYLOAD});
	for (unsigned i = 0; i < 3; i++)
		mbufs[i] = gro_make(&packets[i]);
	gro_give_mbufs(&trial, mbufs, 3);
	gro_drain(&trial);
	gro_expect(&trial, "1 1 1 1 1");
	gro_end(&trial);
}

static void gap_stays(void **state)
{
	struct gro_settings settings = gro_ordinary;
	struct gro_trial trial;

	(void)state;
	settings.reorder = true;
	gro_begin(&trial, &settings);
	give(&trial, 0, ACK);
	give(&trial, 3, ACK);
	give(&trial, 2, ACK);
	give(&trial, 3, ACK); /* again: nobody waits for it */
	assert_int_equal(trial.count, 3);
	gro_drain(&trial);
	gro_expect(&trial, "1 1 1 1");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sequence_of(trial.out[i]), i == 0 ? 0 : (i + 1) * PAYLOAD);
	gro_end(&trial);
	/* Too far ahead, and too many. */
	gro_begin(&trial, &settings);
	give(&trial, 0, ACK);
	give(&trial, 65536 / PAYLOAD + 2, ACK);
	assert_int_equal(trial.count, 1);
	gro_end(&trial);
	gro_begin(&trial, &settings);
	give(&trial, 0, ACK);
	for (unsigned i = 2; i < 18; i++)
		give(&trial, i, ACK);
	assert_int_equal(trial.count, 0);
	assert_int_equal(gro_held(trial.gro), 17);
	give(&trial, 18, ACK);
	gro_drain(&trial);
	assert_int_equal(trial.count, 18);
	gro_end(&trial);
	/* Another flow needs the places. */
	settings.flows = 4;
	gro_begin(&trial, &settings);
	for (unsigned i = 0; i < 8; i += 2)
		give(&trial, i, ACK);
	gro_give(&trial, &(struct packet){.source = 1, .payload = 5});
	assert_int_equal(trial.count, GRO_OUT_FACTOR); /* the fourth had no room */
	gro_drain(&trial);
	gro_expect(&trial, "1 1 1 1 1");
	gro_end(&trial);
}

static void lro(void **state)
{
	struct packet packet = {.payload = 300, .id = 4};
	struct gro_settings settings = gro_ordinary;
	struct gro_trial trial;
	const uint8_t *frame;

	(void)state;
	settings.lro = true;
	settings.lro_bytes = 65535;
	gro_begin(&trial, &settings);
	for (unsigned i = 0; i < 5; i++) {
		gro_give(&trial, &packet);
		packet.sequence += packet.payload;
		packet.payload = 100 + 200 * (i % 2);
		packet.ack++, packet.window++, packet.stamp++;
		packet.flags = i == 1 ? ACK | PSH : ACK;
		packet.id = (uint16_t)(packet.id * 3 + 1);
	}
	packet.ttl = 3;
	gro_give(&trial, &packet);
	packet.sequence += packet.payload;
	packet.flags = ACK | FIN;
	gro_give(&trial, &packet);
	gro_expect(&trial, "5 2");
	frame = rte_pktmbuf_mtod(trial.out[0], const uint8_t *);
	assert_int_equal(trial.out[0]->pkt_len, 66 + 300 + 100 + 300 + 100 + 300);
	assert_int_equal(trial.out[0]->tso_segsz, 300);
	assert_int_equal(load_be32(frame + 34 + 8), 77 + 4);
	assert_int_equal(load_be16(frame + 34 + 14), 5000 + 4);
	assert_int_equal(load_be32(frame + 34 + 24), 4711 + 4);
	assert_int_equal(frame[34 + 13], ACK | PSH);
	assert_false(super_note(trial.out[0])->flags & SUPER_SUMS);
	gro_end(&trial);
}

static void big_tcp(void **state)
{
	struct packet packet = {.payload = 1400, .ipv6 = true};
	struct gro_settings settings = gro_ordinary;
	struct gro_trial trial;

	(void)state;
	settings.lro = true;
	settings.lro_bytes = 200000;
	for (unsigned v = 0; v < 2; v++) {
		gro_begin(&trial, &settings);
		packet.ipv6 = v;
		packet.sequence = 0;
		for (unsigned i = 0; i < 100; i++) {
			gro_give(&trial, &packet);
			packet.sequence += packet.payload;
		}
		gro_drain(&trial);
		gro_expect(&trial, "100");
		assert_int_equal(load_be16(rte_pktmbuf_mtod_offset(
					 trial.out[0], const uint8_t *, v ? 18 : 16)),
			0);
		gro_end(&trial);
	}
}

/* Without LRO the IP packet ends at 65535 bytes: 46 segments of 1400, and their headers. */
static void full(void **state)
{
	struct packet packet = {.payload = 1400};
	struct gro_trial trial;

	(void)state;
	gro_begin(&trial, &gro_ordinary);
	for (unsigned i = 0; i < 50; i++) {
		packet.id = (uint16_t)i;
		gro_give(&trial, &packet);
		packet.sequence += packet.payload;
	}
	gro_drain(&trial);
	gro_expect(&trial, "46 4");
	gro_end(&trial);
	assert_int_equal(trial.counters.flushes[GRO_FLUSH_size], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reorder),
		cmocka_unit_test(place_of_another),
		cmocka_unit_test(gap_stays),
		cmocka_unit_test(lro),
		cmocka_unit_test(big_tcp),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, gro_group_setup, gro_group_teardown);
}
