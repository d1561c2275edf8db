/* SPDX-License-Identifier: BSD-3-Clause */
/* What merges, what does not, and that the cut gives back every byte: TCP. */
#include <stdio.h>
#include <string.h>

#include "gro_fixture.h"

enum { MSS = GRO_MSS };

static void whole_flows(void **state)
{
	static const struct packet flows[] = {{.id = 65534}, {.ipv6 = true}, {.no_stamps = true},
		{.tags = 1, .vlan = 7}, {.tags = 2, .vlan = 7, .ipv6 = true},
		{.ipv6 = true, .extension = 16}, {.sequence = UINT32_MAX - 1500},
		{.no_df = true, .tos = 3}, {.flags = ACK | ECE}, {.flags = ACK | CWR},
		{.tunnel = VXLAN}, {.tunnel = VXLAN, .ipv6 = true, .outer_checksum = true},
		{.tunnel = VXLAN, .outer_ipv6 = true, .outer_checksum = true},
		{.tunnel = VXLAN, .outer_ipv6 = true, .ipv6 = true, .tags = 2},
		{.tunnel = GRE, .tags = 1}, {.tunnel = GRE_KEY, .key = 9, .ipv6 = true},
		{.tunnel = IPIP, .id = 65533}, {.tunnel = IPIP, .outer_ipv6 = true},
		{.tunnel = IPIP, .outer_ipv6 = true, .ipv6 = true}};
	struct gro_trial trial;

	(void)state;
	for (unsigned i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		gro_four(&trial, &gro_ordinary, &flows[i], NULL, "4");
}

#define CHANGE(name, statement)                                                                    \
	static void name(struct packet *p)                                                         \
	{                                                                                          \
		statement;                                                                         \
	}
CHANGE(other_ttl, p->ttl = 63)
CHANGE(other_tos, p->tos = 1)
CHANGE(other_df, p->no_df = true)
CHANGE(other_window, p->window = 1)
CHANGE(other_ack, p->ack = 1)
CHANGE(other_stamp, p->stamp = 1)
CHANGE(no_stamps, p->no_stamps = true)
CHANGE(other_urgent, p->urgent = 1)
CHANGE(other_label, p->label = 1)
CHANGE(ece, p->flags = ACK | ECE)
CHANGE(cwr, p->flags = ACK | CWR)
CHANGE(syn, p->flags = ACK | SYN)
CHANGE(rst, p->flags = ACK | RST)
CHANGE(urg, p->flags = ACK | URG)
CHANGE(psh, p->flags = ACK | PSH)
CHANGE(fin, p->flags = ACK | FIN)
CHANGE(shorter, p->payload = MSS - 1)
CHANGE(larger, p->payload = MSS + 1)
CHANGE(empty, p->payload = 0)
CHANGE(padded, p->padding = 3)
CHANGE(bad, p->bad = true)
CHANGE(bad_ip, p->bad_ip = true)
CHANGE(other_id, p->id++)
CHANGE(same_id, p->id--)
CHANGE(later, p->sequence++)
CHANGE(options, p->options = 4)
CHANGE(fragment, p->fragment = 0x2000)
CHANGE(other_extension, p->extension = 24)
CHANGE(icmp, p->protocol = 1)
CHANGE(reserved_bit, p->fragment = 0x8000)
CHANGE(bad_and_psh, p->bad = true; p->flags = ACK | PSH)

static void differences(void **state)
{
	static const struct {
		gro_change_fn change;
		const char *numbers;
		enum gro_flush why;
	} cases[] = {
		{other_ttl, "2 1 1", GRO_FLUSH_header},
		{other_tos, "2 1 1", GRO_FLUSH_header},
		{other_df, "2 1 1", GRO_FLUSH_header},
		{other_window, "2 1 1", GRO_FLUSH_header},
		{other_ack, "2 1 1", GRO_FLUSH_header},
		{other_stamp, "2 1 1", GRO_FLUSH_header},
		{no_stamps, "2 1 1", GRO_FLUSH_header},
		{other_urgent, "2 1 1", GRO_FLUSH_header},
		{ece, "2 1 1", GRO_FLUSH_header},
		{cwr, "2 1 1", GRO_FLUSH_header},
		{other_id, "2 2", GRO_FLUSH_header},
		{same_id, "2 1 1", GRO_FLUSH_header},
		{later, "2 1 1", GRO_FLUSH_sequence},
		{syn, "2 1 1", GRO_FLUSH_not_mergeable},
		{rst, "2 1 1", GRO_FLUSH_not_mergeable},
		{urg, "2 1 1", GRO_FLUSH_not_mergeable},
		{empty, "2 1 1", GRO_FLUSH_not_mergeable},
		{padded, "2 1 1", GRO_FLUSH_not_mergeable},
		{options, "2 1 1", GRO_FLUSH_not_mergeable},
		{fragment, "2 1 1", GRO_FLUSH_not_mergeable},
		{reserved_bit, "2 1 1", GRO_FLUSH_not_mergeable},
		{icmp, "2 1 1", GRO_FLUSH_not_mergeable},
		{bad, "2 1 1", GRO_FLUSH_checksum},
		{bad_ip, "2 1 1", GRO_FLUSH_checksum},
		{bad_and_psh, "2 1 1", GRO_FLUSH_checksum},
		{larger, "2 1 1", GRO_FLUSH_size},
		{shorter, "3 1", GRO_FLUSH_short_segment},
		{psh, "3 1", GRO_FLUSH_push},
		{fin, "3 1", GRO_FLUSH_push},
	};
	const struct packet first = {.id = 3};
	struct gro_trial trial;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gro_four(&trial, &gro_ordinary, &first, cases[i].change, cases[i].numbers);
		assert_true(trial.counters.flushes[cases[i].why] > 0);
	}
}

static void differences_ipv6(void **state)
{
	const struct packet first = {.ipv6 = true};
	struct gro_trial trial;

	(void)state;
	gro_four(&trial, &gro_ordinary, &first, other_label, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, other_tos, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, other_ttl, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, other_extension, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, bad, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, icmp, "2 1 1");
	gro_four(&trial, &gro_ordinary, &first, shorter, "3 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_flows),
		cmocka_unit_test(differences),
		cmocka_unit_test(differences_ipv6),
	};

	return cmocka_run_group_tests(tests, gro_group_setup, gro_group_teardown);
}
