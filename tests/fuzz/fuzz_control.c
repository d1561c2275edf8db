/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines from the control socket through the whole table of commands, and what a client makes of the
 * answer. An engine made of numbers stands behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/stats/fake_engine.h"
#include "control/control.h"
#include "stats/render.h"
#include "stats/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine engine;
static struct stats *stats;
static FILE *nowhere;

static void prepare(void)
{
	struct error error = {0};

	fake_engine_init(&engine);
	fake_engine_run(&engine);
	nowhere = fopen("/dev/null", "w");
	if (nowhere == NULL || stats_create(&engine, &stats, &error) < 0) {
		fprintf(stderr, "%s\n", error.message);
		abort();
	}
}

/* A reply is one line, an object that says whether it is ok, and renders whatever it holds. */
static void check_reply(const char *reply, size_t length)
{
	json_t *object = json_loadb(reply, length, 0, NULL);
	const json_t *ok = json_object_get(object, "ok");

	if (length == 0 || memchr(reply, '\n', length) != reply + length - 1 ||
		!json_is_boolean(ok))
		abort();
	if (json_is_false(ok) && !json_is_string(json_object_get(object, "error")))
		abort();
	render(nowhere, json_object_get(object, "result"), RENDER_WHATEVER,
		RENDER_IDLE | RENDER_DETAILS);
	json_decref(object);
}

/* What the other end of a socket sends is no more to be trusted: the input as a reply, too. */
static void check_client(const char *text, size_t size)
{
	json_t *object = json_loadb(text, size, JSON_DECODE_ANY, NULL);

	render(nowhere, object, RENDER_WHATEVER, RENDER_IDLE | RENDER_DETAILS);
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = 0;
	char *reply;

	if (stats == NULL)
		prepare();
	reply = control_handle((const char *)data, size, stats_command, stats, &length);
	if (reply != NULL)
		check_reply(reply, length);
	free(reply);
	check_client((const char *)data, size);
	while (stats_take_request(stats) != STATS_REQUEST_NONE)
		;
	return 0;
}
