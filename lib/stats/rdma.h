/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WEIR_STATS_RDMA_H
#define WEIR_STATS_RDMA_H

#include <jansson.h>

#include "base/error.h"

struct engine;

/* The section "rdma". NULL with `error`: nobody may attach, or no memory. */
json_t *rdma_json(const struct engine *engine, struct error *error);

#endif
