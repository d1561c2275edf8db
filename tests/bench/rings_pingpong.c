/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine gives, for the comparison of rings: a line of cache that goes back and forth
 * between two processes, one CPU each, without a queue, a check or a copy; and memcpy.
 *
 *     rings_pingpong [--iterations N] [--cpus A,B]    half round trips, ns
 *     rings_pingpong memcpy [--bytes N]               bytes a second; 64 KiB: within the caches
 *
 * Prints one JSON object.
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE = 64, WARM_UP = 10000, ROUND_BYTES = 64 << 20 };

struct shared {
	_Alignas(LINE) uint64_t there; /* first word of a line of payload: written by the client */
	uint8_t there_payload[LINE - 8];
	_Alignas(LINE) uint64_t back; /* and by the server */
	uint8_t back_payload[LINE - 8];
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("rings_pingpong: CPU");
		exit(1);
	}
}

static double hz(uint64_t start_tsc, uint64_t start_ns)
{
	return (double)(tsc_now() - start_tsc) * 1e9 / (double)(clock_monotonic_ns() - start_ns);
}

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void serve(struct shared *shared, uint64_t count)
{
	for (uint64_t i = 1; i <= count; i++) {
		while (__atomic_load_n(&shared->there, __ATOMIC_ACQUIRE) != i)
			;
		__atomic_store_n(&shared->back, i, __ATOMIC_RELEASE);
	}
}

static void ping(struct shared *shared, uint64_t count, uint64_t *samples)
{
	for (uint64_t i = 1; i <= count; i++) {
		uint64_t begin = tsc_now();

		__atomic_store_n(&shared->there, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&shared->back, __ATOMIC_ACQUIRE) != i)
			;
		if (i > WARM_UP)
			samples[i - WARM_UP - 1] = tsc_now() - begin;
	}
}

static int pingpong(uint64_t iterations, const int cpus[2])
{
	static const double points[] = {0.5, 0.99, 0.999, 0.9999};
	struct shared *shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t *samples = calloc(iterations, sizeof(*samples));
	uint64_t start_tsc = tsc_now(), start_ns = clock_monotonic_ns();
	double ns;

	if (shared == MAP_FAILED || samples == NULL)
		return 1;
	memset(samples, 1, iterations * sizeof(*samples));
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(cpus[1]);
		serve(shared, iterations + WARM_UP);
		_exit(0);
	}
	pin(cpus[0]);
	ping(shared, iterations + WARM_UP, samples);
	wait(NULL);
	ns = 1e9 / hz(start_tsc, start_ns) / 2;
	qsort(samples, iterations, sizeof(*samples), compare_values);
	printf("{\"min\": %.1f", (double)samples[0] * ns);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		printf(", \"%g\": %.1f", points[i] * 100,
			(double)samples[(uint64_t)((double)(iterations - 1) * points[i])] * ns);
	printf(", \"max\": %.1f}\n", (double)samples[iterations - 1] * ns);
	free(samples);
	return 0;
}

/* Back and forth between two buffers, as a WRITE of them would. */
static int copy(size_t bytes, int cpu)
{
	uint8_t *one = aligned_alloc(4096, bytes), *other = aligned_alloc(4096, bytes);
	uint64_t start, copied = 0;
	size_t times = bytes < ROUND_BYTES ? ROUND_BYTES / bytes : 1;
	double seconds;

	if (one == NULL || other == NULL)
		return 1;
	pin(cpu);
	memset(one, 1, bytes);
	memset(other, 2, bytes);
	start = clock_monotonic_ns();
	do {
		for (size_t i = 0; i < times; i++) {
			memcpy(other, one, bytes);
			__asm__ volatile("" : : "r"(other) : "memory");
		}
		copied += times * bytes;
		seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	} while (seconds < 0.3);
	printf("{\"bytes_per_second\": %.0f}\n", (double)copied / seconds);
	free(one);
	free(other);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t iterations = 200000, bytes = 65536;
	int cpus[2] = {0, 1};
	bool copies = argc > 1 && strcmp(argv[1], "memcpy") == 0;

	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--iterations") == 0)
			iterations = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--bytes") == 0)
			bytes = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--cpus") == 0 &&
			sscanf(argv[i + 1], "%d,%d", &cpus[0], &cpus[1]) != 2)
			return 2;
	}
	if (iterations == 0 || bytes == 0 || bytes % 4096 != 0)
		return 2;
	return copies ? copy(bytes, cpus[0]) : pingpong(iterations, cpus);
}
