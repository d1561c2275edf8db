/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports that can this and that, and what their features come to: for tests of features. */
#ifndef WEIR_TESTS_UNIT_PORT_FEATURES_FIXTURE_H
#define WEIR_TESTS_UNIT_PORT_FEATURES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ethdev.h>

#include "port/features.h"

#define RX_CHECKSUMS (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_CHECKSUMS (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

/* A device that does all; a plain one; one of any length; what only receives, or only sends. */
__attribute__((unused)) static const struct feature_abilities nic = {.receives = true,
	.sends = true,
	.rx_offloads = RX_CHECKSUMS,
	.tx_offloads = TX_CHECKSUMS | RTE_ETH_TX_OFFLOAD_TCP_TSO,
	.chains = true,
	.cuts = PORT_WHOLE_TCP | PORT_WHOLE_MARKED,
	.rss = PORT_RSS_HARDWARE};
__attribute__((unused)) static const struct feature_abilities plain = {
	.receives = true, .sends = true, .chains = true, .rss = PORT_RSS_SOFTWARE};
__attribute__((unused)) static const struct feature_abilities carrier = {
	.receives = true, .sends = true, .chains = true, .carries = PORT_WHOLE_ALL};
__attribute__((unused)) static const struct feature_abilities source = {
	.receives = true, .chains = true};
__attribute__((unused)) static const struct feature_abilities file = {
	.sends = true, .chains = true, .carries = PORT_WHOLE_ALL};
__attribute__((unused)) static const struct feature_abilities bare = {
	.receives = true, .sends = true};

/* As the field table has them. */
static const struct config_features defaults = {.rx_checksumming = FEATURE_AUTO,
	.tx_checksumming = FEATURE_AUTO,
	.scatter_gather = FEATURE_AUTO,
	.tcp_segmentation_offload = FEATURE_AUTO,
	.udp_fragmentation_offload = FEATURE_AUTO,
	.tx_udp_segmentation = FEATURE_AUTO,
	.generic_segmentation_offload = FEATURE_AUTO,
	.promiscuous = FEATURE_AUTO};

static struct feature_state states[FEATURE_COUNT];

/* "on device", "on weir", "off", with " fixed" and " requested" behind. */
static inline const char *text_of(const struct feature_state *state)
{
	static const char *const doers[] = {"nobody", "device", "weir"};
	static char text[64];

	assert_int_equal(state->on, state->by != FEATURE_BY_NOBODY);
	snprintf(text, sizeof(text), "%s%s%s", state->on ? "on " : "off",
		state->on ? doers[state->by] : "", state->fixed ? " fixed" : "");
	if (state->wanted && !state->on)
		strcat(text, " requested");
	return text;
}

static inline void expect_state(enum feature feature, const char *expected)
{
	if (strcmp(text_of(&states[feature]), expected) != 0)
		fail_msg("%s: %s, not %s", feature_infos[feature].name, text_of(&states[feature]),
			expected);
}

static inline void resolve(const struct feature_abilities *abilities,
	const struct config_features *wanted, bool super_packets_come)
{
	memset(states, 0xff, sizeof(states));
	features_resolve(abilities, wanted, super_packets_come, states);
	for (unsigned i = 0; i < FEATURE_COUNT; i++)
		text_of(&states[i]);
}

#endif
