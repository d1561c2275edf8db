/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges the frames of a capture: which cannot have been on the wire as they were captured, and
 * why. The capture is read twice: first all of it is learned from (MTU, MSS, who sends with
 * unfinished checksums), then each frame is judged. Each interface of the file is a point of its
 * own, with its own findings: weir's captures have one for each tap.
 *
 * Threads: one at a time a judge. No EAL. 9 MiB, however large the capture.
 */
#ifndef WEIR_CAPTURE_JUDGE_H
#define WEIR_CAPTURE_JUDGE_H

#include "base/error.h"
#include "capture/judge_evidence.h"
#include "capture/judge_kinds.h"
#include "capture/reader.h"

/* What weir does at a point, by the interface's name. */
enum judge_role {
	JUDGE_ROLE_NONE, /* not a name that weir gives */
	JUDGE_ROLE_BEFORE, /* rx, steered, drop: as it came */
	JUDGE_ROLE_MERGED, /* gro, stages: behind weir's GRO */
	JUDGE_ROLE_SPLIT, /* gso, tx: behind weir's GSO */
};

enum judge_mtu_source {
	JUDGE_MTU_GIVEN,
	JUDGE_MTU_HANDSHAKE, /* both ends announced an MSS; the smaller one */
	JUDGE_MTU_SYN, /* one end did */
	JUDGE_MTU_SIZES, /* one size is the largest and the most frequent of all large ones */
	JUDGE_MTU_ETHERNET, /* nothing says that it is more than the usual 1500 */
};

/* A frame, to be shown. */
struct judge_example {
	uint64_t number; /* as struct capture_origin has it; 0: none */
	struct judge_packet packet;
	uint32_t segment_bytes; /* payload of each segment it stands for; 0: not known */
};

enum { JUDGE_SENDERS_MAX = 8, JUDGE_POINTS_MAX = 64 };

struct judge_sender {
	uint8_t version; /* 4, 6; 0: no IP */
	uint8_t address[16];
	uint64_t frames;
};

struct judge_finding {
	uint64_t frames;
	uint64_t first, last; /* numbers */
	struct judge_example example; /* the largest of those too large, else the first */
	struct judge_sender senders[JUDGE_SENDERS_MAX]; /* the first so many that were met */
	uint64_t other_senders_frames;
	uint64_t longest; /* bursts: frames in the longest */
	/* Of frames that are too large: */
	uint64_t only_mss; /* below the MTU, and beyond the receiver's MSS */
	uint64_t unfinished, wrong; /* checksums */
	uint64_t evidence[JUDGE_EVIDENCE_COUNT];
};

struct judge_point {
	uint32_t interface; /* as struct capture_origin has it */
	char name[RECORD_NAME_BYTES]; /* printable ASCII; "": none */
	enum judge_role role;
	uint32_t mtu_bytes;
	enum judge_mtu_source mtu_source;
	uint64_t mtu_frame; /* the SYN that says so; 0: none */
	uint64_t frames;
	uint64_t impossible; /* frames with at least one finding that says so */
	struct judge_finding findings[JUDGE_KIND_COUNT];
};

struct judge;

/* `mtu_bytes` of every link; 0: to be found out. NULL with `error`. */
struct judge *judge_create(uint32_t mtu_bytes, struct error *error);
struct judge *judge_destroy(struct judge *judge);

/* Each frame of the first reading, or as many as can be read again. */
void judge_learn(
	struct judge *judge, const struct frame *frame, const struct capture_origin *origin);

/* Each frame of the second reading. Returns 1 << enum judge_kind for each finding, and the frame
 * in *ret_shown. */
uint32_t judge_frame(struct judge *judge, const struct frame *frame,
	const struct capture_origin *origin, struct judge_example *ret_shown);

/* In the order in which they were met. Beyond JUDGE_POINTS_MAX, the last one holds all others. */
unsigned judge_point_count(const struct judge *judge);
const struct judge_point *judge_point(const struct judge *judge, unsigned index);

/* Where frames of this interface are counted; `judge_frame` or `judge_learn` has seen one. */
const struct judge_point *judge_point_of(struct judge *judge, const struct capture_origin *origin);

#endif
