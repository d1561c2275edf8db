/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket people and tools talk to a running engine through: a stream unix socket (mode 0660).
 *
 *     request: one line of JSON   {"command": "show", "what": "ports"}
 *     reply:   one line of JSON   {"ok": true, "result": ...} or {"ok": false, "error": "..."}
 *
 * A connection may send several requests; they are answered in order. Nothing a client does, or
 * leaves undone, blocks the thread that serves it: a client that is slow or silent for too long is
 * closed, what may wait for it is bounded, and so is the number of clients (a new one displaces the
 * one that has been silent longest).
 *
 * Threads: a server belongs to one thread. control_request() and control_handle(): any thread.
 */
#ifndef WEIR_CONTROL_CONTROL_H
#define WEIR_CONTROL_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

enum { CONTROL_CLIENTS_MAX = 16 };
enum { CONTROL_REQUEST_MAX_BYTES = 64 << 10 }; /* without the newline */
enum { CONTROL_REPLY_MAX_BYTES = 8 << 20 }; /* with it */

/*
 * Answers one request, an object whose member "command" is a string. Returns 0 with a new reference
 * in *ret_result (NULL there means null), or -errno with `error` filled.
 */
typedef int (*control_handler)(
	void *arg, const json_t *request, json_t **ret_result, struct error *error);

/* The reply to the line `text`, whatever that is: malloc'ed, NUL-terminated, its newline included,
 * *ret_length bytes long. NULL: out of memory. */
char *control_handle(
	const char *text, size_t length, control_handler handler, void *arg, size_t *ret_length);

/* Where an engine listens unless told otherwise: /run/weir.sock for root,
 * $XDG_RUNTIME_DIR/weir.sock for others (/tmp/weir-UID.sock when that is not set). */
void control_default_path(char *path, size_t size);

struct control_server;

/*
 * Listens at `path`. A socket left behind by a dead process is replaced; one that somebody answers
 * is -EADDRINUSE; a file that is no socket is left alone (-EEXIST). Clients that make no progress
 * for timeout_ns are closed; 0: 30 s.
 */
int control_server_create(const char *path, uint64_t timeout_ns, control_handler handler, void *arg,
	struct control_server **ret_server, struct error *error);

/*
 * Waits up to timeout_ms for something to do, or until wake_fd (-1: none) is readable, does one
 * round of it (at most one request a client), and returns. Calls the handler on the way.
 */
void control_server_poll(struct control_server *server, int wake_fd, int timeout_ms);

/* Closes all and unlinks the path. Takes NULL, returns NULL. */
struct control_server *control_server_destroy(struct control_server *server);

/*
 * Sends one request and waits for its reply, 10 s at most. *ret_result is a new reference. Errors:
 * -ENOENT when no engine listens at `path`, -EACCES, -ETIMEDOUT, -EPROTO (not a weir at the other
 * end), -EREMOTEIO when the engine refused (its own words are in `error`).
 */
int control_request(
	const char *path, const json_t *request, json_t **ret_result, struct error *error);

#endif
