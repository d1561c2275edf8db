/* SPDX-License-Identifier: BSD-3-Clause */
/* The pcap format: each feature, and each way a file can be damaged. */
#include "craft.h"

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS 0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

static void reads_both_orders_and_resolutions(void **state)
{
	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		bool nano = variant & 1;
		struct craft craft = {.big_endian = variant & 2};
		struct capture_reader *reader;
		struct frame frame;

		craft_pcap(&craft, nano ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS, 1);
		craft_pcap_record(&craft, 1700000000, 123456, 60, 1500);
		craft_filler(&craft, 60);
		reader = craft_open(&craft);
		assert_string_equal(capture_reader_format(reader),
			variant == 0	       ? "pcap, microseconds, little-endian"
				: variant == 1 ? "pcap, nanoseconds, little-endian"
				: variant == 2 ? "pcap, microseconds, big-endian"
					       : "pcap, nanoseconds, big-endian");
		frame = craft_next(reader);
		assert_int_equal(
			frame.time_ns, 1700000000000000000ull + (nano ? 123456ull : 123456000ull));
		assert_int_equal(frame.length, 60);
		assert_int_equal(frame.original_length, 1500);
		assert_ptr_equal(frame.bytes, craft.bytes + 24 + 16); /* not a copy */
		assert_int_equal(craft_at_end(reader).snapped, 1);
		assert_int_equal(capture_reader_counts(reader)->bytes, 60);
		capture_reader_close(reader);
		craft_end(&craft);
	}
}

static void reads_modified_record_headers(void **state)
{
	(void)state;
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		struct craft craft = {.big_endian = big_endian};
		struct capture_reader *reader;

		craft_pcap(&craft, MAGIC_MODIFIED, 1);
		for (uint32_t i = 0; i < 3; i++) {
			craft_pcap_record(&craft, i, 5, 14 + i, 14 + i);
			craft_64(&craft, UINT64_MAX); /* interface, protocol, packet type */
			craft_filler(&craft, 14 + i);
		}
		reader = craft_open(&craft);
		for (uint32_t i = 0; i < 3; i++) {
			struct frame frame = craft_next(reader);

			assert_int_equal(frame.length, 14 + i);
			assert_int_equal(frame.bytes[0], 3);
			assert_int_equal(frame.time_ns, i * 1000000000ull + 5000);
		}
		craft_at_end(reader);
		capture_reader_close(reader);
		craft_end(&craft);
	}
}

/* Before 2.3 the original length came first; files of 2.3 have either. */
static void reads_lengths_of_old_versions(void **state)
{
	static const struct {
		uint16_t major, minor;
		uint32_t first, second;
	} cases[] = {{2, 2, 1500, 20}, {2, 3, 1500, 20}, {2, 3, 20, 1500}, {2, 4, 20, 1500},
		{543, 0, 1500, 20}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct craft craft = {0};
		struct capture_reader *reader;
		struct frame frame;

		craft_pcap(&craft, MAGIC_MICROSECONDS, 1);
		memcpy(craft.bytes + 4, &cases[i].major, 2);
		memcpy(craft.bytes + 6, &cases[i].minor, 2);
		craft_pcap_record(&craft, 1, 0, cases[i].first, cases[i].second);
		craft_filler(&craft, 20);
		reader = craft_open(&craft);
		frame = craft_next(reader);
		assert_int_equal(frame.length, 20);
		assert_int_equal(frame.original_length, 1500);
		craft_at_end(reader);
		capture_reader_close(reader);
		craft_end(&craft);
	}
}

static void refuses_what_is_no_capture(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *word;
	} cases[] = {
		{"", 0, "empty"},
		{"\xd4\xc3", 2, "few bytes"},
		{"#include <stdio.h>", 18, "pcap and pcapng"},
		{"\x1f\x8b\x08\x00", 4, "zcat"},
		{"\x28\xb5\x2f\xfd", 4, "zstdcat"},
		{"\xd4\xc3\xb2\xa1\x02\x00", 6, "cut"},
		{"\x0a\x0d\x0d\x0a\x02\x00", 6, "cut"},
	};
	struct craft craft = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		craft_raw(&craft, cases[i].bytes, cases[i].length);
		craft_refused(&craft, cases[i].word);
		craft_end(&craft);
	}
	craft_pcap(&craft, MAGIC_MICROSECONDS, 1);
	craft.bytes[4] = 3;
	craft_refused(&craft, "version 3.4");
	craft_end(&craft);
}

/* Cut anywhere: all whole records are given, and a part of one counts once as damaged. */
static void ends_where_the_file_is_cut(void **state)
{
	struct craft craft = {0};
	size_t whole;

	(void)state;
	craft_pcap(&craft, MAGIC_MICROSECONDS, 1);
	for (int i = 0; i < 3; i++) {
		craft_pcap_record(&craft, 1, 0, 20, 20);
		craft_filler(&craft, 20);
	}
	whole = craft.length;
	for (craft.length = 24; craft.length <= whole; craft.length++) {
		struct capture_reader *reader = craft_open(&craft);
		unsigned frames = (unsigned)(craft.length - 24) / 36;
		bool cut = (craft.length - 24) % 36 != 0;
		struct capture_counts counts;

		for (unsigned i = 0; i < frames; i++)
			craft_next(reader);
		counts = craft_at_end(reader);
		assert_int_equal(counts.frames, frames);
		assert_int_equal(counts.skipped[SKIP_damaged], cut);
		capture_reader_close(reader);
	}
	craft_end(&craft);
}

static void passes_over_what_is_too_long_or_short(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct capture_counts counts;

	(void)state;
	craft_pcap(&craft, MAGIC_MICROSECONDS, 1);
	craft_pcap_record(&craft, 1, 0, 262145, 262145);
	craft_filler(&craft, 262145);
	craft_pcap_record(&craft, 2, 0, 262144, 262144);
	craft_filler(&craft, 262144);
	craft_pcap_record(&craft, 3, 0, 13, 13);
	craft_filler(&craft, 13);
	craft_pcap_record(&craft, 4, 0, 0, 0);
	craft_pcap_record(&craft, 4, 0, 14, 9); /* more than there was: it was at least that */
	craft_filler(&craft, 14);
	craft_pcap_record(&craft, 5, 0, 0xffffffff, 0xffffffff); /* runs out of the file */
	craft_filler(&craft, 100);
	reader = craft_open(&craft);
	assert_int_equal(craft_next(reader).length, 262144);
	assert_int_equal(craft_next(reader).original_length, 14);
	counts = craft_at_end(reader);
	assert_int_equal(counts.read, 6);
	assert_int_equal(counts.skipped[SKIP_too_long], 1);
	assert_int_equal(counts.skipped[SKIP_too_short], 2);
	assert_int_equal(counts.skipped[SKIP_damaged], 1);
	assert_int_equal(counts.snapped, 0);
	capture_reader_close(reader);
	craft_end(&craft);
}

static void counts_time_going_back_and_rewinds(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;

	(void)state;
	craft_pcap(&craft, MAGIC_MICROSECONDS, 1);
	for (int i = 0; i < 4; i++) {
		craft_pcap_record(&craft, i == 2 ? 1 : 5, UINT32_MAX, 14, 14);
		craft_filler(&craft, 14);
	}
	reader = craft_open(&craft);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			craft_next(reader);
		assert_int_equal(craft_at_end(reader).time_backwards, 1);
		assert_int_equal(capture_reader_counts(reader)->read, 4);
		assert_int_equal(capture_reader_rewind(reader, NULL), 0);
		assert_int_equal(capture_reader_counts(reader)->read, 0);
	}
	capture_reader_close(reader);
	craft_end(&craft);
}

/* The link-type field of Ethernet with 4 bytes of FCS: bit 26, and two 16-bit words. */
static void cuts_the_fcs_off(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct frame frame;

	(void)state;
	craft_pcap(&craft, MAGIC_MICROSECONDS, 0x24000001);
	craft_pcap_record(&craft, 1, 0, 64, 64);
	craft_filler(&craft, 64);
	craft_pcap_record(&craft, 1, 0, 64, 66); /* snapped within the FCS */
	craft_filler(&craft, 64);
	craft_pcap_record(&craft, 1, 0, 64, 1518);
	craft_filler(&craft, 64);
	reader = craft_open(&craft);
	frame = craft_next(reader);
	assert_int_equal(frame.length, 60);
	assert_int_equal(frame.original_length, 60);
	frame = craft_next(reader);
	assert_int_equal(frame.length, 62);
	assert_int_equal(frame.original_length, 62);
	frame = craft_next(reader);
	assert_int_equal(frame.length, 64);
	assert_int_equal(frame.original_length, 1514);
	assert_int_equal(craft_at_end(reader).snapped, 1);
	capture_reader_close(reader);
	craft_end(&craft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_both_orders_and_resolutions),
		cmocka_unit_test(reads_modified_record_headers),
		cmocka_unit_test(reads_lengths_of_old_versions),
		cmocka_unit_test(refuses_what_is_no_capture),
		cmocka_unit_test(ends_where_the_file_is_cut),
		cmocka_unit_test(passes_over_what_is_too_long_or_short),
		cmocka_unit_test(counts_time_going_back_and_rewinds),
		cmocka_unit_test(cuts_the_fcs_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
