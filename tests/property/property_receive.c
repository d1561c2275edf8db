/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For frames stacked at random from headers that are mostly sane, with bytes changed and tails cut:
 * what parse_headers() finds lies inside the frame and inside the IP packet, the fast path never
 * says anything else, and the receive step over segmented mbufs gives the hash of the definition.
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
#include <rte_mbuf.h>

#include "packet/parse.h"
#include "packet/parse_fast.h"
#include "steering/receive.h"

enum { FRAME_MAX = 1024, ROUNDS = 20000, BURST = 32, SEGMENTS_MAX = 3 };

static unsigned seed;

static unsigned random_below(unsigned limit)
{
	return (unsigned)(rand_r(&seed) >> 5) % limit;
}

struct builder {
	uint8_t bytes[FRAME_MAX];
	unsigned length;
};

static uint8_t *append(struct builder *frame, unsigned bytes)
{
	uint8_t *at = frame->bytes + frame->length;

	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)random_below(256);
	frame->length += bytes;
	return at;
}

static void put_be16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Appends layer 2; says in its last two bytes that `type` follows (or an IP version, for MPLS). */
static void append_l2(struct builder *frame, unsigned type)
{
	append(frame, 12);
	for (unsigned tags = random_below(4); tags > 1; tags--)
		put_be16(append(frame, 4),
			random_below(2) ? RTE_ETHER_TYPE_VLAN : RTE_ETHER_TYPE_QINQ);
	switch (random_below(6)) {
	case 0:
		put_be16(append(frame, 2), RTE_ETHER_TYPE_MPLS);
		append(frame, 4)[2] |= 1;
		break;
	case 1:
		put_be16(append(frame, 2), RTE_ETHER_TYPE_PPPOE_SESSION);
		memcpy(append(frame, 6), "\x11\0\0\1\0\0", 6);
		put_be16(append(frame, 2), type == RTE_ETHER_TYPE_IPV4 ? 0x21 : 0x57);
		break;
	default: put_be16(append(frame, 2), type); break;
	}
}

static uint8_t random_protocol(void)
{
	static const uint8_t usual[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP,
		IPPROTO_SCTP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE};

	return random_below(10) == 0 ? (uint8_t)random_below(256)
				     : usual[random_below(sizeof(usual))];
}

static void append_ipv4(struct builder *frame)
{
	unsigned options = random_below(3) == 0 ? random_below(11) : 0;
	unsigned payload = random_below(60);
	uint8_t *ip = append(frame, 20 + 4 * options), *payload_start = ip + 20 + 4 * options;

	ip[0] = (uint8_t)(0x45 + options);
	put_be16(ip + 2, 20 + 4 * options + payload);
	put_be16(ip + 6, random_below(8) == 0 ? random_below(4) << 12 : 0x4000);
	ip[9] = random_protocol();
	append(frame, payload + random_below(10));
	payload_start[12] = (uint8_t)(random_below(9) << 4); /* TCP's data offset */
}

static void append_ipv6(struct builder *frame)
{
	static const uint8_t extensions[] = {
		IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH, IPPROTO_FRAGMENT};
	uint8_t *ip = append(frame, 40), *next = ip + 6, *payload_start;
	unsigned payload = random_below(60);

	ip[0] = 0x60;
	for (unsigned i = random_below(4); i > 1; i--) {
		unsigned units = random_below(5);
		uint8_t *extension;

		*next = extensions[random_below(sizeof(extensions))];
		extension = append(frame,
			*next == IPPROTO_FRAGMENT     ? 8
				: *next == IPPROTO_AH ? 4 * (units + 2)
						      : 8 * (units + 1));
		extension[1] = (uint8_t)units;
		next = extension;
	}
	*next = random_protocol();
	payload_start = frame->bytes + frame->length;
	append(frame, payload + random_below(10));
	payload_start[12] = (uint8_t)(random_below(9) << 4); /* TCP's data offset */
	put_be16(ip + 4, (unsigned)(frame->bytes + frame->length - ip) - 40 - random_below(10));
}

static void random_frame(struct builder *frame)
{
	bool ipv6 = random_below(2);

	frame->length = 0;
	append_l2(frame, ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ipv6)
		append_ipv6(frame);
	else
		append_ipv4(frame);
	if (random_below(4) == 0)
		frame->bytes[random_below(frame->length)] = (uint8_t)random_below(256);
	if (random_below(4) == 0)
		frame->length = random_below(frame->length + 1);
}

static unsigned ip_packet_end(const struct builder *frame, const struct headers *found)
{
	const uint8_t *ip = frame->bytes + found->l3_offset;
	unsigned bytes = load_be16(ip + (found->ether_type == RTE_ETHER_TYPE_IPV4 ? 2 : 4));

	if (bytes == 0)
		return frame->length;
	return found->l3_offset + bytes + (found->ether_type == RTE_ETHER_TYPE_IPV4 ? 0 : 40);
}

static void check_found(const struct builder *frame, const struct headers *found)
{
	bool ip = (found->packet_type & RTE_PTYPE_L3_MASK) != 0;

	assert_true(found->l3_offset + found->l3_length <= frame->length);
	assert_true(found->l3_offset <= PARSE_L2_MAX_BYTES);
	assert_true(found->l3_length <= PARSE_L3_MAX_BYTES);
	assert_int_equal(ip, found->l3_length != 0);
	if (found->l4_offset == 0) {
		assert_int_equal(found->l4_length, 0);
		return;
	}
	assert_true(ip && !found->fragment);
	assert_int_equal(found->l4_offset, found->l3_offset + found->l3_length);
	assert_true(found->l4_offset + found->l4_length <= frame->length);
	assert_true(found->l4_offset + found->l4_length <= ip_packet_end(frame, found));
}

static uint32_t expected_hash(const struct builder *frame, const struct headers *found)
{
	uint8_t input[TOEPLITZ_INPUT_MAX];
	bool ipv6 = found->ether_type == RTE_ETHER_TYPE_IPV6;
	unsigned length = ipv6 ? 32 : 8;

	if (found->l3_length == 0)
		return 0;
	memcpy(input, frame->bytes + found->l3_offset + (ipv6 ? 8 : 12), length);
	if (found->l4_offset != 0 && !found->authenticated &&
		(found->ip_protocol == IPPROTO_TCP || found->ip_protocol == IPPROTO_UDP ||
			found->ip_protocol == IPPROTO_SCTP)) {
		memcpy(input + length, frame->bytes + found->l4_offset, 4);
		length += 4;
	}
	return toeplitz_hash_reference(toeplitz_key_microsoft, input, length);
}

static void parsers(void **state)
{
	unsigned layer4 = 0, fast_count = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct builder frame;
		struct headers found;
		struct fast_headers fast;
		uint8_t *exact;

		random_frame(&frame);
		exact = malloc(frame.length + (frame.length == 0));
		assert_non_null(exact);
		memcpy(exact, frame.bytes, frame.length);
		parse_headers(exact, frame.length, &found);
		check_found(&frame, &found);
		layer4 += found.l4_offset != 0;
		if (parse_fast(exact, frame.length, &fast)) {
			fast_count++;
			assert_int_equal(fast.packet_type, found.packet_type);
			assert_int_equal(fast.l2_length, found.l3_offset);
			assert_int_equal(fast.l3_length, found.l3_length);
			assert_int_equal(fast.l4_length, found.l4_length);
			assert_int_equal(found.l4_offset, fast.l2_length + fast.l3_length);
		}
		free(exact);
	}
	print_message("%u frames: %u with layer 4, %u on the fast path\n", (unsigned)ROUNDS, layer4,
		fast_count);
	assert_true(layer4 > ROUNDS / 5 && fast_count > ROUNDS / 50);
}

struct segmented {
	struct builder frame;
	struct rte_mbuf mbufs[SEGMENTS_MAX];
	uint8_t data[SEGMENTS_MAX][FRAME_MAX];
};

/* The frame, in up to three segments. */
static void segment(struct segmented *packet)
{
	unsigned segments = 1 + (random_below(3) == 0 ? random_below(SEGMENTS_MAX) : 0);
	unsigned done = 0;

	memset(packet->mbufs, 0, sizeof(packet->mbufs));
	for (unsigned i = 0; i < segments; i++) {
		struct rte_mbuf *mbuf = &packet->mbufs[i];
		unsigned rest = packet->frame.length - done;
		unsigned part = i + 1 == segments ? rest : random_below(rest + 1);

		mbuf->buf_addr = packet->data[i];
		mbuf->data_len = (uint16_t)part;
		memcpy(packet->data[i], packet->frame.bytes + done, part);
		mbuf->next = i + 1 == segments ? NULL : mbuf + 1;
		done += part;
	}
	packet->mbufs[0].pkt_len = packet->frame.length;
	packet->mbufs[0].nb_segs = (uint16_t)segments;
}

static void receive_step(void **state)
{
	static struct segmented packets[BURST];
	struct rte_mbuf *mbufs[BURST];
	static struct rss_hash rss;
	uint32_t hashes[BURST];

	(void)state;
	for (unsigned round = 0; round < ROUNDS / BURST; round++) {
		const struct toeplitz_variant *variant =
			toeplitz_variants[round % TOEPLITZ_VARIANT_COUNT];

		rss_hash_init(&rss, toeplitz_key_microsoft, NULL, RSS_TRANSFORM_NONE, false);
		toeplitz_key_init(
			&rss.key, toeplitz_key_microsoft, variant->supported() ? variant : NULL);
		for (unsigned i = 0; i < BURST; i++) {
			random_frame(&packets[i].frame);
			segment(&packets[i]);
			mbufs[i] = packets[i].mbufs;
		}
		receive_parse_rss(&rss, false, mbufs, BURST, hashes);
		for (unsigned i = 0; i < BURST; i++) {
			struct headers found;

			parse_headers(packets[i].frame.bytes, packets[i].frame.length, &found);
			assert_int_equal(hashes[i], expected_hash(&packets[i].frame, &found));
			assert_int_equal(mbufs[i]->hash.rss, hashes[i]);
			assert_int_equal(mbufs[i]->packet_type, found.packet_type);
			assert_int_equal(mbufs[i]->l2_len, found.l3_offset);
			assert_int_equal(mbufs[i]->l3_len, found.l3_length);
			assert_int_equal(mbufs[i]->l4_len, found.l4_length);
			assert_int_equal((mbufs[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0,
				found.l3_length != 0);
		}
	}
}

int main(void)
{
	const char *given = getenv("WEIR_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsers),
		cmocka_unit_test(receive_step),
	};

	seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	printf("WEIR_SEED=%u\n", seed);
	fflush(stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
