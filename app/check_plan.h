/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The placement plan for people and for programs: one JSON object, and tables printed from it.
 */
#ifndef WEIR_APP_CHECK_PLAN_H
#define WEIR_APP_CHECK_PLAN_H

#include <jansson.h>
#include <stdio.h>

#include "config/config.h"
#include "placement/plan.h"
#include "placement/topology.h"

/*
 * {"workers": [{"worker", "cpu", "node", "core", "thread", "isolated", "shared", "memory_node",
 *               "polls": [{"port", "queues": [..]}], "owns": [the same, emulated queues]}],
 *  "main": {"cpu", "node", "core", "thread", "shared"},
 *  "ports": [{"port", "node" (null: none), "rx_queues", "tx_queues", "emulated_queues"}],
 *  "memory": {"asked", "mode", "nodes": [{"node", "packets", "needed_bytes", "free_bytes",
 *             "hugepages_free_bytes", "hugepages_missing", "command"}]},
 *  "warnings": [..]}
 * NULL: out of memory.
 */
json_t *check_plan_json(const struct config *config, const struct topology *topology,
	const struct plan_port ports[], const struct plan *plan);

void check_plan_print(const json_t *object, FILE *out);

#endif
