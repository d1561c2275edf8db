/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/explanation.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/values.h"
#include "stats/explanation_steps.h"
#include "steering/rss_hash.h"

static json_t *bytes_json(const uint8_t *bytes, unsigned count)
{
	char text[2 * TOEPLITZ_KEY_BYTES + 1] = "";

	for (unsigned i = 0; i < count; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", bytes[i]);
	return json_string(text);
}

static void put(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static void put_flow(json_t *object, const struct explained *explained)
{
	char text[TUPLE_TEXT_BYTES];

	put(object, "source", json_string(tuple_format_source(explained->tuple, text)));
	put(object, "destination", json_string(tuple_format_destination(explained->tuple, text)));
	put(object, "protocol", json_string(tuple_format_protocol(explained->tuple, text)));
	put(object, "port", json_string(explained->config->ports[explained->decision->port].name));
	put(object, "live", json_boolean(explained->live));
}

static void put_rss(json_t *object, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	const struct config_rss *rss = &explained->config->ports[decision->port].rss;
	uint8_t input[TOEPLITZ_INPUT_MAX];
	struct rss_rules rules;
	unsigned bytes;

	rss_rules_init(&rules, rss->fields, rss->xfrm, rss->inner);
	bytes = tuple_rss_input(explained->tuple, &rules, input);
	put(object, "rss", json_string(explained->rss));
	put(object, "key", bytes_json(rss->key, TOEPLITZ_KEY_BYTES));
	put(object, "input", bytes_json(input, bytes));
	put(object, "ports_hashed", json_boolean(explanation_hashes_ports(explained)));
	put(object, "hash", json_sprintf("0x%08" PRIx32, decision->hash));
	put(object, "reta_size", json_integer(rss->reta_size));
	put(object, "reta_entry", json_integer(decision->bucket));
	put(object, "queue", json_integer(decision->queue));
	put(object, "queues", json_integer(explained->queue_count));
	put(object, "queue_worker", json_integer(decision->queue_worker));
}

static void put_rps(json_t *object, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	json_t *workers = json_array();

	for (unsigned i = 0; i < decision->rps.count; i++)
		json_array_append_new(workers, json_integer(decision->rps.workers[i]));
	put(object, "rps_workers", workers);
	put(object, "rps_worker",
		decision->rps.count > 0 && decision->hash != 0 ? json_integer(decision->rps_worker)
							       : json_null());
	put(object, "balanced", json_boolean(decision->balanced));
	put(object, "bucket_worker",
		decision->balanced ? json_integer(decision->bucket_worker) : json_null());
	put(object, "moving", json_boolean(decision->moving));
}

static json_t *known(bool is_known, uint64_t value)
{
	return is_known ? json_integer((json_int_t)value) : json_null();
}

static void put_rfs(json_t *object, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	bool consumer = decision->has_rfs && decision->consumer_cpu >= 0;
	bool flow = decision->has_rfs && decision->flow_worker >= 0;

	put(object, "rfs", json_boolean(decision->has_rfs));
	put(object, "consumer_cpu", known(consumer, (uint64_t)decision->consumer_cpu));
	put(object, "consumer_worker",
		known(consumer && explanation_worker_known(explained, decision->consumer_worker),
			decision->consumer_worker));
	put(object, "flow_worker", known(flow, (uint64_t)decision->flow_worker));
	put(object, "flow_position", known(flow, decision->flow_position));
	put(object, "flow_drained", known(flow, decision->flow_drained));
}

static void put_end(json_t *object, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	bool sent = decision->tx_port >= 0;

	put(object, "worker", json_integer(decision->worker));
	put(object, "workers", json_integer(explained->plan->worker_count));
	put(object, "cpu", json_integer(explained->plan->workers[decision->worker].cpu));
	put(object, "tx_port",
		sent ? json_string(explained->config->ports[decision->tx_port].name) : json_null());
	put(object, "tx_queue", known(sent, (uint64_t)decision->tx_queue));
	put(object, "tx_owner", known(sent, (uint64_t)decision->tx_owner));
}

json_t *explanation_json(const struct explained *explained)
{
	json_t *object = json_object();

	if (object == NULL)
		return NULL;
	put_flow(object, explained);
	put_rss(object, explained);
	put_rps(object, explained);
	put_rfs(object, explained);
	put_end(object, explained);
	put(object, "steps", explanation_steps(explained));
	return object;
}
