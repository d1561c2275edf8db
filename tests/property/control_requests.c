/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_requests.h"

#include <stddef.h>
#include <string.h>

#include "verbs/weir.h"

enum { PAGE = 4096 };

uint64_t control_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

uint32_t control_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((control_random(state) >> 32) * bound >> 32);
}

void control_remember(struct control_handles *handles, unsigned type, uint32_t handle)
{
	static const int kinds[VERBS_TYPE_COUNT] = {[VERBS_ALLOC_PD] = CONTROL_PD + 1,
		[VERBS_REG_MR] = CONTROL_REGION + 1,
		[VERBS_CREATE_SRQ] = CONTROL_SRQ + 1,
		[VERBS_CREATE_QP] = CONTROL_QUEUE + 1,
		[VERBS_CREATE_RAW] = CONTROL_RAW + 1,
		[VERBS_CREATE_FLOW] = CONTROL_FLOW + 1};
	int kind = kinds[type] - 1;

	if (kind < 0)
		return;
	if (handles->count[kind] < CONTROL_HANDLES)
		handles->list[kind][handles->count[kind]++] = handle;
	else
		handles->list[kind][handle % CONTROL_HANDLES] = handle;
}

static void forget(struct control_handles *handles, enum control_kind kind, uint32_t handle)
{
	for (uint32_t i = 0; i < handles->count[kind]; i++)
		if (handles->list[kind][i] == handle)
			handles->list[kind][i--] = handles->list[kind][--handles->count[kind]];
}

void control_forget(struct control_handles *handles, unsigned type, uint32_t handle)
{
	switch (type) {
	case VERBS_DEALLOC_PD: forget(handles, CONTROL_PD, handle); break;
	case VERBS_DEREG_MR: forget(handles, CONTROL_REGION, handle); break;
	case VERBS_DESTROY_SRQ: forget(handles, CONTROL_SRQ, handle); break;
	case VERBS_DESTROY_QP:
		forget(handles, CONTROL_QUEUE, handle);
		forget(handles, CONTROL_RAW, handle);
		break;
	case VERBS_DESTROY_FLOW: forget(handles, CONTROL_FLOW, handle); break;
	default: break;
	}
}

/* 0: there is none. */
static uint32_t pick(const struct control_handles *handles, enum control_kind kind, uint64_t *state)
{
	uint32_t count = handles->count[kind];

	return count > 0 ? handles->list[kind][control_below(state, count)] : 0;
}

/* Which requests there are, as often as they stand here: those that map memory seldom. */
static const uint8_t types[] = {VERBS_ALLOC_PD, VERBS_ALLOC_PD, VERBS_DEALLOC_PD, VERBS_REG_MR,
	VERBS_DEREG_MR, VERBS_CREATE_SRQ, VERBS_DESTROY_SRQ, VERBS_CREATE_QP, VERBS_DESTROY_QP,
	VERBS_MODIFY_QP, VERBS_MODIFY_QP, VERBS_MODIFY_QP, VERBS_MODIFY_QP, VERBS_MODIFY_QP,
	VERBS_MODIFY_QP, VERBS_GET_PEER, VERBS_GET_PEER, VERBS_GET_PEER, VERBS_GET_REGION,
	VERBS_GET_REGION, VERBS_GET_REGION, VERBS_CREATE_RAW, VERBS_CREATE_FLOW, VERBS_CREATE_FLOW,
	VERBS_DESTROY_FLOW, VERBS_DESTROY_FLOW, VERBS_GET_PACKETS, VERBS_GET_PACKETS,
	VERBS_GET_PACKETS, VERBS_ALLOC_PD, VERBS_DEALLOC_PD, VERBS_DEREG_MR};

static void fill_create(
	const struct control_handles *own, uint64_t *state, union verbs_message *request)
{
	static const uint32_t qp_types[] = {WEIR_QPT_RC, WEIR_QPT_RC, WEIR_QPT_UC, WEIR_QPT_UD};
	uint32_t pd = pick(own, CONTROL_PD, state);

	switch (request->head.type) {
	case VERBS_REG_MR:
		request->reg_mr.pd = pd;
		request->reg_mr.access = control_below(state, 16);
		request->reg_mr.address = (uint64_t)PAGE * (1 + control_below(state, 1000));
		request->reg_mr.bytes = 1 + control_below(state, 4 * PAGE);
		request->reg_mr.fd_offset = control_below(state, PAGE);
		break;
	case VERBS_CREATE_SRQ:
		request->create_srq.pd = pd;
		request->create_srq.depth = 1u << control_below(state, 5);
		request->create_srq.segments = 1 + control_below(state, 4);
		break;
	case VERBS_CREATE_QP:
		request->create_qp.pd = pd;
		request->create_qp.type = qp_types[control_below(state, 4)];
		request->create_qp.srq =
			control_below(state, 2) ? pick(own, CONTROL_SRQ, state) : 0;
		request->create_qp.flags = control_below(state, 4);
		request->create_qp.geometry = (struct verbs_geometry){.inbox_depth = 16,
			.receive_depth = 8,
			.receive_segments = 2,
			.request_depth = 8,
			.request_segments = 2,
			.inline_bytes = 64};
		break;
	default:
		request->create_raw.pd = pd;
		request->create_raw.receive_depth = 16;
		request->create_raw.send_depth = 16;
		request->create_raw.area_bytes = (uint64_t)PAGE * control_below(state, 32);
		break;
	}
}

static void fill_flow(
	const struct control_handles *own, uint64_t *state, union verbs_message *request)
{
	struct verbs_create_flow *flow = &request->create_flow;

	flow->queue = pick(own, CONTROL_RAW, state);
	flow->match = control_below(state, 64);
	flow->vlan = 1 + control_below(state, 4094);
	flow->ip_version = control_below(state, 2) ? 4 : 6;
	flow->protocol = 6;
	flow->source_prefix = control_below(state, 33);
	flow->destination_prefix = control_below(state, 33);
	flow->source_port = flow->destination_port = control_below(state, 65536);
	memcpy(flow->port, "port", 5);
}

static void fill(const struct control_handles *own, const struct control_handles *other,
	uint64_t *state, union verbs_message *request)
{
	static const enum control_kind destroyed[VERBS_TYPE_COUNT] = {
		[VERBS_DEALLOC_PD] = CONTROL_PD,
		[VERBS_DEREG_MR] = CONTROL_REGION,
		[VERBS_DESTROY_SRQ] = CONTROL_SRQ,
		[VERBS_DESTROY_QP] = CONTROL_QUEUE,
		[VERBS_DESTROY_FLOW] = CONTROL_FLOW};
	unsigned type = request->head.type;

	switch (type) {
	case VERBS_ALLOC_PD: break;
	case VERBS_REG_MR:
	case VERBS_CREATE_SRQ:
	case VERBS_CREATE_QP:
	case VERBS_CREATE_RAW: fill_create(own, state, request); break;
	case VERBS_MODIFY_QP:
		request->modify_qp.queue = pick(own, CONTROL_QUEUE, state);
		request->modify_qp.state = control_below(state, WEIR_QPS_ERR + 1);
		request->modify_qp.remote_queue = pick(other, CONTROL_QUEUE, state);
		request->modify_qp.rnr_retry = control_below(state, 8);
		request->modify_qp.retry = control_below(state, 8);
		request->modify_qp.timeout = control_below(state, 32);
		request->modify_qp.resumed = control_below(state, 8) == 0;
		break;
	case VERBS_GET_PEER: request->get_peer.queue = pick(own, CONTROL_QUEUE, state); break;
	case VERBS_GET_REGION:
		request->get_region.queue = pick(own, CONTROL_QUEUE, state);
		request->get_region.key = pick(other, CONTROL_REGION, state);
		break;
	case VERBS_CREATE_FLOW: fill_flow(own, state, request); break;
	case VERBS_GET_PACKETS:
		request->get_packets.queue = pick(own, CONTROL_RAW, state);
		request->get_packets.part = control_below(state, 3);
		break;
	default:
		request->handle.handle = pick(own, destroyed[type], state);
		/* Raw ones are queue pairs, too. */
		if (type == VERBS_DESTROY_QP && control_below(state, 4) == 0)
			request->handle.handle = pick(own, CONTROL_RAW, state);
		break;
	}
}

/* One field of it, or some bits of one. */
static void mutate(uint64_t *state, union verbs_message *request, uint32_t bytes)
{
	static const uint64_t values[] = {0, 1, 2, 3, 7, 16, 255, PAGE - 1, PAGE, PAGE + 1,
		1u << 15, (1u << 15) + 1, 1u << 20, INT32_MAX, 1ull << 31, UINT32_MAX, 1ull << 40,
		INT64_MAX, UINT64_MAX, UINT64_MAX - PAGE + 1};
	uint32_t body = bytes - (uint32_t)sizeof(struct verbs_head);
	uint32_t at = (uint32_t)sizeof(struct verbs_head) + control_below(state, body);
	uint64_t value = values[control_below(state, sizeof(values) / sizeof(values[0]))];
	uint32_t wide = control_below(state, 2) ? 8 : 4;

	at &= ~(wide - 1);
	switch (control_below(state, 4)) {
	case 0: value = control_random(state); break;
	case 1: request->raw[at] ^= (uint8_t)(1u << control_below(state, 8)); return;
	default: break;
	}
	memcpy(request->raw + at, &value, at + wide <= bytes ? wide : bytes - at);
}

static void finish(uint64_t *state, union verbs_message *request)
{
	uint32_t bytes = verbs_request_bytes(request->head.type);

	request->head.bytes = (uint16_t)bytes;
	request->head.number = 1 + (uint32_t)(control_random(state) >> 33);
	if (bytes > sizeof(struct verbs_head) && control_below(state, 3) == 0)
		for (uint32_t i = 1 + control_below(state, 2); i > 0; i--)
			mutate(state, request, bytes);
	if (control_below(state, 8192) != 0)
		return;
	/* What no application of ours says at all. */
	switch (control_below(state, 3)) {
	case 0: request->head.type = (uint16_t)control_random(state); break;
	case 1: request->head.bytes = (uint16_t)control_random(state); break;
	default: request->head.number = 0; break;
	}
}

void control_request(const struct control_handles *own, const struct control_handles *other,
	uint64_t *state, union verbs_message *ret_request)
{
	memset(ret_request, 0, sizeof(*ret_request));
	ret_request->head.type = types[control_below(state, sizeof(types))];
	if (control_below(state, 65536) == 0)
		ret_request->head.type = VERBS_HELLO; /* a second one */
	else
		fill(own, other, state, ret_request);
	finish(state, ret_request);
}

void control_hello(uint64_t *state, union verbs_message *ret_request)
{
	memset(ret_request, 0, sizeof(*ret_request));
	ret_request->head.type = VERBS_HELLO;
	ret_request->hello.version = VERBS_PROTOCOL_VERSION;
	memcpy(ret_request->hello.name, "control", 8);
	ret_request->head.bytes = (uint16_t)verbs_request_bytes(VERBS_HELLO);
	ret_request->head.number = 1;
	if (control_below(state, 4) == 0)
		finish(state, ret_request);
}
