/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/judge_evidence.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum { FLOWS = 1 << 16, HOSTS = 1 << 12 };
/* What fits any Ethernet; what is larger may already have been merged. */
enum { SMALL_BYTES = 1500 };
/* A size seen so often is the flow's segment, not a chance. */
enum { SEGMENT_TIMES = 3 };

struct flow {
	uint16_t mss; /* announced by its sender; 0: not known */
	uint32_t largest_bytes; /* payload that a small packet had */
	uint32_t largest_times;
};

struct host {
	uint64_t right, unfinished; /* checksums of its small packets */
};

const struct judge_evidence_info judge_evidence_infos[JUDGE_EVIDENCE_COUNT] = {
#define X(name, text) {#name, text},
	JUDGE_EVIDENCE(X)
#undef X
};

int judge_evidence_init(struct judge_evidence *evidence)
{
	*evidence = (struct judge_evidence){0};
	if (judge_table_init(&evidence->flows, FLOWS, sizeof(struct flow)) < 0 ||
		judge_table_init(&evidence->hosts, HOSTS, sizeof(struct host)) < 0)
		return -ENOMEM;
	return 0;
}

void judge_evidence_fini(struct judge_evidence *evidence)
{
	judge_table_fini(&evidence->flows);
	judge_table_fini(&evidence->hosts);
}

/* `sender` 0: of this packet's flow; 1: of the opposite direction's. */
static struct flow *flow_find(
	struct judge_evidence *evidence, const struct judge_packet *packet, int sender, bool add)
{
	uint8_t key[JUDGE_KEY_BYTES];

	if (!packet->has_l4)
		return NULL;
	memcpy(key, packet->addresses[sender], 16);
	memcpy(key + 16, packet->addresses[!sender], 16);
	memcpy(key + 32, &packet->ports[sender], 2);
	memcpy(key + 34, &packet->ports[!sender], 2);
	memcpy(key + 36, (uint8_t[4]){packet->version, packet->protocol}, 4);
	return judge_table_find(&evidence->flows, key, add);
}

static struct host *host_find(struct judge_evidence *evidence, unsigned point,
	const struct judge_packet *packet, bool add)
{
	uint8_t key[JUDGE_KEY_BYTES] = {packet->version};

	memcpy(key + 4, &point, 4);
	memcpy(key + 8, packet->addresses[0], 16);
	return judge_table_find(&evidence->hosts, key, add);
}

static void flow_learn(struct judge_evidence *evidence, const struct judge_packet *packet)
{
	struct flow *flow =
		flow_find(evidence, packet, 0, packet->syn || packet->payload_bytes > 0);
	uint16_t mss = judge_evidence_mss(evidence, packet);

	if (flow == NULL)
		return;
	if (packet->syn)
		flow->mss = packet->mss;
	if (packet->ip_bytes > SMALL_BYTES || (mss != 0 && packet->payload_bytes > mss))
		return;
	if (packet->payload_bytes > flow->largest_bytes) {
		flow->largest_bytes = packet->payload_bytes;
		flow->largest_times = 0;
	}
	flow->largest_times += packet->payload_bytes == flow->largest_bytes;
}

void judge_evidence_learn(
	struct judge_evidence *evidence, unsigned point, const struct judge_packet *packet)
{
	struct host *host;

	if (!packet->has_l4)
		return;
	flow_learn(evidence, packet);
	if (packet->ip_bytes > SMALL_BYTES ||
		(packet->l4_sum != JUDGE_SUM_RIGHT && packet->l4_sum != JUDGE_SUM_UNFINISHED))
		return;
	host = host_find(evidence, point, packet, true);
	if (packet->l4_sum == JUDGE_SUM_RIGHT)
		host->right++;
	else
		host->unfinished++;
}

uint16_t judge_evidence_mss(struct judge_evidence *evidence, const struct judge_packet *packet)
{
	const struct flow *opposite =
		packet->protocol == IPPROTO_TCP ? flow_find(evidence, packet, 1, false) : NULL;

	return opposite != NULL ? opposite->mss : 0;
}

/* As large as MSS (of either end) and MTU let this sender make them. */
static uint32_t full_segment(
	struct judge_evidence *evidence, const struct judge_packet *packet, uint32_t mtu_bytes)
{
	const struct flow *flow = flow_find(evidence, packet, 0, false);
	uint32_t full = mtu_bytes > packet->overhead_bytes ? mtu_bytes - packet->overhead_bytes : 0;
	uint32_t mss[] = {judge_evidence_mss(evidence, packet), flow != NULL ? flow->mss : 0};

	for (unsigned i = 0; i < 2; i++)
		if (mss[i] > packet->option_bytes && mss[i] - packet->option_bytes < full)
			full = mss[i] - packet->option_bytes;
	return full;
}

uint32_t judge_evidence_segment(
	struct judge_evidence *evidence, const struct judge_packet *packet, uint32_t mtu_bytes)
{
	const struct flow *flow = flow_find(evidence, packet, 0, false);
	uint32_t full;

	if (!packet->has_l4)
		return 0;
	full = packet->protocol == IPPROTO_TCP ? full_segment(evidence, packet, mtu_bytes) : 0;
	if (full != 0 && packet->payload_bytes % full == 0)
		return full;
	if (flow != NULL && flow->largest_times >= SEGMENT_TIMES &&
		(full == 0 || flow->largest_bytes > full / 2) &&
		flow->largest_bytes < packet->payload_bytes)
		return flow->largest_bytes;
	return full;
}

/* Stacks start with one of these; anything else has been counted down on the way. */
static bool came_through_routers(uint8_t hop_limit)
{
	return hop_limit != 32 && hop_limit != 64 && hop_limit != 128 && hop_limit != 255;
}

enum judge_cause judge_evidence_cause(struct judge_evidence *evidence, unsigned point,
	const struct judge_packet *packet, enum record_direction direction,
	enum judge_evidence_kind *ret_kind)
{
	const struct host *host = host_find(evidence, point, packet, false);

	*ret_kind = JUDGE_EVIDENCE_none;
	if (direction != RECORD_DIRECTION_UNKNOWN) {
		*ret_kind = direction == RECORD_SENT ? JUDGE_EVIDENCE_marked_sent
						     : JUDGE_EVIDENCE_marked_received;
		return direction == RECORD_SENT ? JUDGE_CAUSE_SENDER : JUDGE_CAUSE_RECEIVER;
	}
	/* Before the hops: those of a container are counted down on its own machine. */
	if (host != NULL && host->unfinished > host->right) {
		*ret_kind = JUDGE_EVIDENCE_small_unfinished;
		return JUDGE_CAUSE_SENDER;
	}
	if (came_through_routers(packet->hop_limit)) {
		*ret_kind = JUDGE_EVIDENCE_hops;
		return JUDGE_CAUSE_RECEIVER;
	}
	if (packet->l4_sum == JUDGE_SUM_RIGHT) {
		*ret_kind = JUDGE_EVIDENCE_right;
		return JUDGE_CAUSE_RECEIVER;
	}
	if (host != NULL && host->right > 0 && packet->l4_sum == JUDGE_SUM_UNFINISHED) {
		*ret_kind = JUDGE_EVIDENCE_small_right;
		return JUDGE_CAUSE_RECEIVER;
	}
	if (host != NULL && host->right > 0 && packet->l4_sum == JUDGE_SUM_WRONG) {
		*ret_kind = JUDGE_EVIDENCE_wrong;
		return JUDGE_CAUSE_RECEIVER;
	}
	if (packet->l4_sum == JUDGE_SUM_UNFINISHED) {
		*ret_kind = JUDGE_EVIDENCE_unfinished;
		return JUDGE_CAUSE_SENDER;
	}
	return JUDGE_CAUSE_EITHER;
}
