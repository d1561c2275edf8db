/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be found about a captured frame, in the words that a person reads. */
#ifndef WEIR_CAPTURE_JUDGE_KINDS_H
#define WEIR_CAPTURE_JUDGE_KINDS_H

#include <stdbool.h>

enum judge_kind {
	/* Too large; one of these a frame at most. */
	JUDGE_KIND_tso,
	JUDGE_KIND_gro,
	JUDGE_KIND_tso_or_gro,
	JUDGE_KIND_udp,
	JUDGE_KIND_weir_gro,
	JUDGE_KIND_weir_tso,
	JUDGE_KIND_too_large,
	/* Impossible for other reasons. */
	JUDGE_KIND_length_zero,
	JUDGE_KIND_length_claimed,
	JUDGE_KIND_unfinished,
	JUDGE_KIND_ip_sum_zero,
	/* Possible, and worth knowing. */
	JUDGE_KIND_short,
	JUDGE_KIND_bad_sum,
	JUDGE_KIND_bad_ip_sum,
	JUDGE_KIND_length_beyond,
	JUDGE_KIND_trailer,
	JUDGE_KIND_snapped,
	JUDGE_KIND_time_backwards,
	JUDGE_KIND_burst,
	JUDGE_KIND_COUNT
};

enum { JUDGE_TOO_LARGE = (1 << JUDGE_KIND_length_zero) - 1 }; /* mask of all such kinds */

struct judge_kind_info {
	const char *name; /* in JSON */
	bool impossible; /* on the wire, as captured */
	const char *title; /* behind "79 frames " */
	const char *why;
	const char *remedy; /* NULL: nothing to do */
};
extern const struct judge_kind_info judge_kind_infos[JUDGE_KIND_COUNT];

#endif
