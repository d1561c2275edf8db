/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a raw-packet queue pair, and its flows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "verbs/client/raw.h"

enum {
	DEPTH_MIN = 64,
	/* Of each half of the area: room for super-packets at least; more than a cache holds makes
	 * copies slower. */
	HALF_MIN_BYTES = 256 << 10,
	HALF_MAX_BYTES = 4 << 20,
	COPY_BYTES = 2048,
};

/* ---- life ---- */

static uint32_t depth_of(uint32_t wanted)
{
	uint32_t depth = DEPTH_MIN;

	while (depth < wanted && depth < VERBS_DEPTH_MAX)
		depth *= 2;
	return depth;
}

static uint64_t area_bytes_of(uint32_t receive_depth, uint32_t send_depth)
{
	uint64_t deepest = receive_depth > send_depth ? receive_depth : send_depth;
	uint64_t half = deepest * COPY_BYTES;

	if (half < HALF_MIN_BYTES)
		half = HALF_MIN_BYTES;
	if (half > HALF_MAX_BYTES)
		half = HALF_MAX_BYTES;
	return 2 * half;
}

static int memory_make(struct client_raw *raw)
{
	uint64_t area_bytes = area_bytes_of(raw->receive_depth, raw->send_depth);
	struct verbs_packet_places places =
		verbs_packet_places(raw->receive_depth, raw->send_depth, area_bytes);
	struct error error = {0};

	raw->memory_fd = verbs_memory_create(
		"weir-packets", places.total_bytes, false, &raw->memory, &error);
	if (raw->memory_fd < 0)
		return client_fail(-raw->memory_fd, "%s", error.message);
	raw->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	raw->sent_end = calloc(raw->send_depth, sizeof(*raw->sent_end));
	raw->forwards = calloc(raw->send_depth, sizeof(*raw->forwards));
	if (raw->event_fd < 0 || raw->sent_end == NULL || raw->forwards == NULL)
		return client_fail(ENOMEM, "no memory for a queue pair");
	raw->header = (struct verbs_packet_header *)raw->memory.base;
	raw->received = (struct verbs_descriptor *)(raw->memory.base + places.received);
	raw->sent = (struct verbs_descriptor *)(raw->memory.base + places.sent);
	raw->area = raw->memory.base + places.area;
	raw->half_bytes = area_bytes / 2;
	raw->header->cookie = VERBS_PACKET_COOKIE;
	raw->header->version = VERBS_VERSION;
	raw->header->receive_depth = raw->receive_depth;
	raw->header->send_depth = raw->send_depth;
	raw->header->area_bytes = area_bytes;
	return 0;
}

static void raw_free(struct client_raw *raw)
{
	client_raw_unmap(raw);
	verbs_unmap(&raw->memory);
	if (raw->memory_fd >= 0)
		close(raw->memory_fd);
	if (raw->event_fd >= 0)
		close(raw->event_fd);
	free(raw->sent_end);
	free(raw->forwards);
	free(raw);
}

static int flow_announce(struct weir_flow *flow)
{
	const struct weir_flow_attr *attr = &flow->attr;
	union verbs_message message = {.create_flow = {
					       .queue = flow->qp->qp.qp_num,
					       .match = attr->match,
					       .priority = attr->priority,
					       .vlan = attr->vlan,
					       .ip_version = attr->ip_version,
					       .protocol = attr->protocol,
					       .source_prefix = attr->source_prefix,
					       .destination_prefix = attr->destination_prefix,
					       .source_port = attr->source_port,
					       .destination_port = attr->destination_port,
				       }};
	int status;

	message.head.type = VERBS_CREATE_FLOW;
	memcpy(message.create_flow.source, attr->source, sizeof(attr->source));
	memcpy(message.create_flow.destination, attr->destination, sizeof(attr->destination));
	memcpy(message.create_flow.port, attr->port, strlen(attr->port) + 1);
	status = client_request(flow->qp->qp.device, &message, NULL, 0, NULL, NULL);
	if (status == 0)
		flow->handle = message.handle_answer.handle;
	return status;
}

/* A new engine begins with all descriptors empty; what was on its way to and from the old one is
 * lost, as on a wire. */
static void start_again(struct client_raw *raw)
{
	struct verbs_packet_header *header = raw->header;

	memset(raw->received, 0, raw->receive_depth * sizeof(*raw->received));
	memset(raw->sent, 0, raw->send_depth * sizeof(*raw->sent));
	header->released = header->armed = header->sent = header->engine_asleep = 0;
	header->condition = VERBS_CONNECTED;
	raw->next = raw->released = raw->told = 0;
	raw->sent_done = raw->sent_next = raw->flushed = 0;
	raw->send_head = raw->send_tail = raw->alloc_head = 0;
	raw->alloc_count = 0;
	raw->forward_first = raw->forward_next = 0;
	client_raw_unmap(raw);
}

int client_raw_announce(struct client_qp *qp, uint32_t wanted)
{
	struct client_raw *raw = qp->raw;
	union verbs_message message = {.create_raw = {
					       .pd = qp->qp.pd->handle,
					       .wanted = wanted,
					       .receive_depth = raw->receive_depth,
					       .send_depth = raw->send_depth,
					       .area_bytes = raw->header->area_bytes,
				       }};
	int fds[] = {raw->memory_fd, raw->event_fd}, status;

	start_again(raw);
	message.head.type = VERBS_CREATE_RAW;
	status = client_request(qp->qp.device, &message, fds, 2, NULL, NULL);
	if (status != 0)
		return status;
	qp->qp.qp_num = raw->header->queue = message.handle_answer.handle;
	status = client_raw_map(qp);
	for (struct weir_flow *flow = raw->flows; flow != NULL && status == 0; flow = flow->next)
		status = flow_announce(flow);
	return status;
}

static void withdraw(struct client_qp *qp, unsigned type, uint32_t handle)
{
	union verbs_message message = {.head = {.type = (uint16_t)type}};

	message.handle.handle = handle;
	client_request(qp->qp.device, &message, NULL, 0, NULL, NULL);
}

int client_raw_create(struct client_qp *qp, const struct weir_qp_init_attr *attr)
{
	struct client_raw *raw = calloc(1, sizeof(*raw));
	int status;

	if (raw == NULL)
		return client_fail(ENOMEM, "no memory for a queue pair");
	raw->memory_fd = raw->event_fd = -1;
	raw->receive_depth = depth_of(attr->cap.max_recv_wr);
	raw->send_depth = depth_of(attr->cap.max_send_wr);
	qp->raw = raw;
	status = memory_make(raw);
	if (status == 0)
		status = client_raw_announce(qp, 0);
	if (status != 0) {
		if (qp->qp.qp_num != 0)
			withdraw(qp, VERBS_DESTROY_QP, qp->qp.qp_num);
		raw_free(raw);
		qp->raw = NULL;
	}
	return status;
}

/* The engine is told by whoever destroys the queue pair, or is gone. */
void client_raw_destroy(struct client_qp *qp)
{
	struct weir_flow *flow, *next;

	if (qp->raw == NULL)
		return;
	for (flow = qp->raw->flows; flow != NULL; flow = next) {
		next = flow->next;
		free((char *)(uintptr_t)flow->attr.port);
		free(flow);
	}
	raw_free(qp->raw);
	qp->raw = NULL;
}

/* ---- flows ---- */

static int flow_check(const struct weir_qp *qp, const struct weir_flow_attr *attr)
{
	const struct verbs_create_flow *message = NULL;

	if (qp->qp_type != WEIR_QPT_RAW_PACKET)
		return client_fail(EINVAL, "flows are for queue pairs of WEIR_QPT_RAW_PACKET");
	if (attr->port == NULL || attr->port[0] == '\0' ||
		strlen(attr->port) >= sizeof(message->port))
		return client_fail(EINVAL, "port has to be a name of weir's configuration");
	return 0;
}

struct weir_flow *weir_create_flow(struct weir_qp *public, const struct weir_flow_attr *attr)
{
	struct client_qp *qp = (struct client_qp *)public;
	struct weir_flow *flow;

	if (flow_check(public, attr) != 0)
		return NULL;
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL) {
		client_fail(ENOMEM, "no memory for a flow");
		return NULL;
	}
	flow->qp = qp;
	flow->attr = *attr;
	flow->attr.port = strdup(attr->port);
	if (flow->attr.port == NULL)
		client_fail(ENOMEM, "no memory for a flow");
	if (flow->attr.port == NULL || flow_announce(flow) != 0) {
		free((char *)(uintptr_t)flow->attr.port);
		free(flow);
		return NULL;
	}
	client_lock(&qp->lock);
	client_raw_map(qp); /* another mode, perhaps; what is not mapped yet is when it is needed */
	flow->next = qp->raw->flows;
	qp->raw->flows = flow;
	qp->users++;
	client_unlock(&qp->lock);
	return flow;
}

int weir_destroy_flow(struct weir_flow *flow)
{
	struct client_qp *qp = flow->qp;
	struct weir_flow **link = &qp->raw->flows;

	client_lock(&qp->lock);
	while (*link != flow)
		link = &(*link)->next;
	*link = flow->next;
	qp->users--;
	client_unlock(&qp->lock);
	withdraw(qp, VERBS_DESTROY_FLOW, flow->handle);
	free((char *)(uintptr_t)flow->attr.port);
	free(flow);
	return 0;
}

const char *weir_packet_mode(struct weir_qp *public)
{
	const struct client_qp *qp = (struct client_qp *)public;

	if (qp->raw == NULL)
		return "none";
	switch ((enum verbs_packet_mode)qp->raw->mode) {
	case VERBS_PACKETS_READ_ONLY: return "read-only";
	case VERBS_PACKETS_DEDICATED: return "dedicated";
	case VERBS_PACKETS_COPY: break;
	}
	return "copy";
}
