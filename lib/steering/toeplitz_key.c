/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads an RSS key as people write it; see toeplitz.h. */
#include <errno.h>
#include <string.h>

#include "steering/toeplitz.h"

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* The bytes read, of which the first TOEPLITZ_KEY_BYTES are kept, or -1 at what is not hex. */
static int read_hex(const char *text, uint8_t bytes[TOEPLITZ_KEY_BYTES])
{
	int count = 0;

	while (*text != '\0') {
		int high, low;

		if (count > 0 && *text == ':')
			text++;
		high = digit_value(text[0]);
		low = high < 0 ? -1 : digit_value(text[1]);
		if (low < 0)
			return -1;
		if (count < TOEPLITZ_KEY_BYTES)
			bytes[count] = (uint8_t)(high << 4 | low);
		count++;
		text += 2;
	}
	return count;
}

int toeplitz_key_parse(const char *text, uint8_t ret_bytes[TOEPLITZ_KEY_BYTES], struct error *error)
{
	uint8_t bytes[TOEPLITZ_KEY_BYTES];
	int count;

	if (strcmp(text, "microsoft") == 0) {
		memcpy(ret_bytes, toeplitz_key_microsoft, TOEPLITZ_KEY_BYTES);
		return 0;
	}
	if (strcmp(text, "symmetric") == 0) {
		memcpy(ret_bytes, toeplitz_key_symmetric, TOEPLITZ_KEY_BYTES);
		return 0;
	}
	count = read_hex(text, bytes);
	if (count < 0)
		return error_set(error, EINVAL,
			"\"%.120s\" is not an RSS key: expected \"microsoft\", \"symmetric\" or "
			"%d bytes in hex",
			text, TOEPLITZ_KEY_BYTES);
	if (count < TOEPLITZ_KEY_BYTES)
		return error_set(error, EINVAL,
			"the RSS key has %d bytes, expected %d (%d hex digits)", count,
			TOEPLITZ_KEY_BYTES, 2 * TOEPLITZ_KEY_BYTES);
	memcpy(ret_bytes, bytes, TOEPLITZ_KEY_BYTES);
	return 0;
}
