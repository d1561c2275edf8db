/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_raw.h"

#include <errno.h>
#include <fcntl.h>

#include "control_requests.h"

static int raw_attach(void *argument, const struct verbs_raw_queue *queue, struct error *error)
{
	struct control_raw *raw = argument;

	(void)queue;
	if (control_below(raw->state, 8) == 0)
		return error_set(error, ENOMEM, "not now");
	raw->attached++;
	return 0;
}

static void raw_detach(void *argument, uint32_t number)
{
	struct control_raw *raw = argument;

	(void)number;
	raw->attached--;
}

static int flow_add(void *argument, uint32_t number, const struct verbs_create_flow *flow,
	uint32_t handle, struct error *error)
{
	(void)argument;
	(void)number;
	(void)handle;
	return flow->match < 64 ? 0 : error_set(error, EINVAL, "no such match");
}

static void flow_remove(void *argument, uint32_t number, uint32_t handle)
{
	(void)argument;
	(void)number;
	(void)handle;
}

static int packets(void *argument, uint32_t number, uint32_t part,
	struct verbs_get_packets_answer *ret_answer, int *ret_fd, struct error *error)
{
	const struct control_raw *raw = argument;

	(void)number;
	if (part > 1)
		return error_set(error, EINVAL, "no such part");
	ret_answer->parts = 2;
	*ret_fd = part == 0 ? -1 : fcntl(raw->fd, F_DUPFD_CLOEXEC, 0);
	return 0;
}

const struct verbs_server_raw control_raw = {
	raw_attach, raw_detach, flow_add, flow_remove, packets};
