/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands in for what the engine does not have yet: no steering. Goes when it has. */
#include "engine/steering.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

__attribute__((weak)) void engine_softnet_view(
	const struct engine *engine, uint16_t worker, struct softnet_view *ret_view)
{
	(void)engine;
	*ret_view = (struct softnet_view){.cpu = worker};
}

__attribute__((weak)) unsigned engine_steering_count(const struct engine *engine)
{
	(void)engine;
	return 0;
}

__attribute__((weak)) void engine_steering_view(
	const struct engine *engine, unsigned index, struct steering_view *ret_view)
{
	(void)engine;
	(void)index;
	*ret_view = (struct steering_view){0};
}

__attribute__((weak)) void engine_rfs_view(const struct engine *engine, struct rfs_view *ret_view)
{
	(void)engine;
	*ret_view = (struct rfs_view){0};
}

__attribute__((weak)) bool engine_balancer_view(
	const struct engine *engine, struct balancer_state *ret_state)
{
	(void)engine;
	*ret_state = (struct balancer_state){0};
	return false;
}
