/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a captured frame says of itself, as far as it tells whether a wire can have carried it:
 * sizes, lengths, checksums, MSS. Of a tunnel, what is inside (parse_inner.h) beside what is
 * outside. Pure: any bytes are safe.
 *
 * A checksum is unfinished when it holds the sum of the pseudo header alone, not inverted: what the
 * kernel leaves for a NIC to finish (Linux CHECKSUM_PARTIAL, with the length; NDIS large send
 * offload, without). Linux leaves the same in what GRO merged.
 */
#ifndef WEIR_CAPTURE_JUDGE_PACKET_H
#define WEIR_CAPTURE_JUDGE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/frame.h"
#include "packet/parse_inner.h"

enum judge_sum {
	JUDGE_SUM_NONE, /* nothing that has one, or UDP without */
	JUDGE_SUM_UNKNOWN, /* cannot be told: snapped, a fragment */
	JUDGE_SUM_RIGHT,
	JUDGE_SUM_UNFINISHED,
	JUDGE_SUM_WRONG,
};

enum judge_length {
	JUDGE_LENGTH_FITS,
	JUDGE_LENGTH_ZERO, /* IPv4 total length or IPv6 payload length 0, and there is a packet */
	JUDGE_LENGTH_JUMBO, /* IPv6 payload length 0, and the jumbo payload option */
	JUDGE_LENGTH_BEYOND, /* says more than the frame had */
	JUDGE_LENGTH_TRAILED, /* says less, and it is not the padding of a short frame */
};

struct judge_packet {
	struct headers outer, inner; /* inner.l3_length 0: no tunnel */
	bool snapped;
	uint32_t frame_bytes; /* as the record has them, Ethernet header included */
	uint32_t link_bytes; /* behind the Ethernet header and its tags */
	uint32_t ip_bytes; /* of the (outer) IP packet that are in the frame; 0: not IP */
	uint32_t ip_says_bytes; /* its length by its own header; where that is 0, as ip_bytes */
	uint8_t hop_limit; /* outer; TTL */
	enum judge_length length; /* outer */
	enum judge_sum ip_sum; /* of IPv4 headers, outer and inner, the worst */
	bool ip_sum_zero; /* one that is not right is 0 */
	enum judge_sum l4_sum; /* of TCP, UDP and ICMP, the worst */

	/* Of the packet inside, or the only one. */
	uint8_t version; /* 4 or 6; 0: no IP */
	uint8_t protocol;
	uint8_t addresses[2][16]; /* source, destination; IPv4 in the first 4 bytes */
	uint16_t ports[2]; /* 0 without TCP or UDP */
	bool has_l4; /* TCP or UDP, and the sizes below */
	uint16_t overhead_bytes; /* outer IP header up to the payload of TCP or UDP */
	uint16_t option_bytes; /* of TCP */
	uint32_t payload_bytes; /* of TCP or UDP */
	bool syn, ack;
	uint16_t mss; /* in a SYN; 0: none */
};

void judge_packet_read(const struct frame *frame, struct judge_packet *ret_packet);

/* VXLAN, GRE, ... ; NULL: no tunnel. */
const char *judge_tunnel_name(const struct judge_packet *packet);

#endif
