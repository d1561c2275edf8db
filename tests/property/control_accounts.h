/* SPDX-License-Identifier: BSD-3-Clause */
/* What a verbs server keeps of a connection, and what this process has open. */
#ifndef WEIR_PROPERTY_CONTROL_ACCOUNTS_H
#define WEIR_PROPERTY_CONTROL_ACCOUNTS_H

#include "verbs/server/state.h"

/* NULL: no limit is passed, and all that is counted is there; or what is wrong. */
const char *control_accounts_check(const struct server_connection *connection);
/* NULL: nothing of any connection is left; or what is. */
const char *control_nothing_left(const struct verbs_server *server);
/* Of memfds, in this process. */
unsigned control_mappings(void);

#endif
