/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links the steps of pipelines: configured stages, what the features of their ports ask for, and
 * taps. A step that is off is not in the chain, so it costs nothing; the price is that the workers
 * are parked, for about a millisecond, to switch one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/stages/stages.h"
#include "port/features.h"

void chain_init(struct pipeline *pipeline)
{
	struct worker *worker = pipeline->worker;
	struct engine *engine = worker->engine;
	const struct config_pipeline *config = &engine->config->pipelines[pipeline->index];
	struct stage common = {
		.drops = worker->counters.drops,
		.pipeline = pipeline,
		.pool = engine_pool(engine, worker->numa_node),
		.consumers = &engine->consumers,
		.tsc_hz = engine->tsc_hz,
		.port_index = config->to_port,
		.worker = worker->index,
		.tx_mtu = UINT16_MAX,
		.tx_segments_max = UINT16_MAX,
		.from = &engine->config->ports[config->from_port],
	};

	if (config->to_port != UINT16_MAX) {
		const struct port *to = &engine->ports[config->to_port];

		common.tx_address = to->address;
		common.tx_offloads = to->tx_offloads;
		/* A port that carries any length may have been given one. */
		if (to->tx_length_max != UINT32_MAX || to->config->mtu != 0)
			common.tx_mtu = to->mtu;
		common.tx_whole_bytes_max = to->tx_whole_bytes_max;
		common.tx_segments_max = to->tx_segments_max;
	}
	pipeline->stage_count = (uint16_t)(SLOT_STAGES + config->stage_count + 1);
	for (uint16_t s = 0; s < pipeline->stage_count; s++) {
		pipeline->stages[s] = common;
		pipeline->stages[s].counters = &pipeline->counters[s];
	}
	for (uint16_t t = 0; t <= pipeline->stage_count; t++) {
		pipeline->taps[t] = common;
		pipeline->taps[t].counters = &pipeline->tap_counters;
	}
	pipeline->stages[SLOT_RX_CHECKSUM].ops = &rx_checksum_stage;
	pipeline->stages[SLOT_GRO].ops = &gro_stage;
	pipeline->stages[SLOT_DELIVER].ops = &raw_deliver_stage;
	pipeline->stages[SLOT_DELIVER].state = &engine->raw.rules[config->from_port];
	pipeline->stages[pipeline->stage_count - 1].ops = &gso_stage;
}

/* ---- what is wanted ---- */

/* Of one pipeline. */
struct chain_wants {
	bool rx_checksum, gro, deliver, gso;
	uint32_t tx_whole; /* PORT_WHOLE_* */
	uint64_t tx_offloads; /* RTE_ETH_TX_OFFLOAD_* to be used */
	struct config_stage gso_config;
};

static bool merges(const struct config_features *features)
{
	return features->generic_receive_offload == FEATURE_ON ||
		features->large_receive_offload == FEATURE_ON;
}

bool engine_super_packets_come(const struct config *config, uint16_t port)
{
	for (uint16_t i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];
		const struct config_port *from = &config->ports[pipeline->from_port];

		if (pipeline->to_port != port)
			continue;
		if (merges(&from->features) || from->kind == PORT_INTERFACE ||
			from->kind == PORT_APPLICATION)
			return true;
		for (uint16_t s = 0; s < pipeline->stage_count; s++)
			if (stage_find(pipeline->stages[s].type) == &gro_stage)
				return true;
	}
	return false;
}

/* By a pipeline, or from an application. */
static bool super_packets_come(
	const struct engine *engine, const struct config *config, uint16_t port)
{
	return engine->raw.linked[port] || engine_super_packets_come(config, port);
}

static uint32_t wanted_whole(const struct port *port, const struct feature_state states[])
{
	uint32_t whole = 0;

	if (states[FEATURE_TCP_SEGMENTATION_OFFLOAD].on)
		whole |= PORT_WHOLE_TCP;
	if (states[FEATURE_TX_UDP_SEGMENTATION].on)
		whole |= PORT_WHOLE_UDP;
	if (states[FEATURE_UDP_FRAGMENTATION_OFFLOAD].on)
		whole |= PORT_WHOLE_UFO;
	return whole == 0 ? 0 : whole | (port->tx_whole & (PORT_WHOLE_TUNNEL | PORT_WHOLE_MARKED));
}

static struct chain_wants chain_wants(
	const struct engine *engine, const struct config *config, uint16_t index)
{
	const struct config_pipeline *pipeline = &config->pipelines[index];
	struct feature_state states[FEATURE_COUNT];
	struct feature_abilities abilities;
	struct chain_wants wants = {0};

	engine_features(engine, config, pipeline->from_port, states);
	wants.rx_checksum = states[FEATURE_RX_CHECKSUMMING].on &&
		(states[FEATURE_RX_CHECKSUMMING].by == FEATURE_BY_WEIR ||
			config->ports[pipeline->from_port].drop_bad_checksums);
	wants.gro = states[FEATURE_GENERIC_RECEIVE_OFFLOAD].on ||
		states[FEATURE_LARGE_RECEIVE_OFFLOAD].on;
	wants.deliver = engine->raw.linked[pipeline->from_port];
	if (pipeline->to_port == UINT16_MAX)
		return wants;
	engine_features(engine, config, pipeline->to_port, states);
	/* Whoever cuts them: super-packets are never sent with checksums unfinished. */
	wants.gso = states[FEATURE_GENERIC_SEGMENTATION_OFFLOAD].on ||
		super_packets_come(engine, config, pipeline->to_port);
	wants.gso_config.uncut = !states[FEATURE_GENERIC_SEGMENTATION_OFFLOAD].on;
	port_feature_abilities(&engine->ports[pipeline->to_port], &abilities);
	wants.tx_offloads = features_tx_offloads(&abilities, states);
	wants.tx_whole = wanted_whole(&engine->ports[pipeline->to_port], states);
	return wants;
}

void engine_features(const struct engine *engine, const struct config *config, uint16_t port,
	struct feature_state *ret_states)
{
	struct feature_abilities abilities;

	port_feature_abilities(&engine->ports[port], &abilities);
	features_resolve(&abilities, &config->ports[port].features,
		super_packets_come(engine, config, port), ret_states);
}

/* ---- states of the steps that features ask for ---- */

/* The new states of a pipeline's steps: made before anything is changed. */
struct chain_states {
	void *states[PIPELINE_SLOTS];
	bool on[PIPELINE_SLOTS];
};

static bool follows_features(const struct stage *stage)
{
	return stage->ops == &rx_checksum_stage || stage->ops == &gro_stage ||
		stage->ops == &gso_stage || stage->ops == &csum_stage;
}

static int make_state(struct stage made, const struct config_stage *config,
	struct chain_states *fresh, unsigned slot, struct error *error)
{
	int result;

	made.state = NULL;
	result = made.ops->create(&made, config,
		engine_socket(made.pipeline->worker->engine, made.pipeline->worker->numa_node),
		error);
	fresh->states[slot] = made.state;
	return result;
}

static int make_states(struct pipeline *pipeline, const struct config *config,
	struct chain_states *fresh, struct error *error)
{
	const struct config_pipeline *wanted = &config->pipelines[pipeline->index];
	struct chain_wants wants = chain_wants(pipeline->worker->engine, config, pipeline->index);
	int result = 0;

	for (unsigned s = 0; s < pipeline->stage_count && result == 0; s++) {
		struct stage made = pipeline->stages[s];
		bool configured = s >= SLOT_STAGES && s + 1 < pipeline->stage_count;

		fresh->on[s] = configured || (s == SLOT_RX_CHECKSUM && wants.rx_checksum) ||
			(s == SLOT_GRO && wants.gro) || (s == SLOT_DELIVER && wants.deliver) ||
			(s + 1 == pipeline->stage_count && wants.gso);
		made.from = &config->ports[wanted->from_port];
		/* A stage gso that was asked for cuts, whatever the port takes. */
		made.tx_whole = configured ? 0 : wants.tx_whole;
		made.tx_offloads = wants.tx_offloads;
		if (fresh->on[s] && follows_features(&made))
			result = make_state(made,
				configured ? &wanted->stages[s - SLOT_STAGES] : &wants.gso_config,
				fresh, s, error);
	}
	return result;
}

/* Whichever states there are in `fresh`: the new ones, or those they replaced. */
static void free_states(struct pipeline *pipeline, struct chain_states *fresh)
{
	for (unsigned s = 0; s < pipeline->stage_count; s++) {
		struct stage gone = pipeline->stages[s];

		gone.state = fresh->states[s];
		if (gone.state != NULL && gone.ops->destroy != NULL)
			gone.ops->destroy(&gone);
	}
}

/* ---- the chain ---- */

static void link_next(struct stage ***end, struct stage *stage)
{
	**end = stage;
	*end = &stage->next;
}

static void chain_link(struct pipeline *pipeline)
{
	struct stage **end = &pipeline->first;

	pipeline->parses = false;
	pipeline->parses_left = false;
	pipeline->is_source = false;
	pipeline->flushes = false;
	for (unsigned s = 0; s < pipeline->stage_count; s++) {
		struct stage *stage = &pipeline->stages[s];

		if (pipeline->taps[s].ops != NULL)
			link_next(&end, &pipeline->taps[s]);
		if (!pipeline->on[s])
			continue;
		link_next(&end, stage);
		if ((stage->ops->flags & STAGE_PARSES) != 0) {
			if (s > SLOT_DELIVER && pipeline->on[SLOT_DELIVER])
				pipeline->parses_left = true;
			else
				pipeline->parses = true;
		}
		pipeline->is_source |= (stage->ops->flags & STAGE_SOURCE) != 0;
		pipeline->flushes |= stage->ops->flush != NULL;
	}
	if (pipeline->taps[pipeline->stage_count].ops != NULL)
		link_next(&end, &pipeline->taps[pipeline->stage_count]);
	*end = NULL;
}

static void take_states(struct pipeline *pipeline, struct chain_states *fresh)
{
	for (unsigned s = 0; s < pipeline->stage_count; s++) {
		void *old = pipeline->stages[s].state;

		if (!follows_features(&pipeline->stages[s]))
			continue;
		pipeline->stages[s].state = fresh->states[s];
		fresh->states[s] = old;
		pipeline->on[s] = fresh->on[s];
	}
	memcpy(pipeline->on, fresh->on, sizeof(fresh->on));
}

static bool pipeline_writes(const struct pipeline *pipeline)
{
	for (unsigned s = 0; s < pipeline->stage_count; s++)
		if (pipeline->on[s] && (pipeline->stages[s].ops->flags & STAGE_WRITES) != 0)
			return true;
	return false;
}

bool engine_writes(const struct engine *engine)
{
	for (uint16_t i = 0; i < engine->config->pipeline_count; i++)
		if (engine->worker_count > 0 && pipeline_writes(&engine->workers[0]->pipelines[i]))
			return true;
	return false;
}

/* A lent packet may be read but not written. Through a ring device it may come back into a pipeline
 * that writes, so whose it is does not matter then. */
static void choose_copies(struct engine *engine)
{
	bool has_ring = false;

	for (uint16_t p = 0; p < engine->port_count; p++)
		has_ring |= engine->ports[p].config->kind == PORT_DEVICE &&
			strncmp(engine->ports[p].config->device, "net_ring", 8) == 0;
	for (uint16_t i = 0; i < engine->config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &engine->config->pipelines[i];
		struct replay *replay = engine->ports[pipeline->from_port].replay;

		if (replay != NULL)
			replay_set_copy(replay,
				pipeline_writes(&engine->workers[0]->pipelines[i]) ||
					(has_ring && engine_writes(engine)));
	}
}

void engine_link_again(struct engine *engine)
{
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		struct worker *worker = engine->workers[w];

		worker->flushes = false;
		for (uint16_t i = 0; i < engine->config->pipeline_count; i++) {
			chain_link(&worker->pipelines[i]);
			worker->flushes |= worker->pipelines[i].flushes;
		}
		engine_choose_holds(engine, worker);
	}
	choose_copies(engine);
}

int engine_link(struct engine *engine, const struct config *config, struct error *error)
{
	unsigned each = engine->config->pipeline_count, count = each * engine->worker_count, made;
	struct chain_states *fresh = calloc(count + 1, sizeof(*fresh));
	int result = 0;

	if (fresh == NULL)
		return error_set(error, ENOMEM, "no memory to link the pipelines");
	for (made = 0; made < count && result == 0; made++)
		result = make_states(&engine->workers[made / each]->pipelines[made % each], config,
			&fresh[made], error);
	if (result == 0) {
		for (unsigned i = 0; i < count; i++)
			take_states(&engine->workers[i / each]->pipelines[i % each], &fresh[i]);
		engine_link_again(engine);
	}
	for (unsigned i = 0; i < made; i++)
		free_states(&engine->workers[i / each]->pipelines[i % each], &fresh[i]);
	free(fresh);
	return result;
}
