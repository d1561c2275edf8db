/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ends of generated flow number `index`: computed, not stored, so that millions of flows
 * cost nothing.
 *
 *            client                                  server
 *     IPv4   10.0.0.0/8, another address each flow   198.18.0.0/15 (RFC 2544)
 *     IPv6   2001:2:0:1::/64, another each flow      2001:2:0:2::/64 (RFC 5180)
 *     port   1024 and up                             UDP 9 (discard), TCP 19 (chargen)
 *
 * With GENERATE_MIXED the odd flows are IPv6.
 */
#ifndef WEIR_GENERATE_FLOW_H
#define WEIR_GENERATE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

enum { FLOWS_MAX = 1 << 24 }; /* what 10.0.0.0/8 has addresses for */
enum flow_side { FLOW_CLIENT, FLOW_SERVER };
enum { FLOW_CLIENT_PORT_FIRST = 1024, FLOW_CLIENT_PORTS = 65536 - FLOW_CLIENT_PORT_FIRST };

struct flow_ends {
	bool ipv6;
	uint8_t protocol; /* IPPROTO_* */
	uint8_t address[2][16]; /* by enum flow_side; IPv4 in the first 4 bytes */
	uint16_t port[2]; /* network order */
	uint32_t hash; /* of seed and index, for what else differs from flow to flow */
};

/* `connection` counts the TCP connections the flow has had: each has a client port of its own. */
void flow_ends_make(const struct config_generate *config, uint32_t index, uint32_t connection,
	struct flow_ends *ret_ends);

static inline bool flow_is_ipv6(const struct config_generate *config, uint32_t index)
{
	return config->ip == GENERATE_IPV6 || (config->ip == GENERATE_MIXED && (index & 1));
}

#endif
