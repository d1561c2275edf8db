/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds generated frames. The payload is always the start of one fixed pattern (the printable
 * ASCII characters in turn), which lies in the buffer once and for all, with the checksum of each
 * of its prefixes known: only the headers in front of it are written for a packet.
 *
 *     buffer:  | ... Ethernet [VLAN] IP TCP/UDP | payload pattern ... |
 *                                               ^ BUILD_HEADROOM
 */
#ifndef WEIR_GENERATE_BUILD_H
#define WEIR_GENERATE_BUILD_H

#include <stdint.h>

#include "generate/flow.h"

enum { BUILD_HEADROOM = 192 }; /* more than all headers together */
enum { TCP_OPTIONS_MAX = 40 };

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_PSH = 0x08, TCP_ACK = 0x10 };

struct builder {
	uint16_t vlan; /* 0: none */
	uint32_t payload_max; /* bytes of the pattern */
	uint8_t *buffer; /* BUILD_HEADROOM + payload_max bytes */
	uint16_t *pattern_sums; /* [payload_max + 1]: folded sum of so many bytes of the pattern */
};

/* What one TCP segment says, in host order. */
struct tcp_segment {
	enum flow_side from;
	uint8_t flags;
	uint16_t window;
	uint32_t sequence;
	uint32_t acknowledgement;
	uint32_t option_bytes; /* a multiple of 4 */
	uint8_t options[TCP_OPTIONS_MAX];
	uint32_t payload_bytes;
};

struct built { /* in the builder's buffer, until it builds the next */
	const uint8_t *bytes;
	uint32_t length;
};

/* 0 or -ENOMEM. */
int builder_init(struct builder *builder, uint16_t vlan, uint32_t payload_max);
void builder_fini(struct builder *builder);

/* Bytes of all headers in front of a UDP payload, or of a TCP one with `option_bytes`. */
uint32_t build_udp_overhead(uint16_t vlan, bool ipv6);
uint32_t build_tcp_overhead(uint16_t vlan, bool ipv6, uint32_t option_bytes);

/* `ip_id` is the IPv4 identification, host order. Payloads up to payload_max. */
struct built build_udp(struct builder *builder, const struct flow_ends *ends, uint16_t ip_id,
	uint32_t payload_bytes);
struct built build_tcp(struct builder *builder, const struct flow_ends *ends, uint16_t ip_id,
	const struct tcp_segment *segment);

#endif
