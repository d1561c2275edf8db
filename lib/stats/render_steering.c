/* SPDX-License-Identifier: BSD-3-Clause */
/* Steering as text: what is on, what moved, the queues, and the RETA as a grid. */
#include <stdbool.h>
#include <string.h>

#include "base/units.h"
#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/table.h"

enum { BAR_COLUMNS = 10, GRID_COLUMNS = 32, RANGES_TEXT_MAX = 96 };

/* ---- lines ---- */

static const char *count_of(char text[static 32], const json_t *object, const char *name)
{
	return count_text(text, read_count(object, name));
}

static const char *rate_of(char text[static UNITS_TEXT_MAX], const json_t *object, const char *name)
{
	size_t length;

	units_format_rate(text, UNITS_TEXT_MAX, (double)read_count(object, name), "");
	length = strlen(text);
	if (length > 0 && text[length - 1] == ' ')
		text[length - 1] = '\0';
	return text;
}

static const char *time_of(char text[static UNITS_TEXT_MAX], const json_t *object, const char *name)
{
	return units_format_time(text, UNITS_TEXT_MAX, (double)read_count(object, name));
}

static void balancer_line(FILE *out, const json_t *balancer, size_t worker_count)
{
	char moves[32], rate[UNITS_TEXT_MAX], tick[UNITS_TEXT_MAX], steps[32], active[32];

	fprintf(out, "balancer: max/mean %.2f, %.2f expected; %s",
		read_real(balancer, "max_over_mean"), read_real(balancer, "max_over_mean_expected"),
		count_of(active, balancer, "active_workers"));
	if (worker_count > 0)
		fprintf(out, " of %zu", worker_count);
	fprintf(out, " workers active; %s moves in %s steps, %s moves/s; tick %s\n",
		count_of(moves, balancer, "moves"), count_of(steps, balancer, "steps"),
		rate_of(rate, balancer, "moves_per_s"), time_of(tick, balancer, "tick_ns"));
}

static void moves_lines(FILE *out, const json_t *port)
{
	char moves[32], rate[UNITS_TEXT_MAX], now[32], cancelled[32], parked[32], slots[32],
		total[32], longest[UNITS_TEXT_MAX];

	if (read_count(port, "bucket_moves") + read_count(port, "moves_cancelled") +
			read_count(port, "moves_now") + read_count(port, "parked_packets") ==
		0)
		return;
	fprintf(out, "  moves:  %s buckets, %s/s; %s under way; %s given up\n",
		count_of(moves, port, "bucket_moves"), rate_of(rate, port, "bucket_moves_per_s"),
		count_of(now, port, "moves_now"), count_of(cancelled, port, "moves_cancelled"));
	fprintf(out, "  parked: %s packets now, room for %s; %s in all; longest %s\n",
		count_of(parked, port, "parked"), count_of(slots, port, "park_slots"),
		count_of(total, port, "parked_packets"), time_of(longest, port, "park_longest_ns"));
}

static void rfs_line(FILE *out, const json_t *port)
{
	char used[32], entries[32], hits[UNITS_TEXT_MAX], moves[32], rate[UNITS_TEXT_MAX],
		kept[UNITS_TEXT_MAX];

	if (!json_is_true(json_object_get(port, "rfs")))
		return;
	fprintf(out,
		"  RFS:    %s of %s flow entries used; %s hits/s (not "
		"below); %s flows moved, %s/s; %s/s kept\n",
		count_of(used, port, "flows_used"), count_of(entries, port, "flow_entries"),
		rate_of(hits, port, "rfs_hits_per_s"), count_of(moves, port, "rfs_moves"),
		rate_of(rate, port, "rfs_moves_per_s"), rate_of(kept, port, "rfs_kept_per_s"));
}

/* ---- tables ---- */

static void bar_cell(struct table *table, double percent)
{
	static const char full[] = "##########", empty[] = "..........";
	int filled = (int)(percent * BAR_COLUMNS / 100.0 + 0.5);

	filled = filled < 0 ? 0 : filled > BAR_COLUMNS ? BAR_COLUMNS : filled;
	table_cell(table, "%.*s%.*s", filled, full, BAR_COLUMNS - filled, empty);
}

static void render_loads(FILE *out, const json_t *workers, unsigned flags)
{
	static const char *const titles[] = {"worker", "cpu", "node", "busy", "<", "packets/s",
		"share", "cyc/pkt", "backlog", NULL};
	struct table table;
	const json_t *worker;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (workers, i, worker) {
		double busy = read_real(worker, "busy_percent");

		table_count(&table, read_count(worker, "worker"));
		table_cell(&table, "%d", (int)json_integer_value(json_object_get(worker, "cpu")));
		table_cell(&table, "%s", read_node(worker));
		table_cell(&table, "%.0f%%", busy);
		bar_cell(&table, busy);
		table_rate(&table, (double)read_count(worker, "pps"));
		table_cell(&table, "%.0f%%", read_real(worker, "share_percent"));
		table_cell(&table, "%.0f", read_real(worker, "cycles_per_packet"));
		table_count(&table, read_count(worker, "backlog_len"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

/* "0-3,8", "-" where there is none. */
static const char *ranges_text(char text[static RANGES_TEXT_MAX], const json_t *numbers)
{
	size_t used = 0, count = json_array_size(numbers);

	snprintf(text, RANGES_TEXT_MAX, "-");
	for (size_t i = 0; i < count && used < RANGES_TEXT_MAX;) {
		json_int_t first = json_integer_value(json_array_get(numbers, i)), last = first;

		for (i++; i < count && json_integer_value(json_array_get(numbers, i)) == last + 1;
			i++)
			last++;
		used += (size_t)snprintf(text + used, RANGES_TEXT_MAX - used, "%s%lld",
			used > 0 ? "," : "", (long long)first);
		if (last > first && used < RANGES_TEXT_MAX)
			used += (size_t)snprintf(
				text + used, RANGES_TEXT_MAX - used, "-%lld", (long long)last);
	}
	return text;
}

static void render_queues(FILE *out, const json_t *queues, unsigned flags)
{
	static const char *const titles[] = {
		"queue", "worker", "buckets", "share", "<", "packets/s", "<RPS workers", NULL};
	char ranges[RANGES_TEXT_MAX];
	unsigned hidden = 0;
	struct table table;
	const json_t *queue;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (queues, i, queue) {
		double share = read_real(queue, "share_percent");

		if (read_count(queue, "pps") == 0 && i >= 16 && !(flags & RENDER_IDLE)) {
			hidden++;
			continue;
		}
		table_count(&table, read_count(queue, "queue"));
		table_count(&table, read_count(queue, "worker"));
		table_count(&table, read_count(queue, "buckets"));
		table_cell(&table, "%.1f%%", share);
		bar_cell(&table, share);
		table_rate(&table, (double)read_count(queue, "pps"));
		table_cell(
			&table, "%s", ranges_text(ranges, json_object_get(queue, "rps_workers")));
	}
	table_print(&table, out, flags & RENDER_BOLD);
	if (hidden > 0)
		fprintf(out, "%u idle queues not shown (--all)\n", hidden);
}

/* ---- the grid ---- */

static uint64_t element(const json_t *array, size_t index)
{
	json_int_t value = json_integer_value(json_array_get(array, index));

	return value > 0 ? (uint64_t)value : 0;
}

static bool is_moving(const json_t *buckets, size_t index)
{
	const json_t *moving = json_object_get(buckets, "moving"), *bucket;
	size_t i;

	json_array_foreach (moving, i, bucket) {
		if (json_integer_value(bucket) == (json_int_t)index)
			return true;
	}
	return false;
}

/* The worker and an eighth-block of its load: two columns and one. */
static void grid_cell(FILE *out, const json_t *buckets, size_t index, uint64_t busiest)
{
	static const char *const blocks[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	const json_t *worker = json_array_get(json_object_get(buckets, "worker"), index);
	uint64_t pps = element(json_object_get(buckets, "pps"), index);
	double level = busiest > 0 ? (double)pps * 8.0 / (double)busiest : 0.0;

	if (json_is_integer(worker))
		fprintf(out, "%2lld", (long long)json_integer_value(worker));
	else
		fprintf(out, " %c", is_moving(buckets, index) ? '>' : '*');
	fputs(blocks[pps == 0 ? 0 : level <= 1.0 ? 1 : (unsigned)(level + 0.5)], out);
}

static void render_grid(FILE *out, const json_t *buckets)
{
	const json_t *rates = json_object_get(buckets, "pps");
	size_t count = json_array_size(rates);
	uint64_t busiest = 0, sum = 0;
	char most[UNITS_TEXT_MAX], mean[UNITS_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		sum += element(rates, i);
		if (element(rates, i) > busiest)
			busiest = element(rates, i);
	}
	for (size_t i = 0; i < count; i++) {
		if (i % GRID_COLUMNS == 0)
			fprintf(out, "%3zu", i);
		if (i % (GRID_COLUMNS / 4) == 0)
			fputc(' ', out);
		grid_cell(out, buckets, i, busiest);
		if (i % GRID_COLUMNS == GRID_COLUMNS - 1 || i + 1 == count)
			fputc('\n', out);
	}
	if (count == 0)
		return;
	units_format_rate(most, sizeof(most), (double)busiest, "pps");
	units_format_rate(mean, sizeof(mean), (double)sum / (double)count, "pps");
	fprintf(out,
		"worker and load of each bucket: · none, █ %s, mean %s; > moving, * by RPS map\n",
		most, mean);
}

/* ---- all of it ---- */

static void port_title(FILE *out, const json_t *port, unsigned flags)
{
	const char *name = read_text(port, "port");

	fputs(flags & RENDER_BOLD ? "\033[1m" : "", out);
	fputs("port ", out);
	text_print(out, name, strlen(name));
	fprintf(out, ", rx queue %u at worker %u: %u buckets, %u queue%s; RSS%s%s%s",
		(unsigned)read_count(port, "rx_queue"), (unsigned)read_count(port, "receiver"),
		(unsigned)read_count(port, "reta_size"), (unsigned)read_count(port, "queue_count"),
		read_count(port, "queue_count") == 1 ? "" : "s",
		json_is_true(json_object_get(port, "rps")) ? ", RPS" : "",
		json_is_true(json_object_get(port, "rfs")) ? ", RFS" : "",
		json_is_true(json_object_get(port, "balanced")) ? ", balanced" : "");
	fputs(flags & RENDER_BOLD ? "\033[0m\n" : "\n", out);
}

static void render_port(FILE *out, const json_t *port, unsigned flags)
{
	const json_t *queues = json_object_get(port, "queues");

	fputc('\n', out);
	port_title(out, port, flags);
	moves_lines(out, port);
	rfs_line(out, port);
	if (json_array_size(queues) > 0)
		fputc('\n', out);
	render_queues(out, queues, flags);
	fputc('\n', out);
	render_grid(out, json_object_get(port, "buckets"));
}

static void render_whole(FILE *out, const json_t *steering, unsigned flags)
{
	const json_t *rfs = json_object_get(steering, "rfs"), *port;
	const json_t *ports = json_object_get(steering, "ports");
	char used[32], entries[32];
	size_t i;

	if (json_is_object(rfs))
		fprintf(out, "RFS: %s of %s entries of rps_sock_flow_entries name a consumer\n",
			count_of(used, rfs, "consumers_used"),
			count_of(entries, rfs, "consumer_entries"));
	if (json_is_object(rfs) || json_is_object(json_object_get(steering, "balancer")))
		fputc('\n', out);
	render_loads(out, json_object_get(steering, "workers"), flags);
	json_array_foreach (ports, i, port)
		render_port(out, port, flags);
	if (json_array_size(ports) == 0)
		fprintf(out, "no steering in software: packets stay where they are received\n");
}

void render_steering(FILE *out, const json_t *steering, unsigned flags)
{
	const json_t *balancer = json_object_get(steering, "balancer");
	const json_t *workers = json_object_get(steering, "workers");

	if (json_is_object(balancer))
		balancer_line(out, balancer, json_array_size(workers));
	if (json_is_array(workers))
		render_whole(out, steering, flags);
}
