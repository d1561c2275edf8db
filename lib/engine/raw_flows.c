/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows as they come and go: on the server thread, under the steering lock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/raw.h"
#include "port/application.h"
#include "verbs/protocol.h"

/* A port of the kind "application" has none any more, and the queue pair may have another. */
static void release_port(struct engine *engine, struct raw_pair *pair)
{
	struct error error = {0};

	application_unbind(engine->ports[pair->port].application);
	pair->port = UINT16_MAX;
	pair->is_port = false;
	/* One collects: the port's rx queue until now. */
	engine_wait_a_turn(engine);
	if (raw_lists_update(engine, &error) != 0) {
		/* Nobody collects what it sends, until the next one comes or goes. */
	}
}

void raw_flows_forget(struct engine *engine, uint32_t number, uint32_t handle)
{
	bool changed[CONFIG_PORTS_MAX] = {false};
	struct raw_pair *pair = raw_pair_find(&engine->raw, number);
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
			release_port(engine, pair);
		else if (raw_rules_update(engine, p, &error) != 0)
			raw_rules_clear(engine, p);
	}
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
	if (raw_lists_update(engine, error) != 0) {
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

/* The port's first flow. */
static int link_port(struct engine *engine, uint16_t port, struct error *error)
{
	bool restart;
	int result;

	if (engine->raw.linked[port])
		return 0;
	restart = engine_pause(engine);
	engine->raw.linked[port] = true;
	result = engine_link(engine, engine->config, error);
	engine->raw.linked[port] = result == 0;
	if (restart)
		engine_resume(engine);
	return result;
}

/* Its first flow says where the queue pair sends to. */
static int begin_sending(
	struct engine *engine, struct raw_pair *pair, uint16_t port, struct error *error)
{
	int result = link_port(engine, port, error);

	if (result != 0 || pair->port != UINT16_MAX)
		return result;
	/* The worker that collected until now is done with it before another one begins. */
	raw_lists_drop(engine, pair->queue);
	pair->port = port;
	result = raw_lists_update(engine, error);
	if (result == 0)
		take_pool(engine, pair, port);
	if (result != 0)
		pair->port = UINT16_MAX;
	return result;
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
	struct raw_pair *pair = raw_pair_find(&engine->raw, wanted->number);
	const uint16_t port = wanted->port;
	int result = 0;

	if (pair == NULL)
		return error_set(error, ENOENT, "there is no such queue pair");
	if (engine->ports[port].application != NULL) {
		result = bind_port(engine, pair, port, &wanted->rule, error);
	} else {
		result = raw_limits_check(engine, pair, wanted, error);
		if (result == 0)
			result = begin_sending(engine, pair, port, error);
	}
	if (result != 0)
		return result;
	if (flow_append(engine, wanted) == NULL) {
		if (pair->is_port)
			release_port(engine, pair);
		return error_set(error, ENOMEM, "no memory for a flow");
	}
	if (engine->ports[port].application == NULL)
		result = raw_rules_update(engine, port, error);
	if (result != 0)
		raw_flows_forget(engine, wanted->number, wanted->handle);
	return result;
}

int raw_flow_add(void *argument, uint32_t number, const struct verbs_create_flow *flow,
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

void raw_flow_remove(void *argument, uint32_t number, uint32_t handle)
{
	struct engine *engine = argument;

	pthread_mutex_lock(&engine->steering_lock);
	raw_flows_forget(engine, number, handle);
	pthread_mutex_unlock(&engine->steering_lock);
}
