/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said when a run ends. */
#include <unistd.h>

#include "stats/render.h"
#include "stats/stats.h"

void stats_summary(struct stats *stats, FILE *out)
{
	json_t *object = stats_summary_json(stats);
	json_int_t lost = json_integer_value(json_object_get(object, "lines_lost"));

	if (object == NULL)
		return;
	render(out, object, RENDER_SUMMARY, isatty(fileno(out)) == 1 ? RENDER_BOLD : 0);
	if (lost > 0)
		fprintf(out, "stats: %lld JSON lines could not be written\n", (long long)lost);
	json_decref(object);
}
