/* SPDX-License-Identifier: BSD-3-Clause */
/* The few shapes of SVG that pictures of weir are made of. Inside stats/ only. */
#ifndef WEIR_STATS_SVG_H
#define WEIR_STATS_SVG_H

#include <stdio.h>

struct svg_span { /* vertical, downwards */
	double top, bottom;
};

/* "#rrggbb" of a worker: as different as light paper allows, twelve colours and their paler
 * repetitions; of a negative number grey. Returns `text`. */
enum { SVG_COLOUR_BYTES = 8 };
const char *svg_colour(char text[static SVG_COLOUR_BYTES], int worker);

/* Text with what XML needs escaped; control characters become '?'. */
void svg_escape(FILE *out, const char *text);

/* style: one of the classes of steering_svg.c ("title", "note", ...). */
void svg_text(FILE *out, double x, double y, const char *style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Not closed: a <title> may follow. End it with svg_close("rect"). */
void svg_rect_open(
	FILE *out, double x, const struct svg_span *span, double width, const char *colour);
void svg_rect(FILE *out, double x, const struct svg_span *span, double width, const char *colour);

/* A band that flows from one span to another, to the right. */
void svg_ribbon(FILE *out, double x0, const struct svg_span *from, double x1,
	const struct svg_span *to, const char *colour, double opacity);

#endif
