/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a frame: headers inside the frame, the fast path in agreement, the receive step
 * alike. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <rte_mbuf.h>

#include "packet/parse.h"
#include "packet/parse_fast.h"
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

/* The frame as a packet of one segment, and of two, cut where its first byte says. */
static void check_receive(const uint8_t *bytes, uint32_t length, const struct headers *found)
{
	static struct toeplitz_key key;
	struct rte_mbuf whole = {.buf_addr = (void *)(uintptr_t)bytes, .nb_segs = 1};
	struct rte_mbuf head = {.buf_addr = (void *)(uintptr_t)bytes, .nb_segs = 2},
			tail = {.nb_segs = 1};
	struct rte_mbuf *packets[2] = {&whole, &head};
	uint32_t hashes[2], cut = length > 0 ? bytes[0] % (length + 1) : 0;

	if (key.variant == NULL)
		toeplitz_key_init(&key, toeplitz_key_microsoft, NULL);
	whole.data_len = (uint16_t)length;
	whole.pkt_len = length;
	head.data_len = (uint16_t)cut;
	head.pkt_len = length;
	head.next = &tail;
	tail.buf_addr = (void *)(uintptr_t)(bytes + cut);
	tail.data_len = (uint16_t)(length - cut);
	receive_parse_hash(&key, false, packets, 2, hashes);
	require(hashes[0] == hashes[1]);
	require(whole.packet_type == found->packet_type);
	require(head.packet_type == found->packet_type);
	require(whole.tx_offload == head.tx_offload);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct headers found;

	if (length > UINT16_MAX)
		return 0;
	parse_headers(bytes, (uint32_t)length, &found);
	require(found.l3_offset <= PARSE_L2_MAX_BYTES && found.l3_length <= PARSE_L3_MAX_BYTES);
	require(found.l4_length <= PARSE_L4_MAX_BYTES);
	require((uint32_t)found.l3_offset + found.l3_length <= length);
	require((uint32_t)found.l4_offset + found.l4_length <= length);
	check_fast_path(bytes, (uint32_t)length, &found);
	check_receive(bytes, (uint32_t)length, &found);
	return 0;
}
