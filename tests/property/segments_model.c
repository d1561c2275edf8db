/* SPDX-License-Identifier: BSD-3-Clause */
#include "segments_model.h"

#include <netinet/in.h>
#include <string.h>

#include "segments_generator.h"

enum { HEADERS_MAX = 168, IP_MAX = 65535, UDP_MAX = 64 };

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* ---- what a packet is ---- */

struct layer { /* an IP header */
	uint32_t at, behind; /* where the next header starts */
	uint8_t protocol;
	bool ipv6, fragment, plain;
};

static void key_add(struct model_packet *packet, const uint8_t *bytes, uint32_t count)
{
	memcpy(packet->key + packet->key_bytes, bytes, count);
	packet->key_bytes = (uint16_t)(packet->key_bytes + count);
}

static uint64_t hash_of(const uint8_t *bytes, uint32_t count)
{
	uint64_t hash = count, word;

	for (uint32_t i = 0; i < count; i += 8) {
		word = 0;
		memcpy(&word, bytes + i, count - i < 8 ? count - i : 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash;
}

/* Ethernet at `at`; returns where the next header starts, and its type. 0: three tags or more. */
static uint32_t read_ethernet(struct model_packet *packet, uint32_t at, uint32_t *ret_type)
{
	uint32_t end = at + 14;

	while (get16(packet->bytes + end - 2) == 0x8100 || get16(packet->bytes + end - 2) == 0x88a8)
		end += 4;
	*ret_type = get16(packet->bytes + end - 2);
	key_add(packet, packet->bytes + at, end - at);
	return end - at <= 14 + 8 ? end : 0;
}

static bool read_extensions(struct layer *layer, const uint8_t *bytes)
{
	for (;;) {
		const uint8_t *at = bytes + layer->behind;

		switch (layer->protocol) {
		case IPPROTO_FRAGMENT: layer->fragment = true; return true;
		case IPPROTO_ROUTING: layer->plain &= at[3] == 0; break;
		case IPPROTO_HOPOPTS:
		case IPPROTO_DSTOPTS: break;
		default: return true;
		}
		layer->protocol = at[0];
		layer->behind += 8 + at[1] * 8u;
	}
}

/* Plain: no options, nor padding behind it, nor less of it than it says; and a checksum that comes
 * back. */
static bool read_ip(struct model_packet *packet, uint32_t at, uint32_t type, struct layer *layer)
{
	const uint8_t *ip = packet->bytes + at;
	const uint32_t room = packet->length - at;

	*layer = (struct layer){.at = at, .ipv6 = type == 0x86dd};
	if (layer->ipv6) {
		layer->behind = at + 40;
		layer->protocol = ip[6];
		layer->plain = get16(ip + 4) + 40 == room;
		key_add(packet, ip + 8, 32);
		return read_extensions(layer, packet->bytes);
	}
	if (type != 0x0800)
		return false;
	layer->behind = at + (ip[0] & 0xfu) * 4;
	layer->protocol = ip[9];
	layer->fragment = (get16(ip + 6) & 0x3fff) != 0;
	layer->plain = ip[0] == 0x45 && !(ip[6] & 0x80) && get16(ip + 2) == room &&
		get16(ip + 10) != 0xffff;
	key_add(packet, ip + 12, 8);
	return true;
}

/* The packet inside starts at the return value; 0: no tunnel. ret_plain: it may merge. */
static uint32_t read_tunnel(
	struct model_packet *packet, const struct layer *outer, uint32_t *ret_type, bool *ret_plain)
{
	const uint8_t *at = packet->bytes + outer->behind;
	uint32_t flags;

	*ret_plain = outer->behind == outer->at + (outer->ipv6 ? 40 : 20);
	switch (outer->protocol) {
	case IPPROTO_UDP:
		if (get16(at + 2) != 4789)
			return 0;
		*ret_type = 0x6558;
		*ret_plain &= get16(at + 4) == packet->length - outer->behind;
		key_add(packet, at, 4);
		key_add(packet, at + 12, 4);
		return outer->behind + 16;
	case IPPROTO_GRE:
		flags = get16(at);
		*ret_type = get16(at + 2);
		*ret_plain &= (flags & ~0x2000u) == 0;
		if (flags & 0x2000)
			key_add(packet, at + 4, 4);
		return outer->behind + (flags ? 8 : 4);
	case IPPROTO_IPIP: *ret_type = 0x0800; return outer->behind;
	case IPPROTO_IPV6: *ret_type = 0x86dd; return outer->behind;
	default: return 0;
	}
}

/* Ports make a flow. */
static bool read_l4(struct model_packet *packet, const struct layer *layer, bool *ret_plain)
{
	const uint8_t *l4 = packet->bytes + layer->behind;
	const uint32_t ip_end = layer->at +
		(layer->ipv6 ? 40 + get16(packet->bytes + layer->at + 4)
			     : get16(packet->bytes + layer->at + 2));
	const uint32_t end = ip_end < packet->length ? ip_end : packet->length;

	packet->tcp = layer->protocol == IPPROTO_TCP;
	packet->ip = (uint16_t)layer->at;
	packet->ipv6 = layer->ipv6;
	packet->l4 = (uint16_t)layer->behind;
	packet->start = (uint16_t)(layer->behind + (packet->tcp ? (l4[12] >> 4) * 4u : 8));
	packet->payload_bytes = (uint16_t)(packet->length - packet->start);
	key_add(packet, l4, 4);
	key_add(packet, &layer->protocol, 1);
	if (layer->fragment || packet->start > end)
		return false;
	switch (layer->protocol) {
	case IPPROTO_TCP: /* no SYN, RST, URG; nor a checksum that would come back as 0 */
		*ret_plain = packet->start < packet->length && !(l4[13] & 0x26) &&
			get16(l4 + 16) != 0xffff;
		return true;
	case IPPROTO_UDP:
		*ret_plain = get16(l4 + 4) > 8 && get16(l4 + 4) == packet->length - layer->behind &&
			get16(l4 + 6) != 0;
		return true;
	case IPPROTO_SCTP: *ret_plain = false; return packet->start + 4u <= end;
	default: return false;
	}
}

static bool ipv4_right(const uint8_t *ip, bool ipv6)
{
	return ipv6 || plain_sum(ip, 20, 0) == 0xffff;
}

static bool l4_right(
	const struct model_packet *packet, uint32_t ip, bool ipv6, uint32_t l4, bool tcp)
{
	const uint32_t bytes = packet->length - l4;
	const uint16_t pseudo =
		plain_pseudo_sum(packet->bytes + ip, ipv6, tcp ? IPPROTO_TCP : IPPROTO_UDP, bytes);

	return plain_sum(packet->bytes + l4, bytes, pseudo) == 0xffff;
}

static bool checksums_right(const struct model_packet *packet)
{
	const uint8_t *bytes = packet->bytes;

	if (packet->trusted && !packet->tunnel)
		return true;
	return ipv4_right(bytes + packet->ip, packet->ipv6) &&
		l4_right(packet, packet->ip, packet->ipv6, packet->l4, packet->tcp) &&
		(!packet->tunnel || ipv4_right(bytes + packet->outer_ip, packet->outer_ipv6)) &&
		(packet->outer_udp == 0 || get16(bytes + packet->outer_udp + 6) == 0 ||
			l4_right(packet, packet->outer_ip, packet->outer_ipv6, packet->outer_udp,
				false));
}

static enum model_kind look(const struct gro_settings *settings, struct model_packet *packet)
{
	struct layer outer, inner;
	bool plain = true, tunnel_plain = true, l4_plain = true;
	uint32_t type, inner_at, at = read_ethernet(packet, 0, &type);
	const uint32_t addresses_at = packet->key_bytes;

	if (at == 0 || !read_ip(packet, at, type, &outer))
		return MODEL_ALIEN;
	packet->addresses_hash =
		hash_of(packet->key + addresses_at, packet->key_bytes - addresses_at);
	if (outer.fragment)
		return MODEL_PORTLESS;
	if (packet->stripped)
		key_add(packet, (const uint8_t *)&packet->tag, 2);
	inner = outer;
	inner_at = read_tunnel(packet, &outer, &type, &tunnel_plain);
	if (inner_at != 0) {
		packet->tunnel = true;
		packet->outer_ip = (uint16_t)outer.at;
		packet->outer_ipv6 = outer.ipv6;
		packet->outer_udp = (uint16_t)(outer.protocol == IPPROTO_UDP ? outer.behind : 0);
		if (!settings->tunnels)
			return MODEL_PORTLESS;
		if (type == 0x6558)
			inner_at = read_ethernet(packet, inner_at, &type);
		if (inner_at == 0 || !read_ip(packet, inner_at, type, &inner))
			return MODEL_PORTLESS;
		plain = outer.plain && tunnel_plain;
	}
	if (!read_l4(packet, &inner, &l4_plain))
		return MODEL_PORTLESS;
	if (!plain || !inner.plain || !l4_plain || !packet->one_piece || packet->partial ||
		packet->start > HEADERS_MAX || !(packet->tcp ? settings->tcp : settings->udp))
		return MODEL_ALONE;
	return !settings->verify || checksums_right(packet) ? MODEL_MERGEABLE : MODEL_BAD;
}

void model_look(const struct gro_settings *settings, struct model_packet *packet)
{
	packet->tunnel = false;
	packet->outer_ip = packet->outer_udp = packet->key_bytes = 0;
	packet->kind = look(settings, packet);
	packet->key_hash = hash_of(packet->key, packet->key_bytes);
}

/* ---- whether one follows another ---- */

static bool same(
	const struct model_packet *a, const struct model_packet *b, uint32_t from, uint32_t bytes)
{
	return memcmp(a->bytes + from, b->bytes + from, bytes) == 0;
}

/* Class and flow label, hop limit; TOS, TTL, DF. */
static bool ip_alike(
	const struct model_packet *a, const struct model_packet *b, uint32_t at, bool ipv6)
{
	if (ipv6)
		return same(a, b, at, 4) && same(a, b, at + 6, 34);
	return same(a, b, at, 2) && same(a, b, at + 6, 4) && same(a, b, at + 12, 8);
}

/* All the same, or each one more than the one before. */
static bool id_follows(const struct model *model, struct model_packet *first,
	const struct model_packet *packet, uint32_t at, bool *fixed)
{
	const uint16_t distance =
		(uint16_t)(get16(packet->bytes + at + 4) - get16(first->bytes + at + 4));
	const bool may_be_fixed =
		model->settings.rules == GRO_RULES_CURRENT || (first->bytes[at + 6] & 0x40);

	if (first->segments == 1)
		*fixed = distance == 0 && may_be_fixed;
	return distance == (*fixed ? 0 : (uint16_t)first->segments);
}

static bool tcp_alike(
	const struct model *model, const struct model_packet *a, const struct model_packet *b)
{
	const uint8_t *one = a->bytes + a->l4, *two = b->bytes + b->l4;
	uint8_t flags = one[13] ^ two[13];

	flags &= (uint8_t)~0x09; /* FIN, PSH */
	if (model->settings.rules == GRO_RULES_CLASSIC) {
		if (two[13] & 0x80)
			return false;
		flags &= 0x7f;
	}
	return flags == 0 && same(a, b, a->l4 + 8u, 5) && same(a, b, a->l4 + 14u, 2) &&
		same(a, b, a->l4 + 18u, a->start - a->l4 - 18u);
}

static bool headers_alike(
	const struct model *model, const struct model_packet *a, const struct model_packet *b)
{
	if (a->ip != b->ip || a->l4 != b->l4 || a->start != b->start || a->tcp != b->tcp ||
		a->ipv6 != b->ipv6 || a->tunnel != b->tunnel || a->outer_ip != b->outer_ip ||
		a->outer_ipv6 != b->outer_ipv6 || a->outer_udp != b->outer_udp)
		return false;
	if (!same(a, b, 0, a->tunnel ? a->outer_ip : a->ip) || !ip_alike(a, b, a->ip, a->ipv6) ||
		!same(a, b, a->ip + (a->ipv6 ? 40 : 20), a->l4 - a->ip - (a->ipv6 ? 40u : 20u)) ||
		!same(a, b, a->l4, 4))
		return false;
	if (a->tcp && !tcp_alike(model, a, b))
		return false;
	if (!a->tunnel)
		return true;
	if (!ip_alike(a, b, a->outer_ip, a->outer_ipv6))
		return false;
	if (a->outer_udp == 0) {
		const uint32_t behind = a->outer_ip + (a->outer_ipv6 ? 40u : 20u);

		return a->bytes[a->outer_ip + (a->outer_ipv6 ? 6 : 9)] ==
			b->bytes[b->outer_ip + (b->outer_ipv6 ? 6 : 9)] &&
			same(a, b, behind, a->ip - behind);
	}
	return (get16(a->bytes + a->outer_udp + 6) == 0) ==
		(get16(b->bytes + b->outer_udp + 6) == 0) &&
		same(a, b, a->outer_udp, 4) &&
		same(a, b, a->outer_udp + 8u, a->ip - a->outer_udp - 8u);
}

static bool follows(
	const struct model *model, struct model_packet *first, const struct model_packet *packet)
{
	uint32_t expected;

	if (!headers_alike(model, first, packet) || packet->stripped != first->stripped ||
		packet->payload_bytes > first->payload_bytes ||
		first->ip_bytes + packet->payload_bytes > IP_MAX)
		return false;
	if (!first->ipv6 && !id_follows(model, first, packet, first->ip, &first->id_fixed))
		return false;
	if (first->tunnel && !first->outer_ipv6 &&
		!id_follows(model, first, packet, first->outer_ip, &first->outer_id_fixed))
		return false;
	expected = get32(first->last->bytes + first->l4 + 4) + first->last->payload_bytes;
	return !first->tcp || get32(packet->bytes + packet->l4 + 4) == expected;
}

/* ---- what is held ---- */

static void leave(struct model *model, struct model_packet *packet)
{
	packet->left = true;
	model->left[model->left_count++] = packet;
}

static void flush(struct model *model, uint32_t index)
{
	struct model_packet *first = model->held[index];

	memmove(&model->held[index], &model->held[index + 1],
		(--model->count - index) * sizeof(model->held[0]));
	model->packets -= first->segments;
	model->supers += first->segments > 1;
	leave(model, first);
}

static void hold(struct model *model, struct model_packet *packet, uint64_t now_tsc)
{
	if (model->count == model->settings.flows)
		flush(model, 0);
	packet->since_tsc = now_tsc;
	packet->ip_bytes = packet->length - (packet->tunnel ? packet->outer_ip : packet->ip);
	model->held[model->count++] = packet;
	model->packets++;
}

static bool ends(const struct model_packet *first, const struct model_packet *packet)
{
	return (packet->tcp && (packet->bytes[packet->l4 + 13] & 0x09)) ||
		packet->payload_bytes < first->payload_bytes ||
		(!packet->tcp && first->segments == UDP_MAX);
}

static void merge(struct model *model, uint32_t index, struct model_packet *packet)
{
	struct model_packet *first = model->held[index];

	first->last->next = packet;
	first->last = packet;
	first->segments++;
	first->ip_bytes += packet->payload_bytes;
	model->packets++;
	model->merged++;
	if (ends(first, packet))
		flush(model, index);
}

static void receive_mergeable(struct model *model, struct model_packet *packet, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < model->count; i++) {
		if (model->held[i]->key_hash != packet->key_hash)
			continue;
		if (follows(model, model->held[i], packet)) {
			merge(model, i, packet);
			return;
		}
		flush(model, i);
		break;
	}
	if (packet->tcp && (packet->bytes[packet->l4 + 13] & 0x09))
		leave(model, packet);
	else
		hold(model, packet, now_tsc);
}

void model_receive(struct model *model, struct model_packet *packet, uint64_t now_tsc)
{
	packet->next = NULL;
	packet->last = packet;
	packet->segments = 1;
	packet->left = packet->id_fixed = packet->outer_id_fixed = false;
	model->bad += packet->kind == MODEL_BAD;
	if (packet->kind == MODEL_MERGEABLE) {
		receive_mergeable(model, packet, now_tsc);
		if (model->packets > model->settings.buffers)
			flush(model, 0);
		return;
	}
	for (uint32_t i = model->count; i-- > 0;) {
		const struct model_packet *held = model->held[i];

		if (packet->kind == MODEL_PORTLESS
				? held->addresses_hash == packet->addresses_hash
				: packet->kind != MODEL_ALIEN && held->key_hash == packet->key_hash)
			flush(model, i);
	}
	leave(model, packet);
}

void model_flush(struct model *model, uint64_t now_tsc, bool all, uint32_t room)
{
	while (model->count > 0 && model->left_count < room &&
		(all || model->held[0]->since_tsc + model->settings.timeout_tsc <= now_tsc))
		flush(model, 0);
}
