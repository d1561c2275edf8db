/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP/IPv4 packets of 64 bytes with random addresses and ports. No EAL. */
#ifndef WEIR_BENCH_UDP_FRAMES_H
#define WEIR_BENCH_UDP_FRAMES_H

#include <stdbool.h>

#include <rte_mbuf.h>

/* false: out of memory. They are never freed. */
bool udp_frames_make(struct rte_mbuf *ret_mbufs[], unsigned count);

#endif
