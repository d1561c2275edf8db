/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/engine_internal.h"
#include "engine/tap.h"

enum { LOG_FIRST = 4096 };

/* One packet at one tap. */
struct verify_entry {
	uint64_t number; /* from 1, in the order of arrival at its rx tap; which is in the top bits
			  */
	uint64_t flow;
	uint64_t tsc;
	uint32_t digest;
};

struct verify_log {
	struct verify_entry *entries;
	uint64_t count, room;
	bool cut;
};

struct verify_tap {
	struct rx_queue rx;
	struct tx_queue tx;
	struct tap_stamp stamp; /* carries an entry's number */
	uint64_t source; /* rx: which tap, in the number's top bits */
	struct verify_log log;
};

enum { SOURCE_SHIFT = 48 };

struct verify {
	unsigned tap_count;
	struct verify_tap *taps; /* rx taps first */
	unsigned rx_count;
	struct tap_stamp stamp;
};

static struct verify_entry *log_add(struct verify_log *log)
{
	if (log->count == log->room) {
		uint64_t room = log->room ? 2 * log->room : LOG_FIRST;
		struct verify_entry *grown = realloc(log->entries, room * sizeof(*grown));

		if (grown == NULL) {
			log->cut = true;
			return NULL;
		}
		log->entries = grown;
		log->room = room;
	}
	return &log->entries[log->count++];
}

/* CRC32C, eight bytes at a time: the CPU's own instruction (SSE4.2, which DPDK demands). */
static uint32_t digest_bytes(uint32_t digest, const uint8_t *bytes, uint32_t length)
{
	uint64_t word, sum = digest;

	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum = __builtin_ia32_crc32di(sum, word);
	}
	for (; length > 0; bytes++, length--)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *bytes);
	return (uint32_t)sum;
}

/* Where the segments' edges lie must not matter: bytes are gathered to whole words. */
static uint32_t packet_digest(const struct rte_mbuf *packet)
{
	uint8_t buffer[2048];
	uint32_t digest = packet->pkt_len;

	if (packet->nb_segs == 1)
		return digest_bytes(
			digest, rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len);
	for (uint32_t done = 0; done < packet->pkt_len;) {
		uint32_t length = RTE_MIN((uint32_t)sizeof(buffer), packet->pkt_len - done);
		const uint8_t *bytes = rte_pktmbuf_read(packet, done, length, buffer);

		if (bytes == NULL)
			break;
		digest = digest_bytes(digest, bytes, length);
		done += length;
	}
	return digest;
}

static uint16_t verify_receive(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct verify_tap *tap = argument;
	uint16_t received = rx_queue_receive(&tap->rx, packets, count);
	uint64_t now = tsc_now();

	for (uint16_t i = 0; i < received; i++) {
		struct verify_entry *entry = log_add(&tap->log);
		struct flow_key key;

		packets[i]->ol_flags &= ~tap->stamp.flag;
		if (entry == NULL)
			continue;
		tap_flow_key(packets[i], &key);
		*entry = (struct verify_entry){
			.number = tap->source << SOURCE_SHIFT | tap->log.count,
			.flow = flow_key_hash(&key),
			.tsc = now,
			.digest = packet_digest(packets[i]),
		};
		tap_stamp_set(&tap->stamp, packets[i], entry->number);
	}
	return received;
}

static uint16_t verify_send(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct verify_tap *tap = argument;
	uint64_t before = tap->log.count, now = tsc_now();
	uint16_t sent;

	/* Looked at before they go, kept in the log if they went. */
	for (uint16_t i = 0; i < count; i++) {
		struct verify_entry *entry = log_add(&tap->log);

		if (entry != NULL)
			*entry = (struct verify_entry){
				.number = tap_stamp_get(&tap->stamp, packets[i], 0),
				.tsc = now,
				.digest = packet_digest(packets[i]),
			};
	}
	sent = tx_queue_send(&tap->tx, packets, count);
	if (tap->log.count > before + sent)
		tap->log.count = before + sent;
	return sent;
}

/* ---- on ---- */

static void tap_rx(void *argument, struct rx_queue *queue)
{
	struct verify *verify = argument;
	struct verify_tap *tap = &verify->taps[verify->tap_count];

	tap->source = verify->tap_count++;
	verify->rx_count = verify->tap_count;
	tap->stamp = verify->stamp;
	tap->rx = *queue;
	*queue = (struct rx_queue){.receive = verify_receive, .argument = tap};
}

static void tap_tx(void *argument, struct tx_queue *queue)
{
	struct verify *verify = argument;
	struct verify_tap *tap = &verify->taps[verify->tap_count++];

	tap->stamp = verify->stamp;
	tap->tx = *queue;
	*queue = (struct tx_queue){.send = verify_send, .argument = tap};
}

int engine_verify_on(struct engine *engine, struct error *error)
{
	struct verify *verify = calloc(1, sizeof(*verify));

	if (verify != NULL)
		verify->taps = calloc(
			engine_rx_count(engine) + engine_tx_count(engine), sizeof(*verify->taps));
	if (verify == NULL || verify->taps == NULL) {
		verify_destroy(verify);
		return error_set(error, ENOMEM, "no memory to verify by");
	}
	if (tap_stamp_register("weir_verify_number", &verify->stamp, error) != 0) {
		verify_destroy(verify);
		return -ENOMEM;
	}
	tap_queues(engine, tap_rx, tap_tx, verify);
	engine->verify = verify;
	return 0;
}

void verify_destroy(struct verify *verify)
{
	if (verify == NULL)
		return;
	for (unsigned i = 0; i < verify->tap_count; i++)
		free(verify->taps[i].log.entries);
	free(verify->taps);
	free(verify);
}

/* ---- the comparison ---- */

static const struct verify_entry *entry_in(const struct verify *verify, uint64_t number)
{
	uint64_t source = number >> SOURCE_SHIFT;
	uint64_t index = number & ((1ull << SOURCE_SHIFT) - 1);

	if (source >= verify->rx_count || index == 0 || index > verify->taps[source].log.count)
		return NULL;
	return &verify->taps[source].log.entries[index - 1];
}

static int compare_number(const void *a, const void *b)
{
	const struct verify_entry *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static inline uint64_t entry_source(const struct verify_entry *entry)
{
	return entry->number >> SOURCE_SHIFT;
}

/* By flow and where it was received, and in each flow in the order of departure. */
static int compare_departure(const void *a, const void *b)
{
	const struct verify_entry *x = a, *y = b;

	if (x->flow != y->flow)
		return x->flow < y->flow ? -1 : 1;
	if (entry_source(x) != entry_source(y))
		return entry_source(x) < entry_source(y) ? -1 : 1;
	if (x->tsc != y->tsc)
		return x->tsc < y->tsc ? -1 : 1;
	/* The same burst: its packets left in the order of the log, which qsort does not keep. */
	return (x->digest > y->digest) - (x->digest < y->digest);
}

/* All departures in one list, each with its flow; `digest` becomes its place in its log. */
static struct verify_entry *gather(const struct verify *verify, struct verify_result *result)
{
	struct verify_entry *all;
	uint64_t total = 0;

	for (unsigned i = 0; i < verify->tap_count; i++) {
		result->complete &= !verify->taps[i].log.cut;
		if (i < verify->rx_count)
			result->in += verify->taps[i].log.count;
		else
			total += verify->taps[i].log.count;
	}
	all = malloc((total ? total : 1) * sizeof(*all));
	if (all == NULL)
		return NULL;
	for (unsigned i = verify->rx_count; i < verify->tap_count; i++)
		for (uint64_t k = 0; k < verify->taps[i].log.count; k++) {
			struct verify_entry entry = verify->taps[i].log.entries[k];
			const struct verify_entry *in = entry_in(verify, entry.number);

			if (in == NULL) {
				result->unknown++;
				continue;
			}
			result->changed += entry.digest != in->digest;
			entry.flow = in->flow;
			entry.digest = (uint32_t)k;
			all[result->out++] = entry;
		}
	return all;
}

static void check_order(const struct verify_entry *all, struct verify_result *result)
{
	uint64_t newest = 0;

	for (uint64_t i = 0; i < result->out; i++) {
		bool new_flow = i == 0 || all[i].flow != all[i - 1].flow;

		result->flows += new_flow;
		/* What two queues received has no order between them. */
		if (new_flow || entry_source(&all[i]) != entry_source(&all[i - 1]))
			newest = 0;
		if (all[i].number < newest)
			result->reordered++;
		else
			newest = all[i].number;
	}
}

static void check_gaps(const struct verify *verify, const struct verify_entry *all, uint64_t tsc_hz,
	struct verify_result *result)
{
	for (uint64_t i = 1; i < result->out; i++) {
		int64_t departed = (int64_t)(all[i].tsc - all[i - 1].tsc);
		int64_t arrived, error;

		if (all[i].number == all[i - 1].number)
			result->duplicated++;
		if (all[i].number != all[i - 1].number + 1)
			continue;
		arrived = (int64_t)(entry_in(verify, all[i].number)->tsc -
			entry_in(verify, all[i - 1].number)->tsc);
		error = departed - arrived;
		histogram_record(&result->gap_error_ns,
			tsc_to_ns((uint64_t)(error < 0 ? -error : error), tsc_hz), 1);
	}
}

int engine_verify_result(const struct engine *engine, struct verify_result *result)
{
	struct verify_entry *all;

	memset(result, 0, sizeof(*result));
	result->complete = true;
	all = gather(engine->verify, result);
	if (all == NULL)
		return -ENOMEM;
	qsort(all, result->out, sizeof(*all), compare_departure);
	check_order(all, result);
	qsort(all, result->out, sizeof(*all), compare_number);
	check_gaps(engine->verify, all, engine->tsc_hz, result);
	result->lost = result->in - (result->out - result->duplicated);
	free(all);
	return 0;
}
