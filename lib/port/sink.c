/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/sink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "capture/writer.h"

enum { SINK_SEGMENTS_MAX = 1024 };

struct sink {
	struct capture_writer *writer;
	bool mirrors; /* false: the file is the port */
	struct tx_queue next;
	uint64_t start_tsc, start_ns, tsc_hz;
	uint64_t lost; /* writer: the worker; reader: any thread */
};

struct sink *sink_create(const char *path, uint64_t tsc_hz, struct error *error)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (sink == NULL) {
		error_set(error, ENOMEM, "no memory to write %s", path);
		return NULL;
	}
	sink->writer = capture_writer_open(path, error);
	if (sink->writer == NULL) {
		free(sink);
		return NULL;
	}
	sink->tsc_hz = tsc_hz;
	sink->start_tsc = tsc_now();
	sink->start_ns = clock_wall_ns();
	return sink;
}

void sink_set_next(struct sink *sink, struct tx_queue next)
{
	sink->next = next;
	sink->mirrors = true;
}

static void sink_write(struct sink *sink, const struct rte_mbuf *packet, uint64_t time_ns)
{
	struct iovec pieces[SINK_SEGMENTS_MAX];
	int count = 0;

	if (packet->nb_segs <= SINK_SEGMENTS_MAX) {
		for (const struct rte_mbuf *m = packet; m != NULL; m = m->next) {
			pieces[count].iov_base = rte_pktmbuf_mtod(m, void *);
			pieces[count].iov_len = m->data_len;
			count++;
		}
	}
	if (count == 0 || capture_writer_write(sink->writer, time_ns, pieces, count) != 0)
		__atomic_store_n(&sink->lost, sink->lost + 1, __ATOMIC_RELAXED);
}

uint16_t sink_send(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct sink *sink = argument;
	uint64_t time_ns = sink->start_ns + tsc_to_ns(tsc_now() - sink->start_tsc, sink->tsc_hz);
	uint16_t sent = count;

	if (sink->mirrors) {
		/* The driver may free what it takes: a reference of our own keeps the bytes until
		 * they are written, and only what it took is written. */
		for (uint16_t i = 0; i < count; i++)
			rte_pktmbuf_refcnt_update(packets[i], 1);
		sent = tx_queue_send(&sink->next, packets, count);
		for (uint16_t i = sent; i < count; i++)
			rte_pktmbuf_refcnt_update(packets[i], -1);
	}
	for (uint16_t i = 0; i < sent; i++)
		sink_write(sink, packets[i], time_ns);
	rte_pktmbuf_free_bulk(packets, sent);
	return sent;
}

uint64_t sink_lost(const struct sink *sink)
{
	return __atomic_load_n(&sink->lost, __ATOMIC_RELAXED);
}

int sink_destroy(struct sink *sink, struct error *error)
{
	int result;

	if (sink == NULL)
		return 0;
	result = capture_writer_close(sink->writer, error);
	if (result != 0 && error != NULL)
		error_prefix(error, "%llu packets that left are not in the file",
			(unsigned long long)sink->lost);
	free(sink);
	return result;
}
