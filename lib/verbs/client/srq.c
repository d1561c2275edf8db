/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared receive queues. An entry is posted at the place of its turn and claimed there by whoever
 * has a message, so entries are taken in order but finished in any. Its tag is its place: what was
 * posted there is kept privately, as others may scribble on the shared copy. A turn whose place is
 * still in use is passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verbs/client/client.h"
#include "verbs/client/queue_pair.h"
#include "verbs/transfer_parts.h"

/* ---- objects ---- */

static int srq_memory(struct client_srq *srq, uint32_t depth, uint32_t segments)
{
	struct error error = {.code = 0};
	struct verbs_srq_header *header;

	srq->fd = verbs_memory_create(
		"weir-srq", verbs_srq_bytes(depth, segments), false, &srq->mapping, &error);
	if (srq->fd < 0)
		return client_fail(-srq->fd, "memory of a shared receive queue: %s", error.message);
	verbs_srq_attach(&srq->shared, srq->mapping.base, depth, segments);
	header = srq->shared.header;
	header->cookie = VERBS_SRQ_COOKIE;
	header->version = VERBS_VERSION;
	header->depth = depth;
	header->segments = segments;
	srq->wr_ids = calloc(depth, sizeof(*srq->wr_ids));
	srq->in_use = calloc(depth, sizeof(*srq->in_use));
	srq->segment_counts = calloc(depth, sizeof(*srq->segment_counts));
	srq->segments = calloc((size_t)depth * segments, sizeof(*srq->segments));
	if (srq->wr_ids == NULL || srq->in_use == NULL || srq->segment_counts == NULL ||
		srq->segments == NULL)
		return client_fail(ENOMEM, "no memory for a shared receive queue of %u", depth);
	return 0;
}

static void srq_free(struct client_srq *srq)
{
	verbs_unmap(&srq->mapping);
	if (srq->fd >= 0)
		close(srq->fd);
	free(srq->wr_ids);
	free(srq->in_use);
	free(srq->segment_counts);
	free(srq->segments);
	free(srq);
}

int client_srq_announce(struct client_srq *srq, uint32_t wanted)
{
	union verbs_message message = {.create_srq = {
					       .pd = srq->srq.pd->handle,
					       .depth = srq->shared.depth,
					       .segments = srq->shared.segments,
					       .wanted = wanted,
				       }};
	int status;

	message.head.type = VERBS_CREATE_SRQ;
	status = client_request(srq->srq.device, &message, &srq->fd, 1, NULL, NULL);
	if (status == 0)
		srq->handle = srq->shared.header->srq = message.handle_answer.handle;
	return status;
}

struct weir_srq *weir_create_srq(struct weir_pd *pd, struct weir_srq_attr *attr, void *srq_context)
{
	struct weir_device *device = pd->device;
	uint32_t depth_max = client_depth_max(device), depth, segments;
	struct client_srq *srq;

	segments = attr->max_sge == 0 ? 1 : attr->max_sge;
	if (attr->max_wr == 0 || attr->max_wr > depth_max || segments > VERBS_SEGMENTS_MAX) {
		client_fail(EINVAL,
			"a shared receive queue of %u requests of %u segments: 1 to %u requests of "
			"at most %u are possible",
			attr->max_wr, attr->max_sge, depth_max, VERBS_SEGMENTS_MAX);
		return NULL;
	}
	depth = client_power_of_two(attr->max_wr);
	srq = calloc(1, sizeof(*srq));
	if (srq == NULL) {
		client_fail(ENOMEM, "no memory for a shared receive queue");
		return NULL;
	}
	srq->srq = (struct weir_srq){.device = device, .pd = pd, .srq_context = srq_context};
	client_handle_events(device);
	if (srq_memory(srq, depth, segments) != 0 || client_srq_announce(srq, 0) != 0) {
		srq_free(srq);
		return NULL;
	}
	attr->max_wr = depth;
	attr->max_sge = segments;
	pthread_mutex_lock(&device->lock);
	srq->next = device->srqs;
	device->srqs = srq;
	((struct client_pd *)pd)->users++;
	pthread_mutex_unlock(&device->lock);
	return &srq->srq;
}

int weir_destroy_srq(struct weir_srq *public)
{
	struct client_srq *srq = (struct client_srq *)public, **at;
	struct weir_device *device = public->device;
	union verbs_message message = {.handle = {.handle = srq->handle}};

	client_handle_events(device);
	pthread_mutex_lock(&device->lock);
	if (srq->users != 0) {
		pthread_mutex_unlock(&device->lock);
		return client_fail(
			EBUSY, "%u queue pairs of the shared receive queue are left", srq->users);
	}
	message.head.type = VERBS_DESTROY_SRQ;
	client_request(device, &message, NULL, 0, NULL, NULL);
	for (at = &device->srqs; *at != srq; at = &(*at)->next)
		;
	*at = srq->next;
	((struct client_pd *)public->pd)->users--;
	pthread_mutex_unlock(&device->lock);
	client_event_forget(device, srq);
	srq_free(srq);
	return 0;
}

int weir_query_srq(struct weir_srq *public, struct weir_srq_attr *ret_attr)
{
	struct client_srq *srq = (struct client_srq *)public;

	client_lock(&srq->lock);
	*ret_attr = (struct weir_srq_attr){.max_wr = srq->shared.depth,
		.max_sge = srq->shared.segments,
		.srq_limit = srq->limit};
	client_unlock(&srq->lock);
	return 0;
}

/* ---- limit ---- */

static void limit_set(struct client_srq *srq, uint32_t limit)
{
	srq->limit = limit;
	__atomic_store_n(&srq->shared.header->limit, limit, __ATOMIC_RELEASE);
}

void client_srq_limit_reached(struct client_srq *srq)
{
	if (srq->limit == 0)
		return;
	limit_set(srq, 0);
	client_event(srq->srq.device, WEIR_EVENT_SRQ_LIMIT_REACHED, srq);
}

int weir_modify_srq_limit(struct weir_srq *public, uint32_t limit)
{
	struct client_srq *srq = (struct client_srq *)public;

	if (limit > srq->shared.depth)
		return client_fail(EINVAL, "a limit of %u for a shared receive queue of %u", limit,
			srq->shared.depth);
	client_lock(&srq->lock);
	limit_set(srq, limit);
	if (srq->outstanding < limit)
		client_srq_limit_reached(srq);
	client_unlock(&srq->lock);
	return 0;
}

/* ---- posting and taking ---- */

static struct verbs_receive *entry_at(const struct client_srq *srq, uint32_t place)
{
	return (struct verbs_receive *)(srq->shared.receives +
		(size_t)place * srq->shared.receive_stride);
}

/* Whether the segment is in a region of the queue's domain that may be written. */
static bool segment_good(const struct client_srq *srq, const struct weir_sge *sge)
{
	struct verbs_regions *own = &srq->srq.device->own.regions;
	const struct verbs_region *region;

	if (sge->length == 0)
		return true;
	region = own->find(own, sge->lkey);
	return region != NULL && region->pd == srq->srq.pd->handle &&
		(region->access & WEIR_ACCESS_LOCAL_WRITE) != 0 &&
		verbs_region_place(region, sge->addr, sge->length) != NULL;
}

static int post_check(
	const struct client_srq *srq, const struct weir_recv_wr *wr, uint32_t *ret_bytes)
{
	uint64_t bytes = 0;

	if (wr->num_sge < 0 || (uint32_t)wr->num_sge > srq->shared.segments)
		return client_fail(EINVAL, "weir_post_srq_recv: %d segments, the queue has %u",
			wr->num_sge, srq->shared.segments);
	if (srq->outstanding == srq->shared.depth)
		return client_fail(ENOMEM, "weir_post_srq_recv: the queue is full");
	for (int i = 0; i < wr->num_sge; i++) {
		if (!segment_good(srq, &wr->sg_list[i]))
			return client_fail(EINVAL,
				"weir_post_srq_recv: segment %d is not in a region of this domain "
				"that may be written",
				i);
		bytes += wr->sg_list[i].length;
	}
	if (bytes > UINT32_MAX)
		return client_fail(
			EINVAL, "weir_post_srq_recv: %lu bytes are too many", (unsigned long)bytes);
	*ret_bytes = (uint32_t)bytes;
	return 0;
}

static int post_one(struct client_srq *srq, const struct weir_recv_wr *wr)
{
	uint32_t place, bytes = 0;
	struct verbs_segment *segments;
	struct verbs_receive *entry;
	int status = post_check(srq, wr, &bytes);

	if (status != 0)
		return status;
	/* Places of long messages are passed over; who claims does the same. */
	while (srq->in_use[srq->posted & (srq->shared.depth - 1)])
		srq->posted++;
	place = srq->posted & (srq->shared.depth - 1);
	entry = entry_at(srq, place);
	segments = &srq->segments[(size_t)place * srq->shared.segments];
	for (int i = 0; i < wr->num_sge; i++)
		segments[i] = (struct verbs_segment){
			wr->sg_list[i].addr, wr->sg_list[i].length, wr->sg_list[i].lkey};
	srq->wr_ids[place] = wr->wr_id;
	srq->segment_counts[place] = (uint32_t)wr->num_sge;
	srq->in_use[place] = true;
	srq->outstanding++;
	entry->tag = place;
	entry->bytes = bytes;
	entry->segment_count = (uint32_t)wr->num_sge;
	memcpy(entry->segments, segments, (size_t)wr->num_sge * sizeof(*segments));
	srq->posted++;
	__atomic_store_n(&entry->claim, srq->posted, __ATOMIC_RELEASE);
	__atomic_store_n(&srq->shared.header->posted, srq->posted, __ATOMIC_RELEASE);
	return 0;
}

int weir_post_srq_recv(
	struct weir_srq *public, struct weir_recv_wr *wr, struct weir_recv_wr **bad_wr)
{
	struct client_srq *srq = (struct client_srq *)public;
	int status = 0;

	client_lock(&srq->lock);
	for (; wr != NULL; wr = wr->next) {
		status = post_one(srq, wr);
		if (status != 0) {
			*bad_wr = wr;
			break;
		}
	}
	client_unlock(&srq->lock);
	return status;
}

/* Posts what stands at `place` again, at another turn: behind those that are claimed none looks. */
static void post_again(struct client_srq *srq, uint32_t place)
{
	struct weir_sge list[VERBS_SEGMENTS_MAX];
	struct weir_recv_wr wr = {.wr_id = srq->wr_ids[place],
		.sg_list = list,
		.num_sge = (int)srq->segment_counts[place]};
	const struct verbs_segment *segments = &srq->segments[(size_t)place * srq->shared.segments];

	for (int i = 0; i < wr.num_sge; i++)
		list[i] =
			(struct weir_sge){segments[i].address, segments[i].bytes, segments[i].key};
	srq->in_use[place] = false;
	srq->outstanding--;
	/* A region that is gone by now: whoever deregistered it has given the receive up. */
	post_one(srq, &wr);
}

void client_srq_give_back(struct client_srq *srq, uint32_t initiator)
{
	if (initiator == 0) /* never connected; and what nobody has claimed says 0 */
		return;
	client_lock(&srq->lock);
	for (uint32_t place = 0; place < srq->shared.depth; place++) {
		uint64_t claim = __atomic_load_n(&entry_at(srq, place)->claim, __ATOMIC_ACQUIRE);

		if (srq->in_use[place] && claim >> 32 == initiator)
			post_again(srq, place);
	}
	client_unlock(&srq->lock);
}

bool client_srq_take(struct client_srq *srq, uint32_t tag, struct client_srq_receive *ret_receive)
{
	bool taken = false;

	client_lock(&srq->lock);
	if (tag < srq->shared.depth && srq->in_use[tag]) {
		const struct verbs_segment *segments =
			&srq->segments[(size_t)tag * srq->shared.segments];

		*ret_receive = (struct client_srq_receive){.wr_id = srq->wr_ids[tag],
			.segments = segments,
			.segment_count = srq->segment_counts[tag]};
		for (uint32_t i = 0; i < ret_receive->segment_count; i++)
			ret_receive->bytes += segments[i].bytes;
		srq->in_use[tag] = false;
		if (--srq->outstanding < srq->limit)
			client_srq_limit_reached(srq);
		taken = true;
	}
	client_unlock(&srq->lock);
	return taken;
}
