/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of plan_make(), in the order they run. Each fills its members of the plan. */
#ifndef WEIR_PLACEMENT_PLAN_PARTS_H
#define WEIR_PLACEMENT_PLAN_PARTS_H

#include "placement/plan.h"

int plan_cpus(const struct config *config, const struct topology *topology,
	const struct plan_port ports[], struct plan *plan, struct error *error);
int plan_queues(const struct config *config, const struct plan_port ports[], struct plan *plan,
	struct error *error);
void plan_memory(const struct config *config, const struct topology *topology, struct plan *plan);

/* Warnings beyond the last place are left out: the first ones matter most. */
void plan_warn(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
