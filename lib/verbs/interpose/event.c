/* SPDX-License-Identifier: BSD-3-Clause */
/* Asynchronous events. */
#include <errno.h>

#include "verbs/interpose/interpose.h"

_Static_assert((int)WEIR_EVENT_DEVICE_FATAL == (int)IBV_EVENT_DEVICE_FATAL &&
		(int)WEIR_EVENT_QP_LAST_WQE_REACHED == (int)IBV_EVENT_QP_LAST_WQE_REACHED,
	"events are passed on");

/* Whom an event is about. */
enum element { ELEMENT_CQ, ELEMENT_QP, ELEMENT_SRQ, ELEMENT_PORT };

static enum element event_element(enum weir_event_type type)
{
	switch (type) {
	case WEIR_EVENT_CQ_ERR: return ELEMENT_CQ;
	case WEIR_EVENT_QP_FATAL:
	case WEIR_EVENT_QP_REQ_ERR:
	case WEIR_EVENT_QP_ACCESS_ERR:
	case WEIR_EVENT_COMM_EST:
	case WEIR_EVENT_SQ_DRAINED:
	case WEIR_EVENT_PATH_MIG:
	case WEIR_EVENT_PATH_MIG_ERR:
	case WEIR_EVENT_QP_LAST_WQE_REACHED: return ELEMENT_QP;
	case WEIR_EVENT_SRQ_ERR:
	case WEIR_EVENT_SRQ_LIMIT_REACHED: return ELEMENT_SRQ;
	default: return ELEMENT_PORT;
	}
}

int ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event)
{
	struct weir_async_event found;
	int code = weir_get_async_event(interpose_weir(context), &found);

	if (code != 0) {
		errno = code;
		return -1;
	}
	event->event_type = (enum ibv_event_type)found.event_type;
	switch (event_element(found.event_type)) {
	case ELEMENT_CQ: event->element.cq = found.element.cq->cq_context; break;
	case ELEMENT_QP: event->element.qp = found.element.qp->qp_context; break;
	case ELEMENT_SRQ: event->element.srq = found.element.srq->srq_context; break;
	case ELEMENT_PORT: event->element.port_num = INTERPOSE_PORT; break;
	}
	return 0;
}

void ibv_ack_async_event(struct ibv_async_event *event)
{
	struct weir_async_event acked = {
		.event_type = (enum weir_event_type)event->event_type,
		.element.port_num = INTERPOSE_PORT,
	};

	switch (event_element(acked.event_type)) {
	case ELEMENT_CQ: acked.element.cq = ((struct interpose_cq *)event->element.cq)->weir; break;
	case ELEMENT_QP: acked.element.qp = ((struct interpose_qp *)event->element.qp)->weir; break;
	case ELEMENT_SRQ:
		acked.element.srq = ((struct interpose_srq *)event->element.srq)->weir;
		break;
	case ELEMENT_PORT: break;
	}
	weir_ack_async_event(&acked);
}
