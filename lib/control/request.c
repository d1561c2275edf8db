/* SPDX-License-Identifier: BSD-3-Clause */
/* From a line of text to a line of text: the part of the protocol that knows no sockets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"

/* Turns the reply object into a line. NULL: out of memory, or the reply is no valid JSON. */
static char *reply_dump(const json_t *reply, size_t *ret_length)
{
	size_t length = json_dumpb(reply, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(15));
	char *line;

	if (length == 0)
		return NULL;
	line = malloc(length + 2);
	if (line == NULL)
		return NULL;
	json_dumpb(reply, line, length, JSON_COMPACT | JSON_REAL_PRECISION(15));
	line[length] = '\n';
	line[length + 1] = '\0';
	*ret_length = length + 1;
	return line;
}

static char *reply_error(const char *message, size_t *ret_length)
{
	json_t *text = json_string(message);
	json_t *reply;
	char *line;

	/* A message may quote what the client sent, which need not be UTF-8. */
	if (text == NULL)
		text = json_string("the request is not valid UTF-8");
	reply = json_pack("{s:b, s:o*}", "ok", 0, "error", text);
	line = reply_dump(reply, ret_length);
	json_decref(reply);
	return line;
}

static char *reply_result(json_t *result, size_t *ret_length)
{
	json_t *reply = json_pack("{s:b, s:o}", "ok", 1, "result", result ? result : json_null());
	char *line = reply_dump(reply, ret_length);

	json_decref(reply);
	if (line != NULL && *ret_length > CONTROL_REPLY_MAX_BYTES) {
		free(line);
		line = reply_error("the answer is too long: ask for a part of it", ret_length);
	}
	return line;
}

static int request_parse(const char *text, size_t length, json_t **ret_request, struct error *error)
{
	json_error_t where;
	json_t *request = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);

	if (request == NULL)
		return error_set(error, EINVAL, "not a line of JSON: %s (column %d)", where.text,
			where.column);
	if (!json_is_string(json_object_get(request, "command"))) {
		json_decref(request);
		return error_set(error, EINVAL,
			"expected an object with a \"command\", as {\"command\": \"help\"}");
	}
	*ret_request = request;
	return 0;
}

char *control_handle(
	const char *text, size_t length, control_handler handler, void *arg, size_t *ret_length)
{
	struct error error = {0};
	json_t *request = NULL, *result = NULL;
	int rc;

	if (length > CONTROL_REQUEST_MAX_BYTES)
		return reply_error("the request is longer than 65536 bytes", ret_length);
	rc = request_parse(text, length, &request, &error);
	if (rc == 0) {
		rc = handler(arg, request, &result, &error);
		json_decref(request);
	}
	if (rc < 0)
		return reply_error(
			error.message[0] != '\0' ? error.message : strerror(-rc), ret_length);
	return reply_result(result, ret_length);
}
