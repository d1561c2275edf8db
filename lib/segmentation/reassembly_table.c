/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/reassembly_table.h"

#include <errno.h>
#include <string.h>

#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>

static void free_lists_init(struct reassembly *reassembly)
{
	for (uint32_t i = 1; i < reassembly->settings.datagrams; i++)
		reassembly->datagrams[i].newer = i + 1;
	for (uint32_t i = 1; i < reassembly->settings.fragments; i++)
		reassembly->pieces[i].next = i + 1;
	reassembly->free_datagram = reassembly->free_piece = 1;
}

struct reassembly *reassembly_create(
	const struct reassembly_settings *settings, int socket, struct error *error)
{
	uint32_t bucket_count = rte_align32pow2(settings->datagrams * 2);
	struct reassembly *reassembly =
		rte_zmalloc_socket("reassembly", sizeof(*reassembly), 0, socket);

	if (reassembly == NULL)
		goto no_memory;
	reassembly->settings = *settings;
	reassembly->datagrams = rte_zmalloc_socket("reassembly datagrams",
		((size_t)settings->datagrams + 1) * sizeof(struct datagram), 0, socket);
	reassembly->pieces = rte_zmalloc_socket("reassembly fragments",
		((size_t)settings->fragments + 1) * sizeof(struct piece), 0, socket);
	reassembly->buckets = rte_zmalloc_socket(
		"reassembly buckets", bucket_count * sizeof(uint32_t), 0, socket);
	if (reassembly->datagrams == NULL || reassembly->pieces == NULL ||
		reassembly->buckets == NULL)
		goto no_memory;
	reassembly->bucket_mask = bucket_count - 1;
	/* So that nobody outside can choose ids that share a bucket. */
	reassembly->seed = (uint32_t)rte_rand();
	free_lists_init(reassembly);
	return reassembly;
no_memory:
	reassembly_destroy(reassembly);
	error_set(error, ENOMEM,
		"no memory to reassemble %u packets on node %d; lower the stage's `packets` or "
		"raise memory.size",
		settings->datagrams, socket);
	return NULL;
}

struct reassembly *reassembly_destroy(struct reassembly *reassembly)
{
	if (reassembly == NULL)
		return NULL;
	rte_free(reassembly->datagrams);
	rte_free(reassembly->pieces);
	rte_free(reassembly->buckets);
	rte_free(reassembly);
	return NULL;
}

uint32_t datagram_bucket(const struct reassembly *reassembly, const struct fragment_key *key)
{
	return rte_jhash(key, sizeof(*key), reassembly->seed) & reassembly->bucket_mask;
}

struct datagram *datagram_find(
	const struct reassembly *reassembly, const struct fragment_key *key, uint32_t bucket)
{
	uint32_t index = reassembly->buckets[bucket];

	while (index != 0) {
		struct datagram *datagram = &reassembly->datagrams[index];

		if (memcmp(&datagram->key, key, sizeof(*key)) == 0)
			return datagram;
		index = datagram->next_in_bucket;
	}
	return NULL;
}

void datagram_remove(struct reassembly *reassembly, struct datagram *datagram)
{
	struct datagram *datagrams = reassembly->datagrams;
	uint32_t index = (uint32_t)(datagram - datagrams);
	uint32_t *link = &reassembly->buckets[datagram->bucket];

	while (*link != index)
		link = &datagrams[*link].next_in_bucket;
	*link = datagram->next_in_bucket;
	if (datagram->older != 0)
		datagrams[datagram->older].newer = datagram->newer;
	else
		reassembly->oldest = datagram->newer;
	if (datagram->newer != 0)
		datagrams[datagram->newer].older = datagram->older;
	else
		reassembly->newest = datagram->older;
	datagram->newer = reassembly->free_datagram;
	reassembly->free_datagram = index;
}

struct rte_mbuf *piece_take(struct reassembly *reassembly, struct datagram *datagram)
{
	uint32_t index = datagram->first;
	struct piece *piece = &reassembly->pieces[index];

	datagram->first = piece->next;
	piece->next = reassembly->free_piece;
	reassembly->free_piece = index;
	datagram->count--;
	/* It may be whole only of what is there: some may be released, and more come after that. */
	datagram->bytes -= piece->bytes;
	reassembly->held--;
	return piece->packet;
}

void pieces_drop(struct reassembly *reassembly, struct datagram *datagram)
{
	while (datagram->first != 0)
		reassembly->settings.drop(
			reassembly->settings.context, piece_take(reassembly, datagram));
	datagram->last = 0;
}

void datagram_drop_oldest(struct reassembly *reassembly)
{
	struct datagram *datagram = &reassembly->datagrams[reassembly->oldest];

	pieces_drop(reassembly, datagram);
	datagram_remove(reassembly, datagram);
}

struct datagram *datagram_add(struct reassembly *reassembly, const struct fragment_key *key,
	uint32_t bucket, uint64_t now_tsc)
{
	struct datagram *datagram;
	uint32_t index;

	if (reassembly->free_datagram == 0) {
		reassembly->counters.displaced++;
		datagram_drop_oldest(reassembly);
	}
	index = reassembly->free_datagram;
	datagram = &reassembly->datagrams[index];
	reassembly->free_datagram = datagram->newer;
	*datagram = (struct datagram){.key = *key,
		.bucket = bucket,
		.next_in_bucket = reassembly->buckets[bucket],
		.older = reassembly->newest,
		.since_tsc = now_tsc};
	reassembly->buckets[bucket] = index;
	if (reassembly->newest != 0)
		reassembly->datagrams[reassembly->newest].newer = index;
	else
		reassembly->oldest = index;
	reassembly->newest = index;
	return datagram;
}

void piece_add(struct reassembly *reassembly, struct datagram *datagram,
	const struct fragment *fragment, struct rte_mbuf *packet, uint32_t before)
{
	uint32_t index = reassembly->free_piece;
	struct piece *piece = &reassembly->pieces[index];
	uint32_t *link = before != 0 ? &reassembly->pieces[before].next : &datagram->first;

	reassembly->free_piece = piece->next;
	*piece = (struct piece){.packet = packet,
		.offset = fragment->offset,
		.bytes = fragment->bytes,
		.next = *link,
		.header_bytes = fragment->header_bytes};
	*link = index;
	if (piece->next == 0)
		datagram->last = index;
	datagram->count++;
	datagram->bytes += fragment->bytes;
	if (!fragment->more)
		datagram->end = fragment->offset + fragment->bytes;
	datagram->ecns |= fragment->ecn;
	reassembly->held++;
}

bool piece_make_room(struct reassembly *reassembly, const struct datagram *datagram)
{
	while (reassembly->free_piece == 0) {
		if (&reassembly->datagrams[reassembly->oldest] == datagram)
			return false;
		reassembly->counters.displaced++;
		datagram_drop_oldest(reassembly);
	}
	return true;
}
