/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions registered at random over one stretch of memory, overlapping, while the program writes,
 * maps parts anew and forks: every region shows what is at its address, both ways, for as long as
 * its memory is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "verbs/client/client.h"

enum { PAGE = 4096, PAGES = 64, BYTES = PAGES * PAGE, REGIONS = 12, STEPS = 3000 };

static unsigned seed;
static struct weir_device device;
static uint8_t *memory, expected[BYTES];

static struct region {
	struct verbs_mapping peer;
	size_t at;
} regions[REGIONS];

static size_t below(size_t bound)
{
	return (size_t)rand_r(&seed) % bound;
}

static void forget(struct region *region)
{
	if (region->peer.base != NULL)
		client_memory_unshare(&device, memory + region->at, region->peer.bytes);
	verbs_unmap(&region->peer);
}

static void share(struct region *region)
{
	struct error error = {0};
	uint64_t offset;
	size_t length;
	bool owned;
	int fd;

	forget(region);
	region->at = below(BYTES);
	length = 1 + below(BYTES - region->at);
	if (client_memory_share(&device, memory + region->at, length, true, &fd, &offset, &owned) !=
		0)
		fail_msg("%s", weir_error_text());
	if (verbs_map(&region->peer, fd, offset, length, true, &error) < 0)
		fail_msg("%s", error.message);
}

/* New memory there: whoever had a region over it has lost it. */
static void map_anew(void)
{
	size_t at = below(PAGES), count = 1 + below(PAGES - at);

	for (unsigned i = 0; i < REGIONS; i++)
		if (regions[i].peer.base != NULL && regions[i].at < (at + count) * PAGE &&
			regions[i].at + regions[i].peer.bytes > at * PAGE)
			forget(&regions[i]);
	assert_true(mmap(memory + at * PAGE, count * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	memset(expected + at * PAGE, 0, count * PAGE);
}

static void write_somewhere(void)
{
	struct region *region = &regions[below(REGIONS)];
	size_t at = below(BYTES);

	memory[at] = expected[at] = (uint8_t)below(256);
	if (region->peer.base == NULL)
		return;
	at = below(region->peer.bytes);
	region->peer.base[at] = expected[region->at + at] = (uint8_t)below(256);
}

static void fork_and_scribble(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		bool same = memcmp(memory, expected, BYTES) == 0;

		memset(memory, 0xcc, BYTES);
		_exit(same ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void check(void)
{
	assert_memory_equal(memory, expected, BYTES);
	for (unsigned i = 0; i < REGIONS; i++)
		if (regions[i].peer.base != NULL)
			assert_memory_equal(regions[i].peer.base, expected + regions[i].at,
				regions[i].peer.bytes);
}

static void regions_show_memory(void **state)
{
	(void)state;
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED);
	for (unsigned step = 0; step < STEPS; step++) {
		size_t what = below(100);

		if (what < 30)
			share(&regions[below(REGIONS)]);
		else if (what < 35)
			forget(&regions[below(REGIONS)]);
		else if (what < 40)
			map_anew();
		else if (what < 42)
			fork_and_scribble();
		else
			write_somewhere();
		check();
	}
	for (unsigned i = 0; i < REGIONS; i++)
		forget(&regions[i]);
	munmap(memory, BYTES);
}

int main(void)
{
	const char *given = getenv("WEIR_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_show_memory),
	};

	seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	printf("WEIR_SEED=%u\n", seed);
	fflush(stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
