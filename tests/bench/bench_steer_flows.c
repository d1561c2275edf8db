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
#include <sys/mman.h>

#include "base/clock.h"
#include "steering/steer.h"

enum { BURST = 32, WORKERS = 4, QUEUES = 8, ROUNDS = 11, PASS_BURSTS = 1 << 14 };
enum { ENTRIES = 1 << 20, FEW_FLOWS = 1 << 10, MANY_FLOWS = 1 << 20 };
enum { PACKETS = 1 << 20 }; /* the order in which they come; a pass takes half of it */
enum { HUGE_PAGE_BYTES = 2 << 20 };

struct scene {
	uint32_t flows;
	uint32_t *hashes; /* [PACKETS] */
	struct steer_table *table;
	struct steer *steer;
	struct steer_backlog backlogs[WORKERS];
	uint64_t drained[WORKERS];
	unsigned next;
	double cycles[ROUNDS];
};

static bool all_huge = true;

/* As weir has its tables: in huge pages where there are any. */
static void *table_memory(size_t bytes)
{
	size_t rounded = (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	void *memory = mmap(NULL, rounded, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);

	if (memory == MAP_FAILED) {
		all_huge = false;
		memory = mmap(NULL, rounded, PROT_READ | PROT_WRITE, flags, -1, 0);
	}
	if (memory == MAP_FAILED) {
		fprintf(stderr, "bench_steer_flows: out of memory\n");
		exit(EXIT_FAILURE);
	}
	return memory;
}

/* Its lower bits are an entry of the flow's own: an odd multiple permutes them. The upper ones,
 * which choose among an RPS map's workers, are as good as random. */
static uint32_t flow_hash(uint32_t flow)
{
	uint32_t entry = flow * 2654435761u & (ENTRIES - 1);
	uint32_t upper = (flow + 1) * 2246822519u;

	return (upper & ~(uint32_t)(ENTRIES - 1)) | entry;
}

static void scene_table(struct scene *scene, struct rfs_consumers *consumers)
{
	struct steer_table *table = scene->table;

	reta_fill_equal(&table->reta, RETA_SIZE_MIN, QUEUES);
	table->worker_count = WORKERS;
	table->has_rps = true;
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		table->queue_worker[queue] = (uint8_t)(queue % WORKERS);
		table->rps[queue] = (struct rps_map){.count = WORKERS, .workers = {0, 1, 2, 3}};
	}
	for (unsigned cpu = 0; cpu < STEERING_CPUS_MAX; cpu++)
		table->cpu_worker[cpu] = (uint8_t)(cpu % WORKERS);
	table->consumers = consumers;
	table->flows = table_memory(rfs_flows_bytes(ENTRIES));
	rfs_flows_init(table->flows, ENTRIES);
}

static void scene_init(struct scene *scene, uint32_t flows)
{
	struct rfs_consumers *consumers = table_memory(rfs_consumers_bytes(ENTRIES));

	scene->flows = flows;
	scene->hashes = table_memory(PACKETS * sizeof(*scene->hashes));
	scene->table = table_memory(sizeof(*scene->table));
	scene->steer = table_memory(sizeof(*scene->steer));
	rfs_consumers_init(consumers, ENTRIES);
	scene_table(scene, consumers);
	for (unsigned worker = 0; worker < WORKERS; worker++)
		scene->backlogs[worker].drained_now = &scene->drained[worker];
	steer_init(scene->steer, scene->table, scene->backlogs, NULL, 0);
	for (uint32_t flow = 0; flow < flows; flow++)
		rfs_record(consumers, flow_hash(flow), flow % WORKERS);
	for (unsigned i = 0; i < PACKETS; i++)
		scene->hashes[i] = flow_hash((uint32_t)random() % flows);
}

/* Cycles a packet. */
static double measure(struct scene *scene)
{
	struct steer_route routes[BURST];
	uint64_t start = tsc_now();

	for (unsigned burst = 0; burst < PASS_BURSTS; burst++) {
		uint64_t given[WORKERS] = {0};

		steer_burst(scene->steer, scene->hashes + scene->next, BURST, routes);
		scene->next = (scene->next + BURST) % PACKETS;
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
	return scene->steer->counters.rfs_hits == passes * PASS_BURSTS * BURST;
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
		all_huge ? "" : " (no huge pages)", many->cycles[ROUNDS / 2], many->cycles[0],
		many->cycles[ROUNDS - 1], few->cycles[ROUNDS / 2], few->cycles[0],
		few->cycles[ROUNDS - 1], ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	static struct scene few, many;

	srandom(1);
	scene_init(&few, FEW_FLOWS);
	scene_init(&many, MANY_FLOWS);
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
