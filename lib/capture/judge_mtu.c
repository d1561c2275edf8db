/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/judge_mtu.h"

#include "capture/judge.h"

enum { ETHERNET_MTU_BYTES = 1500, IP_MAX_BYTES = 65535 };
/* Jumbo frames are that large. Smaller ones are rather two merged segments. */
enum { JUMBO_MIN_BYTES = 4000, JUMBO_MAX_BYTES = 9216, VOTES_MIN = 8 };

/* Merged packets have round sizes of their own. */
static bool is_merged_size(uint32_t payload_bytes)
{
	static const uint32_t usual_segments[] = {1460, 1448, 1440, 1428};

	for (unsigned i = 0; i < sizeof(usual_segments) / sizeof(usual_segments[0]); i++)
		if (payload_bytes % usual_segments[i] == 0)
			return true;
	return false;
}

static void size_vote(struct judge_mtu *mtu, const struct judge_packet *packet)
{
	uint32_t bytes = packet->ip_bytes;

	if (bytes > mtu->largest_bytes)
		mtu->largest_bytes = bytes;
	if (bytes <= ETHERNET_MTU_BYTES)
		return;
	if (bytes == mtu->size_bytes) {
		mtu->votes++;
	} else if (mtu->votes == 0) {
		mtu->size_bytes =
			is_merged_size(packet->payload_bytes) || !packet->has_l4 ? 0 : bytes;
		mtu->votes = 1;
	} else {
		mtu->votes--;
	}
}

void judge_mtu_learn(struct judge_mtu *mtu, struct judge_evidence *evidence,
	const struct judge_packet *packet, uint64_t number)
{
	uint32_t bytes, mss = packet->mss;
	uint16_t other;

	size_vote(mtu, packet);
	if (mss == 0 || packet->inner.l3_length != 0)
		return;
	other = packet->ack ? judge_evidence_mss(evidence, packet) : 0;
	if (other != 0 && other < mss)
		mss = other;
	bytes = mss + (packet->version == 4 ? 40 : 60);
	if (bytes > IP_MAX_BYTES)
		bytes = IP_MAX_BYTES;
	if (other != 0 && bytes > mtu->pair_bytes) {
		mtu->pair_bytes = bytes;
		mtu->pair_frame = number;
	}
	if (bytes > mtu->syn_bytes) {
		mtu->syn_bytes = bytes;
		mtu->syn_frame = number;
	}
}

void judge_mtu_settle(const struct judge_mtu *mtu, struct judge_point *point)
{
	uint32_t bytes = mtu->pair_bytes != 0 ? mtu->pair_bytes : mtu->syn_bytes;

	point->mtu_bytes = ETHERNET_MTU_BYTES;
	point->mtu_source = JUDGE_MTU_ETHERNET;
	point->mtu_frame = 0;
	if (bytes >= ETHERNET_MTU_BYTES) {
		point->mtu_bytes = bytes;
		point->mtu_source = mtu->pair_bytes != 0 ? JUDGE_MTU_HANDSHAKE : JUDGE_MTU_SYN;
		point->mtu_frame = mtu->pair_bytes != 0 ? mtu->pair_frame : mtu->syn_frame;
	} else if (bytes == 0 && mtu->votes >= VOTES_MIN && mtu->size_bytes == mtu->largest_bytes &&
		mtu->size_bytes >= JUMBO_MIN_BYTES && mtu->size_bytes <= JUMBO_MAX_BYTES) {
		point->mtu_bytes = mtu->size_bytes;
		point->mtu_source = JUDGE_MTU_SIZES;
	}
}
