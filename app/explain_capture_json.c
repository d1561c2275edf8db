/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>

#include "explain_capture_report.h"
#include "explain_capture_words.h"

/* Keys are absent where nothing is known. */
static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_count(json_t *object, const char *key, uint64_t value)
{
	set(object, key, json_integer((json_int_t)value));
}

static json_t *example_json(const struct judge_example *shown)
{
	const struct judge_packet *packet = &shown->packet;
	char ends[2][WORDS_ADDRESS_BYTES], protocol[WORDS_ADDRESS_BYTES];
	json_t *object = json_object();
	uint32_t segments = words_segments(shown);

	set_count(object, "frame", shown->number);
	set_count(object, "frame_bytes", packet->frame_bytes);
	if (packet->version != 0) {
		set(object, "source", json_string(words_end(packet, 0, ends[0])));
		set(object, "destination", json_string(words_end(packet, 1, ends[1])));
		set(object, "protocol", json_string(words_protocol(packet, protocol)));
		set_count(object, "ip_bytes", packet->ip_bytes);
		set_count(object, "hop_limit", packet->hop_limit);
	}
	if (packet->has_l4)
		set_count(object, "payload_bytes", packet->payload_bytes);
	if (judge_tunnel_name(packet) != NULL)
		set(object, "tunnel", json_string(judge_tunnel_name(packet)));
	if (segments > 0) {
		set_count(object, "segments", segments);
		set_count(object, "segment_bytes", shown->segment_bytes);
	}
	return object;
}

static json_t *senders_json(const struct judge_finding *finding)
{
	const struct judge_sender *sender;
	json_t *list = json_array();
	char address[WORDS_ADDRESS_BYTES];

	for (unsigned rank = 0; (sender = words_sender(finding, rank)) != NULL; rank++)
		json_array_append_new(list,
			json_pack("{s:s, s:I}", "address",
				words_address(sender->version, sender->address, address), "frames",
				(json_int_t)sender->frames));
	return list;
}

static json_t *evidence_json(const struct judge_finding *finding)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < JUDGE_EVIDENCE_COUNT; i++)
		if (finding->evidence[i] > 0)
			set_count(object, judge_evidence_infos[i].name, finding->evidence[i]);
	return object;
}

static json_t *finding_json(const struct judge_finding *finding, enum judge_kind kind)
{
	const struct judge_kind_info *info = &judge_kind_infos[kind];
	json_t *object = json_object();

	set(object, "kind", json_string(info->name));
	set(object, "impossible", json_boolean(info->impossible));
	set_count(object, "frames", finding->frames);
	set_count(object, "first", finding->first);
	set_count(object, "last", finding->last);
	set(object, "senders", senders_json(finding));
	if (finding->other_senders_frames > 0)
		set_count(object, "other_senders_frames", finding->other_senders_frames);
	set(object, "example", example_json(&finding->example));
	if (1u << kind & JUDGE_TOO_LARGE) {
		set_count(object, "within_mtu", finding->only_mss);
		set_count(object, "unfinished_checksums", finding->unfinished);
		set_count(object, "wrong_checksums", finding->wrong);
		set(object, "evidence", evidence_json(finding));
	}
	if (kind == JUDGE_KIND_burst)
		set_count(object, "longest", finding->longest);
	set(object, "title", json_string(info->title));
	set(object, "why", json_string(info->why));
	if (info->remedy != NULL)
		set(object, "remedy", json_string(info->remedy));
	return object;
}

static json_t *point_json(const struct judge_point *point)
{
	json_t *object = json_object(), *findings = json_array();
	char mtu[WORDS_SIZES_BYTES];

	set_count(object, "interface", point->interface);
	if (point->name[0] != '\0')
		set(object, "name", json_string(point->name));
	set_count(object, "mtu", point->mtu_bytes);
	set(object, "mtu_from", json_string(words_mtu(point, mtu)));
	set_count(object, "frames", point->frames);
	set_count(object, "impossible", point->impossible);
	for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++)
		if (point->findings[kind].frames > 0)
			json_array_append_new(findings, finding_json(&point->findings[kind], kind));
	set(object, "findings", findings);
	return object;
}

json_t *explain_capture_json(const struct explained_capture *capture)
{
	json_t *object = json_object(), *points = json_array(), *skipped = json_object();
	uint64_t impossible = 0;
	char verdict[512];

	for (unsigned i = 0; i < judge_point_count(capture->judge); i++) {
		const struct judge_point *point = judge_point(capture->judge, i);

		impossible += point->impossible;
		json_array_append_new(points, point_json(point));
	}
	for (unsigned reason = 0; reason < SKIP_REASON_COUNT; reason++)
		if (capture->counts->skipped[reason] > 0)
			set_count(skipped, skip_reason_infos[reason].name,
				capture->counts->skipped[reason]);
	explain_capture_verdict(capture->judge, verdict, sizeof(verdict));
	set(object, "file", json_string(capture->name));
	set(object, "format", json_string(capture->format));
	set_count(object, "frames", capture->counts->frames);
	set(object, "skipped", skipped);
	set_count(object, "impossible", impossible);
	set(object, "points", points);
	set(object, "verdict", json_string(verdict));
	return object;
}

json_t *explain_capture_frame_json(
	const struct judge_point *point, const struct judge_example *shown, uint32_t found)
{
	json_t *object = example_json(shown), *kinds = json_array();

	if (point->name[0] != '\0')
		set(object, "point", json_string(point->name));
	for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++)
		if (found & 1u << kind && judge_kind_infos[kind].impossible)
			json_array_append_new(kinds, json_string(judge_kind_infos[kind].name));
	set(object, "kinds", kinds);
	return object;
}
