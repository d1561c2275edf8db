/* SPDX-License-Identifier: BSD-3-Clause */
/* Each case runs in a thread of its own, since what it sets stays with the thread. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_machine.h"
#include "placement/sysfs.h"
#include "placement/thread.h"

enum { NOBODY = 65534 };

struct trial {
	struct thread_placement placement;
	bool unprivileged;
	/* what came of it */
	int status;
	struct error error;
	char name[32];
	cpu_set_t cpus;
	int policy, priority, nice;
};

static void *run(void *argument)
{
	struct trial *trial = argument;
	struct sched_param parameters;

	/* The raw call changes this thread only; glibc's would change them all. */
	if (trial->unprivileged && geteuid() == 0 && syscall(SYS_setresuid, -1, NOBODY, -1) != 0)
		abort();
	trial->status = thread_place(&trial->placement, &trial->error);
	pthread_getname_np(pthread_self(), trial->name, sizeof(trial->name));
	pthread_getaffinity_np(pthread_self(), sizeof(trial->cpus), &trial->cpus);
	pthread_getschedparam(pthread_self(), &trial->policy, &parameters);
	trial->priority = parameters.sched_priority;
	trial->nice = getpriority(PRIO_PROCESS, 0);
	return NULL;
}

static void place(struct trial *trial)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, trial), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_cpu_name_and_nice(void **state)
{
	cpu_set_t allowed;
	struct trial trial = {.placement = {.name = "weir-worker-number-10",
				      .scheduler = SCHEDULER_BATCH,
				      .nice = 5,
				      .memory_node = 0}};

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	trial.placement.cpu = list_first(&allowed);
	place(&trial);
	assert_int_equal(trial.status, 0);
	assert_string_equal(trial.name, "weir-worker-num");
	assert_int_equal(CPU_COUNT(&trial.cpus), 1);
	assert_true(CPU_ISSET(trial.placement.cpu, &trial.cpus));
	assert_int_equal(trial.policy, SCHED_BATCH);
	assert_int_equal(trial.nice, 5);
}

static void test_unpinned(void **state)
{
	cpu_set_t allowed;
	struct trial trial = {.placement = {.cpu = -1, .memory_node = -1}};

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	place(&trial);
	assert_int_equal(trial.status, 0);
	assert_true(CPU_EQUAL(&trial.cpus, &allowed));
}

static void test_no_such_cpu(void **state)
{
	struct trial trial = {.placement = {.cpu = 5000, .memory_node = -1}};

	(void)state;
	place(&trial);
	assert_int_equal(trial.status, -EINVAL);
	assert_non_null(strstr(trial.error.message, "CPU 5000"));
}

static void test_realtime(void **state)
{
	struct trial trial = {
		.placement = {
			.cpu = -1, .memory_node = -1, .scheduler = SCHEDULER_RR, .priority = 7}};

	(void)state;
	place(&trial);
	if (trial.status == -EPERM)
		skip();
	assert_int_equal(trial.status, 0);
	assert_int_equal(trial.policy, SCHED_RR);
	assert_int_equal(trial.priority, 7);
}

static void test_without_privilege(void **state)
{
	struct trial realtime = {.unprivileged = true,
		.placement = {
			.cpu = -1, .memory_node = -1, .scheduler = SCHEDULER_FIFO, .priority = 50}};
	struct trial urgent = {
		.unprivileged = true, .placement = {.cpu = -1, .memory_node = -1, .nice = -10}};
	struct rlimit limit;

	(void)state;
	if (getrlimit(RLIMIT_RTPRIO, &limit) != 0 || limit.rlim_cur >= 50)
		skip();
	place(&realtime);
	assert_int_equal(realtime.status, -EPERM);
	assert_non_null(strstr(realtime.error.message, "CAP_SYS_NICE"));
	assert_non_null(strstr(realtime.error.message, "LimitRTPRIO=50"));
	if (getrlimit(RLIMIT_NICE, &limit) != 0 || limit.rlim_cur >= 30)
		skip();
	place(&urgent);
	assert_int_equal(urgent.status, -EPERM);
	assert_non_null(strstr(urgent.error.message, "nice -10"));
	assert_non_null(strstr(urgent.error.message, "LimitNICE=-10"));
}

static void test_realtime_warning(void **state)
{
	struct config_workers workers = {.idle = IDLE_POLL, .scheduler = SCHEDULER_FIFO};
	char *root =
		fake_machine_create(&(struct fake_machine){.nodes = 1, .cores = 1, .threads = 1});
	char text[512];

	(void)state;
	fake_file(root, "950000", "proc/sys/kernel/sched_rt_runtime_us");
	fake_file(root, "1000000", "proc/sys/kernel/sched_rt_period_us");
	assert_true(thread_realtime_warning(&workers, root, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "lose 50 ms of each 1000 ms"));
	fake_file(root, "-1", "proc/sys/kernel/sched_rt_runtime_us");
	assert_true(thread_realtime_warning(&workers, root, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "let nothing else run"));
	workers.idle = IDLE_ADAPTIVE;
	assert_int_equal(thread_realtime_warning(&workers, root, text, sizeof(text)), 0);
	workers = (struct config_workers){.idle = IDLE_POLL, .scheduler = SCHEDULER_OTHER};
	assert_int_equal(thread_realtime_warning(&workers, root, text, sizeof(text)), 0);
	fake_machine_destroy(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_name_and_nice),
		cmocka_unit_test(test_unpinned),
		cmocka_unit_test(test_no_such_cpu),
		cmocka_unit_test(test_realtime),
		cmocka_unit_test(test_without_privilege),
		cmocka_unit_test(test_realtime_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
