/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end of a queue pair, for libweir's other files. */
#ifndef WEIR_VERBS_CLIENT_PEER_H
#define WEIR_VERBS_CLIENT_PEER_H

#include "verbs/client/client.h"

/* Unmaps what is kept of the region with this key, if it is. The queue pair's lock is held, so no
 * transfer is using it. */
void client_remote_drop(struct client_remote *remote, uint32_t key);
/* `peer`: the other end's header, or NULL. Where a peer's library may be touching our memory, waits
 * until it has seen what we took away: called after client_barrier(). Bounded; a process that is
 * stopped meanwhile holds nobody. */
void client_peer_quiesce(const struct client_qp *qp, const struct verbs_queue_header *peer);

#endif
