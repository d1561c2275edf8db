/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who sends a message or moves bytes does so without a fence: it would cost as much as all the
 * rest. So who arms a queue, or takes memory away, pays for both: membarrier(2) makes all CPUs that
 * run a thread of a registered process pass a full fence.
 */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verbs/client/client.h"

static int has_membarrier; /* 0: not asked yet; 1: yes; -1: no */

bool client_barrier_init(void)
{
	int known = __atomic_load_n(&has_membarrier, __ATOMIC_RELAXED);

	if (known == 0) {
		known = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0
			? 1
			: -1;
		__atomic_store_n(&has_membarrier, known, __ATOMIC_RELAXED);
	}
	return known > 0;
}

void client_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (client_barrier_init())
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}
