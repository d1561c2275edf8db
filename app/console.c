/* SPDX-License-Identifier: BSD-3-Clause */
#include "console.h"

#include <editline/readline.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include "answer.h"
#include "base/clock.h"
#include "config/nearest.h"
#include "console_words.h"
#include "stats/commands.h"

enum { LINE_BYTES = 4096, FORWARDING_WAIT_S = 10 };

/* One console a process: libedit's readline interface has one state a process, too. */
static struct {
	struct stats *stats;
	bool over;
	atomic_bool stopping; /* writer: who calls console_stop() */
	int wake_fd; /* eventfd, readable once it is stopping */
	bool terminal;
	struct termios terminal_before;
} console;

/* Names the nearest command where there is one; the message lists them all. */
static void print_error(const struct console_words *words, const struct error *error)
{
	const char *near = NULL;

	if (strcmp(words->list[0], "show") == 0 && words->count > 1 &&
		!answer_has_section(words->list[1]))
		near = answer_nearest_section(words->list[1]);
	printf("%s%s%s%s\n", error->message, near ? "; did you mean \"" : "", near ? near : "",
		near ? "\"?" : "");
}

/* Main does it; the next command is to find it done. */
static void wait_for_forwarding(bool wanted)
{
	uint64_t until_ns = clock_monotonic_ns() + FORWARDING_WAIT_S * NS_PER_SECOND;

	while (stats_forwarding(console.stats) != wanted && clock_monotonic_ns() < until_ns &&
		!atomic_load(&console.stopping))
		usleep(1000);
}

static void line_run(const char *line)
{
	struct console_words words;
	struct answer_style style;
	struct error error = {0};
	json_t *request = NULL, *result = NULL;
	int rc;

	console_split(line, &words);
	style = (struct answer_style){.json = words.json, .all = words.all, .raw = words.raw};
	if (words.count == 0)
		return;
	rc = stats_request_make(words.list, words.count, &request, &error);
	if (rc == 0)
		rc = stats_command(console.stats, request, &result, &error);
	json_decref(request);
	if (rc < 0) {
		print_error(&words, &error);
		return;
	}
	if (words.svg == NULL)
		answer_print(stdout, result, &style);
	else if (answer_draw(result, words.svg, &error) < 0)
		print_error(&words, &error);
	json_decref(result);
	if (strcmp(words.list[0], "start") == 0 || strcmp(words.list[0], "stop") == 0)
		wait_for_forwarding(words.list[0][2] == 'a');
	if (strcmp(words.list[0], "quit") == 0)
		console.over = true;
	fflush(stdout);
}

/* The end of the input means quit. */
static void input_ended(void)
{
	if (!console.over && !atomic_load(&console.stopping))
		line_run("quit");
	console.over = true;
}

/* ---- a terminal ---- */

/* libedit's way to a character; waiting for it here is what lets console_stop() end the wait. */
static int terminal_getc(FILE *unused)
{
	struct pollfd polls[2] = {
		{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = console.wake_fd, .events = POLLIN}};
	unsigned char c;

	(void)unused;
	while (!atomic_load(&console.stopping)) {
		if (poll(polls, 2, -1) > 0 && polls[0].revents != 0)
			return read(STDIN_FILENO, &c, 1) == 1 ? c : EOF;
	}
	return EOF;
}

static char **complete(const char *text, int start, int end)
{
	json_t *settings;
	char **matches;

	(void)end;
	rl_attempted_completion_over = 1; /* no file names */
	settings = stats_settings(console.stats);
	console_complete_begin(rl_line_buffer, (size_t)start, settings);
	matches = rl_completion_matches(text, console_complete_next);
	json_decref(settings);
	return matches;
}

static void terminal_restore(void)
{
	if (console.terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &console.terminal_before);
}

static void terminal_run(void)
{
	char *line;

	tcgetattr(STDIN_FILENO, &console.terminal_before);
	console.terminal = true;
	atexit(terminal_restore); /* whatever ends the process */
	rl_catch_signals = 0; /* they are main's */
	rl_getc_function = terminal_getc;
	rl_attempted_completion_function = complete;
	using_history();
	while (!console.over && (line = readline("weir> ")) != NULL) {
		if (line[0] != '\0')
			add_history(line);
		line_run(line);
		free(line);
	}
	terminal_restore();
	console.terminal = false;
	if (!console.over) {
		putchar('\n');
		input_ended();
	}
}

/* ---- anything else: a script ---- */

static void script_run(void)
{
	struct pollfd polls[2] = {
		{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = console.wake_fd, .events = POLLIN}};
	char buffer[LINE_BYTES];
	size_t used = 0;

	while (!console.over && !atomic_load(&console.stopping)) {
		char *end = memchr(buffer, '\n', used);
		ssize_t got;

		if (end != NULL) {
			*end = '\0';
			line_run(buffer);
			used -= (size_t)(end + 1 - buffer);
			memmove(buffer, end + 1, used);
			continue;
		}
		if (used == sizeof(buffer) - 1) {
			printf("a line longer than %d bytes\n", LINE_BYTES - 2);
			used = 0;
		}
		if (poll(polls, 2, -1) < 0 || polls[0].revents == 0)
			continue;
		got = read(STDIN_FILENO, buffer + used, sizeof(buffer) - 1 - used);
		if (got > 0) {
			used += (size_t)got;
			continue;
		}
		buffer[used] = '\0';
		line_run(buffer); /* a last line without newline */
		input_ended();
	}
}

static pthread_once_t wake_once = PTHREAD_ONCE_INIT;

static void wake_open(void)
{
	console.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int console_run(struct stats *stats)
{
	pthread_once(&wake_once, wake_open);
	if (console.wake_fd < 0)
		return -EMFILE;
	console.stats = stats;
	console.over = false;
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		terminal_run();
	else
		script_run();
	return 0;
}

void console_stop(void)
{
	uint64_t one = 1;

	atomic_store(&console.stopping, true);
	pthread_once(&wake_once, wake_open);
	if (write(console.wake_fd, &one, sizeof(one)) < 0)
		return; /* it is awake already */
}
