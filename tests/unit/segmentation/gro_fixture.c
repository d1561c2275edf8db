/* SPDX-License-Identifier: BSD-3-Clause */
#include "gro_fixture.h"

#include <stdio.h>
#include <string.h>

#include <rte_eal.h>

#include "steering/receive.h"

enum { POOL_PACKETS = 8191 };

struct rte_mempool *gro_pool;

int gro_group_setup(void **state)
{
	static char words[][16] = {"test", "--no-huge", "--no-shconf", "-m", "256", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};

	(void)state;
	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	if (rte_eal_init(COUNT, arguments) < 0 || super_note_register(NULL) != 0)
		return -1;
	gro_pool = rte_pktmbuf_pool_create(
		"test", POOL_PACKETS, 0, 0, FRAME_MAX + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return gro_pool != NULL ? 0 : -1;
}

int gro_group_teardown(void **state)
{
	(void)state;
	rte_mempool_free(gro_pool);
	return rte_eal_cleanup();
}

struct rte_mbuf *gro_make(const struct packet *packet)
{
	uint8_t frame[FRAME_MAX];
	const unsigned bytes = gro_frame(packet, frame);
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(gro_pool);

	assert_non_null(mbuf);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)bytes), frame, bytes);
	receive_parse(&mbuf, 1);
	return mbuf;
}

const struct gro_settings gro_ordinary = {.flows = 64,
	.buffers = 4096,
	.timeout_tsc = 1000,
	.rules = GRO_RULES_CURRENT,
	.tcp = true,
	.udp = true,
	.tunnels = true,
	.verify = true};

void gro_begin(struct gro_trial *trial, const struct gro_settings *settings)
{
	struct error error = {0};

	*trial = (struct gro_trial){.settings = *settings, .now = 5000};
	trial->free_before = rte_mempool_avail_count(gro_pool);
	trial->gro = gro_create(settings, SOCKET_ID_ANY, &error);
	assert_string_equal(error.message, "");
	assert_non_null(trial->gro);
}

void gro_give_mbufs(struct gro_trial *trial, struct rte_mbuf *packets[], unsigned count)
{
	struct rte_mbuf *out[GRO_OUT_FACTOR * 64];
	const unsigned came = gro_receive(trial->gro, packets, count, trial->now, out);

	assert_true(came <= (trial->settings.timeout_tsc != 0 ? GRO_OUT_FACTOR * count : count));
	assert_true(trial->count + came <= OUT_MAX);
	memcpy(trial->out + trial->count, out, came * sizeof(out[0]));
	trial->count += came;
	trial->given += count;
}

void gro_give(struct gro_trial *trial, const struct packet *packet)
{
	struct rte_mbuf *mbuf = gro_make(packet);

	gro_give_mbufs(trial, &mbuf, 1);
}

void gro_drain(struct gro_trial *trial)
{
	unsigned came;

	do {
		assert_true(trial->count + 7 <= OUT_MAX);
		came = gro_flush(trial->gro, trial->now, true, trial->out + trial->count, 7);
		trial->count += came;
	} while (came > 0);
}

void gro_end(struct gro_trial *trial)
{
	unsigned came = 0;

	gro_drain(trial);
	assert_int_equal(gro_held(trial->gro), 0);
	assert_true(gro_due_tsc(trial->gro) == UINT64_MAX);
	for (unsigned i = 0; i < trial->count; i++) {
		came += super_packet_segments(trial->out[i]);
		rte_mbuf_sanity_check(trial->out[i], 1);
		rte_pktmbuf_free(trial->out[i]);
	}
	assert_int_equal(came, trial->given);
	assert_int_equal(gro_counters(trial->gro)->packets, trial->given);
	trial->counters = *gro_counters(trial->gro);
	trial->gro = gro_destroy(trial->gro);
	assert_int_equal(rte_mempool_avail_count(gro_pool), trial->free_before);
}

void gro_expect(struct gro_trial *trial, const char *numbers)
{
	char text[OUT_MAX] = "";
	size_t length = 0;

	for (unsigned i = 0; i < trial->count && length < sizeof(text) - 8; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u",
			i > 0 ? " " : "", super_packet_segments(trial->out[i]));
	assert_string_equal(text, numbers);
}

void gro_four(struct gro_trial *trial, const struct gro_settings *settings,
	const struct packet *first, gro_change_fn change, const char *numbers)
{
	struct packet packets[4];
	uint8_t sent[FRAME_MAX], back[FRAME_MAX];
	unsigned n = 0;

	gro_begin(trial, settings);
	for (unsigned i = 0; i < 4; i++) {
		packets[i] = *first;
		packets[i].payload = GRO_MSS;
		packets[i].sequence = first->sequence + i * GRO_MSS;
		packets[i].id = (uint16_t)(first->id + i);
		packets[i].outer_id = (uint16_t)(first->outer_id + i);
		if (i == 2 && change != NULL)
			change(&packets[i]);
		gro_give(trial, &packets[i]);
	}
	gro_drain(trial);
	gro_expect(trial, numbers);
	for (unsigned i = 0; i < trial->count; i++)
		for (unsigned j = 0; j < super_packet_segments(trial->out[i]); j++, n++) {
			unsigned length = gro_frame(&packets[n], sent);

			assert_int_equal(gro_cut(trial->out[i], j, back), length);
			assert_memory_equal(back, sent, length);
		}
	gro_end(trial);
}
