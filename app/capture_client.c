/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "capture/pcapng_writer.h"
#include "control/control.h"

enum { BUFFER_BYTES = 4 << 20, ACCEPT_MS = 10000, FOLDER_MODE = 0711, SOCKET_MODE = 0666 };

/* ---- signals ---- */

static volatile sig_atomic_t signals_seen;

static void on_signal(int number)
{
	if (signals_seen++ > 0)
		_exit(128 + number);
}

static void signals_catch(void)
{
	/* poll(2) is interrupted all the same. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- the socket ---- */

/* Where the engine finds us: in a folder whose name nobody knows before. */
struct meeting {
	char folder[64];
	struct sockaddr_un address;
	int listener;
};

static void meeting_end(struct meeting *meeting)
{
	if (meeting->listener >= 0)
		close(meeting->listener);
	unlink(meeting->address.sun_path);
	rmdir(meeting->folder);
}

static int meeting_make(struct meeting *meeting, struct error *error)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un *address = &meeting->address;
	int code;

	if (runtime == NULL || strlen(runtime) > sizeof(meeting->folder) - 24)
		runtime = "/tmp";
	snprintf(meeting->folder, sizeof(meeting->folder), "%s/weir-capture-XXXXXX", runtime);
	if (mkdtemp(meeting->folder) == NULL)
		return error_set(error, errno, "%s: %s", meeting->folder, strerror(errno));
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/stream", meeting->folder);
	meeting->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The engine may run as another user. */
	if (meeting->listener >= 0 &&
		bind(meeting->listener, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
		chmod(address->sun_path, SOCKET_MODE) == 0 &&
		chmod(meeting->folder, FOLDER_MODE) == 0 && listen(meeting->listener, 1) == 0)
		return 0;
	code = errno;
	meeting_end(meeting);
	return error_set(
		error, code, "no socket for the capture in %s: %s", runtime, strerror(code));
}

/* Only the engine's user, or root, is the engine. */
static int meeting_accept(const struct meeting *meeting, const char *control_path, int *ret_stream,
	struct error *error)
{
	struct pollfd waiting = {.fd = meeting->listener, .events = POLLIN};
	struct ucred peer;
	socklen_t size = sizeof(peer);
	struct stat status;
	int stream;

	if (poll(&waiting, 1, ACCEPT_MS) <= 0)
		return error_set(error, ETIMEDOUT, "the engine did not connect");
	stream = accept4(meeting->listener, NULL, NULL, SOCK_CLOEXEC);
	if (stream < 0)
		return error_set(error, errno, "accept: %s", strerror(errno));
	if (getsockopt(stream, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
		stat(control_path, &status) != 0 || (peer.uid != 0 && peer.uid != status.st_uid)) {
		close(stream);
		return error_set(error, EPERM, "somebody connected who is not the engine");
	}
	*ret_stream = stream;
	return 0;
}

static int ask(const struct meeting *meeting, const char *control_path, json_t *options,
	struct error *error)
{
	json_t *request, *result = NULL;
	int rc;

	json_object_set_new(options, "to", json_string(meeting->address.sun_path));
	request = json_pack("{s:s, s:O}", "command", "capture", "capture", options);
	if (request == NULL)
		return error_set(error, EINVAL, "the request is not valid UTF-8");
	rc = control_request(control_path, request, &result, error);
	json_decref(request);
	json_decref(result);
	return rc;
}

int capture_client_open(struct capture_client *client, const char *control_path, json_t *options,
	struct error *error)
{
	struct meeting meeting = {.listener = -1};
	int rc = meeting_make(&meeting, error);

	*client = (struct capture_client){.stream = -1};
	if (rc == 0) {
		rc = ask(&meeting, control_path, options, error);
		if (rc == 0)
			rc = meeting_accept(&meeting, control_path, &client->stream, error);
		meeting_end(&meeting);
	}
	json_decref(options);
	if (rc != 0)
		return rc;
	client->buffer = malloc(BUFFER_BYTES);
	if (client->buffer == NULL) {
		close(client->stream);
		return error_set(error, ENOMEM, "no memory for the capture");
	}
	signals_catch();
	return 0;
}

/* ---- blocks ---- */

/* 1: some bytes came; 0: the end. */
static int receive(struct capture_client *client, int timeout_ms, struct error *error)
{
	struct pollfd waiting = {.fd = client->stream, .events = POLLIN};
	ssize_t got;
	int rc;

	memmove(client->buffer, client->buffer + client->taken, client->used - client->taken);
	client->used -= client->taken;
	client->taken = 0;
	rc = poll(&waiting, 1, timeout_ms);
	if (rc == 0 || (rc < 0 && errno == EINTR))
		return -EAGAIN;
	got = recv(client->stream, client->buffer + client->used, BUFFER_BYTES - client->used, 0);
	if (got < 0)
		return errno == EINTR
			? -EAGAIN
			: error_set(error, errno, "the engine's stream: %s", strerror(errno));
	client->used += (size_t)got;
	return got > 0;
}

int capture_client_next(struct capture_client *client, int timeout_ms, const uint8_t **ret_block,
	size_t *ret_length, struct error *error)
{
	int rc;

	for (;;) {
		int64_t length = pcapng_block_length(
			client->buffer + client->taken, client->used - client->taken);

		if (length < 0)
			return error_set(error, EPROTO, "what the engine sends is no pcapng");
		if (length > 0) {
			*ret_block = client->buffer + client->taken;
			*ret_length = (size_t)length;
			client->taken += (size_t)length;
			return 1;
		}
		rc = receive(client, timeout_ms, error);
		if (signals_seen > 0 && !client->told) {
			client->told = true;
			capture_client_end(client);
			continue;
		}
		if (rc <= 0)
			return rc;
	}
}

bool capture_client_idle(const struct capture_client *client)
{
	return pcapng_block_length(client->buffer + client->taken, client->used - client->taken) ==
		0;
}

void capture_client_end(const struct capture_client *client)
{
	shutdown(client->stream, SHUT_WR);
}

void capture_client_close(struct capture_client *client)
{
	close(client->stream);
	free(client->buffer);
}
