/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of a connected queue pair on the direct path: its queue memory, its key table, and
 * its regions, each mapped here when it is first needed. The engine says where they are; what is
 * mapped cannot be taken away (mapping.h).
 *
 * A region is used only while its owner's key table says that its key is valid. The owner clears
 * the entry first, then makes sure (client_peer_quiesce) that nobody is on his way who has read the
 * old one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "verbs/client/client.h"
#include "verbs/client/peer.h"

static void close_all(const int fds[], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

static int bad_answer(void)
{
	return client_fail(EPROTO, "what the engine says of the other end makes no sense");
}

/* ---- the queue pair at the other end ---- */

static bool depth_ok(uint32_t depth)
{
	return depth <= VERBS_DEPTH_MAX && (depth & (depth - 1)) == 0;
}

static bool geometry_ok(const struct verbs_geometry *geometry)
{
	return depth_ok(geometry->inbox_depth) && geometry->inbox_depth > 0 &&
		depth_ok(geometry->receive_depth) && depth_ok(geometry->request_depth) &&
		geometry->receive_segments <= VERBS_SEGMENTS_MAX &&
		geometry->request_segments <= VERBS_SEGMENTS_MAX &&
		geometry->inline_bytes <= VERBS_INLINE_MAX;
}

static bool answer_ok(const struct verbs_get_peer_answer *answer, unsigned fd_count)
{
	bool has_srq = answer->srq != 0;

	return geometry_ok(&answer->geometry) &&
		fd_count == 2u + (answer->has_event_fd != 0) + has_srq &&
		(has_srq ? depth_ok(answer->srq_depth) && answer->srq_depth > 0 &&
					answer->srq_segments <= VERBS_SEGMENTS_MAX
			 : answer->geometry.receive_depth > 0);
}

/* fds: queue memory, connection memory, [eventfd], [SRQ memory]. */
static int map_peer(
	struct client_qp *qp, const struct verbs_get_peer_answer *answer, const int fds[])
{
	struct verbs_queue_places places = verbs_queue_places(&answer->geometry);
	struct error error = {.code = 0};
	int status = verbs_map(&qp->peer_memory, fds[0], 0, places.total_bytes, true, &error);

	if (status == 0)
		status = verbs_map(
			&qp->peer_keys, fds[1], 0, sizeof(struct verbs_keys), false, &error);
	if (status == 0 && answer->srq != 0)
		status = verbs_map(&qp->peer_srq_memory, fds[2 + (answer->has_event_fd != 0)], 0,
			verbs_srq_bytes(answer->srq_depth, answer->srq_segments), true, &error);
	if (status != 0) {
		client_peer_forget(qp);
		return client_fail(-status, "memory of the other end: %s", error.message);
	}
	return 0;
}

static int attach_peer(struct client_qp *qp, const struct verbs_get_peer_answer *answer)
{
	struct verbs_responder *responder = &qp->responder;

	qp->remote.by_index =
		calloc(VERBS_KEYS_MAX, sizeof(*qp->remote.by_index)); /* touched where used */
	if (qp->remote.by_index == NULL) {
		client_peer_forget(qp);
		return client_fail(ENOMEM, "no memory for the other end's regions");
	}
	qp->remote.regions.find = client_remote_find;
	qp->remote.qp = qp;
	qp->remote.keys = (const struct verbs_keys *)qp->peer_keys.base;
	memset(responder, 0, sizeof(*responder));
	verbs_queue_attach(&responder->queue, qp->peer_memory.base, qp->attr.dest_qp_num,
		answer->pd, &answer->geometry);
	if (answer->srq != 0) {
		verbs_srq_attach(&qp->peer_srq, qp->peer_srq_memory.base, answer->srq_depth,
			answer->srq_segments);
		responder->srq = &qp->peer_srq;
	}
	responder->regions = &qp->remote.regions;
	responder->type = qp->qp.qp_type;
	qp->path = VERBS_PATH_DIRECT;
	return 0;
}

/* ---- asking ---- */

static int ask_engine(struct client_qp *qp)
{
	union verbs_message message = {.get_peer = {.queue = qp->qp.qp_num}};
	const struct verbs_get_peer_answer *answer = &message.get_peer_answer;
	int fds[VERBS_FDS_MAX], event_fd;
	unsigned fd_count;
	int status;

	message.head.type = VERBS_GET_PEER;
	status = client_request(qp->qp.device, &message, NULL, 0, fds, &fd_count);
	if (status != 0)
		return status;
	if (answer->path == VERBS_PATH_ENGINE) {
		close_all(fds, fd_count);
		qp->path = VERBS_PATH_ENGINE;
		return 0;
	}
	if (answer->path != VERBS_PATH_DIRECT || !answer_ok(answer, fd_count)) {
		close_all(fds, fd_count);
		return bad_answer();
	}
	event_fd = answer->has_event_fd != 0 ? fcntl(fds[2], F_DUPFD_CLOEXEC, 0) : -1;
	status = map_peer(qp, answer, fds);
	if (status == 0)
		status = attach_peer(qp, answer);
	close_all(fds, fd_count);
	if (status == 0)
		qp->peer_event_fd = event_fd;
	else if (event_fd >= 0)
		close(event_fd);
	return status;
}

int client_peer_find(struct client_qp *qp)
{
	if (qp->path != VERBS_PATH_NONE)
		return 0;
	if (qp->qp.state != WEIR_QPS_RTR && qp->qp.state != WEIR_QPS_RTS &&
		qp->qp.state != WEIR_QPS_SQD)
		return client_fail(ENOTCONN, "queue pair %u is not connected", qp->qp.qp_num);
	if (qp->qp.qp_type == WEIR_QPT_UD) {
		/* Whom it talks to is in each request. */
		qp->path = VERBS_PATH_ENGINE;
		return 0;
	}
	return ask_engine(qp);
}

void client_peer_meet(struct client_qp *qp)
{
	uint64_t now_ns;

	if (qp->qp.state < WEIR_QPS_RTR || qp->qp.state == WEIR_QPS_ERR ||
		qp->qp.qp_type == WEIR_QPT_UD || qp->qp.device->gone)
		return;
	now_ns = clock_monotonic_ns();
	if (now_ns < qp->retry_at_ns)
		return;
	qp->retry_at_ns = now_ns + CLIENT_PEER_RETRY_NS;
	client_peer_find(qp);
}

void client_peer_forget(struct client_qp *qp)
{
	for (uint32_t i = 0; qp->remote.by_index != NULL && i < VERBS_KEYS_MAX; i++) {
		if (qp->remote.by_index[i] == NULL)
			continue;
		verbs_unmap(&qp->remote.by_index[i]->mapping);
		free(qp->remote.by_index[i]);
	}
	free(qp->remote.by_index);
	memset(&qp->remote, 0, sizeof(qp->remote));
	verbs_unmap(&qp->peer_memory);
	verbs_unmap(&qp->peer_keys);
	verbs_unmap(&qp->peer_srq_memory);
	memset(&qp->peer_memory, 0, sizeof(qp->peer_memory));
	memset(&qp->peer_keys, 0, sizeof(qp->peer_keys));
	memset(&qp->peer_srq_memory, 0, sizeof(qp->peer_srq_memory));
	memset(&qp->responder, 0, sizeof(qp->responder));
	if (qp->peer_event_fd >= 0)
		close(qp->peer_event_fd);
	qp->peer_event_fd = -1;
	qp->path = VERBS_PATH_NONE;
}

/* ---- its regions ---- */

void client_remote_drop(struct client_remote *remote, uint32_t key)
{
	struct client_remote_region **at;

	if (remote->by_index == NULL)
		return;
	at = &remote->by_index[verbs_key_index(key)];
	if (*at == NULL || (*at)->region.key != key)
		return;
	verbs_unmap(&(*at)->mapping);
	free(*at);
	*at = NULL;
}

static struct client_remote_region *map_region(struct client_remote *remote, uint32_t key)
{
	union verbs_message message = {.get_region = {.queue = remote->qp->qp.qp_num, .key = key}};
	const struct verbs_get_region_answer *answer = &message.get_region_answer;
	const unsigned writes =
		WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE | WEIR_ACCESS_REMOTE_ATOMIC;
	struct client_remote_region *found = NULL;
	int fds[VERBS_FDS_MAX], status;
	unsigned fd_count;

	message.head.type = VERBS_GET_REGION;
	status = client_request(remote->qp->qp.device, &message, NULL, 0, fds, &fd_count);
	/* Away; or a new one, to which the other end has not come back yet. */
	remote->regions.unreachable = status == EIO || status == ETIMEDOUT || status == ENOTCONN;
	if (status != 0)
		return NULL;
	if (fd_count == 1 && answer->bytes > 0 && answer->address + answer->bytes > answer->address)
		found = calloc(1, sizeof(*found));
	if (found != NULL &&
		verbs_map(&found->mapping, fds[0], answer->fd_offset, answer->bytes,
			(answer->access & writes) != 0, NULL) != 0) {
		free(found);
		found = NULL;
	}
	close_all(fds, fd_count);
	if (found != NULL)
		found->region = (struct verbs_region){
			.base = found->mapping.base,
			.address = answer->address,
			.bytes = answer->bytes,
			.key = key,
			.access = answer->access,
			.pd = answer->pd,
		};
	return found;
}

const struct verbs_region *client_remote_find(struct verbs_regions *regions, uint32_t key)
{
	struct client_remote *remote = (struct client_remote *)regions;
	uint32_t index = verbs_key_index(key);
	struct client_remote_region **at = &remote->by_index[index];

	if (key == 0 || __atomic_load_n(&remote->keys->keys[index], __ATOMIC_ACQUIRE) != key) {
		remote->regions.unreachable = false;
		return NULL;
	}
	if (*at != NULL && (*at)->region.key == key)
		return &(*at)->region;
	if (*at != NULL)
		client_remote_drop(remote, (*at)->region.key);
	*at = map_region(remote, key);
	return *at != NULL ? &(*at)->region : NULL;
}

/* ---- memory of ours that goes ---- */

void client_peer_quiesce(const struct client_qp *qp, const struct verbs_queue_header *peer)
{
	enum { PATIENCE_MS = 2000 };
	const struct timespec pause = {.tv_nsec = 50 * 1000};
	uint32_t first;

	if (peer == NULL)
		return;
	first = __atomic_load_n(&peer->busy, __ATOMIC_ACQUIRE);
	for (unsigned tries = 0; tries < PATIENCE_MS * 20 && first % 2 != 0; tries++) {
		if (__atomic_load_n(&peer->busy, __ATOMIC_ACQUIRE) != first ||
			__atomic_load_n(&qp->own.header->condition, __ATOMIC_ACQUIRE) ==
				VERBS_PEER_GONE)
			return;
		nanosleep(&pause, NULL);
	}
}
