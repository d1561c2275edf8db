/* SPDX-License-Identifier: BSD-3-Clause */
/* What `weir trace` gathered of packets on their way, and how it tells each packet's story. */
#ifndef WEIR_APP_TRACE_STORY_H
#define WEIR_APP_TRACE_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "capture/pcapng_writer.h"
#include "packet_line.h"

enum { TRACE_POINTS_MAX = 24 };

/* One packet at one point. */
struct trace_event {
	uint64_t number; /* of the packet; of a merged one, the first it was made of */
	uint64_t time_ns;
	uint32_t length;
	uint8_t point;
	char line[PACKET_LINE_MAX];
	struct packet_words words; /* empty: no IP packet */
	char comment[PCAPNG_COMMENT_MAX]; /* where, and what happened */
};

struct trace {
	unsigned point_count;
	char points[TRACE_POINTS_MAX][64]; /* "stage0 (macswap)" */
	size_t count, room;
	struct trace_event *events; /* as they came */
	uint64_t packets; /* that have a number */
};

/* 0, -ENOMEM, or -EPROTO: no packet of a trace. */
int trace_add(struct trace *trace, const struct pcapng_packet *packet);
void trace_free(struct trace *trace);

/* What rx saw of a packet; NULL: its copy was lost. */
const struct trace_event *trace_received(const struct trace *trace, uint64_t number);

/* The way of packet `number`, a line a point. `decided`: what steering decided, printed behind rx;
 * NULL: nothing to say. */
void trace_tell(FILE *out, const struct trace *trace, uint64_t number, const char *decided);

#endif
