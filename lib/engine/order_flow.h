/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order of one flow's packets, judged as each arrives at the meter's far end: reordered, and by
 * how far; seen before. RFC 4737, 3.3 (reordered: smaller than NextExp), 4.2.2 (extent); of copies
 * the first one counts. Pure: no EAL, no memory but the struct.
 *
 * What is remembered is bounded: which of the last ORDER_WINDOW numbers came, and the last
 * ORDER_GAPS gaps. A packet in order touches one cache line. The extent of a packet that is late is
 * the number of arrivals since the one that skipped it; was that longer ago than the gaps go back,
 * at least so many. One more than ORDER_WINDOW behind counts as reordered, though it may be a copy.
 *
 * Numbers are 32 bits and wrap around; compared are differences.
 */
#ifndef WEIR_ENGINE_ORDER_FLOW_H
#define WEIR_ENGINE_ORDER_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { ORDER_WINDOW = 256, ORDER_GAPS = 8 };

struct order_gap {
	uint32_t next; /* the number that came though smaller ones were missing */
	uint32_t arrival; /* `arrived` before it */
};

/* Starts as zeros. Writers: whoever holds `busy`. Of what the stats thread reads without it each
 * field is stored whole. */
struct order_flow {
	uint32_t busy; /* a spin bit: flows move between workers */
	uint32_t next; /* NextExp: one more than the largest number so far */
	uint32_t arrived; /* copies not counted. Reader: stats */
	uint32_t reordered, duplicated, extent_max; /* reader: stats */
	uint32_t gap_count;
	uint32_t extent_at_least; /* extent_max may be more. Reader: stats */
	uint64_t window[ORDER_WINDOW / 64]; /* bit (number mod ORDER_WINDOW): it came */
	struct order_gap gaps[ORDER_GAPS]; /* [gap_count mod ORDER_GAPS] is the oldest */
} __attribute__((aligned(64)));

enum order_verdict { ORDER_KEPT, ORDER_REORDERED, ORDER_DUPLICATE };

/* The flow's next packet. With `busy` held where others use the flow too. */
enum order_verdict order_flow_arrive(struct order_flow *flow, uint32_t number);

void order_flow_lock(struct order_flow *flow);
void order_flow_unlock(struct order_flow *flow);

#endif
