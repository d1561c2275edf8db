/* SPDX-License-Identifier: BSD-3-Clause */
/* weir capture: packets of a running engine at points of their path, into files or on the screen.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"
#include "capture/file_ring.h"
#include "capture/pcapng_writer.h"
#include "capture_client.h"
#include "command.h"
#include "control/control.h"
#include "packet_line.h"

enum { POINTS_MAX = 24, FILTER_MAX = 4096, FILES_MAX = 1000000 };
enum { MILLION = 1000000 };

static const char *at = "rx", *out_file, *packets, *snap, *file_size, *files, *socket_path;

static const struct option options[] = {
	{"at", 'a', OPTION_STRING, &at, "POINTS",
		"Where: rx (default), steered, gro, stage0, stage1, ... or a stage's type, gso, "
		"tx, "
		"drop; several with commas between"},
	{"write", 'w', OPTION_STRING, &out_file, "FILE",
		"Writes pcapng, an interface for each point; -: to standard output. Without: a "
		"line "
		"a packet"},
	{"count", 'c', OPTION_STRING, &packets, "N", "Ends after N packets"},
	{"snapshot-length", 's', OPTION_STRING, &snap, "BYTES", "So much of each packet at most"},
	{"file-size", 'C', OPTION_STRING, &file_size, "SIZE",
		"A new file when one would get larger: millions of bytes, or with a unit such as "
		"64MiB"},
	{"files", 'W', OPTION_STRING, &files, "N",
		"With -C: N files at most, the oldest is overwritten"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Control socket of the engine"},
	{.name = NULL},
};

/* What came so far. */
struct taken {
	unsigned point_count;
	struct pcapng_interface_info points[POINTS_MAX];
	struct pcapng_statistics statistics[POINTS_MAX];
	bool told; /* there are statistics */
	uint64_t packets;
	struct file_ring *files; /* NULL: lines */
};

/* ---- a line a packet ---- */

static void time_text(uint64_t time_ns, char *text, size_t size)
{
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND);
	struct tm local;
	size_t length;

	localtime_r(&seconds, &local);
	length = strftime(text, size, "%H:%M:%S", &local);
	snprintf(text + length, size - length, ".%09" PRIu64, (uint64_t)(time_ns % NS_PER_SECOND));
}

static void print_packet(const struct taken *taken, const struct pcapng_packet *packet)
{
	char line[PACKET_LINE_MAX], when[32];

	time_text(packet->time_ns, when, sizeof(when));
	packet_line(packet->bytes, packet->length, packet->original_length, line, sizeof(line));
	printf("%s %-8s %s [%.*s]\n", when, taken->points[packet->interface].name, line,
		(int)packet->comment_length, packet->comment ? packet->comment : "");
}

/* ---- blocks ---- */

static int take_packet(struct taken *taken, const uint8_t *block, size_t length)
{
	struct pcapng_packet packet;

	if (!pcapng_get_packet(block, &packet) || packet.interface >= taken->point_count)
		return -EPROTO;
	taken->packets++;
	if (taken->files != NULL)
		return file_ring_write(taken->files, block, length);
	print_packet(taken, &packet);
	return 0;
}

static int take_statistics(struct taken *taken, const uint8_t *block, size_t length)
{
	struct pcapng_statistics statistics;

	if (!pcapng_get_statistics(block, &statistics) ||
		statistics.interface >= taken->point_count)
		return -EPROTO;
	taken->statistics[statistics.interface] = statistics;
	taken->told = true;
	/* Also after a failure, which it then tells again. */
	return taken->files != NULL ? file_ring_write(taken->files, block, length) : 0;
}

static int take_block(struct taken *taken, const uint8_t *block, size_t length)
{
	switch (pcapng_block_type(block)) {
	case PCAPNG_PACKET: return take_packet(taken, block, length);
	case PCAPNG_STATISTICS: return take_statistics(taken, block, length);
	case PCAPNG_INTERFACE:
		if (taken->point_count == POINTS_MAX ||
			!pcapng_get_interface(block, &taken->points[taken->point_count]))
			return -EPROTO;
		taken->point_count++;
		break;
	default: break;
	}
	return taken->files != NULL ? file_ring_begin(taken->files, block, length) : 0;
}

/* What is shown, is shown at once. */
static int show(struct taken *taken)
{
	if (taken->files != NULL)
		return file_ring_flush(taken->files);
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int take_all(struct capture_client *client, struct taken *taken, struct error *error)
{
	const uint8_t *block;
	size_t length;
	int rc, output = 0;

	while ((rc = capture_client_next(client, -1, &block, &length, error)) != 0) {
		if (rc == -EAGAIN)
			continue;
		if (rc < 0)
			return rc;
		/* A disk that is full ends the capture; what still comes is for the account. */
		if (output == 0 || pcapng_block_type(block) == PCAPNG_STATISTICS)
			output = take_block(taken, block, length);
		if (output == -EPROTO)
			return error_set(
				error, EPROTO, "what the engine sends is no capture of weir's");
		if (output == 0 && capture_client_idle(client))
			output = show(taken);
		if (output != 0)
			capture_client_end(client);
	}
	return 0;
}

/* As tcpdump, on standard error; and by point. */
static void print_totals(const struct taken *taken)
{
	fprintf(stderr, "%" PRIu64 " packets captured\n", taken->packets);
	if (!taken->told) {
		fprintf(stderr, "the engine left before it told what was lost\n");
		return;
	}
	fprintf(stderr, "%-12s %12s %12s %12s %12s\n", "point", "passed", "filtered", "captured",
		"lost");
	for (unsigned i = 0; i < taken->point_count; i++) {
		const struct pcapng_statistics *point = &taken->statistics[i];

		fprintf(stderr, "%-12s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n",
			taken->points[i].name, point->received, point->received - point->accepted,
			point->delivered, point->lost);
	}
}

/* ---- what is asked ---- */

static json_t *request_make(int argc, char **argv)
{
	char filter[FILTER_MAX] = "";
	size_t used = 0;
	json_t *wish = json_pack("{s:s}", "at", at);

	for (int i = 0; i < argc && used < sizeof(filter); i++)
		used += (size_t)snprintf(
			filter + used, sizeof(filter) - used, "%s%s", i > 0 ? " " : "", argv[i]);
	if (wish == NULL || used >= sizeof(filter)) {
		json_decref(wish);
		return NULL;
	}
	if (filter[0] != '\0')
		json_object_set_new(wish, "filter", json_string(filter));
	if (packets != NULL)
		json_object_set_new(wish, "packets", json_string(packets));
	if (snap != NULL)
		json_object_set_new(wish, "snap", json_string(snap));
	return wish;
}

struct size_limits {
	uint64_t file_bytes;
	uint32_t files;
};

static int sizes_parse(struct size_limits *limits)
{
	uint64_t count = 0;
	char *end;

	if (file_size != NULL) {
		uint64_t millions = strtoull(file_size, &end, 10);

		if (*end == '\0' && end != file_size && millions > 0 && millions < UINT32_MAX)
			limits->file_bytes = millions * MILLION;
		else if (units_parse_bytes(file_size, &limits->file_bytes) != 0 ||
			limits->file_bytes == 0)
			return command_usage_error(&command_capture,
				"--file-size: \"%s\" is no size; write 100 (millions of bytes) or "
				"64MiB",
				file_size);
	}
	if (files != NULL &&
		(units_parse_count(files, &count) != 0 || count == 0 || count > FILES_MAX))
		return command_usage_error(
			&command_capture, "--files: \"%s\" is no number of files", files);
	if (files != NULL && file_size == NULL)
		return command_usage_error(&command_capture, "--files goes with --file-size");
	if (file_size != NULL && out_file == NULL)
		return command_usage_error(&command_capture, "--file-size goes with --write");
	limits->files = (uint32_t)count;
	return EXIT_OK;
}

static int failed(int rc, const struct error *error)
{
	fprintf(stderr, "weir capture: %s\n", error->message);
	/* What an engine refuses is what the user asked for. */
	return rc == -EREMOTEIO ? EXIT_USAGE : EXIT_FAILED;
}

/* What a file says already is lost only once the engine agreed. */
static int capture(json_t *wish, struct taken *taken, const struct size_limits *limits)
{
	struct capture_client client;
	struct error error = {0};
	int rc = capture_client_open(&client, socket_path, wish, &error), closed;

	if (rc != 0)
		return failed(rc, &error);
	if (out_file != NULL) {
		taken->files = file_ring_open(out_file, limits->file_bytes, limits->files, &error);
		if (taken->files == NULL)
			rc = -error.code;
	}
	if (rc == 0) {
		rc = take_all(&client, taken, &error);
		print_totals(taken);
	}
	capture_client_close(&client);
	closed = file_ring_close(taken->files, rc == 0 ? &error : NULL);
	return rc != 0 || closed != 0 ? failed(rc, &error) : EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct size_limits limits = {0};
	struct taken taken = {0};
	char default_path[128];
	json_t *wish;
	int result = sizes_parse(&limits);

	if (result != EXIT_OK)
		return result;
	if (socket_path == NULL) {
		control_default_path(default_path, sizeof(default_path));
		socket_path = default_path;
	}
	wish = request_make(argc, argv);
	if (wish == NULL)
		return command_usage_error(&command_capture, "the filter is too long, or no UTF-8");
	return capture(wish, &taken, &limits);
}

const struct command command_capture = {
	.name = "capture",
	.arguments = "[FILTER]",
	.summary = "Captures packets of a running engine at points of their path",
	.description =
		"One capture may be at several points: each is an interface of the pcapng, and "
		"each packet has a comment with its worker, queue, flow hash, segments and, at "
		"drop, the reason. FILTER is in the syntax of pcap-filter(7). The files are "
		"yours: the engine hands packets over as fast as they are taken, and what does "
		"not fit is lost to the capture, counted and told at the end; traffic never "
		"waits. Ends with SIGINT, or after --count packets.\n\n"
		"With -C and no -W, files are FILE, FILE1, FILE2, ...; with -W FILE0, FILE1, ....",
	.examples = "  weir capture --at rx,gro -w f.pcapng 'tcp port 21'\n"
		    "  weir capture --at drop\n"
		    "  weir capture --at gso,tx -s 96 -w - | tshark -r -\n"
		    "  weir capture --at tx -w ring.pcapng -C 100 -W 10\n",
	.options = options,
	.run = run,
};
