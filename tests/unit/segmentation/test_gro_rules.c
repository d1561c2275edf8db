/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules that settings, protocols and tunnels bring with them. */
#include <string.h>

#include "gro_fixture.h"

#define CHANGE(name, statement)                                                                    \
	static void name(struct packet *p)                                                         \
	{                                                                                          \
		statement;                                                                         \
	}
CHANGE(cwr, p->flags = ACK | CWR)
CHANGE(ack, p->flags = ACK)
CHANGE(shorter, p->payload = GRO_MSS / 2)
CHANGE(larger, p->payload = GRO_MSS + 1)
CHANGE(empty, p->payload = 0)
CHANGE(padded, p->padding = 1)
CHANGE(bad, p->bad = true)
CHANGE(bad_ip, p->bad_ip = true)
CHANGE(no_checksum, p->no_checksum = true)
CHANGE(other_ttl, p->ttl = 9)
CHANGE(other_key, p->key = 9)
CHANGE(outer_checksum, p->outer_checksum = true)
CHANGE(outer_id, p->outer_id += 7)
CHANGE(inner_id, p->id += 7)
CHANGE(fragment, p->fragment = 0x2000)

static void kernels_differ(void **state)
{
	struct gro_settings classic = gro_ordinary;
	struct packet first = {.flags = ACK | CWR};
	struct gro_trial trial;

	(void)state;
	classic.rules = GRO_RULES_CLASSIC;
	/* CWR: compared, or of the first only. */
	gro_four(&trial, &gro_ordinary, &first, ack, "2 1 1");
	gro_four(&trial, &classic, &first, NULL, "1 1 1 1");
	gro_four(&trial, &classic, &first, ack, "1 2 1");
	first.flags = ACK;
	gro_four(&trial, &classic, &first, cwr, "2 2");
	gro_four(&trial, &gro_ordinary, &first, cwr, "2 1 1");
	gro_four(&trial, &classic, &first, NULL, "4");
}

static void fixed(struct gro_trial *trial, const struct gro_settings *settings, bool no_df,
	enum tunnel tunnel, const char *numbers)
{
	uint8_t sent[FRAME_MAX], back[FRAME_MAX];
	struct packet packet = {.payload = GRO_MSS, .no_df = no_df, .tunnel = tunnel, .id = 5};

	gro_begin(trial, settings);
	for (unsigned i = 0; i < 3; i++) {
		packet.sequence = i * GRO_MSS;
		packet.outer_id = 5;
		gro_give(trial, &packet);
	}
	gro_drain(trial);
	gro_expect(trial, numbers);
	assert_int_equal(gro_cut(trial->out[trial->count - 1],
				 super_packet_segments(trial->out[trial->count - 1]) - 1, back),
		gro_frame(&packet, sent));
	assert_memory_equal(sent, back, 60);
	gro_end(trial);
}

static void fixed_ids(void **state)
{
	struct gro_settings classic = gro_ordinary;
	struct gro_trial trial;

	(void)state;
	classic.rules = GRO_RULES_CLASSIC;
	fixed(&trial, &gro_ordinary, false, PLAIN, "3");
	fixed(&trial, &gro_ordinary, true, PLAIN, "3");
	fixed(&trial, &classic, false, PLAIN, "3");
	fixed(&trial, &classic, true, PLAIN, "1 1 1");
	fixed(&trial, &gro_ordinary, false, VXLAN, "3");
	fixed(&trial, &classic, true, IPIP, "1 1 1");
}

static void udp(void **state)
{
	struct packet first = {.udp = true, .id = 1};
	struct gro_settings no_udp = gro_ordinary;
	struct gro_trial trial;

	(void)state;
	no_udp.udp = false;
	gro_four(&trial, &gro_ordinary, &first, NULL, "4");
	gro_four(&trial, &no_udp, &first, NULL, "1 1 1 1");
	gro_four(&trial, &gro_ordinary, &first, shorter, "3 1");
	gro_four(&trial, &gro_ordinary, &first, empty, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, padded, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, bad, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, no_checksum, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, other_ttl, "2 1 1");
	first.no_checksum = true;
	gro_four(&trial, &gro_ordinary, &first, NULL, "1 1 1 1");
	first.no_checksum = false;
	first.ipv6 = true;
	gro_four(&trial, &gro_ordinary, &first, NULL, "4");
	/* The fourth is smaller than the larger one, and so its last. */
	gro_four(&trial, &gro_ordinary, &first, larger, "2 2");
}

static void udp_64(void **state)
{
	struct packet packet = {.udp = true, .payload = 10};
	struct gro_trial trial;

	(void)state;
	gro_begin(&trial, &gro_ordinary);
	for (unsigned i = 0; i < 130; i++) {
		packet.id = (uint16_t)i;
		gro_give(&trial, &packet);
	}
	gro_drain(&trial);
	gro_expect(&trial, "64 64 2");
	gro_end(&trial);
	assert_int_equal(trial.counters.flushes[GRO_FLUSH_size], 2);
}

static void tunnels(void **state)
{
	struct packet first = {.tunnel = VXLAN, .key = 5};
	struct gro_settings no_tunnels = gro_ordinary;
	struct gro_trial trial;

	(void)state;
	no_tunnels.tunnels = false;
	gro_four(&trial, &no_tunnels, &first, NULL, "1 1 1 1");
	gro_four(&trial, &gro_ordinary, &first, outer_checksum, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, outer_id, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, inner_id, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, bad, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, bad_ip, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, padded, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, fragment, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, shorter, "3 1");
	gro_four(&trial, &gro_ordinary, &first, other_key, "2 1 1");
	first = (struct packet){.tunnel = GRE_SEQUENCE};
	gro_four(&trial, &gro_ordinary, &first, NULL, "1 1 1 1");
	first = (struct packet){.tunnel = GRE_KEY, .udp = true};
	gro_four(&trial, &gro_ordinary, &first, NULL, "4");
	first = (struct packet){.tunnel = IPIP, .ipv6 = true};
	gro_four(&trial, &gro_ordinary, &first, NULL, "4");
}

static void unverified(void **state)
{
	struct gro_settings settings = gro_ordinary;
	const struct packet first = {.id = 9};
	struct gro_trial trial;

	(void)state;
	settings.verify = false;
	/* Wrong, but still that of the packet: what is cut again has it too. */
	gro_four(&trial, &settings, &first, bad, "4");
	assert_int_equal(trial.counters.bad_checksums, 0);
}

/* Gives two segments of which the second is changed in place. */
static void pair(struct gro_trial *trial, const struct gro_settings *settings,
	const struct packet *first, unsigned offset, uint16_t raw, uint64_t flags,
	const char *numbers)
{
	struct packet packet = *first;
	struct rte_mbuf *second;

	packet.payload = 100;
	gro_begin(trial, settings);
	gro_give(trial, &packet);
	packet.sequence += 100;
	packet.id++;
	second = gro_make(&packet);
	if (offset != 0)
		memcpy(rte_pktmbuf_mtod_offset(second, void *, offset), &raw, 2);
	second->ol_flags |= flags;
	gro_give_mbufs(trial, &second, 1);
	gro_drain(trial);
	gro_expect(trial, numbers);
	gro_end(trial);
}

enum { IP_CHECKSUM = 14 + 10, TCP_CHECKSUM = 14 + 20 + 16 };

static void device_knows(void **state)
{
	struct gro_settings unverified = gro_ordinary;
	const struct packet first = {.id = 1};
	struct gro_trial trial;

	(void)state;
	unverified.verify = false;
	pair(&trial, &gro_ordinary, &first, TCP_CHECKSUM, 0x1234, 0, "1 1");
	pair(&trial, &gro_ordinary, &first, TCP_CHECKSUM, 0x1234, RTE_MBUF_F_RX_L4_CKSUM_GOOD, "2");
	pair(&trial, &gro_ordinary, &first, IP_CHECKSUM, 0x1234, RTE_MBUF_F_RX_L4_CKSUM_GOOD,
		"1 1");
	pair(&trial, &gro_ordinary, &first, IP_CHECKSUM, 0x1234, RTE_MBUF_F_RX_IP_CKSUM_GOOD, "2");
	/* Partial: there is no checksum yet. */
	pair(&trial, &gro_ordinary, &first, 0, 0, RTE_MBUF_F_RX_L4_CKSUM_NONE, "1 1");
	pair(&trial, &unverified, &first, 0, 0, RTE_MBUF_F_RX_L4_CKSUM_NONE, "1 1");
	/* Would come back as 0. */
	pair(&trial, &unverified, &first, TCP_CHECKSUM, 0xffff, 0, "1 1");
	pair(&trial, &unverified, &first, IP_CHECKSUM, 0xffff, 0, "1 1");
	pair(&trial, &unverified, &first, TCP_CHECKSUM, 0xfffe, 0, "2");
	/* Merged by somebody already. */
	pair(&trial, &gro_ordinary, &first, 0, 0, RTE_MBUF_F_TX_TCP_SEG, "1 1");
	/* A tag that is beside the packet. */
	pair(&trial, &gro_ordinary, &first, 0, 0, RTE_MBUF_F_RX_VLAN_STRIPPED, "1 1");
}

/* The place of a flow goes to another one within a burst, of the same headers but for a tag that is
 * beside the packet: the next packet of the first one has to see that. */
static void place_taken(void **state)
{
	struct gro_settings settings = gro_ordinary;
	struct packet packet = {.payload = 100};
	struct rte_mbuf *burst[3];
	struct gro_trial trial;

	(void)state;
	settings.flows = 1;
	gro_begin(&trial, &settings);
	gro_give(&trial, &packet);
	burst[0] = gro_make(&(struct packet){.payload = 9, .source = 5});
	packet.sequence += 100, packet.id++;
	burst[1] = gro_make(&packet);
	burst[1]->ol_flags |= RTE_MBUF_F_RX_VLAN_STRIPPED;
	packet.sequence += 100, packet.id++;
	burst[2] = gro_make(&packet);
	gro_give_mbufs(&trial, burst, 3);
	gro_drain(&trial);
	gro_expect(&trial, "1 1 1 1");
	gro_end(&trial);
}

static void settings(void **state)
{
	struct gro_settings bad_settings = gro_ordinary;
	struct error error = {0};

	(void)state;
	bad_settings.flows = 0;
	assert_null(gro_create(&bad_settings, SOCKET_ID_ANY, &error));
	assert_int_equal(error.code, 22);
	bad_settings.flows = GRO_FLOWS_MAX + 1;
	assert_null(gro_create(&bad_settings, SOCKET_ID_ANY, &error));
	bad_settings = gro_ordinary;
	bad_settings.buffers = 0;
	assert_null(gro_create(&bad_settings, SOCKET_ID_ANY, &error));
	bad_settings = gro_ordinary;
	bad_settings.lro = true;
	assert_null(gro_create(&bad_settings, SOCKET_ID_ANY, &error));
	bad_settings.lro_bytes = 65535;
	bad_settings.flows = GRO_FLOWS_MAX;
	gro_destroy(gro_create(&bad_settings, SOCKET_ID_ANY, &error));
	assert_null(gro_destroy(NULL));
	for (unsigned i = 0; i < GRO_FLUSH_COUNT; i++)
		assert_true(strlen(gro_flush_infos[i].description) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_differ),
		cmocka_unit_test(fixed_ids),
		cmocka_unit_test(udp),
		cmocka_unit_test(udp_64),
		cmocka_unit_test(tunnels),
		cmocka_unit_test(unverified),
		cmocka_unit_test(device_knows),
		cmocka_unit_test(place_taken),
		cmocka_unit_test(settings),
	};

	return cmocka_run_group_tests(tests, gro_group_setup, gro_group_teardown);
}
