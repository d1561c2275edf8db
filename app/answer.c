/* SPDX-License-Identifier: BSD-3-Clause */
#include "answer.h"

#include <string.h>
#include <unistd.h>

#include "config/nearest.h"
#include "stats/render.h"

/* One thing alone has room for all its columns. */
static bool is_alone(const json_t *result)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SECTION_COUNT; i++)
		count += json_object_get(result, sections[i].name) != NULL;
	return count == 1;
}

void answer_print(FILE *out, const json_t *result, const struct answer_style *style)
{
	unsigned flags = 0;

	if (style->json) {
		json_dumpf(result, out,
			JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY |
				(style->line ? JSON_COMPACT : JSON_INDENT(2)));
		fputc('\n', out);
		return;
	}
	if (style->all)
		flags |= RENDER_IDLE;
	if (style->all || is_alone(result))
		flags |= RENDER_DETAILS;
	if (isatty(fileno(out)))
		flags |= RENDER_BOLD;
	render(out, result, RENDER_WHATEVER, flags);
}

static const char *const *section_names(void)
{
	static const char *names[SECTION_COUNT + 2];

	for (unsigned i = 0; i < SECTION_COUNT; i++)
		names[i] = sections[i].name;
	names[SECTION_COUNT] = "all";
	return names;
}

const char *answer_nearest_section(const char *word)
{
	return config_nearest(word, section_names());
}

bool answer_has_section(const char *word)
{
	for (const char *const *name = section_names(); *name != NULL; name++) {
		if (strcmp(*name, word) == 0)
			return true;
	}
	return false;
}
