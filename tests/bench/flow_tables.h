/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RSS, RPS and RFS tables of a given number of flows, and the hashes of packets of these flows in
 * random order. rps_sock_flow_entries and rps_flow_cnt are a million whatever the number of flows;
 * every flow has entries of its own and a known consumer.
 */
#ifndef WEIR_BENCH_FLOW_TABLES_H
#define WEIR_BENCH_FLOW_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/steer.h"

enum { FLOW_TABLES_FEW = 1 << 10, FLOW_TABLES_MANY = 1 << 20 };
enum { FLOW_TABLES_PACKETS = 1 << 20 };

struct flow_tables {
	uint32_t *hashes; /* [FLOW_TABLES_PACKETS] */
	bool huge; /* the tables are in huge pages, as weir's are where there are any */
	struct steer_table table;
};

/* Consumers, queues and RPS maps name workers first..first + count - 1. false: out of memory. */
bool flow_tables_make(struct flow_tables *tables, uint32_t flows, uint8_t first, uint8_t count);

#endif
