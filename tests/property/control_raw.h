/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine's part of raw-packet queue pairs: they are counted, and some refused. */
#ifndef WEIR_PROPERTY_CONTROL_RAW_H
#define WEIR_PROPERTY_CONTROL_RAW_H

#include "verbs/server/server.h"

struct control_raw { /* the argument */
	uint64_t *state; /* control_random() */
	int fd; /* what packets are in, says it */
	uint32_t attached;
};

extern const struct verbs_server_raw control_raw;

#endif
