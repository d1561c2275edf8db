/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/order_flow.h"

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_pause.h>

_Static_assert(sizeof(struct order_flow) == 128, "two cache lines, the first for order kept");

void order_flow_lock(struct order_flow *flow)
{
	while (unlikely(__atomic_exchange_n(&flow->busy, 1, __ATOMIC_ACQUIRE) != 0))
		while (__atomic_load_n(&flow->busy, __ATOMIC_RELAXED) != 0)
			rte_pause();
}

void order_flow_unlock(struct order_flow *flow)
{
	__atomic_store_n(&flow->busy, 0, __ATOMIC_RELEASE);
}

/* Fields that another thread reads meanwhile. */
static inline void store(uint32_t *field, uint32_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static inline uint64_t *window_word(struct order_flow *flow, uint32_t number)
{
	return &flow->window[number % ORDER_WINDOW / 64];
}

static inline uint64_t window_bit(uint32_t number)
{
	return 1ull << number % 64;
}

/* `number` came, those from flow->next on did not. */
static __attribute__((noinline)) void gap_open(struct order_flow *flow, uint32_t number)
{
	if (number - flow->next >= ORDER_WINDOW)
		memset(flow->window, 0, sizeof(flow->window));
	else
		for (uint32_t missing = flow->next; missing != number; missing++)
			*window_word(flow, missing) &= ~window_bit(missing);
	flow->gaps[flow->gap_count++ % ORDER_GAPS] =
		(struct order_gap){.next = number, .arrival = flow->arrived};
}

/* The earliest arrival with a larger number is the one that skipped this one: it ended the first
 * gap whose end is beyond it. */
static void extent_note(struct order_flow *flow, uint32_t number, uint32_t behind)
{
	uint32_t first = flow->gap_count > ORDER_GAPS ? flow->gap_count - ORDER_GAPS : 0;
	bool at_least = behind > ORDER_WINDOW;
	uint32_t extent = behind - 1;

	for (uint32_t i = first; i != flow->gap_count; i++) {
		const struct order_gap *gap = &flow->gaps[i % ORDER_GAPS];

		if ((int32_t)(gap->next - number) > 0) {
			extent = flow->arrived - gap->arrival;
			at_least |= i == first && first > 0;
			break;
		}
	}
	/* Once one is not known to the end, it may be the largest. */
	if (at_least)
		store(&flow->extent_at_least, 1);
	if (extent > flow->extent_max)
		store(&flow->extent_max, extent);
}

static __attribute__((noinline)) enum order_verdict late(struct order_flow *flow, uint32_t number)
{
	uint32_t behind = flow->next - number;

	if (behind <= ORDER_WINDOW) {
		if (*window_word(flow, number) & window_bit(number)) {
			store(&flow->duplicated, flow->duplicated + 1);
			return ORDER_DUPLICATE;
		}
		*window_word(flow, number) |= window_bit(number);
	}
	extent_note(flow, number, behind);
	store(&flow->reordered, flow->reordered + 1);
	store(&flow->arrived, flow->arrived + 1);
	return ORDER_REORDERED;
}

enum order_verdict order_flow_arrive(struct order_flow *flow, uint32_t number)
{
	int32_t ahead = (int32_t)(number - flow->next);

	if (unlikely(ahead < 0))
		return late(flow, number);
	if (unlikely(ahead > 0))
		gap_open(flow, number);
	*window_word(flow, number) |= window_bit(number);
	flow->next = number + 1;
	store(&flow->arrived, flow->arrived + 1);
	return ORDER_KEPT;
}
