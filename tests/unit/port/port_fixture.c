/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "base/clock.h"
#include "capture/writer.h"
#include "generate/generate.h"
#include "packet/parse.h"
#include "packet/rewrite.h"

void __wrap_rte_mempool_free(struct rte_mempool *pool);
void __real_rte_mempool_free(struct rte_mempool *pool);

static unsigned missing_buffers;

/* Whoever frees a pool must have got all of its buffers back. */
void __wrap_rte_mempool_free(struct rte_mempool *pool)
{
	if (pool != NULL)
		missing_buffers += pool->size - rte_mempool_avail_count(pool);
	__real_rte_mempool_free(pool);
}

int fixture_group_setup(void **state)
{
	static char words[][24] = {"test", "--no-huge", "--no-shconf", "-m", "192", "--no-pci",
		"--no-telemetry", "-l", "0", "--vdev=net_null0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};

	(void)state;
	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	return rte_eal_init(COUNT, arguments) < 0 ? -1 : 0;
}

int fixture_group_teardown(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

int fixture_setup(void **state)
{
	struct port_fixture *fixture = calloc(1, sizeof(*fixture));
	static unsigned number;
	char name[16];

	*state = fixture;
	if (fixture == NULL)
		return -1;
	missing_buffers = 0;
	strcpy(fixture->directory, "/tmp/weir-port-XXXXXX");
	if (mkdtemp(fixture->directory) == NULL)
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/trace.pcap", fixture->directory);
	fixture->files[0] = fixture->path;
	fixture->config = (struct config_port){
		.kind = PORT_REPLAY,
		.replay = {.files = fixture->files, .speed = {.kind = SPEED_TOP}, .loop = 1},
	};
	/* Pools are called after the port: what one test leaves must not harm the next. */
	snprintf(name, sizeof(name), "trace%u", ++number);
	fixture->config.name = strdup(name);
	fixture->pool = rte_pktmbuf_pool_create(name, POOL_PACKETS, 0, 0,
		REPLAY_SEGMENT_BYTES + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return fixture->pool != NULL ? 0 : -1;
}

static void directory_remove(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory != NULL)
		closedir(directory);
	rmdir(path);
}

int fixture_teardown(void **state)
{
	struct port_fixture *fixture = *state;

	frames_clear(fixture);
	__wrap_rte_mempool_free(fixture->pool);
	directory_remove(fixture->directory);
	free(fixture->config.name);
	free(fixture);
	if (missing_buffers == 0)
		return 0;
	fprintf(stderr, "%u buffers are missing\n", missing_buffers);
	return -1;
}

static void frame_add(
	struct port_fixture *fixture, const uint8_t *bytes, uint32_t length, uint64_t time_ns)
{
	struct test_frame *frame = &fixture->frames[fixture->frame_count++];
	uint32_t random = (uint32_t)rand();

	assert_in_range(fixture->frame_count, 1, FRAMES_MAX);
	*frame = (struct test_frame){time_ns, length, malloc(length)};
	assert_non_null(frame->bytes);
	if (bytes != NULL)
		memcpy(frame->bytes, bytes, length);
	else
		for (uint32_t i = 0; i < length; i++, random = random * 1664525 + 1013904223)
			frame->bytes[i] = (uint8_t)(random >> 24);
}

void frames_add(
	struct port_fixture *fixture, unsigned count, uint32_t length_min, uint32_t length_max)
{
	while (count-- > 0)
		frame_add(fixture, NULL,
			length_min + (uint32_t)rand() % (length_max - length_min + 1),
			1000000 + fixture->frame_count * (uint64_t)GAP_NS);
}

void frames_generate(struct port_fixture *fixture, unsigned count)
{
	const struct config_generate config = {.seed = 7,
		.flows = 20,
		.packets = count,
		.size_min = 60,
		.size_max = 1514,
		.speed = {.kind = SPEED_TOP},
		.ip = GENERATE_MIXED};
	struct generator *generator = generator_create(&config, NULL);
	struct frame frame;

	assert_non_null(generator);
	while (generator_next(generator, &frame) == 1)
		frame_add(fixture, frame.bytes, frame.length,
			1000000 + fixture->frame_count * (uint64_t)GAP_NS);
	generator_destroy(generator);
}

void frames_clear(struct port_fixture *fixture)
{
	while (fixture->frame_count > 0)
		free(fixture->frames[--fixture->frame_count].bytes);
}

void file_write(struct port_fixture *fixture, const char *name)
{
	struct error error = {0};
	struct capture_writer *writer;

	snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->directory, name);
	writer = capture_writer_open(fixture->path, &error);
	assert_non_null(writer);
	for (unsigned i = 0; i < fixture->frame_count; i++) {
		const struct test_frame *frame = &fixture->frames[i];
		struct iovec piece = {frame->bytes, frame->length};

		assert_int_equal(capture_writer_write(writer, frame->time_ns, &piece, 1), 0);
	}
	assert_int_equal(capture_writer_close(writer, &error), 0);
}

long file_length(const struct port_fixture *fixture)
{
	FILE *file = fopen(fixture->path, "rb");
	long length;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	length = ftell(file);
	fclose(file);
	return length;
}

void file_cut(struct port_fixture *fixture, long bytes)
{
	assert_int_equal(truncate(fixture->path, bytes), 0);
}

struct replay *replay_begin(struct port_fixture *fixture)
{
	struct error error = {0};
	struct replay *replay;

	file_write(fixture, "trace.pcap");
	if (replay_plan_make(&fixture->config, UINT64_MAX, &fixture->plan, &error) != 0)
		fail_msg("%s", error.message);
	replay = replay_create(
		&fixture->plan, fixture->pool, SOCKET_ID_ANY, rte_get_tsc_hz(), &error);
	if (replay == NULL)
		fail_msg("%s", error.message);
	return replay;
}

void assert_packet(const struct rte_mbuf *packet, const struct test_frame *frame)
{
	static uint8_t copy[RTE_PKTMBUF_HEADROOM + 300000];
	const void *bytes;

	rte_mbuf_sanity_check(packet, 1);
	assert_int_equal(packet->pkt_len, frame->length);
	bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, copy);
	assert_non_null(bytes);
	assert_memory_equal(bytes, frame->bytes, frame->length);
}

struct test_frame frame_rewritten(const struct test_frame *frame, uint64_t loop)
{
	struct test_frame copy = *frame;
	struct headers headers;

	copy.bytes = malloc(frame->length);
	assert_non_null(copy.bytes);
	memcpy(copy.bytes, frame->bytes, frame->length);
	parse_headers(copy.bytes, copy.length, &headers);
	if (loop > 0)
		rewrite_flow(copy.bytes, copy.length, &headers, loop);
	return copy;
}

unsigned receive(struct replay *replay, struct rte_mbuf **packets, unsigned count)
{
	unsigned received = 0;

	while (received < count && !replay_finished(replay)) {
		unsigned now = replay_receive(replay, &packets[received],
			(uint16_t)(count - received < 32 ? count - received : 32));

		received += now;
		if (now == 0)
			nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
	}
	return received;
}

uint64_t receive_all(struct port_fixture *fixture, struct replay *replay)
{
	struct rte_mbuf *packets[32];
	uint64_t total = 0;
	unsigned count;

	while ((count = receive(replay, packets, 32)) > 0)
		for (unsigned i = 0; i < count; i++, total++) {
			const struct test_frame *frame =
				&fixture->frames[total % fixture->frame_count];

			if (fixture->config.replay.rewrite) {
				struct test_frame expected =
					frame_rewritten(frame, total / fixture->frame_count);

				assert_packet(packets[i], &expected);
				free(expected.bytes);
			} else {
				assert_packet(packets[i], frame);
			}
			rte_pktmbuf_free(packets[i]);
		}
	return total;
}
