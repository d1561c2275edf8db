/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's packet memory, mapped. Its files are the engine's, who is trusted not to shrink
 * them; each span is contiguous here as it is there, since packets may cross from one file to the
 * next.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs/client/raw.h"

/* Huge pages want addresses that are multiples of them. */
static size_t file_page_bytes(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || status.st_blksize < 4096)
		return 4096;
	return (size_t)status.st_blksize;
}

/* Addresses for all of a span, nothing there yet. */
static int span_reserve(struct client_span *span, uint64_t bytes, size_t page_bytes)
{
	span->map_bytes = bytes + page_bytes;
	span->map = mmap(NULL, span->map_bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (span->map == MAP_FAILED) {
		span->map = NULL;
		return client_fail(errno, "no addresses for %llu bytes of packet memory",
			(unsigned long long)bytes);
	}
	span->base =
		(uint8_t *)(((uintptr_t)span->map + page_bytes - 1) & ~(uintptr_t)(page_bytes - 1));
	span->bytes = bytes;
	return 0;
}

static int part_map(struct client_raw *raw, const struct verbs_get_packets_answer *part, int fd)
{
	int protection = part->writable ? PROT_READ | PROT_WRITE : PROT_READ;
	struct client_span *span;
	int status = 0;

	if (part->span >= CLIENT_SPANS_MAX || part->bytes > part->span_bytes ||
		part->span_offset > part->span_bytes - part->bytes)
		return client_fail(EPROTO, "the engine's packet memory makes no sense");
	span = &raw->spans[part->span];
	if (span->map == NULL)
		status = span_reserve(span, part->span_bytes, file_page_bytes(fd));
	if (status != 0)
		return status;
	if (part->span_bytes != span->bytes)
		return client_fail(EPROTO, "the engine's packet memory makes no sense");
	if (mmap(span->base + part->span_offset, part->bytes, protection, MAP_SHARED | MAP_FIXED,
		    fd, (off_t)part->fd_offset) == MAP_FAILED)
		return client_fail(errno, "the engine's packet memory: %s", strerror(errno));
	if (part->span >= raw->span_count)
		raw->span_count = part->span + 1;
	return 0;
}

static int part_ask(struct client_qp *qp, uint32_t part, union verbs_message *message, int *ret_fd)
{
	int fds[VERBS_FDS_MAX], status;
	unsigned fd_count = 0;

	memset(message, 0, sizeof(*message));
	message->head.type = VERBS_GET_PACKETS;
	message->get_packets.queue = qp->qp.qp_num;
	message->get_packets.part = part;
	status = client_request(qp->qp.device, message, NULL, 0, fds, &fd_count);
	*ret_fd = status == 0 && fd_count > 0 ? fds[0] : -1;
	return status;
}

int client_raw_map(struct client_qp *qp)
{
	struct client_raw *raw = qp->raw;
	union verbs_message message;
	uint32_t parts;
	int fd, status;

	do {
		status = part_ask(qp, raw->part_count, &message, &fd);
		if (status != 0)
			return status;
		raw->mode = message.get_packets_answer.mode;
		parts = message.get_packets_answer.parts;
		if (fd < 0)
			return raw->part_count >= parts
				? 0
				: client_fail(EPROTO, "the engine's packet memory lacks its file");
		status = part_map(raw, &message.get_packets_answer, fd);
		close(fd);
		if (status != 0)
			return status;
		raw->part_count++;
	} while (raw->part_count < parts);
	return 0;
}

void client_raw_unmap(struct client_raw *raw)
{
	for (unsigned s = 0; s < raw->span_count; s++)
		if (raw->spans[s].map != NULL)
			munmap(raw->spans[s].map, raw->spans[s].map_bytes);
	memset(raw->spans, 0, sizeof(raw->spans));
	raw->span_count = 0;
	raw->part_count = 0;
}
