/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean": the known name nearest to a misspelt one. */
#ifndef WEIR_CONFIG_NEAREST_H
#define WEIR_CONFIG_NEAREST_H

/*
 * Of `names` (NULL-terminated) the one with the fewest insertions, deletions, replacements and
 * swaps of neighbours away from `word`, case aside; NULL when none is near enough to be a slip
 * (a third of the longer word). Distance: Damerau-Levenshtein, optimal string alignment.
 */
const char *config_nearest(const char *word, const char *const *names);

#endif
