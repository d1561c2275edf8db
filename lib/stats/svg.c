/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/svg.h"

#include <stdarg.h>
#include <stdlib.h>

static unsigned paler(unsigned channel, unsigned times)
{
	for (; times > 0; times--)
		channel += (255 - channel) * 2 / 5;
	return channel & 0xff;
}

const char *svg_colour(char text[static SVG_COLOUR_BYTES], int worker)
{
	static const unsigned colours[] = {0x2f6db5, 0xe07b26, 0x3c9a4c, 0xc43d45, 0x8560b3,
		0x8d6144, 0xd76db0, 0x6b7a1f, 0x17a2b0, 0xc9a40e, 0x3b3f8f, 0x0f6e62};
	enum { COUNT = sizeof(colours) / sizeof(colours[0]) };
	unsigned colour = worker >= 0 ? colours[worker % COUNT] : 0x9aa0a6;
	unsigned times = worker >= 0 ? (unsigned)worker / COUNT % 4 : 0;

	snprintf(text, SVG_COLOUR_BYTES, "#%02x%02x%02x", paler(colour >> 16 & 0xff, times),
		paler(colour >> 8 & 0xff, times), paler(colour & 0xff, times));
	return text;
}

void svg_escape(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else
			putc(c < 0x20 || c == 0x7f ? '?' : c, out);
	}
}

void svg_text(FILE *out, double x, double y, const char *style, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	fprintf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", style, x, y);
	svg_escape(out, text != NULL ? text : "");
	fputs("</text>\n", out);
	free(text);
}

void svg_rect_open(
	FILE *out, double x, const struct svg_span *span, double width, const char *colour)
{
	fprintf(out, "<rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\" fill=\"%s\">", x,
		span->top, width, span->bottom - span->top, colour);
}

void svg_rect(FILE *out, double x, const struct svg_span *span, double width, const char *colour)
{
	svg_rect_open(out, x, span, width, colour);
	fputs("</rect>\n", out);
}

void svg_ribbon(FILE *out, double x0, const struct svg_span *from, double x1,
	const struct svg_span *to, const char *colour, double opacity)
{
	double middle = (x0 + x1) / 2;

	fprintf(out,
		"<path d=\"M%.1f %.2fC%.1f %.2f %.1f %.2f %.1f %.2fL%.1f %.2f"
		"C%.1f %.2f %.1f %.2f %.1f %.2fZ\" fill=\"%s\" fill-opacity=\"%.2f\"/>\n",
		x0, from->top, middle, from->top, middle, to->top, x1, to->top, x1, to->bottom,
		middle, to->bottom, middle, from->bottom, x0, from->bottom, colour, opacity);
}
