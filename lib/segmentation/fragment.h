/* SPDX-License-Identifier: BSD-3-Clause */
/* One IP fragment: what it says of itself, and how several become a packet. */
#ifndef WEIR_SEGMENTATION_FRAGMENT_H
#define WEIR_SEGMENTATION_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/* What the fragments of one datagram have in common. Compared and hashed as it lies in memory. */
struct fragment_key {
	uint8_t source[16], destination[16]; /* IPv4: the first 4 bytes, zeros behind */
	uint32_t id;
	uint16_t vlans[3]; /* VLAN ids + 1, of the mbuf, outer and inner; 0: none */
	uint8_t protocol; /* IPv4's; 0 for IPv6, where only the first fragment tells */
	uint8_t version;
};
_Static_assert(sizeof(struct fragment_key) == 44, "no padding to compare");

struct fragment {
	struct fragment_key key;
	uint32_t offset, bytes; /* of the datagram's payload */
	uint16_t header_bytes; /* Ethernet and IP, IPv6's fragment header included */
	uint8_t ecn; /* 1 << its ECN field */
	bool more; /* fragments follow */
};

enum fragment_kind {
	FRAGMENT_NONE, /* not a fragment, or its headers are not all in the first segment */
	FRAGMENT_MALFORMED, /* or not all there */
	FRAGMENT_FINE,
};

enum fragment_kind fragment_read(const struct rte_mbuf *packet, struct fragment *ret_fragment);

/* Leaves the packet its first `length` bytes, at least 1: without Ethernet's padding. */
void fragment_trim(struct rte_mbuf *packet, uint32_t length);

/* Takes the headers of a fragment that is not the first away. */
struct rte_mbuf *fragment_payload(struct rte_mbuf *packet, uint16_t header_bytes);

/* Makes the headers of `packet`, first fragment (of header_bytes) and all that followed, those of
 * a whole packet. `ecns`: all fragments' `ecn`. false: it would be too long. */
bool fragment_finish(struct rte_mbuf *packet, uint16_t header_bytes, uint8_t ecns);

#endif
