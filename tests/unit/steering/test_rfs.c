/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steering/rfs.h"

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(rfs_entries(0), 1);
	assert_int_equal(rfs_entries(1), 1);
	assert_int_equal(rfs_entries(3), 4);
	assert_int_equal(rfs_entries(32768), 32768);
	assert_int_equal(rfs_entries(32769), 65536);
	assert_int_equal(rfs_entries(UINT32_MAX), 1 << 26);
	assert_int_equal(rfs_consumers_bytes(1024), sizeof(struct rfs_consumers) + 4096);
	assert_int_equal(rfs_flows_bytes(1024), sizeof(struct rfs_flows) + 8192);
}

static struct rfs_consumers *consumers_new(uint32_t entries)
{
	struct rfs_consumers *consumers = malloc(rfs_consumers_bytes(entries));

	assert_non_null(consumers);
	rfs_consumers_init(consumers, entries);
	return consumers;
}

/* An entry is the kernel's: upper bits of the hash, CPU below. */
static void records(void **state)
{
	struct rfs_consumers *consumers = consumers_new(1024);
	const uint32_t hash = 0x51ccc178, same_entry = 0x61ccc178;

	(void)state;
	assert_int_equal(rfs_consumer_cpu(consumers, hash), RFS_CPU_NONE);
	rfs_record(consumers, hash, 5);
	assert_int_equal(consumers->entries[hash & 1023], (hash & ~1023u) | 5);
	assert_int_equal(rfs_consumer_cpu(consumers, hash), 5);
	assert_int_equal(rfs_consumer_cpu(consumers, same_entry), RFS_CPU_NONE);
	rfs_record(consumers, hash, 0);
	assert_int_equal(rfs_consumer_cpu(consumers, hash), 0);
	rfs_record(consumers, same_entry, RFS_CPU_NONE - 1);
	assert_int_equal(rfs_consumer_cpu(consumers, hash), RFS_CPU_NONE);
	assert_int_equal(rfs_consumer_cpu(consumers, same_entry), RFS_CPU_NONE - 1);
	free(consumers);
}

/* Nothing is known at first, not of hashes whose upper bits are 0 either; nothing is ever recorded
 * for packets without a hash. */
static void unknown(void **state)
{
	(void)state;
	for (uint32_t entries = 1; entries <= 4096; entries *= 4) {
		struct rfs_consumers *consumers = consumers_new(entries);

		for (uint32_t hash = 0; hash < 5000; hash++)
			assert_int_equal(rfs_consumer_cpu(consumers, hash), RFS_CPU_NONE);
		rfs_record(consumers, 0, 3);
		assert_int_equal(rfs_consumer_cpu(consumers, 0), RFS_CPU_NONE);
		free(consumers);
	}
}

static void flow_entries(void **state)
{
	const uint64_t far = (UINT64_C(1) << RFS_POSITION_BITS) - 1;
	struct rfs_flows *flows = malloc(rfs_flows_bytes(64));

	(void)state;
	assert_non_null(flows);
	rfs_flows_init(flows, 64);
	assert_int_equal(flows->mask, 63);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(rfs_flow_worker(flows->entries[i]), RFS_WORKER_NONE);
	for (unsigned worker = 0; worker < 64; worker += 63) {
		uint64_t entry = rfs_flow_entry(worker, far);

		assert_int_equal(rfs_flow_worker(entry), worker);
		assert_int_equal(rfs_flow_position(entry), far);
		assert_int_equal(rfs_flow_position(rfs_flow_entry(worker, 0)), 0);
		assert_int_equal(rfs_flow_worker(rfs_flow_entry(worker, far + 7)), worker);
	}
	free(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(records),
		cmocka_unit_test(unknown),
		cmocka_unit_test(flow_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
