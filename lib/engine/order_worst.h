/* SPDX-License-Identifier: BSD-3-Clause */
/* The few flows with most wrong, by name. Inside engine/ only. */
#ifndef WEIR_ENGINE_ORDER_WORST_H
#define WEIR_ENGINE_ORDER_WORST_H

#include "engine/order.h"
#include "engine/order_table.h"

/* Takes the flow into result->worst[] if it belongs there; sets the largest extent of all. Losses
 * count where result->exact. Any thread. */
void order_worst_offer(struct order_result *result, const struct order_table *table, uint32_t slot);

#endif
