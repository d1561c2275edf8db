/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/pcap_format.h"

#include <errno.h>

/* The link-type field also says how many 16-bit words of FCS end each packet. */
#define LINK_TYPE_MASK 0x03ffffffu
#define LINK_FCS_PRESENT 0x04000000u
#define LINK_FCS_WORDS_SHIFT 28

static bool magic_known(uint32_t magic)
{
	return magic == PCAP_MAGIC_MICROSECONDS || magic == PCAP_MAGIC_NANOSECONDS ||
		magic == PCAP_MAGIC_MODIFIED;
}

bool pcap_format_matches(const uint8_t magic[4])
{
	return magic_known(load_u32(magic, false)) || magic_known(load_u32(magic, true));
}

/* Before version 2.3 the original length came first; writers of 2.3 did either; and DG/UX's tcpdump
 * called its version 543.0. False: a version nobody reads. */
static bool length_order_of(unsigned major, unsigned minor, enum pcap_length_order *ret_order)
{
	if (major == 543 && minor == 0) {
		*ret_order = PCAP_ORIGINAL_FIRST;
		return true;
	}
	*ret_order = minor < 3 ? PCAP_ORIGINAL_FIRST
		: minor == 3   ? PCAP_SMALLER_FIRST
			       : PCAP_CAPTURED_FIRST;
	return major == 2 && minor <= 4;
}

int pcap_format_begin(struct pcap_format *format, struct window *window, struct error *error)
{
	const uint8_t *header = window_need(window, PCAP_HEADER_BYTES);
	uint32_t magic, network;
	unsigned major, minor;

	if (header == NULL)
		return error_set(error, window->failure != 0 ? window->failure : EINVAL,
			"a pcap file, but cut within its file header");
	*format = (struct pcap_format){.swapped = !magic_known(load_u32(header, false))};
	magic = load_u32(header, format->swapped);
	major = load_u16(header + 4, format->swapped);
	minor = load_u16(header + 6, format->swapped);
	if (!length_order_of(major, minor, &format->length_order))
		return error_set(error, EINVAL,
			"a pcap file of version %u.%u; versions up to 2.4 are read", major, minor);
	format->modified = magic == PCAP_MAGIC_MODIFIED;
	format->header_bytes = format->modified ? 24 : 16;
	format->ns_per_fraction = magic == PCAP_MAGIC_NANOSECONDS ? 1 : 1000;
	network = load_u32(header + 20, format->swapped);
	format->link_type = network & LINK_TYPE_MASK;
	if (network & LINK_FCS_PRESENT)
		format->fcs_bytes = (uint8_t)(network >> LINK_FCS_WORDS_SHIFT) * 2;
	window_take(window, PCAP_HEADER_BYTES);
	return 0;
}

static inline bool lengths_exchanged(
	const struct pcap_format *format, uint32_t first, uint32_t second)
{
	return format->length_order == PCAP_ORIGINAL_FIRST ||
		(format->length_order == PCAP_SMALLER_FIRST && first > second);
}

static enum record_result why_missing(const struct window *window)
{
	return window->failure != 0 ? RECORD_FAILED : RECORD_CUT;
}

enum record_result pcap_format_next(
	struct pcap_format *format, struct window *window, struct record *ret_record)
{
	const uint8_t *header = window_need(window, format->header_bytes);
	uint32_t length, original_length;

	if (__builtin_expect(header == NULL, 0)) {
		if (window->failure == 0 && window_left(window) == 0)
			return RECORD_END;
		return why_missing(window);
	}
	ret_record->time_ns = load_u32(header, format->swapped) * 1000000000ull +
		(uint64_t)load_u32(header + 4, format->swapped) * format->ns_per_fraction;
	length = load_u32(header + 8, format->swapped);
	original_length = load_u32(header + 12, format->swapped);
	if (__builtin_expect(format->length_order != PCAP_CAPTURED_FIRST, 0) &&
		lengths_exchanged(format, length, original_length)) {
		uint32_t first = length;

		length = original_length;
		original_length = first;
	}
	if (__builtin_expect(length > RECORD_MAX_BYTES, 0)) {
		if (!window_skip(window, (uint64_t)format->header_bytes + length))
			return why_missing(window);
		return RECORD_TOO_LONG;
	}
	header = window_need(window, format->header_bytes + length);
	if (__builtin_expect(header == NULL, 0))
		return why_missing(window);
	ret_record->timed = true;
	ret_record->fcs_bytes = format->fcs_bytes;
	ret_record->link_type = format->link_type;
	ret_record->length = length;
	ret_record->original_length = original_length > length ? original_length : length;
	ret_record->bytes = header + format->header_bytes;
	ret_record->direction = RECORD_DIRECTION_UNKNOWN;
	ret_record->interface = 0;
	ret_record->interface_name = "";
	window_take(window, format->header_bytes + length);
	return RECORD_GIVEN;
}
