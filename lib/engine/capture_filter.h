/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A filter in libpcap's syntax, made machine code where DPDK can do that. Fixed once it is made:
 * any thread may ask it. Inside engine/ only.
 */
#ifndef WEIR_ENGINE_CAPTURE_FILTER_H
#define WEIR_ENGINE_CAPTURE_FILTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h> /* pcap/bpf.h wants it */

#include <pcap/bpf.h>
#include <rte_mbuf.h>

#include "base/error.h"

struct rte_bpf;

struct capture_filter {
	uint64_t (*match)(void *packet); /* machine code; NULL: none */
	struct rte_bpf *translated; /* NULL: none */
	struct bpf_program program; /* of libpcap; bf_insns NULL: everything matches */
};

/* `text` NULL or empty: all packets. -EINVAL with libpcap's words when it is no filter. EAL must be
 * up. */
int capture_filter_make(struct capture_filter *filter, const char *text, struct error *error);
void capture_filter_free(struct capture_filter *filter);

/* For what the two above have no means: by libpcap's interpreter. */
bool capture_filter_interpret(const struct capture_filter *filter, const struct rte_mbuf *packet);

static inline bool capture_filter_matches(
	const struct capture_filter *filter, struct rte_mbuf *packet)
{
	if (filter->match != NULL)
		return filter->match(packet) != 0;
	return filter->program.bf_insns == NULL || capture_filter_interpret(filter, packet);
}

#endif
