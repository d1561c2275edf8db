/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/application.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "segmentation/super_packet.h"

enum { DELIVER_MAX = 64 };

struct application {
	struct raw_queue *queue; /* atomic; NULL: none is bound. Readers: workers */
	struct rte_mempool *pool;
	struct rfs_consumers *const *consumers; /* NULL: nobody asks */
};

struct application *application_create(const struct config_port *config, struct error *error)
{
	struct application *application = NULL;

	if (super_note_register(error) == 0) {
		application = calloc(1, sizeof(*application));
		if (application == NULL)
			error_set(error, ENOMEM, "port %s: no memory", config->name);
	}
	return application;
}

struct application *application_destroy(struct application *application)
{
	free(application);
	return NULL;
}

void application_set_pool(struct application *application, struct rte_mempool *pool)
{
	application->pool = pool;
}

void application_set_consumers(
	struct application *application, struct rfs_consumers *const *consumers)
{
	application->consumers = consumers;
}

void application_bind(struct application *application, struct raw_queue *queue)
{
	__atomic_store_n(&application->queue, queue, __ATOMIC_RELEASE);
}

void application_unbind(struct application *application)
{
	application_bind(application, NULL);
}

bool application_is_bound(const struct application *application)
{
	return __atomic_load_n(&application->queue, __ATOMIC_ACQUIRE) != NULL;
}

uint16_t application_receive(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct application *application = argument;
	struct raw_queue *queue = __atomic_load_n(&application->queue, __ATOMIC_ACQUIRE);

	if (queue == NULL)
		return 0;
	raw_queue_take_back(queue);
	return raw_queue_has_sent(queue)
		? raw_queue_collect(queue, application->pool, packets, count)
		: 0;
}

uint16_t application_send(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct application *application = argument;
	struct raw_queue *queue = __atomic_load_n(&application->queue, __ATOMIC_ACQUIRE);
	struct rfs_consumers *consumers = NULL;
	uint16_t sent = 0, given;
	uint64_t now_ns;

	if (queue == NULL)
		return 0;
	if (application->consumers != NULL)
		consumers = __atomic_load_n(application->consumers, __ATOMIC_ACQUIRE);
	if (consumers != NULL)
		raw_queue_consumed(queue, consumers, packets, count);
	now_ns = clock_monotonic_ns();
	do {
		given = raw_queue_deliver(queue, packets + sent,
			RTE_MIN((uint16_t)(count - sent), (uint16_t)DELIVER_MAX), now_ns);
		sent += given;
	} while (given > 0 && sent < count);
	return sent;
}
