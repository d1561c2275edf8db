/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A picture of steering, fit for a report: the biggest flows, the RETA buckets they fall into, the
 * queues those belong to, and the workers that get the packets, with their loads. Drawn from what
 * `show steering 10` answers: members time, interval_ns, steering and flows.
 */
#ifndef WEIR_STATS_STEERING_SVG_H
#define WEIR_STATS_STEERING_SVG_H

#include <stdio.h>

#include <jansson.h>

/* Writes an SVG document that needs no font, script or file of elsewhere; a panel for each port at
 * a receiving worker that has seen packets, four at most. Pure: the same text for the same JSON.
 * Shapes it does not expect read as nothing. Write errors: ferror(out). */
void steering_svg(FILE *out, const json_t *object);

#endif
