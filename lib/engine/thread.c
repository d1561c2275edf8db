/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads beside main: what is neither a worker's nor main's own to do. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "engine/engine_internal.h"

int engine_thread_start(const struct engine *engine, pthread_t *ret_thread, void *(*run)(void *),
	void *argument, const char *purpose, struct error *error)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	cpu_set_t cpus;
	int result;

	CPU_ZERO(&cpus);
	CPU_SET(engine->plan.main_cpu, &cpus);
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	/* Signals are main's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(ret_thread, &attributes, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (result != 0)
		return error_set(error, result, "cannot start the thread for %s: %s", purpose,
			strerror(result));
	return 0;
}
