/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles a packet of the whole decision of RSS + RPS + RFS with a million flows, next to the same
 * with a thousand: rps_sock_flow_entries and rps_flow_cnt are a million in both, every flow has
 * entries of its own and a known consumer, and packets come in random order. No packets, no rings:
 * hashes in, workers out. The two alternate.
 *
 *     bench_steer_flows [--json]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow_tables.h"

enum { BURST = 32, WORKERS = 4, ROUNDS = 11, PASS_BURSTS = 1 << 14 };

struct scene {
	struct flow_tables tables;
	struct steer steer;
	struct steer_backlog backlogs[WORKERS];
	uint64_t drained[WORKERS];
	unsigned next;
	double cycles[ROUNDS];
};

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
static double measure(struct scene *scene)
{
	struct steer_route routes[BURST];
	uint64_t start = tsc_now();

	for (unsigned burst = 0; burst < PASS_BURSTS; burst++) {
		uint64_t given[WORKERS] = {0};

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

static void print(struct scene *few, struct scene *many, bool json)
{
	double ratios[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++)
		ratios[i] = many->cycles[i] / few->cycles[i];
	qsort(ratios, ROUNDS, sizeof(*ratios), compare_doubles);
	qsort(few->cycles, ROUNDS, sizeof(*few->cycles), compare_doubles);
	qsort(many->cycles, ROUNDS, sizeof(*many->cycles), compare_doubles);
	printf(json ? "{\"name\":\"steer_flows\",\"rows\":[{\"case\":\"RSS+RPS+RFS, 1 M flows%s\","
		      "\"unit\":\"cycles/"
		      "packet\",\"weir\":%.2f,\"weir_min\":%.2f,\"weir_max\":%.2f,"
		      "\"peer\":\"the same, 1 k flows\",\"peer_value\":%.2f,\"peer_min\":%.2f,"
		      "\"peer_max\":%.2f,\"ratio\":%.3f,\"ratio_min\":%.3f,\"ratio_max\":%.3f,"
		      "\"goal\":\"<= 1.5x\"}]}\n"
		    : "RSS+RPS+RFS, cycles a packet, medians of alternations [min-max]%s\n"
		      "1 M flows %6.1f [%5.1f-%5.1f]\n1 k flows %6.1f [%5.1f-%5.1f]\n"
		      "ratio     %6.2f [%5.2f-%5.2f]  <= 1.5x\n",
		few->tables.huge && many->tables.huge ? "" : " (no huge pages)",
		many->cycles[ROUNDS / 2], many->cycles[0], many->cycles[ROUNDS - 1],
		few->cycles[ROUNDS / 2], few->cycles[0], few->cycles[ROUNDS - 1],
		ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	static struct scene few, many;

	srandom(1);
	scene_init(&few, FLOW_TABLES_FEW);
	scene_init(&many, FLOW_TABLES_MANY);
	measure(&few);
	measure(&many);
	for (unsigned round = 0; round < ROUNDS; round++) {
		few.cycles[round] = measure(&few);
		many.cycles[round] = measure(&many);
	}
	if (!all_hit(&few, ROUNDS + 1) || !all_hit(&many, ROUNDS + 1)) {
		fprintf(stderr, "bench_steer_flows: not every packet met its flow's consumer\n");
		return EXIT_FAILURE;
	}
	print(&few, &many, json);
	return EXIT_SUCCESS;
}
