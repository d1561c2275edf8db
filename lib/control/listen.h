/* SPDX-License-Identifier: BSD-3-Clause */
/* A listening unix socket and the file it is known by. Inside control/ only. */
#ifndef WEIR_CONTROL_LISTEN_H
#define WEIR_CONTROL_LISTEN_H

#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"

struct listener {
	int fd;
	struct sockaddr_un address;
	dev_t device; /* which file is ours, so that a successor's is never unlinked */
	ino_t inode;
};

int listener_open(struct listener *listener, const char *path, struct error *error);
void listener_close(struct listener *listener);

#endif
