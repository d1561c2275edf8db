/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets for GRO made by hand, what came out of it, and the way back: a cut of super-packets that
 * knows nothing but super_packet.h, byte by byte, so that what was merged can be compared with what
 * came.
 */
#ifndef WEIR_TESTS_GRO_FIXTURE_H
#define WEIR_TESTS_GRO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "segmentation/gro.h"
#include "segmentation/super_packet.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };
enum { FRAME_MAX = 2048, OUT_MAX = 4096 };

enum tunnel { PLAIN, VXLAN, GRE, GRE_KEY, GRE_SEQUENCE, IPIP };

struct packet { /* what differs from the first packet of an ordinary flow */
	bool ipv6, udp, no_df, outer_ipv6, outer_checksum, bad, bad_ip, no_checksum;
	enum tunnel tunnel;
	unsigned payload; /* bytes */
	unsigned tags; /* VLAN */
	unsigned padding; /* bytes behind the IP packet */
	unsigned extension; /* bytes of a destination options header */
	unsigned options; /* IPv4: bytes */
	uint16_t vlan, source, id, outer_id, window, urgent, fragment;
	uint32_t sequence, ack, stamp, key, label, address;
	uint8_t flags; /* 0: ACK */
	uint8_t ttl, tos, mac, fill;
	uint8_t protocol; /* 0: TCP or UDP */
	bool no_stamps;
};

extern struct rte_mempool *gro_pool;

int gro_group_setup(void **state);
int gro_group_teardown(void **state);

/* As it would be received, parsed. */
struct rte_mbuf *gro_make(const struct packet *packet);
/* Only the bytes; their number. */
unsigned gro_frame(const struct packet *packet, uint8_t frame[FRAME_MAX]);

/* Of the test under way: a GRO, all packets given to it, and all that came out. */
struct gro_trial {
	struct gro *gro;
	struct gro_settings settings;
	uint64_t now;
	struct rte_mbuf *out[OUT_MAX];
	unsigned count; /* of out */
	unsigned given;
	unsigned free_before; /* mbufs in the pool */
	struct gro_counters counters; /* at the end */
};

extern const struct gro_settings gro_ordinary;

void gro_begin(struct gro_trial *trial, const struct gro_settings *settings);
void gro_give(struct gro_trial *trial, const struct packet *packet);
void gro_give_mbufs(struct gro_trial *trial, struct rte_mbuf *packets[], unsigned count);
/* Flushes, expects that as many packets came out as went in and no mbuf is lost, and ends. */
void gro_end(struct gro_trial *trial);
void gro_drain(struct gro_trial *trial);

/* What came out, as the numbers of packets merged: "3 1 2". */
void gro_expect(struct gro_trial *trial, const char *numbers);

/* Segment `index` of a packet that came out, as it was before; its length. */
unsigned gro_cut(const struct rte_mbuf *packet, unsigned index, uint8_t frame[FRAME_MAX]);

/* Four segments in a row, of which `change` makes the third another one: they leave as `numbers`
 * say, and each byte comes back in the same order. */
enum { GRO_MSS = 1000 };
typedef void (*gro_change_fn)(struct packet *packet);
void gro_four(struct gro_trial *trial, const struct gro_settings *settings,
	const struct packet *first, gro_change_fn change, const char *numbers);

#endif
