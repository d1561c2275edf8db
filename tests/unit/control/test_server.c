/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that behave, and clients that do not. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "control/control.h"

static char folder[64], path[96];
static unsigned answered;

static int answer(void *arg, const json_t *request, json_t **ret_result, struct error *error)
{
	json_int_t bytes = json_integer_value(json_object_get(request, "bytes"));

	(void)arg;
	(void)error;
	answered++;
	if (bytes > 0) {
		char *text = malloc((size_t)bytes);

		memset(text, 'x', (size_t)bytes);
		*ret_result = json_stringn(text, (size_t)bytes);
		free(text);
	} else {
		*ret_result = json_integer(answered);
	}
	return 0;
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/weir-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/weir.sock", folder);
	answered = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static struct control_server *server_open(uint64_t timeout_ns)
{
	struct control_server *server;
	struct error error = {0};

	if (control_server_create(path, timeout_ns, answer, NULL, &server, &error) < 0)
		fail_msg("%s", error.message);
	return server;
}

static int client_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.95s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void client_write(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What the client has got after a few rounds; -1: the server hung up and nothing came. */
static ssize_t client_read(struct control_server *server, int fd, char *text, size_t size)
{
	ssize_t got;

	for (int round = 0; round < 4; round++)
		control_server_poll(server, -1, 0);
	got = recv(fd, text, size - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	if (got < 0)
		return errno == EAGAIN ? 0 : -1;
	return got > 0 ? got : -1;
}

static void several_requests(void **state)
{
	struct control_server *server = server_open(0);
	int fd = client_open();
	char text[512];

	(void)state;
	client_write(fd, "{\"command\":\"a\"}\n{\"comm");
	client_read(server, fd, text, sizeof(text));
	assert_string_equal(text, "{\"ok\":true,\"result\":1}\n");
	client_write(fd, "and\":\"b\"}\nnonsense\n{\"command\":\"c\"}\n");
	for (int i = 0; i < 4; i++)
		control_server_poll(server, -1, 0);
	client_read(server, fd, text, sizeof(text));
	assert_non_null(strstr(text, "{\"ok\":true,\"result\":2}\n{\"ok\":false,"));
	assert_non_null(strstr(text, "}\n{\"ok\":true,\"result\":3}\n"));
	close(fd);
	control_server_destroy(server);
	assert_int_equal(access(path, F_OK), -1);
}

/* printf '{"command":"x"}' | nc -NU: no newline, and the stream's end */
static void last_line_without_newline(void **state)
{
	struct control_server *server = server_open(0);
	int fd = client_open();
	char text[512];

	(void)state;
	client_write(fd, "{\"command\":\"a\"}\n{\"command\":\"b\"}");
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 6; i++)
		control_server_poll(server, -1, 0);
	client_read(server, fd, text, sizeof(text));
	assert_string_equal(text, "{\"ok\":true,\"result\":1}\n{\"ok\":true,\"result\":2}\n");
	assert_int_equal(client_read(server, fd, text, sizeof(text)), -1);
	close(fd);
	control_server_destroy(server);
}

static void endless_line(void **state)
{
	struct control_server *server = server_open(0);
	int fd = client_open();
	char junk[4096], text[512];

	(void)state;
	memset(junk, 'j', sizeof(junk));
	for (int i = 0; i < 64; i++) {
		(void)!send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
		control_server_poll(server, -1, 0);
	}
	assert_true(client_read(server, fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "{\"ok\":false,\"error\":\"the request is longer"));
	assert_int_equal(client_read(server, fd, text, sizeof(text)), -1);
	assert_int_equal(answered, 0);
	close(fd);
	control_server_destroy(server);
}

/* A reply that does not fit into the socket waits, costs nobody else anything, and ends. */
static void slow_reader(void **state)
{
	struct control_server *server = server_open(200000000);
	int slow = client_open(), other = client_open();
	char text[512];
	uint64_t begin_ns;

	(void)state;
	client_write(slow, "{\"command\":\"a\",\"bytes\":4000000}\n{\"command\":\"never\"}\n");
	for (int i = 0; i < 4; i++)
		control_server_poll(server, -1, 0);
	assert_int_equal(answered, 1);
	client_write(other, "{\"command\":\"b\"}\n");
	client_read(server, other, text, sizeof(text));
	assert_string_equal(text, "{\"ok\":true,\"result\":2}\n");
	begin_ns = clock_monotonic_ns();
	while (clock_monotonic_ns() - begin_ns < 300000000)
		control_server_poll(server, -1, 50);
	assert_int_equal(answered, 2);
	/* It gets what was in the socket, and then the end. */
	while (recv(slow, text, sizeof(text), 0) > 0)
		;
	assert_int_not_equal(errno, EAGAIN);
	close(slow);
	close(other);
	control_server_destroy(server);
}

static void disconnect_mid_reply(void **state)
{
	struct control_server *server = server_open(0);
	int fd = client_open();

	(void)state;
	client_write(fd, "{\"command\":\"a\",\"bytes\":4000000}\n");
	control_server_poll(server, -1, 0);
	control_server_poll(server, -1, 0);
	close(fd);
	for (int i = 0; i < 4; i++)
		control_server_poll(server, -1, 0);
	assert_int_equal(answered, 1);
	control_server_destroy(server);
}

/* A byte now and then does not keep a client's place. */
static void trickle(void **state)
{
	struct control_server *server = server_open(100000000);
	int fd = client_open(), closed = 0;
	char byte;

	(void)state;
	for (int i = 0; i < 40 && !closed; i++) {
		if (send(fd, "{", 1, MSG_NOSIGNAL) < 0)
			closed = 1;
		control_server_poll(server, -1, 10);
		usleep(10000);
		if (recv(fd, &byte, 1, 0) == 0)
			closed = 1;
	}
	assert_true(closed);
	close(fd);
	control_server_destroy(server);
}

static void silent_clients_do_not_keep_others_out(void **state)
{
	struct control_server *server = server_open(0);
	int silent[3 * CONTROL_CLIENTS_MAX], fd;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		silent[i] = client_open();
		control_server_poll(server, -1, 0);
	}
	fd = client_open();
	client_write(fd, "{\"command\":\"a\"}\n");
	client_read(server, fd, text, sizeof(text));
	assert_string_equal(text, "{\"ok\":true,\"result\":1}\n");
	assert_int_equal(recv(silent[0], text, 1, 0), 0); /* the longest silent one made room */
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		close(silent[i]);
	close(fd);
	control_server_destroy(server);
}

/* Waiting does not spin, and ends when the descriptor beside it says so. */
static void waits(void **state)
{
	struct control_server *server = server_open(0);
	int silent = client_open(), wake = eventfd(0, 0);
	uint64_t begin_ns, one = 1;

	(void)state;
	control_server_poll(server, wake, 0);
	begin_ns = clock_monotonic_ns();
	control_server_poll(server, wake, 50);
	assert_true(clock_monotonic_ns() - begin_ns >= 45000000);
	assert_int_equal(write(wake, &one, sizeof(one)), sizeof(one));
	begin_ns = clock_monotonic_ns();
	control_server_poll(server, wake, 20000);
	assert_true(clock_monotonic_ns() - begin_ns < 5000000000);
	close(wake);
	close(silent);
	control_server_destroy(server);
}

static void mode_is_0660(void **state)
{
	mode_t before = umask(077);
	struct control_server *server = server_open(0);
	struct stat status;

	(void)state;
	umask(before);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	control_server_destroy(server);
	before = umask(0);
	server = server_open(0);
	umask(before);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	control_server_destroy(server);
}

static void dead_socket_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.95s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(access(path, F_OK), 0);
	control_server_destroy(server_open(0));
}

static void live_socket_and_files_are_left_alone(void **state)
{
	struct control_server *server = server_open(0), *second;
	struct error error = {0};
	int fd;

	(void)state;
	assert_int_equal(
		control_server_create(path, 0, answer, NULL, &second, &error), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(error.message, "another engine listens"));
	/* One that took the path over is not unlinked by its predecessor. */
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	control_server_destroy(server);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(control_server_create(path, 0, answer, NULL, &second, &error), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
}

static void bad_paths(void **state)
{
	struct control_server *server;
	struct error error = {0};
	char longest[300];

	(void)state;
	memset(longest, 'p', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(
		control_server_create(longest, 0, answer, NULL, &server, &error), -ENAMETOOLONG);
	assert_int_equal(
		control_server_create("/nonexistent/weir.sock", 0, answer, NULL, &server, &error),
		-ENOENT);
	assert_non_null(strstr(error.message, "/nonexistent/weir.sock"));
}

static atomic_bool serving;

static void *serve(void *server)
{
	while (atomic_load(&serving))
		control_server_poll(server, -1, 10);
	return NULL;
}

static void client_and_server(void **state)
{
	struct control_server *server = server_open(0);
	json_t *request = json_pack("{s:s, s:i}", "command", "a", "bytes", 3000000), *result = NULL;
	struct error error = {0};
	pthread_t thread;

	(void)state;
	atomic_store(&serving, true);
	pthread_create(&thread, NULL, serve, server);
	assert_int_equal(control_request(path, request, &result, &error), 0);
	assert_int_equal(json_string_length(result), 3000000);
	json_decref(result);
	json_object_set_new(request, "bytes", json_integer(CONTROL_REPLY_MAX_BYTES));
	assert_int_equal(control_request(path, request, &result, &error), -EREMOTEIO);
	assert_string_equal(error.message, "the answer is too long: ask for a part of it");
	atomic_store(&serving, false);
	pthread_join(thread, NULL);
	control_server_destroy(server);
	assert_int_equal(control_request(path, request, &result, &error), -ENOENT);
	assert_non_null(strstr(error.message, "no engine listens at"));
	assert_non_null(strstr(error.message, "--socket"));
	json_decref(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(several_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(last_line_without_newline, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_line, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(disconnect_mid_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(trickle, setup, teardown),
		cmocka_unit_test_setup_teardown(
			silent_clients_do_not_keep_others_out, setup, teardown),
		cmocka_unit_test_setup_teardown(waits, setup, teardown),
		cmocka_unit_test_setup_teardown(mode_is_0660, setup, teardown),
		cmocka_unit_test_setup_teardown(dead_socket_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(
			live_socket_and_files_are_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(client_and_server, setup, teardown),
	};

	return cmocka_run_group_tests_name("control/server", tests, NULL, NULL);
}
