/* SPDX-License-Identifier: BSD-3-Clause */
/* Link layers become Ethernet: header bytes in, Ethernet header out, or the reason why not. */
#include "craft.h"

enum { FRAME = -1 };

struct link_case {
	uint32_t link_type;
	int outcome; /* FRAME, or a skip_reason */
	uint16_t header_bytes, ethertype;
	const char *header;
};

static const struct link_case cases[] = {
	/* RAW and its old numbers: the IP version tells. */
	{101, FRAME, 0, 0x0800, "\x45"},
	{101, FRAME, 0, 0x86dd, "\x60"},
	{12, FRAME, 0, 0x0800, "\x4f"},
	{14, FRAME, 0, 0x86dd, "\x6f"},
	{101, SKIP_no_payload, 0, 0, "\x55"},
	{228, FRAME, 0, 0x0800, "\x45"},
	{229, FRAME, 0, 0x86dd, "\x60"},
	/* NULL in either byte order, with each system's number for IPv6; LOOP. */
	{0, FRAME, 4, 0x0800, "\x02\0\0\0"},
	{0, FRAME, 4, 0x0800, "\0\0\0\x02"},
	{0, FRAME, 4, 0x86dd, "\x0a\0\0\0"},
	{0, FRAME, 4, 0x86dd, "\x18\0\0\0"},
	{0, FRAME, 4, 0x86dd, "\0\0\0\x1c"},
	{0, FRAME, 4, 0x86dd, "\x1e\0\0\0"},
	{0, FRAME, 4, 0x86dd, "\x17\0\0\0"},
	{0, SKIP_no_payload, 4, 0, "\x07\0\0\0"},
	{0, SKIP_no_payload, 4, 0, "\xff\xff\xff\xff"},
	{108, FRAME, 4, 0x0800, "\0\0\0\x02"},
	{108, FRAME, 4, 0x86dd, "\0\0\0\x18"},
	/* SLL: packet type, hardware type, address length, address, protocol. */
	{113, FRAME, 16, 0x0800, "\0\0\0\1\0\6ABCDEF\0\0\x08\x00"},
	{113, FRAME, 16, 0x8100, "\0\4\0\1\0\6ABCDEF\0\0\x81\x00"},
	{113, FRAME, 16, 0x86dd, "\0\1\0\1\0\6ABCDEF\0\0\x86\xdd"},
	{113, FRAME, 16, 0x0806, "\0\0\2\0\0\0ABCDEF\0\0\x08\x06"},
	{113, SKIP_no_payload, 16, 0, "\0\0\0\1\0\6ABCDEF\0\0\0\1"}, /* 802.3 */
	{113, SKIP_no_payload, 16, 0, "\0\0\0\1\0\6ABCDEF\0\0\0\4"}, /* LLC */
	{113, SKIP_no_payload, 16, 0, "\0\0\x01\x18\0\0ABCDEF\0\0\0\xc"}, /* CAN */
	{113, SKIP_no_payload, 16, 0, "\0\4\x03\x38\0\0ABCDEF\0\0\0\0"}, /* netlink */
	{113, SKIP_no_payload, 16, 0, "\0\0\x03\x23\0\6ABCDEF\0\0\x08\0"}, /* radiotap */
	/* SLL2: protocol, reserved, interface, hardware type, packet type, address length, address.
	 */
	{276, FRAME, 20, 0x0800, "\x08\0\0\0\0\0\0\2\0\1\0\6ABCDEF\0\0"},
	{276, FRAME, 20, 0x86dd, "\x86\xdd\0\0\0\0\0\2\0\1\1\6ABCDEF\0\0"},
	{276, FRAME, 20, 0x88a8, "\x88\xa8\0\0\0\0\0\2\3\4\4\0ABCDEF\0\0"},
	{276, SKIP_no_payload, 20, 0, "\0\4\0\0\0\0\0\2\0\1\0\6ABCDEF\0\0"},
	{276, SKIP_no_payload, 20, 0, "\x08\0\0\0\0\0\0\2\x03\x38\0\6ABCDEF\0\0"},
	/* Others: Wi-Fi, PPP, USB, and 16-bit links that look like known ones. */
	{105, SKIP_link_type, 0, 0, "\x45"},
	{9, SKIP_link_type, 0, 0, "\x45"},
	{249, SKIP_link_type, 0, 0, "\x45"},
	{65536 + 1, SKIP_link_type, 0, 0, "\x45"},
};

static bool is_broadcast(const struct link_case *link)
{
	return (link->link_type == 113 && link->header[1] == 1) ||
		(link->link_type == 276 && link->header[10] == 1);
}

static bool has_address(const struct link_case *link)
{
	return (link->link_type == 113 && link->header[5] == 6) ||
		(link->link_type == 276 && link->header[11] == 6);
}

/* 40 bytes of packet, of which 30 are captured. */
static void craft_case(struct craft *craft, const struct link_case *link)
{
	uint32_t header_bytes = link->header_bytes;

	craft_pcap(craft, 0xa1b2c3d4, link->link_type);
	craft_pcap_record(craft, 1, 0, header_bytes + 30, header_bytes + 40);
	craft_raw(craft, link->header, header_bytes);
	craft_raw(craft, header_bytes == 0 ? link->header : "\x45", 1);
	craft_filler(craft, 29);
}

static void check_frame(
	const struct link_case *link, const struct frame *frame, const uint8_t *payload)
{
	uint8_t expected[14] = {0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01};

	if (is_broadcast(link))
		memset(expected, 0xff, 6);
	if (has_address(link))
		memcpy(expected + 6, "ABCDEF", 6);
	expected[12] = (uint8_t)(link->ethertype >> 8);
	expected[13] = (uint8_t)link->ethertype;
	assert_int_equal(frame->length, 14 + 30);
	assert_int_equal(frame->original_length, 14 + 40);
	assert_memory_equal(frame->bytes, expected, sizeof(expected));
	assert_memory_equal(frame->bytes + 14, payload, 30);
}

static void becomes_ethernet_or_is_skipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct craft craft = {0};
		struct capture_reader *reader;
		struct capture_counts counts;

		craft_case(&craft, &cases[i]);
		reader = craft_open(&craft);
		if (cases[i].outcome == FRAME) {
			struct frame frame = craft_next(reader);

			check_frame(&cases[i], &frame, craft.bytes + craft.length - 30);
		}
		counts = craft_at_end(reader);
		assert_int_equal(counts.read, 1);
		assert_int_equal(counts.snapped, cases[i].outcome == FRAME);
		if (cases[i].outcome != FRAME)
			assert_int_equal(counts.skipped[cases[i].outcome], 1);
		capture_reader_close(reader);
		craft_end(&craft);
	}
}

/* A link header without a byte behind it, or less than a link header. */
static void too_short_for_its_header(void **state)
{
	static const struct {
		uint32_t link_type, header_bytes;
	} links[] = {{1, 13}, {101, 0}, {228, 0}, {0, 4}, {108, 4}, {113, 16}, {276, 20}};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		for (uint32_t length = 0; length <= links[i].header_bytes; length++) {
			struct craft craft = {0};
			struct capture_reader *reader;

			craft_pcap(&craft, 0xa1b2c3d4, links[i].link_type);
			craft_pcap_record(&craft, 1, 0, length, 1500);
			craft_filler(&craft, length);
			reader = craft_open(&craft);
			assert_int_equal(craft_at_end(reader).skipped[SKIP_too_short], 1);
			capture_reader_close(reader);
			craft_end(&craft);
		}
	}
}

/* The longest record, and an original length that an Ethernet header would overflow. */
static void longest_lengths(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct frame frame;

	(void)state;
	craft_pcap(&craft, 0xa1b2c3d4, 101);
	craft_pcap_record(&craft, 1, 0, 262144, UINT32_MAX);
	craft_raw(&craft, "\x45", 1);
	craft_filler(&craft, 262143);
	reader = craft_open(&craft);
	frame = craft_next(reader);
	assert_int_equal(frame.length, 262144 + 14);
	assert_int_equal(frame.original_length, UINT32_MAX);
	assert_memory_equal(frame.bytes + 14, craft.bytes + 40, 262144);
	craft_at_end(reader);
	capture_reader_close(reader);
	craft_end(&craft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(becomes_ethernet_or_is_skipped),
		cmocka_unit_test(too_short_for_its_header),
		cmocka_unit_test(longest_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
