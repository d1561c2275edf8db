/* SPDX-License-Identifier: BSD-3-Clause */
/* For the drop-in: what verbs has beside libweir's own way of posting. */
#ifndef WEIR_VERBS_CLIENT_POST_H
#define WEIR_VERBS_CLIENT_POST_H

#include "verbs/weir.h"

/* weir_post_send() of the whole list, or of nothing if any of it is refused. */
int client_post_send_all(struct weir_qp *qp, struct weir_send_wr *wr, struct weir_send_wr **bad_wr);

#endif
