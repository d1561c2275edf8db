/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding the engine and saying hello: of weir_open() and weir_reconnect(). */
#ifndef WEIR_VERBS_CLIENT_CONNECTION_H
#define WEIR_VERBS_CLIENT_CONNECTION_H

#include <stddef.h>

#include "verbs/client/client.h"

/* The socket's path: as wanted, or the default one (weir.h). 0 or ENAMETOOLONG. */
int client_socket_path(const char *wanted, char *path, size_t size);
/* 0 or an errno value: ENOENT, ECONNREFUSED: no engine there. */
int client_connect(const char *path, int *ret_socket);
/* The socket becomes the device's, which says hello on it. */
int client_attach_socket(struct weir_device *device, int socket);
/* Without a word to the application. */
void client_detach_socket(struct weir_device *device);

#endif
