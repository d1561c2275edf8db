/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that go away with the test, and a seeded source of numbers. */
#ifndef WEIR_TESTS_CAPTURE_SCRATCH_H
#define WEIR_TESTS_CAPTURE_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "craft.h"

struct scratch {
	char directory[64];
	char path[128]; /* of the file named last */
};

static inline void scratch_begin(struct scratch *scratch)
{
	*scratch = (struct scratch){.directory = "/tmp/weir-capture-XXXXXX"};
	if (mkdtemp(scratch->directory) == NULL)
		fail_msg("no scratch directory");
}

static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
	snprintf(scratch->path, sizeof(scratch->path), "%s/%s", scratch->directory, name);
	return scratch->path;
}

static inline const char *scratch_write(
	struct scratch *scratch, const char *name, const struct craft *craft)
{
	FILE *file = fopen(scratch_path(scratch, name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(craft->bytes, 1, craft->length, file), craft->length);
	assert_int_equal(fclose(file), 0);
	return scratch->path;
}

/* Takes the names of all files made. */
static inline void scratch_end(struct scratch *scratch, const char *const *names)
{
	for (; *names != NULL; names++)
		unlink(scratch_path(scratch, *names));
	rmdir(scratch->directory);
}

/* WEIR_SEED repeats a run; else each run is another. Printed, to be repeated. */
static inline uint64_t seed_choose(void)
{
	const char *given = getenv("WEIR_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)getpid();

	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	return seed * 0x9e3779b97f4a7c15ull | 1;
}

/* xorshift64*: 0 .. below - 1. */
static inline uint32_t seed_draw(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)((*seed * 0x2545f4914f6cdd1dull >> 32) % below);
}

#endif
