/* SPDX-License-Identifier: BSD-3-Clause */
/* From flows to the rules that a port's pipelines look at. */
#include <errno.h>
#include <stdlib.h>

#include "engine/engine_internal.h"
#include "engine/raw.h"

static struct raw_queue *queue_of(const struct raw *raw, uint32_t number)
{
	const struct raw_pair *pair = raw_pair_find(raw, number);

	return pair != NULL ? pair->queue : NULL;
}

static void rules_free(struct raw_rules *rules)
{
	if (rules == NULL)
		return;
	flow_rules_destroy(rules->flows);
	free(rules);
}

/* NULL: no memory. Each rule has a place of its own. */
static struct raw_rules *rules_make(const struct raw *raw, uint16_t port, unsigned count)
{
	struct raw_rules *rules = calloc(1, sizeof(*rules) + count * sizeof(struct raw_queue *));
	struct flow_rule *list = calloc(count + 1u, sizeof(*list));

	if (rules != NULL && list != NULL) {
		for (const struct raw_flow *flow = raw->flows; flow != NULL; flow = flow->next) {
			if (flow->port != port)
				continue;
			list[rules->count] = flow->rule;
			list[rules->count].target = rules->count;
			rules->queues[rules->count++] = queue_of(raw, flow->number);
		}
		rules->flows = flow_rules_create(list, rules->count);
	}
	free(list);
	if (rules != NULL && rules->flows != NULL)
		return rules;
	free(rules);
	return NULL;
}

static unsigned count_flows(const struct raw *raw, uint16_t port)
{
	unsigned count = 0;

	for (const struct raw_flow *flow = raw->flows; flow != NULL; flow = flow->next)
		count += flow->port == port;
	return count;
}

/* A step without rules lets all go on. */
static void swap(struct engine *engine, uint16_t port, struct raw_rules *rules)
{
	struct raw_rules *old = engine->raw.rules[port];

	__atomic_store_n(&engine->raw.rules[port], rules, __ATOMIC_RELEASE);
	engine_wait_a_turn(engine);
	rules_free(old);
}

int raw_rules_update(struct engine *engine, uint16_t port, struct error *error)
{
	unsigned count = count_flows(&engine->raw, port);
	struct raw_rules *rules;

	if (count == 0 && engine->raw.rules[port] == NULL)
		return 0;
	if (count == 0) {
		raw_rules_clear(engine, port);
		return 0;
	}
	rules = rules_make(&engine->raw, port, count);
	if (rules == NULL)
		return error_set(error, ENOMEM, "no memory for %u rules", count);
	swap(engine, port, rules);
	return 0;
}

void raw_rules_clear(struct engine *engine, uint16_t port)
{
	swap(engine, port, NULL);
}
