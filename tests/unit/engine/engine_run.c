/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine_run.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SCENARIO_SECONDS = 100, TEXT_BYTES = 8192 };

char scratch[64];

void check_equal(const char *file, int line, const char *what, uint64_t value, uint64_t expected)
{
	if (value == expected)
		return;
	fprintf(stderr, "%s:%d: %s is %" PRIu64 ", expected %" PRIu64 "\n", file, line, what, value,
		expected);
	exit(1);
}

static void scratch_remove(void)
{
	DIR *directory = opendir(scratch);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory != NULL)
		closedir(directory);
	rmdir(scratch);
}

void run_scenario(void (*scenario)(void))
{
	int status = -1;
	pid_t child;

	strcpy(scratch, "/tmp/weir-engine-XXXXXX");
	assert_non_null(mkdtemp(scratch));
	fflush(NULL);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0) {
		alarm(SCENARIO_SECONDS);
		scenario();
		exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	scratch_remove();
	if (WIFSIGNALED(status))
		fail_msg("the child was ended by signal %d", WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A name or a place of the test's own: no escaping needed. */
static void text_expand(const char *text, char *expanded)
{
	for (; *text != '\0'; text++) {
		if (*text == '@')
			expanded += sprintf(expanded, "%s", scratch);
		else
			*expanded++ = *text == '\'' ? '"' : *text;
	}
	*expanded = '\0';
}

struct config *config_of(const char *format, ...)
{
	char text[TEXT_BYTES / 2], expanded[TEXT_BYTES];
	struct config_problems problems;
	struct config *config;
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	text_expand(text, expanded);
	if (config_load_text(expanded, strlen(expanded), &config, &problems) != 0)
		config_problems_print(&problems, expanded, stderr);
	config_problems_fini(&problems);
	CHECK(config != NULL);
	return config;
}

static void notice(void *argument, bool warning, const char *text)
{
	(void)argument;
	/* Buffers that are missing, workers that hang. */
	if (warning && (strstr(text, "did not come") != NULL))
		fprintf(stderr, "%s\n", text);
}

struct engine *engine_of(struct config *config)
{
	struct error error = {0};
	struct engine *engine = NULL;

	if (engine_create(config, notice, NULL, &engine, &error) != 0)
		fprintf(stderr, "%s\n", error.message);
	CHECK(engine != NULL);
	return engine;
}

void run_start(struct engine *engine)
{
	struct error error = {0};

	CHECK_EQUAL((uint64_t)engine_start(engine, &error), 0);
}

static void doze(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

void run_to_end(struct engine *engine)
{
	while (engine_running(engine))
		doze();
}

void run_until(struct engine *engine, uint64_t packets)
{
	struct engine_account account;

	for (engine_account(engine, &account); account.in < packets;
		engine_account(engine, &account))
		doze();
}

uint64_t drops_of(const struct engine_account *account)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		sum += account->drops[i];
	return sum;
}

struct engine_account account_of(const struct engine *engine)
{
	struct engine_account account;

	engine_account(engine, &account);
	CHECK_EQUAL((uint64_t)account.unaccounted, 0);
	CHECK_EQUAL(account.in + account.made, account.out + account.held + drops_of(&account));
	return account;
}

void run_destroy(struct engine *engine, struct config *config)
{
	struct error error = {0};
	int result = engine_destroy(engine, &error);

	if (result != 0)
		fprintf(stderr, "destroy: %s\n", error.message);
	CHECK_EQUAL((uint64_t)result, 0);
	CHECK_EQUAL(weir_threads(), 0);
	config_destroy(config);
}

unsigned weir_threads(void)
{
	DIR *directory = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned count = 0;
	char path[300], name[32];

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fgets(name, sizeof(name), file) != NULL && strncmp(name, "weir-", 5) == 0)
			count++;
		fclose(file);
	}
	closedir(directory);
	return count;
}
