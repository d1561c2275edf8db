/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GRO: merges consecutive packets of a flow into super-packets (super_packet.h) by Linux's rules,
 * so that cutting them again (gso.h) gives back every packet byte for byte, in the order of its
 * flow. Mbuf chains, no payload is copied.
 *
 * Two packets may merge when all bytes of their headers, Ethernet to TCP options, tunnels included,
 * are equal but for those that the cut makes again: lengths, IPv4 ids (fixed or counting),
 * checksums, TCP sequence numbers and the flags PSH and FIN. So a flow is looked up by a hash of
 * what tells flows apart, and one masked comparison says whether the rules hold. Where the rules of
 * kernel versions differ, `rules` picks.
 *
 * What cannot merge never overtakes what is held of its flow: that goes out first. For a fragment
 * or another IP packet without ports, all held with its addresses is of its flow.
 *
 * Time comes in as an argument. One thread an instance. EAL is needed for mbufs only.
 * Sources: Linux net/core/gro.c, net/ipv4/tcp_offload.c, udp_offload.c, af_inet.c,
 * net/ipv6/ip6_offload.c.
 */
#ifndef WEIR_SEGMENTATION_GRO_H
#define WEIR_SEGMENTATION_GRO_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "base/error.h"

enum { GRO_FLOWS_MAX = 65536 };
/* Packets with more bytes of headers do not merge, nor do those with a partial checksum
 * (RTE_MBUF_F_RX_L4_CKSUM_NONE), those in several buffers, and IP behind MPLS or PPPoE. */
enum { GRO_HEADER_MAX = 168 };

/* Where kernels differ. */
enum gro_rules {
	GRO_RULES_CLASSIC, /* a fixed IPv4 id needs DF; CWR ends a merge */
	GRO_RULES_CURRENT, /* a fixed id may do without DF; CWR is compared as other flags are */
};

struct gro_settings {
	uint32_t flows; /* packets held at a time, 1..GRO_FLOWS_MAX; the oldest goes when full */
	uint32_t buffers; /* buffers held at a time; the oldest flow goes when there are more */
	uint64_t timeout_tsc; /* held so long at most (the flush has to be called); 0: not beyond
				 the call of gro_receive() */
	enum gro_rules rules;
	bool tcp, udp, tunnels; /* what is merged */
	bool verify; /* checksums first, unless the device did (RTE_MBUF_F_RX_*_CKSUM_GOOD); false:
			whatever they say, as rte_gro: then what is cut again may differ */
	bool reorder; /* a segment that comes too early waits for those before it, as long as any */
	bool lro; /* large receive offload: not lossless. Sizes may differ, pushed data merges on,
		     acknowledgement, window and timestamp become those of the newest segment */
	uint32_t lro_bytes; /* largest IP packet with lro: 65535, or more where both ends agree */
};

/* X(name, description): why a held packet went out. */
#define GRO_FLUSHES(X)                                                                             \
	X(end_of_burst, "nothing is held beyond a burst (gro_flush_timeout 0)")                    \
	X(timeout, "held for gro_flush_timeout")                                                   \
	X(push, "PSH or FIN came")                                                                 \
	X(short_segment, "a shorter segment came: the last one")                                   \
	X(size, "65535 bytes, or 64 datagrams, are full")                                          \
	X(sequence, "the next sequence number did not follow")                                     \
	X(header, "a header field differs that the cut could not make again")                      \
	X(not_mergeable, "a packet of the flow came that merges with nothing")                     \
	X(checksum, "a packet of the flow came with a wrong checksum")                             \
	X(full, "room was needed for another flow")                                                \
	X(asked, "all was asked for: at the end, or when features change")

enum gro_flush {
#define X(name, description) GRO_FLUSH_##name,
	GRO_FLUSHES(X)
#undef X
		GRO_FLUSH_COUNT
};

struct gro_flush_info {
	const char *name, *description;
};
extern const struct gro_flush_info gro_flush_infos[GRO_FLUSH_COUNT];

struct gro_counters { /* writer: the thread that calls; readers: any, each a whole word */
	uint64_t packets; /* that came */
	uint64_t candidates; /* of them, such as may merge at all */
	uint64_t merged; /* joined one that was held before */
	uint64_t super_packets; /* went out, made of two or more */
	uint64_t bad_checksums;
	uint64_t reordered; /* waited for those before them, and merged */
	uint64_t flushes[GRO_FLUSH_COUNT];
};

struct gro;

/* Memory of `socket`. super_note_register() has been called. */
struct gro *gro_create(const struct gro_settings *settings, int socket, struct error *error);
/* Nothing is held any more. Takes NULL, returns NULL. */
struct gro *gro_destroy(struct gro *gro);

/* At most so many packets come out of gro_receive() for each that goes in. Where more have to
 * leave, as before a fragment, the rest waits its turn: it is due at once (gro_due_tsc() is 0), and
 * comes out first of the next call of either. */
enum { GRO_OUT_FACTOR = 3 };

/*
 * Takes `count` (at most 64) packets, which have packet_type and lengths as receive_parse() sets
 * them, and are writable. Returns how many came out into ret_packets[], room for GRO_OUT_FACTOR *
 * count: what cannot merge, and what was held and now goes out, in the order of each flow. All
 * others are held. With timeout_tsc 0 nothing is held on return (ret_packets then needs no more
 * room: what came in a call goes out in it).
 */
unsigned gro_receive(struct gro *gro, struct rte_mbuf *const packets[], unsigned count,
	uint64_t now_tsc, struct rte_mbuf *ret_packets[]);

/* Lets go, oldest first, what was held before now_tsc - timeout_tsc, or `all`. Returns how many,
 * at most `room`: then call again. */
unsigned gro_flush(
	struct gro *gro, uint64_t now_tsc, bool all, struct rte_mbuf *ret_packets[], unsigned room);

/* Packets as they came that are held now. */
uint32_t gro_held(const struct gro *gro);
/* When the oldest one has to go; UINT64_MAX: nothing is held. */
uint64_t gro_due_tsc(const struct gro *gro);

const struct gro_counters *gro_counters(const struct gro *gro);

#endif
