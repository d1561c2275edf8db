/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles a packet of RSS + RPS + RFS with a million flows, next to the same with a thousand (see
 * flow_tables.h): the decision alone, and the whole receive step, which finds headers and hashes
 * before it. What that finds is thrown away: the decision's hashes come from the flows. No rings:
 * workers come out. The two alternate.
 *
 *     bench_steer_flows [--json]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow_tables.h"
#include "steering/receive.h"
#include "udp_frames.h"

enum { BURST = 32, FRAMES = 512, WORKERS = 4, ROUNDS = 11, PASS_BURSTS = 1 << 14 };

struct scene {
	struct flow_tables tables;
	struct steer steer;
	struct steer_backlog backlogs[WORKERS];
	uint64_t drained[WORKERS];
	unsigned next;
	double cycles[ROUNDS];
};

static struct rte_mbuf *frames[FRAMES];
static struct rss_hash hash;
static struct scene few, many;

static void scene_init(struct scene *scene, uint32_t flows)
{
	if (!flow_tables_make(&scene->tables, flows, 0, WORKERS)) {
		fprintf(stderr, "bench_steer_flows: out of memory\n");
		exit(EXIT_FAILURE);
	}
	for (unsigned worker = 0; worker < WORKERS; worker++)
		scene->backlogs[worker].drained_now = &scene->drained[worker];
	steer_init(&scene->steer, &scene->tables.table, scene->backlogs, NULL, 0);
}

/* Cycles a packet. */
static double measure(struct scene *scene, bool whole)
{
	uint32_t found[BURST];
	struct steer_route routes[BURST];
	uint64_t start = tsc_now();

	for (unsigned burst = 0; burst < PASS_BURSTS; burst++) {
		uint64_t given[WORKERS] = {0};

		if (whole)
			receive_parse_rss(
				&hash, false, &frames[burst * BURST % FRAMES], BURST, found);
		steer_burst(&scene->steer, scene->tables.hashes + scene->next, BURST, routes);
		scene->next = (scene->next + BURST) % FLOW_TABLES_PACKETS;
		for (unsigned i = 0; i < BURST; i++)
			given[routes[i].worker]++;
		for (unsigned worker = 0; worker < WORKERS; worker++)
			scene->backlogs[worker].pushed += given[worker];
	}
	return (double)(tsc_now() - start) / ((double)PASS_BURSTS * BURST);
}

/* What was measured must have been RFS, for each packet. */
static bool all_hit(const struct scene *scene, uint64_t passes)
{
	return scene->steer.counters.rfs_hits == passes * PASS_BURSTS * BURST;
}

static int compare_doubles(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static void print(const char *what, bool json, bool first)
{
	double ratios[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++)
		ratios[i] = many.cycles[i] / few.cycles[i];
	qsort(ratios, ROUNDS, sizeof(*ratios), compare_doubles);
	qsort(few.cycles, ROUNDS, sizeof(*few.cycles), compare_doubles);
	qsort(many.cycles, ROUNDS, sizeof(*many.cycles), compare_doubles);
	if (json && !first)
		printf(",");
	printf(json ? "{\"case\":\"RSS+RPS+RFS, 1 M flows, %s%s\",\"unit\":\"cycles/packet\","
		      "\"weir\":%.2f,\"weir_min\":%.2f,\"weir_max\":%.2f,"
		      "\"peer\":\"the same, 1 k flows\",\"peer_value\":%.2f,\"peer_min\":%.2f,"
		      "\"peer_max\":%.2f,\"ratio\":%.3f,\"ratio_min\":%.3f,\"ratio_max\":%.3f,"
		      "\"goal\":\"<= 1.5x\"}"
		    : "RSS+RPS+RFS, %s%s: cycles a packet, medians of alternations [min-max]\n"
		      "1 M flows %6.1f [%5.1f-%5.1f]\n1 k flows %6.1f [%5.1f-%5.1f]\n"
		      "ratio     %6.2f [%5.2f-%5.2f]  <= 1.5x\n",
		what, few.tables.huge && many.tables.huge ? "" : " (no huge pages)",
		many.cycles[ROUNDS / 2], many.cycles[0], many.cycles[ROUNDS - 1],
		few.cycles[ROUNDS / 2], few.cycles[0], few.cycles[ROUNDS - 1], ratios[ROUNDS / 2],
		ratios[0], ratios[ROUNDS - 1]);
}

static void run(const char *what, bool whole, bool json, bool first)
{
	measure(&few, whole);
	measure(&many, whole);
	for (unsigned round = 0; round < ROUNDS; round++) {
		few.cycles[round] = measure(&few, whole);
		many.cycles[round] = measure(&many, whole);
	}
	print(what, json, first);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

	srandom(1);
	scene_init(&few, FLOW_TABLES_FEW);
	scene_init(&many, FLOW_TABLES_MANY);
	rss_hash_init(&hash, toeplitz_key_microsoft, NULL, RSS_TRANSFORM_NONE, false);
	if (!udp_frames_make(frames, FRAMES)) {
		fprintf(stderr, "bench_steer_flows: out of memory\n");
		return EXIT_FAILURE;
	}
	if (json)
		printf("{\"name\":\"steer_flows\",\"rows\":[");
	run("decision", false, json, true);
	run("headers, hash and decision", true, json, false);
	if (json)
		printf("]}\n");
	fflush(stdout);
	if (!all_hit(&few, 2 * (ROUNDS + 1)) || !all_hit(&many, 2 * (ROUNDS + 1))) {
		fprintf(stderr, "bench_steer_flows: not every packet met its flow's consumer\n");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
