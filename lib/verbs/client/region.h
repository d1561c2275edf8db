/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory regions, for libweir's other files. */
#ifndef WEIR_VERBS_CLIENT_REGION_H
#define WEIR_VERBS_CLIENT_REGION_H

#include "verbs/client/client.h"

/* What finds our own regions: of device->own.regions. */
const struct verbs_region *client_own_find(struct verbs_regions *regions, uint32_t key);
/* Tells the engine of the region; wanted: the key that it had with the engine before, or 0. */
int client_region_announce(struct client_mr *mr, uint32_t wanted);

#endif
