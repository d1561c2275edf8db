/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes new flows of replayed ones, so that each loop over a capture looks like other clients.
 *
 * The mapping, for loop n > 0 (loop 0 is the capture as it is): each address and port is combined
 * by exclusive or with a mask that depends on n alone.
 *
 *     IPv4    the lower 24 bits; the lower 16 within 100, 169, 172, 192, 198 and 203/8, so that
 *             private, shared, link-local and documentation networks stay what they are
 *     IPv6    bits 32 to 63 (the subnet): interface identifiers stay
 *     ports   the lower 15 bits of TCP, UDP and DCCP ports from 32768 up: services keep theirs
 *
 * So an endpoint becomes the same endpoint wherever it occurs in a loop, as source or destination;
 * different ones stay different; hosts of one subnet share one again. Masks are never 0 and all
 * different for 2^24 loops (2^16 in the networks cut to 16 bits); after that they repeat.
 *
 * Left as they are: IPv4 0/8, 169.254/16, multicast, class E and broadcast (a subnet's own
 * broadcast address cannot be told from a host's); IPv6 multicast, link-local and ::/32; whole
 * packets of ARP and neighbour discovery; SCTP ports (its CRC covers them); addresses inside a
 * payload, a tunnel or an ICMP error.
 *
 * IPv4, TCP, UDP, DCCP and ICMPv6 checksums are updated, not computed: a wrong one stays wrong by
 * the same difference, UDP's 0 stays 0, and a first fragment carries the change for its datagram.
 * (Only where a first fragment is too short to hold the checksum field it is lost.) Where a routing
 * header has segments left, the destination is no part of the checksum and is not counted.
 */
#ifndef WEIR_PACKET_REWRITE_H
#define WEIR_PACKET_REWRITE_H

#include <stdint.h>

#include "packet/parse.h"

/* `headers`: of these bytes, by parse_headers(). Touches only frame[0..length): any bytes, and any
 * headers, are safe. Pure; any thread. */
void rewrite_flow(uint8_t *frame, uint32_t length, const struct headers *headers, uint64_t loop);

#endif
