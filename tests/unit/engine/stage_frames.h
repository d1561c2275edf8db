/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for tests of stages, built from a description, with checksums computed the slow and
 * obvious way: a word at a time, and a bit at a time for SCTP.
 */
#ifndef STAGE_FRAMES_H
#define STAGE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct frame_spec {
	unsigned vlan_tags;
	unsigned ip; /* 4, 6, or 0: not IP */
	unsigned options; /* bytes of IPv4 options or IPv6 extension header */
	unsigned protocol; /* IPPROTO_TCP, _UDP, _SCTP, _ICMP */
	unsigned tcp_options; /* bytes */
	unsigned payload; /* bytes */
	unsigned padding; /* bytes behind the IP packet */
	bool udp_none; /* UDP without checksum */
	bool fragment; /* IPv4: more fragments follow; IPv6: with a fragment header */
	unsigned fragment_place; /* in units of 8 bytes */
	unsigned first, rest; /* segment sizes, see packet_of() */
};

struct built_frame {
	struct frame_spec spec;
	uint8_t bytes[8192];
	uint32_t length;
	uint32_t packet_type;
	unsigned l2, l3, l4; /* lengths; l4 0: no layer 4 header */
};

/* The frame with random addresses, ports, payload and (wrong) checksums, from *seed on. */
void frame_build(struct built_frame *frame, const struct frame_spec *spec, uint64_t *seed);
/* A spec at random, TCP and UDP over IPv4 mostly. */
void frame_spec_random(struct frame_spec *spec, uint64_t *seed);
/* Writes the right checksums into `bytes`, laid out as `frame`. */
void frame_checksums(const struct built_frame *frame, uint8_t *bytes);
/* As the engine hands it to a stage: with headers found. */
struct rte_mbuf *frame_packet(const struct built_frame *frame);

uint64_t frame_random(uint64_t *seed);
/* RFC 1071 as it is written there; the result as a host number. */
uint16_t naive_sum(const uint8_t *bytes, uint32_t length, uint32_t start);

#endif
