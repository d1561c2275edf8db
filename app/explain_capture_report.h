/* SPDX-License-Identifier: BSD-3-Clause */
/* What was found in a capture, for a person or for a program. */
#ifndef WEIR_APP_EXPLAIN_CAPTURE_REPORT_H
#define WEIR_APP_EXPLAIN_CAPTURE_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "capture/judge.h"
#include "capture/reader.h"

/* The whole, once every frame has been judged. */
struct explained_capture {
	const char *name;
	const char *format;
	const struct judge *judge;
	const struct capture_counts *counts;
	uint64_t first_ns, last_ns;
};

void explain_capture_print(FILE *out, const struct explained_capture *capture);
/* NULL: no memory. */
json_t *explain_capture_json(const struct explained_capture *capture);

/* One frame of which `found` (1 << enum judge_kind) holds, on a line. */
void explain_capture_print_frame(FILE *out, const struct judge_point *point,
	const struct judge_example *shown, uint32_t found);
json_t *explain_capture_frame_json(
	const struct judge_point *point, const struct judge_example *shown, uint32_t found);

/* "79 of 159 frames cannot have been on the wire as captured: ..." */
void explain_capture_verdict(const struct judge *judge, char *text, size_t size);

#endif
