/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a capture's pcapng goes: blocks are made in a buffer and go to a socket, or into files. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/capture_internal.h"

enum { BUFFER_BYTES = 1 << 20, WAIT_MS = 100 };
/* A reader that takes nothing is waited for while the capture runs, and so long at its end. */
enum { LAST_WAITS = 20 };
_Static_assert(BUFFER_BYTES >= 2 * (PCAPNG_SNAP_MAX + PCAPNG_AROUND_MAX), "any block fits");

/* ---- the clock ---- */

#define ANCHOR_NS NS_PER_SECOND

void capture_clock_begin(struct capture_clock *clock, uint64_t tsc_hz)
{
	clock->anchor_tsc = tsc_now();
	clock->anchor_ns = clock_wall_ns();
	clock->ns_per_cycle = (double)NS_PER_SECOND / (double)tsc_hz;
}

void capture_clock_follow(struct capture_clock *clock)
{
	uint64_t tsc = tsc_now(), now_ns = clock_wall_ns();
	int64_t passed_ns = (int64_t)(now_ns - clock->anchor_ns);
	double rate;

	if (passed_ns >= 0 && passed_ns < (int64_t)ANCHOR_NS)
		return;
	/* A clock that was set says nothing about the rate. */
	rate = (double)passed_ns / (double)(tsc - clock->anchor_tsc);
	if (rate > clock->ns_per_cycle * 0.99 && rate < clock->ns_per_cycle * 1.01)
		clock->ns_per_cycle = rate;
	clock->anchor_tsc = tsc;
	clock->anchor_ns = now_ns;
}

uint64_t capture_clock_ns(const struct capture_clock *clock, uint64_t tsc)
{
	double cycles = (double)(int64_t)(tsc - clock->anchor_tsc);

	return clock->anchor_ns + (uint64_t)(int64_t)(cycles * clock->ns_per_cycle);
}

/* ---- the socket ---- */

bool capture_output_reader_ended(struct capture *capture)
{
	char ignored;

	if (capture->socket >= 0 && !capture->reader_ended)
		capture->reader_ended =
			recv(capture->socket, &ignored, sizeof(ignored), MSG_DONTWAIT) == 0;
	return capture->reader_ended;
}

/* Waits for room in the socket. false: nothing more will be sent. */
static bool socket_wait(struct capture *capture, unsigned *waits)
{
	struct pollfd room = {.fd = capture->socket, .events = POLLOUT};
	bool ends;

	if (poll(&room, 1, WAIT_MS) > 0)
		return true;
	ends = __atomic_load_n(&capture->stop, __ATOMIC_RELAXED) ||
		capture_output_reader_ended(capture);
	if (!ends || ++*waits < LAST_WAITS)
		return true;
	capture->failure = ETIMEDOUT;
	return false;
}

static void socket_send(struct capture *capture)
{
	unsigned waits = 0;
	size_t done = 0;

	while (done < capture->buffered && capture->failure == 0) {
		ssize_t sent = send(capture->socket, capture->buffer + done,
			capture->buffered - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			done += (size_t)sent;
			waits = 0;
		} else if (errno != EAGAIN && errno != EINTR) {
			capture->failure = errno;
		} else if (!socket_wait(capture, &waits)) {
			return;
		}
	}
	capture->buffered = 0;
}

void capture_output_flush(struct capture *capture)
{
	if (capture->failure != 0)
		return;
	if (capture->socket >= 0)
		socket_send(capture);
	else if (capture->files != NULL)
		capture->failure = -file_ring_flush(capture->files);
}

/* ---- blocks ---- */

/* Where the next block is made. */
static uint8_t *block_room(struct capture *capture, size_t *ret_room)
{
	if (BUFFER_BYTES - capture->buffered < PCAPNG_SNAP_MAX + PCAPNG_AROUND_MAX)
		capture_output_flush(capture);
	*ret_room = BUFFER_BYTES - capture->buffered;
	return capture->buffer + capture->buffered;
}

/* The block that was made there. `begins`: it belongs to the start of each file. */
static void block_done(struct capture *capture, size_t length, bool begins)
{
	if (capture->failure != 0)
		return;
	if (capture->socket >= 0)
		capture->buffered += length;
	else if (begins)
		capture->failure = -file_ring_begin(capture->files, capture->buffer, length);
	else
		capture->failure = -file_ring_write(capture->files, capture->buffer, length);
}

void capture_output_begin(struct capture *capture)
{
	size_t room;
	uint8_t *to = block_room(capture, &room);

	block_done(capture, pcapng_put_section(to, room, "weir"), true);
	for (unsigned i = 0; i < capture->point_count; i++) {
		struct pcapng_interface_info info = {
			.filter = capture->filter_text,
			.snap_bytes = capture->snap_bytes,
		};

		memcpy(info.name, capture->points[i].name, sizeof(capture->points[i].name));
		to = block_room(capture, &room);
		block_done(capture, pcapng_put_interface(to, room, &info), true);
	}
}

static enum pcapng_direction direction_at(const struct capture_point *point)
{
	return point->place == CAPTURE_RX    ? PCAPNG_INBOUND
		: point->place == CAPTURE_TX ? PCAPNG_OUTBOUND
					     : PCAPNG_ANY_WAY;
}

void capture_output_record(struct capture *capture, const struct capture_record *record)
{
	char comment[PCAPNG_COMMENT_MAX];
	struct pcapng_packet packet = {
		.interface = record->point,
		.time_ns = capture_clock_ns(&capture->clock, record->tsc),
		.bytes = (const uint8_t *)(record + 1) + record->parts * sizeof(uint64_t),
		.length = record->captured,
		.original_length = record->length,
		.comment = comment,
		.id = record->number,
		.queue = record->queue == CAPTURE_NO_QUEUE ? PCAPNG_NO_QUEUE : record->queue,
		.direction = direction_at(&capture->points[record->point]),
	};
	size_t room;
	uint8_t *to = block_room(capture, &room);

	packet.comment_length =
		(uint32_t)capture_comment(capture, record, comment, sizeof(comment));
	block_done(capture, pcapng_put_packet(to, room, &packet), false);
	if (capture->failure != 0)
		return;
	capture->written[record->point]++;
	capture->written_all++;
}

void capture_output_statistics(struct capture *capture)
{
	for (unsigned i = 0; i < capture->point_count; i++) {
		struct capture_point_counters counters;
		struct pcapng_statistics statistics = {
			.interface = i,
			.time_ns = clock_wall_ns(),
			.delivered = capture->written[i],
		};
		size_t room;
		uint8_t *to = block_room(capture, &room);

		engine_capture_counters(capture, i, &counters);
		statistics.received = counters.packets;
		statistics.accepted = counters.packets - counters.filtered;
		statistics.lost = counters.lost;
		block_done(capture, pcapng_put_statistics(to, room, &statistics), false);
	}
}

/* ---- open, close ---- */

int capture_output_open(
	struct capture *capture, const struct capture_settings *settings, struct error *error)
{
	capture->buffer = malloc(BUFFER_BYTES);
	capture->file = strdup(settings->file != NULL ? settings->file : "the reader");
	if (capture->buffer == NULL || capture->file == NULL)
		return error_set(error, ENOMEM, "no memory for a capture");
	if (capture->socket >= 0)
		return 0;
	capture->files =
		file_ring_open(settings->file, settings->file_bytes, settings->files, error);
	return capture->files != NULL ? 0 : -error->code;
}

int capture_output_close(struct capture *capture, struct error *error)
{
	struct error ignored = {0};
	int result;

	if (capture->socket >= 0)
		close(capture->socket);
	capture->socket = -1;
	result = file_ring_close(capture->files, error != NULL ? error : &ignored);
	capture->files = NULL;
	free(capture->buffer);
	free(capture->file);
	capture->buffer = NULL;
	capture->file = NULL;
	return result;
}
