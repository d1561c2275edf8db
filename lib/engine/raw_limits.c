/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may have which flows of a port, and how many. (A port of the kind "application" is there for
 * applications: its one flow is not counted here.) */
#include <errno.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/raw.h"

static int check_permission(const struct config *config, const struct raw_pair *pair, uint16_t port,
	struct error *error)
{
	const char *name = config->ports[port].name;

	if (config->verbs.raw == VERBS_RAW_OFF)
		return error_set(error, EPERM,
			"port %s: applications get no packets, as the engine's configuration says: "
			"\"raw\" of \"verbs\" is \"off\", not \"trusted\" or \"all\"",
			name);
	if (config->verbs.raw == VERBS_RAW_TRUSTED && !pair->trusted)
		return error_set(error, EPERM,
			"port %s: only applications of the engine's user and of root get its "
			"packets; "
			"\"verbs\": {\"raw\": \"all\"} in the engine's configuration lets others",
			name);
	return 0;
}

/* Different sets of bits that rules look at. */
struct masks {
	unsigned count;
	struct flow_fields list[RAW_MASKS_MAX + 1];
};

static void masks_add(struct masks *masks, const struct flow_rule *rule)
{
	struct flow_fields mask;

	flow_rule_mask(rule, &mask);
	for (unsigned i = 0; i < masks->count; i++)
		if (memcmp(&masks->list[i], &mask, sizeof(mask)) == 0)
			return;
	if (masks->count < RTE_DIM(masks->list))
		masks->list[masks->count++] = mask;
}

int raw_limits_check(const struct engine *engine, const struct raw_pair *pair,
	const struct raw_flow *wanted, struct error *error)
{
	const char *name = engine->config->ports[wanted->port].name;
	struct masks all = {.count = 0}, own = {.count = 0};
	unsigned flows = 0;

	if (check_permission(engine->config, pair, wanted->port, error) != 0)
		return -error->code;
	masks_add(&all, &wanted->rule);
	masks_add(&own, &wanted->rule);
	for (const struct raw_flow *flow = engine->raw.flows; flow != NULL; flow = flow->next) {
		const struct raw_pair *other = raw_pair_find(&engine->raw, flow->number);

		if (flow->port != wanted->port)
			continue;
		flows++;
		masks_add(&all, &flow->rule);
		if (other != NULL && other->connection == pair->connection)
			masks_add(&own, &flow->rule);
	}
	if (flows >= FLOW_RULES_MAX)
		return error_set(error, ENOSPC, "port %s has %d rules already, which is the most",
			name, FLOW_RULES_MAX);
	if (own.count > RAW_MASKS_OF_ONE_MAX)
		return error_set(error, ENOSPC,
			"port %s: the application's rules differ in what they look at in %d ways "
			"already, which is the most: use members and prefix lengths that another "
			"of "
			"them has",
			name, RAW_MASKS_OF_ONE_MAX);
	if (all.count > RAW_MASKS_MAX)
		return error_set(error, ENOSPC,
			"port %s: rules differ in what they look at in %d ways already, which is "
			"the most: use members and prefix lengths that another one has",
			name, RAW_MASKS_MAX);
	return 0;
}
