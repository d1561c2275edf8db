/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening unix socket and the file it is known by: for its owner and its group (0660) and
 * nobody else, at no moment. What a dead process left at the path is removed, a living one's is
 * not.
 */
#ifndef WEIR_BASE_UNIX_LISTENER_H
#define WEIR_BASE_UNIX_LISTENER_H

#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"

struct unix_listener {
	int fd;
	struct sockaddr_un address;
	dev_t device; /* which file is ours, so that a successor's is never unlinked */
	ino_t inode;
};

/* 0; -EINVAL: empty; -ENAMETOOLONG when the path does not fit into an address (107 bytes, unix(7)).
 */
int unix_address_set(struct sockaddr_un *address, const char *path, struct error *error);

/* Listens, without blocking, for sockets of `type` (SOCK_STREAM, ...), up to `waiting` of them not
 * yet accepted. `setting` names the path's field in the configuration, for people. 0 or -errno:
 * -EADDRINUSE: another process listens there; -EEXIST: something else than a socket is there. */
int unix_listener_open(struct unix_listener *listener, const char *path, int type, int waiting,
	const char *setting, struct error *error);
void unix_listener_close(struct unix_listener *listener);

#endif
