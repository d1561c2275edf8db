/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside stats/: what explanation.c and its sentences share. */
#ifndef WEIR_STATS_EXPLANATION_STEPS_H
#define WEIR_STATS_EXPLANATION_STEPS_H

#include "stats/explanation.h"

/* A list of steps; NULL: out of memory. */
json_t *explanation_steps(const struct explained *explained);

bool explanation_hashes_ports(const struct explained *explained);
/* Is it a worker's number? */
bool explanation_worker_known(const struct explained *explained, unsigned worker);

#endif
