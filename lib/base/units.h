/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers with units, as people write and read them: "10ms", "64KiB", "1.5Mpps", "1.53 Mpps".
 *
 * Parsing takes the whole text (one space before the unit is allowed), decimal fractions but no
 * sign and no exponent, and does not depend on the locale. Prefixes are those of SI (k or K, M, G,
 * T: powers of 1000) and of IEC 80000-13 (Ki, Mi, Gi, Ti: powers of 1024, for bytes only).
 * A parser returns 0, -EINVAL (not of that form, or not a whole number of the base unit) or
 * -ERANGE (does not fit), and leaves its result alone when it fails.
 *
 * Threads: any; no state.
 */
#ifndef WEIR_BASE_UNITS_H
#define WEIR_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

enum { UNITS_TEXT_MAX = 48 }; /* room that every units_format_* result fits in */

/* What the parsers take, for error messages: "a duration with its unit (ns, us, …), as "10ms"". */
extern const char units_duration_expected[];
extern const char units_bytes_expected[];
extern const char units_count_expected[];

/* "250ns" "10us" "1.5ms" "1s" "2min" "1h" "1d". The unit must be there, but for a plain "0". */
int units_parse_duration(const char *text, uint64_t *ret_ns);

/* "4096" "4096B" "64KiB" "1.5GiB" "10MB". Without a unit: bytes. */
int units_parse_bytes(const char *text, uint64_t *ret_bytes);

/* "1000" "10k" "2.5M": a count of things. */
int units_parse_count(const char *text, uint64_t *ret_count);

/* A rate with the unit given: units_parse_rate("1.5Mpps", "pps", &value) makes 1500000. */
int units_parse_rate(const char *text, const char *unit, double *ret_value);

/* A plain decimal number, "2.5". */
int units_parse_decimal(const char *text, double *ret_value);

/* Exact, so that parsing gives the value back: the largest unit that leaves a whole number. */
char *units_format_duration(char *buffer, size_t size, uint64_t ns); /* "1500us" */
char *units_format_bytes(char *buffer, size_t size, uint64_t bytes); /* "64KiB" */
char *units_format_rate_exact(
	char *buffer, size_t size, double value, const char *unit); /* "1.5Mpps" */

/* For reading: three digits. */
char *units_format_rate(
	char *buffer, size_t size, double value, const char *unit); /* "1.53 Mpps" */
char *units_format_time(char *buffer, size_t size, double ns); /* "1.53 ms" */
char *units_format_size(char *buffer, size_t size, double bytes); /* "1.53 MiB" */

#endif
