/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets a second from one steering core to one worker core: weir next to a bare rte_ring, DPDK's
 * distributor and its software event devices (dispatch*.c). All have the packets' hashes before
 * they start; once weir finds and computes them itself, while the others still do not have to. The
 * contenders take turns, and each is accounted for: a round that lost or made a packet, or did not
 * end in time, disqualifies it.
 *
 *     bench_dispatch [--json]
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "dispatch.h"
#include "udp_frames.h"

/* Short rounds, many of them: some of each contender then run undisturbed by other programs. */
enum { ROUNDS_MIN = 5, ROUNDS_MAX = 25, TRANSFERS = 1 << 18 };
enum { ROUND_SECONDS_MAX = 4, ROUNDS_SECONDS = 30, PROGRAM_SECONDS_MAX = 110 };

struct dispatch_packets dispatch_packets;

struct entry {
	const struct dispatch_contender *contender;
	const char *problem; /* NULL: measured in each round */
	double pps[ROUNDS_MAX];
};

enum { WEIR, WEIR_PARSING, WEIR_FEW, WEIR_MANY, RING, DISTRIBUTOR, EVENT_SW, EVENT_DSW };

static struct entry entries[] = {
	[WEIR] = {.contender = &dispatch_weir},
	[WEIR_PARSING] = {.contender = &dispatch_weir_parsing},
	[WEIR_FEW] = {.contender = &dispatch_weir_few},
	[WEIR_MANY] = {.contender = &dispatch_weir_many},
	[RING] = {.contender = &dispatch_ring},
	[DISTRIBUTOR] = {.contender = &dispatch_distributor},
	[EVENT_SW] = {.contender = &dispatch_event_sw},
	[EVENT_DSW] = {.contender = &dispatch_event_dsw},
};

static const struct comparison {
	const char *what;
	unsigned weir, peer;
	const char *goal; /* of weir's rate to the peer's */
} comparisons[] = {
	{"hash given", WEIR, RING, ""}, {"hash given", WEIR, DISTRIBUTOR, ">= 4x"},
	{"hash given", WEIR, EVENT_SW, ">= 5x"}, {"hash given", WEIR, EVENT_DSW, ">= 2x"},
	{"weir also parses and hashes", WEIR_PARSING, DISTRIBUTOR, ">= 1.5x"},
	{"RSS+RPS+RFS, 1 M flows", WEIR_MANY, WEIR_FEW,
		">= 0.667x"}, /* costs <= 1.5 times as much */
};

/* ---- the packets ---- */

static bool packets_make(void)
{
	if (!udp_frames_make(dispatch_packets.mbufs, DISPATCH_PACKETS))
		return false;
	for (unsigned i = 0; i < DISPATCH_PACKETS; i++) {
		dispatch_packets.hashes[i] = (uint32_t)rand() << 1 | 1;
		dispatch_packets.mbufs[i]->hash.rss = dispatch_packets.hashes[i];
		dispatch_packets.sum += (uintptr_t)dispatch_packets.mbufs[i];
	}
	return true;
}

/* ---- measuring ---- */

static const char *running = "setting up"; /* read by the signal handler */

/* The deadlines of the rounds cannot interrupt a library that spins. */
static void too_long(int signal_number)
{
	static const char before[] = "bench_dispatch: hangs in: ", after[] = "\n";

	(void)signal_number;
	if (write(STDERR_FILENO, before, sizeof(before) - 1) < 0 ||
		write(STDERR_FILENO, running, strlen(running)) < 0 ||
		write(STDERR_FILENO, after, sizeof(after) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

struct consumer {
	const struct dispatch_contender *contender;
	struct dispatch_round *round;
	bool ready; /* atomic. Writer: its thread */
};

static int consumer_main(void *argument)
{
	struct consumer *consumer = argument;
	struct dispatch_round *round = consumer->round;

	__atomic_store_n(&consumer->ready, true, __ATOMIC_RELEASE);
	consumer->contender->consume(round);
	if (round->last_tsc == 0)
		round->last_tsc = tsc_now();
	__atomic_store_n(&round->consumed, true, __ATOMIC_RELEASE);
	return 0;
}

static void measure(struct entry *entry, unsigned index)
{
	static struct dispatch_round round;
	struct consumer consumer = {entry->contender, &round, false};
	uint64_t start;

	running = entry->contender->name;
	round = (struct dispatch_round){.packets = TRANSFERS};
	round.deadline_tsc = tsc_now() + ROUND_SECONDS_MAX * rte_get_tsc_hz();
	rte_eal_remote_launch(consumer_main, &consumer, rte_get_next_lcore(-1, 1, 0));
	while (!__atomic_load_n(&consumer.ready, __ATOMIC_ACQUIRE))
		;
	start = tsc_now();
	entry->contender->produce(&round);
	rte_eal_mp_wait_lcore();
	if (round.arrived < round.packets)
		entry->problem = "a round did not end in time";
	else if (round.arrived > round.packets ||
		round.sum != dispatch_packets.sum * (TRANSFERS / DISPATCH_PACKETS))
		entry->problem = "other packets arrived than were sent";
	entry->pps[index] =
		(double)TRANSFERS * (double)rte_get_tsc_hz() / (double)(round.last_tsc - start);
}

static unsigned rounds; /* measured */

static void measure_all(void)
{
	uint64_t enough_tsc = tsc_now() + ROUNDS_SECONDS * rte_get_tsc_hz();

	for (unsigned i = 0; i < RTE_DIM(entries); i++) {
		running = entries[i].contender->name;
		entries[i].problem = entries[i].contender->setup();
		if (entries[i].problem == NULL)
			measure(&entries[i], 0); /* warms it up */
	}
	while (rounds < ROUNDS_MIN || (rounds < ROUNDS_MAX && tsc_now() < enough_tsc)) {
		for (unsigned i = 0; i < RTE_DIM(entries); i++)
			if (entries[i].problem == NULL)
				measure(&entries[i], rounds);
		rounds++;
	}
}

/* ---- telling ---- */

struct spread {
	double low, median, high;
};

static int compare_doubles(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static struct spread spread_of(const double values[ROUNDS_MAX])
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, rounds, sizeof(*sorted), compare_doubles);
	return (struct spread){sorted[0], sorted[rounds / 2], sorted[rounds - 1]};
}

static struct spread ratios_of(const struct entry *weir, const struct entry *peer)
{
	double ratios[ROUNDS_MAX] = {0};

	for (unsigned i = 0; i < rounds; i++)
		ratios[i] = weir->pps[i] / peer->pps[i];
	return spread_of(ratios);
}

static void print_json(const struct comparison *comparison)
{
	const struct entry *weir = &entries[comparison->weir], *peer = &entries[comparison->peer];
	const char *problem = weir->problem ? weir->problem : peer->problem;
	struct spread ours, theirs, ratio;

	printf("%s{\"case\":\"dispatch to one core, 64 B, %s\",\"unit\":\"pps\",\"peer\":\"%s\","
	       "\"goal\":\"%s\",",
		comparison == comparisons ? "" : ",", comparison->what, peer->contender->name,
		comparison->goal);
	if (problem != NULL) {
		printf("\"not_measured\":\"%s\"}", problem);
		return;
	}
	ours = spread_of(weir->pps);
	theirs = spread_of(peer->pps);
	ratio = ratios_of(weir, peer);
	printf("\"weir\":%.0f,\"weir_min\":%.0f,\"weir_max\":%.0f,\"peer_value\":%.0f,"
	       "\"peer_min\":%.0f,\"peer_max\":%.0f,\"ratio\":%.3f,\"ratio_min\":%.3f,"
	       "\"ratio_max\":%.3f,\"tsc_hz\":%.0f}",
		ours.median, ours.low, ours.high, theirs.median, theirs.low, theirs.high,
		ratio.median, ratio.low, ratio.high, (double)rte_get_tsc_hz());
}

static void print_entry(const struct entry *entry)
{
	struct spread pps = spread_of(entry->pps);
	double hz = (double)rte_get_tsc_hz();

	if (entry->problem != NULL)
		printf("%-28s not measured: %s\n", entry->contender->name, entry->problem);
	else
		printf("%-28s %7.1f [%6.1f-%6.1f] Mpps  %6.1f [%5.1f-%6.1f] cycles a packet\n",
			entry->contender->name, pps.median / 1e6, pps.low / 1e6, pps.high / 1e6,
			hz / pps.median, hz / pps.high, hz / pps.low);
}

static void print_comparison(const struct comparison *comparison)
{
	const struct entry *weir = &entries[comparison->weir], *peer = &entries[comparison->peer];
	struct spread ratio = ratios_of(weir, peer);

	if (weir->problem == NULL && peer->problem == NULL)
		printf("%-28s / %-28s %6.2fx [%5.2f-%5.2f]  %s\n", weir->contender->name,
			peer->contender->name, ratio.median, ratio.low, ratio.high,
			comparison->goal);
}

static void print_all(bool json)
{
	if (json) {
		printf("{\"name\":\"dispatch\",\"rows\":[");
		for (unsigned i = 0; i < RTE_DIM(comparisons); i++)
			print_json(&comparisons[i]);
		printf("]}\n");
		return;
	}
	printf("one core to one core, 64 B, burst %d, medians of %u alternations [min-max]\n",
		DISPATCH_BURST, rounds);
	for (unsigned i = 0; i < RTE_DIM(entries); i++)
		print_entry(&entries[i]);
	for (unsigned i = 0; i < RTE_DIM(comparisons); i++)
		print_comparison(&comparisons[i]);
}

/* "-l3,5": the first two CPUs this process may use. */
static bool two_cpus(char *text, size_t bytes)
{
	cpu_set_t allowed;
	int found[2], count = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			found[count++] = cpu;
	if (count == 2)
		snprintf(text, bytes, "-l%d,%d", found[0], found[1]);
	return count == 2;
}

int main(int argc, char **argv)
{
	char cpus[32];
	char *arguments[] = {argv[0], cpus, (char[]){"--no-huge"}, (char[]){"-m256"},
		(char[]){"--no-shconf"}, (char[]){"--no-pci"}, (char[]){"--no-telemetry"},
		(char[]){"--log-level=*:critical"}};
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

	signal(SIGALRM, too_long);
	alarm(PROGRAM_SECONDS_MAX);
	if (!two_cpus(cpus, sizeof(cpus)) || rte_eal_init(RTE_DIM(arguments), arguments) < 0 ||
		!packets_make()) {
		fprintf(stderr, "bench_dispatch: needs two cores and 256 MiB\n");
		return EXIT_FAILURE;
	}
	measure_all();
	print_all(json);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
