/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads capture files as Ethernet frames: pcap and pcapng, micro- and nanoseconds, both byte
 * orders, several sections and interfaces, mixed link types, snapped packets, a file cut
 * mid-record. EN10MB passes as it is; RAW, NULL/LOOP, SLL and SLL2 get an Ethernet header; anything
 * else is skipped and counted by reason. A hostile file never does more than end early with a
 * reason.
 *
 * Threads: one at a time a reader. No EAL.
 */
#ifndef WEIR_CAPTURE_READER_H
#define WEIR_CAPTURE_READER_H

#include <stdint.h>

#include "base/error.h"
#include "capture/record.h"
#include "packet/frame.h"

/* X(name, description): why a record of a capture was not replayed. */
#define SKIP_REASONS(X)                                                                            \
	X(link_type, "its link type cannot be made into an Ethernet frame")                        \
	X(no_payload, "no network-layer protocol in its link header that Ethernet could carry")    \
	X(too_short, "shorter than its link header")                                               \
	X(too_long, "longer than 256 KiB")                                                         \
	X(snapped, "snapped when captured, and such packets were asked to be skipped")             \
	X(damaged, "the file is cut or damaged at this record")

enum skip_reason {
#define X(name, description) SKIP_##name,
	SKIP_REASONS(X)
#undef X
		SKIP_REASON_COUNT
};

struct skip_reason_info {
	const char *name;
	const char *description;
};
extern const struct skip_reason_info skip_reason_infos[SKIP_REASON_COUNT];

struct capture_counts {
	uint64_t read; /* records met, skipped ones included; a record cut by the end of file too */
	uint64_t frames; /* given out */
	uint64_t bytes; /* given out */
	uint64_t snapped; /* given out although captured shorter than they were */
	uint64_t time_backwards; /* records older than the one before */
	uint64_t skipped[SKIP_REASON_COUNT];
};

/* Where the frame given out last comes from. */
struct capture_origin {
	uint64_t number; /* of its record in the file, from 1, as Wireshark counts */
	uint32_t interface; /* counted from 0 over all sections; 0 in pcap files */
	const char *interface_name; /* "": none; valid as the frame's bytes are */
	uint32_t link_type; /* that it was captured with, as in record.h */
	enum record_direction direction; /* as pcapng's flags and the SLL headers say */
	bool timed; /* false: the time is that of the record before */
};

struct capture_reader;

/* "-" is standard input. A pipe is read as it comes, so that it can be live; memory stays the same
 * however large the file. NULL with `error` when it cannot be opened or is no capture file. */
struct capture_reader *capture_reader_open(const char *path, struct error *error);
/* Over bytes in memory, which must outlive the reader. For tests and fuzzing. */
struct capture_reader *capture_reader_open_memory(
	const void *bytes, uint64_t length, struct error *error);
struct capture_reader *capture_reader_close(struct capture_reader *reader);

/* 1: *ret_frame is the next frame, valid until the next call. 0: the end, or where the file is cut
 * (see counts). -errno: reading failed, see `error`; -EINTR: a signal came while waiting at a pipe,
 * and the call may be repeated. */
int capture_reader_next(
	struct capture_reader *reader, struct frame *ret_frame, struct error *error);

/* Of the last frame that capture_reader_next() gave. */
struct capture_origin capture_reader_origin(const struct capture_reader *reader);

/* Back to the first record; counts start anew. 0 or -errno: -ESPIPE for a pipe of which more than
 * the first MiB has been read. */
int capture_reader_rewind(struct capture_reader *reader, struct error *error);

/* Valid as long as the reader. */
const struct capture_counts *capture_reader_counts(const struct capture_reader *reader);

/* A name for the format: "pcap, nanoseconds, big-endian", "pcapng, 2 sections, 3 interfaces so
 * far". */
const char *capture_reader_format(struct capture_reader *reader);

#endif
