/* SPDX-License-Identifier: BSD-3-Clause */
/* What the writer writes, weir's reader and libpcap read back; and a full disk is not silent. */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>

#include "capture/writer.h"
#include "scratch.h"

enum { FRAMES = 2000, PIECES_MAX = 5, BYTES = 262144 };

/* A frame is a function of the seed: the writer's turn and each reader's turn make the same one. */
struct frames {
	uint64_t seed;
	uint8_t bytes[BYTES];
	uint32_t length;
	uint64_t time_ns;
};

static void frames_next(struct frames *frames, unsigned index)
{
	frames->length = 14 + seed_draw(&frames->seed, 1500);
	if (index % 256 == 100)
		frames->length = BYTES - seed_draw(&frames->seed, 5);
	for (uint32_t i = 0; i < frames->length; i++)
		frames->bytes[i] = (uint8_t)(i * 31 + index);
	frames->time_ns = 1700000000999999990ull + index * 7ull + seed_draw(&frames->seed, 5);
}

/* Cuts the frame into pieces, some of them empty. */
static int frames_cut(struct frames *frames, struct iovec *pieces)
{
	uint32_t done = 0;
	int count = 0;

	while (count < PIECES_MAX - 1) {
		uint32_t part = seed_draw(&frames->seed, frames->length - done + 1);

		pieces[count++] = (struct iovec){frames->bytes + done, part};
		done += part;
	}
	pieces[count++] = (struct iovec){frames->bytes + done, frames->length - done};
	return count;
}

static struct capture_writer *open_writer(const char *path)
{
	struct error error = {0};
	struct capture_writer *writer = capture_writer_open(path, &error);

	if (writer == NULL)
		fail_msg("%s", error.message);
	return writer;
}

static void write_all(const char *path, struct frames *frames)
{
	struct capture_writer *writer = open_writer(path);
	struct error error = {0};

	for (unsigned i = 0; i < FRAMES; i++) {
		struct iovec pieces[PIECES_MAX];
		int count;

		frames_next(frames, i);
		count = frames_cut(frames, pieces);
		assert_int_equal(capture_writer_write(writer, frames->time_ns, pieces, count), 0);
		if (i % 300 == 0)
			assert_int_equal(capture_writer_flush(writer), 0);
	}
	assert_int_equal(capture_writer_close(writer, &error), 0);
}

static void read_all(const char *path, struct frames *frames)
{
	struct error error = {0};
	struct capture_reader *reader = capture_reader_open(path, &error);
	struct iovec pieces[PIECES_MAX];

	assert_non_null(reader);
	for (unsigned i = 0; i < FRAMES; i++) {
		struct frame frame = craft_next(reader);

		frames_next(frames, i);
		frames_cut(frames, pieces); /* draws as the writer's turn did */
		assert_int_equal(frame.time_ns, frames->time_ns);
		assert_int_equal(frame.length, frames->length);
		assert_int_equal(frame.original_length, frames->length);
		assert_memory_equal(frame.bytes, frames->bytes, frames->length);
	}
	assert_int_equal(craft_at_end(reader).read, FRAMES);
	capture_reader_close(reader);
}

static void read_all_with_libpcap(const char *path, struct frames *frames)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	struct iovec pieces[PIECES_MAX];
	struct pcap_pkthdr *header;
	const u_char *bytes;

	assert_non_null(pcap);
	assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
	for (unsigned i = 0; i < FRAMES; i++) {
		assert_int_equal(pcap_next_ex(pcap, &header, &bytes), 1);
		frames_next(frames, i);
		frames_cut(frames, pieces);
		assert_int_equal(
			(uint64_t)header->ts.tv_sec * 1000000000ull + (uint64_t)header->ts.tv_usec,
			frames->time_ns);
		assert_int_equal(header->caplen, frames->length);
		assert_int_equal(header->len, frames->length);
		assert_memory_equal(bytes, frames->bytes, frames->length);
	}
	assert_int_equal(pcap_next_ex(pcap, &header, &bytes), PCAP_ERROR_BREAK);
	pcap_close(pcap);
}

static void round_trip(void **state)
{
	static const char *const names[] = {"out.pcap", "out.pcapng", "pcapng", NULL};
	struct frames *frames = malloc(sizeof(*frames));
	uint64_t seed = seed_choose();
	struct scratch scratch;

	(void)state;
	assert_non_null(frames);
	scratch_begin(&scratch);
	for (const char *const *name = names; *name != NULL; name++) {
		const char *path = scratch_path(&scratch, *name);
		uint8_t magic = 0;
		FILE *file;

		frames->seed = seed;
		write_all(path, frames);
		frames->seed = seed;
		read_all(path, frames);
		frames->seed = seed;
		read_all_with_libpcap(path, frames);
		file = fopen(path, "rb");
		assert_int_equal(fread(&magic, 1, 1, file), 1);
		assert_int_equal(magic, strcmp(*name, "out.pcapng") == 0 ? 0x0a : 0x4d);
		fclose(file);
	}
	scratch_end(&scratch, names);
	free(frames);
}

/* What no reader would take is cut, and says how long it was. */
static void cuts_what_is_too_long(void **state)
{
	static const char *const names[] = {"out.pcap", "out.pcapng", NULL};
	uint8_t *bytes = calloc(1, 3 * 200000);
	struct scratch scratch;

	(void)state;
	assert_non_null(bytes);
	scratch_begin(&scratch);
	for (const char *const *name = names; *name != NULL; name++) {
		const char *path = scratch_path(&scratch, *name);
		struct capture_writer *writer = open_writer(path);
		struct capture_reader *reader;
		struct frame frame;
		struct iovec pieces[3] = {
			{bytes, 200000}, {bytes + 200000, 200000}, {bytes + 400000, 200000}};

		assert_int_equal(capture_writer_write(writer, 1, pieces, 3), 0);
		assert_int_equal(capture_writer_write(writer, 2, pieces, 1025), -EINVAL);
		assert_int_equal(capture_writer_write(writer, 2, pieces, -1), -EINVAL);
		assert_int_equal(capture_writer_close(writer, NULL), 0);
		reader = capture_reader_open(path, NULL);
		frame = craft_next(reader);
		assert_int_equal(frame.length, 262144);
		assert_int_equal(frame.original_length, 600000);
		assert_int_equal(craft_at_end(reader).snapped, 1);
		capture_reader_close(reader);
	}
	scratch_end(&scratch, names);
	free(bytes);
}

/* The buffer of 1 MiB is filled to its last byte, or nearly so: sanitizer builds see an overrun. */
static void fills_its_buffer_to_the_end(void **state)
{
	static const char *const names[] = {"out.pcap", "out.pcapng", NULL};
	static uint8_t bytes[BYTES];
	struct scratch scratch;

	(void)state;
	scratch_begin(&scratch);
	for (unsigned left = 0; left < 2 * 160; left++) {
		const char *path = scratch_path(&scratch, names[left % 2]);
		struct capture_writer *writer = open_writer(path);
		struct capture_reader *reader;
		uint32_t lengths[5] = {BYTES, BYTES, BYTES, BYTES - 60 - 4 * 32 - left / 2, 60};

		for (unsigned i = 0; i < 5; i++) {
			struct iovec piece = {bytes, lengths[i]};

			assert_int_equal(capture_writer_write(writer, i, &piece, 1), 0);
		}
		assert_int_equal(capture_writer_close(writer, NULL), 0);
		reader = capture_reader_open(path, NULL);
		assert_non_null(reader);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(craft_next(reader).length, lengths[i]);
		craft_at_end(reader);
		capture_reader_close(reader);
	}
	scratch_end(&scratch, names);
}

static void remembers_a_full_disk(void **state)
{
	struct capture_writer *writer = open_writer("/dev/full");
	static uint8_t bytes[100000];
	struct iovec piece = {bytes, sizeof(bytes)};
	struct error error = {0};
	int result = 0;

	(void)state;
	for (int i = 0; i < 12; i++)
		result = capture_writer_write(writer, 1, &piece, 1);
	assert_int_equal(result, -ENOSPC);
	assert_int_equal(capture_writer_flush(writer), -ENOSPC);
	assert_int_equal(capture_writer_close(writer, &error), -ENOSPC);
	assert_int_equal(error.code, ENOSPC);
	assert_non_null(strstr(error.message, "/dev/full"));
	assert_non_null(strstr(error.message, "12 of 12 packets"));
	/* Little enough to reach the disk only at the end. */
	writer = open_writer("/dev/full");
	assert_int_equal(capture_writer_write(writer, 1, &piece, 1), 0);
	assert_int_equal(capture_writer_close(writer, &error), -ENOSPC);
	assert_int_equal(capture_writer_close(NULL, &error), 0);
}

static void writes_to_standard_output(void **state)
{
	struct scratch scratch;
	struct capture_writer *writer;
	struct capture_reader *reader;
	char text[] = "an Ethernet frame";
	struct iovec piece = {text, sizeof(text)};
	int before, file;

	(void)state;
	fflush(stdout);
	scratch_begin(&scratch);
	file = open(scratch_path(&scratch, "out"), O_WRONLY | O_CREAT, 0600);
	before = dup(STDOUT_FILENO);
	dup2(file, STDOUT_FILENO);
	writer = capture_writer_open("-", NULL);
	capture_writer_write(writer, 5, &piece, 1);
	capture_writer_close(writer, NULL);
	/* It is still open, for whoever writes after us. */
	file = dup2(before, STDOUT_FILENO) < 0 ? -1 : file;
	close(before);
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD), 0);
	close(file);
	reader = capture_reader_open(scratch.path, NULL);
	assert_non_null(reader);
	assert_string_equal((const char *)craft_next(reader).bytes, text);
	capture_reader_close(reader);
	scratch_end(&scratch, (const char *const[]){"out", NULL});
}

static void refuses_what_cannot_be_written(void **state)
{
	struct error error = {0};

	(void)state;
	assert_null(capture_writer_open("/nowhere/out.pcap", &error));
	assert_int_equal(error.code, ENOENT);
	assert_non_null(strstr(error.message, "/nowhere/out.pcap"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(fills_its_buffer_to_the_end),
		cmocka_unit_test(remembers_a_full_disk),
		cmocka_unit_test(writes_to_standard_output),
		cmocka_unit_test(refuses_what_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
