/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/reason.h"

#include "verbs/layout.h"

const char *verbs_reason_text(uint32_t reason)
{
	static const char *const texts[] = {
#define REASON_TEXT(name, text) [VERBS_REASON_##name] = (text),
		VERBS_REASONS(REASON_TEXT)
#undef REASON_TEXT
	};

	return reason < VERBS_REASON_COUNT ? texts[reason] : "unknown";
}

const char *verbs_reason_name(uint32_t reason)
{
	static const char *const names[] = {
#define REASON_NAME(name, text) [VERBS_REASON_##name] = #name,
		VERBS_REASONS(REASON_NAME)
#undef REASON_NAME
	};

	return reason < VERBS_REASON_COUNT ? names[reason] : "unknown";
}
