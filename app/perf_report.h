/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf: what is shown. Rows of a table or of CSV as they come, JSON at the end. */
#ifndef WEIR_APP_PERF_REPORT_H
#define WEIR_APP_PERF_REPORT_H

#include <stdio.h>

#include "perf_options.h"

struct perf_report; /* opaque */

/* NULL: no memory. `options` stay the caller's. */
struct perf_report *perf_report_begin(const struct perf_options *options, FILE *out);
void perf_report_row(struct perf_report *report, const struct perf_result *result, double tsc_hz);
/* Ends and frees it. */
void perf_report_end(struct perf_report *report);

#endif
