/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/render.h"

#include <string.h>

#include "base/units.h"
#include "stats/explanation.h"
#include "stats/json_read.h"
#include "stats/table.h"

static void port_row(struct table *table, const json_t *port, const char *way)
{
	const json_t *flow = json_object_get(port, way);
	bool rx = strcmp(way, "rx") == 0;
	char size[UNITS_TEXT_MAX];

	table_cell(table, "%s", rx ? read_text(port, "port") : "");
	table_cell(table, "%s", way);
	table_cell(table, "%s", rx ? read_text(port, "link") : "");
	table_count(table, read_count(flow, "packets"));
	table_cell(table, "%s",
		units_format_size(size, sizeof(size), (double)read_count(flow, "bytes")));
	table_rate(table, (double)read_count(flow, "pps"));
	table_rate(table, (double)read_count(flow, "bps"));
	table_cell(table, "%.1f", read_real(flow, "packets_per_batch"));
	if (rx)
		table_count(table,
			read_count(port, "missed") + read_count(port, "errors") +
				read_count(port, "no_mbuf"));
	else
		table_cell(table, "-");
}

static void render_ports(FILE *out, const json_t *ports, unsigned flags)
{
	static const char *const titles[] = {"<port", "<", "<link", "packets", "bytes", "packets/s",
		"bit/s", "per batch", "rx lost", NULL};
	static const char *const detail_titles[] = {"<port", "<driver", "node", "Mbit/s", "mtu",
		"<rss", "rxq", "txq", "rssq", "missed", "errors", "no mbuf", "<device", NULL};
	static const char *const details[] = {
		"rx_queues", "tx_queues", "emulated_queues", "missed", "errors", "no_mbuf"};
	struct table table;
	const json_t *port;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (ports, i, port) {
		port_row(&table, port, "rx");
		port_row(&table, port, "tx");
	}
	table_print(&table, out, flags & RENDER_BOLD);
	if (!(flags & RENDER_DETAILS))
		return;
	fputc('\n', out);
	table_init(&table, detail_titles);
	json_array_foreach (ports, i, port) {
		table_cell(&table, "%s", read_text(port, "port"));
		table_cell(&table, "%s", read_text(port, "driver"));
		table_cell(&table, "%s", read_node(port));
		table_count(&table, read_count(port, "link_mbps"));
		table_cell(&table, "%u", (unsigned)read_count(port, "mtu"));
		table_cell(&table, "%s", read_text(port, "rss"));
		for (unsigned n = 0; n < sizeof(details) / sizeof(details[0]); n++)
			table_count(&table, read_count(port, details[n]));
		table_cell(&table, "%s", read_text(port, "device"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

static void idle_note(FILE *out, unsigned hidden, const char *what)
{
	if (hidden > 0)
		fprintf(out, "%u idle %s%s not shown (--all)\n", hidden, what,
			hidden == 1 ? "" : "s");
}

static void render_queues(FILE *out, const json_t *queues, unsigned flags)
{
	static const char *const titles[] = {"<port", "<kind", "queue", "worker", "packets",
		"bytes", "packets/s", "bit/s", "per batch", NULL};
	unsigned hidden = 0;
	char size[UNITS_TEXT_MAX];
	struct table table;
	const json_t *queue;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (queues, i, queue) {
		if (read_count(queue, "packets") == 0 && !(flags & RENDER_IDLE)) {
			hidden++;
			continue;
		}
		table_cell(&table, "%s", read_text(queue, "port"));
		table_cell(&table, "%s", read_text(queue, "kind"));
		table_count(&table, read_count(queue, "queue"));
		table_count(&table, read_count(queue, "worker"));
		table_count(&table, read_count(queue, "packets"));
		table_cell(&table, "%s",
			units_format_size(size, sizeof(size), (double)read_count(queue, "bytes")));
		table_rate(&table, (double)read_count(queue, "pps"));
		table_rate(&table, (double)read_count(queue, "bps"));
		if (strcmp(read_text(queue, "kind"), "emulated") == 0)
			table_cell(&table, "-"); /* packets come one by one to these */
		else
			table_cell(&table, "%.1f", read_real(queue, "packets_per_batch"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
	idle_note(out, hidden, "queue");
}

/* `judged`: a stage found something wrong, or out of order, and two more columns say so. */
static void stage_row(struct table *table, const json_t *stage, const char *pipeline,
	const char *name, const char *worker, bool judged)
{
	table_cell(table, "%s", pipeline);
	table_cell(table, "%s", name);
	table_cell(table, "%s", worker);
	table_count(table, read_count(stage, "packets"));
	table_rate(table, (double)read_count(stage, "pps"));
	table_rate(table, (double)read_count(stage, "bps"));
	table_cell(table, "%.1f", read_real(stage, "packets_per_batch"));
	table_cell(table, "%.1f", read_real(stage, "cycles_per_packet"));
	table_count(table, read_count(stage, "made"));
	table_count(table, read_count(stage, "merged"));
	table_count(table, read_count(stage, "held"));
	if (!judged)
		return;
	table_count(table, read_count(stage, "bad_checksums"));
	table_count(table, read_count(stage, "reordered"));
}

static bool stages_judged(const json_t *stages)
{
	const json_t *stage;
	size_t i;

	json_array_foreach (stages, i, stage)
		if (read_count(stage, "bad_checksums") + read_count(stage, "reordered") > 0)
			return true;
	return false;
}

static void render_stages(FILE *out, const json_t *stages, unsigned flags)
{
	static const char *const titles[] = {"<pipeline", "<stage", "worker", "packets",
		"packets/s", "bit/s", "batch", "cycles/packet", "made", "merged", "held", NULL};
	static const char *const more_titles[] = {"<pipeline", "<stage", "worker", "packets",
		"packets/s", "bit/s", "batch", "cycles/packet", "made", "merged", "held",
		"bad sums", "reordered", NULL};
	const bool judged = stages_judged(stages);
	struct table table;
	const json_t *stage, *worker;
	size_t i, n;

	table_init(&table, judged ? more_titles : titles);
	json_array_foreach (stages, i, stage) {
		stage_row(&table, stage, read_text(stage, "pipeline"), read_text(stage, "stage"),
			"all", judged);
		if (!(flags & RENDER_IDLE))
			continue;
		json_array_foreach (json_object_get(stage, "workers"), n, worker) {
			char number[32];

			count_text(number, read_count(worker, "worker"));
			stage_row(&table, worker, "", "", number, judged);
		}
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

static void latency_line(FILE *out, const char *title, const json_t *latency)
{
	static const char *const points[][2] = {
		{"p50", "p50"}, {"p90", "p90"}, {"p99", "p99"}, {"p99.9", "p99_9"}, {"max", "max"}};
	char text[UNITS_TEXT_MAX];

	fprintf(out, "%s", title);
	for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		units_format_time(text, sizeof(text), (double)read_count(latency, points[i][1]));
		fprintf(out, "%s %s %s", i > 0 ? "," : "", points[i][0], text);
	}
	fprintf(out, " (%s packets)\n", count_text(text, read_count(latency, "count")));
}

static void render_latency(FILE *out, const json_t *latency, unsigned flags)
{
	const json_t *since_start = json_object_get(latency, "since_start");
	const json_t *interval = json_object_get(latency, "interval");
	uint64_t count = read_count(interval, "count");

	if (read_count(since_start, "count") > 0 || (flags & RENDER_IDLE))
		latency_line(out, "latency:", since_start);
	if (count > 0 && count != read_count(since_start, "count"))
		latency_line(out, "    now:", interval);
}

static void render_drops(FILE *out, const json_t *drops, unsigned flags)
{
	static const char *const titles[] = {
		"<dropped", "packets", "packets/s", "<kind", "<why", NULL};
	struct table table;
	const char *reason;
	json_t *drop;

	table_init(&table, titles);
	json_object_foreach ((json_t *)drops, reason, drop) {
		if (read_count(drop, "packets") == 0 && !(flags & RENDER_IDLE))
			continue;
		table_cell(&table, "%s", reason);
		table_count(&table, read_count(drop, "packets"));
		table_rate(&table, (double)read_count(drop, "pps"));
		table_cell(&table, "%s", read_text(drop, "severity"));
		table_cell(&table, "%s", read_text(drop, "description"));
	}
	if (table.cell_count == 0)
		fprintf(out, "drops: none\n");
	table_print(&table, out, flags & RENDER_BOLD);
}

static void render_memory(FILE *out, const json_t *memory, unsigned flags)
{
	static const char *const titles[] = {"<pool", "node", "buffers", "used", "free",
		"least free", "of bytes", "memory", NULL};
	char size[UNITS_TEXT_MAX];
	struct table table;
	const json_t *pool;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (memory, i, pool) {
		table_cell(&table, "%s", read_text(pool, "pool"));
		table_cell(&table, "%s", read_node(pool));
		table_count(&table, read_count(pool, "size"));
		table_count(&table, read_count(pool, "used"));
		table_count(&table, read_count(pool, "free"));
		table_count(&table, read_count(pool, "free_min"));
		table_count(&table, read_count(pool, "buffer_bytes"));
		table_cell(&table, "%s",
			units_format_size(size, sizeof(size), (double)read_count(pool, "bytes")));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

static void render_account(FILE *out, const json_t *account, unsigned flags)
{
	static const struct {
		const char *before, *name;
	} terms[] = {{"in", "in"}, {" + made", "made"}, {" = out", "out"}, {" + merged", "merged"},
		{" + held", "held"}, {" + drops", "drops"}};
	json_int_t unaccounted = json_integer_value(json_object_get(account, "unaccounted"));
	char text[32];

	(void)flags;
	fprintf(out, "account: ");
	for (unsigned i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		uint64_t count = (uint64_t)read_count(account, terms[i].name);

		if (count > 0 || strcmp(terms[i].name, "merged") != 0)
			fprintf(out, "%s %s", terms[i].before, count_text(text, count));
	}
	if (unaccounted == 0)
		fprintf(out, " (exact)\n");
	else
		fprintf(out, " (%lld on the way or unaccounted)\n", (long long)unaccounted);
}

static void render_config(FILE *out, const json_t *config, unsigned flags)
{
	(void)flags;
	json_dumpf(config, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	fputc('\n', out);
}

static void render_commands(FILE *out, const json_t *commands, unsigned flags)
{
	static const char *const titles[] = {"<command", "<what it does", NULL};
	struct table table;
	const json_t *command;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (commands, i, command) {
		const char *arguments = read_text(command, "arguments");

		table_cell(&table, "%s%s%s", read_text(command, "name"),
			arguments[0] != '\0' ? " " : "", arguments);
		table_cell(&table, "%s", read_text(command, "help"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

const struct section sections[SECTION_COUNT] = {
	[SECTION_PORTS] = {"ports", "packets in and out of each port", render_ports},
	[SECTION_QUEUES] = {"queues", "each rx, emulated and tx queue", render_queues},
	[SECTION_WORKERS] = {"workers", "what each worker does, and how busy it is",
		render_workers},
	[SECTION_STAGES] = {"stages", "each stage of each pipeline", render_stages},
	[SECTION_MEMORY] = {"memory", "packet pools", render_memory},
	[SECTION_SOFTNET] = {"softnet", "each worker as the kernel's softnet_stat tells of a CPU",
		render_softnet},
	[SECTION_LATENCY] = {"latency", "time from rx to tx through the engine", render_latency},
	[SECTION_STEERING] = {"steering", "RETA and its loads, queues, RPS, RFS, the balancer",
		render_steering},
	[SECTION_FLOWS] = {"flows", "the biggest flows, and where they go", render_flows},
	[SECTION_DROPS] = {"drops", "packets dropped, by reason", render_drops},
	[SECTION_ACCOUNT] = {"account", "in = out + held + drops", render_account},
	[SECTION_ORDER] = {"order", "whether each flow leaves in order", render_order},
	[SECTION_CONFIG] = {"config", "the effective configuration", render_config},
	[SECTION_SETTINGS] = {"settings", "what may be set while it runs", render_settings},
	[SECTION_COMMANDS] = {"commands", "what may be asked", render_commands},
	[SECTION_RDMA] = {"rdma", "the device that applications see, as ibstat, and who uses it",
		render_rdma},
};

static void render_moment(FILE *out, const json_t *object)
{
	uint64_t interval_ns = read_count(object, "interval_ns");
	const json_t *forwarding = json_object_get(object, "forwarding");
	const char *time = read_text(object, "time");

	if (time[0] == '\0')
		return;
	text_print(out, time, strlen(time));
	if (interval_ns > 0) {
		char text[UNITS_TEXT_MAX];

		fprintf(out, "  rates over %s",
			units_format_time(text, sizeof(text), (double)interval_ns));
	}
	if (json_is_false(forwarding))
		fprintf(out, "  (stopped)");
	fputc('\n', out);
}

void render(FILE *out, const json_t *object, unsigned which, unsigned flags)
{
	const char *message = read_text(object, "message");
	/* A line before each of these; what is mostly one line follows what is above it. */
	unsigned tables = (SECTION_BIT(STEERING) - 1) | SECTION_BIT(FLOWS);
	unsigned printed = 0;

	if (flags & RENDER_RAW && json_object_get(object, "softnet") != NULL) {
		render_softnet_raw(out, json_object_get(object, "softnet"));
		return;
	}
	if (message[0] != '\0') {
		text_print(out, message, strlen(message));
		fputc('\n', out);
	}
	if (json_is_array(json_object_get(object, "features")))
		render_features(out, json_object_get(object, "features"), flags);
	render_feature_changes(out, json_object_get(object, "actual_changes"));
	render_changes(out, object);
	if (json_is_object(json_object_get(object, "explanation")))
		explanation_print(out, json_object_get(object, "explanation"));
	render_moment(out, object);
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		const json_t *part = json_object_get(object, sections[i].name);

		if (part == NULL || !(which & 1u << i))
			continue;
		if (printed++ > 0 && tables & 1u << i)
			fputc('\n', out);
		sections[i].render(out, part, flags);
	}
}
