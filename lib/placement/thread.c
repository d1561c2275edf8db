/* SPDX-License-Identifier: BSD-3-Clause */
#include "placement/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <numa.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "placement/sysfs.h"

static const struct {
	const char *name;
	int kernel;
	bool realtime;
} policies[] = {
	[SCHEDULER_OTHER] = {"other", SCHED_OTHER, false},
	[SCHEDULER_BATCH] = {"batch", SCHED_BATCH, false},
	[SCHEDULER_FIFO] = {"fifo", SCHED_FIFO, true},
	[SCHEDULER_RR] = {"rr", SCHED_RR, true},
};

static int pin(int cpu, struct error *error)
{
	cpu_set_t *set = CPU_ALLOC(cpu + 1);
	size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
	int status;

	if (set == NULL)
		return error_set(error, ENOMEM, "CPU %d: out of memory", cpu);
	CPU_ZERO_S(bytes, set);
	CPU_SET_S(cpu, bytes, set);
	status = pthread_setaffinity_np(pthread_self(), bytes, set);
	CPU_FREE(set);
	if (status == 0)
		return 0;
	return error_set(error, status,
		"cannot run on CPU %d: %s; is it online (lscpu -e) and in the cpuset of this "
		"process "
		"(/proc/self/status, Cpus_allowed_list)?",
		cpu, strerror(status));
}

static void name_thread(const char *name)
{
	char cut[16]; /* the kernel's limit, with the NUL */

	snprintf(cut, sizeof(cut), "%s", name);
	pthread_setname_np(pthread_self(), cut);
}

static int make_realtime(const struct thread_placement *placement, struct error *error)
{
	struct sched_param parameters = {.sched_priority = placement->priority};
	const char *name = policies[placement->scheduler].name;
	struct rlimit limit = {0};
	int status;

	status = pthread_setschedparam(
		pthread_self(), policies[placement->scheduler].kernel, &parameters);
	if (status == 0)
		return 0;
	if (status != EPERM)
		return error_set(error, status, "scheduler %s, priority %u: %s", name,
			placement->priority, strerror(status));
	getrlimit(RLIMIT_RTPRIO, &limit);
	return error_set(error, EPERM,
		"scheduler %s, priority %u: not permitted; it needs CAP_SYS_NICE, or a limit of at "
		"least "
		"%u where `ulimit -r` now says %" PRIu64
		" (LimitRTPRIO=%u in a systemd unit); inside a "
		"cgroup v1 with real-time group scheduling also cpu.rt_runtime_us",
		name, placement->priority, placement->priority, (uint64_t)limit.rlim_cur,
		placement->priority);
}

static int make_ordinary(const struct thread_placement *placement, struct error *error)
{
	struct sched_param parameters = {.sched_priority = 0};
	struct rlimit limit = {0};
	int status;

	status = pthread_setschedparam(
		pthread_self(), policies[placement->scheduler].kernel, &parameters);
	if (status != 0)
		return error_set(error, status, "scheduler %s: %s",
			policies[placement->scheduler].name, strerror(status));
	/* 0 is the calling thread: on Linux nice values belong to threads. */
	if (setpriority(PRIO_PROCESS, 0, placement->nice) == 0)
		return 0;
	status = errno;
	getrlimit(RLIMIT_NICE, &limit);
	return error_set(error, status == EACCES ? EPERM : status,
		"nice %d: %s; a value below the present one needs CAP_SYS_NICE, or a limit of %d "
		"where "
		"`ulimit -e` now says %" PRIu64 " (LimitNICE=%d in a systemd unit)",
		placement->nice, strerror(status), 20 - placement->nice, (uint64_t)limit.rlim_cur,
		placement->nice);
}

static void take_memory_from(int node)
{
	if (numa_available() < 0)
		return;
	if (node < 0 || node > numa_max_node())
		numa_set_localalloc();
	else
		numa_set_preferred(node);
}

int thread_place(const struct thread_placement *placement, struct error *error)
{
	int status = 0;

	if (placement->name != NULL)
		name_thread(placement->name);
	if (placement->cpu >= 0)
		status = pin(placement->cpu, error);
	if (status < 0)
		return status;
	take_memory_from(placement->memory_node);
	return policies[placement->scheduler].realtime ? make_realtime(placement, error)
						       : make_ordinary(placement, error);
}

size_t thread_realtime_warning(
	const struct config_workers *workers, const char *root, char *text, size_t size)
{
	int64_t runtime_us, period_us;
	const char *name = policies[workers->scheduler].name;
	int length;

	text[0] = '\0';
	if (!policies[workers->scheduler].realtime || workers->idle != IDLE_POLL)
		return 0;
	if (sysfs_read_number(root, &runtime_us, "proc/sys/kernel/sched_rt_runtime_us") < 0 ||
		sysfs_read_number(root, &period_us, "proc/sys/kernel/sched_rt_period_us") < 0)
		return 0;
	if (runtime_us >= 0 && runtime_us < period_us)
		length = snprintf(text, size,
			"workers that poll under scheduler %s lose %" PRId64 " ms of each %" PRId64
			" ms: the kernel throttles real-time threads; `sysctl "
			"kernel.sched_rt_runtime_us=-1` ends it",
			name, (period_us - runtime_us) / 1000, period_us / 1000);
	else
		length = snprintf(text, size,
			"workers that poll under scheduler %s let nothing else run on their CPUs, "
			"the "
			"kernel's own threads included: keep those CPUs free (isolcpus=, "
			"rcu_nocbs=)",
			name);
	return length < 0 ? 0 : (size_t)length < size ? (size_t)length : size - 1;
}
