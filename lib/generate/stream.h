/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TCP conversation after another, as a capture on the wire between the two ends shows it:
 * handshake, rounds of a small request and a response in full segments, each second of which is
 * acknowledged, orderly end; then the same again from the client's next port.
 *
 *     client                          server
 *       SYN            ->
 *                      <-   SYN ACK
 *       ACK            ->
 *       PSH ACK        ->                     request    \
 *                      <-   ACK               2 segments  | 1 to 4 rounds, responses
 *       ACK            ->                                 | of 1 to 32 segments
 *                      <-   PSH ACK           the last    |
 *       ACK            ->                                /
 *       FIN ACK        ->
 *                      <-   FIN ACK
 *       ACK            ->
 *
 * SYNs offer MSS, SACK, timestamps and window scaling; every segment carries timestamps. Sequence
 * numbers start anywhere; one connection in eight starts just below 2^32, so that they wrap.
 */
#ifndef WEIR_GENERATE_STREAM_H
#define WEIR_GENERATE_STREAM_H

#include <stdint.h>

#include "generate/build.h"

enum { STREAM_OPTION_BYTES = 12 }; /* of each segment that carries data */

struct stream { /* zeroed: before its first packet */
	uint32_t connection; /* how many there were before */
	uint32_t sequence[2]; /* next to send, by enum flow_side */
	uint32_t echo[2]; /* timestamp this side has to echo */
	uint16_t ip_id[2];
	uint8_t step;
	uint8_t rounds; /* still to come */
	uint8_t segments; /* of the response, still to come */
	uint8_t unacknowledged; /* segments */
};

/* What of the surroundings a stream needs to know for its next packet. */
struct stream_context {
	uint64_t *random;
	uint32_t clock_ms; /* of the timestamps */
	uint16_t mss;
	uint32_t payload_max; /* bytes the segment may carry, at least 1 */
};

/* The stream's next packet and the IPv4 identification of its sender. */
uint16_t stream_next(struct stream *stream, const struct stream_context *context,
	struct tcp_segment *ret_segment);

/* Whether the next packet opens another connection. */
static inline bool stream_is_new(const struct stream *stream)
{
	return stream->step == 0;
}

#endif
