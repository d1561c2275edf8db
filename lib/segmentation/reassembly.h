/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts IPv4 and IPv6 fragments together again: mbuf chains, no payload is copied. The headers, the
 * Ethernet ones included, are the first fragment's; the IPv4 checksum is updated, so that a wrong
 * one stays wrong. An IPv6 packet loses its fragment header, a lone ("atomic") fragment at once
 * (RFC 6946).
 *
 * What cannot become whole is dropped: fragments that overlap take their whole datagram, and what
 * still comes of it, with them (RFC 8200 section 4.5; the same for IPv4); so do those that
 * contradict each other's end, that would make more than 65535 bytes or that mix packets with and
 * without ECN (RFC 3168 section 5.3); an exact duplicate goes alone, and so does a fragment that is
 * malformed or snapped. Fragments whose headers lie in several segments are let through.
 *
 * Not rte_ip_frag's: as Debian builds it, it keeps 8 fragments a datagram, and 64 KiB are 45.
 *
 * Time comes in as an argument. One thread an instance. EAL is needed for memory and mbufs only.
 * Sources: RFC 791, 815, 5722, 6946, 8200; Linux net/ipv4/ip_fragment.c, inet_fragment.c.
 */
#ifndef WEIR_SEGMENTATION_REASSEMBLY_H
#define WEIR_SEGMENTATION_REASSEMBLY_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "base/error.h"

/* A datagram in more pieces is none: 65535 bytes in pieces of 256. */
enum { REASSEMBLY_FRAGMENTS_MAX = 256 };

struct reassembly_settings {
	uint32_t datagrams; /* that wait at a time; a further one takes the oldest one's place */
	uint32_t fragments; /* that wait at a time, of all datagrams; the same */
	uint64_t timeout_tsc; /* since its first fragment came */
	/* Takes a fragment that is dropped, to free it. */
	void (*drop)(void *context, struct rte_mbuf *fragment);
	void *context;
};

struct reassembly_counters { /* writer: the thread that calls; readers: any, each a whole word */
	uint64_t fragments; /* that came */
	uint64_t whole; /* datagrams that became so */
	uint64_t merged; /* fragments that became part of another one */
	uint64_t timeouts; /* datagrams dropped: waited for too long */
	uint64_t displaced; /* datagrams dropped: room was needed */
	uint64_t rejected; /* datagrams dropped: overlaps, contradictions, too long */
	uint64_t malformed; /* fragments dropped alone */
	uint64_t duplicates; /* the same */
};

struct reassembly;

/* Memory of `socket`. */
struct reassembly *reassembly_create(
	const struct reassembly_settings *settings, int socket, struct error *error);
/* Nothing waits any more: see reassembly_release(). Takes NULL, returns NULL. */
struct reassembly *reassembly_destroy(struct reassembly *reassembly);

/* Takes a packet with packet_type and lengths as receive_parse() sets them, writable. Returns what
 * goes on: it itself, if it is no fragment; the datagram it completed, parsed again; or NULL: it
 * waits, or was dropped. */
struct rte_mbuf *reassembly_receive(
	struct reassembly *reassembly, struct rte_mbuf *packet, uint64_t now_tsc);

/* Drops the datagrams that came before now_tsc - timeout_tsc. */
void reassembly_expire(struct reassembly *reassembly, uint64_t now_tsc);

/* Lets go of fragments, at most `room`, the oldest datagram first, as they came; returns how many.
 * 0: none waits. */
unsigned reassembly_release(
	struct reassembly *reassembly, struct rte_mbuf *ret_packets[], unsigned room);

/* Fragments that wait now. */
uint32_t reassembly_held(const struct reassembly *reassembly);

const struct reassembly_counters *reassembly_counters(const struct reassembly *reassembly);

#endif
