/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/link.h"

enum {
	LINK_NULL = 0,
	LINK_EN10MB = 1,
	LINK_RAW_BSD = 12, /* DLT_RAW of most systems, found in files of old writers */
	LINK_RAW_OPENBSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
};

enum {
	ETHERTYPE_NONE = 0,
	ETHERTYPE_LOWEST = 0x0600,
	ETHERTYPE_V4 = 0x0800,
	ETHERTYPE_V6 = 0x86dd
};

static const uint8_t default_source[6] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t default_destination[6] = {0x02, 0, 0, 0, 0, 0x02};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* What a link header tells about the packet behind it. */
struct link_header {
	uint32_t bytes;
	uint16_t ethertype; /* ETHERTYPE_NONE: nothing that Ethernet could carry */
	const uint8_t *source;
	const uint8_t *destination;
};

static uint16_t big_endian_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint16_t ethertype_of_ip(uint8_t first_byte)
{
	switch (first_byte >> 4) {
	case 4: return ETHERTYPE_V4;
	case 6: return ETHERTYPE_V6;
	default: return ETHERTYPE_NONE;
	}
}

/* NULL has its writer's byte order, which need not be the file's; a family is small, so the order
 * that makes it small is the right one. LOOP is always big-endian. */
static uint16_t ethertype_of_family(const uint8_t *bytes)
{
	uint32_t family = load_u32(bytes, false);

	if (family > 0xffff)
		family = load_u32(bytes, true);
	switch (family) {
	case 2: return ETHERTYPE_V4;
	case 10: /* Linux */
	case 23: /* Windows */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* macOS */ return ETHERTYPE_V6;
	default: return ETHERTYPE_NONE;
	}
}

/* The protocol of SLL is an Ethertype only for devices that carry Ethertypes. 802.3 and LLC frames,
 * CAN, and netlink families have numbers below 0x0600. */
static uint16_t ethertype_of_sll(uint16_t hardware, uint16_t protocol)
{
	enum { NETLINK = 824, WIFI_FIRST = 801, WIFI_LAST = 803 };

	if (hardware == NETLINK || (hardware >= WIFI_FIRST && hardware <= WIFI_LAST) ||
		protocol < ETHERTYPE_LOWEST)
		return ETHERTYPE_NONE;
	return protocol;
}

static void addresses_of_sll(struct link_header *header, unsigned packet_type,
	unsigned address_bytes, const uint8_t *address)
{
	enum { TO_ALL = 1 };

	if (address_bytes == 6)
		header->source = address;
	if (packet_type == TO_ALL)
		header->destination = broadcast;
}

/* -1, or the reason to skip. Nothing is read behind record->length. */
static int link_header_read(const struct record *record, struct link_header *header)
{
	const uint8_t *bytes = record->bytes;

	*header =
		(struct link_header){.source = default_source, .destination = default_destination};
	switch (record->link_type) {
	case LINK_NULL:
	case LINK_LOOP: header->bytes = 4; break;
	case LINK_LINUX_SLL: header->bytes = 16; break;
	case LINK_LINUX_SLL2: header->bytes = 20; break;
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6: break;
	default: return SKIP_link_type;
	}
	/* A packet that ends with its link header has nothing to replay. */
	if (record->length <= header->bytes)
		return SKIP_too_short;
	switch (record->link_type) {
	case LINK_NULL:
	case LINK_LOOP: header->ethertype = ethertype_of_family(bytes); break;
	case LINK_LINUX_SLL:
		header->ethertype =
			ethertype_of_sll(big_endian_u16(bytes + 2), big_endian_u16(bytes + 14));
		addresses_of_sll(
			header, big_endian_u16(bytes), big_endian_u16(bytes + 4), bytes + 6);
		break;
	case LINK_LINUX_SLL2:
		header->ethertype =
			ethertype_of_sll(big_endian_u16(bytes + 8), big_endian_u16(bytes));
		addresses_of_sll(header, bytes[10], bytes[11], bytes + 12);
		break;
	case LINK_IPV4: header->ethertype = ETHERTYPE_V4; break;
	case LINK_IPV6: header->ethertype = ETHERTYPE_V6; break;
	default: header->ethertype = ethertype_of_ip(bytes[0]); break;
	}
	return header->ethertype == ETHERTYPE_NONE ? (int)SKIP_no_payload : -1;
}

/* Weir's frames end before the FCS; a snapped packet may hold a part of it, or none. */
static int ethernet_pass(const struct record *record, struct frame *ret_frame)
{
	uint32_t length = record->length, original_length = record->original_length;

	if (record->fcs_bytes != 0) {
		original_length -=
			original_length < record->fcs_bytes ? original_length : record->fcs_bytes;
		if (length > original_length)
			length = original_length;
	}
	if (length < LINK_ETHERNET_HEADER_BYTES)
		return SKIP_too_short;
	ret_frame->bytes = record->bytes;
	ret_frame->length = length;
	ret_frame->original_length = original_length;
	return -1;
}

int link_to_ethernet(const struct record *record, uint8_t *scratch, struct frame *ret_frame)
{
	struct link_header header;
	uint32_t payload_bytes;
	int skipped;

	if (__builtin_expect(record->link_type == LINK_EN10MB, 1))
		return ethernet_pass(record, ret_frame);
	skipped = link_header_read(record, &header);
	if (skipped >= 0)
		return skipped;
	payload_bytes = record->length - header.bytes;
	memcpy(scratch, header.destination, 6);
	memcpy(scratch + 6, header.source, 6);
	scratch[12] = (uint8_t)(header.ethertype >> 8);
	scratch[13] = (uint8_t)header.ethertype;
	memcpy(scratch + LINK_ETHERNET_HEADER_BYTES, record->bytes + header.bytes, payload_bytes);
	ret_frame->bytes = scratch;
	ret_frame->length = payload_bytes + LINK_ETHERNET_HEADER_BYTES;
	/* original_length >= length; saturating, for it may be anything up to 2^32 - 1. */
	ret_frame->original_length = record->original_length - header.bytes;
	if (__builtin_add_overflow(ret_frame->original_length, LINK_ETHERNET_HEADER_BYTES,
		    &ret_frame->original_length))
		ret_frame->original_length = UINT32_MAX;
	return -1;
}

enum record_direction link_direction(const struct record *record)
{
	enum { OUTGOING = 4 };
	unsigned packet_type;

	if (record->link_type == LINK_LINUX_SLL)
		packet_type = big_endian_u16(record->bytes);
	else if (record->link_type == LINK_LINUX_SLL2)
		packet_type = record->bytes[10];
	else
		return RECORD_DIRECTION_UNKNOWN;
	return packet_type == OUTGOING ? RECORD_SENT : RECORD_RECEIVED;
}
