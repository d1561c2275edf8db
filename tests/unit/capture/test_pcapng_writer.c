/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of several interfaces: got back as they were put, and read by weir's reader and libpcap's.
 */
#include <errno.h>
#include <pcap/pcap.h>

#include "capture/pcapng_writer.h"
#include "capture/reader.h"
#include "scratch.h"

enum { PACKETS = 500, BYTES = 70000, BLOCK = BYTES + 4096 };

static const char *const points[] = {"rx", "gro", "drop"};

/* A packet is a function of the seed. */
struct packets {
	uint64_t seed;
	uint8_t bytes[BYTES];
	char comment[PCAPNG_COMMENT_MAX + 64];
	struct pcapng_packet packet;
};

static void packets_next(struct packets *packets, unsigned index)
{
	uint32_t length = index % 50 == 7 ? BYTES : 14 + seed_draw(&packets->seed, 1500);

	for (uint32_t i = 0; i < length; i++)
		packets->bytes[i] = (uint8_t)(i * 31 + index);
	snprintf(packets->comment, sizeof(packets->comment), "worker %u, packet %.*u", index % 4,
		(int)(index % 20), index);
	packets->packet = (struct pcapng_packet){
		.interface = index % 3,
		.time_ns = 1700000000999999990ull + index * 7ull,
		.bytes = packets->bytes,
		.length = length,
		.original_length = length + index % 3,
		.comment = index % 5 == 0 ? NULL : packets->comment,
		.comment_length = (uint32_t)strlen(packets->comment),
		.id = index % 2 ? index : 0,
		.queue = index % 4 ? index : PCAPNG_NO_QUEUE,
		.direction = (enum pcapng_direction)(index % 3),
	};
}

static void put(FILE *file, const uint8_t *block, size_t length)
{
	assert_true(length > 0);
	assert_int_equal(fwrite(block, 1, length, file), length);
}

/* Section, three interfaces, packets, and statistics of the interfaces. */
static void write_file(const char *path, uint64_t seed)
{
	static uint8_t block[BLOCK];
	static struct packets packets;
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	packets.seed = seed;
	put(file, block, pcapng_put_section(block, BLOCK, "weir"));
	for (unsigned i = 0; i < 3; i++) {
		struct pcapng_interface_info info = {.snap_bytes = BYTES, .filter = "tcp port 21"};

		snprintf(info.name, sizeof(info.name), "%s", points[i]);
		put(file, block, pcapng_put_interface(block, BLOCK, &info));
	}
	for (unsigned i = 0; i < PACKETS; i++) {
		packets_next(&packets, i);
		put(file, block, pcapng_put_packet(block, BLOCK, &packets.packet));
	}
	for (unsigned i = 0; i < 3; i++) {
		struct pcapng_statistics statistics = {.interface = i, .received = i};

		put(file, block, pcapng_put_statistics(block, BLOCK, &statistics));
	}
	assert_int_equal(fclose(file), 0);
}

static void test_got_back(void **state)
{
	static uint8_t block[BLOCK];
	static struct packets packets;
	struct pcapng_packet got;

	(void)state;
	packets.seed = seed_choose();
	for (unsigned i = 0; i < PACKETS; i++) {
		const struct pcapng_packet *packet = &packets.packet;
		size_t length;

		packets_next(&packets, i);
		length = pcapng_put_packet(block, BLOCK, packet);
		assert_int_equal(pcapng_block_length(block, length), length);
		assert_int_equal(pcapng_block_length(block, length - 1), 0);
		assert_int_equal(pcapng_block_type(block), PCAPNG_PACKET);
		assert_true(pcapng_get_packet(block, &got));
		assert_int_equal(got.interface, packet->interface);
		assert_int_equal(got.time_ns, packet->time_ns);
		assert_int_equal(got.length, packet->length);
		assert_int_equal(got.original_length, packet->original_length);
		assert_memory_equal(got.bytes, packet->bytes, packet->length);
		assert_int_equal(got.id, packet->id);
		assert_int_equal(got.queue, packet->queue);
		assert_int_equal(got.direction, packet->direction);
		assert_int_equal(got.comment != NULL, packet->comment != NULL);
		if (got.comment != NULL) {
			assert_int_equal(got.comment_length, packet->comment_length);
			assert_memory_equal(got.comment, packet->comment, got.comment_length);
		}
	}
}

static void test_others_got_back(void **state)
{
	uint8_t block[4096];
	struct pcapng_interface_info info = {.name = "stage0", .snap_bytes = 96}, info_got;
	struct pcapng_statistics told = {3, 1700000000000000001ull, 100, 90, 7, 83}, told_got;
	size_t length = pcapng_put_interface(block, sizeof(block), &info);

	(void)state;
	assert_true(length > 0 && pcapng_get_interface(block, &info_got));
	assert_string_equal(info_got.name, "stage0");
	assert_int_equal(info_got.snap_bytes, 96);
	assert_false(pcapng_get_statistics(block, &told_got));
	length = pcapng_put_statistics(block, sizeof(block), &told);
	assert_true(length > 0 && pcapng_get_statistics(block, &told_got));
	assert_memory_equal(&told_got, &told, sizeof(told));
}

/* Too little room is 0, never a write behind it. */
static void test_no_room(void **state)
{
	static struct packets packets;
	uint8_t *block = malloc(BLOCK);
	size_t whole;

	(void)state;
	packets.seed = 1;
	packets_next(&packets, 1);
	whole = pcapng_put_packet(block, BLOCK, &packets.packet);
	for (size_t room = 0; room < whole; room++) {
		uint8_t *tight = malloc(room + 1);

		tight[room] = 0x5a;
		assert_int_equal(pcapng_put_packet(tight, room, &packets.packet), 0);
		assert_int_equal(tight[room], 0x5a);
		free(tight);
	}
	free(block);
}

/* Any bytes: a word, never a read behind them. */
static void test_damaged(void **state)
{
	static struct packets packets;
	static uint8_t whole[BLOCK];
	uint64_t seed = seed_choose();
	size_t length;

	(void)state;
	packets.seed = 2;
	packets_next(&packets, 1);
	length = pcapng_put_packet(whole, BLOCK, &packets.packet);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t *block = malloc(length);
		struct pcapng_packet got;

		memcpy(block, whole, length);
		for (unsigned k = 0; k < 3; k++)
			block[seed_draw(&seed, k ? (uint32_t)length : 40)] =
				(uint8_t)seed_draw(&seed, 256);
		if (pcapng_block_length(block, length) == (int64_t)length &&
			pcapng_get_packet(block, &got))
			assert_true(got.bytes + got.length <= block + length);
		free(block);
	}
}

static void test_weirs_reader(void **state)
{
	static struct packets packets;
	struct scratch scratch;
	struct error error = {0};
	struct capture_reader *reader;
	struct frame frame;
	unsigned count = 0;

	(void)state;
	scratch_begin(&scratch);
	packets.seed = 12345;
	write_file(scratch_path(&scratch, "taps.pcapng"), packets.seed);
	reader = capture_reader_open(scratch.path, &error);
	assert_non_null(reader);
	while (capture_reader_next(reader, &frame, &error) == 1) {
		packets_next(&packets, count);
		assert_int_equal(frame.length, packets.packet.length);
		assert_memory_equal(frame.bytes, packets.bytes, frame.length);
		assert_int_equal(frame.time_ns, packets.packet.time_ns);
		assert_string_equal(
			capture_reader_origin(reader).interface_name, points[count % 3]);
		count++;
	}
	assert_int_equal(count, PACKETS);
	capture_reader_close(reader);
	scratch_end(&scratch, (const char *const[]){"taps.pcapng", NULL});
}

static void test_libpcap(void **state)
{
	static struct packets packets;
	char message[PCAP_ERRBUF_SIZE];
	struct scratch scratch;
	struct pcap_pkthdr *header;
	const u_char *bytes;
	unsigned count = 0;
	pcap_t *reader;

	(void)state;
	scratch_begin(&scratch);
	packets.seed = 777;
	write_file(scratch_path(&scratch, "taps.pcapng"), packets.seed);
	reader = pcap_open_offline_with_tstamp_precision(
		scratch.path, PCAP_TSTAMP_PRECISION_NANO, message);
	assert_non_null(reader);
	while (pcap_next_ex(reader, &header, &bytes) == 1) {
		packets_next(&packets, count++);
		assert_int_equal(header->caplen, packets.packet.length);
		assert_int_equal(header->len, packets.packet.original_length);
		assert_memory_equal(bytes, packets.bytes, header->caplen);
		assert_int_equal(
			(uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec,
			packets.packet.time_ns);
	}
	assert_int_equal(count, PACKETS);
	pcap_close(reader);
	scratch_end(&scratch, (const char *const[]){"taps.pcapng", NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_got_back),
		cmocka_unit_test(test_others_got_back),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_weirs_reader),
		cmocka_unit_test(test_libpcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
