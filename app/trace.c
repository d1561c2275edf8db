/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir trace: the way of a few packets through a running engine, with what was decided about them.
 * A capture at all points of packets that got a number at rx; each number is a story.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "capture_client.h"
#include "command.h"
#include "control/control.h"
#include "trace_story.h"

enum { FILTER_MAX = 4096, AT_MAX = 256, TRACES_MAX = 1000, SNAP_BYTES = 256 };
/* After the last wanted packet came in: what does not show up in this time is held or lost. */
enum { QUIET_MS = 400 };
enum { STAGES_MAX = 16 }; /* of a pipeline: config.h */

static const char *count_text = "1", *socket_path;
static int briefly;

static const struct option options[] = {
	{"count", 'n', OPTION_STRING, &count_text, "N", "Follows N packets (default 1)"},
	{"brief", 'b', OPTION_FLAG, &briefly, NULL, "Without why steering decided as it did"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Control socket of the engine"},
	{.name = NULL},
};

/* ---- the stages there are ---- */

/* The longest pipeline's, in `types`. */
static unsigned stage_count(const json_t *config, const char *types[STAGES_MAX])
{
	const json_t *pipeline, *stage;
	unsigned most = 0;
	size_t i, s;

	json_array_foreach (json_object_get(config, "pipelines"), i, pipeline) {
		json_array_foreach (json_object_get(pipeline, "stages"), s, stage) {
			const char *type = json_string_value(json_object_get(stage, "type"));

			if (s >= STAGES_MAX)
				break;
			if (s >= most) {
				types[s] = type;
				most = (unsigned)s + 1;
			} else if (type == NULL || types[s] == NULL ||
				strcmp(types[s], type) != 0) {
				types[s] = NULL; /* pipelines differ */
			}
		}
	}
	return most;
}

static void add_point(struct trace *trace, char *at, const char *name, const char *type)
{
	size_t used = strlen(at);

	snprintf(at + used, AT_MAX - used, "%s%s", used > 0 ? "," : "", name);
	snprintf(trace->points[trace->point_count++], sizeof(trace->points[0]), "%s%s%s%s", name,
		type ? " (" : "", type ? type : "", type ? ")" : "");
}

static int points_ask(struct trace *trace, char *at, struct error *error)
{
	json_t *request = json_pack("{s:s, s:s}", "command", "show", "what", "config");
	const char *types[STAGES_MAX] = {NULL};
	json_t *result = NULL;
	char name[16];
	int rc = control_request(socket_path, request, &result, error);
	unsigned stages;

	json_decref(request);
	if (rc < 0)
		return rc;
	stages = stage_count(json_object_get(result, "config"), types);
	add_point(trace, at, "rx", NULL);
	add_point(trace, at, "steered", NULL);
	add_point(trace, at, "gro", NULL);
	for (unsigned s = 0; s < stages; s++) {
		snprintf(name, sizeof(name), "stage%u", s);
		add_point(trace, at, name, types[s]);
	}
	add_point(trace, at, "gso", NULL);
	add_point(trace, at, "tx", NULL);
	add_point(trace, at, "drop", NULL);
	json_decref(result);
	return 0;
}

/* ---- why it went where it went ---- */

/* "worker 0, port wan, ..." */
static void port_of(const struct trace_event *event, char *name, size_t size)
{
	const char *port = strstr(event->comment, "port ");

	snprintf(name, size, "%.*s", port != NULL ? (int)strcspn(port + 5, ",") : 0,
		port != NULL ? port + 5 : "");
}

static json_t *explain(const struct trace_event *event)
{
	struct error ignored = {0};
	json_t *request, *result = NULL;
	char port[64];

	if (event->words.source[0] == '\0')
		return NULL;
	port_of(event, port, sizeof(port));
	request = json_pack("{s:s, s:s, s:s, s:s, s:s}", "command", "explain", "source",
		event->words.source, "destination", event->words.destination, "protocol",
		event->words.protocol, "port", port);
	if (request != NULL && control_request(socket_path, request, &result, &ignored) < 0)
		result = NULL;
	json_decref(request);
	return result;
}

static const char *word(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* The steps of the decision, indented. A malloc'ed text; NULL: none. */
static char *decision_of(const struct trace_event *event)
{
	json_t *result = event != NULL && !briefly ? explain(event) : NULL;
	const json_t *step;
	char *text = NULL;
	size_t size = 0, i;
	FILE *out;

	if (result == NULL)
		return NULL;
	out = open_memstream(&text, &size);
	json_array_foreach (
		json_object_get(json_object_get(result, "explanation"), "steps"), i, step)
		if (out != NULL)
			fprintf(out, "  %11s %-16s %s %s: %s\n", "", "", word(step, "name"),
				word(step, "value"), word(step, "text"));
	if (out != NULL)
		fclose(out);
	json_decref(result);
	return text;
}

/* ---- the capture ---- */

static int take_block(struct trace *trace, const uint8_t *block)
{
	struct pcapng_packet packet;

	if (pcapng_block_type(block) != PCAPNG_PACKET)
		return 0;
	if (!pcapng_get_packet(block, &packet))
		return -EPROTO;
	return trace_add(trace, &packet);
}

/* Until all wanted packets came and nothing of them moves any more. */
static int follow(
	struct capture_client *client, struct trace *trace, uint64_t wanted, struct error *error)
{
	const uint8_t *block;
	size_t length;
	int rc;

	while ((rc = capture_client_next(client, QUIET_MS, &block, &length, error)) != 0) {
		if (rc == -EAGAIN) {
			if (trace->packets >= wanted)
				capture_client_end(client);
			continue;
		}
		if (rc < 0)
			return rc;
		rc = take_block(trace, block);
		if (rc != 0)
			return error_set(error, -rc, "what the engine sends is no trace");
	}
	return 0;
}

static json_t *request_make(int argc, char **argv, const char *at)
{
	char filter[FILTER_MAX] = "", snap[16];
	size_t used = 0;

	for (int i = 0; i < argc && used < sizeof(filter); i++)
		used += (size_t)snprintf(
			filter + used, sizeof(filter) - used, "%s%s", i > 0 ? " " : "", argv[i]);
	if (used >= sizeof(filter))
		return NULL;
	snprintf(snap, sizeof(snap), "%d", SNAP_BYTES);
	return json_pack("{s:s, s:s, s:s, s:s}", "at", at, "filter", filter, "trace", count_text,
		"snap", snap);
}

static int failed(int rc, const struct error *error)
{
	fprintf(stderr, "weir trace: %s\n", error->message);
	return rc == -EREMOTEIO ? EXIT_USAGE : EXIT_FAILED;
}

static int trace_run(struct trace *trace, int argc, char **argv, uint64_t wanted)
{
	struct capture_client client;
	struct error error = {0};
	char at[AT_MAX] = "";
	json_t *wish;
	int rc = points_ask(trace, at, &error);

	if (rc != 0)
		return failed(rc, &error);
	wish = request_make(argc, argv, at);
	if (wish == NULL)
		return command_usage_error(&command_trace, "the filter is too long, or no UTF-8");
	rc = capture_client_open(&client, socket_path, wish, &error);
	if (rc != 0)
		return failed(rc, &error);
	rc = follow(&client, trace, wanted, &error);
	capture_client_close(&client);
	for (uint64_t number = 1; number <= trace->packets; number++) {
		char *decided = decision_of(trace_received(trace, number));

		trace_tell(stdout, trace, number, decided);
		free(decided);
	}
	return rc == 0 ? EXIT_OK : failed(rc, &error);
}

static int run(int argc, char **argv)
{
	struct trace trace = {0};
	char default_path[128];
	uint64_t wanted;
	int result;

	if (units_parse_count(count_text, &wanted) != 0 || wanted == 0 || wanted > TRACES_MAX)
		return command_usage_error(&command_trace,
			"--count: expected 1 to %d, found \"%s\"", TRACES_MAX, count_text);
	if (socket_path == NULL) {
		control_default_path(default_path, sizeof(default_path));
		socket_path = default_path;
	}
	result = trace_run(&trace, argc, argv, wanted);
	trace_free(&trace);
	return result;
}

const struct command command_trace = {
	.name = "trace",
	.arguments = "[FILTER]",
	.summary = "Follows packets through a running engine and tells what was decided",
	.description =
		"Takes the next packets that match FILTER (pcap-filter(7)) where they are "
		"received, and tells for each point of their path when they passed it, on which "
		"worker and queue, how long and of how many segments they were, and what became "
		"of them: steered, merged, cut, dropped (and why), sent. Behind rx it says what "
		"steering decides about the flow, as weir explain does.",
	.examples = "  weir trace 'tcp port 21' -n 10\n"
		    "  weir trace -n 3 --brief\n",
	.options = options,
	.run = run,
};
