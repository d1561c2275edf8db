/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A name and what it multiplies by. The first of equal factors is the one that is written. */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit duration_units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", 1000000000},
	{"min", 60000000000},
	{"h", 3600000000000},
	{"d", 86400000000000},
	{"µs", 1000},
	{NULL, 0},
};

static const struct unit byte_units[] = {
	{"B", 1},
	{"KiB", 1ull << 10},
	{"MiB", 1ull << 20},
	{"GiB", 1ull << 30},
	{"TiB", 1ull << 40},
	{"", 1},
	{"kiB", 1ull << 10},
	{"kB", 1000},
	{"KB", 1000},
	{"MB", 1000000},
	{"GB", 1000000000},
	{"TB", 1000000000000},
	{NULL, 0},
};

static const struct unit prefixes[] = {
	{"", 1},
	{"k", 1000},
	{"M", 1000000},
	{"G", 1000000000},
	{"T", 1000000000000},
	{"K", 1000},
	{NULL, 0},
};

const char units_duration_expected[] =
	"a duration with its unit (ns, us, ms, s, min, h, d), such as \"10ms\"";
const char units_bytes_expected[] =
	"a size in bytes or with a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), such as \"64KiB\"";
const char units_count_expected[] = "a whole number, such as 1000, \"10k\" or \"2.5M\"";

/* mantissa / 10^decimals; `inexact` when digits beyond the 19th were left out. */
struct decimal {
	uint64_t mantissa;
	unsigned decimals;
	bool inexact;
};

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

static bool decimal_append(struct decimal *number, char digit)
{
	uint64_t value = (uint64_t)(digit - '0');

	if (number->mantissa > (UINT64_MAX - value) / 10)
		return false;
	number->mantissa = number->mantissa * 10 + value;
	return true;
}

/* Reads a number and at most one space; *ret_rest is what follows. */
static int decimal_parse(const char *text, struct decimal *ret_number, const char **ret_rest)
{
	struct decimal number = {0};

	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++)
		if (!decimal_append(&number, *text))
			return -ERANGE;
	if (*text == '.') {
		if (!is_digit(*++text))
			return -EINVAL;
		for (; is_digit(*text); text++) {
			/* 10^18 is the largest power the division below takes. */
			if (number.decimals < 18 && !number.inexact &&
				decimal_append(&number, *text))
				number.decimals++;
			else
				number.inexact |= *text != '0';
		}
	}
	if (text[0] == ' ' && text[1] != '\0')
		text++;
	*ret_number = number;
	*ret_rest = text;
	return 0;
}

static uint64_t power_of_ten(unsigned exponent)
{
	uint64_t power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

static const struct unit *unit_find(const struct unit *units, const char *name)
{
	for (; units->name != NULL; units++)
		if (strcmp(units->name, name) == 0)
			return units;
	return NULL;
}

static int parse_scaled(const char *text, const struct unit *units, uint64_t *ret_value)
{
	struct decimal number;
	const struct unit *unit;
	unsigned __int128 value;
	uint64_t divisor;
	const char *rest;
	int ret = decimal_parse(text, &number, &rest);

	if (ret < 0)
		return ret;
	unit = unit_find(units, rest);
	if (unit == NULL || number.inexact)
		return -EINVAL;
	divisor = power_of_ten(number.decimals);
	value = (unsigned __int128)number.mantissa * unit->factor;
	if (value % divisor != 0)
		return -EINVAL;
	value /= divisor;
	if (value > UINT64_MAX)
		return -ERANGE;
	*ret_value = (uint64_t)value;
	return 0;
}

int units_parse_duration(const char *text, uint64_t *ret_ns)
{
	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	return parse_scaled(text, duration_units, ret_ns);
}

int units_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	return parse_scaled(text, byte_units, ret_bytes);
}

int units_parse_count(const char *text, uint64_t *ret_count)
{
	return parse_scaled(text, prefixes, ret_count);
}

/* The long double of x86 holds 64 bits and 10^18 exactly: one rounding, at the end. */
static double decimal_value(const struct decimal *number, uint64_t factor)
{
	return (double)((long double)number->mantissa * (long double)factor /
		(long double)power_of_ten(number->decimals));
}

int units_parse_rate(const char *text, const char *unit, double *ret_value)
{
	const struct unit *prefix;
	struct decimal number;
	const char *rest;
	int ret = decimal_parse(text, &number, &rest);

	if (ret < 0)
		return ret;
	for (prefix = prefixes; prefix->name != NULL; prefix++) {
		size_t length = strlen(prefix->name);

		if (strncmp(rest, prefix->name, length) == 0 && strcmp(rest + length, unit) == 0) {
			*ret_value = decimal_value(&number, prefix->factor);
			return 0;
		}
	}
	return -EINVAL;
}

int units_parse_decimal(const char *text, double *ret_value)
{
	return units_parse_rate(text, "", ret_value);
}

/* The first `count` units ascend. */
static char *format_scaled(
	char *buffer, size_t size, uint64_t value, const struct unit *units, unsigned count)
{
	const struct unit *unit = &units[0];

	for (unsigned i = 1; i < count && value != 0; i++)
		if (value % units[i].factor == 0)
			unit = &units[i];
	snprintf(buffer, size, "%llu%s", (unsigned long long)(value / unit->factor), unit->name);
	return buffer;
}

char *units_format_duration(char *buffer, size_t size, uint64_t ns)
{
	return format_scaled(buffer, size, ns, duration_units, 7);
}

char *units_format_bytes(char *buffer, size_t size, uint64_t bytes)
{
	if (bytes % 1024 != 0) {
		snprintf(buffer, size, "%llu", (unsigned long long)bytes);
		return buffer;
	}
	return format_scaled(buffer, size, bytes, byte_units, 5);
}

char *units_format_rate_exact(char *buffer, size_t size, double value, const char *unit)
{
	const struct unit *prefix = &prefixes[0];
	double again = -1;

	for (unsigned i = 1; i < 5; i++)
		if (value >= (double)prefixes[i].factor)
			prefix = &prefixes[i];
	for (int decimals = 0; decimals <= 17 && again != value; decimals++) {
		snprintf(buffer, size, "%.*f%s%s", decimals, value / (double)prefix->factor,
			prefix->name, unit);
		if (units_parse_rate(buffer, unit, &again) < 0)
			again = -1;
	}
	return buffer;
}

/* Three digits, whatever the value: the thresholds are where rounding would make a fourth. */
static char *format_digits(
	char *buffer, size_t size, double value, const char *prefix, const char *unit)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	if (prefix[0] == '\0' && value < 1e6 && value == (double)(uint64_t)value)
		decimals = 0;
	snprintf(buffer, size, "%.*f %s%s", decimals, value, prefix, unit);
	return buffer;
}

char *units_format_rate(char *buffer, size_t size, double value, const char *unit)
{
	unsigned i = 0;

	for (; i < 4 && value >= 999.5; i++)
		value /= 1000;
	return format_digits(buffer, size, value, prefixes[i].name, unit);
}

char *units_format_time(char *buffer, size_t size, double ns)
{
	unsigned i = 0;

	for (; i < 3 && ns >= 999.5; i++)
		ns /= 1000;
	return format_digits(buffer, size, ns, "", duration_units[i].name);
}

char *units_format_size(char *buffer, size_t size, double bytes)
{
	unsigned i = 0;

	for (; i < 4 && bytes >= 999.5; i++)
		bytes /= 1024;
	return format_digits(buffer, size, bytes, "", byte_units[i].name);
}
