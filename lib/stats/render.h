/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Turns the JSON form of statistics (snapshot_json.h) and replies of commands into what a person
 * reads. The periodic table, the final summary, `weir show` and the console all print through here.
 */
#ifndef WEIR_STATS_RENDER_H
#define WEIR_STATS_RENDER_H

#include <stdio.h>

#include <jansson.h>

/* What there is to show. A section's name is what `show` takes and its member in the JSON. */
enum section_id {
	SECTION_PORTS,
	SECTION_QUEUES,
	SECTION_WORKERS,
	SECTION_STAGES,
	SECTION_MEMORY,
	SECTION_SOFTNET,
	SECTION_LATENCY,
	SECTION_STEERING,
	SECTION_FLOWS,
	SECTION_DROPS,
	SECTION_ACCOUNT,
	SECTION_ORDER,
	SECTION_CONFIG,
	SECTION_SETTINGS,
	SECTION_COMMANDS,
	SECTION_RDMA,
	SECTION_COUNT
};

#define SECTION_BIT(id) (1u << SECTION_##id)

enum {
	RENDER_PERIODIC = SECTION_BIT(PORTS) | SECTION_BIT(WORKERS) | SECTION_BIT(LATENCY) |
		SECTION_BIT(STEERING) | SECTION_BIT(DROPS),
	/* Read by weir show only when named: long. */
	RENDER_STEERING = SECTION_BIT(STEERING) | SECTION_BIT(FLOWS) | SECTION_BIT(SOFTNET),
	RENDER_SUMMARY = RENDER_PERIODIC | SECTION_BIT(ACCOUNT) | SECTION_BIT(ORDER),
	RENDER_ALL_COUNTERS =
		RENDER_SUMMARY | SECTION_BIT(QUEUES) | SECTION_BIT(STAGES) | SECTION_BIT(MEMORY),
	RENDER_WHATEVER = (1u << SECTION_COUNT) - 1, /* every section that is there */
};

/* Flags of how. */
enum {
	RENDER_IDLE = 1 << 0, /* what saw no packet too */
	RENDER_DETAILS = 1 << 1, /* further columns */
	RENDER_BOLD = 1 << 2, /* titles in bold: a terminal */
	RENDER_RAW = 1 << 3, /* softnet as the kernel's softnet_stat, and nothing else */
};

struct section {
	const char *name;
	const char *help;
	void (*render)(FILE *out, const json_t *object, unsigned flags);
};

extern const struct section sections[SECTION_COUNT];

/* Prints a line about the moment and those of the sections that `object` has. */
void render(FILE *out, const json_t *object, unsigned which, unsigned flags);

/* Inside stats/: the sections that have files of their own. */
void render_rdma(FILE *out, const json_t *rdma, unsigned flags);
void render_order(FILE *out, const json_t *order, unsigned flags);
void render_settings(FILE *out, const json_t *settings, unsigned flags);
void render_changes(FILE *out, const json_t *object);
void render_workers(FILE *out, const json_t *workers, unsigned flags);
void render_softnet(FILE *out, const json_t *softnet, unsigned flags);
void render_softnet_raw(FILE *out, const json_t *softnet);
void render_steering(FILE *out, const json_t *steering, unsigned flags);
void render_flows(FILE *out, const json_t *flows, unsigned flags);
/* Of one port as ethtool -k; of several side by side. */
void render_features(FILE *out, const json_t *ports, unsigned flags);
void render_feature_changes(FILE *out, const json_t *ports);

#endif
