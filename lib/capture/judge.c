/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/judge.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "capture/judge_mtu.h"

enum { LINK_EN10MB = 1, ETHERNET_MIN_BYTES = 60 };
/* What switches and cards put behind a packet is shorter. */
enum { TRAILER_MAX_BYTES = 64 };

/* A point, and what only the judge wants to know of it. */
struct place {
	struct judge_point point;
	struct judge_mtu mtu;
	uint64_t time_ns; /* of the last frame */
	bool timed;
	uint64_t burst; /* frames with that time */
};

struct judge {
	uint32_t mtu_bytes; /* given; 0: to be found out */
	bool settled; /* learning is over */
	struct judge_evidence evidence;
	unsigned place_count;
	struct place places[JUDGE_POINTS_MAX];
};

struct judge *judge_create(uint32_t mtu_bytes, struct error *error)
{
	struct judge *judge = calloc(1, sizeof(*judge));

	if (judge == NULL || judge_evidence_init(&judge->evidence) < 0) {
		error_set(error, ENOMEM, "no memory to judge a capture");
		return judge_destroy(judge);
	}
	judge->mtu_bytes = mtu_bytes;
	return judge;
}

struct judge *judge_destroy(struct judge *judge)
{
	if (judge != NULL)
		judge_evidence_fini(&judge->evidence);
	free(judge);
	return NULL;
}

/* ---- points ---- */

/* One of the words of the name, as in "rx", "wan:rx", "stage2". */
static bool has_word(const char *name, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(name, word); at != NULL; at = strstr(at + 1, word))
		if ((at == name || !isalnum((unsigned char)at[-1])) &&
			!isalpha((unsigned char)at[length]))
			return true;
	return false;
}

static enum judge_role role_of(const char *name)
{
	static const struct {
		const char *word;
		enum judge_role role;
	} words[] = {
		{"rx", JUDGE_ROLE_BEFORE},
		{"steered", JUDGE_ROLE_BEFORE},
		{"drop", JUDGE_ROLE_BEFORE},
		{"gro", JUDGE_ROLE_MERGED},
		{"stage", JUDGE_ROLE_MERGED},
		{"gso", JUDGE_ROLE_SPLIT},
		{"tx", JUDGE_ROLE_SPLIT},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_word(name, words[i].word))
			return words[i].role;
	return JUDGE_ROLE_NONE;
}

static struct place *place_of(struct judge *judge, const struct capture_origin *origin)
{
	struct judge_point *point;
	unsigned index = 0;

	while (index < judge->place_count &&
		judge->places[index].point.interface != origin->interface)
		index++;
	if (index == JUDGE_POINTS_MAX)
		return &judge->places[JUDGE_POINTS_MAX - 1];
	if (index < judge->place_count)
		return &judge->places[index];
	point = &judge->places[judge->place_count++].point;
	point->interface = origin->interface;
	for (unsigned i = 0; i < RECORD_NAME_BYTES - 1 && origin->interface_name[i] != '\0'; i++)
		point->name[i] = isprint((unsigned char)origin->interface_name[i])
			? origin->interface_name[i]
			: '?';
	point->role = role_of(point->name);
	point->mtu_bytes = judge->mtu_bytes;
	if (judge->mtu_bytes == 0)
		judge_mtu_settle(&judge->places[index].mtu, point);
	return &judge->places[index];
}

static unsigned index_of(const struct judge *judge, const struct place *place)
{
	return (unsigned)(place - judge->places);
}

unsigned judge_point_count(const struct judge *judge)
{
	return judge->place_count;
}

const struct judge_point *judge_point(const struct judge *judge, unsigned index)
{
	return &judge->places[index].point;
}

const struct judge_point *judge_point_of(struct judge *judge, const struct capture_origin *origin)
{
	return &place_of(judge, origin)->point;
}

void judge_learn(
	struct judge *judge, const struct frame *frame, const struct capture_origin *origin)
{
	struct place *place = place_of(judge, origin);
	struct judge_packet packet;

	judge_packet_read(frame, &packet);
	judge_evidence_learn(&judge->evidence, index_of(judge, place), &packet);
	judge_mtu_learn(&place->mtu, &judge->evidence, &packet, origin->number);
}

static void settle(struct judge *judge)
{
	judge->settled = true;
	for (unsigned i = 0; i < judge->place_count && judge->mtu_bytes == 0; i++)
		judge_mtu_settle(&judge->places[i].mtu, &judge->places[i].point);
}

/* ---- findings ---- */

static void sender_count(struct judge_finding *finding, const struct judge_packet *packet)
{
	for (unsigned i = 0; i < JUDGE_SENDERS_MAX; i++) {
		struct judge_sender *sender = &finding->senders[i];

		if (sender->frames == 0) {
			sender->version = packet->version;
			memcpy(sender->address, packet->addresses[0], 16);
		}
		if (sender->version == packet->version &&
			memcmp(sender->address, packet->addresses[0], 16) == 0) {
			sender->frames++;
			return;
		}
	}
	finding->other_senders_frames++;
}

static uint32_t find(struct place *place, enum judge_kind kind, const struct judge_example *shown)
{
	struct judge_finding *finding = &place->point.findings[kind];
	bool too_large = (1u << kind & JUDGE_TOO_LARGE) != 0;

	if (finding->frames++ == 0) {
		finding->first = shown->number;
		finding->example = *shown;
	} else if (too_large && shown->packet.ip_bytes > finding->example.packet.ip_bytes) {
		finding->example = *shown;
	}
	finding->last = shown->number;
	sender_count(finding, &shown->packet);
	return 1u << kind;
}

static enum judge_kind kind_by_cause(struct judge *judge, struct place *place,
	const struct judge_packet *packet, enum record_direction direction,
	enum judge_evidence_kind *ret_evidence)
{
	enum judge_cause cause = judge_evidence_cause(
		&judge->evidence, index_of(judge, place), packet, direction, ret_evidence);

	if (packet->protocol == IPPROTO_UDP)
		return JUDGE_KIND_udp;
	switch (cause) {
	case JUDGE_CAUSE_SENDER: return JUDGE_KIND_tso;
	case JUDGE_CAUSE_RECEIVER: return JUDGE_KIND_gro;
	default: return JUDGE_KIND_tso_or_gro;
	}
}

/* Larger than the MTU, or than the MSS that the receiver announced. */
static uint32_t judge_size(struct judge *judge, struct place *place,
	enum record_direction direction, const struct judge_example *shown)
{
	const struct judge_packet *packet = &shown->packet;
	const uint32_t mtu = place->point.mtu_bytes;
	uint32_t size = packet->ip_bytes != 0 ? packet->ip_bytes : packet->link_bytes;
	uint16_t mss = judge_evidence_mss(&judge->evidence, packet);
	bool beyond_mss = mss != 0 && packet->payload_bytes > mss;
	enum judge_evidence_kind evidence = JUDGE_EVIDENCE_none;
	enum judge_kind kind = JUDGE_KIND_too_large;
	struct judge_finding *finding;

	if (packet->link_bytes > mtu && packet->link_bytes > size + TRAILER_MAX_BYTES)
		return find(place, JUDGE_KIND_length_claimed, shown);
	if (size <= mtu && !beyond_mss)
		return 0;
	if (packet->has_l4 && place->point.role == JUDGE_ROLE_MERGED)
		kind = JUDGE_KIND_weir_gro;
	else if (packet->has_l4 && place->point.role == JUDGE_ROLE_SPLIT)
		kind = JUDGE_KIND_weir_tso;
	else if (packet->has_l4)
		kind = kind_by_cause(judge, place, packet, direction, &evidence);
	finding = &place->point.findings[kind];
	finding->evidence[evidence]++;
	finding->only_mss += size <= mtu;
	finding->unfinished += packet->l4_sum == JUDGE_SUM_UNFINISHED;
	finding->wrong += packet->l4_sum == JUDGE_SUM_WRONG;
	return find(place, kind, shown);
}

/* Checksums of what is too large are part of that finding. */
static uint32_t judge_sums(struct place *place, const struct judge_example *shown, bool too_large)
{
	const struct judge_packet *packet = &shown->packet;
	uint32_t found = 0;

	if (!too_large && packet->l4_sum == JUDGE_SUM_UNFINISHED)
		found |= find(place, JUDGE_KIND_unfinished, shown);
	else if (!too_large && packet->l4_sum == JUDGE_SUM_WRONG)
		found |= find(place, JUDGE_KIND_bad_sum, shown);
	if (packet->ip_sum == JUDGE_SUM_WRONG)
		found |= find(place,
			packet->ip_sum_zero ? JUDGE_KIND_ip_sum_zero : JUDGE_KIND_bad_ip_sum,
			shown);
	return found;
}

static uint32_t judge_lengths(
	struct place *place, const struct judge_example *shown, uint32_t link_type, bool claimed)
{
	const struct judge_packet *packet = &shown->packet;
	uint32_t found = 0;

	switch (packet->length) {
	case JUDGE_LENGTH_ZERO:
	case JUDGE_LENGTH_JUMBO: found |= find(place, JUDGE_KIND_length_zero, shown); break;
	case JUDGE_LENGTH_BEYOND: found |= find(place, JUDGE_KIND_length_beyond, shown); break;
	case JUDGE_LENGTH_TRAILED:
		if (!claimed)
			found |= find(place, JUDGE_KIND_trailer, shown);
		break;
	default: break;
	}
	if (packet->snapped)
		found |= find(place, JUDGE_KIND_snapped, shown);
	if (link_type == LINK_EN10MB && packet->frame_bytes < ETHERNET_MIN_BYTES)
		found |= find(place, JUDGE_KIND_short, shown);
	return found;
}

static uint32_t judge_time(
	struct place *place, const struct judge_example *shown, uint64_t time_ns, bool timed)
{
	uint32_t found = 0;

	if (!timed)
		return 0;
	place->burst = place->timed && time_ns == place->time_ns ? place->burst + 1 : 1;
	if (place->burst > 1) {
		found |= find(place, JUDGE_KIND_burst, shown);
		if (place->burst > place->point.findings[JUDGE_KIND_burst].longest)
			place->point.findings[JUDGE_KIND_burst].longest = place->burst;
	}
	if (place->timed && time_ns < place->time_ns)
		found |= find(place, JUDGE_KIND_time_backwards, shown);
	place->timed = true;
	place->time_ns = time_ns;
	return found;
}

static bool is_impossible(uint32_t found)
{
	for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++)
		if ((found & 1u << kind) != 0 && judge_kind_infos[kind].impossible)
			return true;
	return false;
}

uint32_t judge_frame(struct judge *judge, const struct frame *frame,
	const struct capture_origin *origin, struct judge_example *ret_shown)
{
	struct place *place;
	uint32_t found;

	if (!judge->settled)
		settle(judge);
	place = place_of(judge, origin);
	place->point.frames++;
	ret_shown->number = origin->number;
	judge_packet_read(frame, &ret_shown->packet);
	ret_shown->segment_bytes = judge_evidence_segment(
		&judge->evidence, &ret_shown->packet, place->point.mtu_bytes);
	found = judge_size(judge, place, origin->direction, ret_shown);
	found |= judge_sums(place, ret_shown, (found & JUDGE_TOO_LARGE) != 0);
	found |= judge_lengths(place, ret_shown, origin->link_type,
		(found & 1u << JUDGE_KIND_length_claimed) != 0);
	found |= judge_time(place, ret_shown, frame->time_ns, origin->timed);
	place->point.impossible += is_impossible(found);
	return found;
}
