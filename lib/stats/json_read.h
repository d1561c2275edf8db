/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of JSON objects, for rendering: what is absent or of another type reads as nothing. */
#ifndef WEIR_STATS_JSON_READ_H
#define WEIR_STATS_JSON_READ_H

#include <stdint.h>

#include <jansson.h>

static inline uint64_t read_count(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

static inline double read_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static inline const char *read_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* "-" where there is no NUMA node to name. */
static inline const char *read_node(const json_t *object)
{
	static const char *const nodes[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
	json_int_t node = json_integer_value(json_object_get(object, "numa_node"));

	if (node < 0)
		return "-";
	return node < 8 ? nodes[node] : "8+";
}

#endif
