/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of points, and the taps that they stand for on each worker. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/capture_internal.h"
#include "engine/stages/stages.h"

/* All places of one worker where taps may be. */
struct capture_taps {
	struct capture_tap rx, tx, drop;
	struct capture_tap between[][PIPELINE_TAPS]; /* by pipeline */
};

/* ---- names ---- */

static const char *const place_names[] = {
	[CAPTURE_RX] = "rx",
	[CAPTURE_STEERED] = "steered",
	[CAPTURE_GRO] = "gro",
	[CAPTURE_GSO] = "gso",
	[CAPTURE_TX] = "tx",
	[CAPTURE_DROP] = "drop",
};

/* The position of the one stage of this type; -1: there is none, -2: there are several. */
static int stage_of_type(const struct config_pipeline *pipeline, const char *type)
{
	int found = -1;

	for (int s = 0; s < pipeline->stage_count; s++)
		if (strcmp(pipeline->stages[s].type, type) == 0)
			found = found == -1 ? s : -2;
	return found;
}

static bool number_parse(const char *name, int *ret_stage)
{
	char *end;
	unsigned long number;

	if (strncmp(name, "stage", 5) != 0 || name[5] < '0' || name[5] > '9')
		return false;
	number = strtoul(name + 5, &end, 10);
	*ret_stage = number < CONFIG_STAGES_MAX ? (int)number : CONFIG_STAGES_MAX;
	return *end == '\0';
}

/* By number or type, at least one pipeline has it. */
static int stage_parse(
	const struct config *config, struct capture_point *point, struct error *error)
{
	bool by_number = number_parse(point->name, &point->stage);
	bool there_is = false, several = false;

	if (!by_number)
		point->stage = -1;
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &config->pipelines[i];
		int stage = by_number ? point->stage : stage_of_type(pipeline, point->name);

		there_is |= stage >= 0 && stage < pipeline->stage_count;
		several |= stage == -2;
	}
	point->place = CAPTURE_STAGE;
	if (several)
		return error_set(error, EINVAL,
			"there are several stages \"%s\" in a pipeline: say which by its place, "
			"such as stage0",
			point->name);
	if (!there_is)
		return error_set(error, EINVAL,
			by_number ? "no pipeline has a %s"
				  : "there is no point \"%s\": expected rx, steered, gro, gso, tx, "
				    "drop, stage0, stage1, ... or the type of a stage",
			point->name);
	return 0;
}

static int point_parse(const struct config *config, const char *name, struct capture_point *point,
	struct error *error)
{
	if (strlen(name) >= sizeof(point->name))
		return error_set(error, EINVAL, "there is no point \"%.40s...\"", name);
	snprintf(point->name, sizeof(point->name), "%s", name);
	for (unsigned i = 0; i < sizeof(place_names) / sizeof(place_names[0]); i++)
		if (place_names[i] != NULL && strcmp(place_names[i], name) == 0) {
			point->place = (enum capture_place)i;
			return 0;
		}
	return stage_parse(config, point, error);
}

int capture_points_parse(struct capture *capture, const char *const *names, struct error *error)
{
	for (; *names != NULL; names++) {
		int result;

		for (unsigned i = 0; i < capture->point_count; i++)
			if (strcmp(capture->points[i].name, *names) == 0)
				return error_set(error, EINVAL, "%s is named twice", *names);
		if (capture->point_count == CAPTURE_POINTS_MAX)
			return error_set(
				error, EINVAL, "more than %d points at once", CAPTURE_POINTS_MAX);
		result = point_parse(capture->engine->config, *names,
			&capture->points[capture->point_count], error);
		if (result != 0)
			return result;
		capture->point_count++;
	}
	if (capture->point_count == 0)
		return error_set(error, EINVAL, "name a point to capture at");
	return 0;
}

/* ---- taps ---- */

/* Which of the pipeline's taps a point is; -1: none of them. */
static int tap_of_point(const struct pipeline *pipeline, const struct capture_point *point)
{
	const struct config_pipeline *config =
		&pipeline->worker->engine->config->pipelines[pipeline->index];
	int stage;

	switch (point->place) {
	case CAPTURE_STEERED: return 0;
	case CAPTURE_GRO:
		stage = stage_of_type(config, gro_stage.name);
		return stage >= 0 ? SLOT_STAGES + stage + 1 : SLOT_GRO + 1;
	case CAPTURE_STAGE:
		stage = point->stage >= 0 ? point->stage : stage_of_type(config, point->name);
		return stage >= 0 && stage < config->stage_count ? SLOT_STAGES + stage + 1 : -1;
	case CAPTURE_GSO: return pipeline->stage_count;
	case CAPTURE_RX:
	case CAPTURE_TX:
	case CAPTURE_DROP: break;
	}
	return -1;
}

static void tap_add(
	struct capture_tap *tap, struct capture_lane *lane, unsigned point, bool numbers)
{
	if (tap->count == CAPTURE_TAKERS_MAX)
		return;
	tap->takers[tap->count++] =
		(struct capture_taker){.lane = lane, .point = (uint8_t)point, .numbers = numbers};
}

static void add_point(const struct worker *worker, struct capture_taps *taps,
	struct capture *capture, unsigned index)
{
	const struct capture_point *point = &capture->points[index];
	struct capture_lane *lane = &capture->lanes[worker->index];

	if (point->place == CAPTURE_RX)
		tap_add(&taps->rx, lane, index, lane->traces);
	else if (point->place == CAPTURE_TX)
		tap_add(&taps->tx, lane, index, false);
	else if (point->place == CAPTURE_DROP)
		tap_add(&taps->drop, lane, index, false);
	for (unsigned i = 0; i < worker->engine->config->pipeline_count; i++) {
		int tap = tap_of_point(&worker->pipelines[i], point);

		if (tap >= 0)
			tap_add(&taps->between[i][tap], lane, index, false);
	}
}

static const struct capture_tap *in_use(const struct capture_tap *tap)
{
	return tap->count > 0 ? tap : NULL;
}

static void pipeline_attach(
	struct pipeline *pipeline, struct capture_tap between[], const struct drop_watch *watch)
{
	for (unsigned t = 0; t <= pipeline->stage_count; t++) {
		pipeline->taps[t].ops = between[t].count > 0 ? &capture_stage : NULL;
		pipeline->taps[t].state = &between[t];
	}
	for (unsigned s = 0; s < pipeline->stage_count; s++)
		pipeline->stages[s].watch = watch;
}

static void worker_attach(struct worker *worker, struct capture_taps *taps)
{
	const struct engine *engine = worker->engine;
	const struct drop_watch *watch = taps->drop.count > 0 ? &taps->drop.watch : NULL;

	worker->drop_watch = watch;
	for (unsigned i = 0; i < worker->poll_count; i++)
		worker->polls[i].tap = in_use(&taps->rx);
	for (unsigned p = 0; p < engine->port_count; p++)
		worker->transmits[p].tap = in_use(&taps->tx);
	for (unsigned i = 0; i < engine->config->pipeline_count; i++)
		pipeline_attach(&worker->pipelines[i], taps->between[i], watch);
}

static struct capture_taps *taps_of(struct engine *engine, unsigned worker)
{
	size_t bytes = sizeof(struct capture_taps) +
		engine->config->pipeline_count * PIPELINE_TAPS * sizeof(struct capture_tap);

	if (engine->capture_taps[worker] == NULL)
		engine->capture_taps[worker] = malloc(bytes);
	if (engine->capture_taps[worker] != NULL) {
		memset(engine->capture_taps[worker], 0, bytes);
		engine->capture_taps[worker]->drop.watch.dropped = capture_dropped;
	}
	return engine->capture_taps[worker];
}

int capture_taps_set(struct engine *engine, struct error *error)
{
	for (unsigned w = 0; w < engine->worker_count; w++) {
		struct capture_taps *taps = taps_of(engine, w);

		if (taps == NULL)
			return error_set(error, ENOMEM, "no memory for taps");
		for (unsigned c = 0; c < CAPTURES_MAX; c++) {
			struct capture *capture = engine->captures[c];

			if (capture == NULL || __atomic_load_n(&capture->over, __ATOMIC_ACQUIRE))
				continue;
			for (unsigned i = 0; i < capture->point_count; i++)
				add_point(engine->workers[w], taps, capture, i);
		}
		worker_attach(engine->workers[w], taps);
	}
	engine_link_again(engine);
	return 0;
}

void capture_taps_free(struct engine *engine)
{
	for (unsigned w = 0; w < engine->worker_count; w++)
		free(engine->capture_taps[w]);
}
