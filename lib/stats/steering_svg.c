/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/steering_svg.h"

#include <stdlib.h>

#include "base/units.h"
#include "stats/json_read.h"
#include "stats/steering_picture.h"
#include "stats/svg.h"

/* Columns, in pixels from the left. */
enum {
	WIDTH = 1400,
	MARGIN = 24,
	FLOW_NODE = 344,
	FLOW_NODE_WIDTH = 12,
	RETA = 520,
	RETA_STRIP = 10,
	RETA_BAR_MAX = 110,
	QUEUE = 800,
	QUEUE_WIDTH = 124,
	WORKER = 1080,
	WORKER_WIDTH = 14,
	WORKER_TEXT = 1104,
	WORKER_BAR = 200,
	HEADING = 96, /* above the columns of a panel */
	LEGEND = 64, /* and below */
	PANELS_MAX = 4
};

static const char style[] =
	"<style>\n"
	"text { font-family: 'DejaVu Sans', Arial, Helvetica, sans-serif; font-size: 10px; "
	"fill: #202124; }\n"
	".title { font-size: 17px; font-weight: bold; }\n"
	".column { font-size: 12px; font-weight: bold; fill: #3c4043; }\n"
	".name { font-size: 12px; font-weight: bold; }\n"
	".note { fill: #5f6368; }\n"
	".right { fill: #5f6368; text-anchor: end; }\n"
	".middle { text-anchor: middle; }\n"
	"</style>\n";

static char *rate(
	char text[static UNITS_TEXT_MAX], const json_t *object, const char *name, const char *unit)
{
	return units_format_rate(text, UNITS_TEXT_MAX, (double)read_count(object, name), unit);
}

static char *duration(char text[static UNITS_TEXT_MAX], const json_t *object, const char *name)
{
	return units_format_time(text, UNITS_TEXT_MAX, (double)read_count(object, name));
}

/* ---- flows ---- */

static void draw_flow_text(FILE *out, const struct picture_flow *flow)
{
	double y = (flow->slot.top + flow->slot.bottom) / 2;
	char pps[UNITS_TEXT_MAX], bps[UNITS_TEXT_MAX];

	if (flow->json == NULL) {
		svg_text(out, MARGIN, y + 4, "text", "all other flows");
		return;
	}
	svg_text(out, MARGIN, y - 9, "text", "%s", read_text(flow->json, "source"));
	svg_text(out, MARGIN, y + 4, "text", "\u2192 %s %s", read_text(flow->json, "destination"),
		read_text(flow->json, "protocol"));
	svg_text(out, MARGIN, y + 17, "note", "%.1f %% \u00b7 %s \u00b7 %s \u00b7 %s",
		read_real(flow->json, "share_percent"), rate(pps, flow->json, "pps", "pps"),
		rate(bps, flow->json, "bps", "bit/s"), read_text(flow->json, "by"));
}

static void draw_flows(FILE *out, const struct picture *picture, double top)
{
	const struct svg_span whole = {top, top + picture->height};
	char colour[SVG_COLOUR_BYTES];

	/* The broad faint band first, the biggest flow last. */
	for (unsigned i = picture->flow_count; i-- > 0;) {
		const struct picture_flow *flow = &picture->flows[i];

		svg_colour(colour, flow->worker);
		if (flow->json == NULL && flow->pps > 0)
			svg_ribbon(out, FLOW_NODE + FLOW_NODE_WIDTH, &flow->span, RETA, &whole,
				colour, 0.13);
		else if (flow->bucket >= 0)
			svg_ribbon(out, FLOW_NODE + FLOW_NODE_WIDTH, &flow->span, RETA,
				&picture->buckets[flow->bucket].span, colour, 0.5);
		svg_rect(out, FLOW_NODE, &flow->span, FLOW_NODE_WIDTH, colour);
		draw_flow_text(out, flow);
	}
}

/* ---- buckets ---- */

static void draw_bucket(
	FILE *out, const struct picture *picture, const struct picture_bucket *bucket)
{
	double gap = picture->bucket_count <= 128 ? 0.6 : 0.1;
	const struct svg_span span = {bucket->span.top, bucket->span.bottom - gap};
	double share = picture->busiest_pps > 0 ? bucket->pps / picture->busiest_pps : 0;
	char colour[SVG_COLOUR_BYTES];

	svg_colour(colour, bucket->worker);
	svg_rect(out, RETA, &span, RETA_STRIP, colour);
	svg_rect_open(out, RETA + RETA_STRIP, &span, share * RETA_BAR_MAX, colour);
	fprintf(out, "<title>bucket %u, queue %u, ", bucket->number,
		picture->queues[bucket->queue].number);
	if (bucket->worker >= 0)
		fprintf(out, "worker %d, ", bucket->worker);
	fprintf(out, "%.0f packets/s</title></rect>\n", bucket->pps);
}

/* ---- queues ---- */

/* The buckets of a queue that go to one worker, as one band; they stand one below the other. */
static void draw_into_queues(FILE *out, const struct picture *picture)
{
	unsigned first = 0, done[PICTURE_QUEUES] = {0};
	char colour[SVG_COLOUR_BYTES];

	for (unsigned i = 1; i <= picture->bucket_count; i++) {
		const struct picture_bucket *start = &picture->buckets[first];
		const struct picture_queue *queue = &picture->queues[start->queue];
		double size = (queue->span.bottom - queue->span.top) / queue->buckets;
		struct svg_span from = {start->span.top, picture->buckets[i - 1].span.bottom}, to;

		if (i < picture->bucket_count && picture->buckets[i].queue == start->queue &&
			picture->buckets[i].worker == start->worker)
			continue;
		to.top = queue->span.top + done[start->queue] * size;
		done[start->queue] += i - first;
		to.bottom = queue->span.top + done[start->queue] * size;
		svg_ribbon(out, RETA + RETA_STRIP + RETA_BAR_MAX + 4, &from, QUEUE, &to,
			svg_colour(colour, start->worker), 0.25);
		first = i;
	}
}

static double weight_of(const struct picture_queue *queue, unsigned worker_count)
{
	double all = 0;

	for (unsigned w = 0; w < worker_count; w++)
		all += queue->weights[w];
	return all;
}

static void draw_out_of_queues(FILE *out, const struct picture *picture)
{
	double taken[PICTURE_WORKERS] = {0};
	char colour[SVG_COLOUR_BYTES];

	for (unsigned i = 0; i < picture->queue_count; i++) {
		const struct picture_queue *queue = &picture->queues[i];
		double all = weight_of(queue, picture->worker_count), given = 0;

		for (unsigned w = 0; w < picture->worker_count && all > 0; w++) {
			const struct picture_worker *worker = &picture->workers[w];
			double size = queue->span.bottom - queue->span.top;
			double room = worker->span.bottom - worker->span.top;
			struct svg_span from, to;

			if (queue->weights[w] <= 0)
				continue;
			from.top = queue->span.top + given / all * size;
			given += queue->weights[w];
			from.bottom = queue->span.top + given / all * size;
			to.top = worker->span.top + taken[w] / worker->weight * room;
			taken[w] += queue->weights[w];
			to.bottom = worker->span.top + taken[w] / worker->weight * room;
			svg_ribbon(out, QUEUE + QUEUE_WIDTH, &from, WORKER, &to,
				svg_colour(colour, (int)w), 0.4);
		}
	}
}

static void draw_queue(FILE *out, const struct picture_queue *queue)
{
	char pps[UNITS_TEXT_MAX], colour[SVG_COLOUR_BYTES];
	double y = (queue->span.top + queue->span.bottom) / 2;

	svg_rect(out, QUEUE, &queue->span, QUEUE_WIDTH, "#ffffff");
	fprintf(out,
		"<rect x=\"%d\" y=\"%.2f\" width=\"%d\" height=\"%.2f\" fill=\"none\" "
		"stroke=\"%s\"/>\n",
		QUEUE, queue->span.top, QUEUE_WIDTH, queue->span.bottom - queue->span.top,
		svg_colour(colour, queue->worker));
	svg_text(out, QUEUE + QUEUE_WIDTH / 2.0, y + 3.5, "middle", "queue %u \u00b7 %s",
		queue->number, units_format_rate(pps, sizeof(pps), queue->pps, "pps"));
}

/* ---- workers ---- */

static void draw_worker(FILE *out, const struct picture_worker *worker, unsigned number)
{
	double busy = read_real(worker->json, "busy_percent");
	double y = (worker->slot.top + worker->slot.bottom) / 2;
	const struct svg_span bar = {y - 6, y + 5};
	char pps[UNITS_TEXT_MAX], colour[SVG_COLOUR_BYTES];

	busy = busy < 0 ? 0 : busy > 100 ? 100 : busy;
	svg_colour(colour, (int)number);
	svg_rect(out, WORKER, &worker->span, WORKER_WIDTH, colour);
	svg_text(out, WORKER_TEXT, y - 12, "name", "worker %u \u00b7 CPU %d \u00b7 node %s",
		(unsigned)read_count(worker->json, "worker"),
		(int)json_integer_value(json_object_get(worker->json, "cpu")),
		read_node(worker->json));
	svg_rect(out, WORKER_TEXT, &bar, WORKER_BAR, "#e8eaed");
	svg_rect(out, WORKER_TEXT, &bar, busy * WORKER_BAR / 100, colour);
	svg_text(out, WORKER_TEXT + WORKER_BAR + 8, y + 3, "text", "%.0f %% busy",
		read_real(worker->json, "busy_percent"));
	svg_text(out, WORKER_TEXT, y + 19, "note", "%s \u00b7 %.0f cycles/packet \u00b7 backlog %u",
		rate(pps, worker->json, "pps", "pps"), read_real(worker->json, "cycles_per_packet"),
		(unsigned)read_count(worker->json, "backlog_len"));
}

/* ---- a panel ---- */

static void draw_heading(FILE *out, const json_t *object, const json_t *port, double top)
{
	const json_t *balancer = json_object_get(json_object_get(object, "steering"), "balancer");
	char interval[UNITS_TEXT_MAX], pps[UNITS_TEXT_MAX], park[UNITS_TEXT_MAX], even[96] = "";

	svg_text(out, MARGIN, top + 30, "title", "Steering of port %s, rx queue %u, at worker %u",
		read_text(port, "port"), (unsigned)read_count(port, "rx_queue"),
		(unsigned)read_count(port, "receiver"));
	svg_text(out, WIDTH - MARGIN, top + 30, "right", "weir \u00b7 %s \u00b7 rates over %s",
		read_text(object, "time"), duration(interval, object, "interval_ns"));
	if (json_is_object(balancer))
		snprintf(even, sizeof(even), " \u00b7 max/mean load %.2f",
			read_real(balancer, "max_over_mean"));
	svg_text(out, MARGIN, top + 50, "note",
		"%s received \u00b7 RSS%s%s%s%s \u00b7 %u bucket moves/s \u00b7 %u moving \u00b7 "
		"%u packets "
		"parked \u00b7 longest park %s",
		rate(pps, port, "pps", "pps"),
		json_is_true(json_object_get(port, "rps")) ? ", RPS" : "",
		json_is_true(json_object_get(port, "rfs")) ? ", RFS" : "",
		json_is_true(json_object_get(port, "balanced")) ? ", balanced" : "", even,
		(unsigned)read_count(port, "bucket_moves_per_s"),
		(unsigned)read_count(port, "moves_now"), (unsigned)read_count(port, "parked"),
		duration(park, port, "park_longest_ns"));
	svg_text(out, MARGIN, top + 82, "column", "Biggest flows");
	svg_text(out, RETA, top + 82, "column", "%u RETA buckets",
		(unsigned)read_count(port, "reta_size"));
	svg_text(out, QUEUE, top + 82, "column", "%u queue%s",
		(unsigned)read_count(port, "queue_count"),
		read_count(port, "queue_count") == 1 ? "" : "s");
	svg_text(out, WORKER, top + 82, "column", "Workers");
}

static void draw_legend(FILE *out, const struct picture *picture, double top)
{
	char most[UNITS_TEXT_MAX];

	svg_text(out, MARGIN, top + 26, "note",
		"Colours: the worker that gets the packets; grey: several, or on the move. "
		"Buckets: "
		"grouped by queue, bar: packets/s, the longest %s. Bands and boxes: by packets/s.",
		units_format_rate(most, sizeof(most), picture->busiest_pps, "pps"));
	svg_text(out, MARGIN, top + 42, "note",
		"A flow in another colour than its bucket is steered by RFS or RPS. Rates of "
		"buckets "
		"and queues are of packets that went where the bucket says.");
}

static void draw_panel(FILE *out, const json_t *object, const json_t *port,
	const struct picture *picture, double top)
{
	draw_heading(out, object, port, top);
	top += HEADING;
	draw_flows(out, picture, top);
	draw_into_queues(out, picture);
	draw_out_of_queues(out, picture);
	for (unsigned i = 0; i < picture->bucket_count; i++)
		draw_bucket(out, picture, &picture->buckets[i]);
	for (unsigned i = 0; i < picture->queue_count; i++)
		draw_queue(out, &picture->queues[i]);
	for (unsigned i = 0; i < picture->worker_count; i++)
		draw_worker(out, &picture->workers[i], i);
	draw_legend(out, picture, top + picture->height);
}

/* Ports that saw packets; the first where none did. Returns how many. */
static unsigned choose_ports(const json_t *ports, const json_t *ret_ports[PANELS_MAX])
{
	unsigned count = 0;
	const json_t *port;
	size_t i;

	json_array_foreach (ports, i, port) {
		if (read_count(port, "pps") > 0 && count < PANELS_MAX)
			ret_ports[count++] = port;
	}
	if (count == 0 && json_array_size(ports) > 0)
		ret_ports[count++] = json_array_get(ports, 0);
	return count;
}

void steering_svg(FILE *out, const json_t *object)
{
	const json_t *steering = json_object_get(object, "steering"), *ports[PANELS_MAX];
	unsigned count = choose_ports(json_object_get(steering, "ports"), ports), drawn = 0;
	struct picture *pictures = calloc(PANELS_MAX, sizeof(*pictures));
	double tops[PANELS_MAX], height = 0;

	for (unsigned i = 0; i < count && pictures != NULL; i++) {
		if (!picture_read(&pictures[drawn], ports[i], steering,
			    json_object_get(object, "flows"), height + HEADING))
			continue;
		ports[drawn] = ports[i];
		tops[drawn] = height;
		height += HEADING + pictures[drawn++].height + LEGEND;
	}
	if (drawn == 0)
		height = HEADING;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
		"viewBox=\"0 0 %d %.0f\">\n%s<rect width=\"100%%\" height=\"100%%\" "
		"fill=\"#ffffff\"/>\n",
		WIDTH, height, WIDTH, height, style);
	if (drawn == 0)
		svg_text(out, MARGIN, 50, "title", "No steering in software");
	for (unsigned i = 0; i < drawn; i++)
		draw_panel(out, object, ports[i], &pictures[i], tops[i]);
	fputs("</svg>\n", out);
	free(pictures);
}
