/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole decision about a flow, step by step: numbers for programs, and for each step a sentence
 * and the place where Linux has the same. The decision may come from a running engine
 * (engine_explain()) or be worked out from a configuration and its plan.
 */
#ifndef WEIR_STATS_EXPLANATION_H
#define WEIR_STATS_EXPLANATION_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "config/config.h"
#include "engine/steering.h"
#include "placement/plan.h"
#include "steering/tuple.h"

struct explained {
	const struct config *config;
	const struct plan *plan;
	const struct tuple *tuple;
	const struct steering_explanation *decision; /* its `queue` is one of `queue_count` */
	const char *rss; /* who hashes: "software", "hardware" or "off" */
	unsigned queue_count;
	bool live; /* from a running engine: what consumers and the balancer did is known */
};

/* {"source", "destination", "protocol", "hash", ..., "worker", "cpu", "steps": [{"name", "value",
 * "text", "linux"}]}. A new reference; NULL: out of memory. */
json_t *explanation_json(const struct explained *explained);

/* The flow and its steps, as sentences. */
void explanation_print(FILE *out, const json_t *explanation);

#endif
