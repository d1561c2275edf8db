/* SPDX-License-Identifier: BSD-3-Clause */
/* The sentence for a reason: one table, layout.h. */
#ifndef WEIR_VERBS_REASON_H
#define WEIR_VERBS_REASON_H

#include <stdint.h>

/* Never NULL; "unknown" for what is none. */
const char *verbs_reason_text(uint32_t reason);
/* The name, as JSON has it: "PEER_GONE". */
const char *verbs_reason_name(uint32_t reason);

#endif
