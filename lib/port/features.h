/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features of a port: ethtool's list, what each comes to here, and who does it: the device (or the
 * kernel, or whoever takes the packets from the port), weir in software, or nobody.
 *
 * Wanted is what the configuration says (struct config_features), and "auto" comes to:
 *     rx-checksumming        on where the device does it; true: weir does it where it does not
 *     tx-checksumming        on: by the device, else by weir
 *     scatter-gather         on where the port sends packets of several buffers
 *     tcp-segmentation-offload, tx-udp-segmentation, udp-fragmentation-offload
 *                            on where the port cuts; true: also where it carries any length, to
 *                            whoever takes the packets there
 *     generic-segmentation-offload
 *                            on where super-packets come
 *     generic-receive-offload, large-receive-offload, rx-udp-gro-forwarding
 *                            off
 *
 * What depends on what is as in Linux, netdev_fix_features() of net/core/dev.c: cutting by the
 * device needs scatter-gather and tx-checksumming; GRO and LRO exclude each other. weir's own
 * cutting needs nothing: it finishes checksums itself, and cuts most super-packets into single
 * buffers.
 *
 * Pure functions but for port_feature_abilities(), which reads what is fixed once a port is
 * configured: any thread. Names and order: ethtool 6.1 -k on Linux 6.1; udp-fragmentation-offload:
 * Linux before 4.14.
 */
#ifndef WEIR_PORT_FEATURES_H
#define WEIR_PORT_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "port/port.h"

#define FEATURE_AT(member) offsetof(struct config_features, member)
#define FEATURE_NO_MEMBER SIZE_MAX

/* X(id, name, short name, the one it is part of, direction, where it is in struct config_features).
 * Those without a place there are not switched one by one. */
#define FEATURES(X)                                                                                \
	X(RX_CHECKSUMMING, "rx-checksumming", "rx", NONE, RX, FEATURE_AT(rx_checksumming))         \
	X(TX_CHECKSUMMING, "tx-checksumming", "tx", NONE, TX, FEATURE_AT(tx_checksumming))         \
	X(TX_CHECKSUM_IPV4, "tx-checksum-ipv4", NULL, TX_CHECKSUMMING, TX, FEATURE_NO_MEMBER)      \
	X(TX_CHECKSUM_IP_GENERIC, "tx-checksum-ip-generic", NULL, TX_CHECKSUMMING, TX,             \
		FEATURE_NO_MEMBER)                                                                 \
	X(TX_CHECKSUM_IPV6, "tx-checksum-ipv6", NULL, TX_CHECKSUMMING, TX, FEATURE_NO_MEMBER)      \
	X(TX_CHECKSUM_FCOE_CRC, "tx-checksum-fcoe-crc", NULL, TX_CHECKSUMMING, TX,                 \
		FEATURE_NO_MEMBER)                                                                 \
	X(TX_CHECKSUM_SCTP, "tx-checksum-sctp", NULL, TX_CHECKSUMMING, TX, FEATURE_NO_MEMBER)      \
	X(SCATTER_GATHER, "scatter-gather", "sg", NONE, TX, FEATURE_AT(scatter_gather))            \
	X(TX_SCATTER_GATHER, "tx-scatter-gather", NULL, SCATTER_GATHER, TX, FEATURE_NO_MEMBER)     \
	X(TX_SCATTER_GATHER_FRAGLIST, "tx-scatter-gather-fraglist", NULL, SCATTER_GATHER, TX,      \
		FEATURE_NO_MEMBER)                                                                 \
	X(TCP_SEGMENTATION_OFFLOAD, "tcp-segmentation-offload", "tso", NONE, TX,                   \
		FEATURE_AT(tcp_segmentation_offload))                                              \
	X(TX_TCP_SEGMENTATION, "tx-tcp-segmentation", NULL, TCP_SEGMENTATION_OFFLOAD, TX,          \
		FEATURE_NO_MEMBER)                                                                 \
	X(TX_TCP_ECN_SEGMENTATION, "tx-tcp-ecn-segmentation", NULL, TCP_SEGMENTATION_OFFLOAD, TX,  \
		FEATURE_NO_MEMBER)                                                                 \
	X(TX_TCP_MANGLEID_SEGMENTATION, "tx-tcp-mangleid-segmentation", NULL,                      \
		TCP_SEGMENTATION_OFFLOAD, TX, FEATURE_NO_MEMBER)                                   \
	X(TX_TCP6_SEGMENTATION, "tx-tcp6-segmentation", NULL, TCP_SEGMENTATION_OFFLOAD, TX,        \
		FEATURE_NO_MEMBER)                                                                 \
	X(UDP_FRAGMENTATION_OFFLOAD, "udp-fragmentation-offload", "ufo", NONE, TX,                 \
		FEATURE_AT(udp_fragmentation_offload))                                             \
	X(GENERIC_SEGMENTATION_OFFLOAD, "generic-segmentation-offload", "gso", NONE, TX,           \
		FEATURE_AT(generic_segmentation_offload))                                          \
	X(GENERIC_RECEIVE_OFFLOAD, "generic-receive-offload", "gro", NONE, RX,                     \
		FEATURE_AT(generic_receive_offload))                                               \
	X(LARGE_RECEIVE_OFFLOAD, "large-receive-offload", "lro", NONE, RX,                         \
		FEATURE_AT(large_receive_offload))                                                 \
	X(RX_VLAN_OFFLOAD, "rx-vlan-offload", "rxvlan", NONE, RX, FEATURE_NO_MEMBER)               \
	X(TX_VLAN_OFFLOAD, "tx-vlan-offload", "txvlan", NONE, TX, FEATURE_NO_MEMBER)               \
	X(NTUPLE_FILTERS, "ntuple-filters", "ntuple", NONE, RX, FEATURE_NO_MEMBER)                 \
	X(RECEIVE_HASHING, "receive-hashing", "rxhash", NONE, RX, FEATURE_NO_MEMBER)               \
	X(HIGHDMA, "highdma", NULL, NONE, TX, FEATURE_NO_MEMBER)                                   \
	X(RX_VLAN_FILTER, "rx-vlan-filter", NULL, NONE, RX, FEATURE_NO_MEMBER)                     \
	X(VLAN_CHALLENGED, "vlan-challenged", NULL, NONE, TX, FEATURE_NO_MEMBER)                   \
	X(TX_GSO_ROBUST, "tx-gso-robust", NULL, NONE, TX, FEATURE_NO_MEMBER)                       \
	X(TX_FCOE_SEGMENTATION, "tx-fcoe-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER)         \
	X(TX_GRE_SEGMENTATION, "tx-gre-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER)           \
	X(TX_GRE_CSUM_SEGMENTATION, "tx-gre-csum-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER) \
	X(TX_IPXIP4_SEGMENTATION, "tx-ipxip4-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER)     \
	X(TX_IPXIP6_SEGMENTATION, "tx-ipxip6-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER)     \
	X(TX_UDP_TNL_SEGMENTATION, "tx-udp_tnl-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER)   \
	X(TX_UDP_TNL_CSUM_SEGMENTATION, "tx-udp_tnl-csum-segmentation", NULL, NONE, TX,            \
		FEATURE_NO_MEMBER)                                                                 \
	X(TX_GSO_PARTIAL, "tx-gso-partial", NULL, NONE, TX, FEATURE_NO_MEMBER)                     \
	X(TX_TUNNEL_REMCSUM_SEGMENTATION, "tx-tunnel-remcsum-segmentation", NULL, NONE, TX,        \
		FEATURE_NO_MEMBER)                                                                 \
	X(TX_SCTP_SEGMENTATION, "tx-sctp-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER)         \
	X(TX_ESP_SEGMENTATION, "tx-esp-segmentation", NULL, NONE, TX, FEATURE_NO_MEMBER)           \
	X(TX_UDP_SEGMENTATION, "tx-udp-segmentation", NULL, NONE, TX,                              \
		FEATURE_AT(tx_udp_segmentation))                                                   \
	X(TX_GSO_LIST, "tx-gso-list", NULL, NONE, TX, FEATURE_NO_MEMBER)                           \
	X(TX_NOCACHE_COPY, "tx-nocache-copy", NULL, NONE, TX, FEATURE_NO_MEMBER)                   \
	X(LOOPBACK, "loopback", NULL, NONE, TX, FEATURE_NO_MEMBER)                                 \
	X(RX_FCS, "rx-fcs", NULL, NONE, RX, FEATURE_NO_MEMBER)                                     \
	X(RX_ALL, "rx-all", NULL, NONE, RX, FEATURE_NO_MEMBER)                                     \
	X(TX_VLAN_STAG_HW_INSERT, "tx-vlan-stag-hw-insert", NULL, NONE, TX, FEATURE_NO_MEMBER)     \
	X(RX_VLAN_STAG_HW_PARSE, "rx-vlan-stag-hw-parse", NULL, NONE, RX, FEATURE_NO_MEMBER)       \
	X(RX_VLAN_STAG_FILTER, "rx-vlan-stag-filter", NULL, NONE, RX, FEATURE_NO_MEMBER)           \
	X(L2_FWD_OFFLOAD, "l2-fwd-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)                     \
	X(HW_TC_OFFLOAD, "hw-tc-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)                       \
	X(ESP_HW_OFFLOAD, "esp-hw-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)                     \
	X(ESP_TX_CSUM_HW_OFFLOAD, "esp-tx-csum-hw-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)     \
	X(RX_UDP_TUNNEL_PORT_OFFLOAD, "rx-udp_tunnel-port-offload", NULL, NONE, RX,                \
		FEATURE_NO_MEMBER)                                                                 \
	X(TLS_HW_TX_OFFLOAD, "tls-hw-tx-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)               \
	X(TLS_HW_RX_OFFLOAD, "tls-hw-rx-offload", NULL, NONE, RX, FEATURE_NO_MEMBER)               \
	X(RX_GRO_HW, "rx-gro-hw", NULL, NONE, RX, FEATURE_NO_MEMBER)                               \
	X(TLS_HW_RECORD, "tls-hw-record", NULL, NONE, TX, FEATURE_NO_MEMBER)                       \
	X(RX_GRO_LIST, "rx-gro-list", NULL, NONE, RX, FEATURE_NO_MEMBER)                           \
	X(MACSEC_HW_OFFLOAD, "macsec-hw-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)               \
	X(RX_UDP_GRO_FORWARDING, "rx-udp-gro-forwarding", NULL, NONE, RX,                          \
		FEATURE_AT(rx_udp_gro_forwarding))                                                 \
	X(HSR_TAG_INS_OFFLOAD, "hsr-tag-ins-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)           \
	X(HSR_TAG_RM_OFFLOAD, "hsr-tag-rm-offload", NULL, NONE, RX, FEATURE_NO_MEMBER)             \
	X(HSR_FWD_OFFLOAD, "hsr-fwd-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)                   \
	X(HSR_DUP_OFFLOAD, "hsr-dup-offload", NULL, NONE, TX, FEATURE_NO_MEMBER)

enum feature {
#define X(id, name, alias, parent, direction, member) FEATURE_##id,
	FEATURES(X)
#undef X
		FEATURE_COUNT,
	FEATURE_NONE = FEATURE_COUNT
};

enum feature_direction { FEATURE_RX, FEATURE_TX };

struct feature_info {
	const char *name;
	const char *alias; /* NULL: none */
	enum feature parent; /* FEATURE_NONE: it is part of no other */
	enum feature_direction direction;
	size_t member; /* offset in struct config_features; FEATURE_NO_MEMBER: none */
};

extern const struct feature_info feature_infos[FEATURE_COUNT];

/* By long or short name; FEATURE_NONE: there is none. */
enum feature feature_find(const char *name);

/* What is wanted of a feature that has a member. */
enum feature_switch feature_wanted(const struct config_features *wanted, enum feature feature);
void feature_want(struct config_features *wanted, enum feature feature, enum feature_switch wish);

enum feature_doer { FEATURE_BY_NOBODY, FEATURE_BY_DEVICE, FEATURE_BY_WEIR };

struct feature_state {
	bool on;
	bool fixed; /* cannot be switched here */
	bool wanted; /* but perhaps not on: "off [requested on]" */
	enum feature_doer by;
	/* Of fixed, of not getting what was wanted, or how it is done. Static text or NULL. */
	const char *why;
};

/* What the device and the kind of a port can do. */
struct feature_abilities {
	bool receives, sends;
	uint64_t rx_offloads, tx_offloads; /* RTE_ETH_{RX,TX}_OFFLOAD_* that the device does */
	bool chains; /* sends packets of several buffers */
	uint32_t cuts; /* PORT_WHOLE_*: super-packets that the device or the kernel cuts */
	uint32_t carries; /* PORT_WHOLE_* that go as they are to whoever takes them: no limit */
	/* What it could do, had it been started with it. */
	bool chains_capable;
	uint32_t cuts_capable;
	enum port_rss rss;
};

/* Of a port as it was configured. */
void port_feature_abilities(const struct port *port, struct feature_abilities *ret_abilities);

/* PORT_WHOLE_* that a device with these RTE_ETH_TX_OFFLOAD_* cuts. */
uint32_t features_device_cuts(uint64_t tx_offloads);

/* What a port's features come to. super_packets_come: a pipeline that leads to this port may bring
 * super-packets. */
void features_resolve(const struct feature_abilities *abilities,
	const struct config_features *wanted, bool super_packets_come,
	struct feature_state ret_states[FEATURE_COUNT]);

/* Is each feature that is wanted explicitly there? -ENOTSUP: says by name which is not, and why. */
int features_check(
	const char *port, const struct feature_state states[FEATURE_COUNT], struct error *error);

/* RTE_ETH_TX_OFFLOAD_* that weir may use of those switched on at the device. */
uint64_t features_tx_offloads(const struct feature_abilities *abilities,
	const struct feature_state states[FEATURE_COUNT]);

/*
 * Switches a feature by its long or short name, as ethtool -K does: *wanted becomes what is wanted
 * then. What needs a feature that goes off is not insisted on any more (ON becomes AUTO).
 * -EINVAL, with *wanted as it was: there is no such feature, or it cannot be switched here, or it
 * contradicts another one; `error` says which.
 */
int features_switch(const struct feature_abilities *abilities, struct config_features *wanted,
	const char *name, bool on, struct error *error);

#endif
