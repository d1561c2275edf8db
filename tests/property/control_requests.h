/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests on the verbs socket as applications make them, then mutated. */
#ifndef WEIR_PROPERTY_CONTROL_REQUESTS_H
#define WEIR_PROPERTY_CONTROL_REQUESTS_H

#include <stdint.h>

#include "verbs/protocol.h"

enum { CONTROL_HANDLES = 8 }; /* remembered, of a kind */

enum control_kind {
	CONTROL_PD,
	CONTROL_REGION,
	CONTROL_SRQ,
	CONTROL_QUEUE,
	CONTROL_RAW,
	CONTROL_FLOW,
	CONTROL_KINDS
};

/* What one application has. */
struct control_handles {
	uint32_t list[CONTROL_KINDS][CONTROL_HANDLES], count[CONTROL_KINDS];
};

/* xorshift; `state` is not 0. */
uint64_t control_random(uint64_t *state);
uint32_t control_below(uint64_t *state, uint32_t bound);

/* What a successful answer gave; what a request took away. Other types: nothing. */
void control_remember(struct control_handles *handles, unsigned type, uint32_t handle);
void control_forget(struct control_handles *handles, unsigned type, uint32_t handle);

/* A request of one who is connected, as often good as not. Its head is good in its length. */
void control_request(const struct control_handles *own, const struct control_handles *other,
	uint64_t *state, union verbs_message *ret_request);
void control_hello(uint64_t *state, union verbs_message *ret_request);

#endif
