/* SPDX-License-Identifier: BSD-3-Clause */
/* The pcapng format: each feature, and each way a file can be damaged. */
#include "craft.h"

static void reads_sections_and_interfaces(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;

	(void)state;
	craft_section(&craft);
	craft_interface(&craft, 1, 0, -1, 0);
	craft_interface(&craft, 1, 128, 9, 0);
	craft_enhanced(&craft, 0, 1000, 14, 20);
	craft_enhanced(&craft, 1, 2000000, 15, 15);
	craft.big_endian = true; /* as a file appended to on another machine */
	craft_section(&craft);
	craft_interface(&craft, 147, 0, -1, 0); /* a user's own link type */
	craft_interface(&craft, 1, 0, 3, 0);
	craft_enhanced(&craft, 0, 3000, 60, 60);
	craft_enhanced(&craft, 1, 4, 17, 17);
	reader = craft_open(&craft);
	assert_string_equal(
		capture_reader_format(reader), "pcapng, 1 section, 0 interfaces so far");
	for (int round = 0; round < 2; round++) {
		struct frame frame = craft_next(reader);

		assert_int_equal(frame.length, 14);
		assert_int_equal(frame.original_length, 20);
		assert_int_equal(frame.time_ns, 1000000);
		assert_int_equal(craft_next(reader).time_ns, 2000000);
		frame = craft_next(reader);
		assert_int_equal(frame.length, 17);
		assert_int_equal(frame.time_ns, 4000000);
		assert_int_equal(craft_at_end(reader).skipped[SKIP_link_type], 1);
		assert_string_equal(
			capture_reader_format(reader), "pcapng, 2 sections, 4 interfaces so far");
		assert_int_equal(capture_reader_rewind(reader, NULL), 0);
	}
	capture_reader_close(reader);
	craft_end(&craft);
}

static void tells_time_in_any_resolution(void **state)
{
	static const struct {
		int resolution;
		int64_t offset_seconds;
		uint64_t units, time_ns;
	} cases[] = {
		{-1, 0, 1, 1000},
		{0, 0, 7, 7000000000},
		{3, 0, 1234, 1234000000},
		{9, 0, 1700000000123456789, 1700000000123456789},
		{12, 0, 1700000000123456789, 1700000000123456},
		{15, 0, UINT64_MAX, 18446744073709},
		{28, 0, UINT64_MAX, 1},
		{29, 0, UINT64_MAX, 0},
		{127, 0, UINT64_MAX, 0},
		{0x80, 0, 7, 7000000000},
		{0x80 | 10, 0, 1536, 1500000000},
		{0x80 | 32, 0, 1ull << 31, 500000000},
		{0x80 | 63, 0, 1ull << 63, 1000000000},
		{0x80 | 127, 0, UINT64_MAX, 0},
		{-1, 1700000000, 5, 1700000000000005000},
		{9, -3, 5000000001, 2000000001},
		{0x80 | 1, 10, 3, 11500000000},
		/* Hostile ones stay within 0 .. INT64_MAX. */
		{9, -3, 1, 0},
		{0, 0, UINT64_MAX, INT64_MAX},
		{9, 0, UINT64_MAX, INT64_MAX},
		{0x80, INT64_MAX, UINT64_MAX, INT64_MAX},
		{6, INT64_MIN, UINT64_MAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct craft craft = {.big_endian = i % 2};
		struct capture_reader *reader;

		craft_section(&craft);
		craft_interface(&craft, 1, 0, cases[i].resolution, cases[i].offset_seconds);
		craft_enhanced(&craft, 0, cases[i].units, 14, 14);
		reader = craft_open(&craft);
		if (craft_next(reader).time_ns != cases[i].time_ns)
			fail_msg("case %zu: not %llu", i, (unsigned long long)cases[i].time_ns);
		craft_at_end(reader);
		capture_reader_close(reader);
		craft_end(&craft);
	}
}

static void craft_simple(struct craft *craft, uint32_t original_length, uint32_t bytes_there)
{
	size_t start = craft_block(craft, 3);

	craft_32(craft, original_length);
	craft_filler(craft, bytes_there);
	craft_block_end(craft, start);
}

/* They have no time and no captured length: the interface's snap length says it. */
static void reads_simple_packets(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct frame frame;

	(void)state;
	craft_section(&craft);
	craft_simple(&craft, 20, 20); /* before any interface */
	craft_interface(&craft, 1, 18, -1, 0);
	craft_simple(&craft, 14, 14); /* before any time */
	craft_enhanced(&craft, 0, 77, 14, 14);
	craft_simple(&craft, 1500, 18);
	craft_simple(&craft, 15, 15);
	craft_simple(&craft, 1500, 12); /* less there than the snap length */
	craft_section(&craft);
	craft_interface(&craft, 1, 0, -1, 0);
	craft_simple(&craft, 300, 300); /* no snap length */
	reader = craft_open(&craft);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(craft_next(reader).time_ns, 0);
		assert_int_equal(craft_next(reader).time_ns, 77000);
		frame = craft_next(reader);
		assert_int_equal(frame.time_ns, 77000);
		assert_int_equal(frame.length, 18);
		assert_int_equal(frame.original_length, 1500);
		frame = craft_next(reader);
		assert_int_equal(frame.length, 15);
		assert_int_equal(frame.original_length, 15);
		assert_int_equal(craft_next(reader).length, 300);
		assert_int_equal(craft_at_end(reader).skipped[SKIP_damaged], 2);
		assert_int_equal(capture_reader_counts(reader)->time_backwards, 0);
		assert_int_equal(capture_reader_rewind(reader, NULL), 0);
	}
	capture_reader_close(reader);
	craft_end(&craft);
}

static void reads_obsolete_packets_and_passes_over_others(void **state)
{
	struct craft craft = {.big_endian = true};
	struct capture_reader *reader;
	struct frame frame;
	size_t start;

	(void)state;
	craft_section(&craft);
	craft_interface(&craft, 1, 0, -1, 0);
	craft_interface(&craft, 1, 0, 9, 0);
	start = craft_block(&craft, 0x0bad); /* a custom block, longer than any window */
	craft_filler(&craft, 3 << 20);
	craft_block_end(&craft, start);
	craft_block_end(&craft, craft_block(&craft, 0x80001234)); /* local use, empty */
	start = craft_block(&craft, 2);
	craft_16(&craft, 1);
	craft_16(&craft, 9); /* drops */
	craft_64(&craft, 55);
	craft_32(&craft, 21);
	craft_32(&craft, 22);
	craft_filler(&craft, 21);
	craft_pad(&craft);
	craft_option(&craft, 1, "an option", 9);
	craft_block_end(&craft, start);
	start = craft_block(&craft, 5); /* interface statistics */
	craft_filler(&craft, 12);
	craft_block_end(&craft, start);
	reader = craft_open(&craft);
	frame = craft_next(reader);
	assert_int_equal(frame.time_ns, 55);
	assert_int_equal(frame.length, 21);
	assert_int_equal(frame.original_length, 22);
	assert_int_equal(craft_at_end(reader).read, 1);
	capture_reader_close(reader);
	craft_end(&craft);
}

/* Where the way to the next block is sure, only the packet is lost. */
static void goes_on_after_a_packet_that_contradicts_itself(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct capture_counts counts;
	size_t start;

	(void)state;
	craft_section(&craft);
	craft_enhanced(&craft, 0, 0, 14, 14); /* before its interface */
	craft_interface(&craft, 1, 0, -1, 0);
	craft_enhanced(&craft, 1, 0, 14, 14); /* no such interface */
	start = craft.length;
	craft_enhanced(&craft, 0, 0, 14, 14);
	craft.bytes[start + 20] = 17; /* one more than the padded block holds */
	start = craft.length;
	craft_enhanced(&craft, 0, 0, 14, 14);
	craft.bytes[start + 23] = 0xff; /* and as much as would overflow */
	craft_block_end(&craft, craft_block(&craft, 6)); /* empty */
	start = craft_block(&craft, 6); /* ends before its original length */
	craft_64(&craft, 0);
	craft_64(&craft, 0);
	craft_block_end(&craft, start);
	craft_block_end(&craft, craft_block(&craft, 3));
	craft_enhanced(&craft, 0, 0, 262145, 262145);
	craft_enhanced(&craft, 0, 0, 600000, 600000);
	craft_enhanced(&craft, 0, 1, 15, 15);
	reader = craft_open(&craft);
	assert_int_equal(craft_next(reader).length, 15);
	counts = craft_at_end(reader);
	assert_int_equal(counts.skipped[SKIP_damaged], 7);
	assert_int_equal(counts.skipped[SKIP_too_long], 2);
	assert_int_equal(counts.read, 10);
	capture_reader_close(reader);
	craft_end(&craft);
}

/* Cut anywhere within its last two blocks. */
static void ends_where_the_file_is_cut(void **state)
{
	struct craft craft = {0};
	size_t first, second, whole;

	(void)state;
	craft_section(&craft);
	craft_interface(&craft, 1, 0, -1, 0);
	first = craft.length;
	craft_enhanced(&craft, 0, 0, 14, 14);
	second = craft.length;
	craft_enhanced(&craft, 0, 0, 14, 14);
	whole = craft.length;
	for (craft.length = first; craft.length <= whole; craft.length++) {
		struct capture_reader *reader = craft_open(&craft);
		unsigned frames = (craft.length >= second) + (craft.length == whole);
		bool cut = craft.length != first && craft.length != second && craft.length != whole;
		struct capture_counts counts;

		for (unsigned i = 0; i < frames; i++)
			craft_next(reader);
		counts = craft_at_end(reader);
		assert_int_equal(counts.skipped[SKIP_damaged], cut);
		capture_reader_close(reader);
	}
	craft_end(&craft);
}

/* Each makes a damage in a block that stands between two good packets. */
static void damage_length_low(struct craft *craft, size_t block)
{
	craft->bytes[block + 4] = 8;
}

static void damage_length_unaligned(struct craft *craft, size_t block)
{
	craft->length = block;
	craft_block(craft, 6);
	craft->bytes[block + 4] = 14;
	craft_filler(craft, 2);
	craft_32(craft, 14);
}

static void damage_length_end(struct craft *craft, size_t block)
{
	(void)block;
	craft->bytes[craft->length - 4] ^= 4;
}

static void damage_length_huge(struct craft *craft, size_t block)
{
	craft->bytes[block + 7] = 0xff;
}

static void damage_to_broken_section(struct craft *craft, size_t block)
{
	memcpy(craft->bytes + block, "\x0a\x0d\x0d\x0a", 4);
}

static void damage_to_other_version(struct craft *craft, size_t block)
{
	craft->length = block;
	craft_section(craft);
	craft->bytes[block + 12] = 2;
}

static void damage_to_interface_overrun(struct craft *craft, size_t block)
{
	craft->length = block;
	craft_interface(craft, 1, 0, 6, 0);
	craft->bytes[block + 18] = 200; /* the name's length */
}

static void damage_to_interface_resolution(struct craft *craft, size_t block)
{
	craft->length = block;
	craft_interface(craft, 1, 0, 6, 0);
	craft->bytes[block + 30] = 2; /* a resolution has one byte */
}

static void damage_to_interface_short(struct craft *craft, size_t block)
{
	craft->length = block;
	craft_block_end(craft, craft_block(craft, 1));
}

/* Too long to be kept, and nothing after it could be read without it. */
static void damage_to_interface_long(struct craft *craft, size_t block)
{
	craft->length = block;
	craft_block(craft, 1);
	craft_filler(craft, 700000);
	craft_block_end(craft, block);
}

static void ends_where_the_way_is_lost(void **state)
{
	static void (*const damages[])(struct craft *, size_t) = {damage_length_low,
		damage_length_unaligned, damage_length_end, damage_length_huge,
		damage_to_broken_section, damage_to_other_version, damage_to_interface_overrun,
		damage_to_interface_resolution, damage_to_interface_short,
		damage_to_interface_long};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct craft craft = {0};
		struct capture_reader *reader;
		struct capture_counts counts;
		size_t block;

		craft_section(&craft);
		craft_interface(&craft, 1, 0, -1, 0);
		craft_enhanced(&craft, 0, 0, 14, 14);
		block = craft.length;
		craft_enhanced(&craft, 0, 0, 60, 60);
		damages[i](&craft, block);
		craft_enhanced(&craft, 0, 0, 14, 14);
		reader = craft_open(&craft);
		craft_next(reader);
		counts = craft_at_end(reader);
		assert_int_equal(counts.frames, 1);
		assert_int_equal(counts.skipped[SKIP_damaged], 1);
		capture_reader_close(reader);
		craft_end(&craft);
	}
}

static void refuses_a_broken_first_section(void **state)
{
	struct craft craft = {0};

	(void)state;
	craft_section(&craft);
	craft.bytes[8] = 0;
	craft_refused(&craft, "damaged");
	craft_end(&craft);
	craft_section(&craft);
	craft.bytes[12] = 2;
	craft_refused(&craft, "version");
	craft_end(&craft);
	craft_section(&craft);
	for (size_t whole = craft.length; craft.length > 4; craft.length--) {
		if (craft.length < whole)
			craft_refused(&craft, "cut");
	}
	craft_end(&craft);
}

/* if_fcslen in bytes, as written by most, and in bits, as the draft has it. */
static void cuts_the_fcs_off(void **state)
{
	static const uint8_t values[] = {4, 32};

	(void)state;
	for (size_t i = 0; i < sizeof(values); i++) {
		struct craft craft = {0};
		struct capture_reader *reader;
		size_t start;

		craft_section(&craft);
		start = craft_block(&craft, 1);
		craft_32(&craft, 1);
		craft_32(&craft, 0);
		craft_option(&craft, 13, &values[i], 1);
		craft_block_end(&craft, start); /* without an end of options: they may do without */
		craft_enhanced(&craft, 0, 0, 64, 64);
		craft_enhanced(&craft, 0, 0, 16, 16);
		craft_enhanced(&craft, 0, 0, 2, 2);
		reader = craft_open(&craft);
		assert_int_equal(craft_next(reader).length, 60);
		assert_int_equal(craft_at_end(reader).skipped[SKIP_too_short], 2);
		capture_reader_close(reader);
		craft_end(&craft);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sections_and_interfaces),
		cmocka_unit_test(tells_time_in_any_resolution),
		cmocka_unit_test(reads_simple_packets),
		cmocka_unit_test(reads_obsolete_packets_and_passes_over_others),
		cmocka_unit_test(goes_on_after_a_packet_that_contradicts_itself),
		cmocka_unit_test(ends_where_the_file_is_cut),
		cmocka_unit_test(ends_where_the_way_is_lost),
		cmocka_unit_test(refuses_a_broken_first_section),
		cmocka_unit_test(cuts_the_fcs_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
