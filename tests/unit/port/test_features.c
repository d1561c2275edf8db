/* SPDX-License-Identifier: BSD-3-Clause */
/* What features come to, and who does them. */
#include <errno.h>

#include "features_fixture.h"

static void each_name_finds_its_feature(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		assert_int_equal(feature_find(feature_infos[i].name), i);
		if (feature_infos[i].alias != NULL)
			assert_int_equal(feature_find(feature_infos[i].alias), i);
		if (feature_infos[i].parent != FEATURE_NONE)
			assert_true(feature_infos[i].parent < (enum feature)i);
	}
	assert_int_equal(feature_find("tso "), FEATURE_NONE);
}

static void each_member_is_one_feature(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		struct config_features changed = wanted;

		if (feature_infos[i].member == FEATURE_NO_MEMBER)
			continue;
		feature_want(&changed, (enum feature)i, FEATURE_ON);
		for (unsigned j = 0; j < FEATURE_COUNT; j++)
			if (feature_infos[j].member != FEATURE_NO_MEMBER)
				assert_int_equal(feature_wanted(&changed, (enum feature)j),
					j == i ? FEATURE_ON
					       : feature_wanted(&wanted, (enum feature)j));
	}
}

/* ---- resolving ---- */

static void by_default(void **state)
{
	static const struct {
		const struct feature_abilities *abilities;
		enum feature feature;
		const char *expected;
	} cases[] = {
		{&nic, FEATURE_RX_CHECKSUMMING, "on device"},
		{&plain, FEATURE_RX_CHECKSUMMING, "off"},
		{&source, FEATURE_RX_CHECKSUMMING, "off"},
		{&file, FEATURE_RX_CHECKSUMMING, "off fixed"},
		{&nic, FEATURE_TX_CHECKSUMMING, "on device"},
		{&plain, FEATURE_TX_CHECKSUMMING, "on weir"},
		{&source, FEATURE_TX_CHECKSUMMING, "off fixed"},
		{&nic, FEATURE_TX_CHECKSUM_IPV4, "on device fixed"},
		{&nic, FEATURE_TX_CHECKSUM_SCTP, "on weir fixed"},
		{&plain, FEATURE_TX_CHECKSUM_IPV6, "on weir fixed"},
		{&nic, FEATURE_TX_CHECKSUM_IP_GENERIC, "off fixed"},
		{&nic, FEATURE_SCATTER_GATHER, "on device"},
		{&bare, FEATURE_SCATTER_GATHER, "off fixed"},
		{&source, FEATURE_SCATTER_GATHER, "off fixed"},
		{&nic, FEATURE_TCP_SEGMENTATION_OFFLOAD, "on device"},
		{&nic, FEATURE_TX_TCP_SEGMENTATION, "on device fixed"},
		{&nic, FEATURE_TX_TCP6_SEGMENTATION, "on device fixed"},
		{&nic, FEATURE_TX_GRE_SEGMENTATION, "off fixed"},
		{&nic, FEATURE_TX_UDP_SEGMENTATION, "off fixed"},
		{&plain, FEATURE_TCP_SEGMENTATION_OFFLOAD, "off fixed"},
		{&carrier, FEATURE_TCP_SEGMENTATION_OFFLOAD, "off"},
		{&carrier, FEATURE_UDP_FRAGMENTATION_OFFLOAD, "off"},
		{&source, FEATURE_TCP_SEGMENTATION_OFFLOAD, "off fixed"},
		{&nic, FEATURE_GENERIC_RECEIVE_OFFLOAD, "off"},
		{&file, FEATURE_GENERIC_RECEIVE_OFFLOAD, "off fixed"},
		{&nic, FEATURE_LARGE_RECEIVE_OFFLOAD, "off"},
		{&nic, FEATURE_RECEIVE_HASHING, "on device fixed"},
		{&plain, FEATURE_RECEIVE_HASHING, "on weir fixed"},
		{&carrier, FEATURE_RECEIVE_HASHING, "off fixed"},
		{&nic, FEATURE_TX_NOCACHE_COPY, "off fixed"},
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		resolve(cases[i].abilities, &defaults, false);
		expect_state(cases[i].feature, cases[i].expected);
	}
}

static void gso_follows_super_packets(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	resolve(&plain, &wanted, false);
	expect_state(FEATURE_GENERIC_SEGMENTATION_OFFLOAD, "off");
	resolve(&plain, &wanted, true);
	expect_state(FEATURE_GENERIC_SEGMENTATION_OFFLOAD, "on weir");
	resolve(&source, &wanted, true);
	expect_state(FEATURE_GENERIC_SEGMENTATION_OFFLOAD, "off fixed");
	wanted.generic_segmentation_offload = FEATURE_OFF;
	resolve(&plain, &wanted, true);
	expect_state(FEATURE_GENERIC_SEGMENTATION_OFFLOAD, "off");
	wanted.generic_segmentation_offload = FEATURE_ON;
	resolve(&plain, &wanted, false);
	expect_state(FEATURE_GENERIC_SEGMENTATION_OFFLOAD, "on weir");
}

static void asked_for_weir_does_what_the_device_does_not(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	wanted.rx_checksumming = wanted.tx_checksumming = FEATURE_ON;
	resolve(&plain, &wanted, false);
	expect_state(FEATURE_RX_CHECKSUMMING, "on weir");
	expect_state(FEATURE_TX_CHECKSUMMING, "on weir");
	resolve(&nic, &wanted, false);
	expect_state(FEATURE_RX_CHECKSUMMING, "on device");
	expect_state(FEATURE_TX_CHECKSUMMING, "on device");
	wanted.rx_checksumming = wanted.tx_checksumming = FEATURE_OFF;
	resolve(&nic, &wanted, false);
	expect_state(FEATURE_RX_CHECKSUMMING, "off");
	expect_state(FEATURE_TX_CHECKSUMMING, "off");
	expect_state(FEATURE_TX_CHECKSUM_IPV4, "off fixed");
}

/* Each kind of super-packet needs scatter-gather and checksums, and goes whole where asked. */
static void handing_over_whole(void **state)
{
	static const enum feature whole[] = {FEATURE_TCP_SEGMENTATION_OFFLOAD,
		FEATURE_TX_UDP_SEGMENTATION, FEATURE_UDP_FRAGMENTATION_OFFLOAD};
	struct feature_abilities all = nic;

	(void)state;
	all.cuts |= PORT_WHOLE_UDP | PORT_WHOLE_UFO;
	for (unsigned i = 0; i < RTE_DIM(whole); i++) {
		struct config_features wanted = defaults;

		resolve(&all, &wanted, false);
		expect_state(whole[i], "on device");
		wanted.scatter_gather = FEATURE_OFF;
		resolve(&all, &wanted, false);
		expect_state(whole[i], "off");
		assert_string_equal(states[whole[i]].why, "needs scatter-gather");
		wanted.scatter_gather = FEATURE_AUTO;
		wanted.tx_checksumming = FEATURE_OFF;
		resolve(&all, &wanted, false);
		expect_state(whole[i], "off");
		assert_string_equal(states[whole[i]].why, "needs tx-checksumming");
		wanted = defaults;
		feature_want(&wanted, whole[i], FEATURE_OFF);
		resolve(&all, &wanted, false);
		expect_state(whole[i], "off");
		feature_want(&wanted, whole[i], FEATURE_ON);
		resolve(&carrier, &wanted, false);
		expect_state(whole[i], "on device");
		assert_string_equal(states[whole[i]].why, "carried whole");
		resolve(&plain, &wanted, false);
		expect_state(whole[i], "off fixed requested");
		wanted.scatter_gather = FEATURE_OFF;
		resolve(&all, &wanted, false);
		expect_state(whole[i], "off requested");
	}
}

static void tunnels_go_with_tso(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	wanted.tcp_segmentation_offload = FEATURE_ON;
	resolve(&carrier, &wanted, false);
	expect_state(FEATURE_TX_UDP_TNL_SEGMENTATION, "on device fixed");
	resolve(&nic, &wanted, false);
	expect_state(FEATURE_TX_UDP_TNL_SEGMENTATION, "off fixed");
}

static void merging(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	wanted.rx_udp_gro_forwarding = FEATURE_ON;
	resolve(&plain, &wanted, false);
	expect_state(FEATURE_RX_UDP_GRO_FORWARDING, "off requested");
	wanted.generic_receive_offload = FEATURE_ON;
	resolve(&nic, &wanted, false);
	expect_state(FEATURE_GENERIC_RECEIVE_OFFLOAD, "on weir");
	expect_state(FEATURE_RX_UDP_GRO_FORWARDING, "on weir");
	wanted.large_receive_offload = FEATURE_ON;
	resolve(&nic, &wanted, false);
	expect_state(FEATURE_GENERIC_RECEIVE_OFFLOAD, "on weir");
	expect_state(FEATURE_LARGE_RECEIVE_OFFLOAD, "off requested");
	wanted.generic_receive_offload = FEATURE_OFF;
	resolve(&nic, &wanted, false);
	expect_state(FEATURE_LARGE_RECEIVE_OFFLOAD, "on weir");
	expect_state(FEATURE_RX_UDP_GRO_FORWARDING, "off requested");
	/* "auto" is off. */
	wanted.generic_receive_offload = wanted.large_receive_offload = FEATURE_AUTO;
	resolve(&nic, &wanted, true);
	expect_state(FEATURE_GENERIC_RECEIVE_OFFLOAD, "off");
	expect_state(FEATURE_LARGE_RECEIVE_OFFLOAD, "off");
}

static void what_a_device_was_not_started_with(void **state)
{
	const struct feature_abilities stopped = {.receives = true,
		.sends = true,
		.chains_capable = true,
		.cuts_capable = PORT_WHOLE_TCP | PORT_WHOLE_MARKED};

	(void)state;
	resolve(&stopped, &defaults, true);
	expect_state(FEATURE_SCATTER_GATHER, "off fixed");
	assert_non_null(strstr(states[FEATURE_SCATTER_GATHER].why, "start"));
	expect_state(FEATURE_TCP_SEGMENTATION_OFFLOAD, "off fixed");
	assert_non_null(strstr(states[FEATURE_TCP_SEGMENTATION_OFFLOAD].why, "start"));
	resolve(&bare, &defaults, true);
	assert_null(strstr(states[FEATURE_SCATTER_GATHER].why, "start"));
	assert_null(strstr(states[FEATURE_TCP_SEGMENTATION_OFFLOAD].why, "start"));
}

static void offloads_that_may_be_used(void **state)
{
	struct config_features wanted = defaults;

	(void)state;
	resolve(&nic, &wanted, false);
	assert_int_equal(features_tx_offloads(&nic, states), nic.tx_offloads);
	wanted.tcp_segmentation_offload = FEATURE_OFF;
	resolve(&nic, &wanted, false);
	assert_int_equal(features_tx_offloads(&nic, states), TX_CHECKSUMS);
	wanted.tx_checksumming = FEATURE_OFF;
	resolve(&nic, &wanted, false);
	assert_int_equal(features_tx_offloads(&nic, states), 0);
}

static void what_is_missing_is_said_by_name(void **state)
{
	struct config_features wanted = defaults;
	struct error error = {0};

	(void)state;
	wanted.rx_checksumming = FEATURE_ON;
	resolve(&plain, &wanted, false);
	assert_int_equal(features_check("wan", states, &error), 0);
	wanted.tcp_segmentation_offload = FEATURE_ON;
	resolve(&plain, &wanted, false);
	assert_int_equal(features_check("wan", states, &error), -ENOTSUP);
	assert_non_null(strstr(error.message, "/ports/wan/features/tcp-segmentation-offload"));
	wanted = defaults;
	wanted.rx_udp_gro_forwarding = FEATURE_ON; /* a warning's matter */
	resolve(&plain, &wanted, false);
	assert_int_equal(features_check("wan", states, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_finds_its_feature),
		cmocka_unit_test(each_member_is_one_feature),
		cmocka_unit_test(by_default),
		cmocka_unit_test(gso_follows_super_packets),
		cmocka_unit_test(asked_for_weir_does_what_the_device_does_not),
		cmocka_unit_test(handing_over_whole),
		cmocka_unit_test(tunnels_go_with_tso),
		cmocka_unit_test(merging),
		cmocka_unit_test(what_a_device_was_not_started_with),
		cmocka_unit_test(offloads_that_may_be_used),
		cmocka_unit_test(what_is_missing_is_said_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
