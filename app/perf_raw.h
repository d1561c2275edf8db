/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf raw: packets of a port through a raw-packet queue pair. */
#ifndef WEIR_APP_PERF_RAW_H
#define WEIR_APP_PERF_RAW_H

#include "perf_options.h"

/* Receives until the packets or the time that were asked for are over, and shows what came.
 * Returns an exit code. */
int perf_raw(const struct perf_options *options);

#endif
