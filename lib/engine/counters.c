/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/counters.h"

#define COUNTER_INFO(name, unit, description) {#name, unit, description},

const struct counter_info worker_counter_infos[] = {WORKER_COUNTERS(COUNTER_INFO)};
const struct counter_info queue_counter_infos[] = {QUEUE_COUNTERS(COUNTER_INFO)};
const unsigned worker_counter_count =
	sizeof(worker_counter_infos) / sizeof(worker_counter_infos[0]);
const unsigned queue_counter_count = sizeof(queue_counter_infos) / sizeof(queue_counter_infos[0]);
