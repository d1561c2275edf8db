/* SPDX-License-Identifier: BSD-3-Clause */
#include "console_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/features.h"
#include "stats/commands.h"
#include "stats/render.h"

enum { CANDIDATES_MAX = 512 };

static struct {
	const char *list[CANDIDATES_MAX];
	unsigned count, next;
	char names[CONFIG_PORTS_MAX][32]; /* of ports */
	unsigned names_used;
} candidates;

static bool is_raw(const struct console_words *words, const char *word)
{
	return strcmp(word, "--raw") == 0 ||
		(words->count == 2 && strcmp(words->list[1], "softnet") == 0 &&
			strcmp(word, "raw") == 0);
}

void console_split(const char *line, struct console_words *words)
{
	char *save = NULL;

	words->count = 0;
	words->json = words->all = words->raw = false;
	words->svg = NULL;
	snprintf(words->text, sizeof(words->text), "%s", line);
	for (char *word = strtok_r(words->text, " \t\r\n", &save); word != NULL;
		word = strtok_r(NULL, " \t\r\n", &save)) {
		if (word[0] == '#')
			break;
		if (strcmp(word, "--json") == 0)
			words->json = true;
		else if (strcmp(word, "--all") == 0)
			words->all = true;
		else if (is_raw(words, word))
			words->raw = true;
		else if (strcmp(word, "--svg") == 0)
			words->svg = strtok_r(NULL, " \t\r\n", &save);
		else if (strcmp(word, "--top") == 0)
			continue;
		else if (words->count < CONSOLE_WORDS_MAX)
			words->list[words->count++] = word;
	}
	/* A picture has flows in it, whether their number is said or not. */
	if (words->svg != NULL && words->count == 2)
		words->list[words->count++] = "10";
}

static void candidate_add(const char *name)
{
	if (candidates.count < CANDIDATES_MAX)
		candidates.list[candidates.count++] = name;
}

static void candidates_of_show(void)
{
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		candidate_add(sections[i].name);
	candidate_add("all");
}

/* PORT, then features and values in turn. */
static void candidates_of_features(unsigned count, const json_t *settings)
{
	const json_t *setting;
	size_t i;

	if (count > 1 && count % 2 == 1) {
		candidate_add("on");
		candidate_add("off");
	}
	for (unsigned f = 0; count > 1 && count % 2 == 0 && f < FEATURE_COUNT; f++) {
		if (feature_infos[f].member == FEATURE_NO_MEMBER)
			continue;
		candidate_add(feature_infos[f].name);
		if (feature_infos[f].alias != NULL)
			candidate_add(feature_infos[f].alias);
	}
	if (count != 1)
		return;
	/* Each port has this setting, so each comes once. */
	json_array_foreach (settings, i, setting) {
		const char *path = json_string_value(json_object_get(setting, "path"));
		const char *end = path ? strstr(path, ".features.rx-checksumming") : NULL;

		if (end == NULL || strncmp(path, "ports.", 6) != 0 ||
			candidates.names_used == CONFIG_PORTS_MAX)
			continue;
		snprintf(candidates.names[candidates.names_used], sizeof(candidates.names[0]),
			"%.*s", (int)(end - path - 6), path + 6);
		candidate_add(candidates.names[candidates.names_used++]);
	}
}

static void candidates_of_set(const json_t *settings)
{
	const json_t *setting;
	size_t i;

	json_array_foreach (settings, i, setting) {
		const char *path = json_string_value(json_object_get(setting, "path"));

		if (path != NULL)
			candidate_add(path);
	}
}

void console_complete_begin(const char *line, size_t start, const json_t *settings)
{
	struct console_words before;
	char copy[CONSOLE_LINE_BYTES];

	snprintf(copy, sizeof(copy), "%.*s", (int)start, line);
	console_split(copy, &before);
	candidates.count = candidates.next = candidates.names_used = 0;
	if (before.count == 0) {
		for (unsigned i = 0; stats_commands[i].name != NULL; i++)
			candidate_add(stats_commands[i].name);
	} else if (before.count == 1 && strcmp(before.list[0], "show") == 0) {
		candidates_of_show();
	} else if (strcmp(before.list[0], "features") == 0) {
		candidates_of_features(before.count, settings);
	} else if (strcmp(before.list[0], "set") == 0) {
		/* Paths and values in turn. */
		if (before.count % 2 == 1)
			candidates_of_set(settings);
	} else if (strcmp(before.list[0], "show") == 0) {
		candidate_add("--all");
		candidate_add("--json");
		if (strcmp(before.list[1], "softnet") == 0)
			candidate_add("--raw");
		if (strcmp(before.list[1], "steering") == 0)
			candidate_add("--svg");
		if (strcmp(before.list[1], "steering") == 0 || strcmp(before.list[1], "flows") == 0)
			candidate_add("--top");
	}
}

char *console_complete_next(const char *text, int state)
{
	if (state == 0)
		candidates.next = 0;
	while (candidates.next < candidates.count) {
		const char *name = candidates.list[candidates.next++];

		if (strncmp(name, text, strlen(text)) == 0)
			return strdup(name);
	}
	return NULL;
}
