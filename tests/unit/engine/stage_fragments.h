/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the stages fragment and reassemble share. */
#ifndef STAGE_FRAGMENTS_H
#define STAGE_FRAGMENTS_H

#include "stage_fixture.h"
#include "stage_frames.h"

enum { DATAGRAMS = 16, HZ = 1000000 };

extern const struct config_stage fragments_reassemble; /* DATAGRAMS of them, for HZ of the TSC */
extern struct built_frame frame; /* the one in work */

/* The stage, with a clock of HZ. */
void fragments_create(
	struct stage_fixture *fixture, const char *name, const struct config_stage *config);
/* In = out + held + drops + merged, with what was made. */
void fragments_account(const struct stage_fixture *fixture, uint64_t in, uint64_t out);
/* All that came out so far, in order: what was emitted, then what is left in the burst. */
unsigned fragments_output(struct stage_fixture *fixture, struct rte_mbuf *packets[]);
/* A packet into the stage; NULL: nothing came out. At most one does. */
struct rte_mbuf *fragments_pass(struct stage_fixture *fixture, struct rte_mbuf *packet);
/* What a fragment stage of its own makes of a packet. */
unsigned fragments_cut(struct rte_mbuf *packet, uint32_t mtu, struct rte_mbuf *fragments[]);
/* Into `frame`: right checksums, no DF, no extension headers that must be in each fragment. */
void fragments_build(const struct frame_spec *spec, uint64_t *seed);
/* The packet is `frame` again, and parsed. Frees it. */
void fragments_check_whole(struct rte_mbuf *whole);

#endif
