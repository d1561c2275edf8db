/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Real captures through GRO and GSO: every frame comes back byte for byte, by both rules, within a
 * burst and held longer. Captures without a link layer, or with Linux's cooked one, get an Ethernet
 * header; any other is taken for Ethernet as it is, one more hostile input. Skipped where there are
 * no captures.
 */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>
#include <rte_mbuf.h>

#include "segments_round_trip.h"

enum { POOL_PACKETS = 1023, BUFFER_BYTES = 62000, BURST = 64, HOLD_TSC = 500, SETTINGS = 4 };

struct frames {
	struct model_packet *packets; /* bytes and length */
	uint32_t count;
};

struct way {
	struct gro *gro;
	struct gso gso;
	struct gro_settings settings;
	uint32_t out;
};

/* The frame with an Ethernet header, to be freed. */
static struct model_packet ethernet(int link, const uint8_t *bytes, uint32_t length)
{
	const uint32_t cut = link == DLT_LINUX_SLL ? 16 : link == DLT_LINUX_SLL2 ? 20 : 0;
	const bool bare = (cut > 0 && length > cut) || (link == DLT_RAW && length > 0);
	uint8_t *copy = calloc(1, length + 14);

	memcpy(copy + (bare ? 14 : 0), bytes + (bare ? cut : 0), length - (bare ? cut : 0));
	if (bare && link == DLT_RAW)
		memcpy(copy + 12, copy[14] >> 4 == 6 ? "\x86\xdd" : "\x08", 2);
	else if (bare)
		memcpy(copy + 12, bytes + (link == DLT_LINUX_SLL ? 14 : 0), 2);
	return (struct model_packet){.bytes = copy, .length = bare ? length - cut + 14 : length};
}

static struct frames read_frames(const char *path)
{
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, message);
	struct frames frames = {0};
	struct pcap_pkthdr *record;
	const uint8_t *bytes;

	if (capture == NULL)
		return frames;
	while (pcap_next_ex(capture, &record, &bytes) == 1) {
		if (frames.count % 1024 == 0)
			frames.packets = realloc(
				frames.packets, (frames.count + 1024) * sizeof(*frames.packets));
		frames.packets[frames.count++] =
			ethernet(pcap_datalink(capture), bytes, record->caplen);
	}
	pcap_close(capture);
	return frames;
}

static void free_frames(struct frames *frames)
{
	for (uint32_t i = 0; i < frames->count; i++)
		free((void *)(uintptr_t)frames->packets[i].bytes);
	free(frames->packets);
}

/* What GRO merged, as the chain says; round_trip_check() then looks whether it may be so. */
static void link_chain(const struct way *way, const struct rte_mbuf *packet)
{
	struct model_packet *first = round_trip_origin(packet), *last = first;

	first->segments = 1;
	first->next = NULL;
	if (!(packet->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)))
		return;
	model_look(&way->settings, first);
	for (const struct rte_mbuf *buffer = packet->next; buffer != NULL; buffer = buffer->next) {
		last->next = round_trip_origin(buffer);
		last = last->next;
		last->next = NULL;
		if (last->serial <= first->serial)
			round_trip_fail(last, "merged behind a later one");
		first->segments++;
	}
}

static void check_out(struct way *way, struct rte_mbuf *packets[], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		link_chain(way, packets[i]);
		way->out += round_trip_origin(packets[i])->segments;
		round_trip_check(&way->gso, packets[i], way->out);
	}
}

static void pass(struct way *way, const struct frames *frames)
{
	struct rte_mbuf *packets[BURST], *out[GRO_OUT_FACTOR * BURST];
	unsigned count;

	for (uint32_t done = 0; done < frames->count; done += count) {
		count = RTE_MIN(frames->count - done, (uint32_t)BURST);
		for (unsigned i = 0; i < count; i++) {
			const struct model_packet *frame = &frames->packets[done + i];

			packets[i] = round_trip_packet(
				frame->bytes, frame->length, 1 + frame->length / BUFFER_BYTES);
			round_trip_origin(packets[i])->serial = done + i;
		}
		check_out(way, out, gro_receive(way->gro, packets, count, done, out));
		check_out(way, out, gro_flush(way->gro, done, false, out, BURST));
	}
	while ((count = gro_flush(way->gro, 0, true, out, BURST)) > 0)
		check_out(way, out, count);
	if (way->out != frames->count)
		round_trip_fail(NULL, "%u of %u packets came out", way->out, frames->count);
}

static void one_way(const struct frames *frames, unsigned index)
{
	struct way way = {.gso = {.pool = round_trip_pool, .mtu = 1500}};

	way.settings = (struct gro_settings){.flows = 64,
		.buffers = 500,
		.timeout_tsc = index & 1 ? HOLD_TSC : 0,
		.rules = index & 2 ? GRO_RULES_CLASSIC : GRO_RULES_CURRENT,
		.tcp = true,
		.udp = true,
		.tunnels = true,
		.verify = true};
	way.gro = gro_create(&way.settings, SOCKET_ID_ANY, NULL);
	pass(&way, frames);
	gro_destroy(way.gro);
	round_trip_check_pool("after a capture");
}

int main(void)
{
	const char *shared = getenv("WEIR_SHARED");
	char pattern[512];
	glob_t captures;

	snprintf(pattern, sizeof(pattern), "%s/pcaps/*.pcap*",
		shared != NULL ? shared : "../shared");
	if (glob(pattern, 0, NULL, &captures) != 0) {
		printf("no captures (%s): skipped\n", pattern);
		return 77; /* meson's word for it */
	}
	round_trip_init(POOL_PACKETS, BUFFER_BYTES);
	for (size_t i = 0; i < captures.gl_pathc; i++) {
		struct frames frames = read_frames(captures.gl_pathv[i]);
		const char *name = strrchr(captures.gl_pathv[i], '/') + 1;

		round_trip_counts = (struct round_trip_counts){0};
		for (unsigned index = 0; index < SETTINGS; index++) {
			snprintf(round_trip_story, sizeof(round_trip_story), "%s, settings %u",
				name, index);
			one_way(&frames, index);
		}
		printf("%s: %" PRIu64 " packets, %" PRIu64 " merged into %" PRIu64
		       ", 0 mismatches\n",
			name, round_trip_counts.packets, round_trip_counts.merged,
			round_trip_counts.super_packets);
		free_frames(&frames);
	}
	globfree(&captures);
	round_trip_fini();
	return EXIT_SUCCESS;
}
