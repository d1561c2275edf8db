/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports and pipelines for this machine, for `weir init`. They must be safe to run as they stand:
 * NICs given to DPDK are forwarded between in pairs; interfaces that the kernel uses are only
 * listened to, since forwarding between them would make a loop of somebody's network.
 */
#ifndef WEIR_APP_INIT_DRAFT_H
#define WEIR_APP_INIT_DRAFT_H

#include <jansson.h>

/* {"ports": .., "pipelines": ..}; NULL: out of memory. `root` as in topology_read(). Says on stderr
 * which NICs it leaves to the kernel. */
json_t *init_draft(const char *root);

#endif
