/* SPDX-License-Identifier: BSD-3-Clause */
/* Where engine and applications meet when nothing else is said. */
#ifndef WEIR_VERBS_SOCKET_PATH_H
#define WEIR_VERBS_SOCKET_PATH_H

#include <stddef.h>

/* /run/weir-verbs.sock as root, else $XDG_RUNTIME_DIR/weir-verbs.sock, else one of the user's in
 * /tmp. 0 or -ENAMETOOLONG. */
int verbs_default_socket(char *path, size_t size);

#endif
