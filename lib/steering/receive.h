/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to a burst of packets right after they were received: headers are found, the RSS
 * hash is computed, and both are left in the mbufs where NICs leave them:
 *
 *     packet_type              RTE_PTYPE_*, as parse.h finds them
 *     l2_len, l3_len, l4_len   lengths of headers not found are 0; the rest of tx_offload becomes 0
 *                              but for the tso_segsz of what is to be segmented
 *     hash.rss, ol_flags       with RTE_MBUF_F_RX_RSS_HASH; what is not hashed: 0 and no flag
 *
 * What is hashed is what rss_hash.h says; by default addresses and ports of whole TCP, UDP and SCTP
 * packets, and addresses only of fragments and all else that is IP. packet_type and lengths are
 * always those of the outer headers. Headers may lie in several segments. Packets are read, never
 * written.
 * Threads: any, on packets of its own. No EAL: mbufs are plain data here.
 */
#ifndef WEIR_STEERING_RECEIVE_H
#define WEIR_STEERING_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "steering/rss_hash.h"

/* packet_type and lengths only. */
void receive_parse(struct rte_mbuf *const packets[], unsigned count);

/* Everything; hashes[i] is also that of packets[i]. With `keep_nic_hash` packets that come with
 * RTE_MBUF_F_RX_RSS_HASH keep theirs. */
void receive_parse_rss(const struct rss_hash *hash, bool keep_nic_hash,
	struct rte_mbuf *const packets[], unsigned count, uint32_t hashes[]);

#endif
