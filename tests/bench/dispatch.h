/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dispatch: one core decides where packets go, another gets them all. Each contender moves the same
 * packets, whose hashes are known, and is timed from the first one given to the last one arrived.
 *
 * A round is told how many packets to move and until when it may take. The producer ends once the
 * consumer has; both end at the deadline. Threads: produce() runs on one core, consume() on the
 * other.
 */
#ifndef WEIR_BENCH_DISPATCH_H
#define WEIR_BENCH_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "base/clock.h"

enum { DISPATCH_BURST = 32 }; /* what the peers' own figures are given for */
enum { DISPATCH_PACKETS = 512 };

struct dispatch_packets {
	struct rte_mbuf *mbufs[DISPATCH_PACKETS]; /* hash.rss (the same as hash.usr) is set */
	uint32_t hashes[DISPATCH_PACKETS];
	uint64_t sum; /* of the pointers */
};

extern struct dispatch_packets dispatch_packets;

struct dispatch_round {
	uint64_t packets; /* to move: a multiple of DISPATCH_PACKETS */
	uint64_t deadline_tsc;
	bool consumed; /* atomic. Writer: the consumer's thread. Reader: the producer */
	/* Writer: the consumer. Read once it ended. */
	uint64_t arrived __attribute__((aligned(64)));
	uint64_t sum;
	uint64_t last_tsc;
};

/* Asked only by a side that has nothing else to do: reading the clock takes time. */
static inline bool dispatch_expired(const struct dispatch_round *round)
{
	return tsc_now() > round->deadline_tsc;
}

static inline bool dispatch_consumed(const struct dispatch_round *round)
{
	return __atomic_load_n(&round->consumed, __ATOMIC_ACQUIRE);
}

static inline void dispatch_arrived(
	struct dispatch_round *round, struct rte_mbuf *const mbufs[], unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += (uintptr_t)mbufs[i];
	round->sum += sum;
	round->arrived += count;
}

struct dispatch_contender {
	const char *name;
	const char *(*setup)(void); /* NULL: it is ready; else why it cannot be measured */
	void (*produce)(struct dispatch_round *round);
	void (*consume)(struct dispatch_round *round);
};

/* dispatch_weir.c: set up in this order */
extern const struct dispatch_contender dispatch_weir, dispatch_weir_parsing, dispatch_weir_few,
	dispatch_weir_many;
extern const struct dispatch_contender dispatch_ring, dispatch_distributor; /* dispatch_peers.c */
extern const struct dispatch_contender dispatch_event_sw,
	dispatch_event_dsw; /* dispatch_events.c */

#endif
