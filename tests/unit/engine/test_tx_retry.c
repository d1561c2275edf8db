/* SPDX-License-Identifier: BSD-3-Clause */
/* tx_retry, set while weir runs, reaches the workers. */
#include "engine/engine_internal.h"
#include "engine/steering.h"
#include "engine_run.h"

#define CONFIG(retry)                                                                              \
	"{'memory': {'mode': 'no-huge', 'packets': 4095}, 'workers': {'count': 2},"                \
	"'ports': {'g': {'generate': {}}, 'n': {'device': 'net_null0', 'tx_retry': '" retry "'}}," \
	"'pipelines': [{'from': 'g', 'to': 'n', 'stages': ['io']}]}"

static void check_retry(const struct engine *engine, uint64_t ns)
{
	for (uint16_t w = 0; w < engine->worker_count; w++)
		CHECK_EQUAL(engine->workers[w]->transmits[1].retry_cycles,
			ns * engine->tsc_hz / 1000000000);
}

static void scenario_retry(void)
{
	struct config *config = config_of(CONFIG("1ms")), *wanted = config_of(CONFIG("2ms"));
	struct engine *engine = engine_of(config);
	struct error error;

	check_retry(engine, 1000000);
	run_start(engine);
	CHECK_EQUAL(engine_change(engine, wanted, &error), 0);
	check_retry(engine, 2000000);
	engine_stop(engine);
	config_destroy(wanted);
	run_destroy(engine, config);
}

static void test_retry(void **state)
{
	(void)state;
	run_scenario(scenario_retry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_retry)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
