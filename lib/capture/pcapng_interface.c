/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/pcapng_interface.h"

enum { BODY_BYTES = 8, RESOLUTION_IS_BINARY = 0x80, RESOLUTION_MICROSECONDS = 6 };

enum {
	OPTION_END = 0,
	OPTION_NAME = 2,
	OPTION_RESOLUTION = 9,
	OPTION_FCS_LENGTH = 13,
	OPTION_OFFSET = 14
};

typedef unsigned __int128 uint128;

static uint64_t power_of_10(unsigned exponent)
{
	uint64_t power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* The draft says bits, its example and most writers say bytes: nobody has an FCS of 16 bytes. */
static uint8_t fcs_bytes_of(uint8_t value)
{
	return value >= 16 ? value / 8 : value;
}

/* Neither its end nor its length is trusted. */
static void name_read(char name[RECORD_NAME_BYTES], const uint8_t *value, unsigned bytes)
{
	size_t length = strnlen((const char *)value, bytes);

	if (length >= RECORD_NAME_BYTES)
		length = RECORD_NAME_BYTES - 1;
	memcpy(name, value, length);
	name[length] = '\0';
}

static bool option_read(struct pcapng_interface *interface, unsigned code, const uint8_t *value,
	unsigned bytes, bool swapped)
{
	switch (code) {
	case OPTION_NAME: name_read(interface->name, value, bytes); return true;
	case OPTION_RESOLUTION:
		if (bytes != 1)
			return false;
		interface->resolution = value[0];
		return true;
	case OPTION_FCS_LENGTH:
		if (bytes != 1)
			return false;
		interface->fcs_bytes = fcs_bytes_of(value[0]);
		return true;
	case OPTION_OFFSET:
		if (bytes != 8)
			return false;
		interface->offset_seconds = (int64_t)load_u64(value, swapped);
		return true;
	default: return true;
	}
}

bool pcapng_interface_read(
	struct pcapng_interface *interface, const uint8_t *body, uint32_t body_bytes, bool swapped)
{
	uint32_t position = BODY_BYTES;

	if (body_bytes < BODY_BYTES)
		return false;
	*interface = (struct pcapng_interface){
		.link_type = load_u16(body, swapped),
		.snap_length = load_u32(body + 4, swapped),
		.resolution = RESOLUTION_MICROSECONDS,
	};
	while (body_bytes - position >= 4) {
		unsigned code = load_u16(body + position, swapped);
		uint32_t bytes = load_u16(body + position + 2, swapped);
		uint32_t padded = (bytes + 3) & ~3u;

		position += 4;
		if (code == OPTION_END)
			break;
		if (padded > body_bytes - position ||
			!option_read(interface, code, body + position, bytes, swapped))
			return false;
		position += padded;
	}
	if (interface->resolution <= 9 && interface->offset_seconds == 0)
		interface->ns_per_unit = power_of_10(9u - interface->resolution);
	return true;
}

/* Without loss for resolutions up to a nanosecond, else cut to whole nanoseconds. */
static uint128 units_to_ns(uint8_t resolution, uint64_t units)
{
	unsigned exponent = resolution & ~RESOLUTION_IS_BINARY;

	if (resolution & RESOLUTION_IS_BINARY) /* below 2^94, shifted by at most 127 */
		return (uint128)units * 1000000000u >> exponent;
	if (exponent <= 9)
		return (uint128)units * power_of_10(9 - exponent);
	return exponent - 9 <= 19 ? units / power_of_10(exponent - 9) : 0;
}

uint64_t pcapng_interface_time_ns(const struct pcapng_interface *interface, uint64_t units)
{
	uint64_t time_ns;
	__int128 exact;

	if (__builtin_expect(interface->ns_per_unit != 0, 1) &&
		!__builtin_mul_overflow(units, interface->ns_per_unit, &time_ns) &&
		time_ns <= RECORD_TIME_MAX_NS)
		return time_ns;
	exact = (__int128)units_to_ns(interface->resolution, units) +
		(__int128)interface->offset_seconds * 1000000000;
	if (exact < 0)
		return 0;
	return exact > (__int128)RECORD_TIME_MAX_NS ? RECORD_TIME_MAX_NS : (uint64_t)exact;
}
