/* SPDX-License-Identifier: BSD-3-Clause */
#include "explain_capture_words.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

const char *words_address(
	uint8_t version, const uint8_t address[16], char text[WORDS_ADDRESS_BYTES])
{
	if (version == 0 ||
		inet_ntop(version == 4 ? AF_INET : AF_INET6, address, text, WORDS_ADDRESS_BYTES) ==
			NULL)
		return "not IP";
	return text;
}

const char *words_end(const struct judge_packet *packet, int end, char text[WORDS_ADDRESS_BYTES])
{
	char address[WORDS_ADDRESS_BYTES];
	const char *name = words_address(packet->version, packet->addresses[end], address);

	if (!packet->has_l4)
		snprintf(text, WORDS_ADDRESS_BYTES, "%.45s", name);
	else if (packet->version == 6)
		snprintf(text, WORDS_ADDRESS_BYTES, "[%.45s]:%u", name, packet->ports[end]);
	else
		snprintf(text, WORDS_ADDRESS_BYTES, "%.45s:%u", name, packet->ports[end]);
	return text;
}

const char *words_protocol(const struct judge_packet *packet, char text[WORDS_ADDRESS_BYTES])
{
	switch (packet->protocol) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_ICMPV6: return "icmp6";
	case IPPROTO_SCTP: return "sctp";
	default: snprintf(text, WORDS_ADDRESS_BYTES, "protocol %u", packet->protocol); return text;
	}
}

uint32_t words_segments(const struct judge_example *shown)
{
	uint32_t payload = shown->packet.payload_bytes;

	if (shown->segment_bytes == 0 || payload <= shown->segment_bytes)
		return 0;
	return (payload + shown->segment_bytes - 1) / shown->segment_bytes;
}

const char *words_sizes(const struct judge_example *shown, char text[WORDS_SIZES_BYTES])
{
	const struct judge_packet *packet = &shown->packet;
	uint32_t segments = words_segments(shown), rest;
	const char *tunnel = judge_tunnel_name(packet);
	int length = 0;

	if (!packet->has_l4) {
		snprintf(text, WORDS_SIZES_BYTES, "%u bytes behind the link header",
			packet->link_bytes);
		return text;
	}
	if (tunnel != NULL)
		length = snprintf(text, WORDS_SIZES_BYTES, "in %s, ", tunnel);
	if (segments == 0) {
		snprintf(text + length, (size_t)(WORDS_SIZES_BYTES - length), "%u bytes of payload",
			packet->payload_bytes);
		return text;
	}
	rest = packet->payload_bytes % shown->segment_bytes;
	length += snprintf(text + length, (size_t)(WORDS_SIZES_BYTES - length),
		"%u bytes of payload = %u × %u", packet->payload_bytes,
		packet->payload_bytes / shown->segment_bytes, shown->segment_bytes);
	if (rest != 0)
		length += snprintf(
			text + length, (size_t)(WORDS_SIZES_BYTES - length), " + %u", rest);
	snprintf(text + length, (size_t)(WORDS_SIZES_BYTES - length), ": %u segments", segments);
	return text;
}

static unsigned rank_of(const struct judge_finding *finding, unsigned index)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < JUDGE_SENDERS_MAX; i++)
		rank += finding->senders[i].frames > finding->senders[index].frames ||
			(i < index && finding->senders[i].frames == finding->senders[index].frames);
	return rank;
}

const struct judge_sender *words_sender(const struct judge_finding *finding, unsigned rank)
{
	for (unsigned i = 0; i < JUDGE_SENDERS_MAX; i++)
		if (finding->senders[i].frames > 0 && rank_of(finding, i) == rank)
			return &finding->senders[i];
	return NULL;
}

const char *words_count(uint64_t count, const char *noun, char text[WORDS_ADDRESS_BYTES])
{
	snprintf(text, WORDS_ADDRESS_BYTES, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
	return text;
}

const char *words_mtu(const struct judge_point *point, char text[WORDS_SIZES_BYTES])
{
	switch (point->mtu_source) {
	case JUDGE_MTU_GIVEN: return "as given";
	case JUDGE_MTU_HANDSHAKE:
		snprintf(text, WORDS_SIZES_BYTES,
			"by the MSS that both ends announced (frame %" PRIu64 ")",
			point->mtu_frame);
		return text;
	case JUDGE_MTU_SYN:
		snprintf(text, WORDS_SIZES_BYTES,
			"by the MSS announced by one end (frame %" PRIu64 ")", point->mtu_frame);
		return text;
	case JUDGE_MTU_SIZES: return "by the size that most large packets have";
	default: return "Ethernet's usual one: no SYN announces more (--mtu tells another)";
	}
}

const char *words_point(const struct judge_point *point, char text[RECORD_NAME_BYTES + 16])
{
	if (point->name[0] == '\0')
		snprintf(text, RECORD_NAME_BYTES + 16, "interface %" PRIu32, point->interface);
	else
		snprintf(text, RECORD_NAME_BYTES + 16, "%s", point->name);
	return text;
}
