/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gso.h"

#include <errno.h>

int gso_begin(struct gso *gso, struct rte_mbuf *packet, struct gso_cut *cut)
{
	(void)packet;
	cut->packet = NULL;
	gso->counters.failed++;
	return -EINVAL;
}

int gso_next(struct gso *gso, struct gso_cut *cut, struct rte_mbuf *ret_segments[], unsigned room)
{
	(void)gso, (void)cut, (void)ret_segments, (void)room;
	return 0;
}

void gso_abandon(struct gso *gso, struct gso_cut *cut)
{
	(void)gso;
	rte_pktmbuf_free(cut->packet);
	cut->packet = NULL;
}

bool gso_adopt(struct rte_mbuf *packet, uint32_t mtu)
{
	(void)packet, (void)mtu;
	return false;
}

void gso_finish_whole(struct rte_mbuf *packet)
{
	(void)packet;
}
