/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What RSS hashes of a packet: the fields of each traffic type, as
 * `ethtool -N DEV rx-flow-hash TYPE FIELDS`, a transform that makes both directions of a flow
 * alike, and whether the headers inside a tunnel count.
 *
 * The bytes that are hashed, in network order, where a field that is not named counts as zeros
 * (zero bits add nothing to a Toeplitz hash):
 *
 *     IPv4    s(4) d(4) f(2) n(2)       then m(6) v(2) t(2)
 *     IPv6    s(16) d(16) f(2) n(2)     m(6) v(2) t(2) are XORed over the first 10, which are the
 *                                       source's prefix: a 40-byte key reaches no further
 *     ether   as IPv4 without s d f n
 *
 * The type of a packet is the first of these that holds:
 *
 *     fragment (first or later)            ip4, ip6 without f and n
 *     AH before anything else of layer 4   ah4, ah6
 *     whole TCP, UDP, SCTP header          tcp4 ... sctp6
 *     ESP                                  esp4, esp6
 *     other IP                             ip4, ip6
 *     no IP                                ether
 *
 * f and n of AH and ESP are the two halves of the SPI; transforms leave it alone, as each direction
 * has its own. v is the VLAN id of the outermost tag, without priority, which may change within a
 * flow. t is the IP protocol; of ether, the EtherType.
 *
 * Transforms are those of the kernel (RXH_XFRM_SYM_XOR) and of DPDK (SYMMETRIC_TOEPLITZ_SORT):
 *
 *     symmetric-xor    both addresses become their XOR, both ports theirs
 *     symmetric-sort   the smaller address comes first; the smaller port comes first
 *
 * With `inner`, a packet in VXLAN, VXLAN-GPE, GENEVE, GRE, NVGRE, IPIP, SIT or GTP-U is hashed as
 * the packet inside alone would be (parse_inner.h); one whose inside is not IP, as itself.
 *
 * Threads: read-only once initialised; any number may share it. No EAL, no mbufs.
 * Sources: ethtool(8), Linux include/uapi/linux/ethtool.h, DPDK rte_flow.h.
 */
#ifndef WEIR_STEERING_RSS_HASH_H
#define WEIR_STEERING_RSS_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/toeplitz.h"

enum rss_type { /* the IPv6 ones in the order of the IPv4 ones */
	RSS_TYPE_TCP4,
	RSS_TYPE_UDP4,
	RSS_TYPE_SCTP4,
	RSS_TYPE_AH4,
	RSS_TYPE_ESP4,
	RSS_TYPE_IP4,
	RSS_TYPE_TCP6,
	RSS_TYPE_UDP6,
	RSS_TYPE_SCTP6,
	RSS_TYPE_AH6,
	RSS_TYPE_ESP6,
	RSS_TYPE_IP6,
	RSS_TYPE_ETHER,
	RSS_TYPE_COUNT,
};

enum rss_field { /* bits */
	RSS_FIELD_MAC = 1 << 0, /* m: Ethernet destination */
	RSS_FIELD_VLAN = 1 << 1, /* v */
	RSS_FIELD_PROTOCOL = 1 << 2, /* t */
	RSS_FIELD_SOURCE = 1 << 3, /* s: IP source */
	RSS_FIELD_DESTINATION = 1 << 4, /* d: IP destination */
	RSS_FIELD_L4_FIRST = 1 << 5, /* f: bytes 0 and 1 of layer 4: the source port */
	RSS_FIELD_L4_SECOND = 1 << 6, /* n: bytes 2 and 3: the destination port */
};
#define RSS_FIELDS_L2 (RSS_FIELD_MAC | RSS_FIELD_VLAN | RSS_FIELD_PROTOCOL)
#define RSS_FIELDS_ADDRESSES (RSS_FIELD_SOURCE | RSS_FIELD_DESTINATION)
#define RSS_FIELDS_PORTS (RSS_FIELD_L4_FIRST | RSS_FIELD_L4_SECOND)
#define RSS_FIELDS_ALL (RSS_FIELDS_L2 | RSS_FIELDS_ADDRESSES | RSS_FIELDS_PORTS)

enum rss_transform {
	RSS_TRANSFORM_NONE,
	RSS_TRANSFORM_SYMMETRIC_XOR,
	RSS_TRANSFORM_SYMMETRIC_SORT,
};

/* "tcp4", ..., "ether", by enum rss_type; NULL-terminated. */
extern const char *const rss_type_names[];
/* By enum rss_type: sdfn for TCP, UDP and SCTP, sd for other IP, nothing for ether. */
extern const uint8_t rss_fields_default[RSS_TYPE_COUNT];
/* What each type has at all. */
extern const uint8_t rss_fields_possible[RSS_TYPE_COUNT];

struct rss_rules {
	uint8_t fields[RSS_TYPE_COUNT]; /* RSS_FIELD_* */
	uint8_t transform; /* enum rss_transform */
	bool inner;
	/* TCP and UDP are hashed as they stand in the packet: the fast path. Made by init. */
	bool ordinary;
};

/* How the packets of a port are hashed. */
struct rss_hash {
	struct toeplitz_key key;
	struct rss_rules rules;
};

/* fields[RSS_TYPE_COUNT]; NULL: the defaults. Fields that a type does not have are left out. */
void rss_rules_init(
	struct rss_rules *rules, const uint8_t fields[], enum rss_transform transform, bool inner);
/* The same with a key, for the fastest Toeplitz of this CPU. */
void rss_hash_init(struct rss_hash *hash, const uint8_t key[TOEPLITZ_KEY_BYTES],
	const uint8_t fields[], enum rss_transform transform, bool inner);

/* Is it what rss_rules_init() makes of the defaults? */
bool rss_rules_are_default(const struct rss_rules *rules);

/* What of a packet may be hashed. Pointers into it; NULL: it has none. */
struct rss_packet {
	enum rss_type type;
	bool fragment; /* addresses only, whatever the type's fields */
	const uint8_t *addresses; /* source and destination: 2 x 4 or 2 x 16 bytes */
	const uint8_t *l4; /* ports or SPI: 4 bytes */
	const uint8_t *mac; /* 6 bytes */
	uint16_t vlan; /* id; 0: no tag */
	uint16_t protocol;
};

static inline bool rss_type_is_ipv6(enum rss_type type)
{
	return type >= RSS_TYPE_TCP6 && type <= RSS_TYPE_IP6;
}

/* Writes the bytes to hash into `ret_input`, and zeros behind them. Returns how many count: 12 (an
 * IPv4 tuple), 36, or 0: RSS does not hash this packet. */
unsigned rss_compose(const struct rss_rules *rules, const struct rss_packet *packet,
	uint8_t ret_input[TOEPLITZ_INPUT_MAX]);

/* "sdfn" -> RSS_FIELD_*; letters in any order, each once. Returns NULL, or the first letter that is
 * unknown, given twice, or not in `possible`; *ret_fields is then left alone. */
const char *rss_fields_parse(const char *text, uint8_t possible, uint8_t *ret_fields);
enum { RSS_FIELDS_TEXT_BYTES = 8 };
/* In the order of ethtool's manual, "mvtsdfn". Returns `text`. */
char *rss_fields_format(uint8_t fields, char text[RSS_FIELDS_TEXT_BYTES]);

/* Do both directions of a flow hash alike by these fields? Of addresses both or none, of ports too,
 * and no Ethernet destination. */
bool rss_fields_are_symmetric(uint8_t fields);

#endif
