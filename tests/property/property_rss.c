/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For random flows, keys and rules: packets hash as their tuple does, by every Toeplitz variant and
 * transform; the bytes are those that the definition in rss_hash.h says, written down here once
 * more; symmetric rules hash both directions alike; with `inner`, what is in a tunnel hashes as
 * what was put into it does by itself.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "packet/parse.h"
#include "steering/receive.h"
#include "steering/tuple.h"

enum { ROUNDS = 1000, BURST = 32, FRAME_MAX = 512, SEGMENTS = 2 };

static unsigned seed;

static unsigned random_below(unsigned limit)
{
	return (unsigned)(rand_r(&seed) >> 5) % limit;
}

static void fill_random(uint8_t *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		bytes[i] = (uint8_t)random_below(256);
}

struct frame {
	uint8_t bytes[FRAME_MAX];
	unsigned length;
	struct rte_mbuf mbufs[SEGMENTS];
	uint8_t second[FRAME_MAX]; /* of the second segment */
};

static uint8_t *append(struct frame *frame, const void *bytes, unsigned count)
{
	uint8_t *at = frame->bytes + frame->length;

	if (bytes != NULL)
		memcpy(at, bytes, count);
	else
		fill_random(at, count);
	frame->length += count;
	return at;
}

static void put_be16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void random_tuple(struct tuple *tuple)
{
	static const uint8_t protocols[] = {
		IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, 89};

	memset(tuple, 0, sizeof(*tuple));
	tuple->ipv6 = random_below(2);
	tuple->protocol = protocols[random_below(sizeof(protocols))];
	tuple->has_ports = tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP ||
		tuple->protocol == IPPROTO_SCTP;
	fill_random(tuple->source, tuple->ipv6 ? 16 : 4);
	fill_random(tuple->destination, tuple->ipv6 ? 16 : 4);
	if (random_below(4) == 0) /* so that sorting ports and addresses differs */
		memcpy(tuple->destination, tuple->source, sizeof(tuple->source));
	if (tuple->has_ports) {
		tuple->source_port = (uint16_t)random_below(65536);
		tuple->destination_port = (uint16_t)(10000 + random_below(50000)); /* no tunnel's */
	}
}

static struct tuple turned(const struct tuple *tuple)
{
	struct tuple back = *tuple;

	memcpy(back.source, tuple->destination, sizeof(back.source));
	memcpy(back.destination, tuple->source, sizeof(back.destination));
	back.source_port = tuple->destination_port;
	back.destination_port = tuple->source_port;
	return back;
}

static void append_ether(struct frame *frame, const struct tuple *tuple, int vlan)
{
	append(frame, NULL, 12);
	if (vlan >= 0) {
		put_be16(append(frame, NULL, 2), RTE_ETHER_TYPE_VLAN);
		put_be16(append(frame, NULL, 2), (unsigned)vlan);
	}
	put_be16(append(frame, NULL, 2), tuple->ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
}

/* An IP packet of the flow; `options`: not on the fast path; `fragment`: a later one. */
static void append_ip(struct frame *frame, const struct tuple *tuple, bool options, bool fragment)
{
	const unsigned start = frame->length;
	uint8_t *ip = append(frame, NULL, tuple->ipv6 ? 40 : 20), *l4;

	ip[0] = tuple->ipv6 ? 0x60 : 0x45;
	memcpy(ip + (tuple->ipv6 ? 8 : 12), tuple->source, tuple->ipv6 ? 16 : 4);
	memcpy(ip + (tuple->ipv6 ? 24 : 16), tuple->destination, tuple->ipv6 ? 16 : 4);
	if (tuple->ipv6) {
		ip[6] = options ? IPPROTO_DSTOPTS : fragment ? IPPROTO_FRAGMENT : tuple->protocol;
		if (options)
			append(frame, "\0\0\1\4\0\0\0\0", 8)[0] =
				fragment ? IPPROTO_FRAGMENT : tuple->protocol;
		if (fragment)
			append(frame, "\0\0\1\0\0\0\0\1", 8)[0] = tuple->protocol;
	} else {
		ip[0] += options;
		put_be16(ip + 6, fragment ? 0x0010 : 0x4000);
		ip[9] = tuple->protocol;
		if (options)
			append(frame, "\1\1\1\1", 4);
	}
	l4 = append(frame, NULL, 40);
	put_be16(l4, tuple->source_port);
	put_be16(l4 + 2, tuple->destination_port);
	l4[12] = 0x50; /* TCP's header length */
	if (tuple->ipv6)
		put_be16(ip + 4, frame->length - start - 40);
	else
		put_be16(ip + 2, frame->length - start);
}

static void build(
	struct frame *frame, const struct tuple *tuple, int vlan, bool options, bool fragment)
{
	frame->length = 0;
	append_ether(frame, tuple, vlan);
	append_ip(frame, tuple, options, fragment);
}

/* One segment, or two cut anywhere. */
static struct rte_mbuf *mbuf_of(struct frame *frame)
{
	struct rte_mbuf *head = &frame->mbufs[0], *tail = &frame->mbufs[1];
	unsigned cut = random_below(3) == 0 ? random_below(frame->length) : frame->length;

	memset(frame->mbufs, 0, sizeof(frame->mbufs));
	head->buf_addr = frame->bytes;
	head->data_len = (uint16_t)cut;
	head->pkt_len = frame->length;
	head->nb_segs = 1;
	head->ol_flags = RTE_MBUF_F_RX_RSS_HASH; /* a NIC's, which must go */
	head->hash.rss = 0xdeadbeef;
	if (cut < frame->length) {
		memcpy(frame->second, frame->bytes + cut, frame->length - cut);
		memset(frame->bytes + cut, 0xee, frame->length - cut);
		tail->buf_addr = frame->second;
		tail->data_len = (uint16_t)(frame->length - cut);
		head->next = tail;
		head->nb_segs = 2;
	}
	return head;
}

/* Rules and a key of chance, hashed by the variant whose turn it is. */
static void random_hash(struct rss_hash *hash, enum rss_transform transform, bool symmetric)
{
	static unsigned turn;
	const struct toeplitz_variant *variant = toeplitz_variants[turn++ % TOEPLITZ_VARIANT_COUNT];
	uint8_t key[TOEPLITZ_KEY_BYTES], fields[RSS_TYPE_COUNT];

	fill_random(key, sizeof(key));
	for (unsigned type = 0; type < RSS_TYPE_COUNT; type++) {
		fields[type] = random_below(4)
			? rss_fields_default[type]
			: (uint8_t)(random_below(128) & rss_fields_possible[type]);
		if (symmetric && !rss_fields_are_symmetric(fields[type]))
			fields[type] = rss_fields_default[type];
	}
	rss_hash_init(hash, key, fields, transform, false);
	toeplitz_key_init(&hash->key, key, variant->supported() ? variant : NULL);
}

/* Without what a tuple does not know. */
static void leave_l2_out(struct rss_rules *rules)
{
	uint8_t fields[RSS_TYPE_COUNT];

	for (unsigned type = 0; type < RSS_TYPE_COUNT; type++)
		fields[type] = rules->fields[type] & ~(RSS_FIELD_MAC | RSS_FIELD_VLAN);
	rss_rules_init(rules, fields, (enum rss_transform)rules->transform, rules->inner);
}

static void check_mbuf(const struct rte_mbuf *mbuf, uint32_t got, uint32_t hash, bool hashed)
{
	assert_int_equal(got, hash);
	assert_int_equal(mbuf->hash.rss, hash);
	assert_int_equal((mbuf->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0, hashed);
}

static void packets_hash_as_tuples(void **state)
{
	static struct frame frames[BURST];
	static struct rss_hash hash;
	struct tuple tuples[BURST];
	struct rte_mbuf *mbufs[BURST];
	uint32_t hashes[BURST];
	unsigned ordinary = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		random_hash(&hash, round % 3, false);
		leave_l2_out(&hash.rules);
		ordinary += hash.rules.ordinary;
		for (unsigned i = 0; i < BURST; i++) {
			bool fragment = random_below(8) == 0;

			random_tuple(&tuples[i]);
			build(&frames[i], &tuples[i],
				random_below(4) ? -1 : (int)random_below(4096),
				random_below(4) == 0, fragment);
			mbufs[i] = mbuf_of(&frames[i]);
			if (fragment)
				tuples[i].has_ports = false;
		}
		receive_parse_rss(&hash, false, mbufs, BURST, hashes);
		for (unsigned i = 0; i < BURST; i++)
			check_mbuf(mbufs[i], hashes[i], tuple_rss_hash(&tuples[i], &hash),
				hash.rules.fields[tuple_rss_type(&tuples[i])] != 0);
	}
	assert_in_range(ordinary, ROUNDS / 50, ROUNDS / 2);
}

/* The definition, bit by bit where it can: every field at its place, all by the reference hash. */
static uint32_t expected(
	const struct rss_hash *hash, const struct frame *frame, const struct tuple *tuple, int vlan)
{
	const unsigned bytes = tuple->ipv6 ? 16 : 4;
	uint8_t fields = hash->rules.fields[tuple_rss_type(tuple)], input[TOEPLITZ_INPUT_MAX] = {0};
	uint8_t *l2 = input + (tuple->ipv6 ? 0 : 12), ports[4] = {0};

	if (fields & RSS_FIELD_SOURCE)
		memcpy(input, tuple->source, bytes);
	if (fields & RSS_FIELD_DESTINATION)
		memcpy(input + bytes, tuple->destination, bytes);
	if (tuple_hashes_ports(tuple)) {
		if (fields & RSS_FIELD_L4_FIRST)
			put_be16(ports, tuple->source_port);
		if (fields & RSS_FIELD_L4_SECOND)
			put_be16(ports + 2, tuple->destination_port);
		memcpy(input + 2 * (size_t)bytes, ports, 4);
	}
	for (unsigned i = 0; i < 6; i++)
		if (fields & RSS_FIELD_MAC)
			l2[i] ^= frame->bytes[i];
	if ((fields & RSS_FIELD_VLAN) && vlan >= 0) {
		l2[6] ^= vlan >> 8 & 15;
		l2[7] ^= vlan & 255;
	}
	if (fields & RSS_FIELD_PROTOCOL)
		l2[9] ^= tuple->protocol;
	return toeplitz_hash_reference(hash->key.bytes, input, sizeof(input));
}

static void fields_of_every_type(void **state)
{
	static struct frame frame;
	static struct rss_hash hash;
	struct tuple tuple;

	(void)state;
	for (unsigned round = 0; round < 4 * ROUNDS; round++) {
		int vlan = random_below(2) ? -1 : (int)random_below(65536);
		struct rte_mbuf *mbuf;
		uint32_t got, want;

		random_hash(&hash, RSS_TRANSFORM_NONE, false);
		random_tuple(&tuple);
		build(&frame, &tuple, vlan, random_below(2), false);
		want = expected(&hash, &frame, &tuple, vlan);
		mbuf = mbuf_of(&frame);
		receive_parse_rss(&hash, false, &mbuf, 1, &got);
		check_mbuf(mbuf, got, want, hash.rules.fields[tuple_rss_type(&tuple)] != 0);
	}
}

static void both_directions_alike(void **state)
{
	static struct frame there, back;
	static struct rss_hash hash;
	unsigned differ = 0;

	(void)state;
	for (unsigned round = 0; round < 4 * ROUNDS; round++) {
		bool options = random_below(2), fragment = random_below(8) == 0;
		int vlan = random_below(2) ? -1 : (int)random_below(4096);
		struct rte_mbuf *mbufs[2];
		struct tuple tuple, other;
		uint32_t hashes[2];

		random_hash(&hash,
			random_below(2) ? RSS_TRANSFORM_SYMMETRIC_XOR
					: RSS_TRANSFORM_SYMMETRIC_SORT,
			true);
		random_tuple(&tuple);
		other = turned(&tuple);
		build(&there, &tuple, vlan, options, fragment);
		build(&back, &other, vlan, !options, fragment);
		mbufs[0] = mbuf_of(&there);
		mbufs[1] = mbuf_of(&back);
		receive_parse_rss(&hash, false, mbufs, 2, hashes);
		assert_int_equal(hashes[0], hashes[1]);
		/* and it is the transform that does it */
		rss_rules_init(&hash.rules, hash.rules.fields, RSS_TRANSFORM_NONE, false);
		differ += tuple_rss_hash(&tuple, &hash) != tuple_rss_hash(&other, &hash);
	}
	assert_true(differ > 2 * ROUNDS);
}

enum tunnel { VXLAN, VXLAN_GPE_IP, GENEVE, GRE_IP, GRE_ETHERNET, IP_IN_IP, GTPU, TUNNELS };

static const struct {
	uint16_t port; /* 0: not over UDP */
	bool ethernet; /* inside */
} tunnels[TUNNELS] = {
	[VXLAN] = {PARSE_PORT_VXLAN, true},
	[VXLAN_GPE_IP] = {PARSE_PORT_VXLAN_GPE, false},
	[GENEVE] = {PARSE_PORT_GENEVE, true},
	[GRE_IP] = {0, false},
	[GRE_ETHERNET] = {0, true},
	[IP_IN_IP] = {0, false},
	[GTPU] = {PARSE_PORT_GTPU, false},
};

static void append_gre(struct frame *frame, unsigned type)
{
	unsigned flags = random_below(8);
	uint8_t *gre = append(frame, NULL, 4);

	put_be16(gre,
		(flags & 4 ? 0x8000 : 0) | (flags & 2 ? 0x2000 : 0) | (flags & 1 ? 0x1000 : 0));
	put_be16(gre + 2, type);
	append(frame, NULL, 4 * (unsigned)__builtin_popcount(flags));
}

static void append_gtpu(struct frame *frame)
{
	unsigned flags = random_below(8);
	uint8_t *gtp = append(frame, NULL, 8), *next;

	gtp[0] = (uint8_t)(0x30 | flags);
	gtp[1] = 255;
	if (flags == 0)
		return;
	next = append(frame, NULL, 4) + 3;
	for (unsigned i = flags & 4 ? random_below(3) : 0; i > 0; i--) {
		unsigned units = 1 + random_below(2);
		uint8_t *extension = append(frame, NULL, 4 * units);

		*next = 0x85;
		extension[0] = (uint8_t)units;
		next = extension + 4 * units - 1;
	}
	if (flags & 4)
		*next = 0;
}

static void append_tunnel(struct frame *frame, enum tunnel tunnel, bool ipv6)
{
	const unsigned ip_type = ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;
	unsigned options = random_below(4);
	uint8_t *header;

	switch (tunnel) {
	case VXLAN: append(frame, "\x08\0\0\0\0\1\2\0", 8); break;
	case VXLAN_GPE_IP: append(frame, "\x0c\0\0\1\0\1\2\0", 8)[3] = ipv6 ? 2 : 1; break;
	case GENEVE:
		header = append(frame, NULL, 8 + 4 * options);
		header[0] = (uint8_t)options;
		put_be16(header + 2, RTE_ETHER_TYPE_TEB);
		break;
	case GRE_IP: append_gre(frame, ip_type); break;
	case GRE_ETHERNET: append_gre(frame, RTE_ETHER_TYPE_TEB); break;
	case GTPU: append_gtpu(frame); break;
	default: break;
	}
}

/* The frame `inside`, or its IP packet, in a tunnel between two ends of chance. */
static void wrap(struct frame *frame, enum tunnel tunnel, const struct frame *inside,
	unsigned inside_l2, bool inside_ipv6)
{
	const bool outer_ipv6 = random_below(2);
	const unsigned skip = tunnels[tunnel].ethernet ? 0 : inside_l2;
	unsigned start;
	uint8_t *ip;

	frame->length = 0;
	append_ether(frame, &(struct tuple){.ipv6 = outer_ipv6}, -1);
	start = frame->length;
	ip = append(frame, NULL, outer_ipv6 ? 40 : 20);
	ip[0] = outer_ipv6 ? 0x60 : 0x45;
	if (!outer_ipv6)
		put_be16(ip + 6, 0x4000);
	ip[outer_ipv6 ? 6 : 9] = tunnels[tunnel].port ? IPPROTO_UDP
		: tunnel != IP_IN_IP		      ? IPPROTO_GRE
		: inside_ipv6			      ? IPPROTO_IPV6
						      : IPPROTO_IPIP;
	if (tunnels[tunnel].port)
		put_be16(append(frame, NULL, 8) + 2, tunnels[tunnel].port);
	append_tunnel(frame, tunnel, inside_ipv6);
	append(frame, inside->bytes + skip, inside->length - skip);
	if (outer_ipv6)
		put_be16(ip + 4, frame->length - start - 40);
	else
		put_be16(ip + 2, frame->length - start);
}

static void inner_as_by_itself(void **state)
{
	static struct frame inside, whole;
	static struct rss_hash hash;

	(void)state;
	for (unsigned round = 0; round < 8 * ROUNDS; round++) {
		enum tunnel tunnel = round % TUNNELS;
		int vlan = random_below(2) ? -1 : (int)random_below(4096);
		struct rte_mbuf *mbuf;
		struct tuple tuple;
		uint32_t by_itself, wrapped, outer;

		random_hash(&hash, random_below(3), false);
		if (!tunnels[tunnel].ethernet)
			leave_l2_out(&hash.rules);
		random_tuple(&tuple);
		build(&inside, &tuple, vlan, random_below(2), random_below(8) == 0);
		wrap(&whole, tunnel, &inside, vlan >= 0 ? 18 : 14, tuple.ipv6);
		mbuf = mbuf_of(&inside);
		receive_parse_rss(&hash, false, &mbuf, 1, &by_itself);
		hash.rules.inner = true;
		mbuf = mbuf_of(&whole);
		receive_parse_rss(&hash, false, &mbuf, 1, &wrapped);
		assert_int_equal(wrapped, by_itself);
		hash.rules.inner = false;
		receive_parse_rss(&hash, false, &mbuf, 1, &outer);
		if (hash.rules.fields[RSS_TYPE_IP4] == RSS_FIELDS_ADDRESSES &&
			hash.rules.fields[RSS_TYPE_UDP4] == rss_fields_default[RSS_TYPE_UDP4] &&
			hash.rules.fields[RSS_TYPE_IP6] == RSS_FIELDS_ADDRESSES &&
			hash.rules.fields[RSS_TYPE_UDP6] == rss_fields_default[RSS_TYPE_UDP6])
			assert_int_not_equal(outer, wrapped);
	}
}

int main(void)
{
	const char *given = getenv("WEIR_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_hash_as_tuples),
		cmocka_unit_test(fields_of_every_type),
		cmocka_unit_test(both_directions_alike),
		cmocka_unit_test(inner_as_by_itself),
	};

	seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	printf("WEIR_SEED=%u\n", seed);
	fflush(stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
