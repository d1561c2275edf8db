/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/units.h"
#include "steering/toeplitz.h"

/* Appends at *length and moves it on; what does not fit is cut off. */
static void append(char *buffer, size_t size, size_t *length, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void append(char *buffer, size_t size, size_t *length, const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vsnprintf(buffer + *length, size - *length, format, arguments);
	va_end(arguments);
	if (written > 0)
		*length += (size_t)written < size - *length ? (size_t)written : size - *length - 1;
}

/* Digits only; *text moves behind them. */
static int parse_number(const char **text, unsigned max, unsigned *ret_number)
{
	unsigned number = 0;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		number = number * 10 + (unsigned)(**text - '0');
		if (number > max)
			return -ERANGE;
	}
	*ret_number = number;
	return 0;
}

static int parse_range(const char **text, unsigned max, unsigned *ret_first, unsigned *ret_last)
{
	int ret = parse_number(text, max, ret_first);

	*ret_last = *ret_first;
	if (ret == 0 && **text == '-') {
		(*text)++;
		ret = parse_number(text, max, ret_last);
	}
	if (ret == 0 && *ret_first > *ret_last)
		ret = -EINVAL;
	return ret;
}

int config_parse_cpus(const char *text, unsigned max, struct cpu_list *ret_cpus)
{
	bool chosen[CONFIG_CPUS_MAX] = {false};

	if (max >= CONFIG_CPUS_MAX)
		max = CONFIG_CPUS_MAX - 1;
	for (;;) {
		unsigned first = 0, last = 0;
		int ret = parse_range(&text, max, &first, &last);

		if (ret < 0)
			return ret;
		memset(&chosen[first], true, last - first + 1);
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return -EINVAL;
		if (*text == ' ')
			text++;
	}
	ret_cpus->count = 0;
	for (unsigned cpu = 0; cpu <= max; cpu++)
		if (chosen[cpu])
			ret_cpus->cpus[ret_cpus->count++] = (uint16_t)cpu;
	return 0;
}

char *config_format_cpus(char *buffer, size_t size, const struct cpu_list *cpus)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (unsigned i = 0; i < cpus->count;) {
		unsigned last = i;

		while (last + 1 < cpus->count && cpus->cpus[last + 1] == cpus->cpus[last] + 1)
			last++;
		append(buffer, size, &length, "%s%u", i == 0 ? "" : ",", cpus->cpus[i]);
		if (last > i)
			append(buffer, size, &length, "-%u", cpus->cpus[last]);
		i = last + 1;
	}
	return buffer;
}

static int parse_speed_value(const char *text, struct speed *ret_speed)
{
	if (text[0] == 'x') {
		ret_speed->kind = SPEED_MULTIPLE;
		return units_parse_decimal(text + 1, &ret_speed->value);
	}
	ret_speed->kind = SPEED_PPS;
	if (units_parse_rate(text, "pps", &ret_speed->value) == 0)
		return 0;
	ret_speed->kind = SPEED_BPS;
	if (units_parse_rate(text, "bit/s", &ret_speed->value) == 0)
		return 0;
	return units_parse_rate(text, "bps", &ret_speed->value);
}

int config_parse_speed(const char *text, struct speed *ret_speed)
{
	struct speed speed = {SPEED_ORIGINAL, 0};
	int ret = 0;

	if (strcmp(text, "top") == 0) {
		speed.kind = SPEED_TOP;
	} else if (strcmp(text, "original") != 0) {
		ret = parse_speed_value(text, &speed);
		if (ret == 0 &&
			(speed.value < 1e-3 ||
				speed.value > (speed.kind == SPEED_MULTIPLE ? 1e6 : 1e12)))
			ret = -ERANGE;
	}
	if (ret == 0) {
		ret_speed->kind = speed.kind;
		ret_speed->value = speed.value;
	}
	return ret;
}

char *config_format_speed(char *buffer, size_t size, const struct speed *speed)
{
	switch (speed->kind) {
	case SPEED_ORIGINAL: snprintf(buffer, size, "original"); break;
	case SPEED_TOP: snprintf(buffer, size, "top"); break;
	case SPEED_MULTIPLE: {
		double again = -1;

		for (int decimals = 0; decimals <= 17 && again != speed->value; decimals++) {
			snprintf(buffer, size, "x%.*f", decimals, speed->value);
			if (units_parse_decimal(buffer + 1, &again) < 0)
				again = -1;
		}
		break;
	}
	case SPEED_PPS: units_format_rate_exact(buffer, size, speed->value, "pps"); break;
	case SPEED_BPS: units_format_rate_exact(buffer, size, speed->value, "bps"); break;
	}
	return buffer;
}

static int hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

int config_parse_mac(const char *text, uint8_t ret_address[6])
{
	uint8_t address[6];

	for (unsigned i = 0; i < 6; i++) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		address[i] = (uint8_t)(high << 4 | low);
		text += 3;
	}
	memcpy(ret_address, address, sizeof(address));
	return 0;
}

char *config_format_mac(char *buffer, size_t size, const uint8_t address[6])
{
	snprintf(buffer, size, "%02x:%02x:%02x:%02x:%02x:%02x", address[0], address[1], address[2],
		address[3], address[4], address[5]);
	return buffer;
}

char *config_format_rss_key(char *buffer, size_t size, const uint8_t key[CONFIG_RSS_KEY_BYTES])
{
	size_t length = 0;

	buffer[0] = '\0';
	if (memcmp(key, toeplitz_key_microsoft, CONFIG_RSS_KEY_BYTES) == 0)
		append(buffer, size, &length, "microsoft");
	else if (memcmp(key, toeplitz_key_symmetric, CONFIG_RSS_KEY_BYTES) == 0)
		append(buffer, size, &length, "symmetric");
	else
		for (unsigned i = 0; i < CONFIG_RSS_KEY_BYTES; i++)
			append(buffer, size, &length, "%02x", key[i]);
	return buffer;
}

int config_parse_frame_size(const char *text, struct config_generate *generate)
{
	unsigned first = 0, last = 0;
	int ret;

	if (strcmp(text, "imix") == 0) {
		generate->imix = true;
		generate->size_min = 60;
		generate->size_max = 1514;
		return 0;
	}
	ret = parse_range(&text, CONFIG_FRAME_BYTES_MAX, &first, &last);
	if (ret < 0 || *text != '\0')
		return ret < 0 ? ret : -EINVAL;
	if (first < CONFIG_FRAME_BYTES_MIN)
		return -ERANGE;
	generate->imix = false;
	generate->size_min = first;
	generate->size_max = last;
	return 0;
}

char *config_format_frame_size(char *buffer, size_t size, const struct config_generate *generate)
{
	if (generate->imix)
		snprintf(buffer, size, "imix");
	else if (generate->size_min == generate->size_max)
		snprintf(buffer, size, "%u", generate->size_min);
	else
		snprintf(buffer, size, "%u-%u", generate->size_min, generate->size_max);
	return buffer;
}
