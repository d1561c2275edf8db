/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmarks of GRO and GSO share: packets that are as new in each round, alternations,
 * and rows as scripts/bench reads them. */
#ifndef WEIR_SEGMENT_PACKETS_H
#define WEIR_SEGMENT_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

enum { SEGMENT_HEADERS_MAX = 96, ROUNDS = 11, BURST = 64 };

/* EAL without devices, in huge pages if there are; super_note_register(). */
void segment_init(char *program);
struct rte_mempool *segment_pool(const char *name, unsigned buffers, unsigned bytes);

/* Writes Ethernet, IP and TCP with timestamps, checksums right for the payload that stands behind;
 * returns how many bytes of headers. flow, index: which packet of which flow. */
unsigned segment_headers(uint8_t *frame, bool ipv6, unsigned flow, unsigned index,
	unsigned payload_bytes, bool timestamps);
/* The mbuf's lengths and packet type, one buffer of `bytes`. */
void segment_describe(struct rte_mbuf *packet, bool ipv6, unsigned header_bytes, unsigned bytes);

/* The time of many small steps: those that something else came between, much longer than most,
 * count as long as 8 of the median. */
void segment_time_begin(void);
void segment_time_start(void); /* of a step that something came before */
void segment_time_step(void); /* its end, and the start of the next */
double segment_time_end(void);

/* Two things measured in turns, in cycles (TSC) each; `peer` may be NULL: the row then has its
 * value alone. `inverse`: the ratio is ours to theirs. */
void segment_row(const char *name, double (*weir)(void), const char *peer_name,
	double (*peer)(void), const char *goal, bool inverse);
/* Numbers that were measured already. */
void segment_row_values(const char *name, const char *unit, double weir, const char *peer_name,
	double peer, const char *goal);
void segment_rows_begin(const char *group, bool json);
void segment_rows_end(void);

#endif
