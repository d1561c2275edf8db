/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts the calling thread where the plan wants it: CPU, name, scheduling policy, memory node.
 * Each function acts on the thread that calls it and leaves what came before it done when it fails.
 * Source: sched(7), pthread_setname_np(3), set_mempolicy(2).
 */
#ifndef WEIR_PLACEMENT_THREAD_H
#define WEIR_PLACEMENT_THREAD_H

#include <stddef.h>

#include "base/error.h"
#include "config/config.h"

struct thread_placement {
	const char *name; /* as ps -L and top -H show it; cut to 15 characters. NULL: as it was */
	int cpu; /* -1: wherever it may run now */
	enum scheduler_policy scheduler;
	uint8_t priority; /* fifo and rr: 1..99 */
	int8_t nice; /* other and batch: -20..19 */
	int memory_node; /* node new memory comes from, if it has any left; -1: the CPU's own */
};

/*
 * 0; -EINVAL: the CPU is not online or not in the cpuset; -EPERM: the policy or nice value needs a
 * privilege, which `error` names with the ways to get it.
 */
int thread_place(const struct thread_placement *placement, struct error *error);

/*
 * What a person should know about a real-time thread that never sleeps: the kernel takes part of
 * each period away from it (sched_rt_runtime_us), or, if it does not, that nothing else runs on the
 * CPU any more. `root` as in topology_read(). Returns the length of `text`, 0: nothing to say.
 */
size_t thread_realtime_warning(
	const struct config_workers *workers, const char *root, char *text, size_t size);

#endif
