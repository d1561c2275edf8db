/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/tap.h"

#include <errno.h>
#include <stdio.h>

#include "engine/engine_internal.h"
#include "packet/parse.h"

int tap_stamp_register(const char *name, struct tap_stamp *ret_stamp, struct error *error)
{
	struct rte_mbuf_dynfield field = {.size = sizeof(uint64_t), .align = sizeof(uint64_t)};
	struct rte_mbuf_dynflag flag = {.flags = 0};
	int offset, bit;

	snprintf(field.name, sizeof(field.name), "%s", name);
	snprintf(flag.name, sizeof(flag.name), "%s", name);
	offset = rte_mbuf_dynfield_register(&field);
	bit = rte_mbuf_dynflag_register(&flag);
	if (offset < 0 || bit < 0)
		return error_set(error, ENOMEM, "no room in packet buffers for \"%s\"", name);
	*ret_stamp = (struct tap_stamp){.offset = offset, .flag = RTE_BIT64(bit)};
	return 0;
}

void tap_queues(struct engine *engine, void (*rx)(void *argument, struct rx_queue *queue),
	void (*tx)(void *argument, struct tx_queue *queue), void *argument)
{
	for (uint16_t w = 0; w < engine->worker_count; w++)
		for (uint16_t i = 0; i < engine->workers[w]->poll_count; i++)
			rx(argument, &engine->workers[w]->polls[i].queue);
	for (uint16_t p = 0; p < engine->port_count; p++)
		for (uint16_t q = 0; q < engine->ports[p].tx_queue_count; q++)
			tx(argument, &engine->tx_queues[p][q]);
	for (uint16_t w = 0; w < engine->worker_count; w++)
		for (uint16_t p = 0; p < engine->port_count; p++) {
			struct transmit *transmit = &engine->workers[w]->transmits[p];

			if (transmit_is_own(transmit))
				transmit->queue = engine->tx_queues[p][transmit->queue_index];
		}
}

void tap_flow_key(const struct rte_mbuf *packet, struct flow_key *key)
{
	uint8_t buffer[PARSE_MAX_BYTES];
	uint32_t length = RTE_MIN((uint32_t)PARSE_MAX_BYTES, packet->pkt_len);
	const uint8_t *bytes = rte_pktmbuf_read(packet, 0, length, buffer);

	flow_key_read(bytes != NULL ? bytes : buffer, bytes != NULL ? length : 0, key);
}
