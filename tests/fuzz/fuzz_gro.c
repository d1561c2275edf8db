/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as packets into GRO, and what it makes of them into GSO: frames as they are, and copies
 * of the frame before with the next sequence number and id and a few bytes changed, so that packets
 * merge; in one buffer or more. With checksums verified every packet has to come back as it was;
 * without, all of them have to come back. No buffer is lost.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "segmentation/super_packet.h"
#include "segments_round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { PACKETS_MAX = 64, FRAME_MAX = 1600, POOL_PACKETS = 2047 };

struct input {
	const uint8_t *bytes;
	size_t left;
};

struct made {
	uint32_t length;
	uint8_t bytes[FRAME_MAX];
};

static struct made frames[PACKETS_MAX];

static uint8_t take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->bytes++;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* As its sender would go on: only where headers stand right behind each other. */
static void advance(uint8_t *frame, uint32_t length)
{
	const uint32_t type = get16(frame + 12), l4 = type == 0x86dd ? 54 : 34;
	uint32_t header_bytes, sequence;

	if (length < l4 + 20 || (type != 0x86dd && type != 0x0800))
		return;
	header_bytes = (frame[l4 + 12] >> 4) * 4u;
	sequence =
		(get16(frame + l4 + 4) << 16 | get16(frame + l4 + 6)) + length - l4 - header_bytes;
	put16(frame + l4 + 4, sequence >> 16);
	put16(frame + l4 + 6, sequence);
	if (type == 0x0800)
		put16(frame + 18, get16(frame + 18) + 1);
}

/* Lengths and checksums of plain TCP or UDP. */
static void put_right(uint8_t *frame, uint32_t length)
{
	const bool ipv6 = get16(frame + 12) == 0x86dd;
	const uint32_t l4 = ipv6 ? 54 : 34;
	uint8_t *ip = frame + 14, protocol, *checksum;
	uint16_t sum;

	if (length < l4 + 20 || (!ipv6 && get16(frame + 12) != 0x0800))
		return;
	put16(ip + (ipv6 ? 4 : 2), length - (ipv6 ? 54 : 14));
	protocol = ip[ipv6 ? 6 : 9];
	if (!ipv6) {
		put16(ip + 10, 0);
		sum = (uint16_t)~plain_sum(ip, 20, 0);
		memcpy(ip + 10, &sum, 2);
	}
	checksum = frame + l4 + (protocol == 17 ? 6 : 16);
	if (protocol == 17)
		put16(frame + l4 + 4, length - l4);
	put16(checksum, 0);
	sum = (uint16_t)~plain_sum(
		frame + l4, length - l4, plain_pseudo_sum(ip, ipv6, protocol, length - l4));
	memcpy(checksum, &sum, 2);
}

/* `before`: the one made last; NULL: none. */
static void next_frame(struct input *input, struct made *frame, const struct made *before)
{
	const uint8_t how = take(input);

	memset(frame, 0, sizeof(*frame));
	if ((how & 1) && before != NULL) {
		*frame = *before;
		advance(frame->bytes, frame->length);
		for (unsigned edits = (how >> 1) & 3; edits > 0; edits--) {
			uint8_t at = take(input);

			frame->bytes[at] = take(input);
		}
	} else {
		frame->length = RTE_MIN(
			14 + ((uint32_t)take(input) << 3 | (how >> 5)), (uint32_t)FRAME_MAX);
		for (uint32_t i = 0; i < frame->length && i < 200; i++)
			frame->bytes[i] = take(input);
	}
	if (how & 0x10)
		put_right(frame->bytes, frame->length);
}

static void link_chain(const struct gro_settings *settings, const struct rte_mbuf *packet)
{
	struct model_packet *first = round_trip_origin(packet), *last = first;

	first->segments = 1;
	first->next = NULL;
	if (!(packet->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)))
		return;
	model_look(settings, first);
	for (const struct rte_mbuf *buffer = packet->next; buffer != NULL; buffer = buffer->next) {
		last->next = round_trip_origin(buffer);
		last = last->next;
		last->next = NULL;
		first->segments++;
	}
}

static unsigned check_out(struct gso *gso, const struct gro_settings *settings,
	struct rte_mbuf *out[], unsigned count, unsigned way)
{
	struct rte_mbuf *segments[PACKETS_MAX];
	unsigned total = 0;
	struct gso_cut cut;

	for (unsigned i = 0; i < count; i++) {
		const unsigned in_it = super_packet_segments(out[i]);

		total += in_it;
		if (settings->verify) {
			link_chain(settings, out[i]);
			round_trip_check(gso, out[i], way);
		} else if (!super_packet_is(out[i])) {
			rte_pktmbuf_free(out[i]);
		} else {
			if (gso_begin(gso, out[i], &cut) != (int)in_it ||
				gso_next(gso, &cut, segments, PACKETS_MAX) != (int)in_it)
				abort();
			rte_pktmbuf_free_bulk(segments, in_it);
		}
	}
	return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input input = {bytes, length};
	struct rte_mbuf *packets[PACKETS_MAX], *out[GRO_OUT_FACTOR * PACKETS_MAX];
	struct gso gso;
	struct gro_settings settings = {.tcp = true, .udp = true, .tunnels = true};
	struct gro *gro;
	unsigned count = 0, back, way;

	if (round_trip_pool == NULL)
		round_trip_init(POOL_PACKETS, FRAME_MAX);
	gso = (struct gso){.pool = round_trip_pool, .mtu = 1500};
	way = take(&input);
	settings.verify = way & 1;
	settings.rules = way & 2 ? GRO_RULES_CLASSIC : GRO_RULES_CURRENT;
	settings.timeout_tsc = way & 4 ? 1 : 0;
	settings.flows = 1 + (take(&input) & 7);
	settings.buffers = 1 + (take(&input) & 63);
	gro = gro_create(&settings, SOCKET_ID_ANY, NULL);
	for (; count < PACKETS_MAX && input.left > 0; count++) {
		uint8_t pieces = take(&input);

		next_frame(&input, &frames[count], count > 0 ? &frames[count - 1] : NULL);
		packets[count] = round_trip_packet(frames[count].bytes, frames[count].length,
			pieces > 250 ? pieces - 249u : 1);
	}
	back = check_out(&gso, &settings, out, gro_receive(gro, packets, count, 0, out), way >> 4);
	if (gro_held(gro) != count - back)
		abort();
	while (gro_held(gro) > 0)
		back += check_out(
			&gso, &settings, out, gro_flush(gro, 0, true, out, PACKETS_MAX), way >> 4);
	if (back != count)
		abort();
	gro_destroy(gro);
	round_trip_check_pool("after a run");
	return 0;
}
