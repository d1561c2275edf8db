/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/softnet.h"

#include <stddef.h>

const struct softnet_column softnet_columns[] = {
#define X(name, position, description) {#name, position, description},
	SOFTNET_COLUMNS(X)
#undef X
		{NULL, 0, NULL},
};
