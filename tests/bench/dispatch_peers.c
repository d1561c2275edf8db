/* SPDX-License-Identifier: BSD-3-Clause */
/* A bare rte_ring, which decides nothing, and rte_distributor with one worker. */
#include <rte_distributor.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "dispatch.h"

/* ---- rte_ring, one producer, one consumer ---- */

enum { RING_SIZE = 1024 };

static struct rte_ring *ring;

static const char *ring_setup(void)
{
	ring = rte_ring_create("bench", RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return ring == NULL ? "rte_ring_create failed" : NULL;
}

static void ring_produce(struct dispatch_round *round)
{
	for (uint64_t done = 0; done < round->packets; done += DISPATCH_BURST) {
		void **burst = (void **)&dispatch_packets.mbufs[done % DISPATCH_PACKETS];

		while (rte_ring_sp_enqueue_bulk(ring, burst, DISPATCH_BURST, NULL) == 0) {
			if (dispatch_expired(round))
				return;
			rte_pause();
		}
	}
}

static void ring_consume(struct dispatch_round *round)
{
	struct rte_mbuf *burst[DISPATCH_BURST];

	while (round->arrived < round->packets) {
		unsigned count =
			rte_ring_sc_dequeue_burst(ring, (void **)burst, DISPATCH_BURST, NULL);

		if (count == 0 && dispatch_expired(round))
			return;
		dispatch_arrived(round, burst, count);
	}
}

const struct dispatch_contender dispatch_ring = {
	"rte_ring SPSC", ring_setup, ring_produce, ring_consume};

/* ---- rte_distributor, burst mode ---- */

enum { DISTRIBUTOR_BURST = 8 };

static struct rte_distributor *distributor;

static const char *distributor_setup(void)
{
	distributor = rte_distributor_create("bench", SOCKET_ID_ANY, 1, RTE_DIST_ALG_BURST);
	return distributor == NULL ? "rte_distributor_create failed" : NULL;
}

/* A worker's requests and its good-bye are answered only while the distributor is called; packets
 * are taken only once a worker has asked for some. So it is called until the worker has gone. */
static void distributor_produce(struct dispatch_round *round)
{
	uint64_t done = 0;

	while (done < round->packets && !dispatch_consumed(round)) {
		int taken = rte_distributor_process(distributor,
			&dispatch_packets.mbufs[done % DISPATCH_PACKETS], DISPATCH_BURST);

		if (taken > 0)
			done += (unsigned)taken;
		else
			rte_distributor_process(distributor, NULL, 0);
	}
	while (!dispatch_consumed(round))
		rte_distributor_process(distributor, NULL, 0);
	rte_distributor_process(distributor, NULL, 0); /* sees that the worker has gone */
	rte_distributor_clear_returns(distributor);
}

/* As rte_distributor_get_pkt() does it, without its pauses of 100 cycles, and with an end. No
 * packet is given back: others neither have to. */
static void distributor_consume(struct dispatch_round *round)
{
	struct rte_mbuf *burst[DISTRIBUTOR_BURST];

	while (round->arrived < round->packets) {
		int count;

		rte_distributor_request_pkt(distributor, 0, NULL, 0);
		while ((count = rte_distributor_poll_pkt(distributor, 0, burst)) < 0) {
			if (dispatch_expired(round))
				break;
			rte_pause();
		}
		if (count < 0)
			break;
		dispatch_arrived(round, burst, (unsigned)count);
	}
	round->last_tsc = tsc_now(); /* parting takes its time */
	rte_distributor_return_pkt(distributor, 0, NULL, 0);
}

const struct dispatch_contender dispatch_distributor = {
	"rte_distributor, 1 worker", distributor_setup, distributor_produce, distributor_consume};
