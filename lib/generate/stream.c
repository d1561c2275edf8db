/* SPDX-License-Identifier: BSD-3-Clause */
#include "generate/stream.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

#include "generate/random.h"

enum step {
	STEP_SYN,
	STEP_SYN_ACK,
	STEP_ACK,
	STEP_REQUEST,
	STEP_RESPONSE,
	STEP_FIN,
	STEP_FIN_ACK,
	STEP_LAST_ACK
};

enum { ROUNDS_MAX = 4, SEGMENTS_MAX = 32, ACK_EVERY = 2 };
enum { REQUEST_MIN_BYTES = 40, REQUEST_MAX_BYTES = 400 };
enum { WINDOW_SYN = 64240, WINDOW_SCALE = 7, WINDOW = 2048 }; /* 256 KiB: never full */
enum { SERVER_CLOCK_AHEAD_MS = 1234567 };
enum { WRAP_ONE_IN = 8, WRAP_WITHIN_BYTES = 4096 };

static uint8_t *put16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	return (uint8_t *)memcpy(at, &value, 2) + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	return (uint8_t *)memcpy(at, &value, 4) + 4;
}

static uint8_t *put_timestamps(uint8_t *at, uint32_t value, uint32_t echo)
{
	*at++ = TCPOPT_TIMESTAMP;
	*at++ = TCPOLEN_TIMESTAMP;
	at = put32(at, value);
	return put32(at, echo);
}

/* In the order Linux sends them. */
static void put_options(struct tcp_segment *segment, uint16_t mss, uint32_t now, uint32_t echo)
{
	uint8_t *at = segment->options;

	if (segment->flags & TCP_SYN) {
		*at++ = TCPOPT_MAXSEG;
		*at++ = TCPOLEN_MAXSEG;
		at = put16(at, mss);
		*at++ = TCPOPT_SACK_PERMITTED;
		*at++ = TCPOLEN_SACK_PERMITTED;
		at = put_timestamps(at, now, echo);
		*at++ = TCPOPT_NOP;
		*at++ = TCPOPT_WINDOW;
		*at++ = TCPOLEN_WINDOW;
		*at++ = WINDOW_SCALE;
	} else {
		*at++ = TCPOPT_NOP;
		*at++ = TCPOPT_NOP;
		at = put_timestamps(at, now, echo);
	}
	segment->option_bytes = (uint32_t)(at - segment->options);
}

static void open_connection(struct stream *stream, uint64_t *random)
{
	for (int side = 0; side < 2; side++) {
		uint64_t number = random_next(random);

		stream->sequence[side] = (uint32_t)(number >> 32);
		if (number % WRAP_ONE_IN == 0)
			stream->sequence[side] = -(1 + stream->sequence[side] % WRAP_WITHIN_BYTES);
		stream->echo[side] = 0;
		if (stream->connection == 0)
			stream->ip_id[side] = (uint16_t)(number >> 8);
	}
	stream->rounds = (uint8_t)(1 + random_below(random, ROUNDS_MAX));
}

/* A request as long as chance and the segment allow. */
static uint32_t request(struct stream *stream, const struct stream_context *context)
{
	uint32_t bytes = REQUEST_MIN_BYTES +
		random_below(context->random, REQUEST_MAX_BYTES - REQUEST_MIN_BYTES + 1);

	stream->rounds--;
	stream->segments = (uint8_t)(1 + random_below(context->random, SEGMENTS_MAX));
	stream->unacknowledged = 0;
	return bytes < context->payload_max ? bytes : context->payload_max;
}

/* One packet of a response: the next segment, or the client's acknowledgement. */
static void response(
	struct stream *stream, const struct stream_context *context, struct tcp_segment *segment)
{
	if (stream->unacknowledged == ACK_EVERY || stream->segments == 0) {
		stream->unacknowledged = 0;
		if (stream->segments == 0)
			stream->step = stream->rounds > 0 ? STEP_REQUEST : STEP_FIN;
		return;
	}
	segment->from = FLOW_SERVER;
	segment->payload_bytes = context->payload_max;
	stream->unacknowledged++;
	if (--stream->segments == 0) {
		segment->flags |= TCP_PSH;
		segment->payload_bytes = 1 + random_below(context->random, context->payload_max);
	}
}

/* Direction, flags and payload of the next packet; moves to the following step. */
static void advance(
	struct stream *stream, const struct stream_context *context, struct tcp_segment *segment)
{
	segment->from = FLOW_CLIENT;
	segment->flags = TCP_ACK;
	segment->payload_bytes = 0;
	switch ((enum step)stream->step) {
	case STEP_SYN:
		open_connection(stream, context->random);
		segment->flags = TCP_SYN;
		stream->step = STEP_SYN_ACK;
		break;
	case STEP_SYN_ACK:
		segment->from = FLOW_SERVER;
		segment->flags = TCP_SYN | TCP_ACK;
		stream->step = STEP_ACK;
		break;
	case STEP_ACK: stream->step = STEP_REQUEST; break;
	case STEP_REQUEST:
		segment->flags |= TCP_PSH;
		segment->payload_bytes = request(stream, context);
		stream->step = STEP_RESPONSE;
		break;
	case STEP_RESPONSE: response(stream, context, segment); break;
	case STEP_FIN:
		segment->flags |= TCP_FIN;
		stream->step = STEP_FIN_ACK;
		break;
	case STEP_FIN_ACK:
		segment->from = FLOW_SERVER;
		segment->flags |= TCP_FIN;
		stream->step = STEP_LAST_ACK;
		break;
	case STEP_LAST_ACK:
		stream->connection++;
		stream->step = STEP_SYN;
		break;
	}
}

uint16_t stream_next(struct stream *stream, const struct stream_context *context,
	struct tcp_segment *ret_segment)
{
	enum flow_side from, to;
	uint32_t now;

	advance(stream, context, ret_segment);
	from = ret_segment->from;
	to = !from;
	now = context->clock_ms + from * SERVER_CLOCK_AHEAD_MS;
	ret_segment->sequence = stream->sequence[from];
	ret_segment->acknowledgement = ret_segment->flags & TCP_ACK ? stream->sequence[to] : 0;
	ret_segment->window = ret_segment->flags & TCP_SYN ? WINDOW_SYN : WINDOW;
	put_options(ret_segment, context->mss, now, stream->echo[from]);
	/* RFC 7323 section 4.3: with delayed ACKs the first segment not yet acknowledged is echoed.
	 */
	if (stream->unacknowledged < ACK_EVERY)
		stream->echo[to] = now;
	stream->sequence[from] += ret_segment->payload_bytes + !!(ret_segment->flags & TCP_SYN) +
		!!(ret_segment->flags & TCP_FIN);
	return stream->ip_id[from]++;
}
