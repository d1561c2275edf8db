/* SPDX-License-Identifier: BSD-3-Clause */
/* As ibstat prints a device, then who uses it. */
#include <inttypes.h>

#include "base/units.h"
#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/table.h"

static void device_print(FILE *out, const json_t *device)
{
	fprintf(out, "CA '%s'\n", read_text(device, "name"));
	fprintf(out, "\tCA type: %s\n", read_text(device, "type"));
	fprintf(out, "\tNumber of ports: 1\n");
	fprintf(out, "\tFirmware version: %s\n", read_text(device, "firmware"));
	fprintf(out, "\tNode GUID: %s\n", read_text(device, "guid"));
	fprintf(out, "\tSystem image GUID: %s\n", read_text(device, "guid"));
	fprintf(out, "\tPort 1:\n");
	fprintf(out, "\t\tState: %s\n", read_text(device, "state"));
	fprintf(out, "\t\tPhysical state: %s\n", read_text(device, "physical_state"));
	fprintf(out, "\t\tRate: %" PRIu64 "\n", read_count(device, "rate_gbps"));
	fprintf(out, "\t\tBase lid: %" PRIu64 "\n", read_count(device, "lid"));
	fprintf(out, "\t\tPort GUID: %s\n", read_text(device, "guid"));
	fprintf(out, "\t\tLink layer: %s\n", read_text(device, "link_layer"));
	fprintf(out, "\tSocket: %s\n", read_text(device, "socket"));
	fprintf(out,
		"\tConnections: %" PRIu64 " so far, %" PRIu64 " died, %" PRIu64
		" closed for cause%s%s\n",
		read_count(device, "connections_ever"), read_count(device, "died"),
		read_count(device, "kicked"), read_count(device, "kicked") > 0 ? ": " : "",
		read_text(device, "last_reason"));
}

static void connections_print(FILE *out, const json_t *connections, unsigned flags)
{
	static const char *const titles[] = {"connection", "pid", "uid", "queue pairs", "regions",
		"srqs", "registered", "<program", NULL};
	char text[UNITS_TEXT_MAX];
	const json_t *connection;
	struct table table;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (connections, i, connection) {
		table_count(&table, read_count(connection, "connection"));
		table_cell(&table, "%" PRIu64, read_count(connection, "pid"));
		table_cell(&table, "%" PRIu64, read_count(connection, "uid"));
		table_count(&table, read_count(connection, "queue_pairs"));
		table_count(&table, read_count(connection, "regions"));
		table_count(&table, read_count(connection, "srqs"));
		table_cell(&table, "%s",
			units_format_bytes(text, sizeof(text), read_count(connection, "bytes")));
		table_cell(&table, "%s", read_text(connection, "name"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

static bool is_raw(const json_t *queue)
{
	return json_object_get(queue, "mode") != NULL;
}

static void cpu_cell(struct table *table, const json_t *queue)
{
	if (json_object_get(queue, "cpu") != NULL)
		table_cell(table, "%" PRIu64, read_count(queue, "cpu"));
	else
		table_cell(table, "-");
}

/* Of messages; those of packets have nobody at the other end. */
static void queues_print(FILE *out, const json_t *queues, unsigned flags)
{
	static const char *const titles[] = {"queue pair", "connection", "<type", "<state",
		"remote", "<path", "cpu", "by engine", "bytes", "<condition", NULL};
	const json_t *queue;
	struct table table;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (queues, i, queue) {
		if (is_raw(queue))
			continue;
		table_cell(&table, "%" PRIu64, read_count(queue, "queue_pair"));
		table_cell(&table, "%" PRIu64, read_count(queue, "connection"));
		table_cell(&table, "%s", read_text(queue, "type"));
		table_cell(&table, "%s", read_text(queue, "state"));
		table_cell(&table, "%" PRIu64, read_count(queue, "remote"));
		table_cell(&table, "%s", read_text(queue, "path"));
		cpu_cell(&table, queue);
		table_count(&table, read_count(queue, "requests"));
		table_count(&table, read_count(queue, "bytes"));
		table_cell(&table, "%s", read_text(queue, "condition"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

static void raw_queues_print(FILE *out, const json_t *queues, unsigned flags)
{
	static const char *const titles[] = {
		"queue pair", "connection", "<type", "<mode", "cpu", "dropped", "<condition", NULL};
	const json_t *queue;
	struct table table;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (queues, i, queue) {
		if (!is_raw(queue))
			continue;
		table_cell(&table, "%" PRIu64, read_count(queue, "queue_pair"));
		table_cell(&table, "%" PRIu64, read_count(queue, "connection"));
		table_cell(&table, "%s", read_text(queue, "type"));
		table_cell(&table, "%s", read_text(queue, "mode"));
		cpu_cell(&table, queue);
		table_count(&table, read_count(queue, "dropped"));
		table_cell(&table, "%s", read_text(queue, "condition"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

void render_rdma(FILE *out, const json_t *rdma, unsigned flags)
{
	const json_t *connections = json_object_get(rdma, "connections");
	const json_t *queues = json_object_get(rdma, "queue_pairs");
	const json_t *queue;
	size_t i, raw = 0;

	device_print(out, json_object_get(rdma, "device"));
	if (json_array_size(connections) > 0) {
		fputc('\n', out);
		connections_print(out, connections, flags);
	}
	json_array_foreach (queues, i, queue)
		raw += is_raw(queue);
	if (json_array_size(queues) > raw) {
		fputc('\n', out);
		queues_print(out, queues, flags);
	}
	if (raw > 0) {
		fputc('\n', out);
		raw_queues_print(out, queues, flags);
	}
}
