/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gro_flow.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

_Static_assert(sizeof(struct gro_flow) == 256, "four lines a flow");
_Static_assert(offsetof(struct gro_flow, headers) == 48 || offsetof(struct gro_flow, headers) == 40,
	"in two lines with the headers of TCP over IPv4");
_Static_assert(sizeof(struct gro_bucket) == RTE_CACHE_LINE_SIZE, "one line a bucket");

static void *allocate(size_t bytes, int socket)
{
	return rte_zmalloc_socket("gro", bytes, RTE_CACHE_LINE_SIZE, socket);
}

int gro_table_init(struct gro_table *table, uint32_t flows, int socket)
{
	const uint32_t buckets = rte_align32pow2((flows + GRO_BUCKET_FLOWS - 1) / GRO_BUCKET_FLOWS);
	const uint32_t address_buckets = rte_align32pow2(flows);

	*table = (struct gro_table){.limit = flows,
		.bucket_mask = buckets - 1,
		.address_mask = address_buckets - 1,
		.free = 0,
		.oldest = GRO_NONE,
		.newest = GRO_NONE};
	table->flows = allocate(flows * sizeof(*table->flows), socket);
	table->buckets = allocate(buckets * sizeof(*table->buckets), socket);
	table->by_addresses = allocate(address_buckets * sizeof(*table->by_addresses), socket);
	if (table->flows == NULL || table->buckets == NULL || table->by_addresses == NULL) {
		gro_table_fini(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < flows; i++)
		table->flows[i].newer = i + 1 < flows ? i + 1 : GRO_NONE;
	memset(table->by_addresses, 0xff, address_buckets * sizeof(*table->by_addresses));
	return 0;
}

void gro_table_fini(struct gro_table *table)
{
	rte_free(table->flows);
	rte_free(table->buckets);
	rte_free(table->by_addresses);
	*table = (struct gro_table){0};
}

static uint32_t index_of(const struct gro_table *table, const struct gro_flow *flow)
{
	return (uint32_t)(flow - table->flows);
}

struct gro_flow *gro_table_take(struct gro_table *table)
{
	struct gro_flow *flow;

	if (table->free == GRO_NONE)
		return NULL;
	flow = &table->flows[table->free];
	table->free = flow->newer;
	table->used++;
	flow->pending = GRO_NONE;
	return flow;
}

void gro_table_give(struct gro_table *table, struct gro_flow *flow)
{
	flow->newer = table->free;
	table->free = index_of(table, flow);
	table->used--;
}

static void link_age(struct gro_table *table, struct gro_flow *flow, uint32_t index)
{
	flow->older = table->newest;
	flow->newer = GRO_NONE;
	if (table->newest != GRO_NONE)
		table->flows[table->newest].newer = index;
	else
		table->oldest = index;
	table->newest = index;
}

static void unlink_age(struct gro_table *table, const struct gro_flow *flow)
{
	if (flow->older != GRO_NONE)
		table->flows[flow->older].newer = flow->newer;
	else
		table->oldest = flow->newer;
	if (flow->newer != GRO_NONE)
		table->flows[flow->newer].older = flow->older;
	else
		table->newest = flow->older;
}

static void link_addresses(struct gro_table *table, struct gro_flow *flow, uint32_t index)
{
	uint32_t *first = &table->by_addresses[flow->addresses & table->address_mask];

	flow->same_before = GRO_NONE;
	flow->same_after = *first;
	if (*first != GRO_NONE)
		table->flows[*first].same_before = index;
	*first = index;
}

static void unlink_addresses(struct gro_table *table, const struct gro_flow *flow)
{
	if (flow->same_before != GRO_NONE)
		table->flows[flow->same_before].same_after = flow->same_after;
	else
		table->by_addresses[flow->addresses & table->address_mask] = flow->same_after;
	if (flow->same_after != GRO_NONE)
		table->flows[flow->same_after].same_before = flow->same_before;
}

struct gro_flow *gro_table_add(
	struct gro_table *table, uint32_t hash, uint32_t addresses, uint64_t now_tsc)
{
	struct gro_bucket *bucket = gro_table_bucket(table, hash);
	const uint32_t places = gro_bucket_match(bucket->tags, 0);
	struct gro_flow *flow = places != 0 ? gro_table_take(table) : NULL;
	uint32_t place, index;

	if (flow == NULL)
		return NULL;
	place = (uint32_t)__builtin_ctz(places);
	index = index_of(table, flow);
	bucket->tags[place] = gro_hash_tag(hash);
	bucket->flows[place] = (uint16_t)index;
	flow->place = (uint32_t)(bucket - table->buckets) * GRO_BUCKET_PLACES + place;
	flow->hash = hash;
	flow->addresses = addresses;
	flow->held_tsc = now_tsc;
	link_age(table, flow, index);
	link_addresses(table, flow, index);
	return flow;
}

/* Both orders are those of time: flows of a bucket that came at once stand in any. */
struct gro_flow *gro_table_crowded(const struct gro_table *table, uint32_t hash)
{
	const struct gro_bucket *bucket = gro_table_bucket(table, hash);
	struct gro_flow *oldest = &table->flows[bucket->flows[0]];

	if (table->free == GRO_NONE)
		return table->oldest != GRO_NONE ? &table->flows[table->oldest] : NULL;
	for (uint32_t i = 1; i < GRO_BUCKET_PLACES; i++) {
		struct gro_flow *flow = &table->flows[bucket->flows[i]];

		if (flow->held_tsc < oldest->held_tsc)
			oldest = flow;
	}
	return oldest;
}

void gro_table_remove(struct gro_table *table, struct gro_flow *flow)
{
	table->buckets[flow->place / GRO_BUCKET_PLACES].tags[flow->place % GRO_BUCKET_PLACES] = 0;
	flow->hash = 0;
	unlink_age(table, flow);
	unlink_addresses(table, flow);
	gro_table_give(table, flow);
}

struct gro_flow *gro_table_find_addresses(const struct gro_table *table, uint32_t addresses)
{
	uint32_t index = table->by_addresses[addresses & table->address_mask];

	while (index != GRO_NONE && table->flows[index].addresses != addresses)
		index = table->flows[index].same_after;
	return index != GRO_NONE ? &table->flows[index] : NULL;
}
