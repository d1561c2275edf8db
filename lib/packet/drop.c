/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/drop.h"

const struct drop_reason_info drop_reason_infos[DROP_REASON_COUNT] = {
#define X(name, severity, description) [DROP_##name] = {#name, #severity, description},
	DROP_REASONS(X)
#undef X
};
