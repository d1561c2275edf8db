/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be set while weir runs. A setting is named as in the configuration. */
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "stats/commands.h"
#include "stats/state.h"

enum { INTERVAL_MIN_NS = 10000000 };

static int set_interval(struct stats *stats, const char *value)
{
	uint64_t interval_ns;

	if (units_parse_duration(value, &interval_ns) < 0 ||
		(interval_ns != 0 && interval_ns < INTERVAL_MIN_NS))
		return -EINVAL;
	stats->interval_ns = interval_ns;
	stats_wake(stats);
	return 0;
}

static int set_table(struct stats *stats, const char *value)
{
	bool on = strcmp(value, "on") == 0 || strcmp(value, "true") == 0;

	if (!on && strcmp(value, "off") != 0 && strcmp(value, "false") != 0)
		return -EINVAL;
	stats->table = on;
	return 0;
}

const struct stats_setting_info stats_settings[] = {
	{"stats.interval", "a duration of at least 10ms, as \"2s\", or 0",
		"time between periodic tables and JSON lines; 0: none", set_interval},
	{"stats.table", "on or off", "print the periodic table", set_table},
	{NULL, NULL, NULL, NULL},
};
