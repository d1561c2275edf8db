/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file formats against libpcap, record by record, and against tshark where it is installed:
 * over the fuzzer's seeds (argument 1) and, where they are, the shared captures, whose README says
 * how many records each has. Both judges may give up earlier than weir; as far as they go, they
 * agree.
 */
#include <dirent.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <unistd.h>

#include "craft.h"

#include "capture/pcap_format.h"
#include "capture/pcapng_format.h"

static const char *seeds_directory;
static char shared_directory[512];
/* A judge that says nothing agrees with everybody: how many records were compared. */
static unsigned compared;

/* The formats without the reader over them: records as they were captured. */
struct records {
	struct window window;
	bool is_pcapng;
	struct pcap_format pcap;
	struct pcapng_format pcapng;
};

static bool records_open(struct records *records, const char *path)
{
	struct error error = {0};
	const uint8_t *magic;

	*records = (struct records){0};
	assert_int_equal(window_open(&records->window, path, &error), 0);
	magic = window_need(&records->window, 4);
	if (magic == NULL)
		return false;
	records->is_pcapng = pcapng_format_matches(magic);
	if (records->is_pcapng)
		return pcapng_format_begin(&records->pcapng, &records->window, &error) == 0;
	return pcap_format_matches(magic) &&
		pcap_format_begin(&records->pcap, &records->window, &error) == 0;
}

static void records_close(struct records *records)
{
	pcapng_format_end(&records->pcapng);
	window_close(&records->window);
}

static enum record_result records_next(struct records *records, struct record *ret_record)
{
	return records->is_pcapng
		? pcapng_format_next(&records->pcapng, &records->window, ret_record)
		: pcap_format_next(&records->pcap, &records->window, ret_record);
}

/* Files call RAW 101; libpcap calls it by the number it has in memory. */
static int libpcap_link_type(uint32_t link_type)
{
	return link_type == 101 ? DLT_RAW : (int)link_type;
}

static void agree_with_libpcap_on(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	struct records records;
	bool opened = records_open(&records, path);
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result = PCAP_ERROR;

	if (pcap != NULL)
		assert_true(opened);
	while (pcap != NULL && (result = pcap_next_ex(pcap, &header, &bytes)) == 1) {
		struct record record;
		uint32_t snap_length = (uint32_t)pcap_snapshot(pcap);

		assert_int_equal(records_next(&records, &record), RECORD_GIVEN);
		if (record.timed)
			assert_int_equal(record.time_ns,
				(uint64_t)header->ts.tv_sec * 1000000000ull +
					(uint64_t)header->ts.tv_usec);
		/* Libpcap cuts what is longer than the file says it has; weir gives it all. */
		assert_int_equal(
			record.length < snap_length ? record.length : snap_length, header->caplen);
		assert_int_equal(record.original_length,
			header->len > record.length ? header->len : record.length);
		assert_int_equal(libpcap_link_type(record.link_type), pcap_datalink(pcap));
		assert_memory_equal(record.bytes, bytes, header->caplen);
		compared++;
	}
	/* Where libpcap met the end, so does weir. */
	if (pcap != NULL && result == PCAP_ERROR_BREAK) {
		struct record record;

		assert_int_equal(records_next(&records, &record), RECORD_END);
	}
	if (pcap != NULL)
		pcap_close(pcap);
	records_close(&records);
}

/* Wireshark's numbers for link types, of those that the files have. */
static int wireshark_link_type(uint32_t link_type)
{
	switch (link_type) {
	case 0:
	case 108: return 15;
	case 1: return 1;
	case 101: return 7;
	case 105: return 20;
	case 113: return 25;
	case 147: return 45;
	case 228: return 129;
	case 229: return 130;
	case 276: return 210;
	default: return -1;
	}
}

static void agree_with_tshark_on(const char *path)
{
	char command[1024], line[256];
	struct records records;
	FILE *tshark;

	if (!records_open(&records, path)) {
		records_close(&records);
		return;
	}
	snprintf(command, sizeof(command),
		"tshark -n --disable-protocol eth -r '%s' -T fields -E separator=' ' "
		"-e frame.time_epoch -e frame.cap_len -e frame.len -e frame.encap_type 2>/dev/null",
		path);
	tshark = popen(command, "r");
	assert_non_null(tshark);
	while (fgets(line, sizeof(line), tshark) != NULL) {
		unsigned long long seconds;
		unsigned nanoseconds, length, original_length;
		struct record record;
		int link_type;

		/* Tshark shows blocks of other kinds too, without a link type. */
		if (sscanf(strchr(line, ' '), "%u %u %d", &length, &original_length, &link_type) !=
			3)
			continue;
		assert_int_equal(records_next(&records, &record), RECORD_GIVEN);
		assert_int_equal(record.timed, line[0] != ' ');
		if (record.timed) {
			assert_int_equal(sscanf(line, "%llu.%9u", &seconds, &nanoseconds), 2);
			assert_int_equal(record.time_ns, seconds * 1000000000ull + nanoseconds);
		}
		assert_int_equal(record.length, length);
		assert_int_equal(record.original_length,
			original_length > length ? original_length : length);
		assert_int_equal(wireshark_link_type(record.link_type), link_type);
		compared++;
	}
	pclose(tshark);
	records_close(&records);
}

/* Calls `judge` for each file of a directory. Returns how many. */
static unsigned each_file(const char *directory, const char *word, void (*judge)(const char *path))
{
	DIR *files = opendir(directory);
	struct dirent *entry;
	unsigned count = 0;

	if (files == NULL)
		return 0;
	while ((entry = readdir(files)) != NULL) {
		char path[1024];

		if (entry->d_name[0] == '.' || strstr(entry->d_name, word) == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		print_message("%s\n", entry->d_name);
		judge(path);
		count++;
	}
	closedir(files);
	return count;
}

static void libpcap_agrees_on_seeds(void **state)
{
	(void)state;
	compared = 0;
	assert_true(each_file(seeds_directory, "pcap", agree_with_libpcap_on) > 30);
	assert_true(compared > 60);
}

static void libpcap_agrees_on_captures(void **state)
{
	(void)state;
	compared = 0;
	if (each_file(shared_directory, ".pcap", agree_with_libpcap_on) == 0) {
		print_message("skipped: no captures in %s\n", shared_directory);
		skip();
	}
	assert_true(compared > 0);
}

/* Tshark takes a while to start: it judges what libpcap cannot. */
static void tshark_agrees_on_pcapng(void **state)
{
	(void)state;
	if (system("tshark --version >/dev/null 2>&1") != 0) {
		print_message("skipped: tshark is not installed\n");
		skip();
	}
	compared = 0;
	assert_true(each_file(seeds_directory, "pcapng-sections", agree_with_tshark_on) == 1);
	assert_int_equal(compared, 6);
	assert_true(each_file(seeds_directory, "-be", agree_with_tshark_on) >= 8);
	assert_true(compared > 6 + 20);
	each_file(shared_directory, ".pcapng", agree_with_tshark_on);
}

/* The link header that weir replaces by an Ethernet header. */
static uint32_t link_header_bytes(const char *link_type)
{
	if (strcmp(link_type, "LINUX_SLL") == 0)
		return 16;
	if (strcmp(link_type, "LINUX_SLL2") == 0)
		return 20;
	return strcmp(link_type, "RAW") == 0 ? 0 : 14;
}

/* One row of the README's table, cut at its bars into 14 cells. */
static void check_row(char **cells)
{
	char path[1024];
	struct error error = {0};
	struct capture_reader *reader;
	const struct capture_counts *counts;
	uint32_t largest = 0;
	struct frame frame;

	snprintf(path, sizeof(path), "%s/%s", shared_directory, cells[0]);
	print_message("%s\n", cells[0]);
	reader = capture_reader_open(path, &error);
	assert_non_null(reader);
	while (capture_reader_next(reader, &frame, &error) == 1) {
		if (frame.original_length > largest)
			largest = frame.original_length;
	}
	counts = capture_reader_counts(reader);
	craft_balanced(counts);
	assert_int_equal(counts->frames, strtoull(cells[6], NULL, 10));
	assert_int_equal(counts->skipped[SKIP_damaged], strstr(cells[4], "TRUNCATED") != NULL);
	assert_int_equal(counts->read, counts->frames + counts->skipped[SKIP_damaged]);
	assert_int_equal(largest, strtoull(cells[7], NULL, 10) + 14 - link_header_bytes(cells[5]));
	assert_int_equal(counts->snapped, strtoull(cells[9], NULL, 10));
	/* The README takes the packets without a time of this one for packets of 1970. */
	if (strcmp(cells[0], "pcapng-multisection.pcapng") != 0)
		assert_int_equal(counts->time_backwards, strtoull(cells[10], NULL, 10));
	capture_reader_close(reader);
}

static void readme_agrees_on_captures(void **state)
{
	char path[1024], line[4096];
	unsigned rows = 0;
	FILE *readme;

	(void)state;
	snprintf(path, sizeof(path), "%s/README.md", shared_directory);
	readme = fopen(path, "r");
	if (readme == NULL) {
		print_message("skipped: no %s\n", path);
		skip();
	}
	while (fgets(line, sizeof(line), readme) != NULL) {
		char *cells[16] = {NULL}, *rest = NULL;
		unsigned count = 0;

		if (strncmp(line, "| ", 2) != 0 || strstr(line, ".pcap") == NULL)
			continue;
		for (char *cell = strtok_r(line, "|", &rest); cell != NULL && count < 14;
			cell = strtok_r(NULL, "|", &rest)) {
			cell[strcspn(cell, "\n")] = '\0';
			if (cell[0] == ' ' && cell[1] != '\0')
				cell[strlen(cell) - 1] = '\0';
			cells[count++] = cell + (cell[0] == ' ');
		}
		assert_int_equal(count, 14);
		check_row(cells);
		rows++;
	}
	fclose(readme);
	assert_true(rows > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libpcap_agrees_on_seeds),
		cmocka_unit_test(libpcap_agrees_on_captures),
		cmocka_unit_test(tshark_agrees_on_pcapng),
		cmocka_unit_test(readme_agrees_on_captures),
	};
	const char *shared = getenv("WEIR_SHARED");

	seeds_directory = argc > 1 ? argv[1] : "tests/fuzz/corpus/capture";
	snprintf(shared_directory, sizeof(shared_directory), "%s/pcaps",
		shared != NULL ? shared : "../shared");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
