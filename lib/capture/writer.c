/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	BUFFER_BYTES = 1 << 20,
	SNAP_BYTES = 262144, /* the most that libpcap reads of one packet */
	PIECES_MAX = 1024,
	LINK_ETHERNET = 1,
};

struct capture_writer {
	uint8_t *buffer; /* BUFFER_BYTES */
	size_t used;
	int fd;
	bool is_pcapng;
	int failure; /* the first errno met; nothing is written after it */
	uint64_t frames_taken;
	uint64_t frames_written; /* of those, wholly handed to the kernel */
	char *name;
};

/* Numbers are written in this machine's byte order, as both formats foresee. */

struct pcap_file_start {
	uint32_t magic;
	uint16_t version_major, version_minor;
	uint32_t reserved[2];
	uint32_t snap_bytes;
	uint32_t link_type;
};
_Static_assert(sizeof(struct pcap_file_start) == 24, "draft-ietf-opsawg-pcap, section 4");

struct pcap_record_start {
	uint32_t seconds, nanoseconds;
	uint32_t length, original_length;
};
_Static_assert(sizeof(struct pcap_record_start) == 16, "draft-ietf-opsawg-pcap, section 5");

struct pcapng_section {
	uint32_t type, total_bytes;
	uint32_t byte_order_magic;
	uint16_t version_major, version_minor;
	uint32_t section_bytes[2]; /* all ones: unknown */
	uint32_t total_bytes_again;
};
_Static_assert(sizeof(struct pcapng_section) == 28, "draft-ietf-opsawg-pcapng, section 4.1");

struct pcapng_interface_start {
	uint32_t type, total_bytes;
	uint16_t link_type, reserved;
	uint32_t snap_bytes;
	uint16_t resolution_code, resolution_bytes;
	uint8_t resolution[4]; /* padded */
	uint16_t end_code, end_bytes;
	uint32_t total_bytes_again;
};
_Static_assert(
	sizeof(struct pcapng_interface_start) == 32, "draft-ietf-opsawg-pcapng, section 4.2");

struct pcapng_packet_start {
	uint32_t type, total_bytes;
	uint32_t interface_index;
	uint32_t time_high, time_low;
	uint32_t length, original_length;
};
_Static_assert(sizeof(struct pcapng_packet_start) == 28, "draft-ietf-opsawg-pcapng, section 4.3");

static void append(struct capture_writer *writer, const void *bytes, size_t length)
{
	memcpy(writer->buffer + writer->used, bytes, length);
	writer->used += length;
}

static void append_file_start(struct capture_writer *writer)
{
	static const struct pcap_file_start pcap = {
		.magic = 0xa1b23c4d, /* nanoseconds */
		.version_major = 2,
		.version_minor = 4,
		.snap_bytes = SNAP_BYTES,
		.link_type = LINK_ETHERNET,
	};
	static const struct pcapng_section section = {
		.type = 0x0a0d0d0a,
		.total_bytes = sizeof(section),
		.byte_order_magic = 0x1a2b3c4d,
		.version_major = 1,
		.section_bytes = {UINT32_MAX, UINT32_MAX},
		.total_bytes_again = sizeof(section),
	};
	static const struct pcapng_interface_start interface = {
		.type = 1,
		.total_bytes = sizeof(interface),
		.link_type = LINK_ETHERNET,
		.snap_bytes = SNAP_BYTES,
		.resolution_code = 9, /* if_tsresol: 10^-9 s */
		.resolution_bytes = 1,
		.resolution = {9},
		.total_bytes_again = sizeof(interface),
	};

	if (!writer->is_pcapng) {
		append(writer, &pcap, sizeof(pcap));
		return;
	}
	append(writer, &section, sizeof(section));
	append(writer, &interface, sizeof(interface));
}

static bool ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), ending_length = strlen(ending);

	return length >= ending_length && strcmp(text + length - ending_length, ending) == 0;
}

static int writer_open_file(struct capture_writer *writer, const char *path)
{
	writer->fd = strcmp(path, "-") == 0
		? dup(STDOUT_FILENO)
		: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return writer->fd < 0 ? -errno : 0;
}

struct capture_writer *capture_writer_open(const char *path, struct error *error)
{
	struct capture_writer *writer = calloc(1, sizeof(*writer));
	int result = -ENOMEM;

	if (writer == NULL)
		goto failed;
	writer->fd = -1;
	writer->is_pcapng = ends_with(path, ".pcapng");
	writer->name = strdup(strcmp(path, "-") == 0 ? "standard output" : path);
	writer->buffer = malloc(BUFFER_BYTES);
	if (writer->name == NULL || writer->buffer == NULL)
		goto failed;
	result = writer_open_file(writer, path);
	if (result < 0)
		goto failed;
	append_file_start(writer);
	return writer;
failed:
	error_set(error, -result, "%s: cannot be written: %s", path, strerror(-result));
	if (writer != NULL) {
		free(writer->buffer);
		free(writer->name);
		free(writer);
	}
	return NULL;
}

int capture_writer_flush(struct capture_writer *writer)
{
	size_t done = 0;

	while (done < writer->used && writer->failure == 0) {
		ssize_t written = write(writer->fd, writer->buffer + done, writer->used - done);

		if (written >= 0)
			done += (size_t)written;
		else if (errno != EINTR)
			writer->failure = errno;
	}
	writer->used = 0;
	if (writer->failure == 0)
		writer->frames_written = writer->frames_taken;
	return -writer->failure;
}

static void append_record_start(
	struct capture_writer *writer, uint64_t time_ns, uint32_t length, uint32_t original_length)
{
	uint32_t total = (uint32_t)sizeof(struct pcapng_packet_start) + ((length + 3) & ~3u) + 4;
	struct pcapng_packet_start enhanced = {
		.type = 6,
		.total_bytes = total,
		.time_high = (uint32_t)(time_ns >> 32),
		.time_low = (uint32_t)time_ns,
		.length = length,
		.original_length = original_length,
	};
	struct pcap_record_start plain = {
		.seconds = (uint32_t)(time_ns / NS_PER_SECOND), /* until the year 2106 */
		.nanoseconds = (uint32_t)(time_ns % NS_PER_SECOND),
		.length = length,
		.original_length = original_length,
	};

	if (writer->is_pcapng)
		append(writer, &enhanced, sizeof(enhanced));
	else
		append(writer, &plain, sizeof(plain));
}

static void append_record_end(struct capture_writer *writer, uint32_t length)
{
	static const uint8_t padding[4];
	uint32_t padded = (length + 3) & ~3u;
	uint32_t total = (uint32_t)sizeof(struct pcapng_packet_start) + padded + 4;

	if (!writer->is_pcapng)
		return;
	append(writer, padding, padded - length);
	append(writer, &total, sizeof(total));
}

int capture_writer_write(
	struct capture_writer *writer, uint64_t time_ns, const struct iovec *pieces, int count)
{
	uint64_t original_length = 0;
	uint32_t length, left;

	if (count < 0 || count > PIECES_MAX)
		return -EINVAL;
	for (int i = 0; i < count; i++)
		original_length += pieces[i].iov_len;
	if (original_length > UINT32_MAX)
		return -EMSGSIZE;
	length = original_length > SNAP_BYTES ? SNAP_BYTES : (uint32_t)original_length;
	if (BUFFER_BYTES - writer->used < length + sizeof(struct pcapng_packet_start) + 8)
		capture_writer_flush(writer);
	if (writer->failure != 0) {
		writer->frames_taken++;
		return -writer->failure;
	}
	append_record_start(writer, time_ns, length, (uint32_t)original_length);
	left = length;
	for (int i = 0; i < count && left > 0; i++) {
		uint32_t part = pieces[i].iov_len < left ? (uint32_t)pieces[i].iov_len : left;

		append(writer, pieces[i].iov_base, part);
		left -= part;
	}
	append_record_end(writer, length);
	writer->frames_taken++;
	return 0;
}

int capture_writer_close(struct capture_writer *writer, struct error *error)
{
	int result = 0;

	if (writer == NULL)
		return 0;
	capture_writer_flush(writer);
	/* Network file systems tell of a full disk only here. */
	if (close(writer->fd) < 0 && errno != EINTR && writer->failure == 0)
		writer->failure = errno;
	if (writer->failure != 0)
		result = error_set(error, writer->failure,
			"%s: %s: %" PRIu64 " of %" PRIu64
			" packets are not known to be in the file",
			writer->name, strerror(writer->failure),
			writer->frames_taken - writer->frames_written, writer->frames_taken);
	free(writer->buffer);
	free(writer->name);
	free(writer);
	return result;
}
