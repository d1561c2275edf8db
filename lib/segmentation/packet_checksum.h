/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checksums of packets: IPv4's header, TCP, UDP, SCTP, ICMP and ICMPv6, checked where they were
 * received and made where they are sent. packet_type, l2_len and l3_len are those of
 * steering/receive.h: of a tunnel, the outer headers'.
 *
 * A layer 4 checksum is neither judged nor written when what it covers is not all there or not
 * known:
 *     - fragments, and packets of which IP says more than there is (snapped);
 *     - source routed ones that have not arrived yet: the sum is over another destination (RFC 791,
 *       RFC 8200 section 8.1);
 *     - IPv4 of more than 65535 bytes: its pseudo header cannot say so many. A total length of 0
 *       means all there is;
 *     - UDP that says that it has none (0), unless it is over IPv6 and no tunnel (RFC 6935);
 *     - UDP whose own length is less than its header or more than IP's. Where it is less than IP's
 *       it counts (RFC 9868). Ethernet's padding never counts.
 * Super-packets (super_packet.h) have sums of pseudo headers only: they are left alone.
 *
 * Packets may be chains. Threads: any, on packets of its own. No EAL: mbufs are plain data here.
 */
#ifndef WEIR_SEGMENTATION_PACKET_CHECKSUM_H
#define WEIR_SEGMENTATION_PACKET_CHECKSUM_H

#include <stdint.h>

#include <rte_mbuf.h>

/*
 * Judges what the device has not: leaves RTE_MBUF_F_RX_IP_CKSUM_GOOD or _BAD, and
 * RTE_MBUF_F_RX_L4_CKSUM_GOOD or _BAD, in ol_flags. A judgement that is there already stays, _NONE
 * (layer 4 is right, its field is not) too. Layer 4 of a packet with a bad IPv4 header is not
 * judged. Packets are read, never written. Returns how many of them are marked as bad now, by
 * whomever.
 */
unsigned packet_checksum_verify(struct rte_mbuf *const packets[], unsigned count);

/*
 * Writes them anew, whatever they were, or leaves it to the device, with the header lengths and
 * RTE_MBUF_F_TX_* flags that this takes: `tx_offloads` are the RTE_ETH_TX_OFFLOAD_{IPV4,TCP,UDP,
 * SCTP}_CKSUM that it does. Headers which do not lie in the first segment keep their checksums.
 */
void packet_checksum_fill(struct rte_mbuf *const packets[], unsigned count, uint64_t tx_offloads);

#endif
