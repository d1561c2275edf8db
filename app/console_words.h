/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of the console as words, and what may come next in them. */
#ifndef WEIR_APP_CONSOLE_WORDS_H
#define WEIR_APP_CONSOLE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum { CONSOLE_WORDS_MAX = 16, CONSOLE_LINE_BYTES = 4096 };

struct console_words {
	unsigned count;
	const char *list[CONSOLE_WORDS_MAX];
	/* Of how to show it, and not among the words: --json, --all, --raw (also as a word after
	 * "show softnet"), --svg FILE. --top is left out, its number is a word. */
	bool json, all, raw;
	const char *svg; /* NULL: not given */
	char text[CONSOLE_LINE_BYTES];
};

/* Words are apart by blanks; a word that starts with '#' ends the line. Words too many are dropped:
 * no command takes as many. */
void console_split(const char *line, struct console_words *words);

/* Completion of the word that starts at `start` in `line`: begin, then next until NULL. `settings`:
 * what may be set (config_settings()), which is needed until then; NULL: not known. What next
 * returns is malloc'ed. */
void console_complete_begin(const char *line, size_t start, const json_t *settings);
char *console_complete_next(const char *text, int state);

#endif
