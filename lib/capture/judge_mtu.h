/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the MTU of the link that a capture was taken on. It is never taken to be below 1500: a
 * smaller MSS tells of a smaller MTU somewhere on the path, not here.
 */
#ifndef WEIR_CAPTURE_JUDGE_MTU_H
#define WEIR_CAPTURE_JUDGE_MTU_H

#include "capture/judge_evidence.h"

struct judge_mtu {
	uint32_t pair_bytes, syn_bytes; /* the largest by each kind of evidence; 0: none */
	uint64_t pair_frame, syn_frame;
	/* Which size most large packets have (Boyer and Moore's majority vote), and the largest. */
	uint32_t size_bytes, largest_bytes;
	uint64_t votes;
};

struct judge_point;

/* After judge_evidence_learn() of the same packet, which knows the other end's SYN. */
void judge_mtu_learn(struct judge_mtu *mtu, struct judge_evidence *evidence,
	const struct judge_packet *packet, uint64_t number);

/* Fills the point's mtu_*. */
void judge_mtu_settle(const struct judge_mtu *mtu, struct judge_point *point);

#endif
