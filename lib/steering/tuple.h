/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What identifies a flow, as people write it: "10.0.0.1:80 10.0.0.2:1234 tcp",
 * "[2001:db8::1]:80 [2001:db8::2]:1234 udp", or addresses without ports, "10.0.0.1 10.0.0.2".
 * Pure functions.
 */
#ifndef WEIR_STEERING_TUPLE_H
#define WEIR_STEERING_TUPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "steering/rss_hash.h"

struct tuple {
	bool ipv6;
	bool has_ports; /* both ends, or none */
	uint8_t protocol; /* IPPROTO_*; 0: not said */
	uint8_t source[16]; /* network order; IPv4 in the first 4 bytes, the rest 0 */
	uint8_t destination[16];
	uint16_t source_port; /* host order */
	uint16_t destination_port;
};

/* Room for any tuple as text. */
enum { TUPLE_TEXT_BYTES = 128 };

/* `protocol`: tcp, udp, sctp, icmp, icmp6, igmp, gre, esp, ah, a number, "ip", or, where there
 * are no ports, NULL for "ip" (not said). 0, or -EINVAL with an error that says which part is wrong
 * and what was expected. */
int tuple_parse(const char *source, const char *destination, const char *protocol,
	struct tuple *ret_tuple, struct error *error);

/* As tuple_parse() reads it: "SOURCE DESTINATION PROTOCOL". Returns `text`. */
const char *tuple_format(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES]);

/* Of one end: its address, and its port where there is one. Returns `text`. */
const char *tuple_format_source(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES]);
const char *tuple_format_destination(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES]);

/* "tcp", or the number where it has no name here. Returns a constant or `text`. */
const char *tuple_format_protocol(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES]);

/* The protocols whose ports RSS hashes. */
bool tuple_hashes_ports(const struct tuple *tuple);

/* The bytes that RSS hashes by default, in network order. Returns how many: 8, 12, 32 or 36. */
unsigned tuple_hash_input(const struct tuple *tuple, uint8_t ret_input[TOEPLITZ_INPUT_MAX]);

/* The traffic type of a packet of this flow; without ports, of a fragment of it. */
enum rss_type tuple_rss_type(const struct tuple *tuple);

/* As rss_compose() does for a packet of this flow. A tuple knows no Ethernet destination, VLAN or
 * SPI: where the rules want one, zeros stand for it. */
unsigned tuple_rss_input(const struct tuple *tuple, const struct rss_rules *rules,
	uint8_t ret_input[TOEPLITZ_INPUT_MAX]);

/* The hash of the packets of this flow; 0: RSS does not hash them. */
uint32_t tuple_rss_hash(const struct tuple *tuple, const struct rss_hash *hash);

#endif
