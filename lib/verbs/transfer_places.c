/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/transfer_places.h"

#include "verbs/transfer_parts.h"

struct place place_of(struct verbs_regions *regions, uint32_t pd, uint32_t access, uint32_t key,
	uint64_t address, uint64_t bytes)
{
	const struct verbs_region *region;
	struct place place = {.bytes = bytes};

	region = regions->find(regions, key);
	if (region == NULL)
		place.reason = VERBS_REASON_REMOTE_KEY;
	else if (VERBS_WRONG(region->pd != pd))
		place.reason = VERBS_REASON_REMOTE_PD;
	else if (VERBS_WRONG((region->access & access) != access))
		place.reason = VERBS_REASON_REMOTE_ACCESS;
	else if ((place.base = verbs_region_place(region, address, bytes)) == NULL)
		place.reason = VERBS_REASON_REMOTE_RANGE;
	return place;
}

enum verbs_reason local_reason(enum verbs_reason reason)
{
	switch (reason) {
	case VERBS_REASON_REMOTE_RANGE: return VERBS_REASON_LOCAL_RANGE;
	case VERBS_REASON_REMOTE_ACCESS: return VERBS_REASON_LOCAL_ACCESS;
	default: return VERBS_REASON_LOCAL_KEY;
	}
}

void cursor_skip(struct cursor *cursor, uint64_t bytes)
{
	while (cursor->left > 0 && bytes >= cursor->segments->bytes - cursor->skip) {
		bytes -= cursor->segments->bytes - cursor->skip;
		cursor->skip = 0;
		cursor->segments++;
		cursor->left--;
	}
	cursor->skip += bytes;
}

/* Empty segments were skipped. */
struct place cursor_place(const struct cursor *cursor, uint64_t bytes)
{
	struct place place = {.reason = VERBS_REASON_RECEIVE_TOO_SMALL};
	uint64_t left;

	if (cursor->left == 0)
		return place;
	left = cursor->segments->bytes - cursor->skip;
	return place_of(cursor->regions, cursor->pd, cursor->access, cursor->segments->key,
		cursor->segments->address + cursor->skip, left < bytes ? left : bytes);
}
