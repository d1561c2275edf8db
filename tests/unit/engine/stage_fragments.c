/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_fragments.h"

#include <string.h>

#include "steering/receive.h"

const struct config_stage fragments_reassemble = {
	.type = "reassemble", .timeout_ns = 1000000000, .datagrams = DATAGRAMS};

struct built_frame frame;

/* A second stage beside the fixture's. */
void fragments_create(
	struct stage_fixture *fixture, const char *name, const struct config_stage *config)
{
	assert_int_equal(fixture_create(fixture, name, config, NULL), 0);
	fixture_destroy(fixture);
	fixture->stage.tsc_hz = HZ;
	assert_int_equal(
		fixture->stage.ops->create(&fixture->stage, config, SOCKET_ID_ANY, NULL), 0);
}

/* In = out + held + drops + merged, with what was made. */
void fragments_account(const struct stage_fixture *fixture, uint64_t in, uint64_t out)
{
	uint64_t drops = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		drops += fixture->drops[i];
	assert_int_equal(in + fixture->counters.made,
		out + fixture->counters.held + fixture->counters.merged + drops);
}

/* All that came out so far, in order: what was emitted, then what is left in the burst. */
unsigned fragments_output(struct stage_fixture *fixture, struct rte_mbuf *packets[])
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
struct rte_mbuf *fragments_pass(struct stage_fixture *fixture, struct rte_mbuf *packet)
{
	struct rte_mbuf *out[EMITTED_MAX];
	unsigned count;

	receive_parse(&packet, 1);
	fixture_add(fixture, packet);
	fixture_process(fixture);
	count = fragments_output(fixture, out);
	assert_in_range(count, 0, 1);
	return count == 1 ? out[0] : NULL;
}

unsigned fragments_cut(struct rte_mbuf *packet, uint32_t mtu, struct rte_mbuf *fragments[])
{
	struct stage_fixture *fixture = aligned_alloc(64, (sizeof(*fixture) + 63) & ~(size_t)63);
	const struct config_stage config = {.type = "fragment", .mtu = mtu};
	unsigned count;

	assert_non_null(fixture);
	fragments_create(fixture, "fragment", &config);
	receive_parse(&packet, 1);
	fixture_add(fixture, packet);
	fixture_process(fixture);
	count = fragments_output(fixture, fragments);
	fragments_account(fixture, 1, count);
	fixture_destroy(fixture);
	free(fixture);
	return count;
}

/* Right checksums, no DF, no extension headers that must be in each fragment. */
void fragments_build(const struct frame_spec *spec, uint64_t *seed)
{
	frame_build(&frame, spec, seed);
	if (spec->ip == 4)
		frame.bytes[frame.l2 + 6] = 0;
	frame_checksums(&frame, frame.bytes);
}

void fragments_check_whole(struct rte_mbuf *whole)
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
