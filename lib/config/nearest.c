/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/nearest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { WORD_MAX = 48 }; /* longer words are not slips of our names */

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX + 1];
	unsigned a_length = (unsigned)strlen(a), b_length = (unsigned)strlen(b);

	if (a_length > WORD_MAX || b_length > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= b_length; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a_length; i++) {
		unsigned *now = row[i % 3], *above = row[(i - 1) % 3], *above2 = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			int a1 = tolower((unsigned char)a[i - 1]),
			    b1 = tolower((unsigned char)b[j - 1]);

			now[j] = smaller(
				smaller(above[j], now[j - 1]) + 1, above[j - 1] + (a1 != b1));
			if (i > 1 && j > 1 && a1 == tolower((unsigned char)b[j - 2]) &&
				b1 == tolower((unsigned char)a[i - 2]))
				now[j] = smaller(now[j], above2[j - 2] + 1);
		}
	}
	return row[a_length % 3][b_length];
}

const char *config_nearest(const char *word, const char *const *names)
{
	const char *nearest = NULL;
	unsigned least = WORD_MAX;

	for (; *names != NULL; names++) {
		unsigned longer =
			(unsigned)(strlen(word) > strlen(*names) ? strlen(word) : strlen(*names));
		unsigned away = distance(word, *names);

		if (away < least && away <= (longer + 2) / 3) {
			least = away;
			nearest = *names;
		}
	}
	return nearest;
}
