/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all of a capture says about one of its frames: the MSS its receiver announced, the segments
 * its flow sends, and who made it larger than they are: its sender before the wire, or its receiver
 * behind it.
 *
 * Threads: one at a time. Memory stays the same however large the capture (judge_table.h).
 */
#ifndef WEIR_CAPTURE_JUDGE_EVIDENCE_H
#define WEIR_CAPTURE_JUDGE_EVIDENCE_H

#include "capture/judge_packet.h"
#include "capture/judge_table.h"
#include "capture/record.h"

/* X(name, what it says): how it is known. */
#define JUDGE_EVIDENCE(X)                                                                          \
	X(none, "nothing in the capture tells which")                                              \
	X(marked_sent, "the capture marks them as outgoing, hence before the split")               \
	X(marked_received, "the capture marks them as incoming, hence behind the merge")           \
	X(hops, "their hop limit says that they came through routers, hence to the receiver")      \
	X(small_unfinished,                                                                        \
		"this sender's small frames have unfinished checksums too, so it was captured on " \
		"the sending side of its NIC")                                                     \
	X(small_right,                                                                             \
		"this sender's small frames have right checksums and these have unfinished ones, " \
		"which is what Linux GRO leaves behind")                                           \
	X(right, "their checksums are right for the whole, which is what a merge computes anew")   \
	X(wrong,                                                                                   \
		"their checksums are wrong and the small frames' right: the merge kept that of "   \
		"one segment")                                                                     \
	X(unfinished, "their checksums are unfinished, and nothing of this sender is small")

enum judge_evidence_kind {
#define X(name, text) JUDGE_EVIDENCE_##name,
	JUDGE_EVIDENCE(X)
#undef X
		JUDGE_EVIDENCE_COUNT
};

struct judge_evidence_info {
	const char *name;
	const char *text;
};
extern const struct judge_evidence_info judge_evidence_infos[JUDGE_EVIDENCE_COUNT];

enum judge_cause { JUDGE_CAUSE_EITHER, JUDGE_CAUSE_SENDER, JUDGE_CAUSE_RECEIVER };

struct judge_evidence {
	struct judge_table flows, hosts;
};

/* 0 or -ENOMEM; fini takes what init left half done. */
int judge_evidence_init(struct judge_evidence *evidence);
void judge_evidence_fini(struct judge_evidence *evidence);

/* `point` tells interfaces apart: a host may be local to one and remote to another. */
void judge_evidence_learn(
	struct judge_evidence *evidence, unsigned point, const struct judge_packet *packet);

/* That the receiver of this packet announced, in a SYN of the capture; 0: not known. */
uint16_t judge_evidence_mss(struct judge_evidence *evidence, const struct judge_packet *packet);

/* The payload of each segment, but the last, that this packet stands for; 0: not known. */
uint32_t judge_evidence_segment(
	struct judge_evidence *evidence, const struct judge_packet *packet, uint32_t mtu_bytes);

/* Of a packet that is too large. */
enum judge_cause judge_evidence_cause(struct judge_evidence *evidence, unsigned point,
	const struct judge_packet *packet, enum record_direction direction,
	enum judge_evidence_kind *ret_kind);

#endif
