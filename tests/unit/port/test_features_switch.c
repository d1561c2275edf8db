/* SPDX-License-Identifier: BSD-3-Clause */
/* What switching a feature does to the others, and what is refused. */
#include <errno.h>

#include "features_fixture.h"

static void expect_switch(const struct feature_abilities *abilities, struct config_features *wanted,
	const char *name, bool on)
{
	struct error error = {0};

	if (features_switch(abilities, wanted, name, on, &error) != 0)
		fail_msg("%s: %s", name, error.message);
	resolve(abilities, wanted, false);
}

static void expect_refused(const struct feature_abilities *abilities,
	const struct config_features *wanted, const char *name, bool on, const char *message)
{
	struct config_features changed = *wanted;
	struct error error = {0};

	assert_int_equal(features_switch(abilities, &changed, name, on, &error), -EINVAL);
	assert_string_equal(error.message, message);
	assert_memory_equal(&changed, wanted, sizeof(changed));
}

/* Off, they take what needs them along; back on, it is there again. */
static void needed_features_go_off(void **state)
{
	static const char *const needed[] = {"sg", "tx-checksumming"};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(needed); i++) {
		struct config_features wanted = defaults;

		expect_switch(&nic, &wanted, "tso", true);
		expect_state(FEATURE_TCP_SEGMENTATION_OFFLOAD, "on device");
		expect_switch(&nic, &wanted, needed[i], false);
		expect_state(feature_find(needed[i]), "off");
		expect_state(FEATURE_TCP_SEGMENTATION_OFFLOAD, "off");
		expect_refused(&nic, &wanted, "tso", true,
			i == 0 ? "tcp-segmentation-offload cannot be on: needs scatter-gather"
			       : "tcp-segmentation-offload cannot be on: needs tx-checksumming");
		expect_switch(&nic, &wanted, needed[i], true);
		expect_state(FEATURE_TCP_SEGMENTATION_OFFLOAD, "on device");
	}
}

static void gro_and_lro_exclude_each_other(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	expect_switch(&plain, &wanted, "gro", true);
	expect_state(FEATURE_GENERIC_RECEIVE_OFFLOAD, "on weir");
	expect_refused(&plain, &wanted, "lro", true,
		"large-receive-offload cannot be on: excluded by generic-receive-offload");
	expect_switch(&plain, &wanted, "gro", false);
	expect_switch(&plain, &wanted, "large-receive-offload", true);
	expect_state(FEATURE_LARGE_RECEIVE_OFFLOAD, "on weir");
	expect_refused(&plain, &wanted, "gro", true,
		"generic-receive-offload cannot be on: excluded by large-receive-offload");
	expect_switch(&plain, &wanted, "rx-udp-gro-forwarding", true);
}

static void what_cannot_be_switched(void **state)
{
	(void)state;
	expect_refused(&plain, &defaults, "tso", true,
		"tcp-segmentation-offload is fixed: the port can neither cut such packets nor send "
		"any length");
	expect_refused(&file, &defaults, "gro", true,
		"generic-receive-offload is fixed: the port receives nothing");
	expect_refused(&source, &defaults, "gso", true,
		"generic-segmentation-offload is fixed: nothing is sent to the port");
	expect_refused(&nic, &defaults, "tx-tcp6-segmentation", false,
		"tx-tcp6-segmentation is fixed: goes with tcp-segmentation-offload");
	expect_refused(
		&nic, &defaults, "rxhash", false, "receive-hashing is fixed: set by rss.mode");
	expect_refused(&nic, &defaults, "rx-all", true, "rx-all is fixed: nobody does it here");
	expect_refused(
		&nic, &defaults, "grp", true, "there is no feature \"grp\"; did you mean \"gro\"?");
}

static void what_is_so_already_is_no_mistake(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	expect_switch(&plain, &wanted, "tso", false);
	expect_switch(&plain, &wanted, "rx-all", false);
	expect_switch(&nic, &wanted, "rxhash", true);
	assert_memory_equal(&wanted, &defaults, sizeof(wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needed_features_go_off),
		cmocka_unit_test(gro_and_lro_exclude_each_other),
		cmocka_unit_test(what_cannot_be_switched),
		cmocka_unit_test(what_is_so_already_is_no_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
