/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An engine made of numbers: two workers, port "trace" received by worker 0 and spread over four
 * emulated queues, port "sink" sent to by both. For tests, which include it once each.
 */
#ifndef WEIR_TESTS_FAKE_ENGINE_H
#define WEIR_TESTS_FAKE_ENGINE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/change.h"
#include "engine/capture.h"
#include "engine/engine.h"
#include "engine/order.h"
#include "engine/steering.h"
#include "engine/verbs.h"
#include "placement/plan.h"
#include "port/features.h"

enum { FAKE_WORKERS = 2, FAKE_EMULATED = 4, FAKE_TSC_HZ = 2000000000 };

#include "fake_steering.h"

struct engine {
	struct config config;
	struct worker_counters workers[FAKE_WORKERS];
	struct order_result order; /* received 0: it is off */
	struct queue_counters rx[1], emulated[FAKE_EMULATED], tx[2];
	struct stage_counters stages[FAKE_WORKERS];
	struct engine_account account;
	uint32_t pool_free;
	bool sink_removed;
	bool stuck; /* engine_change() fails */
	unsigned changes; /* how often it was changed */
};

static struct config *fake_config;

static inline void fake_engine_init(struct engine *engine)
{
	static const char text[] =
		"{\"ports\": {\"trace\": {\"generate\": {}, \"rss\": {\"mode\": \"software\","
		" \"queues\": 4}}, \"sink\": {\"device\": \"net_null0\"}},"
		" \"workers\": {\"count\": 2}, \"control\": {\"socket\": \"\"},"
		" \"stats\": {\"table\": false},"
		" \"pipelines\": [{\"from\": \"trace\", \"to\": \"sink\"}]}";
	struct config_problems problems;

	memset(engine, 0, sizeof(*engine));
	fake_steering_none();
	if (fake_config == NULL &&
		config_load_text(text, strlen(text), &fake_config, &problems) != 0)
		abort();
	/* Its strings stay fake_config's, which lives as long as the process. */
	engine->config = *fake_config;
	engine->pool_free = 8000;
}

static inline void fake_queue_pass(
	struct queue_counters *queue, uint64_t packets, uint64_t bytes, uint64_t batches)
{
	queue->packets += packets;
	queue->bytes += bytes;
	queue->batches += batches;
}

/* 1000 packets of 100 bytes in bursts of 25; 400 go to worker 1, whose backlog drops 10 of them. */
static inline void fake_engine_run(struct engine *engine)
{
	struct worker_counters *first = &engine->workers[0], *second = &engine->workers[1];

	fake_queue_pass(&engine->rx[0], 1000, 100000, 40);
	first->burst_sizes[25] += 40;
	fake_queue_pass(&engine->emulated[0], 600, 60000, 40);
	fake_queue_pass(&engine->emulated[1], 400, 40000, 20);
	first->handoff_out += 400;
	first->drops[DROP_backlog_full] += 10;
	engine->account.drops[DROP_backlog_full] += 10;
	second->handoff_in += 390;
	second->handoff_batches += 20;
	second->backlog_high = 77;
	first->busy_cycles += 100000;
	first->idle_cycles += 100000;
	second->busy_cycles += 39000;
	second->idle_cycles += 61000;
	second->sleep_cycles += 100000;
	fake_queue_pass(&engine->tx[0], 600, 60000, 40);
	fake_queue_pass(&engine->tx[1], 390, 39000, 20);
	for (unsigned i = 0; i < FAKE_WORKERS; i++) {
		uint64_t packets = i == 0 ? 600 : 390;

		engine->stages[i].packets += packets;
		engine->stages[i].bytes += packets * 100;
		engine->stages[i].batches += i == 0 ? 40 : 20;
		engine->stages[i].sampled_packets += 100;
		engine->stages[i].sampled_cycles += 1000 + 1000 * i;
		histogram_record(
			&engine->workers[i].latency_cycles, i == 0 ? 2000 : 20000, packets);
	}
	engine->account.in += 1000;
	engine->account.out += 990;
	engine->account.bytes_in += 100000;
	engine->account.bytes_out += 99000;
	engine->pool_free = 7900;
}

uint16_t engine_worker_count(const struct engine *engine)
{
	(void)engine;
	return FAKE_WORKERS;
}

void engine_worker_view(const struct engine *engine, uint16_t index, struct worker_view *ret_view)
{
	*ret_view = (struct worker_view){.cpu = index + 2,
		.numa_node = 0,
		.tid = 4242 + index,
		.counters = &engine->workers[index]};
}

unsigned engine_rx_count(const struct engine *engine)
{
	(void)engine;
	return 1;
}

void engine_rx_view(const struct engine *engine, unsigned index, struct rx_view *ret_view)
{
	*ret_view = (struct rx_view){.counters = &engine->rx[index]};
}

unsigned engine_emulated_queue_count(const struct engine *engine)
{
	(void)engine;
	return FAKE_EMULATED;
}

void engine_emulated_queue_view(
	const struct engine *engine, unsigned index, struct emulated_queue_view *ret_view)
{
	*ret_view = (struct emulated_queue_view){.queue = (uint16_t)index,
		.worker = (uint16_t)(index % FAKE_WORKERS),
		.writers = 1,
		.counters = {&engine->emulated[index]}};
}

unsigned engine_tx_count(const struct engine *engine)
{
	(void)engine;
	return 2;
}

void engine_tx_view(const struct engine *engine, unsigned index, struct tx_view *ret_view)
{
	*ret_view = (struct tx_view){.port = 1,
		.queue = (uint16_t)index,
		.worker = (uint16_t)index,
		.counters = &engine->tx[index]};
}

unsigned engine_stage_count(const struct engine *engine)
{
	(void)engine;
	return FAKE_WORKERS;
}

void engine_stage_view(const struct engine *engine, unsigned index, struct stage_view *ret_view)
{
	*ret_view = (struct stage_view){
		.worker = (uint16_t)index, .type = "macswap", .counters = &engine->stages[index]};
}

unsigned engine_pool_count(const struct engine *engine)
{
	(void)engine;
	return 1;
}

void engine_pool_view(const struct engine *engine, unsigned index, struct pool_view *ret_view)
{
	(void)index;
	*ret_view = (struct pool_view){.name = "packets-0",
		.size = 8191,
		.free_at_start = 8000,
		.free = engine->pool_free,
		.buffer_bytes = 2304};
}

uint16_t engine_port_count(const struct engine *engine)
{
	(void)engine;
	return 2;
}

int engine_port_state(const struct engine *engine, uint16_t index, struct port_state *ret_state)
{
	if (index == 1 && engine->sink_removed)
		return -ENODEV;
	if (index == 0)
		*ret_state = (struct port_state){.name = "trace",
			.driver = "replay",
			.device = "a.pcap",
			.numa_node = -1,
			.link_up = true,
			.mtu = 1500,
			.rx_queues = 1,
			.emulated_queues = FAKE_EMULATED,
			.rss = "software"};
	else
		*ret_state = (struct port_state){.name = "sink",
			.driver = "net_null",
			.device = "net_null0",
			.link_up = true,
			.link_mbps = 10000,
			.mtu = 1500,
			.tx_queues = 2,
			.rss = "off",
			.missed = 3};
	return 0;
}

uint64_t engine_tsc_hz(const struct engine *engine)
{
	(void)engine;
	return FAKE_TSC_HZ;
}

const struct config *engine_config(const struct engine *engine)
{
	return &engine->config;
}

/* What it is told to become, unless it is told to fail. */
int engine_change(struct engine *engine, const struct config *wanted, struct error *error)
{
	if (engine->stuck)
		return error_set(error, ETIMEDOUT, "worker 1 does not follow");
	engine->changes++;
	config_copy_live(&engine->config, wanted);
	return 0;
}

/* Nobody may attach. */
struct verbs_server *engine_verbs(const struct engine *engine)
{
	(void)engine;
	return NULL;
}

const char *engine_verbs_socket(const struct engine *engine)
{
	(void)engine;
	return NULL;
}

bool engine_order_result(const struct engine *engine, struct order_result *ret_result)
{
	*ret_result = engine->order;
	return engine->order.received > 0;
}

int engine_explain(const struct engine *engine, uint16_t port, const struct tuple *tuple,
	struct steering_explanation *ret_explanation, struct error *error)
{
	(void)engine;
	if (port != 0)
		return error_set(error, ENOENT, "port %u does not steer", port);
	*ret_explanation = (struct steering_explanation){.hash = 0x100 + tuple->source_port,
		.queue = 1,
		.consumer_cpu = -1,
		.flow_worker = -1,
		.worker = 1,
		.tx_port = 1};
	return 0;
}

int engine_capture_start(struct engine *engine, const struct capture_settings *settings,
	struct capture **ret_capture, struct error *error)
{
	(void)engine;
	(void)ret_capture;
	close(settings->socket);
	return error_set(error, EINVAL, "there is no point \"%s\"", settings->at[0]);
}

/* "trace" only receives; "sink" carries any length. */
void engine_feature_abilities(
	const struct engine *engine, uint16_t port, struct feature_abilities *ret_abilities)
{
	(void)engine;
	*ret_abilities = (struct feature_abilities){
		.receives = true, .sends = port == 1, .chains = true, .carries = PORT_WHOLE_ALL};
}

void engine_features(const struct engine *engine, const struct config *config, uint16_t port,
	struct feature_state *ret_states)
{
	bool comes = port == 1 && config->ports[0].features.generic_receive_offload == FEATURE_ON;
	struct feature_abilities abilities;

	engine_feature_abilities(engine, port, &abilities);
	features_resolve(&abilities, &config->ports[port].features, comes, ret_states);
}

const struct plan *engine_plan(const struct engine *engine)
{
	static struct plan plan;

	(void)engine;
	plan.worker_count = FAKE_WORKERS;
	for (uint16_t i = 0; i < FAKE_WORKERS; i++)
		plan.workers[i].cpu = i + 2;
	return &plan;
}

void engine_account(const struct engine *engine, struct engine_account *ret_account)
{
	*ret_account = engine->account;
}

#endif
