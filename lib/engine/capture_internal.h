/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture from the inside: what its thread and those who start and stop it share. */
#ifndef WEIR_ENGINE_CAPTURE_INTERNAL_H
#define WEIR_ENGINE_CAPTURE_INTERNAL_H

#include <pthread.h>

#include "capture/file_ring.h"
#include "capture/pcapng_writer.h"
#include "engine/capture_tap.h"
#include "engine/engine_internal.h"

enum capture_place {
	CAPTURE_RX,
	CAPTURE_STEERED,
	CAPTURE_GRO,
	CAPTURE_STAGE, /* by index or type */
	CAPTURE_GSO,
	CAPTURE_TX,
	CAPTURE_DROP,
};

struct capture_point {
	char name[CAPTURE_POINT_NAME_MAX];
	enum capture_place place;
	int stage; /* CAPTURE_STAGE: among the configured ones, or -1: by the type that is its name
		    */
};

/* From cycles to the time of day, anchored anew now and then: DPDK knows the TSC's rate to 1 MHz
 * only, and the clock of the day is being corrected. Of the capture's thread. */
struct capture_clock {
	uint64_t anchor_tsc, anchor_ns;
	double ns_per_cycle;
};

struct capture {
	struct engine *engine;
	struct capture_filter filter;
	char *filter_text; /* NULL: none */
	unsigned point_count;
	struct capture_point points[CAPTURE_POINTS_MAX];
	uint32_t snap_bytes;
	uint64_t packets_max, trace;
	uint64_t numbers_left; /* atomic. Writers: workers */
	uint16_t lane_count;
	struct capture_lane *lanes; /* [lane_count], by worker */
	pthread_t thread;
	bool held; /* by whoever started it: not ended but by engine_capture_stop() */
	bool stop; /* atomic. Writer: who wants it to end */
	bool over; /* atomic. Writer: its thread; workers copy no more */
	bool done; /* atomic. Writer: its thread; it is about to return */
	/* Of its thread from its start on. */
	int socket; /* -1: */
	struct file_ring *files;
	char *file;
	bool reader_ended;
	int failure; /* errno of the output */
	uint64_t written[CAPTURE_POINTS_MAX];
	uint64_t written_all;
	struct capture_clock clock;
	uint8_t *buffer; /* for a socket: blocks that wait to be sent */
	size_t buffered;
};

/* capture_points.c. "stage0" and such; -EINVAL when no pipeline has it. */
int capture_points_parse(struct capture *capture, const char *const *names, struct error *error);
/* Workers parked: the taps that all captures of the engine ask for, linked. What is left of those
 * that ask no more is harmless, also after an error. */
int capture_taps_set(struct engine *engine, struct error *error);
void capture_taps_free(struct engine *engine);

/* capture_comment.c: what a packet's comment says. Returns its length. */
size_t capture_comment(const struct capture *capture, const struct capture_record *record,
	char *text, size_t size);

/* capture_output.c: to the socket or into files. After a failure nothing more is written. */
int capture_output_open(
	struct capture *capture, const struct capture_settings *settings, struct error *error);
void capture_output_begin(struct capture *capture); /* section and interfaces */
void capture_output_record(struct capture *capture, const struct capture_record *record);
void capture_output_statistics(struct capture *capture);
void capture_output_flush(struct capture *capture);
/* Whether the reader of the socket ended its side. */
bool capture_output_reader_ended(struct capture *capture);
int capture_output_close(struct capture *capture, struct error *error);

void capture_clock_begin(struct capture_clock *clock, uint64_t tsc_hz);
void capture_clock_follow(struct capture_clock *clock);
uint64_t capture_clock_ns(const struct capture_clock *clock, uint64_t tsc);

/* capture_thread.c: its argument is the capture. */
void *capture_main(void *argument);

#endif
