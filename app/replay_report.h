/* SPDX-License-Identifier: BSD-3-Clause */
/* What `weir replay` says at its end. */
#ifndef WEIR_APP_REPLAY_REPORT_H
#define WEIR_APP_REPLAY_REPORT_H

#include <stdbool.h>

#include "session.h"

/* After session_wait(). An exit code: EXIT_FAILED when a file ended early or --verify found a
 * difference. */
int replay_report(const struct session *session, bool as_json);

#endif
