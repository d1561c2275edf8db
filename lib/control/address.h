/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of unix sockets, for the server and the client. Inside control/ only. */
#ifndef WEIR_CONTROL_ADDRESS_H
#define WEIR_CONTROL_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

/* -ENAMETOOLONG when the path does not fit into an address (107 bytes, unix(7)). */
int address_set(struct sockaddr_un *address, const char *path, struct error *error);

#endif
