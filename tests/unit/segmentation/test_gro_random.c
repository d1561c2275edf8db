/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The law: whatever comes, under any settings, what comes out can be cut into the same packets,
 * byte for byte, in the order of each flow; and what has no ports stays behind all that came before
 * it with its addresses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gro_fixture.h"

enum { ROUNDS = 60, PACKETS = 400, FLOWS = 14, PORTLESS = FLOWS };

struct sent {
	uint8_t bytes[FRAME_MAX];
	unsigned length, flow;
	bool came_back;
};

static struct sent sent[PACKETS];
static unsigned sent_count;

static uint64_t state_of_random;

static unsigned random_below(unsigned limit)
{
	state_of_random = state_of_random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)((state_of_random >> 33) % limit);
}

static bool one_in(unsigned chance)
{
	return random_below(chance) == 0;
}

/* All have the same addresses. */
static const struct packet kinds[FLOWS] = {{0}, {0}, {.no_stamps = true}, {.tags = 1},
	{.tags = 2, .vlan = 5}, {.udp = true}, {.udp = true}, {.tunnel = VXLAN, .key = 3},
	{.tunnel = VXLAN, .outer_checksum = true}, {.tunnel = GRE_KEY, .udp = true},
	{.tunnel = IPIP}, {.tunnel = IPIP, .ipv6 = true}, {.no_df = true}, {.tunnel = GRE}};

static void disturb(struct packet *packet)
{
	static const uint8_t flags[] = {
		ACK | PSH, ACK | FIN, ACK | CWR, ACK | ECE, ACK | SYN, ACK | RST, ACK | URG, PSH};

	switch (random_below(16)) {
	case 0: packet->bad = packet->payload > 0; break;
	case 1: packet->bad_ip = !packet->ipv6; break;
	case 2: packet->padding = 1 + random_below(5); break;
	case 3: packet->ttl = 7; break;
	case 4: packet->id = (uint16_t)(packet->id + random_below(3)); break;
	case 5: packet->outer_id = (uint16_t)(packet->outer_id + random_below(3)); break;
	case 6: packet->payload = random_below(300); break;
	case 7: packet->options = packet->ipv6 ? 0 : 8; break;
	case 8: packet->window++; break;
	case 9: packet->stamp++; break;
	case 10: packet->no_checksum = true; break;
	case 11: packet->sequence += random_below(5) * 100; break;
	case 12: packet->tos = 1; break;
	default: packet->flags = flags[random_below(sizeof(flags))]; break;
	}
}

static struct packet next_of(struct packet *flow, unsigned index)
{
	struct packet packet = *flow;

	packet.source = (uint16_t)index;
	if (one_in(12))
		disturb(&packet);
	flow->sequence = packet.sequence + packet.payload;
	flow->id = (uint16_t)(packet.id + (flow->window == 3 ? 0 : 1));
	flow->outer_id = (uint16_t)(packet.outer_id + 1);
	flow->ack += one_in(20);
	if (one_in(30))
		flow->payload = 1 + random_below(500);
	if (one_in(40))
		flow->window = flow->window == 3 ? 0 : 3;
	return packet;
}

static struct packet portless(void)
{
	static const uint8_t protocols[] = {1, 2, 50};

	if (one_in(2))
		return (struct packet){.fragment = (uint16_t)(one_in(2) ? 0x2000 : 0x2005),
			.payload = random_below(100)};
	return (struct packet){.protocol = protocols[random_below(3)], .payload = 40};
}

static struct rte_mbuf *send_one(struct packet flows[FLOWS])
{
	struct sent *one = &sent[sent_count++];
	struct packet packet;

	one->flow = one_in(50) ? (unsigned)PORTLESS : random_below(FLOWS);
	packet = one->flow == PORTLESS ? portless() : next_of(&flows[one->flow], one->flow);
	one->length = gro_frame(&packet, one->bytes);
	one->came_back = false;
	return gro_make(&packet);
}

/* The oldest of its flow that has not come back has to be it. */
static void comes_back(const uint8_t *bytes, unsigned length)
{
	bool seen[FLOWS + 1] = {false};
	unsigned i;

	for (i = 0; i < sent_count; i++) {
		struct sent *one = &sent[i];

		if (one->came_back)
			continue;
		if (!seen[one->flow] && one->length == length &&
			memcmp(one->bytes, bytes, length) == 0)
			break;
		seen[one->flow] = true;
	}
	assert_true(i < sent_count);
	sent[i].came_back = true;
	if (sent[i].flow == PORTLESS)
		for (unsigned j = 0; j < i; j++)
			assert_true(sent[j].came_back);
}

static void check(struct gro_trial *trial)
{
	uint8_t bytes[FRAME_MAX];

	for (unsigned i = 0; i < trial->count; i++)
		for (unsigned j = 0; j < super_packet_segments(trial->out[i]); j++) {
			unsigned length = gro_cut(trial->out[i], j, bytes);

			comes_back(bytes, length);
		}
}

static unsigned round_of(const struct gro_settings *settings)
{
	struct packet flows[FLOWS];
	struct gro_trial trial;

	memcpy(flows, kinds, sizeof(flows));
	for (unsigned i = 0; i < FLOWS; i++)
		flows[i].payload = 100 + i, flows[i].fill = (uint8_t)(i * 17);
	sent_count = 0;
	gro_begin(&trial, settings);
	while (sent_count < PACKETS) {
		unsigned count = 1 + random_below(64);
		struct rte_mbuf *burst[64];

		count = RTE_MIN(count, PACKETS - sent_count);
		for (unsigned i = 0; i < count; i++)
			burst[i] = send_one(flows);
		trial.now += random_below(400);
		gro_give_mbufs(&trial, burst, count);
		trial.count += gro_flush(
			trial.gro, trial.now, false, trial.out + trial.count, random_below(5));
	}
	gro_drain(&trial);
	check(&trial);
	gro_end(&trial);
	return (unsigned)trial.counters.merged;
}

static void lossless(void **state)
{
	const char *seed = getenv("WEIR_SEED");
	unsigned merged = 0;

	(void)state;
	state_of_random = seed != NULL ? strtoull(seed, NULL, 0) : 20121122;
	print_message("WEIR_SEED=%llu\n", (unsigned long long)state_of_random);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct gro_settings settings = gro_ordinary;

		settings.flows = 1 + random_below(20);
		settings.buffers = 1 + random_below(200);
		settings.timeout_tsc = one_in(3) ? 0 : 1000;
		settings.rules = one_in(2) ? GRO_RULES_CLASSIC : GRO_RULES_CURRENT;
		settings.tunnels = !one_in(8);
		settings.udp = !one_in(8);
		merged += round_of(&settings);
	}
	assert_true(merged > ROUNDS * PACKETS / 20);
	print_message("%u of %u merged\n", merged, ROUNDS * PACKETS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lossless),
	};

	return cmocka_run_group_tests(tests, gro_group_setup, gro_group_teardown);
}
