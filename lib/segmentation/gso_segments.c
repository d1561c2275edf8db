/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the segments of a packet that is being cut: of the buffers it has, or of new ones. */
#include <errno.h>

#include "segmentation/gso_parts.h"

/* Buffers taken from the pool, or references to a buffer counted, at a time. */
enum { BUFFERS_AT_A_TIME = 64 };

struct stock {
	struct rte_mempool *pool;
	uint32_t count;
	struct rte_mbuf *buffers[BUFFERS_AT_A_TIME];
};

/* References to the payload buffer, made but not yet added to its count: one atomic operation a
 * buffer and not one a segment. */
struct references {
	struct rte_mbuf *buffer; /* NULL: none */
	uint16_t count;
};

/* The model of the headers fits the next segment. Returns its payload. */
static inline uint32_t next_payload(struct gso_cut *cut)
{
	uint32_t bytes = gso_payload_bytes(cut);

	if (unlikely(bytes != cut->segment_bytes && cut->way != GSO_FRAGMENT))
		gso_headers_fit(cut, bytes);
	return bytes;
}

unsigned gso_unchain(struct gso_cut *cut, struct rte_mbuf *ret_segments[], unsigned room)
{
	unsigned count = RTE_MIN(room, (unsigned)(cut->count - cut->index));

	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *buffer = cut->buffer, *next = buffer->next;
		uint32_t bytes = next_payload(cut), sum = 0;
		uint32_t headroom = buffer->data_off + cut->buffer_offset;
		uint8_t *payload = (uint8_t *)buffer->buf_addr + headroom;

		if (cut->sums_noted)
			sum = super_note(buffer)->payload_sum;
		else if (cut->needs_payload_sum)
			sum = checksum_partial(payload, bytes, 0);
		gso_headers_write(
			cut, payload, headroom, (unsigned)cut->index + 1 == cut->count, sum);
		buffer->data_off = (uint16_t)(headroom - cut->header_bytes);
		buffer->data_len = (uint16_t)(cut->header_bytes + bytes);
		buffer->pkt_len = buffer->data_len;
		buffer->nb_segs = 1;
		buffer->next = NULL;
		/* It came with this buffer: what it was marked with then is still its own. */
		buffer->ol_flags &= ~super_note_flag;
		gso_fields_apply(&cut->fields, buffer);
		ret_segments[i] = buffer;
		cut->packet = cut->buffer = next;
		cut->buffer_offset = 0;
		cut->payload_bytes -= bytes;
		cut->index++;
	}
	return count;
}

static inline struct rte_mbuf *stock_take(struct stock *stock, uint32_t expected)
{
	uint32_t count = RTE_MIN(expected, (uint32_t)BUFFERS_AT_A_TIME);

	if (stock->count == 0) {
		if (rte_mempool_get_bulk(stock->pool, (void **)stock->buffers, count) == 0)
			stock->count = count;
		else if (rte_mempool_get(stock->pool, (void **)stock->buffers) == 0)
			stock->count = 1;
		else
			return NULL;
	}
	return stock->buffers[--stock->count];
}

static void references_add(struct references *references)
{
	struct rte_mbuf *buffer = references->buffer;

	if (references->count == 0)
		return;
	if (RTE_MBUF_HAS_EXTBUF(buffer))
		rte_mbuf_ext_refcnt_update(buffer->shinfo, (int16_t)references->count);
	else
		rte_mbuf_refcnt_update(
			RTE_MBUF_CLONED(buffer) ? rte_mbuf_from_indirect(buffer) : buffer,
			(int16_t)references->count);
	references->count = 0;
}

/* false: the count is near its end. */
static bool references_begin(struct references *references, struct rte_mbuf *buffer)
{
	uint16_t count;

	references_add(references);
	references->buffer = buffer;
	if (RTE_MBUF_HAS_EXTBUF(buffer))
		count = rte_mbuf_ext_refcnt_read(buffer->shinfo);
	else
		count = rte_mbuf_refcnt_read(
			RTE_MBUF_CLONED(buffer) ? rte_mbuf_from_indirect(buffer) : buffer);
	return count < UINT16_MAX - 2 * BUFFERS_AT_A_TIME;
}

/* As rte_pktmbuf_attach(), but for the count of references. */
static inline void refer(struct rte_mbuf *piece, const struct rte_mbuf *buffer)
{
	if (RTE_MBUF_HAS_EXTBUF(buffer)) {
		piece->ol_flags = RTE_MBUF_F_EXTERNAL;
		piece->shinfo = buffer->shinfo;
	} else {
		piece->ol_flags = RTE_MBUF_F_INDIRECT;
		piece->priv_size = buffer->priv_size;
	}
	piece->buf_addr = buffer->buf_addr;
	rte_mbuf_iova_set(piece, rte_mbuf_iova_get(buffer));
	piece->buf_len = buffer->buf_len;
}

/* Appends the next `bytes` of payload to `segment` and adds up their sum. false: no buffer. */
static inline bool append_payload(struct gso_cut *cut, struct stock *stock,
	struct references *references, struct rte_mbuf *segment, uint32_t bytes, uint32_t *ret_sum)
{
	struct rte_mbuf *last = segment, *piece, *buffer;
	uint32_t sum = 0, done = 0, piece_bytes;

	while (done < bytes) {
		buffer = cut->buffer;
		if (cut->buffer_offset >= buffer->data_len) {
			cut->buffer_offset -= buffer->data_len;
			cut->buffer = buffer->next;
			continue;
		}
		if ((references->buffer != buffer || references->count == BUFFERS_AT_A_TIME) &&
			unlikely(!references_begin(references, buffer)))
			return false;
		piece = stock_take(stock, 1 + 2u * (uint32_t)(cut->count - cut->index - 1));
		if (unlikely(piece == NULL))
			return false;
		piece_bytes = RTE_MIN(buffer->data_len - cut->buffer_offset, bytes - done);
		refer(piece, buffer);
		references->count++;
		piece->data_off = (uint16_t)(buffer->data_off + cut->buffer_offset);
		piece->data_len = (uint16_t)piece_bytes;
		piece->pkt_len = piece_bytes;
		last->next = piece;
		last = piece;
		segment->nb_segs++;
		if (cut->sums_noted)
			sum = super_note(buffer)->payload_sum;
		else if (cut->needs_payload_sum)
			sum = checksum_append(sum,
				checksum_partial(
					rte_pktmbuf_mtod(piece, const uint8_t *), piece_bytes, 0),
				done);
		cut->buffer_offset += piece_bytes;
		done += piece_bytes;
	}
	*ret_sum = sum;
	return true;
}

/* Makes the next segment of `segment`, a buffer just taken. false: there are no more. */
static inline bool refer_segment(struct gso_cut *cut, struct stock *stock,
	struct references *references, struct rte_mbuf *segment)
{
	uint32_t header_bytes = cut->header_bytes - (cut->index > 0 ? cut->first_bytes : 0u);
	uint32_t room = RTE_MIN(segment->buf_len, header_bytes + RTE_PKTMBUF_HEADROOM);
	uint32_t bytes = next_payload(cut), sum = 0;
	uint8_t *payload = (uint8_t *)segment->buf_addr + room;

	segment->ol_flags = 0;
	segment->nb_segs = 1;
	segment->data_off = (uint16_t)(room - header_bytes);
	segment->data_len = (uint16_t)header_bytes;
	segment->pkt_len = header_bytes + bytes;
	gso_fields_apply(&cut->fields, segment);
	/* Marks of the whole (a stamp, a time) are those of the first: twice they would be wrong.
	 */
	if (cut->index == 0) {
		segment->ol_flags |= cut->fields.dynamic_flags;
		memcpy(segment->dynfield1, cut->fields.dynamic, sizeof(segment->dynfield1));
	}
	if (unlikely(!append_payload(cut, stock, references, segment, bytes, &sum)))
		return false;
	if (unlikely(cut->way == GSO_FRAGMENT))
		gso_fragment_write(cut, payload, bytes);
	else
		gso_headers_write(cut, payload, room, (unsigned)cut->index + 1 == cut->count, sum);
	cut->payload_bytes -= bytes;
	cut->index++;
	return true;
}

unsigned gso_refer(
	struct gso *gso, struct gso_cut *cut, struct rte_mbuf *ret_segments[], unsigned room)
{
	unsigned count = RTE_MIN(room, (unsigned)(cut->count - cut->index)), made;
	struct references references = {0};
	struct stock stock = {.pool = gso->pool};
	struct rte_mbuf *segment = NULL, *buffer = cut->buffer;
	uint32_t offset = cut->buffer_offset;

	for (made = 0; made < count; made++) {
		buffer = cut->buffer;
		offset = cut->buffer_offset;
		segment = stock_take(&stock, 2 * (count - made));
		if (segment == NULL || !refer_segment(cut, &stock, &references, segment))
			break;
		ret_segments[made] = segment;
	}
	references_add(&references);
	if (made < count) {
		rte_pktmbuf_free(segment);
		cut->buffer = buffer;
		cut->buffer_offset = offset;
	}
	rte_mempool_put_bulk(gso->pool, (void **)stock.buffers, stock.count);
	if (cut->index == cut->count) {
		rte_pktmbuf_free(cut->packet);
		cut->packet = NULL;
	}
	return made;
}
