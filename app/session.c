/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "command.h"
#include "config/warnings.h"
#include "console.h"
#include "engine/order.h"
#include "engine/verify.h"
#include "placement/plan.h"
#include "port/replay.h"

enum { WAIT_MS = 5, PROGRESS_NS = 200000000 };

static volatile sig_atomic_t signals_seen, running;

/* The first signal ends the run in order, and while there is no run yet, at once; who sends a
 * second one wants to leave. */
static void on_signal(int number)
{
	static const char text[] = "\nweir: left at once, packets on the way are lost\n";

	if (running && signals_seen++ == 0)
		return;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* nobody listens */
	}
	_exit(128 + number);
}

static void signals_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void print_notice(void *argument, bool warning, const char *text)
{
	const struct session *session = argument;

	if (warning)
		fprintf(stderr, "weir %s: warning: %s\n", session->command, text);
	else if (!session->quiet)
		printf("%s\n", text);
}

static int failed(const struct session *session, const struct error *error)
{
	fprintf(stderr, "weir %s: %s\n", session->command, error->message);
	return error->code == EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

static void print_warning(void *argument, const char *text)
{
	print_notice(argument, true, text);
}

int session_load(struct session *session, const char *path, const char *text)
{
	struct config_problems problems;
	int result;

	if (path != NULL)
		result = config_load_file(path, &session->config, &problems);
	else
		result = config_load_text(text, strlen(text), &session->config, &problems);
	if (result != 0)
		config_problems_print(&problems, path ? path : "command line", stderr);
	config_problems_fini(&problems);
	return result == 0 ? EXIT_OK : EXIT_USAGE;
}

int session_begin(struct session *session)
{
	struct error error = {0};

	signals_catch();
	config_warnings(session->config, print_warning, session);
	if (engine_create(session->config, print_notice, session, &session->engine, &error) != 0) {
		session->config = config_destroy(session->config);
		return failed(session, &error);
	}
	if ((!session->verify || engine_verify_on(session->engine, &error) == 0) &&
		(!session->check_order || engine_order_on(session->engine, &error) == 0) &&
		stats_create(session->engine, &session->stats, &error) == 0 &&
		stats_start(session->stats, engine_plan(session->engine)->main_cpu, &error) == 0) {
		running = 1;
		fflush(stdout);
		return EXIT_OK;
	}
	session->stats = stats_destroy(session->stats);
	engine_destroy(session->engine, NULL);
	session->config = config_destroy(session->config);
	return failed(session, &error);
}

static int forwarding_start(struct session *session)
{
	struct error error = {0};

	stats_set_forwarding(session->stats, true);
	if (engine_start(session->engine, &error) != 0)
		return failed(session, &error);
	session->paused = false;
	return EXIT_OK;
}

static void forwarding_stop(struct session *session)
{
	engine_stop(session->engine);
	stats_set_forwarding(session->stats, false);
}

static void print_progress(const struct session *session, uint64_t elapsed_ns)
{
	struct engine_account account;

	engine_account(session->engine, &account);
	fprintf(stderr, "\r%8.1f s  %15" PRIu64 " packets in  %15" PRIu64 " out \033[K",
		(double)elapsed_ns / 1e9, account.in, account.out);
}

/* true: leave. */
static bool take_requests(struct session *session)
{
	for (;;) {
		switch (stats_take_request(session->stats)) {
		case STATS_REQUEST_NONE: return false;
		case STATS_REQUEST_QUIT: return true;
		case STATS_REQUEST_STOP:
			forwarding_stop(session);
			session->paused = true;
			break;
		case STATS_REQUEST_START:
			if (session->paused && forwarding_start(session) != EXIT_OK)
				return true;
			break;
		}
	}
}

static void wait_for_end(struct session *session)
{
	uint64_t start_ns = clock_monotonic_ns(), progress_ns = start_ns;

	while (signals_seen == 0) {
		struct pollfd request = {stats_request_fd(session->stats), POLLIN, 0};
		uint64_t now_ns;

		poll(&request, 1, WAIT_MS);
		if (take_requests(session))
			break;
		now_ns = clock_monotonic_ns();
		if (!session->paused && !session->interactive && !engine_running(session->engine))
			break;
		if (session->duration_ns != 0 && now_ns - start_ns >= session->duration_ns)
			break;
		if (session->progress && now_ns - progress_ns >= PROGRESS_NS) {
			print_progress(session, now_ns - start_ns);
			progress_ns = now_ns;
		}
	}
	if (session->progress && progress_ns != start_ns)
		fprintf(stderr, "\r\033[K");
}

/* The console blocks in its line editor, so it has a thread; main keeps the engine. */
static void *console_main(void *argument)
{
	struct session *session = argument;

	console_run(session->stats);
	return NULL;
}

int session_wait(struct session *session)
{
	int result = forwarding_start(session);
	pthread_t console;
	bool has_console;

	if (result != EXIT_OK)
		return result;
	has_console =
		session->interactive && pthread_create(&console, NULL, console_main, session) == 0;
	wait_for_end(session);
	if (has_console) {
		console_stop();
		pthread_join(console, NULL);
	}
	forwarding_stop(session);
	stats_stop(session->stats);
	return EXIT_OK;
}

/* What the meter saw is in the report; that it is bad is said here too. */
static int check_order(const struct session *session)
{
	struct order_result order;

	if (!session->check_order || !engine_order_result(session->engine, &order) || order.good)
		return EXIT_OK;
	fprintf(stderr,
		"weir %s: order not kept: %" PRIu64 " packets reordered, %" PRIu64
		" duplicated, %" PRIu64 " lost beyond the drops\n",
		session->command, order.reordered, order.duplicated,
		order.lost > order.dropped ? order.lost - order.dropped : 0);
	return EXIT_FAILED;
}

int session_finish(struct session *session)
{
	struct engine_account account;
	struct error error = {0};
	int result = check_order(session);

	engine_account(session->engine, &account);
	if (account.unaccounted != 0) {
		fprintf(stderr,
			"weir %s: %" PRId64 " packets are not accounted for: a defect of weir\n",
			session->command, account.unaccounted);
		result = EXIT_FAILED;
	}
	session->stats = stats_destroy(session->stats);
	if (engine_destroy(session->engine, &error) != 0)
		result = EXIT_FAILED;
	if (error.code != 0)
		result = failed(session, &error);
	session->engine = NULL;
	session->config = config_destroy(session->config);
	return result;
}
