/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each allocation that weir makes, from the configuration's text to a running engine, fails once:
 * always an error that can be told, all memory given back, no crash and no hang. Only weir's own
 * calls fail (the linker's --wrap), not those of DPDK or jansson.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "capture/writer.h"
#include "engine_run.h"

enum { LIVE_MAX = 8192, ATTEMPTS_MAX = 1000, CHILD_SECONDS = 100 };
/* How a child ends. */
enum { NONE_FAILED, TOLD = 10, WITHOUT = 11 };

static long countdown = -1; /* allocations until one fails; below 0: none does */
static bool failed;
static const char *failed_call;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *live[LIVE_MAX];

static bool fails(const char *call)
{
	bool now;

	pthread_mutex_lock(&lock);
	now = countdown >= 0 && countdown-- == 0;
	if (now) {
		failed = true;
		failed_call = call;
	}
	pthread_mutex_unlock(&lock);
	return now;
}

static void *born(void *memory)
{
	unsigned i = 0;

	pthread_mutex_lock(&lock);
	while (memory != NULL && live[i] != NULL)
		i++;
	if (memory != NULL)
		live[i] = memory;
	pthread_mutex_unlock(&lock);
	return memory;
}

static void *gone(void *memory)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; memory != NULL && i < LIVE_MAX; i++)
		if (live[i] == memory)
			live[i] = NULL;
	pthread_mutex_unlock(&lock);
	return memory;
}

#define WRAPPED(type, name, parameters, arguments)                                                 \
	type __wrap_##name parameters;                                                             \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		if (fails(#name)) {                                                                \
			errno = ENOMEM;                                                            \
			rte_errno = ENOMEM;                                                        \
			return NULL;                                                               \
		}                                                                                  \
		return born(__real_##name arguments);                                              \
	}
#define FREED(name, type)                                                                          \
	void __wrap_##name(type *memory);                                                          \
	void __real_##name(type *memory);                                                          \
	void __wrap_##name(type *memory)                                                           \
	{                                                                                          \
		__real_##name(gone(memory));                                                       \
	}

WRAPPED(void *, malloc, (size_t size), (size))
WRAPPED(void *, calloc, (size_t count, size_t size), (count, size))
WRAPPED(void *, aligned_alloc, (size_t align, size_t size), (align, size))
WRAPPED(char *, strdup, (const char *text), (text))
WRAPPED(void *, rte_malloc_socket, (const char *type, size_t size, unsigned align, int socket),
	(type, size, align, socket))
WRAPPED(void *, rte_zmalloc_socket, (const char *type, size_t size, unsigned align, int socket),
	(type, size, align, socket))
WRAPPED(struct rte_mempool *, rte_pktmbuf_pool_create,
	(const char *name, unsigned count, unsigned cache, uint16_t private_bytes, uint16_t room,
		int socket),
	(name, count, cache, private_bytes, room, socket))
FREED(free, void)
FREED(rte_free, void)
FREED(rte_mempool_free, struct rte_mempool)

void *__wrap_realloc(void *old, size_t size);
void *__real_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size)
{
	void *memory;

	if (fails("realloc"))
		return NULL;
	memory = __real_realloc(old, size);
	if (memory != NULL)
		gone(old); /* only its number is looked at */
	return born(memory);
}

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	return fails("pthread_create") ? EAGAIN
				       : __real_pthread_create(thread, attributes, run, argument);
}

/* ---- a child ---- */

static void check_error(int result, const struct error *error)
{
	CHECK_EQUAL((uint64_t)result, (uint64_t)-error->code);
	CHECK(error->code == ENOMEM || error->code == EAGAIN);
	CHECK(strlen(error->message) > 10);
}

static int run(struct config *config)
{
	struct engine *engine = NULL;
	struct error error = {0};
	int result = engine_create(config, NULL, NULL, &engine, &error);

	CHECK((result == 0) == (engine != NULL));
	if (result == 0) {
		result = engine_start(engine, &error);
		if (result == 0)
			run_to_end(engine);
		engine_stop(engine);
		countdown = -1;
		if (result == 0)
			account_of(engine);
		CHECK_EQUAL((uint64_t)engine_destroy(engine, NULL), 0);
	}
	if (result != 0)
		check_error(result, &error);
	CHECK(!failed || result != 0 || countdown < 0);
	return result;
}

static void child(const char *text)
{
	struct config_problems problems;
	struct config *config;
	int result = config_load_text(text, strlen(text), &config, &problems);

	if (result != 0)
		CHECK(failed);
	else
		result = run(config);
	config_problems_fini(&problems);
	config_destroy(config);
	countdown = -1;
	CHECK(failed || result == 0);
	CHECK_EQUAL(weir_threads(), 0);
	for (unsigned i = 0; i < LIVE_MAX; i++)
		if (live[i] != NULL) {
			fprintf(stderr, "memory at %p was not given back\n", live[i]);
			exit(1);
		}
	exit(!failed ? NONE_FAILED : result != 0 ? TOLD : WITHOUT);
}

/* ---- the parent ---- */

static int attempt(const char *text, long number)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		memset(live, 0, sizeof(live));
		countdown = number;
		child(text);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("allocation %ld: signal %d", number, WTERMSIG(status));
	if (WEXITSTATUS(status) != NONE_FAILED && WEXITSTATUS(status) != TOLD &&
		WEXITSTATUS(status) != WITHOUT)
		fail_msg("allocation %ld: exit code %d", number, WEXITSTATUS(status));
	return WEXITSTATUS(status);
}

static void each_fails(const char *text)
{
	unsigned told = 0, without = 0;
	int result;

	for (long number = 0; (result = attempt(text, number)) != NONE_FAILED; number++) {
		told += result == TOLD;
		without += result == WITHOUT;
		assert_true(number < ATTEMPTS_MAX);
	}
	print_message("%u errors told, %u done without\n", told, without);
	assert_true(told > 30);
	/* What may be missing is little. */
	assert_true(without < 5);
}

#define START                                                                                      \
	"{\"memory\": {\"mode\": \"no-huge\", \"packets\": 1023}, \"workers\": {\"count\": 2},"

static void test_preloaded(void **state)
{
	(void)state;
	each_fails(START
		"\"ports\": {\"g\": {\"generate\": {\"packets\": 200}},"
		"  \"n\": {\"device\": \"net_null0\"}},"
		"\"pipelines\": [{\"from\": \"g\", \"to\": \"n\", \"stages\": [\"csum\","
		"  {\"type\": \"drop\", \"share\": 0.5}, {\"type\": \"noisy\", \"buffer\": 64,"
		"   \"memory\": \"64KiB\", \"reads\": 1}]}]}");
}

static void test_streamed(void **state)
{
	const uint8_t bytes[100] = {0};
	struct iovec piece = {(void *)(uintptr_t)bytes, sizeof(bytes)};
	struct capture_writer *writer;
	char path[128], text[1024];

	(void)state;
	strcpy(scratch, "/tmp/weir-start-XXXXXX");
	assert_non_null(mkdtemp(scratch));
	snprintf(path, sizeof(path), "%s/in.pcap", scratch);
	writer = capture_writer_open(path, NULL);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(capture_writer_write(writer, i, &piece, 1), 0);
	assert_int_equal(capture_writer_close(writer, NULL), 0);
	snprintf(text, sizeof(text),
		START
		"\"ports\": {\"g\": {\"replay\": {\"files\": [\"%s\"], \"load\": \"stream\"}},"
		"  \"f\": {\"file\": \"%s/out.pcap\"}},"
		"\"pipelines\": [{\"from\": \"g\", \"to\": \"f\"}]}",
		path, scratch);
	each_fails(text);
	unlink(path);
	snprintf(path, sizeof(path), "%s/out.pcap", scratch);
	unlink(path);
	rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preloaded),
		cmocka_unit_test(test_streamed),
	};

	return cmocka_run_group_tests_name("start without memory", tests, NULL, NULL);
}
