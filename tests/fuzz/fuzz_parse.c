/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a frame: headers inside the frame, and those of a tunnel's inside inside of it; the
 * fast path in agreement, the receive step alike for one and two segments, by default rules and by
 * others. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "packet/parse.h"
#include "packet/parse_fast.h"
#include "packet/parse_inner.h"
#include "steering/receive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_fast_path(const uint8_t *bytes, uint32_t length, const struct headers *found)
{
	struct fast_headers fast;

	if (!parse_fast(bytes, length, &fast))
		return;
	require(fast.packet_type == found->packet_type);
	require(fast.l2_length == found->l3_offset);
	require(fast.l3_length == found->l3_length);
	require(fast.l4_length == found->l4_length);
}

static void check_headers(uint32_t length, const struct headers *found)
{
	require(found->l3_offset <= PARSE_L2_MAX_BYTES && found->l3_length <= PARSE_L3_MAX_BYTES);
	require(found->l4_length <= PARSE_L4_MAX_BYTES);
	require((uint32_t)found->l3_offset + found->l3_length <= length);
	require((uint32_t)found->l4_offset + found->l4_length <= length);
	require(found->spi_offset == 0 || (uint32_t)found->spi_offset + 4 <= length);
}

static void check_inner(const uint8_t *bytes, uint32_t length, const struct headers *outer)
{
	uint32_t limit = length < PARSE_INNER_MAX_BYTES ? length : PARSE_INNER_MAX_BYTES;
	struct headers inner, cut;
	uint32_t start = parse_inner(bytes, length, outer, &inner);

	require(start == 0 || start >= (uint32_t)outer->l3_offset + outer->l3_length);
	require(start == 0 || start < length);
	require(start <= PARSE_INNER_MAX_BYTES - PARSE_MAX_BYTES);
	if (start == 0)
		return;
	check_headers(length - start, &inner);
	/* and the first PARSE_INNER_MAX_BYTES are enough to find it all */
	require(parse_inner(bytes, limit, outer, &cut) == start);
	require(cut.packet_type == inner.packet_type && cut.l4_offset == inner.l4_offset);
}

enum { HASHES = 4 };

/* Default rules, inner headers by them, and all fields in both transforms. */
static const struct rss_hash *hash_of(unsigned index)
{
	static struct rss_hash hashes[HASHES];
	static bool ready;
	uint8_t all[RSS_TYPE_COUNT];

	if (!ready) {
		memset(all, RSS_FIELDS_ALL, sizeof(all));
		for (unsigned i = 0; i < HASHES; i++)
			rss_hash_init(&hashes[i], toeplitz_key_microsoft, i < 2 ? NULL : all,
				i < 2 ? RSS_TRANSFORM_NONE : (enum rss_transform)(i - 1), i > 0);
		ready = true;
	}
	return &hashes[index];
}

/* The frame as a packet of one segment, and of two, cut where its first byte says. */
static void check_receive(const uint8_t *bytes, uint32_t length, const struct headers *found)
{
	struct rte_mbuf whole = {.buf_addr = (void *)(uintptr_t)bytes, .nb_segs = 1};
	struct rte_mbuf head = {.buf_addr = (void *)(uintptr_t)bytes, .nb_segs = 2},
			tail = {.nb_segs = 1};
	struct rte_mbuf *packets[2] = {&whole, &head};
	uint32_t hashes[2], cut = length > 0 ? bytes[0] % (length + 1) : 0;

	whole.data_len = (uint16_t)length;
	whole.pkt_len = length;
	head.data_len = (uint16_t)cut;
	head.pkt_len = length;
	head.next = &tail;
	tail.buf_addr = (void *)(uintptr_t)(bytes + cut);
	tail.data_len = (uint16_t)(length - cut);
	for (unsigned i = 0; i < HASHES; i++) {
		receive_parse_rss(hash_of(i), false, packets, 2, hashes);
		require(hashes[0] == hashes[1]);
		require(whole.packet_type == found->packet_type);
		require(head.packet_type == found->packet_type);
		require(whole.tx_offload == head.tx_offload);
		require(whole.ol_flags == head.ol_flags);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct headers found;

	if (length > UINT16_MAX)
		return 0;
	parse_headers(bytes, (uint32_t)length, &found);
	check_headers((uint32_t)length, &found);
	check_fast_path(bytes, (uint32_t)length, &found);
	check_inner(bytes, (uint32_t)length, &found);
	check_receive(bytes, (uint32_t)length, &found);
	return 0;
}
