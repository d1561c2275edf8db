/* SPDX-License-Identifier: BSD-3-Clause */
#include "answer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "config/nearest.h"
#include "control/control.h"
#include "stats/render.h"
#include "stats/steering_svg.h"

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
	if (style->raw)
		flags |= RENDER_RAW;
	if (style->all)
		flags |= RENDER_IDLE;
	if (style->all || is_alone(result))
		flags |= RENDER_DETAILS;
	if (isatty(fileno(out)))
		flags |= RENDER_BOLD;
	render(out, result, RENDER_WHATEVER, flags);
}

int answer_draw(const json_t *result, const char *path, struct error *error)
{
	bool to_stdout = strcmp(path, "-") == 0;
	FILE *out;
	int rc = 0;

	if (json_object_get(result, "steering") == NULL)
		return error_set(error, EINVAL, "only steering can be drawn");
	out = to_stdout ? stdout : fopen(path, "we");
	if (out == NULL)
		return error_set(error, errno, "cannot write %s: %s", path, strerror(errno));
	steering_svg(out, result);
	if (fflush(out) != 0 || ferror(out))
		rc = error_set(error, EIO, "%s could not be written whole", path);
	if (to_stdout)
		return rc;
	if (fclose(out) != 0 && rc == 0)
		rc = error_set(error, errno, "%s: %s", path, strerror(errno));
	if (rc == 0)
		printf("drew %s\n", path);
	return rc;
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

int answer_ask(const char *command, const char *socket_path, const json_t *request,
	const struct answer_style *style)
{
	struct error error = {0};
	char default_path[128];
	json_t *result = NULL;
	int rc;

	control_default_path(default_path, sizeof(default_path));
	rc = control_request(
		socket_path != NULL ? socket_path : default_path, request, &result, &error);
	if (rc < 0) {
		fprintf(stderr, "weir %s: %s\n", command, error.message);
		return rc == -EREMOTEIO ? EXIT_USAGE : EXIT_FAILED;
	}
	answer_print(stdout, result, style);
	json_decref(result);
	return EXIT_OK;
}
