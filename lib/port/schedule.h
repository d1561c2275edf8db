/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When each packet of a replay is due: an offset in TSC cycles from the start of its loop. Pure
 * arithmetic, in long double (64 bits of mantissa), from totals and never by adding up gaps, so
 * that neither a loop nor a million of them drift.
 */
#ifndef WEIR_PORT_SCHEDULE_H
#define WEIR_PORT_SCHEDULE_H

#include <stdint.h>

#include "config/config.h"
#include "packet/frame.h"

struct schedule {
	struct speed speed;
	long double cycles_per_ns;
	uint64_t packets, bits; /* of this loop so far */
	uint64_t first_ns, now_ns; /* capture time of the first packet; the latest seen */
};

void schedule_init(struct schedule *schedule, struct speed speed, uint64_t tsc_hz);

/* The offset of the next packet of this loop. A packet older than its predecessor is due with it.
 */
uint64_t schedule_add(struct schedule *schedule, const struct frame *frame);

/* Cycles from the start of a loop of the packets added so far to the start of the next one: the
 * capture's span and one mean gap. */
long double schedule_span(const struct schedule *schedule);

/* A new loop: forgets the packets. */
void schedule_restart(struct schedule *schedule);

#endif
