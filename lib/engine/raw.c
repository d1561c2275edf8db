/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs and flows as they come and go: on the server thread, under the steering lock. */
#include "engine/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "port/application.h"
#include "port/shared_pool.h"
#include "verbs/protocol.h"

/* Of a pool's buffers applications may hold so many that the plan made for them, but no more than
 * one in LENT_SHARE: the rest is for receiving. */
enum { LENT_SHARE = 2 };

static struct raw_pair *pair_find(const struct raw *raw, uint32_t number)
{
	struct raw_pair *pair = raw->pairs;

	while (pair != NULL && pair->number != number)
		pair = pair->next;
	return pair;
}

/* ---- packet memory ---- */

/* What the owner of a port's pool sees: all that others see, then the pool. */
static int pool_memory_find(struct engine *engine, uint16_t port, struct error *error)
{
	struct raw *raw = &engine->raw;
	struct raw_memory *memory = &raw->pool_memory[port];
	int result = raw_memory_copy(memory, &raw->memory);

	if (result != 0)
		return error_set(error, -result, "no memory");
	memory->lent_max = raw->memory.lent_max + PLAN_APPLICATION_PACKETS;
	return shared_pool_show(raw->pools[port], memory, error);
}

static void memory_find(struct engine *engine)
{
	struct raw *raw = &engine->raw;
	struct error error = {0};

	if (raw->memory_known)
		return;
	raw->memory_known = true;
	for (unsigned i = 0; i < engine->topology.node_count; i++) {
		const struct engine_pool *pool = &engine->pools[i];

		if (pool->mempool == NULL)
			continue;
		if (raw_memory_add(&raw->memory, pool->mempool, &error) != 0) {
			engine_say(engine, true, "applications get copies of packets: %s",
				error.message);
			continue;
		}
		raw->memory.lent_max += RTE_MIN(
			pool->free_at_start / LENT_SHARE, (uint32_t)PLAN_APPLICATION_PACKETS);
	}
	for (uint16_t p = 0; p < engine->port_count; p++)
		if (raw->pools[p] != NULL && pool_memory_find(engine, p, &error) != 0)
			engine_say(engine, true, "port %s: application_pool: %s",
				engine->config->ports[p].name, error.message);
}

static int packets(void *argument, uint32_t number, uint32_t part,
	struct verbs_get_packets_answer *answer, int *ret_fd, struct error *error)
{
	struct engine *engine = argument;
	const struct raw *raw = &engine->raw;
	const struct raw_pair *pair = pair_find(raw, number);
	const struct raw_memory *memory;
	const struct raw_part *wanted;
	int fd;

	*ret_fd = -1;
	if (pair == NULL)
		return error_set(error, ENOENT, "there is no such queue pair");
	answer->mode = raw_queue_mode(pair->queue);
	if (answer->mode == VERBS_PACKETS_COPY)
		return 0;
	memory = raw_queue_lends(pair->queue);
	answer->parts = memory->part_count;
	if (part >= memory->part_count)
		return 0;
	wanted = &memory->parts[part];
	answer->writable = raw_memory_writable(memory, (uint64_t)wanted->span << 48);
	fd = raw_memory_open(wanted, answer->writable);
	if (fd < 0)
		return error_set(error, -fd, "packet memory: %s", strerror(-fd));
	answer->bytes = wanted->bytes;
	answer->fd_offset = wanted->fd_offset;
	answer->span = wanted->span;
	answer->span_offset = wanted->offset;
	answer->span_bytes = memory->spans[wanted->span].bytes;
	*ret_fd = fd;
	return 0;
}

/* ---- queue pairs ---- */

static int attach_locked(
	struct engine *engine, const struct verbs_raw_queue *wanted, struct error *error)
{
	struct raw_pair *pair = calloc(1, sizeof(*pair));
	struct raw_queue_config config = {
		.memory = wanted->memory,
		.area_bytes = wanted->area_bytes,
		.receive_depth = wanted->receive_depth,
		.send_depth = wanted->send_depth,
		.event_fd = wanted->event_fd,
	};

	memory_find(engine);
	if (wanted->trusted && engine->raw.memory.part_count > 0) {
		config.mode = VERBS_PACKETS_READ_ONLY;
		config.lends = &engine->raw.memory;
	}
	if (pair != NULL)
		pair->queue = raw_queue_create(&config);
	if (pair == NULL || pair->queue == NULL) {
		free(pair);
		return error_set(error, ENOMEM, "no memory for a queue pair");
	}
	pair->number = wanted->number;
	pair->trusted = wanted->trusted;
	pair->port = UINT16_MAX;
	pair->next = engine->raw.pairs;
	engine->raw.pairs = pair;
	if (raw_list_update(engine, error) == 0)
		return 0;
	engine->raw.pairs = pair->next;
	raw_queue_destroy(pair->queue);
	free(pair);
	return -error->code;
}

static int attach(void *argument, const struct verbs_raw_queue *wanted, struct error *error)
{
	struct engine *engine = argument;
	int result;

	pthread_mutex_lock(&engine->steering_lock);
	result = attach_locked(engine, wanted, error);
	pthread_mutex_unlock(&engine->steering_lock);
	return result;
}

/* ---- flows ---- */

/* handle 0: all of the queue pair. */
static void flows_forget(struct engine *engine, uint32_t number, uint32_t handle)
{
	bool changed[CONFIG_PORTS_MAX] = {false};
	struct raw_flow **link = &engine->raw.flows;
	struct error error = {0};

	while (*link != NULL) {
		struct raw_flow *flow = *link;

		if (flow->number != number || (handle != 0 && flow->handle != handle)) {
			link = &flow->next;
			continue;
		}
		changed[flow->port] = true;
		*link = flow->next;
		free(flow);
	}
	for (uint16_t p = 0; p < engine->port_count; p++) {
		if (!changed[p])
			continue;
		if (engine->ports[p].application != NULL)
			application_unbind(engine->ports[p].application);
		else if (raw_rules_update(engine, p, &error) != 0)
			raw_rules_clear(engine, p);
	}
}

static void pair_remove(struct engine *engine, struct raw_pair *pair)
{
	struct raw_pair **link = &engine->raw.pairs;
	struct error error = {0};

	while (*link != pair)
		link = &(*link)->next;
	*link = pair->next;
	for (uint16_t p = 0; p < engine->port_count; p++)
		if (engine->raw.pool_owner[p] == pair->number)
			engine->raw.pool_owner[p] = 0;
	if (raw_list_update(engine, &error) != 0) {
		/* Nobody collects any more, until the next one comes or goes. */
		struct raw_list *old = engine->raw.list;

		__atomic_store_n(&engine->raw.list, NULL, __ATOMIC_RELEASE);
		engine_wait_a_turn(engine);
		free(old);
	}
	raw_queue_destroy(pair->queue);
	free(pair);
}

static void detach(void *argument, uint32_t number)
{
	struct engine *engine = argument;
	struct raw_pair *pair;

	pthread_mutex_lock(&engine->steering_lock);
	pair = pair_find(&engine->raw, number);
	if (pair != NULL) {
		flows_forget(engine, number, 0);
		pair_remove(engine, pair);
	}
	pthread_mutex_unlock(&engine->steering_lock);
}

static uint16_t port_find(const struct config *config, const char *name)
{
	for (uint16_t p = 0; p < config->port_count; p++)
		if (strcmp(config->ports[p].name, name) == 0)
			return p;
	for (uint16_t p = 0; p < config->port_count; p++)
		if (config->ports[p].application != NULL &&
			strcmp(config->ports[p].application, name) == 0)
			return p;
	return UINT16_MAX;
}

static bool begins_pipeline(const struct config *config, uint16_t port)
{
	for (uint16_t i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].from_port == port)
			return true;
	return false;
}

static int bind_port(struct engine *engine, struct raw_pair *pair, uint16_t port,
	const struct flow_rule *rule, struct error *error)
{
	struct application *application = engine->ports[port].application;

	if (rule->match != 0)
		return error_set(error, EINVAL,
			"port %s is an application's: expected a flow that matches all",
			engine->config->ports[port].name);
	if (pair->port != UINT16_MAX)
		return error_set(error, EBUSY, "the queue pair has flows of another port already");
	if (application_is_bound(application))
		return error_set(error, EBUSY, "port %s has an application already",
			engine->config->ports[port].name);
	pair->port = port;
	pair->is_port = true;
	if (raw_list_update(engine, error) != 0) {
		pair->port = UINT16_MAX;
		pair->is_port = false;
		return -error->code;
	}
	application_bind(application, pair->queue);
	return 0;
}

static int check_port(
	const struct engine *engine, uint16_t port, const char *name, struct error *error)
{
	if (port == UINT16_MAX)
		return error_set(error, ENOENT,
			"there is no port \"%s\": `weir show ports` lists those there are", name);
	if (engine->ports[port].application == NULL && !begins_pipeline(engine->config, port))
		return error_set(error, EINVAL,
			"nothing is received from port %s: no pipeline begins there", name);
	return 0;
}

/* The first one that may has the port's packets for itself: in place, to write. Others get copies.
 */
static void take_pool(struct engine *engine, struct raw_pair *pair, uint16_t port)
{
	struct raw *raw = &engine->raw;

	if (raw->pool_memory[port].writable_from == 0 || raw->pool_owner[port] != 0 ||
		!pair->trusted)
		return;
	raw->pool_owner[port] = pair->number;
	raw_queue_lend(pair->queue, &raw->pool_memory[port], VERBS_PACKETS_DEDICATED);
}

/* Its first flow says where the queue pair sends to, and super-packets may come there. */
static int begin_sending(
	struct engine *engine, struct raw_pair *pair, uint16_t port, struct error *error)
{
	bool restart;
	int result = 0;

	if (pair->port != UINT16_MAX)
		return 0;
	pair->port = port;
	if (!engine->raw.sends[port]) {
		restart = engine_pause(engine);
		engine->raw.sends[port] = true;
		result = engine_link(engine, engine->config, error);
		engine->raw.sends[port] = result == 0;
		if (restart)
			engine_resume(engine);
	}
	if (result == 0)
		result = raw_list_update(engine, error);
	if (result == 0)
		take_pool(engine, pair, port);
	if (result != 0)
		pair->port = UINT16_MAX;
	return result;
}

static unsigned flows_of(const struct engine *engine, uint16_t port)
{
	unsigned count = 0;

	for (const struct raw_flow *flow = engine->raw.flows; flow != NULL; flow = flow->next)
		count += flow->port == port;
	return count;
}

static struct raw_flow *flow_append(struct engine *engine, const struct raw_flow *wanted)
{
	struct raw_flow **link = &engine->raw.flows;
	struct raw_flow *flow = malloc(sizeof(*flow));

	if (flow == NULL)
		return NULL;
	*flow = *wanted;
	while (*link != NULL)
		link = &(*link)->next;
	*link = flow;
	return flow;
}

static int flow_add_locked(
	struct engine *engine, const struct raw_flow *wanted, struct error *error)
{
	struct raw_pair *pair = pair_find(&engine->raw, wanted->number);
	const uint16_t port = wanted->port;
	int result = 0;

	if (pair == NULL)
		return error_set(error, ENOENT, "there is no such queue pair");
	if (flows_of(engine, port) >= FLOW_RULES_MAX)
		return error_set(error, ENOSPC, "port %s has %d rules already, which is the most",
			engine->config->ports[port].name, FLOW_RULES_MAX);
	if (engine->ports[port].application != NULL)
		result = bind_port(engine, pair, port, &wanted->rule, error);
	else
		result = begin_sending(engine, pair, port, error);
	if (result != 0)
		return result;
	if (flow_append(engine, wanted) == NULL)
		return error_set(error, ENOMEM, "no memory for a flow");
	if (engine->ports[port].application == NULL)
		result = raw_rules_update(engine, port, error);
	if (result != 0)
		flows_forget(engine, wanted->number, wanted->handle);
	return result;
}

static int flow_add(void *argument, uint32_t number, const struct verbs_create_flow *flow,
	uint32_t handle, struct error *error)
{
	struct engine *engine = argument;
	char name[sizeof(flow->port)];
	struct raw_flow wanted = {
		.number = number,
		.handle = handle,
		.rule =
			{
				.match = flow->match,
				.priority = flow->priority,
				.vlan = (uint16_t)flow->vlan,
				.source_port = (uint16_t)flow->source_port,
				.destination_port = (uint16_t)flow->destination_port,
				.ip_version = (uint8_t)flow->ip_version,
				.protocol = (uint8_t)flow->protocol,
				.source_prefix = (uint8_t)flow->source_prefix,
				.destination_prefix = (uint8_t)flow->destination_prefix,
			},
	};
	int result;

	if (flow->vlan > UINT16_MAX || flow->source_port > UINT16_MAX ||
		flow->destination_port > UINT16_MAX || flow->ip_version > UINT8_MAX ||
		flow->protocol > UINT8_MAX || flow->source_prefix > UINT8_MAX ||
		flow->destination_prefix > UINT8_MAX)
		return error_set(error, EINVAL, "a value of the flow is too large for its field");
	memcpy(wanted.rule.source, flow->source, sizeof(wanted.rule.source));
	memcpy(wanted.rule.destination, flow->destination, sizeof(wanted.rule.destination));
	memcpy(name, flow->port, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	if (flow_rule_check(&wanted.rule, error) != 0)
		return -error->code;
	wanted.port = port_find(engine->config, name);
	if (check_port(engine, wanted.port, name, error) != 0)
		return -error->code;
	pthread_mutex_lock(&engine->steering_lock);
	result = flow_add_locked(engine, &wanted, error);
	pthread_mutex_unlock(&engine->steering_lock);
	return result;
}

static void flow_remove(void *argument, uint32_t number, uint32_t handle)
{
	struct engine *engine = argument;

	pthread_mutex_lock(&engine->steering_lock);
	flows_forget(engine, number, handle);
	pthread_mutex_unlock(&engine->steering_lock);
}

const struct verbs_server_raw engine_raw_operations = {
	.attach = attach,
	.detach = detach,
	.flow_add = flow_add,
	.flow_remove = flow_remove,
	.packets = packets,
};

void raw_fini(struct engine *engine)
{
	while (engine->raw.pairs != NULL)
		detach(engine, engine->raw.pairs->number);
	for (uint16_t p = 0; p < engine->port_count; p++)
		raw_memory_fini(&engine->raw.pool_memory[p]);
	free(engine->raw.list);
	engine->raw.list = NULL;
	raw_memory_fini(&engine->raw.memory);
}
