/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RSS in the device: the same key, fields and indirection table that weir would use in software.
 * A DPDK device is told what to hash by bits (RTE_ETH_RSS_*), which say less than the fields do:
 *
 *     sdfn of TCP, UDP, SCTP     the type's own bit
 *     the fields of ip4, ip6     no bit: the packet is hashed as IP
 *     s or d alone, everywhere   RTE_ETH_RSS_L3_SRC_ONLY, _DST_ONLY
 *     inner                      RTE_ETH_RSS_LEVEL_INNERMOST
 *     all else, transforms       cannot be said
 *
 * Called by ethdev.c only. Threads: the controlling one.
 */
#ifndef WEIR_PORT_ETHDEV_RSS_H
#define WEIR_PORT_ETHDEV_RSS_H

#include "port/port.h"

/* The bits for what is configured, of those in `capable`: the types a device lacks are left to
 * software. 0; -ENOTSUP: cannot be said, or the device cannot; `error` says which field and why. */
int ethdev_rss_types(
	const struct config_rss *rss, uint64_t capable, uint64_t *ret_types, struct error *error);

/* Whether more is asked for than the default, and the device cannot do it: under "auto" software
 * does it then, over one rx queue. */
bool ethdev_rss_unable(const struct config_rss *rss, const struct rte_eth_dev_info *info);

/* Puts RSS into `conf` where it is wanted and the device can, and sets port->rss then. An error
 * only where the device must and cannot. */
int ethdev_rss_choose(struct port *port, const struct rte_eth_dev_info *info, uint16_t rx_queues,
	struct rte_eth_conf *conf, struct error *error);

/* Of a started device: the key, where the driver did not take it from `conf`, and the table. */
int ethdev_rss_program(struct port *port, struct error *error);

#endif
