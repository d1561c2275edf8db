/* SPDX-License-Identifier: BSD-3-Clause */
#include "segments_generator.h"

#include <netinet/in.h>

enum { TUNNEL_NONE, TUNNEL_VXLAN, TUNNEL_GRE, TUNNEL_IP, TUNNELS };
enum { EXTENSION_NONE, EXTENSION_HOP, EXTENSION_DESTINATION, EXTENSION_ROUTED, EXTENSION_FRAGMENT };
enum { PAYLOAD_BYTES = 1 << 16, TCP_PSH_ACK = 0x18, TCP_ACK = 0x10, TCP_CWR = 0x80 };

static uint32_t below(struct generator *generator, uint32_t limit)
{
	return (uint32_t)((generator_random(&generator->random) >> 32) * limit >> 32);
}

static bool one_in(struct generator *generator, uint32_t count)
{
	return below(generator, count) == 0;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static void put_raw16(uint8_t *at, uint16_t raw)
{
	memcpy(at, &raw, 2);
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static const uint8_t *payload_at(struct generator *generator)
{
	static uint8_t payload[PAYLOAD_BYTES + SEGMENT_BYTES_MAX];
	static bool filled;
	uint64_t state = 1;

	if (!filled)
		for (unsigned i = 0; i + 8 <= sizeof(payload); i += 8) {
			uint64_t word = generator_random(&state);

			memcpy(payload + i, &word, 8);
		}
	filled = true;
	return payload + below(generator, PAYLOAD_BYTES);
}

/* ---- headers of a spec ---- */

static uint8_t *append(struct segment_made *made, unsigned bytes)
{
	uint8_t *at = made->headers + made->header_bytes;

	memset(at, 0, bytes);
	made->header_bytes = (uint8_t)(made->header_bytes + bytes);
	return at;
}

static void append_ethernet(struct segment_made *made, uint8_t mac, unsigned tags, unsigned type)
{
	uint8_t *at = append(made, 12);

	at[0] = at[6] = 2;
	at[5] = mac;
	at[11] = 7;
	for (unsigned i = tags; i > 0; i--) {
		at = append(made, 4);
		put16(at, i > 1 ? 0x88a8 : 0x8100);
		put16(at + 2, 0x2000 + 5 + i);
	}
	put16(append(made, 2), type);
}

static void append_extension(struct segment_made *made, uint8_t which, uint8_t next)
{
	uint8_t *at = append(made, 8);

	at[0] = next;
	if (which == EXTENSION_ROUTED)
		at[3] = 1; /* segments left */
	else if (which == EXTENSION_FRAGMENT)
		put16(at + 2, 1); /* the first one; more follow */
	else
		at[2] = 1, at[3] = 4; /* PadN */
}

static void append_ip(struct segment_made *made, bool ipv6, uint8_t addresses, uint8_t protocol,
	uint8_t options, uint8_t extension)
{
	static const uint8_t extensions[] = {
		0, IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT};
	uint8_t *at;

	if (ipv6) {
		at = append(made, 40);
		at[0] = 0x60;
		at[6] = extension ? extensions[extension] : protocol;
		at[7] = 64;
		put16(at + 8, 0xfd00);
		put16(at + 24, 0xfd00);
		at[23] = addresses & 1;
		at[39] = addresses >> 1;
		if (extension)
			append_extension(made, extension, protocol);
		return;
	}
	at = append(made, 20u + options);
	at[0] = (uint8_t)(0x45 + options / 4);
	at[6] = 0x40; /* DF */
	at[8] = 64;
	at[9] = protocol;
	at[12] = at[16] = 10;
	at[15] = addresses & 1;
	at[19] = addresses >> 1;
	if (options)
		memset(at + 20, 1, options); /* NOP */
}

static void append_tunnel(struct segment_made *made, const struct segment_spec *spec)
{
	static const uint8_t protocols[] = {0, IPPROTO_UDP, IPPROTO_GRE};
	const bool ethernet = spec->tunnel == TUNNEL_VXLAN || spec->inner_tags > 0;
	const unsigned inner_type = spec->ipv6 ? 0x86dd : 0x0800;
	const uint8_t protocol = spec->tunnel == TUNNEL_IP
		? (spec->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP)
		: protocols[spec->tunnel];
	uint8_t *at;

	made->outer_ip = made->header_bytes;
	made->outer_ipv6 = spec->outer_ipv6;
	append_ip(made, spec->outer_ipv6, spec->outer_addresses, protocol, 0, 0);
	if (spec->tunnel == TUNNEL_VXLAN) {
		made->outer_udp = made->header_bytes;
		at = append(made, 16);
		put16(at, 50000 + spec->ports);
		put16(at + 2, 4789);
		at[8] = 8;
		at[14] = spec->key;
	} else if (spec->tunnel == TUNNEL_GRE) {
		at = append(made, spec->key ? 8 : 4);
		put16(at, spec->key == 3 ? 0x1000 : spec->key ? 0x2000 : 0); /* 3: a sequence no. */
		put16(at + 2, ethernet ? 0x6558 : inner_type);
		if (spec->key)
			at[7] = spec->key;
	}
	if (ethernet && spec->tunnel != TUNNEL_IP)
		append_ethernet(made, 9, spec->inner_tags & 1u, inner_type);
}

static void append_l4(struct segment_made *made, const struct segment_spec *spec)
{
	const unsigned options = spec->tcp_options;
	uint8_t *at;

	made->l4 = made->header_bytes;
	made->tcp = spec->protocol == IPPROTO_TCP;
	made->udp = spec->protocol == IPPROTO_UDP;
	at = append(made, made->tcp ? 20 + options : 8);
	put16(at, 1000 + (spec->ports & 1));
	put16(at + 2, 2000 + (spec->ports >> 1));
	if (!made->tcp)
		return;
	put32(at + 8, 77);
	at[12] = (uint8_t)((20 + options) << 2);
	at[13] = TCP_ACK;
	put16(at + 14, 5000);
	if (options >= 12) {
		put32(at + 20, 0x0101080a);
		put32(at + 24, 123456);
		put32(at + 28, 654321);
	} else if (options > 0) {
		memset(at + 20, 1, options);
	}
}

static void make(const struct segment_spec *spec, struct segment_made *made)
{
	const bool ipv6 = spec->tunnel ? spec->outer_ipv6 : spec->ipv6;

	*made = (struct segment_made){.ipv6 = spec->ipv6};
	append_ethernet(made, spec->mac, spec->tags, ipv6 ? 0x86dd : 0x0800);
	if (spec->tunnel)
		append_tunnel(made, spec);
	made->ip = made->header_bytes;
	append_ip(made, spec->ipv6, spec->addresses, spec->protocol, spec->ipv4_options,
		spec->extension);
	append_l4(made, spec);
}

/* ---- flows ---- */

static void vary_plain(struct generator *generator, struct segment_spec *spec)
{
	static const uint8_t protocols[] = {
		IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP};
	static const uint8_t options[] = {0, 12, 12, 4, 40};

	switch (below(generator, 10)) {
	case 0: spec->mac ^= 1; break;
	case 1: spec->tags = (uint8_t)below(generator, 3); break;
	case 2: spec->stripped ^= 1; break;
	case 3: spec->ipv6 ^= 1; break;
	case 4: spec->ipv4_options = one_in(generator, 2) ? 4 : 0; break;
	case 5: spec->extension = (uint8_t)below(generator, 5); break;
	case 6: spec->addresses = (uint8_t)below(generator, 4); break;
	case 7: spec->ports = (uint8_t)below(generator, 8); break;
	case 8: spec->protocol = protocols[below(generator, sizeof(protocols))]; break;
	default: spec->tcp_options = options[below(generator, sizeof(options))]; break;
	}
}

static void vary_tunnel(struct generator *generator, struct segment_spec *spec)
{
	switch (below(generator, 6)) {
	case 0: spec->tunnel = (uint8_t)below(generator, TUNNELS); break;
	case 1: spec->outer_ipv6 ^= 1; break;
	case 2: spec->outer_addresses = (uint8_t)below(generator, 4); break;
	case 3: spec->key = (uint8_t)below(generator, 4); break;
	case 4: spec->outer_checksum ^= 1; break;
	default: spec->inner_tags = (uint8_t)below(generator, 3); break;
	}
}

static void vary(struct generator *generator, struct segment_spec *spec)
{
	if (generator->tunnels && one_in(generator, 2))
		vary_tunnel(generator, spec);
	else
		vary_plain(generator, spec);
}

static uint16_t id_step(struct generator *generator)
{
	static const uint16_t steps[] = {0, 1, 1, 1, 2, 0xffff};

	return steps[below(generator, 6)];
}

/* Some that make just one byte more than an IP packet holds: of TCP with timestamps over IPv4 and
 * IPv6, and of UDP over IPv4. */
static uint16_t segment_bytes(struct generator *generator)
{
	static const uint16_t filling[] = {(65536 - 52) / 51, (65536 - 72) / 49, (65536 - 28) / 53};

	if (generator->large && one_in(generator, 2))
		return filling[below(generator, 3)];
	return (uint16_t)(generator->large ? 1300 + below(generator, 200)
					   : 1 + below(generator, 40));
}

void generator_init(struct generator *generator, uint64_t seed, bool wrong_checksums)
{
	static const uint16_t mutations[] = {2, 8, 30, 100, 1000};
	static const uint8_t stays[] = {1, 2, 8, 60};
	struct segment_spec spec = {.protocol = IPPROTO_TCP, .tcp_options = 12};

	*generator = (struct generator){.random = seed, .wrong_checksums = wrong_checksums};
	generator->flows = 1 + below(generator, one_in(generator, 2) ? 4 : GENERATOR_FLOWS_MAX);
	generator->mutate_one_in = mutations[below(generator, 5)];
	generator->stay_one_in = stays[below(generator, 4)];
	generator->tunnels = one_in(generator, 3);
	generator->large = one_in(generator, 12);
	for (unsigned i = 0; i < generator->flows; i++) {
		struct generator_flow *flow = &generator->flow[i];

		if (one_in(generator, 4))
			spec = (struct segment_spec){.protocol = IPPROTO_TCP};
		for (unsigned changes = below(generator, 4); changes > 0; changes--)
			vary(generator, &spec);
		*flow = (struct generator_flow){.spec = spec,
			.sequence = one_in(generator, 4) ? UINT32_MAX - 100 : 1000,
			.id = one_in(generator, 4) ? 0xffff : 77,
			.id_step = id_step(generator),
			.outer_id_step = id_step(generator),
			.segment_bytes = segment_bytes(generator)};
		make(&flow->spec, &flow->made);
		if (!flow->made.ipv6 && one_in(generator, 3))
			flow->made.headers[flow->made.ip + 6] = 0; /* no DF */
		if (flow->made.outer_ip != 0 && !flow->made.outer_ipv6 && one_in(generator, 3))
			flow->made.headers[flow->made.outer_ip + 6] = 0;
	}
}

/* ---- mutations ---- */

struct draft {
	struct generator_flow *flow;
	struct segment_made made; /* of this packet */
	uint32_t sequence, payload_bytes, padding_bytes;
	uint16_t id, outer_id;
	bool zero_sum, ones; /* the checksum comes to 0; then it is written as 0xffff */
	int cut_bytes; /* the frame is so much shorter than IP says */
	bool outer_checksum;
	uint8_t wrong; /* one of the checksums is wrong */
	struct segment *segment;
};

static void mutate_ip(struct generator *generator, struct segment_made *made)
{
	const bool outer = made->outer_ip != 0 && one_in(generator, 2);
	uint8_t *ip = made->headers + (outer ? made->outer_ip : made->ip);

	if (outer ? made->outer_ipv6 : made->ipv6) {
		static const uint8_t places[] = {0, 1, 2, 3, 7};
		uint8_t place = places[below(generator, 5)];

		ip[place] ^= (uint8_t)(1u << below(generator, place == 0 ? 4 : 8));
		return;
	}
	switch (below(generator, 8)) {
	case 0:
	case 1: ip[8] ^= (uint8_t)(1u << below(generator, 8)); break; /* TTL */
	case 2:
	case 3: ip[1] ^= (uint8_t)(1u << below(generator, 8)); break; /* TOS */
	case 4: ip[6] ^= 0x80; break; /* reserved */
	case 5: put16(ip + 6, one_in(generator, 2) ? 0x2000 : below(generator, 8)); break;
	default: ip[6] ^= 0x40; break; /* DF */
	}
}

static void mutate_l4(struct generator *generator, struct segment_made *made)
{
	uint8_t *l4 = made->headers + made->l4;
	const uint32_t options = made->header_bytes - made->l4 - 20u;

	if (!made->tcp)
		return;
	switch (below(generator, 8)) {
	case 0: l4[13] ^= (uint8_t)(1u << below(generator, 8)); break;
	case 1: l4[13] ^= TCP_CWR; break;
	case 2: l4[13] ^= 0x40; break; /* ECE */
	case 3: l4[8 + below(generator, 4)]++; break; /* ack */
	case 4: l4[14 + below(generator, 2)]++; break; /* window */
	case 5: l4[12] ^= (uint8_t)(1u << below(generator, 4)); break; /* NS, reserved */
	case 6: l4[18 + below(generator, 2)] ^= 1; break; /* urgent pointer */
	default:
		if (options > 0)
			l4[20 + below(generator, options)] ^= (uint8_t)(1u << below(generator, 8));
	}
}

static void mutate_flow(struct generator *generator, struct generator_flow *flow)
{
	switch (below(generator, 6)) {
	case 0: flow->id_step = id_step(generator); break;
	case 1: flow->outer_id_step = id_step(generator); break;
	case 2: flow->segment_bytes = segment_bytes(generator); break;
	case 3: mutate_ip(generator, &flow->made); break;
	case 4: mutate_l4(generator, &flow->made); break;
	default: make(&flow->spec, &flow->made); break; /* as at the start again */
	}
}

static void mutate_order(struct generator *generator, struct draft *draft)
{
	switch (below(generator, 4)) {
	case 0: draft->sequence += below(generator, 2) ? 1 : draft->payload_bytes; break; /* gap */
	case 1: draft->sequence -= draft->flow->segment_bytes; break; /* again */
	case 2: draft->sequence -= 1; break; /* overlap */
	default:
		draft->id = (uint16_t)generator_random(&generator->random);
		if (one_in(generator, 2))
			draft->outer_id = draft->id;
	}
}

static void mutate_size(struct generator *generator, struct draft *draft)
{
	switch (below(generator, 6)) {
	case 0: draft->payload_bytes = 0; break;
	case 1: draft->payload_bytes += 1 + below(generator, 20); break;
	case 2: draft->padding_bytes = 1 + below(generator, 12); break;
	case 3: draft->cut_bytes = 1 + (int)below(generator, 4); break;
	default: draft->payload_bytes = 1 + below(generator, draft->payload_bytes); break;
	}
}

static void mutate_buffer(struct generator *generator, struct draft *draft)
{
	switch (below(generator, 4)) {
	case 0: draft->segment->pieces = (uint8_t)(2 + below(generator, 3)); break;
	case 1: draft->segment->partial = true; break;
	case 2: draft->segment->trusted = true; break;
	default: draft->segment->stripped ^= 1; break;
	}
}

static void mutate(struct generator *generator, struct draft *draft)
{
	struct segment_spec spec;

	switch (below(generator, 12)) {
	case 0: mutate_ip(generator, &draft->made); break;
	case 1: mutate_l4(generator, &draft->made); break;
	case 2: mutate_order(generator, draft); break;
	case 3:
	case 4: mutate_size(generator, draft); break;
	case 5: draft->made.headers[draft->made.l4 + 13] |= draft->made.tcp ? 0x08 : 0; break;
	case 6: draft->made.headers[draft->made.l4 + 13] |= draft->made.tcp ? 0x01 : 0; break;
	case 7: draft->zero_sum = true, draft->ones = one_in(generator, 2); break;
	case 8:
		draft->wrong = (uint8_t)(generator->wrong_checksums ? 1 + below(generator, 3) : 0);
		break;
	case 9: mutate_buffer(generator, draft); break;
	case 10:
		spec = draft->flow->spec;
		vary(generator, &spec);
		make(&spec, &draft->made);
		draft->segment->stripped = spec.stripped;
		draft->outer_checksum = spec.outer_checksum;
		break;
	default: mutate_flow(generator, draft->flow); break; /* from the next on */
	}
}

/* ---- a packet ---- */

static void finish_ip(struct draft *draft, uint8_t *frame, uint32_t at, bool ipv6, uint16_t id)
{
	const uint32_t bytes = draft->made.header_bytes + draft->payload_bytes - at;
	uint8_t *ip = frame + at;

	if (ipv6) {
		put16(ip + 4, bytes - 40);
		return;
	}
	put16(ip + 2, bytes);
	put16(ip + 4, id);
	if (draft->zero_sum) /* an id that makes the checksum 0 */
		put_raw16(ip + 4,
			(uint16_t)~plain_sum(
				ip, (ip[0] & 0xfu) * 4, (uint16_t)~plain_sum(ip + 4, 2, 0)));
	put_raw16(ip + 10, (uint16_t)~plain_sum(ip, (ip[0] & 0xfu) * 4, 0));
	if (draft->zero_sum && get16(ip + 10) % 0xffff == 0)
		put16(ip + 10, draft->ones ? 0xffff : 0);
}

static void finish_l4(struct draft *draft, uint8_t *frame)
{
	const struct segment_made *made = &draft->made;
	const uint32_t bytes = made->header_bytes - made->l4 + draft->payload_bytes;
	uint8_t *l4 = frame + made->l4, *payload = frame + made->header_bytes;
	uint8_t *checksum = l4 + (made->tcp ? 16 : 6);
	const uint16_t pseudo = plain_pseudo_sum(
		frame + made->ip, made->ipv6, made->tcp ? IPPROTO_TCP : IPPROTO_UDP, bytes);
	uint16_t sum;

	if (!made->tcp && !made->udp)
		return;
	if (made->tcp)
		put32(l4 + 4, draft->sequence);
	else
		put16(l4 + 4, bytes);
	put16(checksum, 0);
	if (draft->zero_sum && draft->payload_bytes >= 2) {
		put16(payload, 0);
		put_raw16(payload, (uint16_t)~plain_sum(l4, bytes, pseudo));
		put16(checksum, draft->ones ? 0xffff : 0);
		return;
	}
	sum = (uint16_t)~plain_sum(l4, bytes, pseudo);
	put_raw16(checksum, made->udp && sum == 0 ? 0xffff : sum);
}

static void finish_outer(struct draft *draft, uint8_t *frame, bool with_checksum)
{
	const struct segment_made *made = &draft->made;
	const uint32_t bytes = made->header_bytes + draft->payload_bytes - made->outer_udp;
	uint8_t *udp = frame + made->outer_udp;
	uint16_t sum;

	if (made->outer_udp == 0)
		return;
	put16(udp + 4, bytes);
	put16(udp + 6, 0);
	if (!with_checksum)
		return;
	sum = (uint16_t)~plain_sum(udp, bytes,
		plain_pseudo_sum(frame + made->outer_ip, made->outer_ipv6, IPPROTO_UDP, bytes));
	put_raw16(udp + 6, sum == 0 ? 0xffff : sum);
}

static void make_wrong(struct draft *draft, uint8_t *frame)
{
	const struct segment_made *made = &draft->made;
	const uint8_t l4_checksum = (uint8_t)(made->l4 + (made->tcp ? 17 : 7));

	if (draft->wrong == 1)
		frame[l4_checksum] ^= 0x10;
	else if (draft->wrong == 2)
		frame[made->ip + 11] ^= made->ipv6 ? 0 : 0x10;
	else if (made->outer_udp != 0)
		frame[made->outer_udp + 7] ^= 0x10;
	else
		frame[made->header_bytes + draft->payload_bytes - 1] ^= 0x10;
}

static void finish(struct generator *generator, struct draft *draft)
{
	const struct segment_made *made = &draft->made;
	struct segment *segment = draft->segment;
	uint8_t *frame = segment->bytes;

	memcpy(frame, made->headers, made->header_bytes);
	memcpy(frame + made->header_bytes, payload_at(generator), draft->payload_bytes);
	finish_ip(draft, frame, made->ip, made->ipv6, draft->id);
	finish_l4(draft, frame);
	if (made->outer_ip != 0) {
		finish_outer(draft, frame, draft->outer_checksum);
		finish_ip(draft, frame, made->outer_ip, made->outer_ipv6, draft->outer_id);
	}
	if (draft->wrong) {
		make_wrong(draft, frame);
		segment->trusted = false;
	}
	segment->length = made->header_bytes + draft->payload_bytes;
	memset(frame + segment->length, 0x55, draft->padding_bytes);
	segment->length += draft->padding_bytes;
	if ((uint32_t)draft->cut_bytes < draft->payload_bytes)
		segment->length -= (uint32_t)draft->cut_bytes;
}

void generator_next(struct generator *generator, struct segment *ret_segment)
{
	struct generator_flow *flow;
	struct draft draft;

	if (one_in(generator, generator->stay_one_in))
		generator->current = below(generator, generator->flows);
	flow = &generator->flow[generator->current];
	ret_segment->pieces = 1;
	ret_segment->partial = ret_segment->trusted = false;
	ret_segment->stripped = flow->spec.stripped;
	ret_segment->tag = 9;
	draft = (struct draft){.flow = flow,
		.sequence = flow->sequence,
		.payload_bytes = flow->segment_bytes,
		.id = flow->id,
		.outer_id = flow->outer_id,
		.outer_checksum = flow->spec.outer_checksum,
		.segment = ret_segment};
	draft.made = flow->made;
	if (one_in(generator, generator->mutate_one_in))
		mutate(generator, &draft);
	finish(generator, &draft);
	flow->sequence = draft.sequence + draft.payload_bytes;
	flow->id = (uint16_t)(draft.id + flow->id_step);
	flow->outer_id = (uint16_t)(draft.outer_id + flow->outer_id_step);
}
