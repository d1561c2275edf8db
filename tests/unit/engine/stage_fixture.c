/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_lcore.h>

struct rte_mbuf *emitted[EMITTED_MAX];
unsigned emitted_count, emitted_bursts;
uint64_t emitted_rx_tsc;
struct rte_mempool *test_pool;

int fixture_group_setup(void **state)
{
	static char words[][16] = {"test", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};

	(void)state;
	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	if (rte_eal_init(COUNT, arguments) < 0)
		return -1;
	test_pool = rte_pktmbuf_pool_create(
		"test", POOL_PACKETS, 0, 0, BUFFER_BYTES + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return test_pool != NULL ? 0 : -1;
}

int fixture_group_teardown(void **state)
{
	(void)state;
	rte_mempool_free(test_pool);
	return rte_eal_cleanup();
}

int fixture_setup(void **state)
{
	*state = aligned_alloc(64, (sizeof(struct stage_fixture) + 63) & ~(size_t)63);
	return *state != NULL ? 0 : -1;
}

int fixture_teardown(void **state)
{
	rte_pktmbuf_free_bulk(emitted, emitted_count);
	emitted_count = emitted_bursts = 0;
	free(*state);
	if (rte_mempool_avail_count(test_pool) == POOL_PACKETS)
		return 0;
	fprintf(stderr, "%u buffers are missing\n",
		POOL_PACKETS - rte_mempool_avail_count(test_pool));
	return -1;
}

int fixture_create(struct stage_fixture *fixture, const char *name,
	const struct config_stage *config, struct error *error)
{
	const struct rte_ether_addr address = {{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}};

	memset(fixture, 0, sizeof(*fixture));
	fixture->stage.ops = stage_find(name);
	assert_non_null(fixture->stage.ops);
	fixture->stage.counters = &fixture->counters;
	fixture->stage.drops = fixture->drops;
	fixture->stage.pool = test_pool;
	fixture->stage.port_index = 3;
	fixture->stage.tx_address = address;
	if (fixture->stage.ops->create == NULL)
		return 0;
	return fixture->stage.ops->create(&fixture->stage, config, SOCKET_ID_ANY, error);
}

void fixture_destroy(struct stage_fixture *fixture)
{
	if (fixture->stage.ops->destroy != NULL)
		fixture->stage.ops->destroy(&fixture->stage);
}

void fixture_add(struct stage_fixture *fixture, struct rte_mbuf *packet)
{
	assert_in_range(fixture->burst.count, 0, BURST_SIZE - 1);
	fixture->burst.packets[fixture->burst.count++] = packet;
	fixture->burst.bytes += packet->pkt_len;
}

static void burst_check(const struct burst *burst)
{
	uint64_t bytes = 0;

	assert_in_range(burst->count, 0, BURST_SIZE);
	for (unsigned i = 0; i < burst->count; i++) {
		rte_mbuf_sanity_check(burst->packets[i], 1);
		bytes += burst->packets[i]->pkt_len;
	}
	assert_int_equal(burst->bytes, bytes);
}

void fixture_process(struct stage_fixture *fixture)
{
	fixture->stage.ops->process(&fixture->stage, &fixture->burst);
	burst_check(&fixture->burst);
}

void fixture_clear(struct stage_fixture *fixture)
{
	rte_pktmbuf_free_bulk(fixture->burst.packets, fixture->burst.count);
	fixture->burst.count = 0;
	fixture->burst.bytes = 0;
}

void stage_emit(struct stage *stage, struct burst *burst)
{
	(void)stage;
	burst_check(burst);
	assert_true(emitted_count + burst->count <= EMITTED_MAX);
	memcpy(&emitted[emitted_count], burst->packets, burst->count * sizeof(burst->packets[0]));
	emitted_count += burst->count;
	emitted_bursts++;
	emitted_rx_tsc = burst->rx_tsc;
	burst->count = 0;
	burst->bytes = 0;
}

struct rte_mbuf *packet_of(const uint8_t *bytes, uint32_t length, uint32_t first, uint32_t rest)
{
	struct rte_mbuf *packet = NULL;
	uint32_t part = first != 0 && first < length ? first : length;

	do {
		struct rte_mbuf *segment = rte_pktmbuf_alloc(test_pool);

		assert_non_null(segment);
		memcpy(rte_pktmbuf_append(segment, (uint16_t)part), bytes, part);
		if (packet == NULL)
			packet = segment;
		else
			assert_int_equal(rte_pktmbuf_chain(packet, segment), 0);
		bytes += part;
		length -= part;
		part = rest < length ? rest : length;
	} while (length > 0);
	return packet;
}

const uint8_t *packet_bytes(const struct rte_mbuf *packet, uint32_t *ret_length)
{
	static uint8_t copy[UINT16_MAX * 2];
	const void *bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, copy);

	assert_non_null(bytes);
	*ret_length = packet->pkt_len;
	return bytes;
}

uint64_t test_seed(void)
{
	const char *given = getenv("WEIR_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	printf("WEIR_SEED=%" PRIu64 "\n", seed);
	return seed;
}
